//! How many different values.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::FixedState;

use super::{Aggregate, Merge, Retract};

/// How many different values, exactly.
///
/// Keeps each of them, with how often it came, so that one can be taken back.
///
/// # Examples
///
/// ```
/// use streamweave::operator::{Aggregate, DistinctCount, Retract};
///
/// let mut words = DistinctCount::new();
/// ["to", "be", "or", "not", "to", "be"].into_iter().for_each(|word| words.add(word));
/// assert_eq!(words.output(), 4);
/// words.retract("to");
/// assert_eq!(words.output(), 4, "one of two is left");
/// words.retract("to");
/// assert_eq!(words.output(), 3);
/// ```
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(bound(
    serialize = "V: serde::Serialize",
    deserialize = "V: serde::Deserialize<'de> + Eq + std::hash::Hash"
))]
pub struct DistinctCount<V>(HashMap<V, u64, FixedState>);

impl<V> DistinctCount<V> {
    /// None yet.
    pub fn new() -> Self {
        DistinctCount(HashMap::default())
    }
}

impl<V> Default for DistinctCount<V> {
    fn default() -> Self {
        DistinctCount::new()
    }
}

impl<V: Hash + Eq> Aggregate<V> for DistinctCount<V> {
    type Output = u64;

    #[inline]
    fn add(&mut self, value: V) {
        *self.0.entry(value).or_insert(0) += 1;
    }

    #[inline]
    fn output(&self) -> u64 {
        self.0.len() as u64
    }
}

impl<V: Hash + Eq + Clone> Merge for DistinctCount<V> {
    fn merge(&mut self, later: &Self) {
        for (value, count) in &later.0 {
            *self.0.entry(value.clone()).or_insert(0) += count;
        }
    }
}

impl<V: Hash + Eq> Retract<V> for DistinctCount<V> {
    fn retract(&mut self, value: V) {
        if let Some(count) = self.0.get_mut(&value) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&value);
            }
        }
    }
}
