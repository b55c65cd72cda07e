//! A map whose entries have a time to live.

use std::hash::Hash;

use super::{Fields, Map, Mismatch, State, Storable};
use crate::time::{EventTime, ProcessingTime, TimeDelta};

/// A time by which entries expire: of events, or of the clock.
pub trait Expiry: Copy + Ord {
    /// The time so much later.
    #[must_use]
    fn later(self, by: TimeDelta) -> Self;
}

impl Expiry for EventTime {
    fn later(self, by: TimeDelta) -> Self {
        self + by
    }
}

impl Expiry for ProcessingTime {
    fn later(self, by: TimeDelta) -> Self {
        self + by
    }
}

/// A value for each key that is forgotten some time after it was written last, for the state of a node (rule H13).
///
/// Time is what the node says it is: [`EventTime`] of a row or of the frontier, or [`ProcessingTime`] of the clock; both come with the
/// node's [context](crate::operator::custom::Cx). An entry written at `t` is seen before `t + ttl`, and at `t + ttl` no more, also where it
/// was loaded from a checkpoint. What has expired is removed in passing: every call that changes the map looks at eight entries, and
/// [`sweep`](Expiring::sweep), for `on_frontier` or `on_alarm`, at all of them. What is saved is when an entry was written: a graph that is
/// started again with another time to live applies it to all.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::state::Expiring;
///
/// let at = EventTime::from_secs;
/// let mut seen = Expiring::new(10.secs());
/// seen.insert("warp", 1, at(0));
/// assert_eq!(seen.get(&"warp", at(9)), Some(&1));
/// assert_eq!(seen.get(&"warp", at(10)), None);
/// seen.sweep(at(10));
/// assert_eq!(seen.held(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Expiring<K, V, T = EventTime> {
    entries: Map<K, (V, T)>,
    ttl: TimeDelta,
    /// Which entry is looked at next.
    next: usize,
}

/// How many entries a call looks at in passing.
const IN_PASSING: usize = 8;

impl<K: Hash + Eq + Clone, V, T: Expiry> Expiring<K, V, T> {
    /// An empty map whose entries live so long.
    ///
    /// # Panics
    ///
    /// Where that is no time at all.
    pub fn new(ttl: TimeDelta) -> Self {
        assert!(ttl > TimeDelta::ZERO, "a time to live is above zero, found {} us", ttl.micros());
        Expiring { entries: Map::new(), ttl, next: 0 }
    }

    /// The value of a key, if it is alive at `now`.
    #[inline]
    pub fn get(&self, key: &K, now: T) -> Option<&V> {
        self.entries.get(key).filter(|(_, written)| now < written.later(self.ttl)).map(|(value, _)| value)
    }

    /// The value of a key, which is written at `now`: the one that is alive, or a new one.
    #[inline]
    pub fn entry(&mut self, key: K, now: T, init: impl FnOnce() -> V) -> &mut V {
        self.pass(now);
        let ttl = self.ttl;
        let mut init = Some(init);
        let mut make = || (init.take().expect("it is made once"))();
        let (value, written) = self.entries.entry(key, || (make(), now));
        if now >= written.later(ttl) {
            *value = make();
        }
        *written = (*written).max(now);
        value
    }

    /// Sets the value of a key at `now`; gives the one that was alive.
    pub fn insert(&mut self, key: K, value: V, now: T) -> Option<V> {
        self.pass(now);
        let (value, written) = self.entries.insert(key, (value, now))?;
        (now < written.later(self.ttl)).then_some(value)
    }

    /// Removes a key; gives its value, if it was alive.
    pub fn remove(&mut self, key: &K, now: T) -> Option<V> {
        let (value, written) = self.entries.remove(key)?;
        (now < written.later(self.ttl)).then_some(value)
    }

    /// The keys that are alive with their values, in an order that a restore keeps.
    pub fn iter(&self, now: T) -> impl Iterator<Item = (&K, &V)> {
        let alive = self.entries.iter().filter(move |(_, (_, written))| now < written.later(self.ttl));
        alive.map(|(key, (value, _))| (key, value))
    }

    /// Removes all that has expired.
    pub fn sweep(&mut self, now: T) {
        let ttl = self.ttl;
        self.entries.retain_untouched(|_, (_, written)| now < written.later(ttl));
    }

    /// How many entries are held, those that have expired and were not removed yet among them.
    pub fn held(&self) -> usize {
        self.entries.len()
    }

    /// Looks at a few entries in passing.
    #[inline]
    fn pass(&mut self, now: T) {
        for _ in 0..IN_PASSING.min(self.entries.len()) {
            match self.entries.around(self.next) {
                Some((key, (_, written))) if now >= written.later(self.ttl) => {
                    let key = key.clone();
                    self.entries.remove(&key);
                }
                _ => self.next += 1,
            }
        }
    }
}

impl<K: Storable + Hash + Eq, V: Storable, T: Storable> State for Expiring<K, V, T> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.entries.fields(fields)?;
        // Where the next look falls is part of the state: it says what is held, though not what is seen.
        fields.shared("next", &mut self.next, |next, _| *next = 0)
    }
}
