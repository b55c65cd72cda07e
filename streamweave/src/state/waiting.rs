//! Rows that wait for something.

use std::collections::VecDeque;

use crate::envelope::Update;
use crate::time::{Frontier, TotalOrder};

/// Rows that wait, in order of arrival, and the least of their times: what an operator that holds rows
/// back has to hold its frontier to.
///
/// Both ends cost amortised constant time, and memory is used again: beside the rows stand only the times
/// that are less than all behind them, so that the first of them is the least of all.
///
/// # Examples
///
/// ```
/// use streamweave::envelope::Update;
/// use streamweave::state::Waiting;
/// use streamweave::time::{Frontier, LogicalTime};
///
/// let mut waiting = Waiting::new();
/// for time in [5, 3, 4] {
///     waiting.push(Update { data: (), time: LogicalTime(time), diff: () });
/// }
/// assert_eq!(waiting.frontier(), Frontier::at(LogicalTime(3)));
/// waiting.pop();
/// waiting.pop();
/// assert_eq!(waiting.frontier(), Frontier::at(LogicalTime(4)));
/// waiting.pop();
/// assert_eq!(waiting.frontier(), Frontier::end());
/// ```
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Waiting<D, T, R = ()> {
    rows: VecDeque<Update<D, T, R>>,
    /// The times that are less than all behind them, with the numbers of their rows.
    least: VecDeque<(u64, T)>,
    /// The number of the first row.
    first: u64,
}

impl<D, T, R> Default for Waiting<D, T, R> {
    fn default() -> Self {
        Waiting { rows: VecDeque::new(), least: VecDeque::new(), first: 0 }
    }
}

impl<D, T: TotalOrder, R> Waiting<D, T, R> {
    /// No row.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rows wait.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row waits.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Puts a row at the end.
    #[inline]
    pub fn push(&mut self, row: Update<D, T, R>) {
        while self.least.back().is_some_and(|(_, time)| *time >= row.time) {
            self.least.pop_back();
        }
        self.least.push_back((self.first + self.rows.len() as u64, row.time.clone()));
        self.rows.push_back(row);
    }

    /// Takes the first row.
    #[inline]
    pub fn pop(&mut self) -> Option<Update<D, T, R>> {
        let row = self.rows.pop_front()?;
        if self.least.front().is_some_and(|(number, _)| *number == self.first) {
            self.least.pop_front();
        }
        self.first += 1;
        Some(row)
    }

    /// Forgets the rows that are not to be kept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&D) -> bool) {
        let rows = std::mem::take(&mut self.rows);
        self.clear();
        rows.into_iter().filter(|row| keep(&row.data)).for_each(|row| self.push(row));
    }

    /// Takes over the rows of another, behind its own.
    pub(crate) fn absorb(&mut self, other: Self) {
        other.rows.into_iter().for_each(|row| self.push(row));
    }

    /// Drops every row.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// No row that waits is before this; the end where none does.
    #[inline]
    pub fn frontier(&self) -> Frontier<T> {
        self.least.front().map_or_else(Frontier::end, |(_, time)| Frontier::at(time.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::LogicalTime;

    #[test]
    fn the_frontier_is_the_least_time_of_what_waits() {
        let mut waiting = Waiting::new();
        let mut naive = VecDeque::new();
        let mut drawn = 7_u64;
        for _ in 0..10_000 {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if drawn >> 62 == 0 {
                assert_eq!(waiting.pop().map(|row| row.time), naive.pop_front());
            } else if drawn >> 57 == 64 {
                let [mut kept, mut other] = [waiting.clone(), waiting];
                let is_kept = |row: &u64| row % 2 == 0;
                kept.retain(is_kept);
                other.retain(|row| !is_kept(row));
                kept.absorb(other);
                waiting = kept;
                let (kept, other): (Vec<_>, Vec<_>) =
                    naive.into_iter().partition(|time: &LogicalTime| is_kept(&time.0));
                naive = kept.into_iter().chain(other).collect();
            } else if naive.len() < 50 {
                let time = LogicalTime(drawn >> 59);
                waiting.push(Update { data: time.0, time, diff: () });
                naive.push_back(time);
            } else {
                waiting.clear();
                naive.clear();
            }
            let least = naive.iter().min().map_or_else(Frontier::end, |time| Frontier::at(*time));
            assert_eq!((waiting.frontier(), waiting.len()), (least, naive.len()));
        }
    }
}
