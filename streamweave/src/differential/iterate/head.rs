//! The head of a loop, which drives it.

use std::task::Poll;

use super::lane::{LaneAt, Lanes, LanesInto, StoredLanes};
use super::until::{Said, Signal};
use crate::envelope::{Abelian, ToDiff, Update};
use crate::operator::{Agenda, Cause, Cx, Durable, Input, Node, Operator, Outcome, Progress, Resume, Turn};
use crate::state::{Fields, Mismatch, Storable};
use crate::time::{Frontier, Inputs, Lattice, Nested, Path, Rounds};

/// How often a loop goes around at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So often and no more: `#[rounds(n)]`.
    Rounds(u32),
    /// The run fails where that is not enough: `#[max_rounds(n)]`.
    Error(u32),
    /// The loop gives what it has come to: `#[max_rounds(n), on_limit = return]`.
    Return(u32),
}

impl Limit {
    fn rounds(self) -> u32 {
        match self {
            Limit::Rounds(rounds) | Limit::Error(rounds) | Limit::Return(rounds) => rounds,
        }
    }
}

impl Default for Limit {
    fn default() -> Self {
        Limit::Error(10_000_000)
    }
}

/// Says that a loop was stopped before it had come to its end; the port `incomplete` carries it, from the time outside on at which
/// that is so until it is so no more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incomplete {
    /// The name of the loop.
    pub name: &'static str,
    /// So often it went around.
    pub rounds: u32,
    /// A few of the rows that still changed, and by how much.
    pub sample: String,
}

/// A loop that went around as often as it may, and still changed (rule G11).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the loop `{name}` still changes after {rounds} rounds, at time {time}: {sample}; raise `#[max_rounds({rounds})]`, or end \
     the loop there with `on_limit = return`"
)]
pub struct NotConverged {
    name: &'static str,
    rounds: u32,
    time: String,
    sample: String,
}

/// The head of a loop with these lanes; `is_fed` says at which of them an arrow ends.
pub fn iterate<L: Lanes<T>, T: Lattice>(
    lanes: L,
    name: &'static str,
    is_fed: &[bool],
    limit: Limit,
    agenda: &Agenda,
    until: Option<&Signal>,
) -> Node<Iterate<L, T>, L::Ports> {
    let mut inputs = Inputs::new(is_fed.len());
    for (lane, is_fed) in is_fed.iter().enumerate() {
        if !is_fed {
            inputs.advance(lane, Frontier::end());
        }
    }
    let head = Iterate {
        lanes,
        name,
        limit,
        agenda: agenda.clone(),
        outside: Agenda::default(),
        inputs,
        said: until.map(Said::new),
        stopped: None,
        at: T::minimum(),
        failed: None,
    };
    Node::new(head, L::ports())
}

/// See [`iterate`].
#[derive(Debug)]
pub struct Iterate<L, T: Lattice> {
    lanes: L,
    name: &'static str,
    limit: Limit,
    /// What the operators of the body have to do.
    agenda: Agenda,
    /// The agenda of the loop around.
    outside: Agenda,
    inputs: Inputs<T>,
    /// What ends the loop, where its body says so.
    said: Option<Said>,
    /// What the port `incomplete` says.
    stopped: Option<Incomplete>,
    /// The time outside that is worked on: its loops' rounds aside, the agenda is about it.
    at: T,
    /// Why it cannot go on, and whether that has been said.
    failed: Option<Option<Cause>>,
}

impl<L: Lanes<T>, T: Lattice> Iterate<L, T> {
    /// The next round in which there is anything to do.
    #[inline]
    fn next_time(&self) -> Option<Nested<T>> {
        let noted = self.agenda.first().map(|path| self.of_path(path));
        match (self.lanes.next_time(), noted) {
            (Some(due), Some(noted)) => Some(due.min(noted)),
            (due, noted) => due.or(noted),
        }
    }

    fn of_path(&self, path: Path) -> Nested<T> {
        let (outer, round) = <(T::Rounds, u32)>::of_path(path);
        Nested { outer: self.at.at_rounds(outer), round }
    }

    /// Goes around until every time that the frontier closes has come to its end.
    fn work<Outs>(&mut self, frontier: Frontier<T>, outs: &mut Outs)
    where
        L: LanesInto<T, Outs>,
    {
        while self.failed.is_none()
            && let Some(time) = self.next_time()
            && frontier.closes(&time.outer)
        {
            if self.said.is_some() && time.outer != self.at {
                // The end may move: what was kept of every round is looked at again.
                let beyond = self.lanes.beyond().map(|_| self.limit.rounds().saturating_add(1));
                for round in self.lanes.kept().into_iter().chain(beyond) {
                    self.agenda.note(&Nested { outer: time.outer, round });
                }
            }
            self.at = time.outer;
            let path = time.rounds().path();
            if time.round > self.limit.rounds() {
                self.stop(&time, outs);
            } else {
                let has_ended = self.said.as_ref().map(|said| said.ends_before(time.round));
                let is_any = match self.lanes.emit(time, has_ended, outs) {
                    Ok(is_any) => is_any,
                    Err(unsound) => {
                        self.failed = Some(Some(unsound.into()));
                        return;
                    }
                };
                if is_any || self.agenda.first() == Some(path) {
                    let next = Nested { round: time.round.saturating_add(1), ..time };
                    self.lanes.advance(&Frontier::at(next), outs);
                    self.lanes.come_around();
                    self.said.iter_mut().for_each(Said::listen);
                }
            }
            self.agenda.done(&path);
        }
        if self.failed.is_some() {
            return;
        }
        // What is left is for a later round of the loop around.
        if let Some(time) = self.next_time() {
            self.outside.note(&time.outer);
        }
        self.lanes.advance(&frontier.map_to(|&outer| Nested { outer, round: 0 }), outs);
        self.lanes.advance_outside(frontier, outs);
    }

    /// A round beyond the last: what would still change is left as it is.
    #[cold]
    fn stop<Outs>(&mut self, time: &Nested<T>, outs: &mut Outs)
    where
        L: LanesInto<T, Outs>,
    {
        let rounds = self.limit.rounds();
        if matches!(self.limit, Limit::Rounds(_)) || time.round != rounds.saturating_add(1) {
            return self.lanes.forget(time);
        }
        if let Err(unsound) = self.lanes.set_aside(time) {
            self.failed = Some(Some(unsound.into()));
            return;
        }
        let has_ended = self.said.as_ref().is_some_and(|said| said.ends_before(time.round));
        let sample = self.lanes.beyond().filter(|_| !has_ended);
        let name = self.name;
        if let Limit::Error(_) = self.limit {
            if let Some(sample) = sample {
                let time = time.outer.to_string();
                self.failed = Some(Some(NotConverged { name, rounds, time, sample }.into()));
            }
            return;
        }
        let stopped = sample.map(|sample| Incomplete { name, rounds, sample });
        if stopped != self.stopped {
            let before = std::mem::replace(&mut self.stopped, stopped.clone());
            before.into_iter().for_each(|before| self.lanes.stopped(before, time.outer, -1, outs));
            stopped.into_iter().for_each(|stopped| self.lanes.stopped(stopped, time.outer, 1, outs));
        }
    }
}

impl<L, T: Lattice> Operator for Iterate<L, T> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;
    const ACTIVE: bool = true;

    fn enters_loop(&mut self, agenda: &Agenda) {
        self.outside = agenda.clone();
    }

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        let failed = self.failed.as_mut().and_then(Option::take);
        failed.map_or(Poll::Pending, |failed| Poll::Ready(Err(failed)))
    }

    fn idle(&mut self) -> bool {
        !matches!(self.failed, Some(Some(_)))
    }

    fn finish(&mut self) {}
}

/// Between two batches a loop has come to rest: what is left of it is what waits for a later time, and what it would go on from.
impl<L: StoredLanes<T>, T: Lattice + Storable> Durable for Iterate<L, T> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.lanes.fields(fields)?;
        self.agenda.fields(fields)?;
        fields.value("inputs", &mut self.inputs)?;
        if let Some(said) = &mut self.said {
            fields.nested("said", said)?;
        }
        let name = self.name;
        let mut stopped = self.stopped.take().map(|stopped| (stopped.rounds, stopped.sample));
        let visited = fields.value("stopped", &mut stopped);
        self.stopped = stopped.map(|(rounds, sample)| Incomplete { name, rounds, sample });
        visited?;
        fields.value("at", &mut self.at)
    }
}

impl<L, T: Lattice, Outs> Resume<Outs> for Iterate<L, T> {
    fn resume(&mut self, _outs: &mut Outs, _cx: &mut Cx) -> Progress {
        Progress::More
    }
}

impl<const LANE: usize, L, T, R, Outs> Input<LANE, L::Data, T, R, Outs> for Iterate<L, T>
where
    T: Lattice,
    R: ToDiff<Diff = L::Diff>,
    L: LaneAt<LANE, T> + LanesInto<T, Outs>,
    L::Diff: Abelian,
{
    #[inline]
    fn push(&mut self, row: Update<L::Data, T, R>, _outs: &mut Outs, _cx: &mut Cx) {
        let outer = match self.inputs.frontier().elements() {
            // Behind the frontier it takes effect at the least time that is still open.
            [open, ..] if *open > row.time => *open,
            _ => row.time,
        };
        self.outside.note(&outer);
        self.lanes.push(outer, row.data, row.diff.to_diff());
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<T>, outs: &mut Outs, _cx: &mut Cx) {
        if let Some(frontier) = self.inputs.advance(LANE, frontier) {
            self.work(frontier, outs);
        }
    }
}
