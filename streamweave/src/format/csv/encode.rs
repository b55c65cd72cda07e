//! Rows as lines of a CSV file.
//!
//! Promises what `csv::Writer` promises: fields are quoted where they must be, the header comes from the field names of
//! the first row, and all rows are of one length. Also that a row which cannot be written leaves no trace. Relies on a
//! sink that can be exchanged under the writer, so that rows go straight into the caller's buffer.

use super::check_delimiter;
use crate::format::FormatError;
use csv::{Writer, WriterBuilder};
use serde::Serialize;
use std::cell::Cell;
use std::fmt;
use std::io;

/// Encodes rows as separated values, each ended by `\n`.
///
/// A struct of plain fields becomes a record, and the first one is preceded by a header of its field names; tuples and
/// sequences have no header. `None` is an empty field.
///
/// # Examples
///
/// ```
/// # use streamweave::format::csv::CsvEncoder;
/// #[derive(serde::Serialize)]
/// struct Flight { dest: &'static str, delay: Option<i32> }
///
/// let mut encoder = CsvEncoder::new();
/// let mut out = Vec::new();
/// encoder.write(&Flight { dest: "IAH", delay: Some(-4) }, &mut out).unwrap();
/// encoder.write(&Flight { dest: "Paris, TX", delay: None }, &mut out).unwrap();
/// assert_eq!(out, b"dest,delay\nIAH,-4\n\"Paris, TX\",\n");
/// ```
pub struct CsvEncoder {
    writer: Writer<Sink>,
    delimiter: u8,
    has_header: bool,
    /// Rows given, good or bad.
    rows: u64,
    /// Whether one was good, and with it the header.
    begun: bool,
}

/// The caller's buffer, for as long as a row is written. `csv::Writer` lends its sink by shared reference only, hence
/// the cell; it costs nothing, since writing goes through `&mut`.
#[derive(Default)]
struct Sink(Cell<Vec<u8>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Default for CsvEncoder {
    fn default() -> Self {
        Self::with(b',', true)
    }
}

impl CsvEncoder {
    /// An encoder that separates fields by commas and has written nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Separates fields by `delimiter`; to be called before the first row.
    ///
    /// # Panics
    ///
    /// If `delimiter` is a quote, a line break or not ASCII.
    #[must_use]
    pub fn delimiter(self, delimiter: u8) -> Self {
        check_delimiter(delimiter);
        Self::with(delimiter, self.has_header)
    }

    /// Leaves the header out, as when appending to a file that has one; to be called before the first row.
    #[must_use]
    pub fn without_header(self) -> Self {
        Self::with(self.delimiter, false)
    }

    /// An encoder behind so many rows that were written before: where there are any the header is there, too.
    #[must_use]
    pub fn behind(self, rows: u64) -> Self {
        CsvEncoder { rows, ..Self::with(self.delimiter, self.has_header && rows == 0) }
    }

    fn with(delimiter: u8, has_header: bool) -> Self {
        CsvEncoder { writer: new_writer(delimiter, has_header), delimiter, has_header, rows: 0, begun: false }
    }

    /// Appends `row` to `out`, the header before the first; allocates only what `out` needs to grow.
    ///
    /// # Errors
    ///
    /// [`FormatError::Unwritable`] if the row is no flat record or has another length than the rows before. Then `out`
    /// is as it was, and the next row can be written.
    pub fn write(&mut self, row: &impl Serialize, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let before = out.len();
        self.rows += 1;
        let sink = self.writer.get_ref();
        sink.0.set(std::mem::take(out));
        let written = self.writer.serialize(row);
        let flushed = self.writer.flush();
        *out = self.writer.get_ref().0.take();
        flushed.expect(NEVER_FAILS);
        let Err(error) = written else {
            self.begun = true;
            return Ok(());
        };
        out.truncate(before);
        self.forget_broken_row();
        Err(FormatError::Unwritable { format: "CSV", row: self.rows, reason: reason(&error) })
    }

    /// Makes the writer ready for the next row after one that it gave up in the middle.
    ///
    /// It cannot go back, so another takes its place. That one must know whether the header is written and how many
    /// fields a row has; the old one tells the number when it is asked to end the broken row.
    #[cold]
    fn forget_broken_row(&mut self) {
        if !self.begun {
            self.writer = new_writer(self.delimiter, self.has_header);
            return;
        }
        let ended = self.writer.write_record(None::<&[u8]>);
        if let Err(csv::ErrorKind::UnequalLengths { expected_len, .. }) = ended.map_err(csv::Error::into_kind)
        {
            self.writer = new_writer(self.delimiter, false);
            let blanks = (0..expected_len).map(|_| "");
            self.writer.write_record(blanks).expect("blanks can be written");
        }
        self.writer.flush().expect(NEVER_FAILS);
        self.writer.get_ref().0.take();
    }
}

/// Why the sink's results are expected to be good.
const NEVER_FAILS: &str = "a buffer in memory takes all bytes";

fn new_writer(delimiter: u8, has_header: bool) -> Writer<Sink> {
    let mut builder = WriterBuilder::new();
    builder.delimiter(delimiter).has_headers(has_header).from_writer(Sink::default())
}

/// The error, without what the `csv` crate says around it.
#[cold]
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("expected {expected_len} fields, as in the rows before, found {len}")
        }
        csv::ErrorKind::Serialize(reason) => reason.clone(),
        _ => error.to_string(),
    }
}

impl fmt::Debug for CsvEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvEncoder").field("rows", &self.rows).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(encoder: &mut CsvEncoder, row: &impl Serialize) -> String {
        let mut out = Vec::new();
        encoder.write(row, &mut out).expect("a flat row");
        String::from_utf8(out).expect("text")
    }

    fn refused(encoder: &mut CsvEncoder, row: &impl Serialize) -> String {
        let mut out = b"before".to_vec();
        let error = encoder.write(row, &mut out).expect_err("the row is refused");
        assert_eq!(out, b"before", "no trace is left");
        error.to_string()
    }

    #[derive(Serialize)]
    struct Flat<'a> {
        text: &'a str,
        number: f64,
    }

    #[test]
    fn header_comes_once_and_rows_are_appended() {
        let mut encoder = CsvEncoder::new();
        let mut out = b"# kept\n".to_vec();
        for text in ["plain", "with \"quotes\"", "two\nlines", ""] {
            let row = Flat { text, number: 0.5 };
            encoder.write(&row, &mut out).expect("a flat row");
        }
        assert_eq!(
            String::from_utf8_lossy(&out),
            "# kept\ntext,number\nplain,0.5\n\"with \"\"quotes\"\"\",0.5\n\"two\nlines\",0.5\n,0.5\n"
        );
    }

    #[test]
    fn row_that_is_not_flat_is_refused_and_the_header_comes_with_the_next() {
        #[derive(Serialize)]
        struct Nested<'a> {
            name: &'a str,
            inner: Flat<'a>,
        }
        let mut encoder = CsvEncoder::new();
        let flat = |text| Flat { text, number: 0.5 };
        let nested = Nested { name: "x", inner: flat("y") };
        let message = refused(&mut encoder, &nested);
        assert!(
            message.starts_with("cannot write row 1 as CSV: cannot serialize Flat container"),
            "{message}"
        );
        assert_eq!(text(&mut encoder, &flat("z")), "text,number\nz,0.5\n");
    }

    #[test]
    fn tuples_have_no_header_and_delimiters_can_be_chosen() {
        let mut encoder = CsvEncoder::new().delimiter(b';');
        assert_eq!(text(&mut encoder, &("a;b", 1, None::<u8>)), "\"a;b\";1;\n");
    }

    #[test]
    fn header_can_be_left_out() {
        let mut encoder = CsvEncoder::new().without_header();
        let row = Flat { text: "x", number: 1.0 };
        assert_eq!(text(&mut encoder, &row), "x,1.0\n");
    }

    #[test]
    fn row_of_another_length_is_refused_and_the_next_is_written() {
        let mut encoder = CsvEncoder::new();
        assert_eq!(text(&mut encoder, &&[1, 2][..]), "1,2\n");
        let message = |row, found| {
            format!("cannot write row {row} as CSV: expected 2 fields, as in the rows before, found {found}")
        };
        assert_eq!(refused(&mut encoder, &&[1][..]), message(2, 1));
        assert_eq!(text(&mut encoder, &&[3, 4][..]), "3,4\n");
        assert_eq!(refused(&mut encoder, &&[1, 2, 3][..]), message(4, 3));
        assert_eq!(refused(&mut encoder, &&[1, 2, 3, 4][..]), message(5, 4));
        assert_eq!(text(&mut encoder, &&[5, 6][..]), "5,6\n");
    }

    #[test]
    fn row_given_up_in_the_middle_is_forgotten() {
        struct Broken(usize);
        impl Serialize for Broken {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::{Error, SerializeSeq};
                let mut row = serializer.serialize_seq(None)?;
                (0..self.0).try_for_each(|field| row.serialize_element(&field))?;
                Err(S::Error::custom("broken on purpose"))
            }
        }
        for good in [&[][..], &[7, 8]] {
            for fields in 0..4 {
                let mut encoder = CsvEncoder::new();
                if !good.is_empty() {
                    text(&mut encoder, &good);
                }
                let message = refused(&mut encoder, &Broken(fields));
                assert!(message.ends_with(" as CSV: broken on purpose"), "{message}");
                assert_eq!(text(&mut encoder, &(1, 2)), "1,2\n", "after {fields} fields");
                assert!(refused(&mut encoder, &(1, 2, 3)).contains("expected 2 fields"));
            }
        }
    }

    #[test]
    fn buffer_of_the_caller_is_used_and_given_back() {
        let mut encoder = CsvEncoder::new();
        let mut out = Vec::with_capacity(1 << 16);
        let address = out.as_ptr();
        for number in 0..1_000 {
            encoder.write(&(number, "x"), &mut out).expect("a flat row");
        }
        assert_eq!(out.as_ptr(), address);
        assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1_000);
    }
}
