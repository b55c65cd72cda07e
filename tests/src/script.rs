//! A stream that is told step by step: rows, frontiers, and how the clock goes between them.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use streamweave::envelope::{ToDiff, Update};
use streamweave::operator::{Cx, Input, Node, Operator, Outcome, Resume};
use streamweave::port::{Edge, NoPorts, OnlyOut, Port, Push};
use streamweave::time::{EventTime, Frontier, ManualClock, TimeDelta};
use tokio::sync::mpsc;

use crate::until_it_waits;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<D> {
    /// A row comes, with its time.
    Row(D, i64),
    /// The frontier goes to this time; to go back has no effect.
    Frontier(i64),
    /// Nothing is expected for now.
    Idle,
    /// Something is expected again.
    Active,
    /// The clock goes on by so many microseconds, when all that came before has been worked on.
    Clock(i64),
}

/// Makes a stream of event time of the steps; those of the clock are [`drive`]'s.
pub fn play<D>(_steps: Edge<Step<D>>) -> Node<Play, OnlyOut<D, EventTime, ()>> {
    Node::new(Play(Frontier::start()), OnlyOut::new())
}

/// See [`play`].
#[derive(Clone, Debug)]
pub struct Play(Frontier<EventTime>);

impl Operator for Play {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn finish(&mut self) {}
}

impl<Outs> Resume<Outs> for Play {}

impl<D, S: Push<D, EventTime, ()>> Input<0, Step<D>, (), (), (Port<S>,)> for Play {
    fn push(&mut self, step: Update<Step<D>>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        let frontier = match step.data {
            Step::Row(data, time) => {
                cx.passed();
                return out.push(Update { data, time: EventTime::from_micros(time), diff: () });
            }
            Step::Frontier(time) => Frontier::at(EventTime::from_micros(time)),
            Step::Idle => self.0.idle(),
            Step::Active => self.0.active(),
            Step::Clock(_) => self.0,
        };
        cx.filtered();
        if frontier.is_beyond(&self.0) {
            self.0 = frontier;
            out.advance(frontier);
        }
    }

    fn advance(&mut self, frontier: Frontier<()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            out.advance(Frontier::end());
        }
    }
}

/// What came out of a stream: rows, and how far it had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came<D> {
    /// A row, its time, and its diff.
    Row(D, i64, i64),
    /// Nothing before this time is to come; and whether nothing at all is expected for now.
    Frontier(i64, bool),
    /// Nothing is to come.
    End,
}

/// All that came out so far.
pub type Watched<D> = Rc<RefCell<Vec<Came<D>>>>;

/// Notes every row and every frontier, in the order in which they come.
pub fn watch<D, R>(_input: Edge<D, EventTime, R>, watched: &Watched<D>) -> Node<Watch<D>, NoPorts> {
    Node::new(Watch(Rc::clone(watched)), NoPorts)
}

/// See [`watch`].
#[derive(Clone, Debug)]
pub struct Watch<D>(Watched<D>);

impl<D> Operator for Watch<D> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn finish(&mut self) {}
}

impl<D, Outs> Resume<Outs> for Watch<D> {}

impl<D, R: ToDiff<Diff = i64>, Outs> Input<0, D, EventTime, R, Outs> for Watch<D> {
    fn push(&mut self, row: Update<D, EventTime, R>, _outs: &mut Outs, _cx: &mut Cx) {
        self.0.borrow_mut().push(Came::Row(row.data, row.time.micros(), row.diff.to_diff()));
    }

    fn advance(&mut self, frontier: Frontier<EventTime>, _outs: &mut Outs, _cx: &mut Cx) {
        let came =
            frontier.time().map_or(Came::End, |time| Came::Frontier(time.micros(), frontier.is_idle()));
        self.0.borrow_mut().push(came);
    }
}

/// A graph, made of what its steps come through and of its clock, is taken through the steps to its end.
///
/// # Errors
///
/// The failure of the run.
pub fn drive<D: Copy, F, T>(
    steps: &[Step<D>],
    graph: impl FnOnce(mpsc::Receiver<Step<D>>, ManualClock) -> F,
) -> Result<T, streamweave::Error>
where
    F: Future<Output = Result<T, streamweave::Error>>,
{
    let clock = ManualClock::new();
    let (to, from) = mpsc::channel(steps.len().max(1));
    let mut run = pin!(graph(from, clock.clone()));
    for step in steps {
        if let Step::Clock(by) = step {
            if let std::task::Poll::Ready(ended) = until_it_waits(run.as_mut()) {
                return ended;
            }
            clock.advance(TimeDelta::from_micros(*by));
            if let std::task::Poll::Ready(ended) = until_it_waits(run.as_mut()) {
                return ended;
            }
        }
        assert!(to.try_send(*step).is_ok(), "there is room for all steps, and the graph goes on");
    }
    drop(to);
    match until_it_waits(run.as_mut()) {
        std::task::Poll::Ready(ended) => ended,
        std::task::Poll::Pending => panic!("the graph never ends"),
    }
}
