//! What the changes of a query that updates its rows add up to.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use streamweave::prelude::*;

/// The rows that are there after the changes so far, each with how often.
#[derive(Debug)]
pub(super) struct Relation<R>(HashMap<R, i64>);

impl<R> Default for Relation<R> {
    fn default() -> Self {
        Relation(HashMap::new())
    }
}

impl<R: Hash + Eq + Debug> Relation<R> {
    /// Takes in a change.
    pub(super) fn change(&mut self, Update { data, diff, .. }: Update<R, EventTime, i64>) {
        *self.0.entry(data).or_default() += diff;
    }

    /// The rows, each as often as it is there, in no order.
    ///
    /// # Panics
    ///
    /// If a row was taken back more often than it was there.
    pub(super) fn rows(self) -> Vec<R>
    where
        R: Clone,
    {
        let copies = |(row, count): (R, i64)| {
            let count = usize::try_from(count).unwrap_or_else(|_| panic!("{row:?} is there {count} times"));
            std::iter::repeat_n(row, count)
        };
        self.0.into_iter().flat_map(copies).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(changes: &[(&'static str, i64)]) -> Relation<&'static str> {
        let mut relation = Relation::default();
        for &(data, diff) in changes {
            relation.change(Update { data, time: EventTime::from_secs(0), diff });
        }
        relation
    }

    #[test]
    fn what_is_taken_back_is_gone_and_what_is_there_twice_comes_twice() {
        let mut rows = relation(&[("loom", -1), ("yarn", 2), ("loom", 1), ("weft", 1), ("weft", -1)]).rows();
        rows.push("loom");
        rows.sort_unstable();
        assert_eq!(rows, ["loom", "yarn", "yarn"]);
    }

    #[test]
    #[should_panic(expected = "\"loom\" is there -1 times")]
    fn what_was_never_there_cannot_be_taken_back() {
        relation(&[("loom", -1)]).rows();
    }
}
