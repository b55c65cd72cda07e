//! The payloads that the library itself puts into an envelope.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A value and the key that it belongs to: what `key_by` makes and keyed operators take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
// By this name a row is known to have a key, where operators over rows of any type are divided by it.
#[serde(rename = "streamweave::Keyed")]
pub struct Keyed<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
}

/// A key that may be absent, where what is absent belongs to nobody: the null of SQL, and the NaN of numbers.
///
/// Two keys that are there are equal as their values are. One that is null equals nothing, itself included, so that in a
/// [join](crate::operator::join) it meets nothing (rule E11); in an outer join its row comes out without a partner.
/// `Option<K>` follows Rust's equality: there `None` meets `None`.
///
/// It is [`Eq`], as a key must be, although `Eq` promises that all is equal to itself: other operators take each row of a null key
/// for one of a key of its own, which they keep and find by looking through all of them. Filter such rows out before an
/// aggregate.
///
/// # Examples
///
/// ```
/// use streamweave::envelope::Nullable;
///
/// let (there, null) = (Nullable::from(Some(5)), Nullable::<i32>::from(None));
/// assert!(there == there && there == Nullable::from(5));
/// assert!(there != null && null != null);
/// assert_eq!(there.into_option(), Some(5));
/// ```
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nullable<K>(Option<K>);

impl<K> Nullable<K> {
    /// The key that equals nothing.
    pub const NULL: Self = Nullable(None);

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.0.is_none()
    }

    /// The key, if there is one.
    pub fn as_option(&self) -> Option<&K> {
        self.0.as_ref()
    }

    /// The key, if there is one.
    pub fn into_option(self) -> Option<K> {
        self.0
    }
}

impl<K> From<Option<K>> for Nullable<K> {
    fn from(key: Option<K>) -> Self {
        Nullable(key)
    }
}

impl<K> From<K> for Nullable<K> {
    fn from(key: K) -> Self {
        Nullable(Some(key))
    }
}

impl<K: PartialEq> PartialEq for Nullable<K> {
    fn eq(&self, other: &Self) -> bool {
        matches!((&self.0, &other.0), (Some(key), Some(other)) if key == other)
    }
}

/// Null is not equal to itself; see [`Nullable`].
impl<K: Eq> Eq for Nullable<K> {}

/// Null comes first. Null keys are in one place in this order, though they do not equal each other: so rows of null keys can be
/// sorted, and what is put in is found when it is taken back.
impl<K: Ord> Ord for Nullable<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K: Ord> PartialOrd for Nullable<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Hash> Hash for Nullable<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// What an `err` port carries: the input that a node could not take, and why.
///
/// A node that takes its input by value has none left to give: its `err` port carries
/// `Failed<(), E>`, unless it keeps a clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Failed<A, E> {
    /// The input, where the node only borrowed it, or kept a clone.
    pub input: A,
    /// Why it failed.
    pub error: E,
}
