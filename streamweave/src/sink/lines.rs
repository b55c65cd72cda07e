//! Lines of text.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use crate::format::FormatError;
use crate::io::write::Output;
use crate::operator::Node;
use crate::port::{Edge, NoPorts};

use super::encoded::{Encoded, Encoder, GoesOn};
use super::parts::{PartFormat, Parts};
use super::transactional::ToSink;

/// Writes each row as a line, as it displays itself; yields the number of rows written.
///
/// # Errors
///
/// The run ends with an error where the file cannot be created or written.
pub fn write<D: Display, T, O: Into<Output>>(
    _input: Edge<D, T>,
    output: O,
) -> Node<Encoded<Displayed, O>, NoPorts> {
    Node::new(Encoded::new(output, Displayed, Vec::new()), NoPorts)
}

/// Rows as they display themselves, one a line.
#[derive(Clone, Copy, Debug)]
pub struct Displayed;

/// Writes rows as lines into files of a folder, `part-00000001.txt` and so on; yields the number of rows.
///
/// As [`csv::write_parts`](super::csv::write_parts): a file has its name once the checkpoint that counts its rows is durable, and
/// never changes then.
///
/// # Errors
///
/// The run ends where a file cannot be written.
pub fn write_parts<D: Display + Send + 'static, T>(
    _input: Edge<D, T>,
    folder: impl AsRef<Path>,
) -> Node<ToSink<Parts<D, LinesParts>>, NoPorts> {
    Node::new(ToSink::new(Parts::new(folder, LinesParts)), NoPorts)
}

/// Files of lines.
#[derive(Clone, Copy, Debug)]
pub struct LinesParts;

impl PartFormat for LinesParts {
    type Encoder = Displayed;
    const EXTENSION: &'static str = "txt";

    fn begin(&self, _out: &mut Vec<u8>) -> Displayed {
        Displayed
    }
}

impl GoesOn for Displayed {
    fn go_on_behind(&mut self, _rows: u64) {}
}

impl<D: Display> Encoder<D> for Displayed {
    fn encode(&mut self, row: &D, out: &mut Vec<u8>) -> Result<(), FormatError> {
        writeln!(out, "{row}").expect("a `Vec` takes everything");
        Ok(())
    }
}
