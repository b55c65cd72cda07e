//! differential dataflow, on one worker in this thread.
//!
//! Its programs are those of its own examples: edges are arranged once; loops are turned so that the arrangement that
//! `reduce` makes is the one that is joined; labels of components come in by rounds, the least first; nodes are `u32`,
//! multiplicities `isize`. After a batch the worker steps until the probe has passed it.

use std::cell::RefCell;
use std::rc::Rc;

use differential_dataflow::algorithms::graphs::propagate::propagate_at;
use differential_dataflow::input::InputSession;
use differential_dataflow::operators::CountTotal;
use differential_dataflow::operators::iterate::Variable;
use differential_dataflow::trace::implementations::{KeyBuilder, KeySpine};
use differential_dataflow::{AsCollection, Data, VecCollection};
use timely::dataflow::Scope;
use timely::dataflow::operators::ToStream;
use timely::dataflow::operators::probe::Handle;
use timely::order::Product;
use timely::worker::Worker;

use super::{Keeps, Maintained};
use crate::changes::graph::{Edge, Node, ROOT};
use crate::changes::keyed::{Key, Row};
use crate::changes::play::Played;
use crate::changes::script::{Answer, Change, Script};

/// differential dataflow.
pub(super) struct Differential;

/// The number of a batch.
type Time = u32;

impl Keeps for Differential {
    fn reachability(&self, script: &'static Script<Edge>) -> Played {
        timely::execute_directly(move |worker| {
            let (mut edges, output) = (InputSession::new(), Output::default());
            worker.dataflow(|scope| {
                let nodes = reached(edges.to_collection(scope), fixed(scope, [ROOT]));
                output.keep(nodes, |answer, &node, diff| answer.enter_node(node, diff));
            });
            script.play(&mut Dataflow { worker, input: edges, output, time: 0 })
        })
    }

    fn components(&self, script: &'static Script<Edge>) -> Played {
        timely::execute_directly(move |worker| {
            let (mut edges, output) = (InputSession::new(), Output::default());
            worker.dataflow(|scope| {
                let edges: VecCollection<'_, Time, Edge> = edges.to_collection(scope);
                let either_way = edges.clone().map(|(from, to)| (to, from)).concat(edges);
                let nodes = fixed(scope, (0..script.nodes).map(|node| (node, node)));
                let labels = propagate_at(either_way, nodes, |&label| u64::from(label));
                output.keep(labels, |answer, &(node, label), diff| answer.enter_label(node, label, diff));
            });
            script.play(&mut Dataflow { worker, input: edges, output, time: 0 })
        })
    }

    fn joined_counts(&self, script: &'static Script<Row>) -> Played {
        timely::execute_directly(move |worker| {
            let (mut rows, output) = (Rows::new(), Output::default());
            worker.dataflow(|scope| {
                let joined = rows.joined.to_collection(scope).arrange_by_key();
                let counts = rows.counted.to_collection(scope).map(|(key, _)| key).count_total();
                let pairs = counts.join_core(joined, |&key, &count, &value| Some((key, count, value)));
                output.keep(pairs, |answer, &(key, count, value), diff| {
                    answer.enter_joined(key, count as i64, value, diff);
                });
            });
            script.play(&mut Dataflow { worker, input: rows, output, time: 0 })
        })
    }
}

/// What can be reached along edges from roots, these included: `propagate_core`'s loop, without labels.
fn reached<'scope>(
    edges: VecCollection<'scope, Time, Edge>,
    roots: VecCollection<'scope, Time, Node>,
) -> VecCollection<'scope, Time, Node> {
    let outer = roots.scope();
    let edges = edges.arrange_by_key();
    outer.scoped::<Product<Time, u32>, _, _>("Reached", |scope| {
        let (edges, roots) = (edges.enter(scope), roots.enter(scope));
        let (variable, proposed) = Variable::new(scope, Product::new(0, 1));
        let reached = proposed
            .concat(roots)
            .arrange_by_self()
            .reduce_abelian::<_, KeyBuilder<_, _, _>, KeySpine<_, _, _>, _, _>(
                "Distinct",
                |_, _, output| output.push(((), 1_isize)),
                |buffer, &node, updates| {
                    buffer.clear();
                    buffer.extend(updates.drain(..).map(|((), time, diff)| ((node, ()), time, diff)));
                },
            );
        variable.set(reached.clone().join_core(edges, |_, (), &to| Some(to)));
        reached.as_collection(|&node, ()| node).leave(outer)
    })
}

/// Rows that are there from the first time on. They come in as the worker steps.
fn fixed<'scope, R: Data>(
    scope: Scope<'scope, Time>,
    rows: impl IntoIterator<Item = R> + 'static,
) -> VecCollection<'scope, Time, R> {
    rows.into_iter().map(|row| (row, 0, 1)).to_stream(scope).as_collection()
}

/// A program, and what has come of it.
struct Dataflow<'a, I> {
    worker: &'a mut Worker,
    input: I,
    output: Output,
    time: Time,
}

impl<R: Copy, I: Input<R>> Maintained<R> for Dataflow<'_, I> {
    fn take(&mut self, batch: &[Change<R>]) {
        batch.iter().for_each(|&(row, diff)| self.input.update(row, diff as isize));
    }

    fn settle(&mut self) {
        self.time += 1;
        self.input.advance(self.time);
        self.worker.step_while(|| self.output.probe.less_than(&self.time));
    }

    fn answer(&self) -> Answer {
        *self.output.answer.borrow()
    }
}

/// Where rows go in.
trait Input<R> {
    fn update(&mut self, row: R, diff: isize);

    fn advance(&mut self, time: Time);
}

impl<R: Data> Input<R> for InputSession<Time, R, isize> {
    fn update(&mut self, row: R, diff: isize) {
        InputSession::update(self, row, diff);
    }

    fn advance(&mut self, time: Time) {
        self.advance_to(time);
        self.flush();
    }
}

/// The two collections that are joined.
struct Rows {
    counted: InputSession<Time, (Key, u32), isize>,
    joined: InputSession<Time, (Key, u32), isize>,
}

impl Rows {
    fn new() -> Self {
        Rows { counted: InputSession::new(), joined: InputSession::new() }
    }
}

impl Input<Row> for Rows {
    fn update(&mut self, row: Row, diff: isize) {
        match row {
            Row::Counted(key, value) => self.counted.update((key, value), diff),
            Row::Joined(key, value) => self.joined.update((key, value), diff),
        }
    }

    fn advance(&mut self, time: Time) {
        Input::advance(&mut self.counted, time);
        Input::advance(&mut self.joined, time);
    }
}

/// How far a program has come, and what its rows come to.
#[derive(Default)]
struct Output {
    probe: Handle<Time>,
    answer: Rc<RefCell<Answer>>,
}

impl Output {
    fn keep<R: Data>(
        &self,
        rows: VecCollection<'_, Time, R>,
        enter: impl Fn(&mut Answer, &R, i64) + 'static,
    ) {
        let answer = Rc::clone(&self.answer);
        rows.inspect(move |(row, _, diff)| enter(&mut answer.borrow_mut(), row, *diff as i64))
            .probe_with(&self.probe);
    }
}
