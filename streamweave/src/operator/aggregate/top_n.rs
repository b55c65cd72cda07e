//! The greatest values.

use super::{Aggregate, Merge};

/// The `n` greatest values, the greatest first; of equal ones those that came first.
///
/// Keeps `n` values; one that is among them costs `O(n)`, any other one comparison. Of no values (`n` = 0) it gives none.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     bids = from_iter([(1, 40), (3, 70), (5, 20), (8, 70), (12, 10)]);
///     best = tumbling(10.secs()).aggregate(|| TopN::new(2));
///     bids -> event_time(|&(secs, _)| EventTime::from_secs(secs), bounded(0.secs()))
///         -> map(|(_, price)| price) -> key_by(|_| ()) -> best -> map(|pane| pane.value.value) -> top;
///     best.late -> discard;
///     top = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.top, [vec![70, 70], vec![10]]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct TopN<V> {
    n: usize,
    /// The greatest first.
    values: Vec<V>,
}

impl<V> TopN<V> {
    /// None yet, and never more than `n`.
    pub fn new(n: usize) -> Self {
        TopN { n, values: Vec::new() }
    }
}

impl<V: Ord + Clone> Aggregate<V> for TopN<V> {
    type Output = Vec<V>;

    #[inline]
    fn add(&mut self, value: V) {
        if self.values.len() >= self.n && self.values.last().is_none_or(|least| value <= *least) {
            return;
        }
        let rank = self.values.partition_point(|other| *other >= value);
        self.values.insert(rank, value);
        self.values.truncate(self.n);
    }

    fn output(&self) -> Vec<V> {
        self.values.clone()
    }
}

impl<V: Ord + Clone> Merge for TopN<V> {
    fn merge(&mut self, later: &Self) {
        later.values.iter().for_each(|value| self.add(value.clone()));
    }
}
