//! Which of the things that have come to an owner have yet to be saved.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::codec::{Unreadable, decode};
use super::divide::SAME_KEY;
use super::part::{Content, Part, Saving};
use super::records::{no_entries, slots_of};
use super::saved_as::SavedAs;
use super::shard::Shard;
use super::stable_hash::stable_hash_of_bytes;
use super::storable::Storable;

/// Things that come and stay until all of them go, and which of them have yet to be saved.
///
/// They are kept by their owner; what of a thing is noted here, an `E`, says where it is. In a graph with checkpoints those are noted that
/// came since the last cut; where everything is to be saved anew, and more has come than was noted, the owner is asked for all. They are
/// saved as a [`Map`](super::Map) is, a thing a slot, by arrival. A cut copies nothing: what it freezes is written in slices while others
/// come. Where they go meanwhile, what is frozen and not yet written is encoded first, as the [`Rest`].
#[derive(Clone, Debug)]
pub(crate) struct Arrivals<E> {
    /// Where the graph has checkpoints: those from `saved` on.
    new: Vec<E>,
    is_tracked: bool,
    /// How many the cuts so far have frozen.
    saved: usize,
    /// What the cut at hand has not written yet; and these, the last one first.
    frozen: Range<usize>,
    due: Vec<E>,
    /// Whether a part has to say that these are all.
    is_full: bool,
    is_pending: bool,
    saved_as: SavedAs,
}

impl<E> Default for Arrivals<E> {
    fn default() -> Self {
        Arrivals::new()
    }
}

impl<E> Arrivals<E> {
    /// Nothing has come, and nothing is noted.
    pub(crate) const fn new() -> Self {
        Arrivals {
            new: Vec::new(),
            is_tracked: false,
            saved: 0,
            frozen: 0..0,
            due: Vec::new(),
            is_full: false,
            is_pending: false,
            saved_as: SavedAs::new(),
        }
    }

    /// Nothing has come, and what comes is noted.
    pub(crate) fn tracked() -> Self {
        Arrivals { is_tracked: true, ..Arrivals::new() }
    }

    /// Whether what comes is to be noted.
    #[inline(always)]
    pub(crate) fn is_tracked(&self) -> bool {
        self.is_tracked
    }

    /// Notes one that comes.
    #[inline(always)]
    pub(crate) fn note(&mut self, arrival: E) {
        self.new.push(arrival);
    }

    /// So many were loaded.
    pub(super) fn loaded(&mut self, number: usize) {
        self.saved = number;
    }

    /// What is here was loaded from this field as it was saved: the next cut goes on from there.
    pub(super) fn goes_on(&mut self, node: &str, field: &str, cut: u64) {
        self.saved_as.set(node, field, cut);
        self.is_tracked = true;
    }

    /// Freezes what has come since the last cut, or all, which `all` gives.
    pub(super) fn cut(&mut self, node: &str, field: &str, saving: &Saving, all: impl FnOnce() -> Vec<E>) {
        let is_full = !self.saved_as.cut(node, field, saving) || saving.full;
        let is_noted = self.is_tracked && self.saved == 0;
        if is_full && !is_noted {
            (self.saved, self.due) = (0, all());
            self.new.clear();
        } else {
            self.due.clear();
            std::mem::swap(&mut self.due, &mut self.new);
        }
        self.due.reverse();
        self.is_tracked = true;
        self.frozen = self.saved..self.saved + self.due.len();
        self.saved = self.frozen.end;
        self.is_full = is_full;
        self.is_pending = is_full || !self.frozen.is_empty();
    }

    /// Writes more of what is frozen, as long as the budget lasts: `write` appends the record of an arrival, under its number.
    pub(super) fn slice<K, V>(&mut self, saving: &mut Saving, write: impl FnMut(&E, u32, &mut Vec<u8>)) {
        let Some(saved_as) = self.saved_as.name().filter(|_| self.is_pending) else { return };
        saving.seen.insert(Arc::clone(&saved_as));
        if saving.budget == 0 {
            saving.unfinished.insert(saved_as);
            return;
        }
        let part = self.write::<K, V>(&saved_as, saving.budget, write);
        saving.budget -= part.entries as usize;
        saving.parts.push(part);
        if self.is_pending {
            saving.unfinished.insert(saved_as);
        }
    }

    /// All are about to go, and others may come under another name: what is left to be written of these.
    pub(crate) fn empty<K, V>(&mut self, write: impl FnMut(&E, u32, &mut Vec<u8>)) -> Option<Rest> {
        let saved_as = self.saved_as.name().filter(|_| self.is_pending);
        let rest = saved_as.map(|saved_as| {
            let part = self.write::<K, V>(&saved_as, usize::MAX, write);
            Rest { saved_as, part }
        });
        let (mut new, mut due) = (std::mem::take(&mut self.new), std::mem::take(&mut self.due));
        new.clear();
        due.clear();
        *self = Arrivals { new, due, ..Arrivals::tracked() };
        rest
    }

    fn write<K, V>(
        &mut self,
        saved_as: &(String, String),
        budget: usize,
        mut write: impl FnMut(&E, u32, &mut Vec<u8>),
    ) -> Part {
        let number = |place: usize| u32::try_from(place).expect("places are 32 bits wide");
        let end = self.frozen.end.min(self.frozen.start.saturating_add(budget));
        let mut bytes = Vec::new();
        for place in self.frozen.start..end {
            let arrival = self.due.pop().expect("each that is frozen was noted");
            write(&arrival, number(place), &mut bytes);
        }
        let entries = (end - self.frozen.start) as u64;
        self.frozen.start = end;
        self.is_pending = end < self.frozen.end;
        let full = std::mem::take(&mut self.is_full);
        let (node, field) = saved_as.clone();
        let type_name = format!("{} -> {}", std::any::type_name::<K>(), std::any::type_name::<V>());
        let content = Content::Stripe { number: 0, slots: number(self.frozen.end), full };
        Part { node, field, type_name, content, entries, bytes }
    }
}

/// What a cut has frozen of things that have gone, and no slice has written yet.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    saved_as: Arc<(String, String)>,
    part: Part,
}

impl Rest {
    /// Writes it, in the slice that follows.
    pub(super) fn write(self, saving: &mut Saving) {
        saving.seen.insert(self.saved_as);
        saving.parts.push(self.part);
    }
}

/// Adds the things that were saved, in their order, each with its key; of a shard those that belong to it, of keys that no other shard has
/// saved.
pub(super) fn load<'a, K: Storable, V: Storable>(
    pieces: impl Iterator<Item = (u16, u32, bool, &'a [u8])>,
    shard: Option<Shard>,
    known: &mut HashSet<Vec<u8>>,
    things: &mut Vec<(K, V)>,
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
        things.push((decode(key)?, decode(value)?));
    }
    known.extend(new);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Chance;
    use super::super::fields::Fields;
    use super::super::loading::Loading;
    use super::super::records::record;
    use super::*;

    /// Things that are their own keys.
    #[derive(Clone, Default)]
    struct Owner {
        things: Vec<String>,
        arrivals: Arrivals<usize>,
        rest: Vec<Rest>,
        number: usize,
        /// How often it was asked for all.
        asked: usize,
    }

    impl Owner {
        fn push(&mut self, thing: String) {
            if self.arrivals.is_tracked() {
                self.arrivals.note(self.things.len());
            }
            self.things.push(thing);
        }

        fn empty(&mut self) {
            let things = std::mem::take(&mut self.things);
            let write =
                |at: &usize, number, bytes: &mut Vec<u8>| record(number, Some(&things[*at]), &(), bytes);
            self.rest.extend(self.arrivals.empty::<String, ()>(write));
            self.number += 1;
        }

        fn visit(&mut self, fields: &mut Fields<'_>) {
            fields.rest(&mut self.rest);
            let Owner { things, arrivals, asked, .. } = self;
            let all = || {
                *asked += 1;
                (0..things.len()).collect()
            };
            let write =
                |at: &usize, number, bytes: &mut Vec<u8>| record(number, Some(&things[*at]), &(), bytes);
            let name = self.number.to_string();
            let loaded: Vec<(String, ())> =
                fields.arrivals(&name, arrivals, all, write).expect("the same type");
            things.extend(loaded.into_iter().map(|(thing, ())| thing));
        }
    }

    fn loaded(parts: &[Part], number: usize) -> Owner {
        let mut loading = Loading::of_one();
        for part in parts {
            let file = loading.file(part.bytes.clone());
            loading.piece(part, file, 0..part.bytes.len());
        }
        let mut owner = Owner { number, ..Owner::default() };
        owner.visit(&mut Fields::load(&mut loading));
        owner
    }

    #[test]
    fn what_goes_while_it_is_written_is_saved_as_it_was_and_what_comes_in_its_place_by_itself() {
        let mut emptied = 0;
        for seed in 0..80 {
            let mut chance = Chance(seed);
            let mut owner = Owner { arrivals: Arrivals::tracked(), ..Owner::default() };
            let (mut parts, mut number, mut is_new) = (Vec::<Part>::new(), 0, true);
            let some = |owner: &mut Owner, chance: &mut Chance| {
                (0..chance.below(60)).for_each(|_| owner.push(chance.below(999).to_string()));
            };
            for _ in 0..12 {
                some(&mut owner, &mut chance);
                match chance.below(6) {
                    0 => {
                        owner.empty();
                        some(&mut owner, &mut chance);
                    }
                    1 if !is_new => {
                        // A restart behind the last cut.
                        owner = loaded(&parts, owner.number);
                        number = 0;
                        some(&mut owner, &mut chance);
                    }
                    _ => {}
                }
                let (expected, name) = (owner.things.clone(), owner.number);
                number += 1;
                let full = is_new || chance.below(6) == 0;
                let mut saving = Saving { full, number, budget: chance.below(40), ..Saving::default() };
                owner.visit(&mut Fields::cut(&mut saving));
                is_new = false;
                let mut unfinished = std::mem::take(&mut saving.unfinished);
                parts.append(&mut saving.parts);
                while !unfinished.is_empty() {
                    if chance.below(4) == 0 {
                        owner.empty();
                        emptied += owner.rest.len();
                    }
                    some(&mut owner, &mut chance);
                    let mut saving = Saving { budget: 1 + chance.below(40), ..Saving::default() };
                    owner.visit(&mut Fields::slice(&mut saving));
                    assert!(unfinished.is_subset(&saving.seen), "seed {seed}: something was forgotten");
                    unfinished = std::mem::take(&mut saving.unfinished);
                    parts.append(&mut saving.parts);
                }
                assert_eq!(loaded(&parts, name).things, expected, "seed {seed}, cut {number}");
                // What is there under another name is saved anew with the next cut.
                is_new |= owner.number != name;
            }
        }
        assert!(emptied > 50, "{emptied}");
    }

    #[test]
    fn all_are_asked_for_only_where_not_all_were_noted() {
        let mut number = 0;
        let mut cut = |owner: &mut Owner, full| {
            number += 1;
            let mut saving = Saving { full, number, budget: usize::MAX, ..Saving::default() };
            owner.visit(&mut Fields::cut(&mut saving));
            (saving.parts.iter().map(|part| part.entries).sum::<u64>(), owner.asked)
        };
        let mut owner = Owner { arrivals: Arrivals::tracked(), ..Owner::default() };
        (0..9).for_each(|thing| owner.push(thing.to_string()));
        assert_eq!(cut(&mut owner, true), (9, 0));
        (0..2).for_each(|thing| owner.push(thing.to_string()));
        assert_eq!(cut(&mut owner, false), (2, 0));
        assert_eq!(cut(&mut owner, true), (11, 1));
        owner.empty();
        (0..3).for_each(|thing| owner.push(thing.to_string()));
        assert_eq!(cut(&mut owner, false), (3, 1));
    }
}
