//! The rows of one side of one key that may still meet others.

use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::time::EventTime;

/// How many places an empty side keeps for what comes next.
const KEPT: usize = 32;

/// Rows by time, and at one time by arrival.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rows<D> {
    rows: VecDeque<Row<D>>,
    /// When the first of them is to be looked at, if that is noted anywhere, and the number of that entry.
    pub(super) due: Option<(EventTime, u64)>,
    /// The least time of one without a partner, if that is noted anywhere.
    pub(super) held: Option<EventTime>,
}

/// A row that is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row<D> {
    pub(super) time: EventTime,
    pub(super) data: D,
    /// Whether it has had a partner.
    pub(super) is_matched: bool,
}

/// Both sides of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Group<L, R> {
    pub(super) left: Rows<L>,
    pub(super) right: Rows<R>,
}

impl<L, R> Default for Group<L, R> {
    fn default() -> Self {
        Group { left: Rows::default(), right: Rows::default() }
    }
}

impl<L, R> Group<L, R> {
    /// Whether nothing is left of the key. If so, it is as new, but for a little memory.
    pub(super) fn is_over(&mut self) -> bool {
        self.left.rows.is_empty() && self.right.rows.is_empty() && {
            self.left.reset();
            self.right.reset();
            true
        }
    }
}

impl<D> Default for Rows<D> {
    fn default() -> Self {
        Rows { rows: VecDeque::new(), due: None, held: None }
    }
}

impl<D> Rows<D> {
    fn reset(&mut self) {
        (self.due, self.held) = (None, None);
        if self.rows.capacity() > KEPT {
            self.rows = VecDeque::new();
        }
    }

    /// Puts a row in its place: behind all that are not later. Costs as much as it is out of order.
    #[inline]
    pub(super) fn insert(&mut self, row: Row<D>) {
        if self.rows.back().is_none_or(|last| last.time <= row.time) {
            return self.rows.push_back(row);
        }
        let place = self.rows.partition_point(|other| other.time <= row.time);
        self.rows.insert(place, row);
    }

    /// The places of the rows from one time to another, both included.
    #[inline]
    pub(super) fn range(&self, within: Option<(EventTime, EventTime)>) -> Range<usize> {
        let Some((from, to)) = within else { return 0..0 };
        // Mostly there are none, or few.
        if self.rows.is_empty() {
            return 0..0;
        }
        let start = self.rows.partition_point(|row| row.time < from);
        let end = self.rows.partition_point(|row| row.time <= to);
        start..end.max(start)
    }

    /// The rows at these places.
    #[inline]
    pub(super) fn get(&self, places: Range<usize>) -> impl Iterator<Item = &Row<D>> {
        self.rows.range(places)
    }

    /// The rows at these places, which have a partner now.
    #[inline]
    pub(super) fn matched(&mut self, places: Range<usize>) -> impl Iterator<Item = &Row<D>> {
        self.rows.range_mut(places).map(|row| {
            row.is_matched = true;
            &*row
        })
    }

    /// Takes the rows at these places.
    pub(super) fn take(&mut self, places: Range<usize>) -> impl Iterator<Item = Row<D>> {
        self.rows.drain(places)
    }

    /// The time of the first row.
    #[inline]
    pub(super) fn first(&self) -> Option<EventTime> {
        self.rows.front().map(|row| row.time)
    }

    /// Takes the first row if it is at this time, or before it.
    #[inline]
    pub(super) fn pop_until(&mut self, time: EventTime) -> Option<Row<D>> {
        self.rows.pop_front_if(|row| row.time <= time)
    }

    /// The least time, from this one on, of a row without a partner.
    pub(super) fn unmatched_from(&self, time: EventTime) -> Option<EventTime> {
        let start = self.rows.partition_point(|row| row.time < time);
        self.rows.range(start..).find(|row| !row.is_matched).map(|row| row.time)
    }
}
