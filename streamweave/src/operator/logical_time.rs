//! Where a stream gets a logical time, loses its time, or becomes a stream of changes.

use crate::envelope::{ToDiff, Update};
use crate::operator::{Cause, Cx, Input, Node, Operator, Outcome, Resume, durable, passive};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::time::{Frontier, LogicalTime, Timestamp};

/// Numbers the input: so many rows make an epoch, which closes with its last row.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let mut times = Vec::new();
/// graph! {
///     rows = from_iter(["a", "b", "c"]);
///     rows -> epochs(2) -> for_each_update(|row: Update<_, LogicalTime>| times.push(row.time.0));
/// }
/// .run()
/// .await?;
/// assert_eq!(times, [0, 0, 1]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The graph is refused where `rows` is zero.
pub fn epochs<D, R>(_input: Edge<D, (), R>, rows: u64) -> Node<AssignEpochs, OnlyOut<D, LogicalTime, R>> {
    Node::new(AssignEpochs { rows, row: 0, epoch: LogicalTime(0) }, OnlyOut::new())
}

/// Says that the whole input is there at the first time, which closes when the stream ends.
pub fn from_start<D, R>(_input: Edge<D, (), R>) -> Node<AssignEpochs, OnlyOut<D, LogicalTime, R>> {
    Node::new(AssignEpochs { rows: u64::MAX, row: 0, epoch: LogicalTime(0) }, OnlyOut::new())
}

/// See [`epochs`].
#[derive(Clone, Debug)]
pub struct AssignEpochs {
    rows: u64,
    row: u64,
    epoch: LogicalTime,
}

impl Operator for AssignEpochs {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Passed;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.rows == 0 { Err("an epoch needs at least one row".into()) } else { Ok(()) }
    }

    fn finish(&mut self) {}
}

durable!(AssignEpochs keeps { row, epoch });

impl<Outs> Resume<Outs> for AssignEpochs {}

impl<D, R, S: Push<D, LogicalTime, R>> Input<0, D, (), R, (Port<S>,)> for AssignEpochs {
    #[inline(always)]
    fn push(&mut self, row: Update<D, (), R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let Update { data, diff, .. } = row;
        out.pass(Update { data, time: self.epoch, diff });
        self.row += 1;
        if self.row == self.rows {
            self.row = 0;
            self.epoch.0 += 1;
            out.advance(Frontier::at(self.epoch));
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            out.advance(Frontier::end());
        }
    }
}

/// Drops the time of each row. What remains has no frontier but its end.
pub fn untimed<D, T, R>(_input: Edge<D, T, R>) -> Node<Untimed, OnlyOut<D, (), R>> {
    Node::new(Untimed, OnlyOut::new())
}

/// See [`untimed`].
#[derive(Clone, Copy, Debug)]
pub struct Untimed;

passive!(Untimed, Passed);

impl<D, T: Timestamp, R, S: Push<D, (), R>> Input<0, D, T, R, (Port<S>,)> for Untimed {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.pass(Update { data: row.data, time: (), diff: row.diff });
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            out.advance(Frontier::end());
        }
    }
}

/// Makes each row a change: of +1 where it had no multiplicity, and of what it had otherwise.
pub fn to_changes<D, T, R: ToDiff>(_input: Edge<D, T, R>) -> Node<ToChanges, OnlyOut<D, T, R::Diff>> {
    Node::new(ToChanges, OnlyOut::new())
}

/// See [`to_changes`].
#[derive(Clone, Copy, Debug)]
pub struct ToChanges;

passive!(ToChanges, Passed);

impl<D, T: Timestamp, R: ToDiff, S: Push<D, T, R::Diff>> Input<0, D, T, R, (Port<S>,)> for ToChanges {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.pass(Update { data: row.data, time: row.time, diff: row.diff.to_diff() });
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}

/// Makes each change a row of its own: the value in its envelope, in a stream that is only ever added to.
///
/// What follows sees each insertion and each retraction as it came; nothing is netted. For sinks that write a log of changes.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     rows = from_iter([(1, 4), (12, 1), (3, 5)]);
///     sums = tumbling(10.secs()).allowed_lateness(5.secs()).retracting().aggregate(Sum::new);
///     rows -> event_time(|row| EventTime::from_secs(row.0), bounded(0.secs())) -> map(|row| row.1) -> key_by(|_| ()) -> sums
///         -> to_log() -> map(|change| (change.diff, change.data.value.value as i64)) -> log;
///     sums.late -> discard;
///     log = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.log, [(1, 4), (-1, 4), (1, 9), (1, 1)]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn to_log<D, T, R>(_input: Edge<D, T, R>) -> Node<ToLog, OnlyOut<Update<D, T, R>, T, ()>> {
    Node::new(ToLog, OnlyOut::new())
}

/// See [`to_log`].
#[derive(Clone, Copy, Debug)]
pub struct ToLog;

passive!(ToLog, Passed);

impl<D, T: Timestamp, R, S: Push<Update<D, T, R>, T, ()>> Input<0, D, T, R, (Port<S>,)> for ToLog {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let time = row.time.clone();
        out.pass(Update { data: row, time, diff: () });
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
