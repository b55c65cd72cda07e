//! A frontier for each partition of a source.

use std::collections::HashMap;
use std::hash::Hash;

use super::{Strategy, Watermark};
use crate::time::{EventTime, Frontier, Inputs, TimeDelta};

/// Each partition has a strategy of its own; see [`partitioned`].
#[derive(Clone, Debug)]
pub struct Partitioned<F, K, M, W> {
    key: F,
    pub(crate) make: M,
    /// The strategy of the next partition that nobody expects.
    spare: W,
    pub(crate) known: HashMap<K, usize>,
    pub(crate) partitions: Vec<W>,
    pub(crate) inputs: Inputs<EventTime>,
    pub(crate) expects_none: bool,
}

/// Each partition of a source has a strategy of its own; the frontier is the least of those of the
/// partitions (rule A3).
///
/// Rows are in order in their partition, and not across partitions: where one lags behind, as one of a log
/// that is read again, its rows are not late for it. `key` tells the partition of a row; the type of the row has
/// to be written, for it is not known here. `make` makes the strategy of a partition when its first row comes.
///
/// A partition that joins later holds the frontier where it is until it has caught up: the frontier does not go
/// back, and the new partition's rows before it are late. To wait for all from the start name how many there are:
/// [`expecting`](Partitioned::expecting).
///
/// With [`idle_after`](Strategy::idle_after) inside, a partition without rows is left out while others are active
/// (rule A4); where all are idle the stream is (rule A5). It keeps a strategy for each partition.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::time::Watermark;
///
/// let mut watermark = partitioned(|row: &(char, i64)| row.0, ascending).expecting(2);
/// let at = EventTime::from_secs;
/// let mut see = |partition, secs| watermark.observe(&(partition, secs), at(secs));
/// assert_eq!(see('a', 10), None);
/// assert_eq!(see('b', 4), Some(at(4)));
/// assert_eq!(see('b', 30), Some(at(10)));
/// ```
pub fn partitioned<D, K, F, M, W>(key: F, mut make: M) -> Partitioned<F, K, M, W>
where
    K: Hash + Eq,
    F: FnMut(&D) -> K,
    M: FnMut() -> W,
{
    let (spare, known, partitions) = (make(), HashMap::new(), Vec::new());
    Partitioned { key, make, spare, known, partitions, inputs: Inputs::new(0), expects_none: false }
}

impl<F, K: Hash + Eq, M: FnMut() -> W, W> Partitioned<F, K, M, W> {
    /// Holds the frontier at the start until rows of so many partitions have come, whichever they are.
    ///
    /// One that is expected and brings nothing is idle after the timeout of its strategy, as any other. A source
    /// that expects none is idle at once, where the strategy has a timeout (rule A7).
    #[must_use]
    pub fn expecting(mut self, partitions: usize) -> Self {
        while self.partitions.len() < partitions {
            self.add();
        }
        self.expects_none = partitions == 0;
        self
    }

    /// A strategy for one more partition: its place.
    fn add(&mut self) -> usize {
        self.partitions.push(std::mem::replace(&mut self.spare, (self.make)()));
        self.inputs.join()
    }

    /// The place of a partition: one that was expected, if any is left.
    fn place(&mut self, key: K) -> usize {
        if let Some(place) = self.known.get(&key) {
            return *place;
        }
        let place = if self.known.len() < self.partitions.len() { self.known.len() } else { self.add() };
        self.known.insert(key, place);
        place
    }
}

impl<F, K, M, W> Strategy for Partitioned<F, K, M, W> {}

impl<D, K, F, M, W> Watermark<D> for Partitioned<F, K, M, W>
where
    K: Hash + Eq,
    F: FnMut(&D) -> K,
    M: FnMut() -> W,
    W: Watermark<D>,
{
    const USES_CLOCK: bool = W::USES_CLOCK;

    fn observe(&mut self, row: &D, time: EventTime) -> Option<EventTime> {
        let key = (self.key)(row);
        let place = self.place(key);
        let advanced = self.partitions[place].observe(row, time);
        let own = advanced.map_or_else(|| self.inputs.of(place).active(), Frontier::at);
        if own == *self.inputs.of(place) {
            return None;
        }
        let before = *self.inputs.frontier();
        let all = self.inputs.advance(place, own)?;
        if before.reaches(&all) { None } else { all.time().copied() }
    }

    fn timeout(&self) -> Option<TimeDelta> {
        self.spare.timeout()
    }

    fn quiet(&mut self, by: TimeDelta) -> Option<Frontier<EventTime>> {
        if self.partitions.is_empty() {
            return std::mem::take(&mut self.expects_none).then(|| Frontier::start().idle());
        }
        let before = *self.inputs.frontier();
        for (place, partition) in self.partitions.iter_mut().enumerate() {
            if let Some(frontier) = partition.quiet(by) {
                self.inputs.advance(place, frontier);
            }
        }
        let all = *self.inputs.frontier();
        (all != before).then_some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ascending, bounded};
    use super::*;
    use crate::time::Units;

    fn at(micros: i64) -> EventTime {
        EventTime::from_micros(micros)
    }

    fn key(row: &(char, i64)) -> char {
        row.0
    }

    #[test]
    fn a3_the_least_partition_counts_and_a_new_one_does_not_regress() {
        let mut watermark = partitioned(key, || bounded(1.micros()));
        let mut see = |partition, micros| watermark.observe(&(partition, micros), at(micros));
        assert_eq!(see('a', 10), Some(at(9)));
        assert_eq!(see('b', 5), None);
        assert_eq!(see('a', 20), None);
        assert_eq!(see('b', 12), Some(at(11)));
        assert_eq!(see('b', 30), Some(at(19)));
    }

    #[test]
    fn a3_a_first_row_of_each_expected_partition_is_waited_for() {
        let mut watermark = partitioned(key, ascending).expecting(3);
        let mut see = |partition, micros| watermark.observe(&(partition, micros), at(micros));
        assert_eq!([see('a', 10), see('b', 7), see('a', 11)], [None; 3]);
        assert_eq!(see('c', 9), Some(at(7)));
        assert_eq!(see('d', 1), None);
        assert_eq!(see('b', 20), None);
        assert_eq!(see('d', 8), Some(at(8)));
    }

    #[test]
    fn a4_a_partition_without_rows_is_left_out_while_others_are_active() {
        let mut watermark = partitioned(key, || ascending().idle_after(4.micros())).expecting(3);
        let mut see = |partition, micros| watermark.observe(&(partition, micros), at(micros));
        assert_eq!([see('a', 10), see('b', 7)], [None; 2]);
        assert_eq!(watermark.quiet(3.micros()), None);
        assert_eq!(watermark.observe(&('a', 20), at(20)), None);
        // Neither what came, and no longer does, nor what never came.
        assert_eq!(watermark.quiet(1.micros()), Some(Frontier::at(at(20))));
        assert_eq!(watermark.observe(&('b', 8), at(8)), None);
        assert_eq!(watermark.observe(&('a', 30), at(30)), Some(at(30)));
        assert_eq!(watermark.quiet(4.micros()), Some(Frontier::at(at(30)).idle()));
    }

    #[test]
    fn a7_no_partition_is_idle_at_once() {
        let mut watermark = partitioned(key, || ascending().idle_after(4.micros())).expecting(0);
        assert_eq!(watermark.quiet(TimeDelta::ZERO), Some(Frontier::start().idle()));
        assert_eq!(watermark.quiet(4.micros()), None);
        assert_eq!(watermark.observe(&('a', 3), at(3)), Some(at(3)));
    }
}
