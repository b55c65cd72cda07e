//! A hash table whose entries hold their keys, as it is saved.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
}
