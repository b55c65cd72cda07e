//! Rows of a CSV file as values of a type.
//!
//! Promises a `T` or a [`Malformed`] for every record after the header, and that a file which cannot hold any `T`
//! (empty, or without a column that `T` needs) ends at once instead of being rejected row by row. Relies on [`Records`]
//! for the fields and on the `csv` crate's deserialiser, which matches the header's names with the fields of `T`.

use super::check_delimiter;
use super::records::{Record, Records};
use crate::format::{Column, Decoder, Fault, FormatError, Malformed, Mark, Resumable};
use csv::{ByteRecord, DeserializeError, DeserializeErrorKind, StringRecord};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;

/// Decodes separated values into rows, by the names in the first record.
///
/// Fields are found by name, so that their order does not matter and columns that `T` does not have are passed over; a
/// tuple takes them by position instead. An empty field is `None` for an `Option`. Quoted fields may hold delimiters,
/// line breaks and doubled quotes; blank lines are skipped, but counted.
///
/// A record is [`Malformed`] if it has another number of fields than the header, is not UTF-8, has a field that does
/// not parse, or opens a quote that is never closed (which makes the rest of the file its field: a stray quote is found
/// at the end of the file and reported with the line of the record in which it stands).
///
/// Faults of the whole file are [`FormatError::Empty`] and, as long as no row was good, [`FormatError::MissingColumn`].
///
/// # Examples
///
/// ```
/// # use streamweave::format::{Decoder, csv::CsvDecoder};
/// #[derive(serde::Deserialize, Debug, PartialEq)]
/// struct Flight { dest: String, delay: Option<i32> }
///
/// let mut flights = CsvDecoder::<Flight>::new("flights.csv");
/// flights.feed(b"delay,dest\n-4,IAH\n,BQN\nlate,MIA\n");
/// assert_eq!(flights.decode(), Some(Ok(Flight { dest: "IAH".into(), delay: Some(-4) })));
/// assert_eq!(flights.decode(), Some(Ok(Flight { dest: "BQN".into(), delay: None })));
/// let fault = flights.decode().unwrap().unwrap_err();
/// assert_eq!(
///     fault.to_string(),
///     "flights.csv:4: column 1 (delay): invalid digit found in string: \"late,MIA\""
/// );
/// ```
#[derive(Debug)]
pub struct CsvDecoder<T> {
    records: Records,
    file: Arc<str>,
    /// Known once the header is read.
    table: Option<Table>,
    ended: bool,
    item: PhantomData<fn() -> T>,
}

/// The header, and what is needed to read the rows below it.
#[derive(Debug)]
struct Table {
    file: Arc<str>,
    header: StringRecord,
    /// The row at hand, kept for its buffers; taken while a row is read.
    row: Option<ByteRecord>,
    /// Whether a row was good, so that the header has what the type needs.
    proven: bool,
}

impl<T> CsvDecoder<T> {
    /// A decoder of the comma-separated input that error messages call `file`.
    pub fn new(file: impl Into<Arc<str>>) -> Self {
        CsvDecoder {
            records: Records::new(b','),
            file: file.into(),
            table: None,
            ended: false,
            item: PhantomData,
        }
    }

    /// Separates fields by `delimiter`; to be called before anything is fed.
    ///
    /// # Panics
    ///
    /// If `delimiter` is a quote, a line break or not ASCII.
    #[must_use]
    pub fn delimiter(self, delimiter: u8) -> Self {
        check_delimiter(delimiter);
        CsvDecoder { records: Records::new(delimiter), ..self }
    }

    /// Reads the header; `None` if it is not all there yet.
    fn read_header(&mut self) -> Option<Result<(), Fault>> {
        let Some(record) = self.records.next_record() else {
            let file = self.file.clone();
            return self.records.ended().then_some(Err(FormatError::Empty { file }.into()));
        };
        let table = Table::new(self.file.clone(), &record);
        let result = table.check_closed(&record);
        self.table = Some(table);
        Some(result.map_err(Fault::from))
    }

    /// Reads the next record, the header before the first.
    fn read(&mut self) -> Option<Result<T, Fault>>
    where
        T: DeserializeOwned,
    {
        if self.table.is_none()
            && let Err(fault) = self.read_header()?
        {
            return Some(Err(fault));
        }
        let table = self.table.as_mut().expect("`read_header` set it");
        let record = self.records.next_record()?;
        Some(table.read(&record))
    }
}

impl<T: DeserializeOwned> Decoder for CsvDecoder<T> {
    type Item = T;

    fn feed(&mut self, block: &[u8]) {
        self.records.pending.feed(block);
    }

    fn finish(&mut self) {
        self.records.pending.finish();
    }

    fn decode(&mut self) -> Option<Result<T, Fault>> {
        if self.ended {
            return None;
        }
        let row = self.read();
        self.ended = matches!(row, Some(Err(Fault::Fatal(_))));
        row
    }
}

impl<T: DeserializeOwned> Resumable for CsvDecoder<T> {
    fn undecoded(&self) -> usize {
        self.records.pending.undecoded()
    }

    fn mark(&self) -> Mark {
        let header = self.table.as_ref().map(|table| table.header.iter().map(str::to_owned).collect());
        let proven = self.table.as_ref().is_some_and(|table| table.proven);
        Mark { lines: self.records.line() - 1, header, proven }
    }

    fn resume(&mut self, mark: Mark) {
        let Mark { lines, header, proven } = mark;
        self.records.resume(lines + 1);
        self.table = header.map(|header| Table {
            file: self.file.clone(),
            header: StringRecord::from(header),
            row: Some(ByteRecord::new()),
            proven,
        });
    }
}

impl Table {
    fn new(file: Arc<str>, record: &Record<'_>) -> Self {
        let mut header = ByteRecord::new();
        record.copy_to(&mut header);
        Table {
            file,
            // A name that is not UTF-8 is the name of no field: if it is needed, it will be missed.
            header: StringRecord::from_byte_record_lossy(header),
            row: Some(ByteRecord::new()),
            proven: false,
        }
    }

    fn read<T: DeserializeOwned>(&mut self, record: &Record<'_>) -> Result<T, Fault> {
        self.check_closed(record)?;
        self.check_len(record)?;
        let mut fields = self.row.take().expect("put back after every row");
        record.copy_to(&mut fields);
        let (result, fields) = match StringRecord::from_byte_record(fields) {
            Ok(row) => {
                let result = row.deserialize(Some(&self.header));
                let result = result.map_err(|error| self.refusal::<T>(record, &row, error));
                (result, row.into_byte_record())
            }
            Err(error) => {
                let fault = self.not_utf8(record, error.utf8_error()).into();
                (Err(fault), error.into_byte_record())
            }
        };
        self.row = Some(fields);
        self.proven |= result.is_ok();
        result
    }

    fn check_closed(&self, record: &Record<'_>) -> Result<(), Malformed> {
        if record.closed {
            return Ok(());
        }
        let reason = "expected a closing quote, found the end of the file";
        Err(self.malformed(record, None, reason.to_owned()))
    }

    fn check_len(&self, record: &Record<'_>) -> Result<(), Malformed> {
        let (expected, found) = (self.header.len(), record.len());
        if found == expected {
            return Ok(());
        }
        let noun = if expected == 1 { "field" } else { "fields" };
        Err(self.malformed(record, None, format!("expected {expected} {noun}, found {found}")))
    }

    #[cold]
    fn not_utf8(&self, record: &Record<'_>, error: &csv::Utf8Error) -> Malformed {
        let at = error.valid_up_to() + 1;
        let reason = format!("invalid UTF-8 at byte {at} of the field");
        self.malformed(record, Some(error.field()), reason)
    }

    /// Why `row` is no `T`: the header's fault or the row's.
    #[cold]
    fn refusal<T: DeserializeOwned>(
        &self,
        record: &Record<'_>,
        row: &StringRecord,
        error: csv::Error,
    ) -> Fault {
        let csv::ErrorKind::Deserialize { err: error, .. } = error.kind() else {
            return self.malformed(record, None, error.to_string()).into();
        };
        if !self.proven
            && let Some(column) = missing_field(error.kind())
            && self.header.iter().all(|name| name != column)
        {
            return self.missing_column(column).into();
        }
        let column = self.column_to_blame::<T>(row, error);
        self.malformed(record, column, error.kind().to_string()).into()
    }

    /// The column whose field `error` is about, from 0.
    ///
    /// Errors of the `csv` crate's own parsers name it. Others (an unknown variant of an enum, a date that a
    /// `Deserialize` of the user's refuses) do not; then it is the column that gives the same error when it is read
    /// alone.
    fn column_to_blame<T: DeserializeOwned>(
        &self,
        row: &StringRecord,
        error: &DeserializeError,
    ) -> Option<usize> {
        if let Some(field) = error.field() {
            return usize::try_from(field).ok();
        }
        if missing_field(error.kind()).is_some() {
            return None;
        }
        let alone = |record: &StringRecord, column: usize| StringRecord::from(vec![&record[column]]);
        (0..row.len()).find(|&column| {
            let result = alone(row, column).deserialize::<T>(Some(&alone(&self.header, column)));
            matches!(result.map_err(csv::Error::into_kind),
                Err(csv::ErrorKind::Deserialize { err, .. }) if err.kind() == error.kind())
        })
    }

    fn missing_column(&self, column: &str) -> FormatError {
        let found: Vec<String> = self.header.iter().map(|name| format!("`{name}`")).collect();
        FormatError::MissingColumn {
            file: self.file.clone(),
            column: column.to_owned(),
            found: found.join(", "),
        }
    }

    #[cold]
    fn malformed(&self, record: &Record<'_>, column: Option<usize>, reason: String) -> Malformed {
        let column = column
            .map(|column| Column { index: column + 1, name: self.header.get(column).map(str::to_owned) });
        Malformed { file: self.file.clone(), line: record.line, column, reason, raw: record.raw.to_vec() }
    }
}

/// The field that serde misses. The message is all that serde passes on; `serde::de::Error::missing_field` fixes its
/// words, and what they name is compared with the header before anything is concluded from them.
fn missing_field(kind: &DeserializeErrorKind) -> Option<&str> {
    let DeserializeErrorKind::Message(message) = kind else {
        return None;
    };
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::cuts::{decode_any_way, faults};
    use serde::Deserialize;
    use std::collections::HashMap;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Flight {
        dest: String,
        delay: Option<i32>,
        #[serde(default)]
        kind: Kind,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        #[default]
        Passenger,
        Cargo,
    }

    fn flight(dest: &str, delay: Option<i32>) -> Result<Flight, Fault> {
        let dest = dest.to_owned();
        let kind = Kind::Passenger;
        Ok(Flight { dest, delay, kind })
    }

    fn flights(input: impl AsRef<[u8]>) -> Vec<Result<Flight, Fault>> {
        decode_any_way(|| CsvDecoder::new("x.csv"), input)
    }

    fn malformed(item: &Result<Flight, Fault>) -> &Malformed {
        match item {
            Err(Fault::Malformed(malformed)) => malformed,
            other => panic!("expected a malformed record, found {other:?}"),
        }
    }

    #[test]
    fn fields_are_found_by_name_and_strangers_passed_over() {
        assert_eq!(
            flights("delay,tail,dest\n-4,N1,IAH\r\n,,BQN"),
            [flight("IAH", Some(-4)), flight("BQN", None)]
        );
    }

    #[test]
    fn quotes_hold_delimiters_line_breaks_and_quotes() {
        let input = "dest,\"delay\"\r\n\"a,b\",1\r\n\"c\r\nd\ne\",2\r\n\"say \"\"hi\"\"\",3\r\n\"\",\"4\"";
        assert_eq!(
            flights(input),
            [
                flight("a,b", Some(1)),
                flight("c\r\nd\ne", Some(2)),
                flight("say \"hi\"", Some(3)),
                flight("", Some(4))
            ]
        );
    }

    #[test]
    fn lines_are_counted_through_blank_ones_and_quotes() {
        let rows = flights("\n\ndest,delay\r\n\r\n\n\"a\nb\r\nc\",x\r\nd,y\r\n\n\"\n\",z");
        let lines: Vec<u64> = rows.iter().map(|row| malformed(row).line).collect();
        assert_eq!(lines, [6, 9, 11]);
        let raws: Vec<String> = rows.iter().map(|row| malformed(row).raw_text()).collect();
        assert_eq!(raws, ["\"a\nb\r\nc\",x", "d,y", "\"\n\",z"]);
    }

    #[test]
    fn byte_order_mark_is_no_part_of_the_first_name() {
        assert_eq!(flights("\u{feff}dest,delay\nIAH,1\n"), [flight("IAH", Some(1))]);
        assert_eq!(flights("\u{feff}\"dest\",delay\nIAH,1\n"), [flight("IAH", Some(1))]);
    }

    #[test]
    fn second_byte_order_mark_is_a_part_of_the_name_however_it_is_cut() {
        let rows = flights("\u{feff}\u{feff}dest,delay\nIAH,1\n");
        let message = "`x.csv`: the header has no column `dest`, only `\u{feff}dest`, `delay`";
        assert_eq!(faults(&rows), [message]);
    }

    #[test]
    fn wrong_number_of_fields_is_malformed_and_the_next_row_is_read() {
        let rows = flights("dest,delay\nIAH\nIAH,1,2\nMIA,3");
        assert_eq!(
            faults(&rows),
            [
                "x.csv:2: expected 2 fields, found 1: \"IAH\"",
                "x.csv:3: expected 2 fields, found 3: \"IAH,1,2\""
            ]
        );
        assert_eq!(rows[2], flight("MIA", Some(3)));
    }

    #[test]
    fn field_that_does_not_parse_names_its_column() {
        assert_eq!(
            faults(&flights("dest,tail,delay\nIAH,N1,soon\n")),
            ["x.csv:2: column 3 (delay): invalid digit found in string: \"IAH,N1,soon\""]
        );
    }

    #[test]
    fn error_of_a_deserialize_impl_names_its_column_too() {
        let rows = flights("dest,kind,delay\ncargo,goat,\ngoat,cargo,");
        assert_eq!(
            faults(&rows),
            [
                "x.csv:2: column 2 (kind): unknown variant `goat`, expected `passenger` or `cargo`: \"cargo,goat,\""
            ]
        );
        assert!(rows[1].is_ok());
    }

    #[test]
    fn error_of_the_whole_row_blames_no_column() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Pair {
            low: i32,
            high: i32,
        }
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(try_from = "Pair")]
        struct Span(i32);
        impl TryFrom<Pair> for Span {
            type Error = &'static str;
            fn try_from(pair: Pair) -> Result<Self, Self::Error> {
                if pair.low > pair.high {
                    return Err("expected low <= high");
                }
                Ok(Span(pair.high - pair.low))
            }
        }
        let rows = decode_any_way(|| CsvDecoder::<Span>::new("x.csv"), "low,high\n1,3\n4,2");
        assert_eq!(rows[0], Ok(Span(2)));
        assert_eq!(faults(&rows), ["x.csv:3: expected low <= high: \"4,2\""]);
    }

    #[test]
    fn invalid_utf8_is_malformed_and_raw_keeps_it() {
        let rows = flights(b"dest,delay\nx\xc3\xa9\xff,1\nMIA,2\n");
        assert_eq!(
            faults(&rows),
            ["x.csv:2: column 1 (dest): invalid UTF-8 at byte 4 of the field: \"xé\u{fffd},1\""]
        );
        assert_eq!(malformed(&rows[0]).raw, b"x\xc3\xa9\xff,1");
        assert_eq!(rows[1], flight("MIA", Some(2)));
    }

    #[test]
    fn unclosed_quote_is_malformed_where_it_opens() {
        let rows = flights("dest,delay\nIAH,1\n\"MIA,2\nBQN,3\n");
        assert_eq!(rows[0], flight("IAH", Some(1)));
        assert_eq!(
            faults(&rows),
            ["x.csv:3: expected a closing quote, found the end of the file: \"\\\"MIA,2\\nBQN,3\\n\""]
        );
        assert_eq!(faults(&flights("dest,\"delay\nIAH,1\n")).len(), 1, "in the header too");
    }

    #[test]
    fn empty_file_is_fatal_but_a_header_alone_is_not() {
        for empty in ["", "\n", "\u{feff}", "\u{feff}\r\n\r\n"] {
            assert_eq!(faults(&flights(empty)), ["`x.csv` is empty: expected a header line"]);
        }
        assert!(flights("dest,delay\n").is_empty());
        assert!(flights("dest,delay").is_empty());
    }

    #[test]
    fn missing_column_is_fatal_and_nothing_follows() {
        let rows = flights("Dest,delay\nIAH,1\nMIA,2\n");
        let message = "`x.csv`: the header has no column `dest`, only `Dest`, `delay`";
        assert_eq!((faults(&rows), rows.len()), (vec![message.to_owned()], 1));
    }

    #[test]
    fn missing_column_shows_only_once_a_row_is_otherwise_good() {
        let rows = flights("Dest,delay\nIAH\nIAH,soon\nMIA,2\nMIA,3");
        let fatal: Vec<bool> = rows.iter().map(|row| matches!(row, Err(Fault::Fatal(_)))).collect();
        assert_eq!(fatal, [false, false, true]);
    }

    #[test]
    fn missing_field_after_a_good_row_is_that_rows_own_fault() {
        /// Needs a reason only if it is no success, as an enum would that is tagged by a column.
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(try_from = "HashMap<String, String>")]
        struct Success;
        impl TryFrom<HashMap<String, String>> for Success {
            type Error = serde::de::value::Error;
            fn try_from(row: HashMap<String, String>) -> Result<Self, Self::Error> {
                match row["status"].as_str() {
                    "ok" => Ok(Success),
                    _ => Err(serde::de::Error::missing_field("reason")),
                }
            }
        }
        let read = |input| decode_any_way(|| CsvDecoder::<Success>::new("x.csv"), input);
        let rows = read("status,at\nok,1\nbad,2\nok,3\n");
        assert_eq!(faults(&rows), ["x.csv:3: missing field `reason`: \"bad,2\""]);
        assert_eq!(rows[2], Ok(Success));
        let rows = read("status,reason\nbad,none\n");
        assert_eq!(faults(&rows), ["x.csv:2: missing field `reason`: \"bad,none\""], "the header has it");
    }

    #[test]
    fn tuples_go_by_position_and_delimiters_can_be_chosen() {
        let decoder = || CsvDecoder::<(String, u8)>::new("x.tsv").delimiter(b'\t');
        let rows = decode_any_way(decoder, "name\tage\nAda, Countess\t36\nBob\t300\n");
        assert_eq!(rows[0], Ok(("Ada, Countess".to_owned(), 36)));
        assert_eq!(
            faults(&rows),
            ["x.tsv:3: column 2 (age): number too large to fit in target type: \"Bob\\t300\""]
        );
    }
}
