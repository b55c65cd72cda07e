//! Counts texts, kept end to end in one buffer.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Gather;

/// Counts distinct texts; gives `(text, count)` in the order in which the texts first came.
///
/// As [`Tally<String>`](super::Tally), for many texts: a new one is appended to one buffer and costs no allocation of its
/// own, and counting one again touches less memory. It holds at most 2^32 texts.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     lines = from_iter(["to be", "or not", "to be"]);
///     lines -> flat_map_ref(TextTally::new(), |line, words| {
///         for word in line.split_whitespace() {
///             words.add(word);
///         }
///     }) -> counts;
///     counts = collect();
/// }
/// .run()
/// .await?;
/// let expected = [("to", 2), ("be", 2), ("or", 1), ("not", 1)];
/// assert_eq!(result.counts, expected.map(|(word, n)| (word.to_owned(), n)));
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TextTally {
    /// The texts, end to end.
    texts: String,
    /// Where each ends, and how often it came.
    counted: Vec<Counted>,
    /// The numbers of the texts, by hash.
    table: HashTable<u32>,
    hasher: FixedState,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    start: usize,
    end: usize,
    count: u64,
}

impl TextTally {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a text.
    ///
    /// # Panics
    ///
    /// Where there would be more than 2^32 texts.
    #[inline]
    pub fn add(&mut self, text: &str) {
        self.add_times(text, 1);
    }

    #[inline(always)]
    fn add_times(&mut self, text: &str, times: u64) {
        let TextTally { texts, counted, table, hasher } = self;
        let hash = hasher.hash_one(text);
        let of = |number: &u32| &counted[*number as usize];
        let same = |number: &u32| texts.as_bytes()[of(number).start..of(number).end] == *text.as_bytes();
        let rehash = |number: &u32| hasher.hash_one(&texts[of(number).start..of(number).end]);
        match table.entry(hash, same, rehash) {
            TableEntry::Occupied(entry) => {
                let number = *entry.get() as usize;
                counted[number].count += times;
            }
            TableEntry::Vacant(slot) => {
                slot.insert(u32::try_from(counted.len()).expect("at most 2^32 texts"));
                let start = texts.len();
                texts.push_str(text);
                counted.push(Counted { start, end: texts.len(), count: times });
            }
        }
    }
}

impl Gather for TextTally {
    type Row = (String, u64);

    fn gathered(&mut self) -> impl Iterator<Item = (String, u64)> {
        let TextTally { texts, counted, .. } = std::mem::take(self);
        counted.into_iter().map(move |Counted { start, end, count }| (texts[start..end].to_owned(), count))
    }
}

/// Saved as the texts with their counts, in the order in which they first came.
impl Serialize for TextTally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let TextTally { texts, counted, .. } = self;
        serializer.collect_seq(counted.iter().map(|of| (&texts[of.start..of.end], of.count)))
    }
}

impl<'de> Deserialize<'de> for TextTally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tally = TextTally::new();
        for (text, count) in Vec::<(String, u64)>::deserialize(deserializer)? {
            tally.add_times(&text, count);
        }
        Ok(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_in_the_order_in_which_they_first_came() {
        let mut tally = TextTally::new();
        let words: Vec<String> = (0..5_000_u64).map(|i| (i * 7_919 % 1_009).to_string()).collect();
        words.iter().for_each(|word| tally.add(word));
        tally.add("");
        let mut expected: Vec<(String, u64)> = Vec::new();
        for word in words.iter().map(String::as_str).chain([""]) {
            match expected.iter_mut().find(|(known, _)| known == word) {
                Some((_, count)) => *count += 1,
                None => expected.push((word.to_owned(), 1)),
            }
        }
        assert_eq!(tally.gathered().collect::<Vec<_>>(), expected);
        assert_eq!(tally.gathered().count(), 0);
    }
}
