//! The key of each row.

use crate::envelope::Keyed;
use crate::operator::element::Map;
use crate::operator::{Gives, Linear};
use crate::port::Edge;

/// Puts each row beside the key that it belongs to; keyed operators keep keys apart.
pub fn key_by<K, V, T, R, F>(
    _input: Edge<V, T, R>,
    mut key: F,
) -> Linear<Map<impl FnMut(V) -> Keyed<K, V>>, Gives<Keyed<K, V>>>
where
    F: FnMut(&V) -> K,
{
    Linear::new(Map(move |value: V| Keyed { key: key(&value), value }), Gives::new())
}
