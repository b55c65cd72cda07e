//! The flight board, recomputed from all rows.

//! The oracle of `flight_board`.

use super::calendar::{DAY, days_of, iso};
use std::collections::BTreeMap;

/// What `flight_board` has to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// All of standard output: the header and one line per window and origin.
    pub stdout: String,
    /// The last line of standard error, without a newline:
    /// `rows=N late=N malformed=N windows=N`.
    pub summary: String,
}

/// A well-formed row. Times are minutes since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Flight {
    time: i64,
    origin: String,
    cancelled: bool,
    delay: Option<i32>,
}

/// The places of the needed columns in the header.
struct Columns {
    year: usize,
    month: usize,
    day: usize,
    dep_time: usize,
    sched_dep_time: usize,
    dep_delay: usize,
    origin: usize,
    count: usize,
}

impl Columns {
    /// Finds the needed columns by name; `None` if one is missing.
    fn find(header: &csv::ByteRecord) -> Option<Columns> {
        let place = |name: &str| header.iter().position(|field| field == name.as_bytes());
        Some(Columns {
            year: place("year")?,
            month: place("month")?,
            day: place("day")?,
            dep_time: place("dep_time")?,
            sched_dep_time: place("sched_dep_time")?,
            dep_delay: place("dep_delay")?,
            origin: place("origin")?,
            count: header.len(),
        })
    }
}

/// Minutes of the day of an `hhmm` number, or `None` if it is out of range.
fn minutes_of_day(hhmm: u32) -> Option<i64> {
    let (hour, minute) = (hhmm / 100, hhmm % 100);
    (hour <= 23 && minute <= 59).then(|| i64::from(hour) * 60 + i64::from(minute))
}

/// The text of a needed field, or `None` if it is not UTF-8.
fn text_of(record: &csv::ByteRecord, column: usize) -> Option<&str> {
    std::str::from_utf8(record.get(column)?).ok()
}

/// Reads one record; `None` means malformed.
fn parse(record: &csv::ByteRecord, columns: &Columns) -> Option<Flight> {
    let is_text = record.iter().all(|field| std::str::from_utf8(field).is_ok());
    if record.len() != columns.count || !is_text {
        return None;
    }
    let year: i32 = text_of(record, columns.year)?.parse().ok()?;
    let month: u32 = text_of(record, columns.month)?.parse().ok()?;
    let day: u32 = text_of(record, columns.day)?.parse().ok()?;
    let scheduled: u32 = text_of(record, columns.sched_dep_time)?.parse().ok()?;
    let time = days_of(i64::from(year), month, day)? * DAY + minutes_of_day(scheduled)?;

    let dep_time = text_of(record, columns.dep_time)?;
    let cancelled = dep_time == "NA";
    // A departure at midnight stands in this data as 2400.
    if !cancelled && dep_time.parse() != Ok(2400_u32) {
        minutes_of_day(dep_time.parse().ok()?)?;
    }
    let delay = match text_of(record, columns.dep_delay)? {
        "NA" => None,
        number => Some(number.parse().ok()?),
    };
    let origin = text_of(record, columns.origin)?;
    Some(Flight { time, origin: origin.to_owned(), cancelled, delay })
}

/// All data rows in order, `None` for the malformed ones.
fn read(csv_bytes: &[u8]) -> Vec<Option<Flight>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv_bytes);
    let header = reader.byte_headers().expect("reading from memory cannot fail").clone();
    let columns = Columns::find(&header);
    reader
        .byte_records()
        .map(|record| {
            let record = record.expect("reading from memory cannot fail");
            parse(&record, columns.as_ref()?)
        })
        .collect()
}

/// The start of the one-hour window that holds `time`.
fn window_start(time: i64) -> i64 {
    time.div_euclid(60) * 60
}

/// For each flight, whether it is late: judged against the greatest time of
/// the flights *before* it, less the allowed out-of-orderness.
fn judge_late(flights: &[Flight], lateness_minutes: i64) -> Vec<bool> {
    let mut greatest: Option<i64> = None;
    let mut late = Vec::new();
    for flight in flights {
        let end = window_start(flight.time) + 60;
        late.push(greatest.is_some_and(|m| m.saturating_sub(lateness_minutes) >= end));
        greatest = greatest.max(Some(flight.time));
    }
    late
}

/// A CSV field, quoted only if it has to be.
fn quote(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// The output line, with its newline, of one window of one origin.
fn line(start: i64, origin: &str, flights: &[&Flight]) -> String {
    let cancelled = flights.iter().filter(|f| f.cancelled).count();
    let delays: Vec<i64> = flights.iter().filter_map(|f| f.delay).map(i64::from).collect();
    let delayed = delays.iter().filter(|&&delay| delay > 15).count();
    let (mean, max) = match delays.iter().max() {
        None => (String::new(), String::new()),
        Some(max) => {
            let sum: i64 = delays.iter().sum();
            let mean = sum as f64 / delays.len() as f64;
            (format!("{mean:.2}"), max.to_string())
        }
    };
    format!("{},{},{},{cancelled},{delayed},{mean},{max}\n", iso(start), quote(origin), flights.len())
}

/// What `flight_board --lateness lateness_minutes` has to print for the given
/// input.
///
/// The columns are found by the names in the header, and a row has the right
/// field count if it has as many fields as the header. The header of the
/// output is always written. Lines without any byte are not rows.
///
/// A `dep_time` that is not `NA` has to be a valid `hhmm`, or `2400`, which is
/// how this data writes midnight. A row with a field that is not UTF-8 is
/// malformed, whichever field it is.
///
/// ```
/// let header = "year,month,day,dep_time,sched_dep_time,dep_delay,origin\n";
/// let board = streamweave_tests::oracle::flight_board(format!("{header}2013,1,1,517,515,2,EWR\n").as_bytes(), 120);
/// assert_eq!(board.summary, "rows=1 late=0 malformed=0 windows=1");
/// assert!(board.stdout.ends_with("\n2013-01-01T05:00:00Z,EWR,1,0,0,2.00,2\n"));
/// ```
#[must_use]
pub fn flight_board(csv_bytes: &[u8], lateness_minutes: i64) -> Board {
    let rows = read(csv_bytes);
    let flights: Vec<Flight> = rows.iter().flatten().cloned().collect();
    let late = judge_late(&flights, lateness_minutes);

    let mut windows: BTreeMap<(i64, &str), Vec<&Flight>> = BTreeMap::new();
    for (flight, &late) in flights.iter().zip(&late) {
        if !late {
            let key = (window_start(flight.time), flight.origin.as_str());
            windows.entry(key).or_default().push(flight);
        }
    }

    let mut stdout = String::from("window_start,origin,flights,cancelled,delayed,mean_delay,max_delay\n");
    for ((start, origin), members) in &windows {
        stdout.push_str(&line(*start, origin, members));
    }
    let summary = format!(
        "rows={} late={} malformed={} windows={}",
        rows.len(),
        late.iter().filter(|&&late| late).count(),
        rows.len() - flights.len(),
        windows.len()
    );
    Board { stdout, summary }
}
