//! Rows of JSON, one a line.

use serde::Serialize;

use crate::format::FormatError;
use crate::format::json::JsonLinesEncoder;
use crate::io::write::Output;
use crate::operator::Node;
use crate::port::{Edge, NoPorts};

use super::encoded::{Encoded, Encoder, GoesOn};

/// Writes each row as a line of JSON; yields the number of rows written.
///
/// # Errors
///
/// The run ends with an error where the file cannot be created or written.
pub fn write<D: Serialize, T, O: Into<Output>>(
    _input: Edge<D, T>,
    output: O,
) -> Node<Encoded<JsonLinesEncoder, O>, NoPorts> {
    Node::new(Encoded::new(output, JsonLinesEncoder::new(), Vec::new()), NoPorts)
}

impl GoesOn for JsonLinesEncoder {
    fn go_on_behind(&mut self, rows: u64) {
        *self = JsonLinesEncoder::behind(rows);
    }
}

impl<D: Serialize> Encoder<D> for JsonLinesEncoder {
    fn encode(&mut self, row: &D, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.write(row, out)
    }
}
