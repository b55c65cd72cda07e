//! Rows by key that come and stay: what is saved of them is what has come since.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::codec::{Unreadable, decode};
use super::divide::SAME_KEY;
use super::part::{Content, Part, Saving};
use super::records::{no_entries, record, slots_of};
use super::saved_as::SavedAs;
use super::shard::Shard;
use super::stable_hash::stable_hash_of_bytes;
use super::storable::Storable;

/// Rows in order of arrival, which do not change and do not go one by one.
///
/// Whose a row is its owner knows, by a table of its own. In a graph with checkpoints the keys of the rows that came since the last cut
/// are noted beside them; where everything is to be saved anew the owner is asked for all. It is saved as a [`Map`](super::Map) is, a
/// row a slot. A cut copies nothing: the rows that it freezes are written in slices while others come.
#[derive(Clone, Debug)]
pub(crate) struct KeyedRows<K, V> {
    rows: Vec<V>,
    /// Where the graph has checkpoints: the keys of the rows from `saved` on.
    new: Vec<K>,
    is_tracked: bool,
    /// How many rows the cuts so far have frozen.
    saved: usize,
    /// What the cut at hand has not written yet, and the keys of these rows, the last one first.
    frozen: Range<usize>,
    keys: Vec<K>,
    /// Whether a part has to say that these are all rows.
    is_full: bool,
    is_pending: bool,
    saved_as: SavedAs,
}

impl<K, V> Default for KeyedRows<K, V> {
    fn default() -> Self {
        KeyedRows::new()
    }
}

impl<K, V> KeyedRows<K, V> {
    /// No rows.
    pub(crate) const fn new() -> Self {
        KeyedRows {
            rows: Vec::new(),
            new: Vec::new(),
            is_tracked: false,
            saved: 0,
            frozen: 0..0,
            keys: Vec::new(),
            is_full: false,
            is_pending: false,
            saved_as: SavedAs::new(),
        }
    }

    /// The number of rows.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row at a place.
    #[inline(always)]
    pub(crate) fn get(&self, place: usize) -> Option<&V> {
        self.rows.get(place)
    }

    /// Adds a row of a key.
    #[inline(always)]
    pub(crate) fn push(&mut self, key: &K, row: V)
    where
        K: Clone,
    {
        if self.is_tracked {
            self.new.push(key.clone());
        }
        self.rows.push(row);
    }

    /// Adds a row that was loaded.
    pub(crate) fn push_loaded(&mut self, row: V) {
        self.rows.push(row);
        self.saved = self.rows.len();
    }

    /// What is here was loaded from this field as it was saved: the next cut goes on from there.
    pub(super) fn goes_on(&mut self, node: &str, field: &str, cut: u64) {
        self.saved_as.set(node, field, cut);
        self.is_tracked = true;
    }

    /// Freezes the rows that have come since the last cut, or all, of which `all` gives the keys; and writes as many as the budget allows.
    pub(super) fn cut(
        &mut self,
        node: &str,
        field: &str,
        saving: &mut Saving,
        all: impl FnOnce(&Self) -> Vec<K>,
    ) where
        K: Storable,
        V: Storable,
    {
        let is_full = !self.saved_as.cut(node, field, saving) || saving.full;
        self.keys = if is_full { all(self) } else { std::mem::take(&mut self.new) };
        self.keys.reverse();
        self.new.clear();
        self.is_tracked = true;
        self.frozen = if is_full { 0 } else { self.saved }..self.rows.len();
        debug_assert_eq!(self.keys.len(), self.frozen.len(), "each row has a key");
        self.saved = self.rows.len();
        self.is_full = is_full;
        self.is_pending = is_full || !self.frozen.is_empty();
        self.slice(saving);
    }

    /// Writes more of what is frozen, as long as the budget lasts.
    pub(super) fn slice(&mut self, saving: &mut Saving)
    where
        K: Storable,
        V: Storable,
    {
        let Some(saved_as) = self.saved_as.name().filter(|_| self.is_pending) else { return };
        saving.seen.insert(Arc::clone(&saved_as));
        if saving.budget == 0 {
            saving.unfinished.insert(saved_as);
            return;
        }
        let end = self.frozen.end.min(self.frozen.start.saturating_add(saving.budget));
        let mut bytes = Vec::new();
        for place in self.frozen.start..end {
            let key = self.keys.pop().expect("each row that is frozen has a key");
            let number = u32::try_from(place).expect("places are 32 bits wide");
            record(number, Some(&key), &self.rows[place], &mut bytes);
        }
        let entries = end - self.frozen.start;
        saving.budget -= entries;
        let slots = u32::try_from(self.frozen.end).expect("places are 32 bits wide");
        saving.parts.push(Part {
            node: saved_as.0.clone(),
            field: saved_as.1.clone(),
            type_name: format!("{} -> {}", std::any::type_name::<K>(), std::any::type_name::<V>()),
            content: Content::Stripe { number: 0, slots, full: std::mem::take(&mut self.is_full) },
            entries: entries as u64,
            bytes,
        });
        self.frozen.start = end;
        self.is_pending = end < self.frozen.end;
        if self.is_pending {
            saving.unfinished.insert(saved_as);
        }
    }
}

/// Adds the rows that were saved, in their order, each with its key; of a shard those that belong to it, of keys that no other shard has
/// saved.
pub(super) fn load<'a, K: Storable, V: Storable>(
    pieces: impl Iterator<Item = (u16, u32, bool, &'a [u8])>,
    shard: Option<Shard>,
    known: &mut HashSet<Vec<u8>>,
    rows: &mut Vec<(K, V)>,
) -> Result<(), Unreadable> {
    let mut new = HashSet::new();
    for slot in slots_of(pieces)?.iter().flat_map(|slots| slots.iter()) {
        let (key, value) = slot.ok_or_else(no_entries)?;
        if let Some(shard) = shard {
            if !shard.owns(stable_hash_of_bytes(key)) {
                continue;
            }
            if known.contains(key) {
                return Err(Unreadable::broken(SAME_KEY));
            }
            if !new.contains(key) {
                new.insert(key.to_vec());
            }
        }
        rows.push((decode(key)?, decode(value)?));
    }
    known.extend(new);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Chance;
    use super::super::fields::Fields;
    use super::super::loading::Loading;
    use super::*;

    /// Rows whose keys their owner keeps in a vector.
    #[derive(Clone, Default)]
    struct Owner {
        keys: Vec<u32>,
        rows: KeyedRows<u32, String>,
    }

    impl Owner {
        fn push(&mut self, key: u32) {
            self.keys.push(key);
            self.rows.push(&key, format!("row {}", self.keys.len()));
        }

        fn visit(&mut self, fields: &mut Fields<'_>) {
            let keys = &self.keys;
            let loaded = fields.keyed_rows("rows", &mut self.rows, |_| keys.clone()).expect("the same type");
            for (key, row) in loaded {
                self.keys.push(key);
                self.rows.push_loaded(row);
            }
        }

        fn all(&self) -> Vec<(u32, String)> {
            self.keys.iter().copied().zip(self.rows.rows.iter().cloned()).collect()
        }
    }

    fn loaded(parts: &[Part]) -> Owner {
        let mut loading = Loading::of_one();
        for part in parts {
            let file = loading.file(part.bytes.clone());
            loading.piece(part, file, 0..part.bytes.len());
        }
        let mut owner = Owner::default();
        owner.visit(&mut Fields::load(&mut loading));
        owner
    }

    #[test]
    fn what_is_cut_while_rows_come_is_what_there_was_at_the_cut() {
        for seed in 0..60 {
            let mut chance = Chance(seed);
            let (mut owner, mut parts, mut number) = (Owner::default(), Vec::<Part>::new(), 0);
            for cut in 0..12 {
                (0..chance.below(80)).for_each(|_| owner.push(chance.below(20) as u32));
                if chance.below(9) == 0 {
                    owner = Owner::default();
                } else if chance.below(5) == 0 && cut > 0 {
                    // A restart behind the last cut.
                    owner = loaded(&parts);
                    number = 0;
                }
                (0..chance.below(30)).for_each(|_| owner.push(chance.below(20) as u32));
                let expected = owner.all();
                number += 1;
                let full = cut == 0 || chance.below(6) == 0;
                let mut saving = Saving { full, number, budget: chance.below(40), ..Saving::default() };
                owner.visit(&mut Fields::cut(&mut saving));
                let mut unfinished = !saving.unfinished.is_empty();
                parts.append(&mut saving.parts);
                while unfinished {
                    (0..chance.below(9)).for_each(|_| owner.push(chance.below(20) as u32));
                    let mut saving = Saving { budget: 1 + chance.below(40), ..Saving::default() };
                    owner.visit(&mut Fields::slice(&mut saving));
                    unfinished = !saving.unfinished.is_empty();
                    parts.append(&mut saving.parts);
                }
                assert_eq!(loaded(&parts).all(), expected, "seed {seed}, cut {cut}");
            }
        }
    }

    #[test]
    fn bytes_written_follow_what_came() {
        let mut owner = Owner::default();
        (0..10_000).for_each(|key| owner.push(key));
        let mut number = 0;
        let mut written = |owner: &mut Owner| {
            number += 1;
            let mut saving = Saving { full: number == 1, number, budget: usize::MAX, ..Saving::default() };
            owner.visit(&mut Fields::cut(&mut saving));
            saving.parts.iter().map(|part| part.bytes.len()).sum::<usize>()
        };
        assert!(written(&mut owner) > 100_000);
        assert_eq!(written(&mut owner), 0);
        (0..10).for_each(|key| owner.push(key));
        assert!((100..300).contains(&written(&mut owner)));
    }
}
