//! Rows of JSON, one a line.

use std::path::Path;

use serde::Serialize;

use crate::format::FormatError;
use crate::format::json::JsonLinesEncoder;
use crate::io::write::Output;
use crate::operator::Node;
use crate::port::{Edge, NoPorts};

use super::encoded::{Encoded, Encoder, GoesOn};
use super::parts::{PartFormat, Parts};
use super::transactional::ToSink;

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

/// Writes rows as lines into files of a folder, `part-00000001.jsonl` and so on; yields the number of rows.
///
/// As [`csv::write_parts`](super::csv::write_parts): a file has its name once the checkpoint that counts its rows is durable, and
/// never changes then.
///
/// # Errors
///
/// The run ends where a file cannot be written.
pub fn write_parts<D: Serialize + Send + 'static, T>(
    _input: Edge<D, T>,
    folder: impl AsRef<Path>,
) -> Node<ToSink<Parts<D, JsonLinesParts>>, NoPorts> {
    Node::new(ToSink::new(Parts::new(folder, JsonLinesParts)), NoPorts)
}

/// Files of lines.
#[derive(Clone, Copy, Debug)]
pub struct JsonLinesParts;

impl PartFormat for JsonLinesParts {
    type Encoder = JsonLinesEncoder;
    const EXTENSION: &'static str = "jsonl";

    fn begin(&self, _out: &mut Vec<u8>) -> JsonLinesEncoder {
        JsonLinesEncoder::new()
    }
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
