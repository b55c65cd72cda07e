//! Operators that work time by time.

use std::task::Poll;

use super::{Pending, Unsound};
use crate::envelope::{ToDiff, Update};
use crate::operator::{Agenda, Cause, Cx, Durable, Input, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{Port, Push};
use crate::state::{Fields, Mismatch, Owner, SameKey, State, Storable, hash_of_key};
use crate::time::{Frontier, Inputs, Lattice};

/// Takes what an operator emits: the row, its time and its diff.
pub trait Emit<B, T, R>: FnMut(B, T, R) {}

impl<B, T, R, F: FnMut(B, T, R)> Emit<B, T, R> for F {}

/// What is to be looked at again, at which later time.
pub type Later<T, K> = Pending<T, K>;

/// What is looked at again by an operator that never does that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum NoKey {}

/// What an operator with one input makes of the changes of a time.
///
/// # Contract
///
/// Times come in their order. Everything emitted is at `time` or at a later time that [joins](Lattice::join) it with one
/// worked on before; so is what is noted in `later`.
pub trait Unary<D, T: Lattice, R> {
    /// What it emits.
    type Row;
    /// With which multiplicity.
    type Diff;
    /// What it looks at again at a later time: a key.
    type Key;

    /// Works on the changes of a time, in order of arrival, and on what was to be looked at again then; both may be empty.
    ///
    /// # Errors
    ///
    /// A collection that cannot be.
    fn work(
        &mut self,
        time: &T,
        changes: &mut Vec<(D, R)>,
        again: Vec<Self::Key>,
        later: &mut Later<T, Self::Key>,
        emit: impl Emit<Self::Row, T, Self::Diff>,
    ) -> Result<(), Unsound>;
}

/// A worker's failure, and whether it has been said.
#[derive(Clone, Debug, Default)]
pub(super) struct Failed(Option<Option<Unsound>>);

impl Failed {
    pub(super) fn poll(&mut self) -> Poll<Result<(), Cause>> {
        let failed = self.0.as_mut().and_then(Option::take);
        failed.map_or(Poll::Pending, |unsound| Poll::Ready(Err(unsound.into())))
    }

    pub(super) fn is_unsaid(&self) -> bool {
        matches!(self.0, Some(Some(_)))
    }

    /// Whether the work goes on.
    pub(super) fn note(&mut self, worked: Result<(), Unsound>) -> bool {
        worked.map_err(|unsound| self.0 = Some(Some(unsound))).is_ok()
    }

    pub(super) fn goes_on(&self) -> bool {
        self.0.is_none()
    }
}

/// The time at which a change takes effect: its own, or the least that is still open (rule 2 of [`differential`](super)).
#[inline(always)]
pub(super) fn in_effect<T: Lattice>(time: T, frontier: &Frontier<T>) -> T {
    match frontier.elements() {
        [open, ..] if *open > time => *open,
        _ => time,
    }
}

/// An operator with one input that works time by time.
#[derive(Clone, Debug)]
pub struct AtTimes<W, D, T: Lattice, R, K> {
    worker: W,
    changes: Pending<T, (D, R)>,
    later: Later<T, K>,
    frontier: Frontier<T>,
    failed: Failed,
}

impl<W, D, T: Lattice, R, K> AtTimes<W, D, T, R, K> {
    /// The operator of a worker.
    pub fn new(worker: W) -> Self {
        let (changes, later) = (Pending::default(), Pending::default());
        AtTimes { worker, changes, later, frontier: Frontier::start(), failed: Failed::default() }
    }

    /// The operator of a worker that is to look at a key at the least time, whether anything changes there or not.
    pub fn looking_at(worker: W, key: K) -> Self {
        let mut operator = AtTimes::new(worker);
        operator.later.push(T::minimum(), key);
        operator
    }
}

impl<W, D, T: Lattice, R, K> Operator for AtTimes<W, D, T, R, K> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;
    const ACTIVE: bool = true;

    fn enters_loop(&mut self, agenda: &Agenda) {
        self.changes.enters_loop(agenda);
        self.later.enters_loop(agenda);
    }

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.failed.poll()
    }

    fn idle(&mut self) -> bool {
        !self.failed.is_unsaid()
    }

    fn finish(&mut self) {}
}

/// Visits changes that wait for their time. Those of a keyed stream follow their keys; of others it is not known where they belong, so
/// that as long as some of them wait they are not divided.
fn waiting<T: Lattice + Storable, D: Storable, R: Storable>(
    fields: &mut Fields<'_>,
    name: &str,
    changes: &mut Pending<T, (D, R)>,
) -> Result<(), Mismatch> {
    let keep = |changes: &mut Pending<T, (D, R)>, owner: Owner| {
        let mut are_keyed = true;
        changes.retain(|(row, _)| {
            let hash = hash_of_key(row);
            are_keyed &= hash.is_some();
            hash.is_some_and(|hash| owner.owns_hash(hash))
        });
        if are_keyed { Ok(()) } else { Err(SameKey) }
    };
    let unite = |changes: &mut Pending<T, (D, R)>, other| {
        changes.absorb(other);
        Ok(())
    };
    fields.by_key(name, changes, Pending::adopt, keep, unite)
}

/// Visits what is to be looked at again, which happens in loops alone: it is not divided.
fn looked_at_again<T: Lattice + Storable, K: Storable>(
    fields: &mut Fields<'_>,
    later: &mut Later<T, K>,
) -> Result<(), Mismatch> {
    let keep = |later: &mut Later<T, K>, _| if later.is_empty() { Ok(()) } else { Err(SameKey) };
    fields.by_key("later", later, Pending::adopt, keep, |_, _| Ok(()))
}

/// What waits is written whole at each checkpoint; what the worker keeps as the worker says.
impl<W, D, T, R, K> Durable for AtTimes<W, D, T, R, K>
where
    W: State,
    D: Storable,
    T: Lattice + Storable,
    R: Storable,
    K: Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        waiting(fields, "changes", &mut self.changes)?;
        looked_at_again(fields, &mut self.later)?;
        fields.shared("frontier", &mut self.frontier, |all, other| *all = all.meet(&other))?;
        fields.nested("worker", &mut self.worker)
    }
}

impl<W, D, T: Lattice, R, K, Outs> Resume<Outs> for AtTimes<W, D, T, R, K> {
    fn resume(&mut self, _outs: &mut Outs, _cx: &mut Cx) -> Progress {
        Progress::More
    }
}

impl<W, D, T, Q, S> Input<0, D, T, Q, (Port<S>,)> for AtTimes<W, D, T, Q::Diff, W::Key>
where
    T: Lattice,
    Q: ToDiff,
    W: Unary<D, T, Q::Diff>,
    S: Push<W::Row, T, W::Diff>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, Q>, _outs: &mut (Port<S>,), _cx: &mut Cx) {
        self.changes.push(in_effect(row.time, &self.frontier), (row.data, row.diff.to_diff()));
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        while self.failed.goes_on()
            && let Some(time) =
                earliest(self.changes.next_closed(&frontier), self.later.next_closed(&frontier))
        {
            let mut changes = self.changes.take(&time);
            let again = self.later.take(&time);
            let emit = |data, time, diff| out.push(Update { data, time, diff });
            let worked = self.worker.work(&time, &mut changes, again, &mut self.later, emit);
            if !self.failed.note(worked) {
                return;
            }
            self.changes.recycle(changes);
        }
        if self.failed.goes_on() {
            self.frontier = frontier.clone();
            out.advance(frontier);
        }
    }
}

/// The earlier of two times that may not be.
#[inline]
fn earliest<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// What an operator with two inputs makes of the changes of a time; see [`Unary`].
pub trait Binary<A, B, T: Lattice, P, Q> {
    /// What it emits.
    type Row;
    /// With which multiplicity.
    type Diff;
    /// What it looks at again at a later time: a key.
    type Key;

    /// Works on the changes of a time, in order of arrival, and on what was to be looked at again then; all may be empty.
    ///
    /// # Errors
    ///
    /// A collection that cannot be.
    fn work(
        &mut self,
        time: &T,
        left: &mut Vec<(A, P)>,
        right: &mut Vec<(B, Q)>,
        again: Vec<Self::Key>,
        later: &mut Later<T, Self::Key>,
        emit: impl Emit<Self::Row, T, Self::Diff>,
    ) -> Result<(), Unsound>;
}

/// An operator with two inputs that works time by time.
#[derive(Clone, Debug)]
pub struct BinaryAtTimes<W, A, B, T: Lattice, P, Q, K> {
    worker: W,
    left: Pending<T, (A, P)>,
    right: Pending<T, (B, Q)>,
    later: Later<T, K>,
    inputs: Inputs<T>,
    failed: Failed,
}

impl<W, A, B, T: Lattice, P, Q, K> BinaryAtTimes<W, A, B, T, P, Q, K> {
    /// The operator of a worker.
    pub fn new(worker: W) -> Self {
        BinaryAtTimes {
            worker,
            left: Pending::default(),
            right: Pending::default(),
            later: Pending::default(),
            inputs: Inputs::new(2),
            failed: Failed::default(),
        }
    }

    #[inline]
    fn advance<S>(&mut self, port: usize, frontier: Frontier<T>, out: &mut Port<S>)
    where
        W: Binary<A, B, T, P, Q, Key = K>,
        S: Push<W::Row, T, W::Diff>,
    {
        let Some(frontier) = self.inputs.advance(port, frontier) else { return };
        while self.failed.goes_on()
            && let inputs = earliest(self.left.next_closed(&frontier), self.right.next_closed(&frontier))
            && let Some(time) = earliest(inputs, self.later.next_closed(&frontier))
        {
            let (mut left, mut right) = (self.left.take(&time), self.right.take(&time));
            let again = self.later.take(&time);
            let emit = |data, time, diff| out.push(Update { data, time, diff });
            let worked = self.worker.work(&time, &mut left, &mut right, again, &mut self.later, emit);
            if !self.failed.note(worked) {
                return;
            }
            self.left.recycle(left);
            self.right.recycle(right);
        }
        if self.failed.goes_on() {
            out.advance(frontier);
        }
    }
}

impl<W, A, B, T: Lattice, P, Q, K> Operator for BinaryAtTimes<W, A, B, T, P, Q, K> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;
    const ACTIVE: bool = true;

    fn enters_loop(&mut self, agenda: &Agenda) {
        self.left.enters_loop(agenda);
        self.right.enters_loop(agenda);
        self.later.enters_loop(agenda);
    }

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.failed.poll()
    }

    fn idle(&mut self) -> bool {
        !self.failed.is_unsaid()
    }

    fn finish(&mut self) {}
}

/// As for [`AtTimes`].
impl<W, A, B, T, P, Q, K> Durable for BinaryAtTimes<W, A, B, T, P, Q, K>
where
    W: State,
    A: Storable,
    B: Storable,
    T: Lattice + Storable,
    P: Storable,
    Q: Storable,
    K: Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        waiting(fields, "left", &mut self.left)?;
        waiting(fields, "right", &mut self.right)?;
        looked_at_again(fields, &mut self.later)?;
        fields.shared("inputs", &mut self.inputs, |all, other| all.meet(&other))?;
        fields.nested("worker", &mut self.worker)
    }
}

impl<W, A, B, T: Lattice, P, Q, K, Outs> Resume<Outs> for BinaryAtTimes<W, A, B, T, P, Q, K> {
    fn resume(&mut self, _outs: &mut Outs, _cx: &mut Cx) -> Progress {
        Progress::More
    }
}

impl<W, A, B, T, P, Q, S> Input<0, A, T, P, (Port<S>,)> for BinaryAtTimes<W, A, B, T, P::Diff, Q, W::Key>
where
    T: Lattice,
    P: ToDiff,
    W: Binary<A, B, T, P::Diff, Q>,
    S: Push<W::Row, T, W::Diff>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<A, T, P>, _outs: &mut (Port<S>,), _cx: &mut Cx) {
        self.left.push(in_effect(row.time, self.inputs.frontier()), (row.data, row.diff.to_diff()));
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        BinaryAtTimes::advance(self, 0, frontier, out);
    }
}

impl<W, A, B, T, P, Q, S> Input<1, B, T, Q, (Port<S>,)> for BinaryAtTimes<W, A, B, T, P, Q::Diff, W::Key>
where
    T: Lattice,
    Q: ToDiff,
    W: Binary<A, B, T, P, Q::Diff>,
    S: Push<W::Row, T, W::Diff>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<B, T, Q>, _outs: &mut (Port<S>,), _cx: &mut Cx) {
        self.right.push(in_effect(row.time, self.inputs.frontier()), (row.data, row.diff.to_diff()));
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        BinaryAtTimes::advance(self, 1, frontier, out);
    }
}
