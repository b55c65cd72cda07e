//! What was saved is not what is to be loaded.

use std::any::type_name;

use super::codec::Unreadable;

/// What was saved does not fit the type that it is to be loaded into (rule H11).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the state of node `{node}` does not fit: `{path}` was saved as `{stored}` and is to be `{expected}` now: {reason}; restore what can \
     be read by serde's `default`, `alias` or `deserialize_with`, or drop the state of the node"
)]
pub struct Mismatch {
    /// The node.
    pub node: String,
    /// The field, and what is in it down to where they differ.
    pub path: String,
    /// The type that was saved.
    pub stored: String,
    /// The type that is to be loaded.
    pub expected: &'static str,
    /// Where they differ.
    pub reason: String,
}

/// A field of a node, for errors.
pub(super) struct At<'s> {
    pub(super) node: &'s str,
    pub(super) field: &'s str,
}

impl At<'_> {
    #[cold]
    pub(super) fn mismatch<V>(&self, stored: &str, Unreadable { path, reason }: Unreadable) -> Mismatch {
        let path = if path == "." { self.field.to_owned() } else { format!("{}.{path}", self.field) };
        let (node, stored) = (self.node.to_owned(), stored.to_owned());
        Mismatch { node, path, stored, expected: type_name::<V>(), reason }
    }

    #[cold]
    pub(super) fn indivisible<V>(&self, stored: &str) -> Mismatch {
        let reason = "it belongs to no key, differs between the shards, and nothing says what it is to be in another number of them";
        self.mismatch::<V>(stored, Unreadable { path: ".".to_owned(), reason: reason.to_owned() })
    }

    #[cold]
    pub(super) fn is_large<V>(&self, stored: &str) -> Mismatch {
        let reason = "it was saved as a `LargeMap`, which a `Map` is not loaded from".to_owned();
        self.mismatch::<V>(stored, Unreadable { path: ".".to_owned(), reason })
    }

    #[cold]
    pub(super) fn kind_differs<V>(&self, stored: &str) -> Mismatch {
        let reason = "one is a map by key, and the other a value".to_owned();
        self.mismatch::<V>(stored, Unreadable { path: ".".to_owned(), reason })
    }
}
