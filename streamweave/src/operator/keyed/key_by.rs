//! The key of each row.

use crate::envelope::Keyed;
use crate::operator::element::Map;
use crate::operator::{Gives, Key, Linear, View};
use crate::port::Edge;

/// Puts each row beside the key that it belongs to; keyed operators keep keys apart.
///
/// What elsewhere is called `group_by`, `keyBy` or `partition_by`. It gathers no groups: what is to become of the rows of a key
/// says the operator behind it, an aggregate of a window or a running one. Keeps nothing.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     words = from_iter(["warp", "weft", "yarn", "wool"]);
///     words -> key_by(|word| word.chars().next()) -> count() -> map(|count| (count.key, count.value)) -> counts;
///     counts = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.counts, [(Some('w'), 1), (Some('w'), 2), (Some('y'), 1), (Some('w'), 3)]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "group_by")]
#[doc(alias = "partition_by")]
pub fn key_by<K, V, T, R, F>(
    _input: Edge<V, T, R>,
    mut key: F,
) -> F::Node<K::Node<Linear<Map<impl FnMut(V) -> Keyed<K, V>>, Gives<Keyed<K, V>>>>>
where
    K: Key,
    F: View<V, K>,
{
    F::node(K::node(Linear::new(Map(move |value: V| Keyed { key: key(&value), value }), Gives::new())))
}
