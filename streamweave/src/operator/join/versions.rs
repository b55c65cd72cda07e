//! What a table said of one key, and when.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::time::EventTime;

/// The versions of one key, by time; at each time the one that came last (rule E8).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Versions<V>(VecDeque<Version<V>>);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "V: Serialize", deserialize = "V: Deserialize<'de>"))]
struct Version<V> {
    time: EventTime,
    /// `None` where from then on there is nothing.
    #[serde(with = "crate::state::maybe")]
    value: Option<V>,
}

impl<V> Default for Versions<V> {
    fn default() -> Self {
        Versions(VecDeque::new())
    }
}

impl<V> Versions<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many versions are not after a time.
    #[inline]
    fn until(&self, time: EventTime) -> usize {
        // Mostly the newest is asked for.
        match self.0.back() {
            Some(newest) if newest.time <= time => self.0.len(),
            _ => self.0.partition_point(|version| version.time <= time),
        }
    }

    /// What holds at a time: the greatest version at it or before it.
    #[inline]
    pub(super) fn at(&self, time: EventTime) -> Option<&V> {
        self.0.get(self.until(time).checked_sub(1)?)?.value.as_ref()
    }

    /// Adds a version; the one that was there at its time is forgotten (rule E8).
    pub(super) fn insert(&mut self, time: EventTime, value: Option<V>) {
        let place = self.until(time);
        match place.checked_sub(1).and_then(|last| self.0.get_mut(last)) {
            Some(same) if same.time == time => same.value = value,
            _ => self.0.insert(place, Version { time, value }),
        }
    }

    /// When there is something to forget, once `limit` is there or further: a time for each version that is after it, and before them one
    /// where there is something already.
    pub(super) fn due(&self, limit: EventTime) -> impl Iterator<Item = EventTime> {
        let first = self.until(limit) - usize::from(self.is_outdated(limit));
        self.0.range(first..).map(|version| version.time)
    }

    /// Whether there is something to [forget](Versions::forget).
    #[inline]
    pub(super) fn is_outdated(&self, limit: EventTime) -> bool {
        match self.until(limit) {
            0 => false,
            until => until > 1 || self.0[0].value.is_none(),
        }
    }

    /// Forgets what holds at no time from `limit` on: all before the newest of the versions that are not after it, and that
    /// one, too, if it says that there is nothing.
    pub(super) fn forget(&mut self, limit: EventTime) {
        let until = self.until(limit);
        let Some(newest) = until.checked_sub(1) else { return };
        let says_nothing = self.0[newest].value.is_none();
        self.0.drain(..if says_nothing { until } else { newest });
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: i64) -> EventTime {
        EventTime::from_micros(time)
    }

    #[test]
    fn e7_the_greatest_version_at_a_time_or_before_it_holds() {
        let mut versions = Versions::default();
        for (time, value) in [(4, Some('b')), (1, Some('a')), (9, None)] {
            versions.insert(at(time), value);
        }
        let found = |versions: &Versions<char>, time| versions.at(at(time)).copied();
        for (time, value) in
            [(0, None), (1, Some('a')), (3, Some('a')), (4, Some('b')), (8, Some('b')), (9, None)]
        {
            assert_eq!(found(&versions, time), value, "at {time}");
        }
        let due = |versions: &Versions<char>, limit| -> Vec<EventTime> { versions.due(at(limit)).collect() };
        assert_eq!((due(&versions, 3), due(&versions, 4)), (vec![at(4), at(9)], vec![at(4), at(9)]));
        versions.forget(at(4));
        assert_eq!((due(&versions, 4), due(&versions, 9)), (vec![at(9)], vec![at(9)]));
        assert_eq!((found(&versions, 3), found(&versions, 4), found(&versions, 9)), (None, Some('b'), None));
        versions.forget(at(8));
        assert_eq!(found(&versions, 8), Some('b'));
        versions.forget(at(9));
        assert!(versions.is_empty());
    }

    #[test]
    fn e8_of_versions_at_one_time_the_last_counts() {
        let mut versions = Versions::default();
        for value in ['a', 'b', 'c'] {
            versions.insert(at(5), Some(value));
        }
        assert_eq!(versions.at(at(5)), Some(&'c'));
    }
}
