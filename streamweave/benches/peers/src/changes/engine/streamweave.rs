//! StreamWeave: a named graph, driven by hand in this thread.
//!
//! The graph runs as a task of a runtime of one thread; a batch goes into its inputs, and the changes of its output come out until
//! the time of the batch is closed.

use streamweave::executor::{Receiver, Running, Sender};
use streamweave::graph::Report;
use streamweave::prelude::*;
use tokio::runtime::Runtime;

use super::{Keeps, Maintained};
use crate::changes::graph::{Edge, Node, ROOT};
use crate::changes::keyed::{Key, Row};
use crate::changes::play::Played;
use crate::changes::script::{Answer, Change, Script};

/// StreamWeave.
pub(super) struct StreamWeave;

graph! {
    graph reached(edges: Update<Edge, LogicalTime, i64>, roots: Update<Node, LogicalTime, i64>) -> (nodes: Update<Node, LogicalTime, i64>) {
        iterate reach {
            var node: Node = roots;
            step = differential::join_map(|_, next: &Node, ()| *next);
            edges -> map(|(from, to)| Keyed { key: from, value: to }) -> step.left;
            node -> map(|node| Keyed { key: node, value: () }) -> step.right;
            [roots, step] -> differential::distinct() -> node;
        }
        reach.node -> nodes;
    }
}

graph! {
    graph connected(edges: Update<Edge, LogicalTime, i64>, labels: Update<Keyed<Node, Node>, LogicalTime, i64>) -> (labelled: Update<Keyed<Node, Node>, LogicalTime, i64>) {
        iterate connect {
            var label: Keyed<Node, Node>;
            // The least labels come in first, so that most nodes see the one that they end with before any other.
            own  = differential::from_round(|own: &Keyed<Node, Node>| 256 * (u32::BITS - own.value.leading_zeros()));
            step = differential::join_map(|_, next: &Node, label: &Node| Keyed { key: *next, value: *label });
            edges -> flat_map(|(from, to)| [Keyed { key: from, value: to }, Keyed { key: to, value: from }]) -> step.left;
            label -> step.right;
            labels -> own;
            [own, step] -> differential::min() -> label;
        }
        connect.label -> labelled;
    }
}

graph! {
    graph joined(counted: Update<(Key, u32), LogicalTime, i64>, joined: Update<(Key, u32), LogicalTime, i64>) -> (pairs: Update<(Key, u64, u32), LogicalTime, i64>) {
        pair = differential::join_map(|key: &Key, count: &u64, value: &u32| (*key, *count, *value));
        counted -> map(|(key, value)| Keyed { key, value }) -> differential::count() -> pair.left;
        joined -> map(|(key, value)| Keyed { key, value }) -> pair.right;
        pair -> pairs;
    }
}

impl Keeps for StreamWeave {
    fn reachability(&self, script: &'static Script<Edge>) -> Played {
        let (graph, inputs, outputs) = reached::open();
        let run = Run::new(|| graph.spawn());
        run.load(inputs.roots, [ROOT]);
        let enter = |answer: &mut Answer, node, diff| answer.enter_node(node, diff);
        script.play(&mut run.kept(inputs.edges, outputs.nodes, enter))
    }

    fn components(&self, script: &'static Script<Edge>) -> Played {
        let (graph, inputs, outputs) = connected::open();
        let run = Run::new(|| graph.spawn());
        run.load(inputs.labels, (0..script.nodes).map(|node| Keyed { key: node, value: node }));
        let enter = |answer: &mut Answer, label: Keyed<Node, Node>, diff| {
            answer.enter_label(label.key, label.value, diff);
        };
        script.play(&mut run.kept(inputs.edges, outputs.labelled, enter))
    }

    fn joined_counts(&self, script: &'static Script<Row>) -> Played {
        let (graph, inputs, outputs) = joined::open();
        let run = Run::new(|| graph.spawn());
        let enter = |answer: &mut Answer, (key, count, value): (Key, u64, u32), diff| {
            answer.enter_joined(key, count as i64, value, diff);
        };
        script.play(&mut run.kept((inputs.counted, inputs.joined), outputs.pairs, enter))
    }
}

/// The input of rows of type `D`.
type Rows<D> = Sender<D, LogicalTime, i64>;

/// A graph under way, and the runtime of one thread in which it is.
struct Run {
    runtime: Runtime,
    _running: Running<Report>,
}

impl Run {
    fn new(spawn: impl FnOnce() -> Running<Report>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime of one thread");
        let entered = runtime.enter();
        let running = spawn();
        drop(entered);
        Run { runtime, _running: running }
    }

    /// Puts in what is there from the first time on, and nothing after it.
    fn load<D>(&self, input: Rows<D>, rows: impl IntoIterator<Item = D>) {
        let rows = rows.into_iter().map(|data| Update { data, time: LogicalTime(0), diff: 1 });
        self.runtime.block_on(input.updates(rows)).unwrap_or_else(|_| panic!("the graph goes on"));
    }

    fn kept<I, D, F>(self, input: I, output: Receiver<D, LogicalTime, i64>, enter: F) -> Kept<I, D, F> {
        Kept { run: self, input, output, enter, answer: Answer::default(), time: LogicalTime(0) }
    }
}

/// A graph under way, its ends, and what has come of it.
struct Kept<I, D, F> {
    run: Run,
    input: I,
    output: Receiver<D, LogicalTime, i64>,
    enter: F,
    answer: Answer,
    time: LogicalTime,
}

impl<R: Copy, I: Feed<R>, D, F: FnMut(&mut Answer, D, i64)> Maintained<R> for Kept<I, D, F> {
    fn take(&mut self, batch: &[Change<R>]) {
        self.run.runtime.block_on(self.input.feed(batch, self.time));
    }

    fn settle(&mut self) {
        let (time, next) = (self.time, LogicalTime(self.time.0 + 1));
        let Kept { run, input, output, enter, answer, .. } = self;
        run.runtime.block_on(async {
            input.advance(next).await;
            for row in output.closed(&time).await {
                enter(answer, row.data, row.diff);
            }
        });
        self.time = next;
    }

    fn answer(&self) -> Answer {
        self.answer
    }
}

/// Where rows go in.
trait Feed<R> {
    async fn feed(&self, batch: &[Change<R>], time: LogicalTime);

    async fn advance(&self, time: LogicalTime);
}

impl Feed<Edge> for Rows<Edge> {
    async fn feed(&self, batch: &[Change<Edge>], time: LogicalTime) {
        let rows = batch.iter().map(|&(data, diff)| Update { data, time, diff });
        self.updates(rows).await.unwrap_or_else(|_| panic!("the graph goes on"));
    }

    async fn advance(&self, time: LogicalTime) {
        self.advance_to(time).await.unwrap_or_else(|_| panic!("the graph goes on"));
    }
}

impl Feed<Row> for (Rows<(Key, u32)>, Rows<(Key, u32)>) {
    async fn feed(&self, batch: &[Change<Row>], time: LogicalTime) {
        let update = |key, value, diff| Update { data: (key, value), time, diff };
        let counted = batch.iter().filter_map(|&(row, diff)| match row {
            Row::Counted(key, value) => Some(update(key, value, diff)),
            Row::Joined(..) => None,
        });
        self.0.updates(counted).await.unwrap_or_else(|_| panic!("the graph goes on"));
        let joined = batch.iter().filter_map(|&(row, diff)| match row {
            Row::Joined(key, value) => Some(update(key, value, diff)),
            Row::Counted(..) => None,
        });
        self.1.updates(joined).await.unwrap_or_else(|_| panic!("the graph goes on"));
    }

    async fn advance(&self, time: LogicalTime) {
        for input in [&self.0, &self.1] {
            input.advance_to(time).await.unwrap_or_else(|_| panic!("the graph goes on"));
        }
    }
}
