//! A value for each key, made of what was added to it.

use std::fmt;
use std::hash::Hash;

use super::{Fields, Map, Mismatch, State, Storable};

/// A map whose values are what a function makes of all that was added under their keys, for the state of a node.
///
/// # Examples
///
/// ```
/// use streamweave::state::Reducing;
///
/// let mut longest = Reducing::new(|longest: &mut String, name: String| {
///     if name.len() > longest.len() {
///         *longest = name;
///     }
/// });
/// for name in ["Bo", "Ann", "Bea"] {
///     longest.add(name.chars().next(), name.to_owned());
/// }
/// assert_eq!(longest.get(&Some('B')).map(String::as_str), Some("Bea"));
/// ```
#[derive(Clone)]
pub struct Reducing<K, V, F = fn(&mut V, V)> {
    values: Map<K, V>,
    reduce: F,
}

impl<K: fmt::Debug, V: fmt::Debug, F> fmt::Debug for Reducing<K, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.values.iter()).finish()
    }
}

impl<K: Hash + Eq, V, F: FnMut(&mut V, V)> Reducing<K, V, F> {
    /// An empty map; `reduce` adds a value to what the ones before came to.
    pub const fn new(reduce: F) -> Self {
        Reducing { values: Map::new(), reduce }
    }

    /// Adds a value; gives what all of the key come to now.
    #[inline]
    pub fn add(&mut self, key: K, value: V) -> &V {
        let mut new = Some(value);
        let known = self.values.entry(key, || new.take().expect("it is made once"));
        if let Some(value) = new {
            (self.reduce)(known, value);
        }
        known
    }

    /// What the values of a key come to.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }

    /// Removes a key; gives what its values came to.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.values.remove(key)
    }

    /// Every key and what its values come to, in an order that a restore keeps.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.values.iter()
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Where two shards have kept values of the same key, the shard that owns it reduces them.
impl<K: Storable + Hash + Eq, V: Storable, F: FnMut(&mut V, V)> State for Reducing<K, V, F> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.reducing(&mut self.values, &mut self.reduce)
    }
}
