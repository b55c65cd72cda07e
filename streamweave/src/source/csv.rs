//! Rows of comma-separated values.

use serde::de::DeserializeOwned;

use crate::format::csv::CsvDecoder;
use crate::io::read::Input;
use crate::operator::IntoNode;

use super::decoded::{Decoded, DecodedPorts};

/// Reads a CSV file with a header line, a row a `D`, by the names of the columns; gzip is read as
/// it is.
///
/// A row that does not parse goes to the port `err` as a [`Malformed`](crate::format::Malformed):
/// file, line, column, reason, raw bytes. Columns that `D` does not name are passed over.
///
/// # Errors
///
/// The run ends with an error where the file cannot be read, is empty, or where its header lacks a
/// column that `D` needs.
pub fn read<D: DeserializeOwned>(input: impl Into<Input>) -> CsvRead<D> {
    let input = input.into();
    let decoder = CsvDecoder::new(input.to_string());
    CsvRead { input, decoder }
}

/// A CSV source before it is placed; see [`read`].
#[derive(Debug)]
pub struct CsvRead<D> {
    input: Input,
    decoder: CsvDecoder<D>,
}

impl<D> CsvRead<D> {
    /// Separates fields by another byte than the comma.
    ///
    /// # Panics
    ///
    /// If `delimiter` is a quote, a line break or not ASCII.
    #[must_use]
    pub fn delimiter(self, delimiter: u8) -> Self {
        CsvRead { decoder: self.decoder.delimiter(delimiter), ..self }
    }
}

impl<D: DeserializeOwned, W> IntoNode<W> for CsvRead<D> {
    type Operator = Decoded<CsvDecoder<D>>;
    type Ports = DecodedPorts<D>;

    fn into_node(self, _edge: W) -> (Self::Operator, Self::Ports) {
        (Decoded::new(self.input, self.decoder), DecodedPorts::new())
    }
}
