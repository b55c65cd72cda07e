//! Lines of text.

use std::fmt::Display;
use std::io::Write;

use crate::format::FormatError;
use crate::io::write::Output;
use crate::operator::Node;
use crate::port::{Edge, NoPorts};

use super::encoded::{Encoded, Encoder, GoesOn};

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

impl GoesOn for Displayed {
    fn go_on_behind(&mut self, _rows: u64) {}
}

impl<D: Display> Encoder<D> for Displayed {
    fn encode(&mut self, row: &D, out: &mut Vec<u8>) -> Result<(), FormatError> {
        writeln!(out, "{row}").expect("a `Vec` takes everything");
        Ok(())
    }
}
