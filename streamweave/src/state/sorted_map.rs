//! A map whose keys have an order.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::ops::RangeBounds;

use super::{Fields, Map, Mismatch, State, Storable};

/// A value for each key, in the order of the keys, for the state of a node.
///
/// It is a [`Map`], saved at a cost that follows the change, and beside it its keys in order; a look-up costs what it costs there, an
/// insertion of a new key and a removal the logarithm of the number of keys more.
///
/// # Examples
///
/// ```
/// use streamweave::state::SortedMap;
///
/// let mut prices = SortedMap::new();
/// for (time, price) in [(30, 7), (10, 5), (20, 6)] {
///     prices.insert(time, price);
/// }
/// assert!(prices.range(15..).eq([(&20, &6), (&30, &7)]));
/// assert_eq!(prices.first(), Some((&10, &5)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct SortedMap<K, V> {
    entries: Map<K, V>,
    order: BTreeSet<K>,
}

impl<K: Hash + Ord + Clone, V> SortedMap<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        SortedMap { entries: Map::new(), order: BTreeSet::new() }
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// The value of a key, made by `init` where the key is new.
    pub fn entry(&mut self, key: K, init: impl FnOnce() -> V) -> &mut V {
        if !self.entries.contains_key(&key) {
            self.order.insert(key.clone());
        }
        self.entries.entry(key, init)
    }

    /// Sets the value of a key; gives the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if !self.entries.contains_key(&key) {
            self.order.insert(key.clone());
        }
        self.entries.insert(key, value)
    }

    /// Removes a key; gives its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.order.remove(key);
        self.entries.remove(key)
    }

    /// The least key and its value.
    pub fn first(&self) -> Option<(&K, &V)> {
        self.order.first().map(|key| (key, self.value(key)))
    }

    /// The greatest key and its value.
    pub fn last(&self) -> Option<(&K, &V)> {
        self.order.last().map(|key| (key, self.value(key)))
    }

    /// Removes the least key; gives it with its value.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let key = self.order.pop_first()?;
        let value = self.entries.remove(&key).expect("every key in order has a value");
        Some((key, value))
    }

    /// The keys of a range with their values, in order.
    pub fn range(&self, range: impl RangeBounds<K>) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.order.range(range).map(|key| (key, self.value(key)))
    }

    /// Every key with its value, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.order.iter().map(|key| (key, self.value(key)))
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn value(&self, key: &K) -> &V {
        self.entries.get(key).expect("every key in order has a value")
    }
}

impl<K: Storable + Hash + Ord + Clone, V: Storable> State for SortedMap<K, V> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.entries.fields(fields)?;
        if fields.is_loading() {
            self.order = self.entries.iter().map(|(key, _)| key.clone()).collect();
        }
        Ok(())
    }
}
