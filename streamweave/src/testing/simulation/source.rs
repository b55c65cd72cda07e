//! A source that replays.

use std::task::{Poll, ready};

use super::world::{PartOfWorld, World};
use crate::envelope::{Message, Update};
use crate::operator::{Cause, Cx, Durable, Node, Operator, Outcome, Progress, Replays, Resume, Turn};
use crate::port::{OnlyOut, Port, Push};
use crate::state::{Fields, Mismatch};
use crate::time::{Frontier, ProcessingTime, TimeDelta, Timestamp};

/// Emits these rows; a graph that is started again goes on behind those that its checkpoint has taken.
///
/// Now and then it has nothing at hand for a while, by the world's [`Faults`](super::Faults).
pub fn replayed<D: Clone>(
    world: &World,
    rows: impl IntoIterator<Item = D>,
) -> Node<Replayed<D>, OnlyOut<D, (), ()>> {
    replayed_messages(world, rows.into_iter().map(|row| Message::Row(Update::from(row))))
}

/// As [`replayed`], rows with their times and frontiers between them.
pub fn replayed_messages<D: Clone, T: Timestamp>(
    world: &World,
    messages: impl IntoIterator<Item = Message<D, T>>,
) -> Node<Replayed<D, T>, OnlyOut<D, T, ()>> {
    let messages = messages.into_iter().collect();
    Node::new(Replayed { part: world.part(), messages, taken: 0, until: None }, OnlyOut::new())
}

/// See [`replayed`].
#[derive(Debug)]
pub struct Replayed<D, T: Timestamp = ()> {
    part: PartOfWorld,
    messages: Vec<Message<D, T>>,
    /// How many were emitted: the position.
    taken: usize,
    /// When it has something at hand again.
    until: Option<ProcessingTime>,
}

impl<D, T: Timestamp> Operator for Replayed<D, T> {
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

impl<D, T: Timestamp> Durable for Replayed<D, T> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("taken", &mut self.taken)
    }
}

impl<D, T: Timestamp> Replays for Replayed<D, T> {}

impl<D: Clone, T: Timestamp, S: Push<D, T, ()>> Resume<(Port<S>,)> for Replayed<D, T> {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        let budget = if cx.stopping() { 0 } else { cx.budget() };
        let batch = self.messages.iter().skip(self.taken).take(budget);
        for message in batch {
            self.taken += 1;
            match message.clone() {
                Message::Row(row) => out.push(row),
                Message::Frontier(frontier) if frontier.is_end() => {}
                Message::Frontier(frontier) => out.advance(frontier),
            }
        }
        if cx.stopping() || self.taken >= self.messages.len() {
            out.advance::<D, T, ()>(Frontier::end());
            return Progress::Ended;
        }
        Progress::More
    }
}
