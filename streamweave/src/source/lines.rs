//! Lines of text.

use crate::format::lines::Lines;
use crate::io::read::Input;
use crate::operator::Node;

use super::decoded::{Decoded, DecodedPorts};

/// Reads the lines of a file, or of stdin with [`stdin()`](crate::io::read::stdin), without their
/// line breaks; gzip is read as it is.
///
/// A line that is not UTF-8 goes to the port `err`, with its number and its bytes.
///
/// # Errors
///
/// The run ends with an error where the file cannot be opened or read.
pub fn read(input: impl Into<Input>) -> Node<Decoded<Lines>, DecodedPorts<String>> {
    let input = input.into();
    let decoder = Lines::new(input.to_string());
    Node::new(Decoded::new(input, decoder), DecodedPorts::new())
}
