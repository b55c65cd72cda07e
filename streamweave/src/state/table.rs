//! A hash table whose entries hold their keys, as it is saved.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SameKey;

/// What a [`Table`] holds.
pub(crate) trait Entry {
    /// What it is found by.
    type Key: Hash + Eq;

    /// Its key.
    fn key(&self) -> &Self::Key;
}

/// A hash table of entries that are never listed: only looked up, by keys that [`FixedState::default`] hashes.
#[derive(Clone, Debug)]
pub(crate) struct Table<E>(pub(crate) HashTable<E>);

impl<E> Table<E> {
    /// No entry.
    pub(crate) const fn new() -> Self {
        Table(HashTable::new())
    }
}

impl<E: Entry> Table<E> {
    /// Forgets the keys of which `keep` does not say so.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&E::Key) -> bool) {
        self.0.retain(|entry| keep(entry.key()));
    }

    /// Takes over the entries of another table.
    ///
    /// # Errors
    ///
    /// A key is in both.
    pub(crate) fn absorb(&mut self, other: Self) -> Result<(), SameKey> {
        let hasher = FixedState::default();
        for entry in other.0 {
            let hash = hasher.hash_one(entry.key());
            if self.0.find(hash, |known| known.key() == entry.key()).is_some() {
                return Err(SameKey);
            }
            self.0.insert_unique(hash, entry, |entry| hasher.hash_one(entry.key()));
        }
        Ok(())
    }
}

impl<E: Serialize> Serialize for Table<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl<'de, E: Entry + Deserialize<'de>> Deserialize<'de> for Table<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

struct Entries<E>(PhantomData<E>);

impl<'de, E: Entry + Deserialize<'de>> Visitor<'de> for Entries<E> {
    type Value = Table<E>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the entries of a table")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Table<E>, A::Error> {
        let mut table = HashTable::new();
        let hasher = FixedState::default();
        while let Some(entry) = entries.next_element::<E>()? {
            table.insert_unique(hasher.hash_one(entry.key()), entry, |entry| hasher.hash_one(entry.key()));
        }
        Ok(Table(table))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::{decode, encode};
    use super::*;

    impl Entry for (u64, u64) {
        type Key = u64;

        fn key(&self) -> &u64 {
            &self.0
        }
    }

    #[test]
    fn what_is_loaded_is_found_by_its_keys() {
        let hasher = FixedState::default();
        let mut table = Table::<(u64, u64)>::new();
        for key in 0..1_000 {
            table.0.insert_unique(hasher.hash_one(key), (key, key * 3), |entry| hasher.hash_one(entry.0));
        }
        let mut bytes = Vec::new();
        encode(&table, &mut bytes);
        let loaded: Table<(u64, u64)> = decode(&bytes).expect("it is what was saved");
        for key in 0..1_001_u64 {
            let found = loaded.0.find(hasher.hash_one(key), |entry| entry.0 == key);
            assert_eq!(found.copied(), (key < 1_000).then_some((key, key * 3)));
        }
    }

    #[test]
    fn two_tables_come_together_unless_a_key_is_in_both() {
        let hasher = FixedState::default();
        let of = |keys: std::ops::Range<u64>| {
            let mut table = Table::<(u64, u64)>::new();
            for key in keys {
                table.0.insert_unique(hasher.hash_one(key), (key, key * 3), |entry| hasher.hash_one(entry.0));
            }
            table
        };
        let (mut table, mut other) = (of(0..300), of(200..500));
        table.retain(|key| key % 2 == 0);
        other.retain(|key| key % 2 == 1);
        assert_eq!(table.absorb(other), Ok(()));
        for key in 0..500_u64 {
            let found = table.0.find(hasher.hash_one(key), |entry| entry.0 == key);
            let is_there = if key % 2 == 0 { key < 300 } else { key >= 200 };
            assert_eq!(found.copied(), is_there.then_some((key, key * 3)));
        }
        assert_eq!(table.absorb(of(201..202)), Err(SameKey));
    }
}
