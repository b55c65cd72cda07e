//! A part of a map: its slots, and which of them a checkpoint has yet to write.

use std::sync::Arc;

use hashbrown::HashTable;
use serde::Serialize;

use super::super::bits::Bits;
use super::super::part::{Content, Part, Saving};
use super::super::records::record;

/// Writes the records of slots: of each its place, doubled, and one more where its key is written, too.
pub(in super::super) type Encode<K, V> = fn(&[Slot<K, V>], &[u32], &mut Vec<u8>);

/// See [`Encode`].
pub(in super::super) fn encode<K: Serialize, V: Serialize>(
    slots: &[Slot<K, V>],
    places: &[u32],
    bytes: &mut Vec<u8>,
) {
    for &at in places {
        let Slot { key, value } = &slots[(at >> 1) as usize];
        record(at >> 1, (at & 1 == 1).then_some(key), value, bytes);
    }
}

/// How many slots are handed over together to be written.
const TOGETHER: usize = 64;

/// A slot of more bytes than this is not read ahead.
const NEAR: usize = 128;

/// What each change looks at stands first, in two lines of the cache.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(in super::super) struct Stripe<K, V> {
    pub(in super::super) index: HashTable<u32>,
    pub(in super::super) slots: Vec<Slot<K, V>>,
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
pub(in super::super) struct Slot<K, V> {
    pub(in super::super) key: K,
    pub(in super::super) value: V,
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
    /// Whether some of it was written.
    is_begun: bool,
    /// Where the next slots that are due are looked for.
    next: usize,
}

/// What a slice has written of a stripe.
pub(in super::super) struct Written {
    content: Content,
    bytes: Vec<u8>,
    entries: usize,
    /// What the entries count for.
    weights: usize,
}

impl Written {
    /// Adds it to what was saved of a map by `K`.
    pub(in super::super) fn into_part<K, V>(self, saved_as: &Arc<(String, String)>, saving: &mut Saving) {
        let Written { content, bytes, entries, weights } = self;
        saving.budget = saving.budget.saturating_sub(weights);
        let (node, field) = (**saved_as).clone();
        let type_name = format!("{} -> {}", std::any::type_name::<K>(), std::any::type_name::<V>());
        saving.parts.push(Part { node, field, type_name, content, entries: entries as u64, bytes });
    }
}

impl<K, V> Default for Stripe<K, V> {
    fn default() -> Self {
        Stripe::with_capacity(0)
    }
}

impl<K, V> Stripe<K, V> {
    /// No slots, and room for some.
    pub(in super::super) fn with_capacity(slots: usize) -> Self {
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
    pub(in super::super) fn is_saved(&mut self) {
        self.saved = self.len();
    }

    /// Whether something of what was here was saved.
    pub(in super::super) fn has_saved(&self) -> bool {
        self.saved > 0
    }

    fn len(&self) -> u32 {
        u32::try_from(self.slots.len()).expect("places are 32 bits wide")
    }

    /// An entry is about to change: it is written out first, if a cut has frozen it.
    #[inline]
    pub(in super::super) fn touch(&mut self, place: u32, encode: Encode<K, V>) {
        if self.changed.mark(place) {
            self.has_changed = true;
            if self.is_pending {
                self.keep(place, encode);
            }
        }
    }

    /// Every entry is about to change, or to go.
    pub(in super::super) fn touch_all(&mut self, encode: Encode<K, V>) {
        (0..self.len()).for_each(|place| self.touch(place, encode));
    }

    /// A slot has come, or has another key.
    #[inline]
    pub(in super::super) fn appeared(&mut self, place: u32) {
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
    pub(in super::super) fn clear(&mut self) {
        self.slots.clear();
        self.index.clear();
    }

    /// Freezes what has changed since the last cut, or everything. `always`: be it nothing.
    pub(in super::super) fn cut(&mut self, full: bool, always: bool) {
        let slots = self.len();
        // Of one that came to nothing something is left.
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
        let cut = &mut self.cut;
        (cut.slots, cut.full, cut.is_begun, cut.next) = (slots, full, false, 0);
    }

    /// Writes more of what a cut has frozen of state by `A` that is all in this stripe, as long as the budget lasts.
    pub(in super::super) fn slice<A, B>(
        &mut self,
        encode: Encode<K, V>,
        saved_as: Arc<(String, String)>,
        saving: &mut Saving,
    ) {
        if self.is_pending {
            saving.seen.insert(Arc::clone(&saved_as));
        }
        if saving.budget > 0
            && let Some(written) = self.write(0, encode, None, saving.budget)
        {
            written.into_part::<A, B>(&saved_as, saving);
        }
        if self.is_pending {
            saving.unfinished.insert(saved_as);
        }
    }

    /// Writes more of what a cut has frozen, for as long as the budget lasts; `None` where nothing is left.
    pub(in super::super) fn write(
        &mut self,
        number: u16,
        encode: Encode<K, V>,
        weight: Option<fn(&V) -> usize>,
        budget: usize,
    ) -> Option<Written> {
        if !self.is_pending {
            return None;
        }
        let cut = &mut self.cut;
        // What has changed since was written as it was, and what is gone, too.
        let mut bytes = std::mem::take(&mut cut.before);
        let mut entries = std::mem::take(&mut cut.changed);
        let mut weights = 0;
        while weights < budget {
            let mut together = [0; TOGETHER];
            let number = cut.due.take_first(&mut cut.next, &mut together);
            let together = &mut together[..number];
            for at in &mut *together {
                *at = *at << 1 | u32::from(cut.full || cut.renamed.get(*at));
            }
            bring_near(&mut self.slots, together);
            encode(&self.slots, together, &mut bytes);
            entries += number;
            weights += weight.map_or(number, |weight| {
                together.iter().map(|at| weight(&self.slots[(at >> 1) as usize].value)).sum()
            });
            if number < TOGETHER {
                self.is_pending = false;
                self.saved = cut.slots;
                cut.renamed.reset();
                break;
            }
        }
        let full = cut.full && !std::mem::replace(&mut cut.is_begun, true);
        Some(Written { content: Content::Stripe { number, slots: cut.slots, full }, bytes, entries, weights })
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
