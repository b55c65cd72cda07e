//! Things that wait for their time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::time::{Frontier, TotalOrder};

/// Things that wait until the frontier closes their time, given back by time, then by a tie key, then in order of arrival.
///
/// A binary heap: adding in order of time costs constant time, taking out `O(log waiting)`. It keeps its memory.
///
/// # Examples
///
/// ```
/// use streamweave::state::TimeQueue;
/// use streamweave::time::{Frontier, LogicalTime};
///
/// let mut waiting = TimeQueue::new();
/// for (row, time) in [("c", 5), ("a", 3), ("b", 3), ("d", 7)] {
///     waiting.push(LogicalTime(time), (), row);
/// }
/// let frontier = Frontier::at(LogicalTime(7));
/// let closed: Vec<_> = std::iter::from_fn(|| waiting.pop_closed(&frontier)).map(|(_, row)| row).collect();
/// assert_eq!(closed, ["a", "b", "c"]);
/// ```
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(bound(
    serialize = "D: serde::Serialize, T: serde::Serialize + Ord, K: serde::Serialize + Ord",
    deserialize = "D: serde::Deserialize<'de>, T: serde::Deserialize<'de> + Ord, K: serde::Deserialize<'de> + Ord"
))]
pub struct TimeQueue<D, T, K = ()> {
    heap: BinaryHeap<Reverse<Entry<D, T, K>>>,
    arrived: u64,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Entry<D, T, K> {
    time: T,
    tie: K,
    arrival: u64,
    data: D,
}

impl<D, T: Ord, K: Ord> Entry<D, T, K> {
    fn order(&self) -> (&T, &K, u64) {
        (&self.time, &self.tie, self.arrival)
    }
}

impl<D, T: Ord, K: Ord> PartialEq for Entry<D, T, K> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl<D, T: Ord, K: Ord> Eq for Entry<D, T, K> {}

impl<D, T: Ord, K: Ord> PartialOrd for Entry<D, T, K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<D, T: Ord, K: Ord> Ord for Entry<D, T, K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl<D, T: TotalOrder, K: Ord> Default for TimeQueue<D, T, K> {
    fn default() -> Self {
        TimeQueue { heap: BinaryHeap::new(), arrived: 0 }
    }
}

impl<D, T: TotalOrder, K: Ord> TimeQueue<D, T, K> {
    /// Nothing waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many things wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Adds one.
    #[inline]
    pub fn push(&mut self, time: T, tie: K, data: D) {
        let arrival = self.arrived;
        self.arrived += 1;
        self.heap.push(Reverse(Entry { time, tie, arrival, data }));
    }

    /// What waits, in no order that is promised.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &D> {
        self.heap.iter().map(|Reverse(entry)| &entry.data)
    }

    /// Forgets what waits and is not to be kept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&D) -> bool) {
        self.heap.retain(|Reverse(entry)| keep(&entry.data));
    }

    /// Takes over what waits in another, as if it had arrived behind its own.
    pub(crate) fn absorb(&mut self, other: Self) {
        other.into_arrivals().for_each(|(time, tie, _, data)| self.push(time, tie, data));
    }

    /// What waits with its time, its tie key and the number of its arrival, in that order.
    pub(super) fn into_arrivals(self) -> impl Iterator<Item = (T, K, u64, D)> {
        let mut entries = self.heap.into_vec();
        entries.sort_unstable_by_key(|Reverse(entry)| entry.arrival);
        entries.into_iter().map(|Reverse(Entry { time, tie, arrival, data })| (time, tie, arrival, data))
    }

    /// The number of the next arrival.
    pub(super) fn next_arrival(&self) -> u64 {
        self.arrived
    }

    /// Nothing waits, and so many have arrived before.
    pub(super) fn behind(arrived: u64) -> Self {
        TimeQueue { heap: BinaryHeap::new(), arrived }
    }

    /// Adds one that has arrived before, under its number.
    pub(super) fn push_arrived(&mut self, time: T, tie: K, arrival: u64, data: D) {
        debug_assert!(arrival < self.arrived, "it is among those that have arrived");
        self.heap.push(Reverse(Entry { time, tie, arrival, data }));
    }

    /// The least time for which anything waits.
    #[inline]
    pub fn next_time(&self) -> Option<&T> {
        self.heap.peek().map(|Reverse(entry)| &entry.time)
    }

    /// Takes the first thing whose time the frontier closes.
    #[inline]
    pub fn pop_closed(&mut self, frontier: &Frontier<T>) -> Option<(T, D)> {
        if !frontier.closes(self.next_time()?) {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.time, entry.data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Chance;
    use crate::time::LogicalTime;

    #[test]
    fn what_waits_in_two_comes_by_time_and_tie_and_then_by_arrival_in_the_first_and_the_second() {
        let (mut chance, mut naive) = (Chance(5), Vec::new());
        let [mut queue, other] = [0, 1].map(|which| {
            let mut queue = TimeQueue::new();
            for arrival in 0..300_u64 {
                let (time, tie) = (LogicalTime(chance.below(20) as u64), chance.below(3));
                queue.push(time, tie, (which, arrival));
                naive.push((time, tie, (which, arrival)));
            }
            queue
        });
        queue.absorb(other);
        queue.push(LogicalTime(7), 1, (2, 1));
        naive.push((LogicalTime(7), 1, (2, 1)));
        queue.retain(|(_, arrival)| arrival % 3 > 0);
        naive.retain(|(_, _, (_, arrival))| arrival % 3 > 0);
        naive.sort_unstable();
        let taken = std::iter::from_fn(|| queue.pop_closed(&Frontier::end())).map(|(_, data)| data);
        assert!(taken.eq(naive.into_iter().map(|(_, _, data)| data)));
    }
}
