//! A map by key that can be saved while it changes.
//!
//! The entries of a stripe stand in a `Vec` of slots, in order of arrival but for holes, which the last entry fills; an index table finds
//! them by key. A slot is what is saved: a checkpoint holds the slots that were written since the one before, each with its key only where
//! the key is new to the slot, and the number of slots. So bytes written follow the change, and a stripe is loaded slot by slot without
//! its hashes.
//!
//! A cut costs no copy. It hands the list of written slots over to the slices that follow, and an entry that changes before its
//! slice comes is written out as it was first. Whether a slot is in the list stands in the slot, where the change has brought it into the
//! cache anyway. A stripe holds the 256th part of the keys, so that neither its slice nor the growth
//! of its table stops the graph for long.

use std::hash::{BuildHasher, Hash};
use std::ops::Index;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;
use serde::{Serialize, de::DeserializeOwned};

use super::codec::{Unreadable, encode};
use super::divide::{SAME_KEY, SameKey};
use super::part::{Content, Part, Saving};
use super::shard::Shard;
use super::stable_hash::stable_hash_of_bytes;

/// Into how many stripes the keys of a map are divided.
const STRIPES: usize = 256;

/// How many slots are looked at together.
const NEAR: usize = 32;

/// A value for each key, for the state of a node.
///
/// It is saved and loaded as a part of a graph's checkpoints, at a cost that follows what changed, without stopping the graph; in a
/// graph without checkpoints it is a hash map. Entries are given in an order that depends on which keys came and went, in which order, and
/// on nothing else; a restore keeps it (rule Z1). The hasher is fast and has a fixed seed: keys chosen by an adversary can be made to
/// collide.
///
/// # Examples
///
/// ```
/// use streamweave::state::Map;
///
/// let mut totals: Map<String, u64> = Map::new();
/// for (name, value) in [("warp", 3), ("weft", 1), ("warp", 4)] {
///     *totals.entry(name.to_owned(), || 0) += value;
/// }
/// assert_eq!(totals.get("warp"), Some(&7));
/// assert_eq!(totals.remove("weft"), Some(1));
/// assert_eq!(totals.len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Map<K, V> {
    /// Empty until the first key comes.
    stripes: Vec<Stripe<K, V>>,
    hasher: FixedState,
    len: usize,
    /// Where the graph has checkpoints: how to write an entry.
    encode: Option<fn(&K, &V, bool, &mut Vec<u8>)>,
    /// For how many entries each counts that a slice writes, if not for one.
    weight: Option<fn(&V) -> usize>,
    /// The first stripe that the cut at hand has not written.
    next: usize,
    /// Under which node and field it was saved last, and in which cut. What was saved under another name, or was not there in the last
    /// cut, has to be saved whole: a map that was swapped with another, cloned, or taken out and put back.
    saved_as: Option<Arc<(String, String)>>,
    saved_in: u64,
}

#[derive(Clone, Debug)]
struct Stripe<K, V> {
    index: HashTable<u32>,
    slots: Vec<Slot<K, V>>,
    /// Slots that were written since the last cut: twice their place, and one more where the key is new. Those that are gone may be
    /// among them, and some twice.
    written: Vec<u32>,
    /// The number of the next cut, counted from 1.
    epoch: u32,
    cut: Cut,
    /// How many slots were saved last.
    saved: u32,
}

#[derive(Clone, Debug)]
struct Slot<K, V> {
    key: K,
    value: V,
    /// The epoch in which it was written last.
    epoch: u32,
}

/// Where an entry stands, for as long as none is removed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    stripe: u32,
    slot: u32,
}

/// In one table the buckets are numbered.
impl Place {
    #[inline(always)]
    pub(super) fn of_bucket(bucket: usize) -> Self {
        Place { stripe: (bucket as u64 >> 32) as u32, slot: bucket as u32 }
    }

    #[inline(always)]
    pub(super) fn bucket(self) -> usize {
        (u64::from(self.stripe) << 32 | u64::from(self.slot)) as usize
    }
}

/// What a cut has frozen of a stripe, and no slice has written yet.
#[derive(Clone, Debug, Default)]
struct Cut {
    written: Vec<u32>,
    slots: u32,
    /// Entries that have changed meanwhile, as they were, with their keys.
    before: Vec<u8>,
    /// How many they are.
    changed: usize,
    full: bool,
    is_pending: bool,
}

impl<K, V> Default for Stripe<K, V> {
    fn default() -> Self {
        Stripe {
            index: HashTable::new(),
            slots: Vec::new(),
            written: Vec::new(),
            epoch: 1,
            cut: Cut::default(),
            saved: 0,
        }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map::new()
    }
}

impl<K, V> Map<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        Map {
            stripes: Vec::new(),
            hasher: FixedState::with_seed(0),
            len: 0,
            encode: None,
            weight: None,
            next: STRIPES,
            saved_as: None,
            saved_in: 0,
        }
    }

    /// An empty map whose entries count for as many in a slice as `weight` says.
    pub(crate) fn weighing(weight: fn(&V) -> usize) -> Self {
        let mut map = Map::new();
        map.weight = Some(weight);
        map
    }

    /// Whether a cut has frozen what no slice has written yet.
    pub(crate) fn is_frozen(&self) -> bool {
        self.next < self.stripes.len()
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every key with its value, in an order that a restore keeps.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.stripes.iter().flat_map(|stripe| &stripe.slots).map(|slot| (&slot.key, &slot.value))
    }

    /// Every key with its value, which may be changed; all count as written then.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        if let Some(encode) = self.encode {
            for stripe in &mut self.stripes {
                (0..stripe.slots.len() as u32).for_each(|place| stripe.touch(place, encode));
            }
        }
        let slots = self.stripes.iter_mut().flat_map(|stripe| &mut stripe.slots);
        slots.map(|slot| (&slot.key, &mut slot.value))
    }

    /// Every value, as it was loaded, to be made whole; that is no change.
    pub(crate) fn complete(&mut self, mut complete: impl FnMut(&K, &mut V)) {
        self.stripes
            .iter_mut()
            .flat_map(|stripe| &mut stripe.slots)
            .for_each(|slot| complete(&slot.key, &mut slot.value));
    }

    /// Takes every key with its value, in no order that is promised. What a cut has frozen of them can still be written.
    pub(super) fn take_all(&mut self) -> Vec<(K, V)> {
        let mut all = Vec::with_capacity(self.len);
        let is_frozen = self.is_frozen();
        for stripe in &mut self.stripes {
            if let Some(encode) = self.encode.filter(|_| is_frozen) {
                (0..stripe.slots.len()).for_each(|place| stripe.touch(place as u32, encode));
            }
            all.extend(stripe.slots.drain(..).map(|slot| (slot.key, slot.value)));
            stripe.index.clear();
            stripe.written.clear();
        }
        self.len = 0;
        all
    }

    fn stripe(&mut self, hash: u64) -> &mut Stripe<K, V> {
        if self.stripes.is_empty() {
            self.stripes.resize_with(STRIPES, Stripe::default);
        }
        &mut self.stripes[stripe_of(hash)]
    }
}

/// The low bits find a place in a stripe's index, the highest tell its entries apart.
#[inline(always)]
fn stripe_of(hash: u64) -> usize {
    (hash >> 40) as usize % STRIPES
}

impl<K: Hash + Eq, V> Map<K, V> {
    /// The value of a key.
    #[inline]
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let stripe = self.stripes.get(stripe_of(hash))?;
        let place = stripe.index.find(hash, |&place| stripe.slots[place as usize].key.borrow() == key)?;
        Some(&stripe.slots[*place as usize].value)
    }

    /// Whether there is such a key.
    #[inline]
    pub fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: std::borrow::Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The value of a key, to be changed.
    #[inline]
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let encode = self.encode;
        let stripe = self.stripes.get_mut(stripe_of(hash))?;
        let place = *stripe.index.find(hash, |&place| stripe.slots[place as usize].key.borrow() == key)?;
        if let Some(encode) = encode {
            stripe.touch(place, encode);
        }
        Some(&mut stripe.slots[place as usize].value)
    }

    /// The value of a key, made by `init` where the key is new.
    ///
    /// # Panics
    ///
    /// Where a stripe would hold more than 2^31 keys.
    #[inline]
    pub fn entry(&mut self, key: K, init: impl FnOnce() -> V) -> &mut V {
        let Place { stripe, slot } = self.place(key, init);
        &mut self.stripes[stripe as usize].slots[slot as usize].value
    }

    /// As [`entry`](Map::entry): where the value stands.
    #[inline]
    pub(crate) fn place(&mut self, key: K, init: impl FnOnce() -> V) -> Place {
        let hash = self.hasher.hash_one(&key);
        let (hasher, encode) = (self.hasher.clone(), self.encode);
        let len = self.len;
        let stripe = self.stripe(hash);
        let slots = &mut stripe.slots;
        let found = stripe.index.entry(
            hash,
            |&place| slots[place as usize].key == key,
            |&place| hasher.hash_one(&slots[place as usize].key),
        );
        let (place, is_new) = match found {
            TableEntry::Occupied(found) => (*found.get(), false),
            TableEntry::Vacant(vacant) => {
                let place = u32::try_from(slots.len()).ok().filter(|place| *place < 1 << 31);
                let place = place.expect("at most 2^31 keys in one stripe");
                vacant.insert(place);
                slots.push(Slot { key, value: init(), epoch: 0 });
                (place, true)
            }
        };
        if let Some(encode) = encode {
            if is_new {
                stripe.appeared(place);
            } else {
                stripe.touch(place, encode);
            }
        }
        self.len = len + usize::from(is_new);
        Place { stripe: stripe_of(hash) as u32, slot: place }
    }

    /// Where the value of a key stands: to look at it first, and to change it without another look-up.
    #[inline]
    pub(crate) fn find(&self, key: &K) -> Option<Place> {
        let hash = self.hasher.hash_one(key);
        let stripe = self.stripes.get(stripe_of(hash))?;
        let slot = *stripe.index.find(hash, |&place| stripe.slots[place as usize].key == *key)?;
        Some(Place { stripe: stripe_of(hash) as u32, slot })
    }

    /// The key and the value at a place, to be changed.
    #[inline]
    pub(crate) fn at_mut(&mut self, Place { stripe, slot }: Place) -> (&K, &mut V) {
        let stripe = &mut self.stripes[stripe as usize];
        if let Some(encode) = self.encode {
            stripe.touch(slot, encode);
        }
        let Slot { key, value, .. } = &mut stripe.slots[slot as usize];
        (key, value)
    }

    /// Removes what is at a place, and be it of a key that does not equal itself.
    pub(crate) fn remove_at(&mut self, Place { stripe, slot }: Place) -> V {
        let Stripe { index, slots, .. } = &mut self.stripes[stripe as usize];
        let hash = self.hasher.hash_one(&slots[slot as usize].key);
        if let Ok(found) = index.find_entry(hash, |&other| other == slot) {
            found.remove();
        }
        self.fill(stripe as usize, slot)
    }

    /// Sets the value of a key; gives the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let mut new = Some(value);
        let known = self.entry(key, || new.take().expect("it is made once"));
        new.map(|value| std::mem::replace(known, value))
    }

    /// Removes a key; gives its value.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let Stripe { index, slots, .. } = self.stripes.get_mut(stripe_of(hash))?;
        let found = index.find_entry(hash, |&place| slots[place as usize].key.borrow() == key).ok()?;
        let (place, _) = found.remove();
        Some(self.fill(stripe_of(hash), place))
    }

    /// Takes out what is at a place that is indexed no more; the last entry of the stripe fills it.
    fn fill(&mut self, stripe: usize, place: u32) -> V {
        let (hasher, encode) = (&self.hasher, self.encode);
        let stripe = &mut self.stripes[stripe];
        let last = u32::try_from(stripe.slots.len() - 1).expect("places are 32 bits wide");
        if last != place {
            let moved = hasher.hash_one(&stripe.slots[last as usize].key);
            let at = stripe.index.find_mut(moved, |&other| other == last).expect("every slot is indexed");
            *at = place;
        }
        if let Some(encode) = encode {
            stripe.touch(place, encode);
            stripe.touch(last, encode);
        }
        let removed = stripe.slots.swap_remove(place as usize);
        if encode.is_some() && last != place {
            stripe.appeared(place);
        }
        self.len -= 1;
        removed.value
    }

    /// Takes over the entries of another map, behind its own in each stripe.
    ///
    /// # Errors
    ///
    /// A key is in both.
    pub(crate) fn absorb(&mut self, other: Self) -> Result<(), SameKey> {
        for Slot { key, value, .. } in other.stripes.into_iter().flat_map(|stripe| stripe.slots) {
            if self.insert(key, value).is_some() {
                return Err(SameKey);
            }
        }
        Ok(())
    }

    /// An entry by its number among all places that there are, around and around; `None` at an empty place.
    pub(super) fn around(&self, number: usize) -> Option<(&K, &V)> {
        let stripe = self.stripes.get(number % STRIPES)?;
        let slot = stripe.slots.get(number / STRIPES % stripe.slots.len().max(1))?;
        Some((&slot.key, &slot.value))
    }

    /// Keeps the entries of which `keep` says so, which does not change them.
    pub(super) fn retain_untouched(&mut self, mut keep: impl FnMut(&K, &V) -> bool)
    where
        K: Clone,
    {
        for stripe in 0..self.stripes.len() {
            let mut place = 0;
            while let Some(Slot { key, value, .. }) = self.stripes[stripe].slots.get(place) {
                if keep(key, value) {
                    place += 1;
                } else {
                    let key = key.clone();
                    self.remove(&key);
                }
            }
        }
    }

    /// Keeps the entries of which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool)
    where
        K: Clone,
    {
        for stripe in 0..self.stripes.len() {
            let mut place = 0;
            while place < self.stripes[stripe].slots.len() {
                let encode = self.encode;
                let at = &mut self.stripes[stripe];
                if let Some(encode) = encode {
                    at.touch(u32::try_from(place).expect("places are 32 bits wide"), encode);
                }
                let Slot { key, value, .. } = &mut at.slots[place];
                if keep(key, value) {
                    place += 1;
                } else {
                    let key = key.clone();
                    self.remove(&key);
                }
            }
        }
    }

    /// Removes every key.
    pub fn clear(&mut self) {
        let encode = self.encode;
        for stripe in &mut self.stripes {
            if let Some(encode) = encode {
                (0..stripe.slots.len()).for_each(|place| stripe.touch(place as u32, encode));
            }
            stripe.slots.clear();
            stripe.index.clear();
            stripe.written.clear();
        }
        self.len = 0;
    }
}

impl<K, V> Stripe<K, V> {
    /// An entry is about to change: it is written out first, if a cut has frozen it.
    #[inline]
    fn touch(&mut self, place: u32, encode: fn(&K, &V, bool, &mut Vec<u8>)) {
        let slot = &mut self.slots[place as usize];
        if slot.epoch == self.epoch {
            return;
        }
        let cut = &mut self.cut;
        if cut.is_pending && place < cut.slots && (cut.full || slot.epoch + 1 == self.epoch) {
            record(place, true, &mut cut.before, |bytes| encode(&slot.key, &slot.value, true, bytes));
            cut.changed += 1;
        }
        slot.epoch = self.epoch;
        self.written.push(place << 1);
        self.tidy();
    }

    /// A slot has come, or has another key.
    #[inline]
    fn appeared(&mut self, place: u32) {
        self.slots[place as usize].epoch = self.epoch;
        self.written.push(place << 1 | 1);
        self.tidy();
    }

    /// Keeps the list from growing where slots come and go.
    #[inline]
    fn tidy(&mut self) {
        if self.written.len() > 2 * self.slots.len() + 64 {
            self.forget_gone();
        }
    }

    #[cold]
    fn forget_gone(&mut self) {
        let end = self.slots.len() << 1;
        self.written.retain(|&written| (written as usize) < end);
        // Where the key is new comes first.
        self.written.sort_unstable_by_key(|&written| (written >> 1, !written & 1));
        self.written.dedup_by_key(|written| *written >> 1);
    }
}

/// Appends the record of a slot: its place, whether the key is there, how long it is, and what `write` writes.
#[inline]
pub(super) fn record(place: u32, with_key: bool, bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    varint(u64::from(place) << 1 | u64::from(with_key), bytes);
    // Most are short: the length is put in front of the others where they are not.
    let at = bytes.len();
    bytes.push(0);
    write(bytes);
    let length = bytes.len() - at - 1;
    if length < 0x80 {
        bytes[at] = length as u8;
    } else {
        let mut prefix = Vec::with_capacity(10);
        varint(length as u64, &mut prefix);
        bytes.splice(at..=at, prefix);
    }
}

/// Seven bits a byte, the lowest first.
#[inline]
pub(super) fn varint(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

pub(super) fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// The record of a slot: its place, and what was written, with a key or without.
pub(crate) struct Record<'a> {
    pub(crate) place: u32,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: &'a [u8],
}

/// Takes the next record; `None` where the bytes are none.
pub(crate) fn read_record<'a>(bytes: &mut &'a [u8]) -> Option<Record<'a>> {
    let head = read_varint(bytes)?;
    let length = usize::try_from(read_varint(bytes)?).ok()?;
    let (mut entry, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    let key = if head & 1 == 1 {
        let length = usize::try_from(read_varint(&mut entry)?).ok()?;
        let (key, value) = entry.split_at_checked(length)?;
        entry = value;
        Some(key)
    } else {
        None
    };
    Some(Record { place: u32::try_from(head >> 1).ok()?, key, value: entry })
}

/// The records of the pieces of one stripe come to these slots: of each the last key and the last value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots<'a> {
    slots: Vec<(Option<&'a [u8]>, Option<&'a [u8]>)>,
}

impl<'a> Slots<'a> {
    /// Adds a piece; `None` where it is none.
    pub(crate) fn add(&mut self, slots: u32, full: bool, mut bytes: &'a [u8]) -> Option<()> {
        if full {
            self.slots.clear();
        }
        self.slots.resize(slots as usize, (None, None));
        while !bytes.is_empty() {
            let Record { place, key, value } = read_record(&mut bytes)?;
            let slot = self.slots.get_mut(place as usize)?;
            slot.0 = key.or(slot.0);
            slot.1 = Some(value);
        }
        Some(())
    }

    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The key and the value of each slot in turn; `None` where one is missing.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<(&'a [u8], &'a [u8])>> {
        self.slots.iter().map(|(key, value)| key.zip(*value))
    }

    /// All that the pieces say as one piece; it is full where one of them was.
    pub(crate) fn merged(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (place, (key, value)) in (0..).zip(&self.slots) {
            let Some(value) = value else { continue };
            record(place, key.is_some(), &mut bytes, |bytes| {
                if let Some(key) = key {
                    varint(key.len() as u64, bytes);
                    bytes.extend_from_slice(key);
                }
                bytes.extend_from_slice(value);
            });
        }
        bytes
    }
}

impl<K: Serialize + DeserializeOwned + Hash + Eq, V: Serialize + DeserializeOwned> Map<K, V> {
    /// Notes from now on which entries change.
    pub(super) fn track(&mut self) {
        self.encode = Some(|key, value, with_key, bytes| {
            if with_key {
                // Keys are short, too.
                let at = bytes.len();
                bytes.push(0);
                encode(key, bytes);
                let length = bytes.len() - at - 1;
                if length < 0x80 {
                    bytes[at] = length as u8;
                } else {
                    let mut prefix = Vec::with_capacity(10);
                    varint(length as u64, &mut prefix);
                    bytes.splice(at..=at, prefix);
                }
            }
            encode(value, bytes);
        });
    }

    /// What is here was loaded from this field as it was saved: the next cut goes on from there.
    pub(super) fn goes_on(&mut self, node: &str, field: &str, cut: u64) {
        self.saved_as = Some(Arc::new((node.to_owned(), field.to_owned())));
        self.saved_in = cut;
    }

    fn is_saved_as(&self, node: &str, field: &str, cut: u64) -> bool {
        self.saved_in == cut
            && self.saved_as.as_deref().is_some_and(|known| known.0 == node && known.1 == field)
    }

    /// Freezes what has changed since the last cut, or everything; and writes as much of it as the budget allows.
    pub(super) fn cut(&mut self, node: &str, field: &str, saving: &mut Saving) {
        let is_known = self.encode.is_some() && self.is_saved_as(node, field, saving.number.wrapping_sub(1));
        let full = saving.full || !is_known;
        self.saved_in = saving.number;
        if !is_known {
            self.track();
            self.goes_on(node, field, saving.number);
            // Another map may have been saved under this name: that this one is empty has to be said, too.
            if !saving.full && self.stripes.is_empty() {
                self.stripes.resize_with(STRIPES, Stripe::default);
            }
        }
        for stripe in &mut self.stripes {
            let slots = u32::try_from(stripe.slots.len()).expect("places are 32 bits wide");
            let written = std::mem::take(&mut stripe.written);
            stripe.epoch += 1;
            // Where everything is saved anew nothing need be said of a stripe that is empty.
            let is_told = full && (slots > 0 || !saving.full);
            let is_pending = is_told || slots != stripe.saved || !written.is_empty();
            stripe.cut = Cut { written, slots, before: Vec::new(), changed: 0, full, is_pending };
        }
        self.next = 0;
        self.slice(saving);
    }

    /// Writes more of what is frozen, under the name under which it was: whole stripes, as long as the budget lasts.
    pub(super) fn slice(&mut self, saving: &mut Saving) {
        let (Some(encode), Some(saved_as)) = (self.encode, self.saved_as.clone()) else { return };
        if self.next < self.stripes.len() {
            saving.seen.insert(Arc::clone(&saved_as));
        }
        let (node, field) = &*saved_as;
        while let Some(stripe) = self.stripes.get_mut(self.next) {
            if saving.budget == 0 {
                saving.unfinished.insert(saved_as);
                return;
            }
            self.next += 1;
            if !stripe.cut.is_pending {
                continue;
            }
            let Cut { mut written, slots, before: mut bytes, changed, full, .. } =
                std::mem::take(&mut stripe.cut);
            stripe.saved = slots;
            let (mut entries, mut weights) = (0, 0);
            let weight = self.weight;
            // What has changed since the cut was written as it was, and what is gone, too.
            let end = stripe.slots.len().min(slots as usize);
            let epoch = stripe.epoch;
            let mut write = |place: u32, slot: &Slot<K, V>, with_key| {
                record(place, with_key, &mut bytes, |bytes| encode(&slot.key, &slot.value, with_key, bytes));
                entries += 1;
                weights += weight.map_or(1, |weight| weight(&slot.value));
            };
            if full {
                let slots = (0..).zip(&stripe.slots[..end]);
                slots
                    .filter(|(_, slot)| slot.epoch != epoch)
                    .for_each(|(place, slot)| write(place, slot, true));
            } else {
                // In the order of memory, and many at a time, so that the cache is waited for once and not for each.
                written.sort_unstable();
                for near in written.chunks(NEAR) {
                    let mut is_due = [false; NEAR];
                    for (is_due, written) in is_due.iter_mut().zip(near) {
                        let slot = stripe.slots[..end].get((written >> 1) as usize);
                        *is_due = slot.is_some_and(|slot| slot.epoch != epoch);
                    }
                    for (is_due, written) in is_due.iter().zip(near) {
                        let place = written >> 1;
                        if *is_due {
                            write(place, &stripe.slots[place as usize], written & 1 == 1);
                        }
                    }
                }
            }
            saving.budget = saving.budget.saturating_sub(weights);
            let number = u16::try_from(self.next - 1).expect("there are 256 stripes");
            saving.parts.push(Part {
                node: node.clone(),
                field: field.clone(),
                type_name: format!("{} -> {}", std::any::type_name::<K>(), std::any::type_name::<V>()),
                content: Content::Stripe { number, slots, full },
                entries: (changed + entries) as u64,
                bytes,
            });
        }
    }

    /// Adds those of the entries that were saved which belong to a shard; `same` says what becomes of a key that another shard has saved, too.
    pub(super) fn load_owned<'a>(
        &mut self,
        pieces: impl Iterator<Item = (u16, u32, bool, &'a [u8])>,
        shard: Shard,
        mut same: impl FnMut(&mut V, V) -> Result<(), SameKey>,
    ) -> Result<(), Unreadable> {
        for slot in slots_of(pieces)?.iter().flat_map(|slots| slots.iter()) {
            let (key, value) = slot.ok_or_else(no_entries)?;
            if !shard.owns(stable_hash_of_bytes(key)) {
                continue;
            }
            let mut value = Some(super::codec::decode(value)?);
            let known = self.entry(super::codec::decode(key)?, || value.take().expect("it is made once"));
            if let Some(value) = value {
                same(known, value).map_err(|SameKey| Unreadable::broken(SAME_KEY))?;
            }
        }
        Ok(())
    }

    /// Loads what was saved, in the order in which it was.
    pub(super) fn load<'a>(
        &mut self,
        pieces: impl Iterator<Item = (u16, u32, bool, &'a [u8])>,
    ) -> Result<(), Unreadable> {
        let stripes = slots_of(pieces)?;
        self.stripes.clear();
        self.stripes.resize_with(STRIPES, Stripe::default);
        self.len = 0;
        for (stripe, slots) in self.stripes.iter_mut().zip(&stripes) {
            stripe.slots.reserve_exact(slots.len());
            stripe.index.reserve(slots.len(), |_| unreachable!("the table is empty"));
            for slot in slots.iter() {
                let (key, value) = slot.ok_or_else(no_entries)?;
                let (key, value): (K, V) = (super::codec::decode(key)?, super::codec::decode(value)?);
                let hash = self.hasher.hash_one(&key);
                let (place, hasher) = (stripe.slots.len() as u32, &self.hasher);
                stripe.slots.push(Slot { key, value, epoch: 0 });
                let slots = &stripe.slots;
                stripe.index.insert_unique(hash, place, |&place| hasher.hash_one(&slots[place as usize].key));
            }
            stripe.saved = u32::try_from(slots.len()).expect("places are 32 bits wide");
            self.len += slots.len();
        }
        Ok(())
    }
}

impl<K, V> Index<Place> for Map<K, V> {
    type Output = V;

    #[inline]
    fn index(&self, Place { stripe, slot }: Place) -> &V {
        &self.stripes[stripe as usize].slots[slot as usize].value
    }
}

impl<K: Hash + Eq, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Map::new();
        map.extend(entries);
        map
    }
}

impl<K: Hash + Eq, V> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| drop(self.insert(key, value)));
    }
}

/// What the pieces of a map come to, stripe by stripe.
pub(super) fn slots_of<'a>(
    pieces: impl Iterator<Item = (u16, u32, bool, &'a [u8])>,
) -> Result<Vec<Slots<'a>>, Unreadable> {
    let mut stripes: Vec<Slots<'a>> = vec![Slots::default(); STRIPES];
    for (number, slots, full, bytes) in pieces {
        let stripe = stripes.get_mut(usize::from(number)).ok_or_else(no_entries)?;
        stripe.add(slots, full, bytes).ok_or_else(no_entries)?;
    }
    Ok(stripes)
}

pub(super) fn no_entries() -> Unreadable {
    Unreadable::broken("the bytes are no entries of a map")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::fields::Fields;
    use super::super::loading::Loading;
    use super::super::{Chance, State};
    use super::*;

    /// What the parts of checkpoints, one after the other, are loaded as.
    fn loaded(parts: &[Part]) -> Map<u32, Vec<u8>> {
        let mut loading = Loading::of_one();
        for part in parts {
            let file = loading.file(part.bytes.clone());
            loading.piece(part, file, 0..part.bytes.len());
        }
        let mut map = Map::new();
        map.fields(&mut Fields::load(&mut loading)).expect("the same type");
        map
    }

    fn entries(map: &Map<u32, Vec<u8>>) -> Vec<(u32, Vec<u8>)> {
        map.iter().map(|(key, value)| (*key, value.clone())).collect()
    }

    /// One change of many kinds.
    fn change(map: &mut Map<u32, Vec<u8>>, naive: &mut BTreeMap<u32, Vec<u8>>, chance: &mut Chance) {
        let key = chance.below(900) as u32;
        match chance.below(200) {
            0 => {
                let odd = chance.below(2) as u32;
                map.retain(|key, _| key % 3 != odd);
                naive.retain(|key, _| key % 3 != odd);
            }
            1 if chance.below(8) == 0 => {
                map.clear();
                naive.clear();
            }
            2..40 => assert_eq!(map.remove(&key), naive.remove(&key)),
            40..60 => {
                let removed = map.find(&key).map(|place| map.remove_at(place));
                assert_eq!(removed, naive.remove(&key));
            }
            60..90 => {
                let byte = chance.below(256) as u8;
                if chance.below(2) == 0 {
                    if let Some(value) = map.get_mut(&key) {
                        value.push(byte);
                    }
                } else if let Some(place) = map.find(&key) {
                    assert_eq!(Some(&map[place]), naive.get(&key));
                    map.at_mut(place).1.push(byte);
                }
                if let Some(value) = naive.get_mut(&key) {
                    value.push(byte);
                }
            }
            _ => {
                let value = vec![7; chance.below(200)];
                assert_eq!(map.insert(key, value.clone()), naive.insert(key, value));
            }
        }
        assert_eq!((map.len(), map.is_empty()), (naive.len(), naive.is_empty()));
        assert_eq!(map.get(&key), naive.get(&key));
    }

    #[test]
    fn what_is_cut_while_it_changes_is_what_it_was_at_the_cut_in_its_order() {
        for seed in 0..40 {
            let mut chance = Chance(seed);
            let (mut map, mut naive) = (Map::new(), BTreeMap::new());
            let mut parts: Vec<Part> = Vec::new();
            for cut in 0..12 {
                for _ in 0..chance.below(600) {
                    change(&mut map, &mut naive, &mut chance);
                }
                let expected = entries(&map);
                let full = cut == 0 || chance.below(6) == 0;
                let budget = 1 + chance.below(40);
                let mut saving = Saving { full, number: cut + 1, budget, ..Saving::default() };
                map.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
                let mut unfinished = !saving.unfinished.is_empty();
                parts.append(&mut saving.parts);
                while unfinished {
                    for _ in 0..chance.below(30) {
                        change(&mut map, &mut naive, &mut chance);
                    }
                    let mut saving = Saving { budget: 1 + chance.below(40), ..Saving::default() };
                    map.fields(&mut Fields::slice(&mut saving)).expect("nothing is loaded");
                    unfinished = !saving.unfinished.is_empty();
                    parts.append(&mut saving.parts);
                }
                assert_eq!(entries(&loaded(&parts)), expected, "seed {seed}, cut {cut}");
                assert!(map.iter().all(|(key, value)| naive.get(key) == Some(value)));
            }
        }
    }

    #[test]
    fn what_goes_on_from_a_restore_is_saved_as_what_changed_since() {
        let mut chance = Chance(3);
        let (mut map, mut naive) = (Map::new(), BTreeMap::new());
        let mut parts: Vec<Part> = Vec::new();
        for _ in 0..20 {
            (0..200).for_each(|_| change(&mut map, &mut naive, &mut chance));
            // The first after a restore.
            let mut saving =
                Saving { full: parts.is_empty(), number: 1, budget: usize::MAX, ..Saving::default() };
            map.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
            parts.append(&mut saving.parts);
            let restored = loaded(&parts);
            assert_eq!(entries(&restored), entries(&map));
            map = restored;
        }
    }

    #[test]
    fn a_cut_that_failed_is_made_up_for_by_a_full_one() {
        let mut map: Map<u32, Vec<u8>> = (0..500).map(|key| (key, vec![1])).collect();
        let mut lost = Saving { full: true, number: 1, budget: 10, ..Saving::default() };
        map.fields(&mut Fields::cut(&mut lost)).expect("nothing is loaded");
        map.insert(7, vec![2]);
        let mut saving = Saving { full: true, number: 2, budget: usize::MAX, ..Saving::default() };
        map.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
        assert!(saving.unfinished.is_empty());
        assert_eq!(entries(&loaded(&saving.parts)), entries(&map));
    }

    #[test]
    fn bytes_written_follow_the_change() {
        let mut map: Map<u32, Vec<u8>> = (0..100_000).map(|key| (key, vec![1; 100])).collect();
        let mut number = 0;
        let mut saved = |map: &mut Map<u32, Vec<u8>>, full| {
            number += 1;
            let mut saving = Saving { full, number, budget: usize::MAX, ..Saving::default() };
            map.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
            saving.parts.iter().map(|part| part.bytes.len()).sum::<usize>()
        };
        assert!(saved(&mut map, true) > 10_000_000);
        assert_eq!(saved(&mut map, false), 0);
        (0..1_000).for_each(|key| map.get_mut(&(key * 97)).expect("it is there").push(2));
        let written = saved(&mut map, false);
        assert!((101_000..120_000).contains(&written), "{written}");
    }
}
