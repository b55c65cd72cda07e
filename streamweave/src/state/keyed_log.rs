//! The log of a map by key: which keys were written and which removed, one record after the other.
//!
//! ```text
//! record := length of the key:varint key (0 | length of the value + 1):varint value
//! ```
//!
//! Of several records of a key the last one counts. A log that is full says of every key what there is; one that is not says what has
//! changed since the one before. Logs larger than memory are sorted in *runs* of at most [`RUN`] bytes or so, which are merged as they
//! are read.

use std::collections::BTreeMap;

use super::records::{read_varint, varint};

/// Appends the record of a key: its value, or that it was removed.
pub(crate) fn append(key: &[u8], value: Option<&[u8]>, bytes: &mut Vec<u8>) {
    varint(key.len() as u64, bytes);
    bytes.extend_from_slice(key);
    match value {
        None => bytes.push(0),
        Some(value) => {
            varint(value.len() as u64 + 1, bytes);
            bytes.extend_from_slice(value);
        }
    }
}

/// Takes the next record; `None` where the bytes are none.
pub(crate) fn read<'a>(bytes: &mut &'a [u8]) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    let length = usize::try_from(read_varint(bytes)?).ok()?;
    let (key, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    let Some(length) = usize::try_from(read_varint(bytes)?).ok()?.checked_sub(1) else {
        return Some((key, None));
    };
    let (value, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some((key, Some(value)))
}

/// So many bytes of records are sorted at a time, however many there are.
pub(crate) const RUN: usize = 8 << 20;

/// Records that are gathered to be sorted.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    bytes: Vec<u8>,
    /// Where each record begins.
    records: Vec<usize>,
}

impl Gathered {
    /// Adds the record of a key.
    pub(crate) fn append(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.records.push(self.bytes.len());
        append(key, value, &mut self.bytes);
    }

    /// Adds the records of a log; `None` where the bytes are none.
    pub(crate) fn append_all(&mut self, mut log: &[u8]) -> Option<()> {
        while !log.is_empty() {
            let (key, value) = read(&mut log)?;
            self.append(key, value);
        }
        Some(())
    }

    /// How many bytes they are.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Takes them in the order of the keys' bytes: of each key the last.
    pub(crate) fn sorted(&mut self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let bytes = &self.bytes[..];
        let record = |at: usize| read(&mut &bytes[at..]).expect("it was appended");
        self.records.sort_by(|&one, &other| record(one).0.cmp(record(other).0));
        let of_key = self.records.chunk_by(move |&one, &other| record(one).0 == record(other).0);
        of_key.filter_map(move |of_key| of_key.last().map(|&at| record(at)))
    }

    /// Forgets them.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }
}

/// What the logs of one map come to, in the order of the keys' bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Merged<'a> {
    records: BTreeMap<&'a [u8], Option<&'a [u8]>>,
    full: bool,
}

impl<'a> Merged<'a> {
    /// Adds a log; `None` where the bytes are none.
    pub(crate) fn add(&mut self, full: bool, mut bytes: &'a [u8]) -> Option<()> {
        if full {
            self.records.clear();
            self.full = true;
        }
        while !bytes.is_empty() {
            let (key, value) = read(&mut bytes)?;
            if value.is_none() && self.full {
                self.records.remove(key);
            } else {
                self.records.insert(key, value);
            }
        }
        Some(())
    }

    /// Every key that is there with its value.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.records.iter().filter_map(|(key, value)| Some((*key, (*value)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(records: &[(&[u8], Option<&[u8]>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        records.iter().for_each(|(key, value)| append(key, *value, &mut bytes));
        bytes
    }

    #[test]
    fn of_several_records_of_a_key_the_last_counts() {
        let (long, empty) = (vec![7; 300], Vec::new());
        let before = log(&[(b"z", Some(b"0"))]);
        let old = log(&[(b"b", Some(&long)), (b"a", Some(b"1")), (b"c", Some(&empty))]);
        let new = log(&[(b"a", None), (b"d", Some(b"2")), (b"d", Some(b"3"))]);
        let mut merged = Merged::default();
        for (full, bytes) in [(false, &before), (true, &old), (false, &new)] {
            merged.add(full, bytes).expect("records");
        }
        let expected: Vec<(&[u8], &[u8])> = vec![(b"b", &long), (b"c", &empty), (b"d", b"3")];
        assert_eq!(merged.entries().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn bytes_that_are_no_records_are_refused() {
        let whole = log(&[(b"key", Some(b"value")), (b"gone", None)]);
        let refused = (1..whole.len()).filter(|&end| Merged::default().add(true, &whole[..end]).is_none());
        // But where a record ends.
        assert_eq!(refused.count(), whole.len() - 2);
        assert!(Merged::default().add(true, &[0xff; 40]).is_none());
    }
}
