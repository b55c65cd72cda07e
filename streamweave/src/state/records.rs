//! The records of which checkpoints of maps consist: of each slot that was written its place, its key where that is new, and its value.

use serde::Serialize;

use super::codec::{Unreadable, encode};

/// Into how many stripes the keys of a map are divided.
pub(super) const STRIPES: usize = 256;

/// Appends the record of a slot: its place, whether the key is there, how long it is, the key and the value.
#[inline]
pub(crate) fn record<K: Serialize, V: Serialize>(
    place: u32,
    key: Option<&K>,
    value: &V,
    bytes: &mut Vec<u8>,
) {
    record_of(place, key.is_some(), bytes, |bytes| {
        if let Some(key) = key {
            with_length(bytes, |bytes| encode(key, bytes));
        }
        encode(value, bytes);
    });
}

#[inline]
fn record_of(place: u32, with_key: bool, bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    varint(u64::from(place) << 1 | u64::from(with_key), bytes);
    with_length(bytes, write);
}

/// Appends what `write` does, and how long that is in front of it.
#[inline]
fn with_length(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
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
            record_of(place, key.is_some(), &mut bytes, |bytes| {
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
