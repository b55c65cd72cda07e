//! What a visit that saves has written.

use std::collections::BTreeSet;
use std::sync::Arc;

/// What a visit has written.
#[derive(Debug, Default)]
pub struct Saving {
    /// Whether everything is to be written, and not only what has changed since the last cut.
    pub full: bool,
    /// The number of the cut, counted from 1 since the graph was started.
    pub number: u64,
    /// How many more entries a slice may write.
    pub budget: usize,
    /// The maps of which a slice was due, by node and field: one that was and is not any more was dropped while it was being saved.
    pub seen: BTreeSet<Arc<(String, String)>>,
    /// The maps of which entries are left for another slice.
    pub unfinished: BTreeSet<Arc<(String, String)>>,
    /// What has been written, to be taken away.
    pub parts: Vec<Part>,
    /// The maps that there are, by node and field, whether they have changed or not.
    pub maps: Vec<(String, String)>,
}

/// A piece of the state, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The node, and those around it, separated by dots.
    pub node: String,
    /// The field, and those around it, separated by dots.
    pub field: String,
    /// The type, for people.
    pub type_name: String,
    /// What the bytes are.
    pub content: Content,
    /// How many entries they are, of a map.
    pub entries: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What the bytes of a [`Part`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Content {
    /// A value, whole.
    Value,
    /// Entries of one stripe of a [`Map`](super::Map) that were written since the last part of that stripe.
    Stripe {
        /// Which stripe.
        number: u16,
        /// How many slots it has: what lies behind was removed.
        slots: u32,
        /// Whether these are all of its entries.
        full: bool,
    },
    /// Keys of a map that were written or removed since the last part of it, each with its value or without.
    Log {
        /// Whether these and those that follow are all of its entries: what was written before counts no more.
        full: bool,
        /// Whether each key is there once and in order, and behind those of the sorted part before it in the same file, unless it
        /// begins a run.
        sorted: bool,
        /// Whether it begins a run, being sorted: its keys follow on none. Files of before there were runs do not say.
        #[serde(default)]
        begins: bool,
    },
}

impl Content {
    /// Whether it is of a map by key, which says in parts what has changed.
    pub(crate) fn is_of_map(self) -> bool {
        match self {
            Content::Value => false,
            Content::Stripe { .. } | Content::Log { .. } => true,
        }
    }
}
