//! The last row of each key, by event time.

use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::lifetime::{Forever, Lifetime, Within};
use crate::envelope::{Keyed, Update};
use crate::operator::{Cause, Cx, Durable, Input, Key, Node, Operator, Outcome, Repeatable, Resume};
use crate::port::{Edge, OutLate, Port, Push};
use crate::state::{Divided, Fields, KeyMap, Mismatch, Owner, Place, SameKey, Storable, TimeQueue};
use crate::time::{EventTime, Frontier, TimeDelta, TotalOrder};

type Changes<K, V, T> = OutLate<Keyed<K, V>, T, i64, Update<Keyed<K, V>, T>, (), ()>;

/// The last row of each key by event time, as changes; of rows at one time the one that came last (rule F1).
///
/// As of each time the output holds the last row of each key at or before it: a row is taken back at the time of the
/// one that follows it. (At its own time it was right; and to take it back there the frontier would have to stay behind it
/// for as long as its key may get another.) A row that turns up between two others is put in, and what was said of its
/// neighbours is put right, at the time of the later one. All this is at or after the row's own time, so the frontier is
/// handed on as it comes. Once a time is closed the changes up to it add up to the same, in whatever order the rows came.
/// Rows behind the frontier go to the port `late`.
///
/// Keeps for each key the rows that the frontier has not passed, and the last one before them; forever or for a
/// [`ttl`](Node::ttl). A checkpoint writes the keys whose rows have changed.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let mut changes = Vec::new();
/// graph! {
///     prices = from_iter([("tea", 1, 40), ("tea", 3, 44), ("jam", 3, 90)]);
///     last = last_per_key();
///     prices -> event_time(|price| EventTime::from_secs(price.1), bounded(9.secs()))
///         -> key_by(|price| price.0) -> last
///         -> for_each_update(|change: Update<Keyed<_, (_, i64, i32)>, EventTime, i64>| {
///             let secs = change.time.micros() / 1_000_000;
///             changes.push((change.data.key, change.data.value.2, secs, change.diff));
///         });
///     last.late -> discard;
/// }
/// .run()
/// .await?;
/// assert_eq!(changes, [("tea", 40, 1, 1), ("tea", 40, 3, -1), ("tea", 44, 3, 1), ("jam", 90, 3, 1)]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "upsert")]
pub fn last_per_key<K: Key, V: Repeatable, T: TotalOrder>(
    _input: Edge<Keyed<K, V>, T>,
) -> K::Node<V::Node<Node<LastPerKey<K, V, T, Forever>, Changes<K, V, T>>>> {
    K::node(V::node(Node::new(LastPerKey::new(Forever), OutLate::new())))
}

impl<K, V> Node<LastPerKey<K, V, EventTime, Forever>, Changes<K, V, EventTime>> {
    /// Forgets a key once the frontier is further than `time` beyond its last row: its next row takes nothing back.
    ///
    /// The boundary is inclusive: with a last row at 10 and a ttl of 5 the key is known while the frontier is at most 15.
    /// What has gone out stays. The key is forgotten whether or not anything comes for it.
    ///
    /// # Errors
    ///
    /// The graph is refused where `time` is below zero.
    #[must_use]
    pub fn ttl(self, time: TimeDelta) -> Node<LastPerKey<K, V, EventTime, Within>, Changes<K, V, EventTime>> {
        Node::new(LastPerKey::new(Within(time)), OutLate::new())
    }
}

/// See [`last_per_key`].
#[derive(Clone, Debug)]
pub struct LastPerKey<K, V, T: TotalOrder, L> {
    keys: KeyMap<K, Versions<V, T>>,
    /// When a row of a key makes those before it out of date; an entry for each row but the first of its key.
    outdated: TimeQueue<K, T>,
    /// When to look whether a key can be forgotten: one entry a key.
    expiry: TimeQueue<K, T>,
    lifetime: L,
    frontier: Frontier<T>,
}

/// The rows of a key, by time: those that the frontier has not passed, and one before them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Versions<V, T>(Vec<(T, V)>);

impl<V, T: TotalOrder> Versions<V, T> {
    /// Forgets the rows that have a later one which the frontier has passed.
    fn prune(&mut self, frontier: &Frontier<T>) {
        let passed = self.0.partition_point(|(time, _)| frontier.closes(time));
        self.0.drain(..passed.saturating_sub(1));
    }

    fn last(&self) -> &T {
        &self.0.last().expect("a key has a row").0
    }
}

impl<K, V, T: TotalOrder, L> LastPerKey<K, V, T, L> {
    fn new(lifetime: L) -> Self {
        let (outdated, expiry) = (TimeQueue::new(), TimeQueue::new());
        LastPerKey { keys: KeyMap::new(), outdated, expiry, lifetime, frontier: Frontier::start() }
    }
}

impl<K: Hash + Eq + Clone, V, T: TotalOrder, L: Lifetime<T>> LastPerKey<K, V, T, L> {
    /// Finds out when rows and keys are forgotten, and forgets those that are due.
    fn set_due(&mut self) {
        (self.outdated, self.expiry) = (TimeQueue::new(), TimeQueue::new());
        for (key, versions) in self.keys.iter() {
            for (time, _) in versions.0.iter().skip(1) {
                self.outdated.push(time.clone(), (), key.clone());
            }
            if let Some(until) = self.lifetime.until(versions.last()) {
                self.expiry.push(until, (), key.clone());
            }
        }
        self.forget();
    }

    /// Forgets what the frontier makes out of date.
    fn forget(&mut self) {
        while let Some((_, key)) = self.outdated.pop_closed(&self.frontier) {
            if let Some(place) = self.keys.find(&key) {
                self.keys.at_mut(place).1.prune(&self.frontier);
            }
        }
        while let Some((_, key)) = self.expiry.pop_closed(&self.frontier) {
            let Some(place) = self.keys.find(&key) else { continue };
            match self.lifetime.until(self.keys[place].last()) {
                Some(until) if !self.frontier.closes(&until) => self.expiry.push(until, (), key),
                _ => _ = self.keys.remove_at(place),
            }
        }
    }

    /// Keeps a row of a key that stands at `known`, if it does.
    fn keep(&mut self, known: Option<Place>, key: K, time: T, value: V) {
        let versions = match known {
            Some(known) => self.keys.at_mut(known).1,
            None => {
                if let Some(until) = self.lifetime.until(&time) {
                    self.expiry.push(until, (), key.clone());
                }
                self.keys.entry(key.clone(), || Versions(Vec::new()))
            }
        };
        let place = versions.0.partition_point(|(other, _)| *other <= time);
        match place.checked_sub(1) {
            Some(at) if versions.0[at].0 == time => {
                versions.0[at].1 = value;
                return;
            }
            Some(_) => self.outdated.push(time.clone(), (), key),
            None => {
                if let Some((after, _)) = versions.0.first() {
                    self.outdated.push(after.clone(), (), key);
                }
            }
        }
        versions.0.insert(place, (time, value));
    }
}

impl<K, V, T: TotalOrder, L: Lifetime<T>> Operator for LastPerKey<K, V, T, L> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        self.lifetime.validate()
    }

    fn finish(&mut self) {}
}

/// When rows and keys are forgotten is not saved: it follows from their times and from the lifetime, which may be another one after
/// a restart (rule H13).
impl<K, V, T, L> Durable for LastPerKey<K, V, T, L>
where
    K: Storable + Hash + Eq + Clone,
    V: Storable,
    T: TotalOrder + Storable,
    L: Lifetime<T>,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(self)
    }
}

impl<K, V, T, L> Divided for LastPerKey<K, V, T, L>
where
    K: Storable + Hash + Eq + Clone,
    V: Storable,
    T: TotalOrder + Storable,
    L: Lifetime<T>,
{
    /// The keys, and how far the input has come.
    type Kept = (KeyMap<K, Versions<V, T>>, Frontier<T>);

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.map("keys", self.keys.tracked())?;
        fields.value("frontier", &mut self.frontier)?;
        if fields.is_loading() {
            self.set_due();
        }
        Ok(())
    }

    /// Only the keys of the shard are loaded.
    fn retain(&mut self, _owner: Owner) {}

    fn take(&mut self) -> Self::Kept {
        (self.outdated, self.expiry) = (TimeQueue::new(), TimeQueue::new());
        let frontier = std::mem::replace(&mut self.frontier, Frontier::start());
        (std::mem::take(&mut self.keys), frontier)
    }

    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        self.frontier = Frontier::least(shards.iter().map(|(_, frontier)| frontier));
        for (keys, _) in shards {
            self.keys.absorb(keys)?;
        }
        self.set_due();
        Ok(())
    }
}

impl<K, V, T: TotalOrder, L: Lifetime<T>, Outs> Resume<Outs> for LastPerKey<K, V, T, L> {}

impl<K, V, T, L, S, E> Input<0, Keyed<K, V>, T, (), (Port<S>, Port<E>)> for LastPerKey<K, V, T, L>
where
    K: Hash + Eq + Clone,
    V: Clone,
    T: TotalOrder,
    L: Lifetime<T>,
    S: Push<Keyed<K, V>, T, i64>,
    E: Push<Update<Keyed<K, V>, T>, (), ()>,
{
    fn push(&mut self, row: Update<Keyed<K, V>, T>, (out, late): &mut (Port<S>, Port<E>), cx: &mut Cx) {
        if self.frontier.closes(&row.time) {
            cx.late();
            return late.push(Update::from(row));
        }
        cx.passed();
        let Update { data: Keyed { key, value }, time, .. } = row;
        let known = self.keys.find(&key);
        let rows = known.map_or(&[][..], |known| &self.keys[known].0);
        let (before, after) = rows.split_at(rows.partition_point(|(other, _)| *other <= time));
        let before = before.last().map(|(_, value)| value);

        let mut change = |value: &V, time: &T, diff| {
            let data = Keyed { key: key.clone(), value: value.clone() };
            out.push(Update { data, time: time.clone(), diff });
        };
        if let Some(before) = before {
            change(before, &time, -1);
        }
        change(&value, &time, 1);
        // The next row has taken back the one before; it is this one that it has to take back.
        if let Some((after, _)) = after.first() {
            if let Some(before) = before {
                change(before, after, 1);
            }
            change(&value, after, -1);
        }
        self.keep(known, key, time, value);
    }

    fn advance(&mut self, frontier: Frontier<T>, (out, late): &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        self.frontier = frontier.clone();
        self.forget();
        if frontier.is_end() {
            late.advance(Frontier::end());
        }
        out.advance(frontier);
    }
}
