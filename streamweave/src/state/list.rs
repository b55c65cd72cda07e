//! A list that belongs to a node as a whole.

use std::ops::Deref;

use super::{Fields, Mismatch, State, Storable};

/// Values in order, for the state of a node that keeps nothing by key.
///
/// A list has no keys to go by when the number of shards of a graph changes: whoever makes it says what becomes of it then (rule H10).
/// [`split`](List::split) deals its values out, each to one shard; [`union`](List::union) gives every shard all of them. It is written
/// whole at each checkpoint.
///
/// # Examples
///
/// ```
/// use streamweave::state::List;
///
/// let mut open = List::split();
/// open.push("a.csv");
/// open.push("b.csv");
/// open.retain(|file| *file != "a.csv");
/// assert_eq!(open[..], ["b.csv"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<V> {
    values: Vec<V>,
    redistribution: Redistribution,
}

/// What becomes of a [`List`] when the number of shards changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redistribution {
    /// Each value goes to one shard.
    Split,
    /// Each shard gets all values.
    Union,
}

impl<V> List<V> {
    /// An empty list whose values are dealt out, each to one shard.
    pub const fn split() -> Self {
        List { values: Vec::new(), redistribution: Redistribution::Split }
    }

    /// An empty list that every shard gets the whole of.
    pub const fn union() -> Self {
        List { values: Vec::new(), redistribution: Redistribution::Union }
    }

    /// Puts a value at the end.
    pub fn push(&mut self, value: V) {
        self.values.push(value);
    }

    /// Takes the last value.
    pub fn pop(&mut self) -> Option<V> {
        self.values.pop()
    }

    /// Keeps the values of which `keep` says so.
    pub fn retain(&mut self, keep: impl FnMut(&V) -> bool) {
        self.values.retain(keep);
    }

    /// Takes all values.
    pub fn take(&mut self) -> Vec<V> {
        std::mem::take(&mut self.values)
    }
}

impl<V> Deref for List<V> {
    type Target = [V];

    fn deref(&self) -> &[V] {
        &self.values
    }
}

impl<V> Extend<V> for List<V> {
    fn extend<I: IntoIterator<Item = V>>(&mut self, values: I) {
        self.values.extend(values);
    }
}

impl<V: Storable> State for List<V> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.list(&mut self.values, self.redistribution)
    }
}
