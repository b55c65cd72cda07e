//! A part of a map: its slots, and which of them a checkpoint has yet to write.

use hashbrown::HashTable;

use super::super::bits::Bits;

/// Writes the records of slots: of each its place, doubled, and one more where its key is written, too.
pub(super) type Encode<K, V> = fn(&[Slot<K, V>], &[u32], &mut Vec<u8>);

/// How many slots are handed over together to be written.
const TOGETHER: usize = 64;

/// A slot of more bytes than this is not read ahead.
const NEAR: usize = 128;

/// What each change looks at stands first, in two lines of the cache.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Stripe<K, V> {
    pub(super) index: HashTable<u32>,
    pub(super) slots: Vec<Slot<K, V>>,
    /// Slots that were written since the last cut; those that are gone may be among them.
    changed: Bits,
    has_changed: bool,
    /// Whether a cut has frozen what no slice has written yet.
    is_pending: bool,
    /// Slots that have had another key since the last cut.
    renamed: Bits,
    cut: Cut,
    /// How many slots were saved last.
    saved: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Slot<K, V> {
    pub(super) key: K,
    pub(super) value: V,
}

/// What a cut has frozen of a stripe, and no slice has written yet.
#[derive(Clone, Debug, Default)]
struct Cut {
    /// Slots that are to be written, and are still as they were at the cut.
    due: Bits,
    renamed: Bits,
    slots: u32,
    /// Entries that have changed meanwhile, as they were, with their keys.
    before: Vec<u8>,
    /// How many they are.
    changed: usize,
    full: bool,
}

/// What a slice has written of a stripe.
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) entries: usize,
    /// What the entries count for.
    pub(super) weights: usize,
    pub(super) slots: u32,
    pub(super) full: bool,
}

impl<K, V> Default for Stripe<K, V> {
    fn default() -> Self {
        Stripe::with_capacity(0)
    }
}

impl<K, V> Stripe<K, V> {
    /// No slots, and room for some.
    pub(super) fn with_capacity(slots: usize) -> Self {
        Stripe {
            index: HashTable::with_capacity(slots),
            slots: Vec::with_capacity(slots),
            changed: Bits::new(),
            has_changed: false,
            is_pending: false,
            renamed: Bits::new(),
            cut: Cut::default(),
            saved: 0,
        }
    }

    /// What is here is what was saved.
    pub(super) fn is_saved(&mut self) {
        self.saved = self.len();
    }

    fn len(&self) -> u32 {
        u32::try_from(self.slots.len()).expect("places are 32 bits wide")
    }

    /// An entry is about to change: it is written out first, if a cut has frozen it.
    #[inline]
    pub(super) fn touch(&mut self, place: u32, encode: Encode<K, V>) {
        if self.changed.mark(place) {
            self.has_changed = true;
            if self.is_pending {
                self.keep(place, encode);
            }
        }
    }

    /// Every entry is about to change, or to go.
    pub(super) fn touch_all(&mut self, encode: Encode<K, V>) {
        (0..self.len()).for_each(|place| self.touch(place, encode));
    }

    /// A slot has come, or has another key.
    #[inline]
    pub(super) fn appeared(&mut self, place: u32) {
        self.changed.mark(place);
        self.renamed.mark(place);
        self.has_changed = true;
    }

    /// Writes an entry as it was at the cut.
    fn keep(&mut self, place: u32, encode: Encode<K, V>) {
        if self.cut.due.take(place) {
            encode(&self.slots, &[place << 1 | 1], &mut self.cut.before);
            self.cut.changed += 1;
        }
    }

    /// Removes all that is here.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.index.clear();
    }

    /// Freezes what has changed since the last cut, or everything. `always`: be it nothing.
    pub(super) fn cut(&mut self, full: bool, always: bool) {
        let slots = self.len();
        // What the last cut has left, if it came to nothing, is all 0 otherwise.
        if self.is_pending {
            self.cut.forget();
        }
        let Cut { due, renamed, .. } = &mut self.cut;
        if self.has_changed {
            std::mem::swap(&mut self.changed, due);
            std::mem::swap(&mut self.renamed, renamed);
            due.truncate(slots);
        }
        if full {
            due.fill(slots);
        }
        self.is_pending = self.has_changed || slots != self.saved || full && (slots > 0 || always);
        self.has_changed = false;
        (self.cut.slots, self.cut.full) = (slots, full);
    }

    /// Writes what a cut has frozen; `None` where that is nothing.
    pub(super) fn write(&mut self, encode: Encode<K, V>, weight: Option<fn(&V) -> usize>) -> Option<Written> {
        if !std::mem::take(&mut self.is_pending) {
            return None;
        }
        let cut = &mut self.cut;
        // What has changed since the cut was written as it was, and what is gone, too.
        let mut bytes = std::mem::take(&mut cut.before);
        let mut entries = std::mem::take(&mut cut.changed);
        let mut weights = 0;
        let mut places = cut.due.iter();
        loop {
            let (mut together, mut number) = ([0; TOGETHER], 0);
            for (at, place) in together.iter_mut().zip(&mut places) {
                *at = place << 1 | u32::from(cut.full || cut.renamed.get(place));
                number += 1;
            }
            let together = &together[..number];
            bring_near(&mut self.slots, together);
            encode(&self.slots, together, &mut bytes);
            entries += number;
            weights += weight.map_or(number, |weight| {
                together.iter().map(|at| weight(&self.slots[(at >> 1) as usize].value)).sum()
            });
            if number < TOGETHER {
                break;
            }
        }
        drop(places);
        cut.forget();
        let Cut { slots, full, .. } = *cut;
        self.saved = slots;
        Some(Written { bytes, entries, weights, slots, full })
    }
}

/// Reads slots, so that the cache is waited for once and not for each. What a slot holds is not known here, but that it can be moved: to
/// where it was.
fn bring_near<K, V>(slots: &mut [Slot<K, V>], places: &[u32]) {
    if size_of::<Slot<K, V>>() <= NEAR {
        for at in places {
            let place = (at >> 1) as usize;
            slots.swap(place, std::hint::black_box(place));
        }
    }
}

impl Cut {
    fn forget(&mut self) {
        self.due.reset();
        self.renamed.reset();
        self.before = Vec::new();
        self.changed = 0;
    }
}
