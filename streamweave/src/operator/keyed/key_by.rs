//! The key of each row.

use crate::envelope::Keyed;
use crate::operator::element::Map;
use crate::operator::{Gives, Key, Linear, View};
use crate::port::Edge;

/// Puts each row beside the key that it belongs to; keyed operators keep keys apart.
///
/// A key is anything that is `Hash + Eq + Clone`.
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
