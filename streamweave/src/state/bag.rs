//! Things at places that stay, saved as they come and go.

use std::ops::Index;

use serde::{Deserialize, Serialize};

use super::codec::{Unreadable, decode};
use super::divide::SAME_KEY;
use super::map::stripe::{Encode, Slot, Stripe, encode};
use super::part::Saving;
use super::records::{no_entries, slots_of};
use super::saved_as::SavedAs;
use super::storable::Storable;

/// Things without keys, each at a place that is its own until it is taken.
///
/// Places that have become free are used again, the last one first: which they are depends on what came and went, in which order, and on
/// nothing else (rule Z1). It is saved as a [`KeySlab`](super::KeySlab) is, a place a slot: what has come or gone since the last cut, in
/// slices. It is for graphs with checkpoints: each change is noted.
#[derive(Clone, Debug)]
pub(crate) struct Bag<D> {
    entries: Stripe<(), Held<D>>,
    /// The place that is used next, or [`NONE`].
    free: u32,
    len: usize,
    encode: Encode<(), Held<D>>,
    saved_as: SavedAs,
}

/// What is at a place.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Held<D> {
    #[serde(rename = "d")]
    Thing(D),
    /// Nothing, and the place that is used after this one, or [`NONE`].
    #[serde(rename = "f")]
    Free(u32),
}

/// No place.
const NONE: u32 = u32::MAX;

impl<D> Held<D> {
    fn thing(&self) -> Option<&D> {
        match self {
            Held::Thing(thing) => Some(thing),
            Held::Free(_) => None,
        }
    }
}

impl<D> Bag<D> {
    /// Puts a thing in; gives its place.
    ///
    /// # Panics
    ///
    /// Where there would be more than 2^31 things.
    #[inline]
    pub(crate) fn put(&mut self, thing: D) -> u32 {
        let place = self.free;
        self.len += 1;
        if place == NONE {
            return self.append(thing);
        }
        self.entries.touch(place, self.encode);
        let before = std::mem::replace(&mut self.entries.slots[place as usize].value, Held::Thing(thing));
        self.free = match before {
            Held::Free(next) => next,
            Held::Thing(_) => unreachable!("a place that is free has nothing"),
        };
        place
    }

    #[inline]
    fn append(&mut self, thing: D) -> u32 {
        let place = u32::try_from(self.entries.slots.len()).ok().filter(|place| *place < 1 << 31);
        let place = place.expect("at most 2^31 things in one bag");
        self.entries.slots.push(Slot { key: (), value: Held::Thing(thing) });
        self.entries.appeared(place);
        place
    }

    /// Takes the thing at a place, which has become free.
    ///
    /// # Panics
    ///
    /// Where it was.
    #[inline]
    pub(crate) fn take(&mut self, place: u32) -> D {
        self.entries.touch(place, self.encode);
        let freed = std::mem::replace(&mut self.entries.slots[place as usize].value, Held::Free(self.free));
        (self.free, self.len) = (place, self.len - 1);
        match freed {
            Held::Thing(thing) => thing,
            Held::Free(_) => panic!("there is nothing at place {place}"),
        }
    }

    /// The things, in the order of their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &D)> {
        (0..).zip(&self.entries.slots).filter_map(|(place, slot)| Some((place, slot.value.thing()?)))
    }
}

impl<D: Storable> Bag<D> {
    /// Nothing.
    pub(crate) fn new() -> Self {
        let (entries, saved_as) = (Stripe::default(), SavedAs::new());
        Bag { entries, free: NONE, len: 0, encode, saved_as }
    }

    /// The place that is used next: what is saved beside the things.
    pub(super) fn next_free(&mut self) -> &mut u32 {
        &mut self.free
    }

    /// What is here was loaded from this field as it was saved: the next cut goes on from there.
    pub(super) fn goes_on(&mut self, node: &str, field: &str, cut: u64) {
        self.saved_as.set(node, field, cut);
    }

    /// Freezes what has changed since the last cut, or everything; and writes as much of it as the budget allows.
    pub(super) fn cut(&mut self, node: &str, field: &str, saving: &mut Saving) {
        let is_known = self.saved_as.cut(node, field, saving);
        self.entries.cut(saving.full || !is_known, !saving.full);
        self.slice(saving);
    }

    /// Writes more of what is frozen, as long as the budget lasts.
    pub(super) fn slice(&mut self, saving: &mut Saving) {
        if let Some(saved_as) = self.saved_as.name() {
            self.entries.slice::<u32, D>(self.encode, saved_as, saving);
        }
    }

    /// Loads what was saved, at the places at which it was.
    pub(super) fn load<'a>(
        &mut self,
        pieces: impl Iterator<Item = (u16, u32, bool, &'a [u8])>,
    ) -> Result<(), Unreadable> {
        if !self.entries.slots.is_empty() {
            return Err(Unreadable::broken(SAME_KEY));
        }
        for slot in slots_of(pieces)?.iter().flat_map(|slots| slots.iter()) {
            let (_, value) = slot.ok_or_else(no_entries)?;
            let value: Held<D> = decode(value)?;
            self.len += usize::from(value.thing().is_some());
            self.entries.slots.push(Slot { key: (), value });
        }
        self.entries.is_saved();
        Ok(())
    }

    /// Whether the free places are those that the entries say; which a load has to know before one of them is used.
    pub(super) fn is_whole(&self) -> bool {
        let slots = &self.entries.slots;
        let mut next = self.free;
        for _ in self.len..slots.len() {
            let Some(Slot { value: Held::Free(after), .. }) = slots.get(next as usize) else { return false };
            next = *after;
        }
        next == NONE
    }
}

impl<D> Index<u32> for Bag<D> {
    type Output = D;

    #[inline]
    fn index(&self, place: u32) -> &D {
        self.entries.slots[place as usize].value.thing().expect("there is something")
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::Fields;
    use super::super::loading::Loading;
    use super::super::{Chance, Part};
    use super::*;

    type Tested = Bag<Option<u64>>;

    fn loaded(parts: &[Part]) -> Tested {
        let mut loading = Loading::of_one();
        for part in parts {
            let file = loading.file(part.bytes.clone());
            loading.piece(part, file, 0..part.bytes.len());
        }
        let mut bag = Tested::new();
        Fields::load(&mut loading).bag("bag", &mut bag).expect("the same type");
        bag
    }

    fn things(bag: &Tested) -> Vec<(u32, Option<u64>)> {
        bag.iter().map(|(place, thing)| (place, *thing)).collect()
    }

    /// The same change of all of them, which comes to the same places.
    fn change(bags: &mut [&mut Tested], chance: &mut Chance) {
        let (at, is_going, thing) = (chance.below(150), chance.below(2) == 0, chance.below(1_000) as u64);
        let taken = bags[0].iter().nth(at).map(|(place, _)| place).filter(|_| is_going);
        let changed = bags.iter_mut().map(|bag| match taken {
            Some(place) => (place, bag.take(place)),
            None => {
                let thing = (thing > 20).then_some(thing);
                (bag.put(thing), thing)
            }
        });
        let changed: Vec<_> = changed.collect();
        assert!(changed.windows(2).all(|pair| pair[0] == pair[1]), "{changed:?}");
    }

    #[test]
    fn what_is_cut_while_it_changes_has_the_same_places_and_gives_the_same_ones_next() {
        for seed in 0..60 {
            let (mut chance, mut bag) = (Chance(seed), Tested::new());
            let (mut parts, mut number) = (Vec::<Part>::new(), 0);
            for cut in 0..12 {
                (0..chance.below(200)).for_each(|_| change(&mut [&mut bag], &mut chance));
                if chance.below(6) == 0 && cut > 0 {
                    // A restart behind the last cut.
                    bag = loaded(&parts);
                    number = 0;
                    (0..chance.below(50)).for_each(|_| change(&mut [&mut bag], &mut chance));
                }
                let mut expected = bag.clone();
                number += 1;
                let full = cut == 0 || chance.below(6) == 0;
                let mut saving = Saving { full, number, budget: chance.below(70), ..Saving::default() };
                Fields::cut(&mut saving).bag("bag", &mut bag).expect("nothing is loaded");
                let mut unfinished = !saving.unfinished.is_empty();
                parts.append(&mut saving.parts);
                while unfinished {
                    (0..chance.below(30)).for_each(|_| change(&mut [&mut bag], &mut chance));
                    let mut saving = Saving { budget: 1 + chance.below(70), ..Saving::default() };
                    Fields::slice(&mut saving).bag("bag", &mut bag).expect("nothing is loaded");
                    assert!(!saving.seen.is_empty());
                    unfinished = !saving.unfinished.is_empty();
                    parts.append(&mut saving.parts);
                }
                let mut restored = loaded(&parts);
                assert_eq!(things(&restored), things(&expected), "seed {seed}, cut {cut}");
                assert_eq!(restored.len, expected.len);
                let mut chance = chance.clone();
                (0..300).for_each(|_| change(&mut [&mut restored, &mut expected], &mut chance));
                assert_eq!(things(&restored), things(&expected), "seed {seed}, cut {cut}, afterwards");
            }
        }
    }

    #[test]
    fn bytes_written_follow_the_change() {
        let (mut bag, mut number) = (Tested::new(), 0);
        (0..10_000).for_each(|thing| _ = bag.put(Some(thing)));
        let mut written = |bag: &mut Tested| {
            number += 1;
            let mut saving = Saving { full: number == 1, number, budget: usize::MAX, ..Saving::default() };
            Fields::cut(&mut saving).bag("bag", bag).expect("nothing is loaded");
            let slots = saving.parts.iter().filter(|part| part.content.is_of_map());
            slots.map(|part| part.bytes.len()).sum::<usize>()
        };
        assert!(written(&mut bag) > 80_000);
        assert_eq!(written(&mut bag), 0);
        // Those that go, and that come in their places.
        (0..20).for_each(|place| _ = bag.take(place * 77));
        (0..10).for_each(|thing| _ = bag.put(Some(thing)));
        assert!((100..300).contains(&written(&mut bag)));
    }

    #[test]
    fn free_places_that_are_not_free_are_refused() {
        let mut bag = Tested::new();
        (0..4).for_each(|thing| _ = bag.put(Some(thing)));
        bag.take(2);
        bag.take(1);
        assert!(bag.is_whole());
        for free in [NONE, 0, 2, 9] {
            *bag.next_free() = free;
            assert!(!bag.is_whole(), "{free}");
        }
    }
}
