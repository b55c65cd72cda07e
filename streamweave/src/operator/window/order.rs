//! In which order the panes of one window come.

use std::cmp::Ordering;

/// In which order the panes of one window come.
pub trait PaneOrder<K> {
    /// Whether panes, which stand by first arrival of their keys, are to be sorted.
    const SORTS: bool;

    /// The order of the panes of two keys.
    fn compare(a: &K, b: &K) -> Ordering;
}

/// By first arrival of the key in the window.
#[derive(Clone, Copy, Debug)]
pub struct ByArrival;

/// By key.
#[derive(Clone, Copy, Debug)]
pub struct ByKey;

impl<K> PaneOrder<K> for ByArrival {
    const SORTS: bool = false;

    fn compare(_a: &K, _b: &K) -> Ordering {
        Ordering::Equal
    }
}

impl<K: Ord> PaneOrder<K> for ByKey {
    const SORTS: bool = true;

    fn compare(a: &K, b: &K) -> Ordering {
        a.cmp(b)
    }
}
