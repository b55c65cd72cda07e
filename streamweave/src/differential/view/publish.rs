//! Keeps a collection for those outside.

use std::sync::Arc;
use std::task::Poll;

use super::shared::Shared;
use super::snapshot::of_key;
use super::{Changes, Snapshot, View};
use crate::differential::at_times::in_effect;
use crate::differential::consolidation::consolidate;
use crate::differential::pairs::is_null;
use crate::differential::trace::{Batch, Spine, TooMany, undivided};
use crate::differential::{Indexed, Pending, Sorted, Unsound};
use crate::envelope::{Abelian, Keyed, ToDiff, Update};
use crate::operator::{
    Cause, Commits, Cx, Durable, Flush, Input, Node, Operator, Outcome, Progress, Resume, Turn,
};
use crate::port::{Edge, NoPorts};
use crate::state::{Fields, Mismatch, Storable};
use crate::time::{Frontier, Lattice};

/// Shows the collection that changes come to in a [`View`], by key: a sink.
///
/// Rows without a key are their own: `rows -> map(|row| Keyed { key: row, value: () }) -> differential::publish(view)`. A stream
/// without diffs is one of rows that stay.
///
/// # Time and order
///
/// A time is shown when it is closed and the batch that closed it is done; all the times that a batch closes are shown together,
/// but [subscribers](View::subscribe) get them one by one. A change behind the frontier counts from the least time that is still open.
///
/// # State and cost
///
/// All rows that are there, sorted: little more than the rows themselves, and each key once; and what older
/// [snapshots](View::snapshot) need of what has changed since. A change costs a look-up, which is the logarithm of the collection's size,
/// and a share of the merges; a batch that closes times a copy of the newest changes, 128 at most, and of a short list. To look costs the graph
/// nothing else. [Subscribers](View::subscribe) hold it when they are slow.
///
/// In a graph that is restored the view shows at once what it showed before; to who subscribed earlier that is a change of the least time.
///
/// # Errors
///
/// The graph is refused where the view was given to one before. The run ends with [`Unsound`] where there are more rows of a key than
/// can be counted (rule G4); what was shown before stays.
pub fn publish<K: Indexed, V: Sorted, T: Lattice<Rounds = ()>, R: ToDiff>(
    _input: Edge<Keyed<K, V>, T, R>,
    view: View<K, V, T, R::Diff>,
) -> K::Node<V::Node<Node<Publish<K, V, T, R::Diff>, NoPorts>>> {
    K::node(V::node(Node::new(Publish::new(&view), NoPorts)))
}

/// See [`publish`](super::publish()).
#[derive(Debug)]
pub struct Publish<K, V, T: Lattice, R> {
    shared: Arc<Shared<K, V, T, R>>,
    /// Whether the view was free.
    is_first: bool,
    changes: Pending<T, (Keyed<K, V>, R)>,
    frontier: Frontier<T>,
    spine: Spine<K, V, (), R>,
    shown: Snapshot<K, V, T, R>,
    /// How many rows came since it was flushed last.
    unsettled: u64,
}

impl<K, V, T: Lattice<Rounds = ()>, R> Publish<K, V, T, R> {
    fn new(view: &View<K, V, T, R>) -> Self {
        let is_first = view.shared.give();
        Publish {
            shared: Arc::clone(&view.shared),
            is_first,
            changes: Pending::default(),
            frontier: Frontier::start(),
            spine: Spine::default(),
            shown: view.snapshot(),
            unsettled: 0,
        }
    }
}

impl<K: Ord + Clone + std::fmt::Debug, V: Ord + Clone, T: Lattice<Rounds = ()>, R: Abelian>
    Publish<K, V, T, R>
{
    /// Shows what has been closed since it was done last.
    fn show_closed(&mut self) -> Result<(), Unsound> {
        if self.frontier == *self.shown.frontier() {
            return Ok(());
        }
        let (mut changes, mut keys) = (Vec::new(), self.shown.len());
        let worked = self.work(&mut changes, &mut keys);
        self.shown = if changes.is_empty() {
            self.shown.as_of(self.frontier.clone())
        } else {
            let batches = match worked {
                Ok(()) => self.spine.snapshot().into(),
                // A spine that has failed is good for nothing.
                Err(_) => {
                    let new = changes.iter().map(Changes::batch);
                    self.shown.batches().iter().chain(new).cloned().collect()
                }
            };
            Snapshot::new(batches, keys, self.frontier.clone())
        };
        self.shared.show(self.shown.clone(), &changes);
        worked
    }

    /// Adds the changes of the times that are closed, one after the other; where that fails the frontier stays at that time.
    fn work(&mut self, shown: &mut Vec<Changes<K, V, T, R>>, keys: &mut usize) -> Result<(), Unsound> {
        while let Some(time) = self.changes.next_closed(&self.frontier) {
            let mut changes = self.changes.take(&time);
            match self.add(&time, &mut changes) {
                Ok((batch, _)) if batch.is_empty() => {}
                Ok((batch, (new, gone))) => {
                    *keys = *keys + new - gone;
                    shown.push(Changes::new(time, batch));
                }
                Err(key) => {
                    self.frontier = Frontier::at(time);
                    return Err(Unsound::too_many(&key, &time));
                }
            }
            self.changes.recycle(changes);
        }
        Ok(())
    }

    /// Adds changes; gives them in order, and how many keys are new and gone. The key, where there are too many of it.
    fn add(
        &mut self,
        time: &T,
        changes: &mut Vec<(Keyed<K, V>, R)>,
    ) -> Result<(Arc<Batch<K, V, (), R>>, (usize, usize)), K> {
        consolidate(changes).map_err(|row| row.key)?;
        let counted = self.count(time, changes)?;
        let batch = Arc::new(Batch::at_time((), changes));
        self.spine.share(&batch)?;
        Ok((batch, counted))
    }

    /// How many keys will be new and gone; sees to it that what there is can be counted.
    fn count(&self, time: &T, changes: &[(Keyed<K, V>, R)]) -> Result<(usize, usize), K> {
        let (mut new, mut gone) = (0, 0);
        let mut cursor = self.spine.cursor();
        for changes in changes.chunk_by(|(one, _), (other, _)| one.key.cmp(&other.key).is_eq()) {
            let key = &changes[0].0.key;
            let there = if is_null(key) {
                self.null_before_and_after(changes)
            } else if cursor.seek(key, time).map_err(|_| key.clone())?.is_empty() {
                Ok((false, true))
            } else {
                cursor.seek_with(key, time, changes).map(|kept| (true, !kept.is_empty()))
            };
            let (was_there, is_there) = there.map_err(|_| key.clone())?;
            new += usize::from(is_there && !was_there);
            gone += usize::from(was_there && !is_there);
        }
        Ok((new, gone))
    }

    /// Whether there is anything of a null key before and after these changes of it: a cursor does not find what is not equal to itself.
    #[cold]
    fn null_before_and_after(&self, changes: &[(Keyed<K, V>, R)]) -> Result<(bool, bool), TooMany> {
        let batches = self.spine.snapshot();
        let mut rows: Vec<_> =
            of_key(&batches, &changes[0].0.key).map(|(_, value, diff)| (value, diff)).collect();
        let was_there = !rows.is_empty();
        rows.extend(changes.iter().map(|(row, diff)| (&row.value, diff.clone())));
        consolidate(&mut rows).map_err(|_| TooMany)?;
        Ok((was_there, !rows.is_empty()))
    }
}

impl<K, V, T, R> Operator for Publish<K, V, T, R>
where
    K: Ord + Clone + std::fmt::Debug,
    V: Ord + Clone,
    T: Lattice<Rounds = ()>,
    R: Abelian,
{
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;
    const ACTIVE: bool = true;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.is_first {
            return Ok(());
        }
        Err("this view was given to a graph before: a view shows one collection; make another with `View::new()`"
            .into())
    }

    /// Only to hear when nobody is left.
    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.shared.watch(turn.context());
        Poll::Pending
    }

    fn poll_flush(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        self.unsettled = 0;
        if self.is_gone() {
            self.changes = Pending::default();
            self.spine = Spine::default();
            return Poll::Ready(Ok(()));
        }
        let shown = self.show_closed();
        if shown.is_err() || flush == Flush::Close {
            self.shared.end();
        }
        shown?;
        match flush {
            // What waits can be read when the graph has gone.
            Flush::Close => Poll::Ready(Ok(())),
            Flush::Batch | Flush::Idle => self.shared.poll_room(turn.context()).map(Ok),
        }
    }

    fn abandon(&mut self) -> u64 {
        self.frontier = self.shown.frontier().clone();
        std::mem::take(&mut self.unsettled)
    }

    fn is_gone(&mut self) -> bool {
        self.shared.is_forsaken()
    }

    fn finish(&mut self) {}
}

/// What was shown is shown again once it has been loaded.
impl<K, V, T, R> Durable for Publish<K, V, T, R>
where
    K: Storable + Ord + Clone + std::fmt::Debug,
    V: Storable + Ord + Clone,
    T: Storable + Lattice<Rounds = ()>,
    R: Storable + Abelian,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value_and("changes", &mut self.changes, Pending::adopt)?;
        fields.value("frontier", &mut self.frontier)?;
        undivided(fields, "rows", &mut self.spine)?;
        let (mut keys, mut shown) = (self.shown.len(), self.shown.frontier().clone());
        fields.value("keys", &mut keys)?;
        fields.value("shown", &mut shown)?;
        if fields.is_loading() && !fields.is_new() {
            self.shown = Snapshot::new(self.spine.snapshot().into(), keys, shown);
            let all = self.shown.batches().iter().map(|batch| Changes::new(T::minimum(), Arc::clone(batch)));
            self.shared.show(self.shown.clone(), &all.collect::<Vec<_>>());
        }
        Ok(())
    }
}

/// What is shown is part of the checkpoint, and goes with the process.
impl<K, V, T: Lattice, R> Commits for Publish<K, V, T, R> where Self: Durable {}

impl<K, V, T, R, Outs> Resume<Outs> for Publish<K, V, T, R>
where
    Self: Operator,
    T: Lattice,
{
    fn resume(&mut self, _outs: &mut Outs, _cx: &mut Cx) -> Progress {
        Progress::More
    }
}

impl<K, V, T, Q, Outs> Input<0, Keyed<K, V>, T, Q, Outs> for Publish<K, V, T, Q::Diff>
where
    Self: Operator,
    T: Lattice,
    Q: ToDiff,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, V>, T, Q>, _outs: &mut Outs, _cx: &mut Cx) {
        self.unsettled += 1;
        self.changes.push(in_effect(row.time, &self.frontier), (row.data, row.diff.to_diff()));
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {
        self.frontier = frontier.active();
    }
}

impl<K, V, T: Lattice, R> Drop for Publish<K, V, T, R> {
    fn drop(&mut self) {
        if self.is_first {
            self.shared.end();
        }
    }
}
