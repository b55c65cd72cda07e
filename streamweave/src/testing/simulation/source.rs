//! A source that replays.

use std::task::{Poll, ready};

use super::world::{PartOfWorld, World};
use crate::envelope::Update;
use crate::operator::{Cause, Cx, Durable, Node, Operator, Outcome, Progress, Replays, Resume, Turn};
use crate::port::{OnlyOut, Port, Push};
use crate::state::{Fields, Mismatch};
use crate::time::{Frontier, ProcessingTime, TimeDelta};

/// Emits these rows; a graph that is started again goes on behind those that its checkpoint has taken.
///
/// Now and then it has nothing at hand for a while, by the world's [`Faults`](super::Faults).
pub fn replayed<D: Clone>(
    world: &World,
    rows: impl IntoIterator<Item = D>,
) -> Node<Replayed<D>, OnlyOut<D, (), ()>> {
    let rows = rows.into_iter().collect();
    Node::new(Replayed { part: world.part(), rows, taken: 0, until: None }, OnlyOut::new())
}

/// See [`replayed`].
#[derive(Debug)]
pub struct Replayed<D> {
    part: PartOfWorld,
    rows: Vec<D>,
    /// How many were emitted: the position.
    taken: usize,
    /// When it has something at hand again.
    until: Option<ProcessingTime>,
}

impl<D> Operator for Replayed<D> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if let Some(until) = self.until {
            ready!(turn.until(until));
            self.until = None;
            return Poll::Ready(Ok(()));
        }
        let mut outside = self.part.look();
        if !outside.pauses() {
            return Poll::Ready(Ok(()));
        }
        let pause = 1 + outside.draw(50_000);
        drop(outside);
        let until = turn.now() + TimeDelta::from_micros(i64::try_from(pause).unwrap_or(1));
        self.until = Some(until);
        turn.until(until).map(Ok)
    }

    fn finish(&mut self) {}
}

impl<D> Durable for Replayed<D> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("taken", &mut self.taken)
    }
}

impl<D> Replays for Replayed<D> {}

impl<D: Clone, S: Push<D, (), ()>> Resume<(Port<S>,)> for Replayed<D> {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        let budget = if cx.stopping() { 0 } else { cx.budget() };
        let batch = self.rows.iter().skip(self.taken).take(budget);
        for row in batch {
            self.taken += 1;
            out.push(Update::from(row.clone()));
        }
        if cx.stopping() || self.taken >= self.rows.len() {
            out.advance::<D, (), ()>(Frontier::end());
            return Progress::Ended;
        }
        Progress::More
    }
}
