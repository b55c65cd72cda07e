//! Rows of JSON, one a line.

use serde::de::DeserializeOwned;

use crate::format::json::JsonLines;
use crate::io::read::Input;
use crate::operator::Node;

use super::decoded::{Decoded, DecodedPorts};

/// Reads a file of JSON Lines, a line a `D`; gzip is read as it is.
///
/// A line that does not parse goes to the port `err` as a
/// [`Malformed`](crate::format::Malformed): file, line, reason, raw bytes.
///
/// # Errors
///
/// The run ends with an error where the file cannot be read.
pub fn read<D: DeserializeOwned>(input: impl Into<Input>) -> Node<Decoded<JsonLines<D>>, DecodedPorts<D>> {
    let input = input.into();
    let decoder = JsonLines::new(input.to_string());
    Node::new(Decoded::new(input, decoder), DecodedPorts::new())
}
