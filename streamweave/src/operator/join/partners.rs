//! What a window keeps where it only matters whether a left row has a partner: semi and anti joins.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::state::SameKey;

use super::sides::ByKey;

/// The left rows of a window by arrival, each with its key, and the keys of the right. A left row is looked up once, when the window fires.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize, L: Serialize",
    deserialize = "K: Deserialize<'de> + Hash + Eq, L: Deserialize<'de>"
))]
pub struct Partners<K, L> {
    lefts: Vec<(K, L)>,
    rights: Keys<K>,
}

impl<K, L> Default for Partners<K, L> {
    fn default() -> Self {
        Partners { lefts: Vec::new(), rights: Keys(HashTable::new()) }
    }
}

impl<K: Hash + Eq, L> Partners<K, L> {
    /// Keeps a row of the left side.
    #[inline]
    pub(super) fn push_left(&mut self, key: K, row: L) {
        self.lefts.push((key, row));
    }

    /// Notes that there is a row of the right side.
    #[inline]
    pub(super) fn note_right(&mut self, key: K) {
        self.rights.insert(key);
    }

    /// Takes the left rows, by arrival, each with whether it has a partner. What was allocated stays for another window.
    pub(super) fn drain(&mut self, mut each: impl FnMut(K, L, bool)) {
        let Partners { lefts, rights } = self;
        for (key, row) in lefts.drain(..) {
            let has_partner = rights.contains(&key);
            each(key, row, has_partner);
        }
        rights.0.clear();
    }
}

impl<K: Hash + Eq, L> ByKey for Partners<K, L> {
    type Key = K;

    fn is_empty(&self) -> bool {
        self.lefts.is_empty() && self.rights.0.is_empty()
    }

    fn absorb(&mut self, mut other: Self, mut keep: impl FnMut(&K) -> bool) -> Result<(), SameKey> {
        let (of_lefts, behind) = (self.lefts.len(), other.lefts.into_iter().filter(|(key, _)| keep(key)));
        self.lefts.extend(behind);
        let (own, others) = self.lefts.split_at(of_lefts);
        let mut known = Keys(HashTable::with_capacity(own.len()));
        own.iter().for_each(|(key, _)| known.insert(key));
        let is_known = |key: &K| known.contains(&key) || self.rights.contains(key);
        if others.iter().any(|(key, _)| is_known(key))
            || other.rights.0.iter().any(|key| keep(key) && is_known(key))
        {
            return Err(SameKey);
        }
        other.rights.0.drain().filter(|key| keep(key)).for_each(|key| self.rights.insert(key));
        Ok(())
    }
}

/// Keys, each once. What comes out of them in no order is never seen.
///
/// The hasher is no field, so that a hash does not wait until it is known which of several windows is asked.
#[derive(Clone, Debug)]
struct Keys<K>(HashTable<K>);

impl<K: Hash + Eq> Keys<K> {
    #[inline(always)]
    fn insert(&mut self, key: K) {
        let hasher = FixedState::default();
        let hash = hasher.hash_one(&key);
        if let Entry::Vacant(vacant) =
            self.0.entry(hash, |other| *other == key, |other| hasher.hash_one(other))
        {
            vacant.insert(key);
        }
    }

    #[inline(always)]
    fn contains(&self, key: &K) -> bool {
        self.0.find(FixedState::default().hash_one(key), |other| other == key).is_some()
    }
}

impl<K: Serialize> Serialize for Keys<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de, K: Deserialize<'de> + Hash + Eq> Deserialize<'de> for Keys<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = Vec::<K>::deserialize(deserializer)?;
        let mut keys = Keys(HashTable::with_capacity(saved.len()));
        saved.into_iter().for_each(|key| keys.insert(key));
        Ok(keys)
    }
}
