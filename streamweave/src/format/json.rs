//! JSON Lines: one JSON value a line.
//!
//! Promises a `T` for every line that is not blank, and one line for every value written. Relies on `serde_json`, and
//! on `LineSplitter` for the division into lines, which is why a value cannot be spread over several.

use super::pending::LineSplitter;
use super::{Decoder, Fault, FormatError, Mark, Resumable};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;

/// Decodes lines of JSON into values.
///
/// Blank lines are skipped, but counted. A line that is no `T` is [`Malformed`](super::Malformed) without a
/// [`Column`](super::Column) (JSON has no columns); its reason ends with the byte of the line, from 1, at which
/// `serde_json` gave up.
///
/// # Examples
///
/// ```
/// # use streamweave::format::{Decoder, json::JsonLines};
/// let mut values = JsonLines::<(u32, String)>::new("pairs.jsonl");
/// values.feed(b"[1, \"one\"]\n\n[2]\n");
/// assert_eq!(values.decode(), Some(Ok((1, "one".to_string()))));
/// let fault = values.decode().unwrap().unwrap_err();
/// assert_eq!(
///     fault.to_string(),
///     "pairs.jsonl:3: invalid length 1, expected a tuple of size 2 at column 3: \"[2]\""
/// );
/// ```
#[derive(Debug)]
pub struct JsonLines<T> {
    lines: LineSplitter,
    item: PhantomData<fn() -> T>,
}

impl<T> JsonLines<T> {
    /// A decoder of the input that error messages call `file`.
    pub fn new(file: impl Into<Arc<str>>) -> Self {
        JsonLines { lines: LineSplitter::new(file.into()), item: PhantomData }
    }
}

impl<T: DeserializeOwned> Decoder for JsonLines<T> {
    type Item = T;

    fn feed(&mut self, block: &[u8]) {
        self.lines.pending.feed(block);
    }

    fn finish(&mut self) {
        self.lines.pending.finish();
    }

    fn decode(&mut self) -> Option<Result<T, Fault>> {
        loop {
            let line = self.lines.next_line()?;
            if line.bytes.trim_ascii().is_empty() {
                continue;
            }
            let value = serde_json::from_slice(line.bytes);
            return Some(value.map_err(|error| line.malformed(reason(&error)).into()));
        }
    }
}

impl<T: DeserializeOwned> Resumable for JsonLines<T> {
    fn undecoded(&self) -> usize {
        self.lines.pending.undecoded()
    }

    fn mark(&self) -> Mark {
        self.lines.mark()
    }

    fn resume(&mut self, mark: Mark) {
        self.lines.resume(&mark);
    }
}

/// The error without its line, which is 1 for every line that `serde_json` is given alone.
#[cold]
fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match message.strip_suffix(&place) {
        Some(what) => format!("{what} at column {}", error.column()),
        None => message,
    }
}

/// Encodes values as lines of JSON.
///
/// # Examples
///
/// ```
/// # use streamweave::format::json::JsonLinesEncoder;
/// let mut out = Vec::new();
/// JsonLinesEncoder::new().write(&(1, "one"), &mut out).unwrap();
/// assert_eq!(out, b"[1,\"one\"]\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct JsonLinesEncoder {
    rows: u64,
}

impl JsonLinesEncoder {
    /// An encoder that has written nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// An encoder behind so many rows that were written before.
    pub fn behind(rows: u64) -> Self {
        JsonLinesEncoder { rows }
    }

    /// Appends `row` and a line feed to `out`; allocates only what `out` needs to grow.
    ///
    /// # Errors
    ///
    /// [`FormatError::Unwritable`] if JSON has no form for the row, as for a map whose keys are no strings. Then `out`
    /// is as it was, and the next row can be written.
    pub fn write(&mut self, row: &impl Serialize, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let before = out.len();
        self.rows += 1;
        if let Err(error) = serde_json::to_writer(&mut *out, row) {
            out.truncate(before);
            return Err(FormatError::Unwritable {
                format: "JSON",
                row: self.rows,
                reason: error.to_string(),
            });
        }
        out.push(b'\n');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::cuts::{decode_any_way, decode_blocks, faults};
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Reading {
        place: String,
        celsius: Option<f64>,
    }

    fn reading(place: &str, celsius: Option<f64>) -> Reading {
        Reading { place: place.into(), celsius }
    }

    fn readings(input: &[u8]) -> Vec<Result<Reading, Fault>> {
        decode_any_way(|| JsonLines::new("x.jsonl"), input)
    }

    #[test]
    fn one_value_a_line_and_blank_lines_do_not_count() {
        let input = "\u{feff}{\"place\":\"Köln\",\"celsius\":3.5}\r\n\n \t\r\n  {\"place\":\"Brno\"}";
        assert_eq!(readings(input.as_bytes()), [Ok(reading("Köln", Some(3.5))), Ok(reading("Brno", None))]);
    }

    #[test]
    fn bad_line_is_named_and_the_next_is_read() {
        let lines = readings(
            b"\n{\"place\":\"Brno\",}\n{\"place\":7}\n{\"celsius\":1}\n{\"place\":\"\xff\"}\n{\"place\":\"a\"}",
        );
        assert_eq!(
            faults(&lines),
            [
                r#"x.jsonl:2: trailing comma at column 17: "{\"place\":\"Brno\",}""#,
                r#"x.jsonl:3: invalid type: integer `7`, expected a string at column 10: "{\"place\":7}""#,
                r#"x.jsonl:4: missing field `place` at column 13: "{\"celsius\":1}""#,
                "x.jsonl:5: invalid unicode code point at column 11: \"{\\\"place\\\":\\\"\u{fffd}\\\"}\"",
            ]
        );
        assert_eq!(lines.last(), Some(&Ok(reading("a", None))));
    }

    #[test]
    fn what_is_written_can_be_read() {
        let rows = [reading("a\nb \"c\"", Some(-0.5)), reading("", None)];
        let mut encoder = JsonLinesEncoder::new();
        let mut out = Vec::new();
        for row in &rows {
            encoder.write(row, &mut out).expect("a struct of strings and numbers");
        }
        let read = decode_blocks(JsonLines::<Reading>::new("x.jsonl"), [out.as_slice()]);
        assert_eq!(read, rows.map(Ok));
    }

    #[test]
    fn unwritable_row_leaves_no_trace() {
        let mut encoder = JsonLinesEncoder::new();
        let mut out = Vec::new();
        encoder.write(&1, &mut out).expect("a number");
        let error = encoder
            .write(&("x", BTreeMap::from([((1, 2), 3)])), &mut out)
            .expect_err("keys that are no strings");
        assert_eq!(error.to_string(), "cannot write row 2 as JSON: key must be a string");
        encoder.write(&2, &mut out).expect("a number");
        assert_eq!(out, b"1\n2\n");
    }
}
