//! The changes of a collection, from a snapshot on.

use std::fmt::{self, Debug};
use std::sync::Arc;

use super::Rows;
use super::shared::Shared;
use crate::differential::trace::Batch;
use crate::envelope::Abelian;
use crate::time::{Frontier, Lattice, Timestamp};

/// What changed at a time.
pub struct Changes<K, V, T, R = i64> {
    /// The time.
    pub time: T,
    batch: Arc<Batch<K, V, (), R>>,
}

impl<K, V, T, R> Changes<K, V, T, R> {
    pub(super) fn new(time: T, batch: Arc<Batch<K, V, (), R>>) -> Self {
        Changes { time, batch }
    }

    pub(super) fn batch(&self) -> &Arc<Batch<K, V, (), R>> {
        &self.batch
    }

    /// How many rows changed; at least one.
    #[allow(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.batch.len()
    }
}

impl<K: Ord + Clone, V: Ord + Clone, T, R: Abelian> Changes<K, V, T, R> {
    /// The rows that changed, in order of key and value, each once, with by how many there are more or less of it.
    pub fn rows(&self) -> Rows<'_, K, V, R> {
        Rows::new(std::slice::from_ref(&self.batch), |batch| 0..batch.keys().len())
    }
}

impl<K, V, T: Clone, R> Clone for Changes<K, V, T, R> {
    fn clone(&self) -> Self {
        Changes { time: self.time.clone(), batch: Arc::clone(&self.batch) }
    }
}

impl<K, V, T: Debug, R> Debug for Changes<K, V, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("time", &self.time).field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The changes of a [`View`](super::View) after a snapshot, time by time: what [`subscribe`](super::View::subscribe) gives.
///
/// Times at which nothing changed are left out. The graph waits for a subscription that is not read, and does not for one that is dropped.
pub struct Subscription<K, V, T: Timestamp, R = i64> {
    shared: Arc<Shared<K, V, T, R>>,
    number: u64,
}

impl<K, V, T: Timestamp, R> Subscription<K, V, T, R> {
    pub(super) fn new(shared: Arc<Shared<K, V, T, R>>, number: u64) -> Self {
        Subscription { shared, number }
    }
}

impl<K, V, T: Lattice<Rounds = ()>, R> Subscription<K, V, T, R> {
    /// The changes of the next time at which there are any; `None` once the graph has ended.
    ///
    /// Where it ended because it failed or was stopped, [`frontier`](Subscription::frontier) is not the end. To drop the future loses
    /// nothing.
    pub async fn next(&mut self) -> Option<Changes<K, V, T, R>> {
        loop {
            // Before the look, lest something is shown between the two.
            let more = self.shared.more();
            // What is shown when it is over has been shown before.
            let is_over = self.shared.state().is_over;
            let next = self.shared.take(self.number, |_| true);
            if next.is_some() || is_over {
                return next;
            }
            more.await;
        }
    }

    /// The changes of the next time, if they are there.
    pub fn now(&mut self) -> Option<Changes<K, V, T, R>> {
        self.shared.take(self.number, |_| true)
    }

    /// The changes of all times up to `time`, once that is closed; where the graph ends before, as many as there are.
    pub async fn closed(&mut self, time: &T) -> Vec<Changes<K, V, T, R>> {
        let mut all = Vec::new();
        loop {
            let more = self.shared.more();
            let is_over = self.shared.state().is_over;
            while let Some(changes) = self.shared.take(self.number, |first| first.time <= *time) {
                all.push(changes);
            }
            if is_over || self.frontier().closes(time) {
                return all;
            }
            more.await;
        }
    }

    /// How far this has come: every change before it has been received. The end, once all of a graph has been that has ended.
    pub fn frontier(&self) -> Frontier<T> {
        let mut state = self.shared.state();
        let next = state.waiting(self.number).front().map(|changes| changes.time);
        next.map_or_else(|| state.shown.frontier().clone(), Frontier::at)
    }
}

impl<K, V, T: Timestamp, R> Drop for Subscription<K, V, T, R> {
    fn drop(&mut self) {
        self.shared.unsubscribe(self.number);
        self.shared.let_go();
    }
}

impl<K, V, T: Timestamp, R> Debug for Subscription<K, V, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.shared.state().waiting(self.number).len();
        f.debug_struct("Subscription").field("waiting", &waiting).finish_non_exhaustive()
    }
}
