//! The least and the greatest of values that can be taken back.

use std::collections::BTreeMap;

use super::{Aggregate, Merge, Retract};

/// The least and the greatest value, both at once, where values are taken back (rule F3).
///
/// Keeps every different value, with how often it came, so that the next one is known when an extreme goes: `O(log values)`
/// each. Where nothing is taken back [`Min`](super::Min) and [`Max`](super::Max) keep one value.
///
/// # Examples
///
/// ```
/// use streamweave::operator::{Aggregate, Extremes, Retract};
///
/// let mut prices = Extremes::new();
/// [40, 70, 20, 70].into_iter().for_each(|price| prices.add(price));
/// assert_eq!(prices.output(), (20, 70));
/// prices.retract(20);
/// prices.retract(70);
/// assert_eq!(prices.output(), (40, 70), "one of two is left");
/// ```
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(bound(serialize = "V: serde::Serialize + Ord", deserialize = "V: serde::Deserialize<'de> + Ord"))]
pub struct Extremes<V>(BTreeMap<V, u64>);

impl<V> Extremes<V> {
    /// Nothing yet.
    pub fn new() -> Self {
        Extremes(BTreeMap::new())
    }
}

impl<V> Default for Extremes<V> {
    fn default() -> Self {
        Extremes::new()
    }
}

impl<V: Ord + Clone> Aggregate<V> for Extremes<V> {
    type Output = (V, V);

    fn add(&mut self, value: V) {
        *self.0.entry(value).or_insert(0) += 1;
    }

    fn output(&self) -> (V, V) {
        let ends = self.0.first_key_value().zip(self.0.last_key_value());
        let ((least, _), (greatest, _)) = ends.expect("asked for only after a value");
        (least.clone(), greatest.clone())
    }
}

impl<V: Ord + Clone> Merge for Extremes<V> {
    fn merge(&mut self, later: &Self) {
        for (value, count) in &later.0 {
            *self.0.entry(value.clone()).or_insert(0) += count;
        }
    }
}

impl<V: Ord + Clone> Retract<V> for Extremes<V> {
    fn retract(&mut self, value: V) {
        if let Some(count) = self.0.get_mut(&value) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&value);
            }
        }
    }
}
