//! The payloads that the library itself puts into an envelope.

use serde::{Deserialize, Serialize};

/// A value and the key that it belongs to: what `key_by` makes and keyed operators take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Keyed<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
}

/// What an `err` port carries: the input that a node could not take, and why.
///
/// A node that takes its input by value has none left to give: its `err` port carries
/// `Failed<(), E>`, unless it keeps a clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Failed<A, E> {
    /// The input, where the node only borrowed it, or kept a clone.
    pub input: A,
    /// Why it failed.
    pub error: E,
}
