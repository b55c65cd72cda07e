//! Separated values with a header line, as spreadsheets and databases exchange them (RFC 4180, read generously).
//!
//! A row's way in: `records` finds the record's end and takes its quotes off, `decode` gives its fields to the
//! columns of the header and the columns to the type. The way out, `encode`, is the `csv` crate's writer.

mod decode;
mod encode;
mod records;

pub use decode::CsvDecoder;
pub use encode::CsvEncoder;

/// What a delimiter may be.
fn check_delimiter(delimiter: u8) {
    assert!(
        delimiter.is_ascii() && !matches!(delimiter, b'"' | b'\r' | b'\n'),
        "expected an ASCII delimiter other than a quote or a line break, found {:?}",
        char::from(delimiter)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::cuts::decode_blocks;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Row {
        text: String,
        number: Option<i64>,
        flag: bool,
    }

    #[test]
    fn what_is_written_can_be_read() {
        let texts = ["plain", "", "a;b", "say \"hi\"", "two\nlines\r\n", " padded ", "\"", "é\0"];
        let rows: Vec<Row> = (0..)
            .zip(texts)
            .map(|(number, text)| Row {
                text: text.into(),
                number: (number % 3 > 0).then_some(number - 4),
                flag: number % 2 == 0,
            })
            .collect();
        let mut encoder = CsvEncoder::new().delimiter(b';');
        let mut out = Vec::new();
        for row in &rows {
            encoder.write(row, &mut out).expect("a flat struct");
        }
        let decoder = CsvDecoder::<Row>::new("x.csv").delimiter(b';');
        let read: Result<Vec<Row>, _> = decode_blocks(decoder, [out.as_slice()]).into_iter().collect();
        assert_eq!(read, Ok(rows));
    }

    #[test]
    #[should_panic(expected = "expected an ASCII delimiter other than a quote or a line break, found '\"'")]
    fn quote_is_no_delimiter() {
        let _ = CsvEncoder::new().delimiter(b'"');
    }
}
