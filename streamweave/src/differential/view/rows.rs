//! The rows of a few batches, added up.

use std::ops::Range;
use std::sync::Arc;

use crate::differential::consolidation::consolidate;
use crate::differential::trace::Batch;
use crate::envelope::Abelian;

/// Rows in order of key and value, each once, with how many there are of it.
#[derive(Clone, Debug)]
pub struct Rows<'a, K, V, R> {
    /// The batches, each with the numbers of the keys that are to come.
    batches: Vec<(&'a Batch<K, V, (), R>, Range<usize>)>,
    key: Option<&'a K>,
    /// The rows of that key that are to come, the last one first.
    values: Vec<(&'a V, R)>,
}

impl<'a, K: Ord + Clone, V: Ord + Clone, R: Abelian> Rows<'a, K, V, R> {
    /// Those of some keys: `keys` says which numbers they have in a batch.
    pub(super) fn new(
        batches: &'a [Arc<Batch<K, V, (), R>>],
        keys: impl Fn(&'a Batch<K, V, (), R>) -> Range<usize>,
    ) -> Self {
        let batches = batches.iter().map(|batch| (&**batch, keys(batch)));
        let batches = batches.filter(|(_, keys)| !keys.is_empty()).collect();
        Rows { batches, key: None, values: Vec::new() }
    }

    /// Goes on to the next key, of which there may be nothing.
    fn next_key(&mut self) -> Option<()> {
        let first = |(batch, keys): &(&'a Batch<K, V, (), R>, Range<usize>)| &batch.keys()[keys.start];
        let key = self.batches.iter().map(first).min()?;
        self.key = Some(key);
        let mut found = 0;
        for (batch, keys) in &mut self.batches {
            // A null key is not equal to itself.
            if batch.keys()[keys.start].cmp(key).is_eq() {
                found += 1;
                let changes = batch.changes(keys.start);
                self.values.extend(changes.map(|place| (batch.value(place), batch.diff(place).clone())));
                keys.start += 1;
            }
        }
        self.batches.retain(|(_, keys)| !keys.is_empty());
        if found > 1 {
            let added = consolidate(&mut self.values);
            assert!(added.is_ok(), "that it can be counted was seen to before it was shown");
        }
        self.values.reverse();
        Some(())
    }
}

impl<'a, K: Ord + Clone, V: Ord + Clone, R: Abelian> Iterator for Rows<'a, K, V, R> {
    type Item = (&'a K, &'a V, R);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((value, diff)) = self.values.pop() {
                return Some((self.key?, value, diff));
            }
            self.next_key()?;
        }
    }
}
