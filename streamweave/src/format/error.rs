//! What can be wrong with an input, or with a row to be written.
//!
//! [`Malformed`] is data: it travels along the error edge of a source into a dead-letter file, from which the record
//! can be repaired and read again, so it can be cloned, compared and serialised. [`FormatError`] ends the reading or
//! the writing of a file.

use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// A record that could not be read: where it stands, what is wrong with it, and its bytes.
///
/// It is written as `file:line: column 6 (name): reason: "the record"`, the record cut after some 200 characters.
/// Serialised it is flat, so that CSV can hold it too: `file`, `line`, `column`, `column_name`, `reason`, `raw` (as
/// text, see [`raw_text`](Malformed::raw_text)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The name of the input.
    pub file: Arc<str>,
    /// The physical line on which the record starts, from 1.
    pub line: u64,
    /// The field to blame, if one can be told.
    pub column: Option<Column>,
    /// What is wrong.
    pub reason: String,
    /// The bytes of the record as they stood in the input, without the line terminator.
    pub raw: Vec<u8>,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its number, from 1.
    pub index: usize,
    /// Its name, where the format has names.
    pub name: Option<String>,
}

impl Malformed {
    /// The record's bytes as text, with `U+FFFD` in place of what is not UTF-8.
    pub fn raw_text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }
}

/// The most characters of a record that a message shows.
const SHOWN_CHARS: usize = 200;

/// The start of `raw`, quoted and escaped; an ellipsis says that there is more.
fn quoted_start(raw: &[u8]) -> String {
    // No character has more than four bytes: these hold one more than is shown, and a record of megabytes is not
    // converted.
    let head = &raw[..raw.len().min(4 * (SHOWN_CHARS + 1))];
    let text = String::from_utf8_lossy(head);
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(column) = &self.column {
            write!(f, "{column}: ")?;
        }
        write!(f, "{}: {}", self.reason, quoted_start(&self.raw))
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "column {} ({name})", self.index),
            None => write!(f, "column {}", self.index),
        }
    }
}

impl std::error::Error for Malformed {}

/// The serialised form of a [`Malformed`].
#[derive(Serialize)]
struct Flat<'a> {
    file: &'a str,
    line: u64,
    column: Option<usize>,
    column_name: Option<&'a str>,
    reason: &'a str,
    raw: &'a str,
}

impl Serialize for Malformed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let column = self.column.as_ref();
        let flat = Flat {
            file: &self.file,
            line: self.line,
            column: column.map(|column| column.index),
            column_name: column.and_then(|column| column.name.as_deref()),
            reason: &self.reason,
            raw: &String::from_utf8_lossy(&self.raw),
        };
        flat.serialize(serializer)
    }
}

/// Why a whole file cannot be read, or a row not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The format wants a header line, and the input holds nothing, or blank lines only.
    #[error("`{file}` is empty: expected a header line")]
    Empty {
        /// The name of the input.
        file: Arc<str>,
    },
    /// The record type needs a column that the header does not name.
    #[error("`{file}`: the header has no column `{column}`, only {found}")]
    MissingColumn {
        /// The name of the input.
        file: Arc<str>,
        /// The column that the type needs.
        column: String,
        /// The columns that are there, quoted and separated by commas.
        found: String,
    },
    /// The format cannot express the row.
    #[error("cannot write row {row} as {format}: {reason}")]
    Unwritable {
        /// The format.
        format: &'static str,
        /// The number of the row among those given to the encoder, from 1.
        row: u64,
        /// What is wrong.
        reason: String,
    },
}

/// What a decoder gives in place of a record; there is no third case, so matches may be exhaustive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// This record is bad; the next may be good.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The input as a whole is bad; nothing more comes.
    #[error(transparent)]
    Fatal(#[from] FormatError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad_delay() -> Malformed {
        Malformed {
            file: "flights.csv".into(),
            line: 17,
            column: Some(Column { index: 6, name: Some("dep_delay".into()) }),
            reason: "invalid digit found in string".into(),
            raw: b"2013,1,\xff".to_vec(),
        }
    }

    #[test]
    fn message_says_where_what_and_which_record() {
        assert_eq!(
            bad_delay().to_string(),
            "flights.csv:17: column 6 (dep_delay): invalid digit found in string: \"2013,1,\u{fffd}\""
        );
        let unnamed = Malformed { column: None, ..bad_delay() };
        assert_eq!(unnamed.to_string(), "flights.csv:17: invalid digit found in string: \"2013,1,\u{fffd}\"");
    }

    #[test]
    fn message_cuts_a_long_record_between_characters() {
        assert_eq!(quoted_start("é".repeat(200).as_bytes()), format!("{:?}", "é".repeat(200)));
        for long in ["é".repeat(201), "🦀".repeat(10_000)] {
            let first: String = long.chars().take(200).collect();
            assert_eq!(quoted_start(long.as_bytes()), format!("{first:?}…"));
        }
    }

    #[test]
    fn malformed_is_serialised_flat_and_as_text() {
        let json = serde_json::to_string(&bad_delay()).expect("a flat struct");
        assert_eq!(
            json,
            r#"{"file":"flights.csv","line":17,"column":6,"column_name":"dep_delay","reason":"invalid digit found in string","raw":"2013,1,�"}"#
        );
    }
}
