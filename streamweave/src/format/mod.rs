//! Formats: from blocks of bytes to records, and back.
//!
//! A format knows nothing of files, threads or time (it is sans-io). A [`Decoder`] is fed blocks, wherever the reader
//! happened to cut them, and gives typed records; an encoder appends one record after the other to a buffer that the
//! caller writes when it likes. What cannot be read is no panic and no silence: a bad record is a [`Malformed`] that
//! names file, line and column and carries the record's own bytes, and the records after it are read all the same; only
//! an input that cannot be of the format at all is a [`FormatError`], after which nothing comes.
//!
//! | module | reads | writes |
//! |---|---|---|
//! | [`lines`] | text, a `String` a line | |
//! | [`csv`] | separated values with a header line | the same |
//! | [`json`] | JSON Lines, one value a line | the same |

mod error;
mod pending;

#[cfg(feature = "csv")]
pub mod csv;
#[cfg(feature = "json")]
pub mod json;
pub mod lines;

pub use error::{Column, Fault, FormatError, Malformed};

/// Turns blocks of bytes into records.
///
/// A decoder reads one input, from its first byte to its last.
///
/// # Contract
///
/// 1. The caller feeds a block, then calls [`decode`](Decoder::decode) until it gives `None`, and so on; after the last
///    block it calls [`finish`](Decoder::finish) and then `decode` until `None` once more.
/// 2. `None` before `finish` means that the bytes of the next record are not all there yet; after `finish`, that there
///    are no more.
/// 3. What comes out depends on the bytes alone, not on how they are cut into blocks.
/// 4. After a [`Fault::Malformed`] decoding goes on with the next record; after a [`Fault::Fatal`] `decode` gives
///    `None` for ever.
/// 5. Line numbers are physical: they start with 1 and count blank lines and line feeds within quotes.
/// 6. A UTF-8 byte order mark at the start of the input is no part of the data.
/// 7. The cost is linear in the number of bytes, even for blocks of one byte, and buffers are used again: a good record
///    allocates what the record itself owns. The memory held is one block and the longest record; there is no limit to
///    the length of a record.
///
/// # Panics
///
/// `feed` after `finish` is an error of the caller, and panics.
///
/// # Examples
///
/// ```
/// # use streamweave::format::{Decoder, lines::Lines};
/// let mut lines = Lines::new("greetings.txt");
/// lines.feed(b"hello\nwor");
/// assert_eq!(lines.decode(), Some(Ok("hello".to_string())));
/// assert_eq!(lines.decode(), None); // needs more
/// lines.feed(b"ld");
/// lines.finish();
/// assert_eq!(lines.decode(), Some(Ok("world".to_string())));
/// assert_eq!(lines.decode(), None); // there is no more
/// ```
pub trait Decoder {
    /// The record.
    type Item;

    /// Takes the next bytes of the input.
    fn feed(&mut self, block: &[u8]);

    /// Says that no more bytes come, so that what is left is the last record.
    fn finish(&mut self);

    /// The next record, or why it is none.
    ///
    /// # Errors
    ///
    /// [`Fault::Malformed`] for this record alone, [`Fault::Fatal`] for the whole input.
    fn decode(&mut self) -> Option<Result<Self::Item, Fault>>;
}

/// Rule 3 of the contract, for the tests of every decoder.
/// A decoder that can go on where another one stopped.
pub trait Resumable: Decoder {
    /// How many of the bytes that were fed last belong to no item that was given out.
    fn undecoded(&self) -> usize;

    /// What the decoder knows of the bytes before those.
    fn mark(&self) -> Mark;

    /// Makes a decoder that was fed nothing one that was fed all before the mark; it is fed what was undecoded next.
    fn resume(&mut self, mark: Mark);
}

/// What a decoder knows of what lies behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mark {
    /// The lines that it has passed.
    pub lines: u64,
    /// The names of the columns, where the input begins with them.
    pub header: Option<Vec<String>>,
    /// Whether a row was good.
    pub proven: bool,
}

#[cfg(test)]
mod cuts {
    use super::{Decoder, Fault};
    use std::fmt::Debug;

    /// What `decoder` makes of `blocks`.
    pub(super) fn decode_blocks<'a, D: Decoder>(
        mut decoder: D,
        blocks: impl IntoIterator<Item = &'a [u8]>,
    ) -> Vec<Result<D::Item, Fault>> {
        let mut items = Vec::new();
        for block in blocks {
            decoder.feed(block);
            items.extend(std::iter::from_fn(|| decoder.decode()));
        }
        decoder.finish();
        items.extend(std::iter::from_fn(|| decoder.decode()));
        items
    }

    /// What a decoder makes of `input`, having checked that every cut into two blocks, blocks of one byte, empty
    /// blocks, and blocks fed without a `decode` between them all give the same.
    pub(super) fn decode_any_way<D: Decoder>(
        new: impl Fn() -> D,
        input: impl AsRef<[u8]>,
    ) -> Vec<Result<D::Item, Fault>>
    where
        D::Item: Debug + PartialEq,
    {
        let input = input.as_ref();
        let whole = decode_blocks(new(), [input]);
        for cut in 0..=input.len() {
            let (head, tail) = input.split_at(cut);
            let halves = decode_blocks(new(), [head, tail]);
            assert_eq!(halves, whole, "cut after {cut} bytes");
        }
        let bytes = decode_blocks(new(), input.chunks(1).flat_map(|byte| [byte, &[]]));
        assert_eq!(bytes, whole, "blocks of one byte");

        let mut late = new();
        input.chunks(1).for_each(|byte| late.feed(byte));
        let fed_first = decode_blocks(late, []);
        assert_eq!(fed_first, whole, "fed at once, decoded at the end");
        whole
    }

    /// The faults among `items`, as a user sees them.
    pub(super) fn faults<T>(items: &[Result<T, Fault>]) -> Vec<String> {
        items.iter().filter_map(|item| item.as_ref().err().map(Fault::to_string)).collect()
    }
}
