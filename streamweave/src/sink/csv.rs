//! Rows of comma-separated values.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::format::FormatError;
use crate::format::csv::CsvEncoder;
use crate::io::write::Output;
use crate::operator::IntoNode;
use crate::port::{Edge, NoPorts};

use super::encoded::{Encoded, Encoder, GoesOn};
use super::parts::{PartFormat, Parts};
use super::transactional::ToSink;

/// Writes each row as a record of a CSV file; yields the number of rows written.
///
/// The header is made of the names of the row's fields when the first row comes, or given by
/// [`header`](CsvWrite::header): then it stands there even where no row comes. A file that is
/// appended to and has something in it gets no second header.
///
/// # Errors
///
/// The run ends with an error where the file cannot be created or written, or where a row is not
/// a flat record.
pub fn write<D: Serialize, T, O: Into<Output>>(_input: Edge<D, T>, output: O) -> CsvWrite<D, O> {
    CsvWrite { output, delimiter: b',', header: None, row: PhantomData }
}

/// A CSV sink before it is placed; see [`write`](write()).
#[derive(Clone, Debug)]
pub struct CsvWrite<D, O = Output> {
    output: O,
    delimiter: u8,
    header: Option<Vec<String>>,
    row: PhantomData<fn(D)>,
}

impl<D, O> CsvWrite<D, O> {
    /// Separates fields by another byte than the comma.
    #[must_use]
    pub fn delimiter(self, delimiter: u8) -> Self {
        CsvWrite { delimiter, ..self }
    }

    /// Writes these names as the header.
    #[must_use]
    pub fn header(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        CsvWrite { header: Some(names.into_iter().map(Into::into).collect()), ..self }
    }
}

impl<D: Serialize, O: Into<Output>, W> IntoNode<W> for CsvWrite<D, O> {
    type Operator = Encoded<CsvEncoder, O>;
    type Ports = NoPorts;

    fn into_node(self, _edge: W) -> (Self::Operator, NoPorts) {
        let mut encoder = CsvEncoder::new().delimiter(self.delimiter);
        let mut begun = Vec::new();
        let output: Output = self.output.into();
        if output.continues() {
            encoder = encoder.without_header();
        } else if let Some(header) = self.header {
            encoder = encoder.without_header();
            encoder.write(&header, &mut begun).expect("a list of names is a flat record");
        }
        (Encoded::to(output, encoder, begun), NoPorts)
    }
}

/// Writes rows into files of a folder, one for each stretch between two checkpoints in which a row came; yields the number of rows.
///
/// A file `part-00000001.csv` is there once the checkpoint that counts its rows is durable, and never changes; until then it is called
/// `part-00000001.csv.pending`. Each has a header of its own. The folder is created where there is none. A graph that begins anew
/// removes the parts that it finds there, and leaves everything else.
///
/// Where the graph keeps no state there is a file for each stretch after which no input was at hand, or after 32 batches.
///
/// # Errors
///
/// The run ends where a file cannot be written, or where a row is not a flat record.
pub fn write_parts<D: Serialize, T>(_input: Edge<D, T>, folder: impl AsRef<Path>) -> CsvWriteParts<D> {
    let format = CsvParts { delimiter: b',', header: None };
    CsvWriteParts { folder: folder.as_ref().to_owned(), format, row: PhantomData }
}

/// A sink of CSV files before it is placed; see [`write_parts`].
#[derive(Clone, Debug)]
pub struct CsvWriteParts<D> {
    folder: PathBuf,
    format: CsvParts,
    row: PhantomData<fn(D)>,
}

/// How a CSV file begins.
#[derive(Clone, Debug)]
pub struct CsvParts {
    delimiter: u8,
    header: Option<Vec<String>>,
}

impl<D> CsvWriteParts<D> {
    /// Separates fields by another byte than the comma.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.format.delimiter = delimiter;
        self
    }

    /// Writes these names as the header of each file.
    #[must_use]
    pub fn header(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.format.header = Some(names.into_iter().map(Into::into).collect());
        self
    }
}

impl<D: Serialize + Send + 'static, W> IntoNode<W> for CsvWriteParts<D> {
    type Operator = ToSink<Parts<D, CsvParts>>;
    type Ports = NoPorts;

    fn into_node(self, _edge: W) -> (Self::Operator, NoPorts) {
        (ToSink::new(Parts::new(self.folder, self.format)), NoPorts)
    }
}

impl PartFormat for CsvParts {
    type Encoder = CsvEncoder;
    const EXTENSION: &'static str = "csv";

    fn begin(&self, out: &mut Vec<u8>) -> CsvEncoder {
        let encoder = CsvEncoder::new().delimiter(self.delimiter);
        let Some(header) = &self.header else { return encoder };
        let mut encoder = encoder.without_header();
        encoder.write(header, out).expect("a list of names is a flat record");
        encoder
    }
}

impl GoesOn for CsvEncoder {
    fn go_on_behind(&mut self, rows: u64) {
        *self = std::mem::take(self).behind(rows);
    }
}

impl<D: Serialize> Encoder<D> for CsvEncoder {
    fn encode(&mut self, row: &D, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.write(row, out)
    }
}
