//! The oracle of `flight_board`: the board, recomputed from all rows.

use super::calendar::{DAY, days_of, iso};
use std::collections::{BTreeMap, BTreeSet};

/// What the board is asked for besides the flights.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// `--lateness`.
    pub lateness: i64,
    /// `--allowed-lateness`: with it come the corrections and the column `op`.
    pub allowed_lateness: Option<i64>,
    /// The bytes of the file of `--weather`: with it come the columns `wind_speed` and `visib`.
    pub weather: Option<&'a [u8]>,
}

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

/// A well-formed line of weather.
#[derive(Debug, Clone, Copy, Default)]
struct Report {
    time: i64,
    wind_speed: Option<f64>,
    visib: Option<f64>,
}

/// The needed fields of a record, in the order in which they were asked for: none where the header lacks a column,
/// the count of the fields is another than the header's, or a field is not UTF-8, needed or not.
fn fields<'a, const N: usize>(
    record: &'a csv::ByteRecord,
    header: &csv::ByteRecord,
    names: [&str; N],
) -> Option<[&'a str; N]> {
    let texts: Vec<&str> =
        record.iter().map(|field| std::str::from_utf8(field).ok()).collect::<Option<_>>()?;
    if texts.len() != header.len() {
        return None;
    }
    let mut found = [""; N];
    for (field, name) in found.iter_mut().zip(names) {
        *field = texts[header.iter().position(|column| column == name.as_bytes())?];
    }
    Some(found)
}

/// All data rows in order, `None` for the malformed ones.
fn read<T>(bytes: &[u8], parse: impl Fn(&csv::ByteRecord, &csv::ByteRecord) -> Option<T>) -> Vec<Option<T>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.byte_headers().expect("reading from memory cannot fail").clone();
    reader
        .byte_records()
        .map(|record| parse(&record.expect("reading from memory cannot fail"), &header))
        .collect()
}

/// Nothing for `NA`, else a number; outside of that, malformed.
fn known<T: std::str::FromStr>(field: &str) -> Option<Option<T>> {
    if field == "NA" { Some(None) } else { field.parse().ok().map(Some) }
}

/// The minute at which a day begins.
fn midnight(year: &str, month: &str, day: &str) -> Option<i64> {
    let year: i32 = year.parse().ok()?;
    Some(days_of(i64::from(year), month.parse().ok()?, day.parse().ok()?)? * DAY)
}

/// Minutes of the day of an `hhmm` number, or `None` if it is out of range.
fn minutes_of_day(hhmm: u32) -> Option<i64> {
    let (hour, minute) = (hhmm / 100, hhmm % 100);
    (hour <= 23 && minute <= 59).then(|| i64::from(hour) * 60 + i64::from(minute))
}

/// Reads a flight; `None` means malformed.
fn flight(record: &csv::ByteRecord, header: &csv::ByteRecord) -> Option<Flight> {
    let names = ["year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "origin"];
    let [year, month, day, dep_time, scheduled, delay, origin] = fields(record, header, names)?;
    let time = midnight(year, month, day)? + minutes_of_day(scheduled.parse().ok()?)?;
    let departed: Option<u32> = known(dep_time)?;
    // A departure at midnight stands in this data as 2400.
    if let Some(hhmm) = departed.filter(|hhmm| *hhmm != 2400) {
        minutes_of_day(hhmm)?;
    }
    Some(Flight { time, origin: origin.to_owned(), cancelled: departed.is_none(), delay: known(delay)? })
}

/// Reads a line of weather, with the airport; `None` means malformed.
fn report(record: &csv::ByteRecord, header: &csv::ByteRecord) -> Option<(String, Report)> {
    let names = ["origin", "year", "month", "day", "hour", "wind_speed", "visib"];
    let [origin, year, month, day, hour, wind_speed, visib] = fields(record, header, names)?;
    let hour = hour.parse().ok().filter(|hour: &u32| *hour <= 23)?;
    let time = midnight(year, month, day)? + minutes_of_day(hour * 100)?;
    Some((origin.to_owned(), Report { time, wind_speed: known(wind_speed)?, visib: known(visib)? }))
}

/// For each flight the latest report of its airport that is not after it, the last of those at one time; a report of nothing
/// where there is none.
fn weather_of(flights: &[Flight], weather: &[u8]) -> Vec<Report> {
    let mut reports: BTreeMap<String, Vec<Report>> = BTreeMap::new();
    for (origin, report) in read(weather, report).into_iter().flatten() {
        reports.entry(origin).or_default().push(report);
    }
    for reports in reports.values_mut() {
        reports.sort_by_key(|report| report.time); // is stable
    }
    let latest = |flight: &Flight| {
        let reports = reports.get(&flight.origin)?;
        reports[..reports.partition_point(|report| report.time <= flight.time)].last().copied()
    };
    flights.iter().map(|flight| latest(flight).unwrap_or_default()).collect()
}

/// The start of the one-hour window that holds `time`.
fn window_start(time: i64) -> i64 {
    time.div_euclid(60) * 60
}

/// The frontier after each flight: the greatest time so far, less the lateness.
fn frontiers(flights: &[Flight], lateness: i64) -> Vec<i64> {
    let mut greatest = i64::MIN;
    let frontier = |flight: &Flight| {
        greatest = greatest.max(flight.time);
        greatest.saturating_sub(lateness)
    };
    flights.iter().map(frontier).collect()
}

/// A CSV field, quoted only if it has to be.
fn quote(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// The mean of what is known, with two decimals; nothing where nothing is.
fn mean(known: impl Iterator<Item = f64>) -> String {
    let known: Vec<f64> = known.collect();
    if known.is_empty() {
        return String::new();
    }
    format!("{:.2}", known.iter().fold(0.0, |sum, value| sum + value) / known.len() as f64)
}

/// The output line, without op, weather and newline, of one window of one origin.
fn line(start: i64, origin: &str, flights: &[&Flight]) -> String {
    let cancelled = flights.iter().filter(|f| f.cancelled).count();
    let delays: Vec<i32> = flights.iter().filter_map(|f| f.delay).collect();
    let delayed = delays.iter().filter(|&&delay| delay > 15).count();
    let max = delays.iter().max().map_or(String::new(), i32::to_string);
    let mean = mean(delays.into_iter().map(f64::from));
    format!("{},{},{},{cancelled},{delayed},{mean},{max}", iso(start), quote(origin), flights.len())
}

/// What `flight_board --lateness lateness_minutes` has to print for the given input: see [`flight_board_of`].
///
/// ```
/// let header = "year,month,day,dep_time,sched_dep_time,dep_delay,origin\n";
/// let board = streamweave_tests::oracle::flight_board(format!("{header}2013,1,1,517,515,2,EWR\n").as_bytes(), 120);
/// assert_eq!(board.summary, "rows=1 late=0 malformed=0 windows=1");
/// assert!(board.stdout.ends_with("\n2013-01-01T05:00:00Z,EWR,1,0,0,2.00,2\n"));
/// ```
#[must_use]
pub fn flight_board(csv_bytes: &[u8], lateness_minutes: i64) -> Board {
    flight_board_of(csv_bytes, Asked { lateness: lateness_minutes, ..Asked::default() })
}

/// What `flight_board` has to print for the given input.
///
/// The columns are found by the names in the header, and a row has the right
/// field count if it has as many fields as the header. The header of the
/// output is always written. Lines without any byte are not rows.
///
/// A `dep_time` that is not `NA` has to be a valid `hhmm`, or `2400`, which is
/// how this data writes midnight. A row with a field that is not UTF-8 is
/// malformed, whichever field it is.
///
/// A flight meets the frontier that the flights *before* it have made. A window is fired by the first flight that brings
/// the frontier to its end; a flight that comes after that, yet less than the allowed lateness after it by event time,
/// corrects it at once.
#[must_use]
pub fn flight_board_of(csv_bytes: &[u8], asked: Asked<'_>) -> Board {
    let rows = read(csv_bytes, flight);
    let flights: Vec<Flight> = rows.iter().flatten().cloned().collect();
    let frontiers = frontiers(&flights, asked.lateness);
    let weather = asked.weather.map(|weather| weather_of(&flights, weather));
    let show = |start, origin: &str, members: &[usize]| {
        let mut shown = line(start, origin, &members.iter().map(|&at| &flights[at]).collect::<Vec<_>>());
        if let Some(weather) = &weather {
            let wind = mean(members.iter().filter_map(|&at| weather[at].wind_speed));
            let visib = mean(members.iter().filter_map(|&at| weather[at].visib));
            shown = format!("{shown},{wind},{visib}");
        }
        shown
    };

    let mut late = 0;
    let mut windows: BTreeMap<(i64, &str), Vec<usize>> = BTreeMap::new();
    for (at, flight) in flights.iter().enumerate() {
        let start = window_start(flight.time);
        let closed = start + 60 + asked.allowed_lateness.unwrap_or(0);
        if at > 0 && frontiers[at - 1] >= closed {
            late += 1;
        } else {
            windows.entry((start, &flight.origin)).or_default().push(at);
        }
    }

    // A line is printed after a flight: by the flight itself (0), or by the frontier that it has made (1).
    let mut lines: BTreeSet<(usize, u8, i64, &str, bool, String)> = BTreeSet::new();
    for (&(start, origin), members) in &windows {
        let firing = frontiers.partition_point(|&frontier| frontier < start + 60);
        let on_time = members.partition_point(|&at| at <= firing);
        if on_time > 0 {
            lines.insert((firing, 1, start, origin, true, show(start, origin, &members[..on_time])));
        }
        for corrected in on_time..members.len() {
            let at = members[corrected];
            if corrected > 0 {
                lines.insert((at, 0, start, origin, false, show(start, origin, &members[..corrected])));
            }
            lines.insert((at, 0, start, origin, true, show(start, origin, &members[..=corrected])));
        }
    }

    let op = asked.allowed_lateness.map_or("", |_| "op,");
    let weather = asked.weather.map_or("", |_| ",wind_speed,visib");
    let mut stdout =
        format!("{op}window_start,origin,flights,cancelled,delayed,mean_delay,max_delay{weather}\n");
    for (.., holds, line) in &lines {
        if asked.allowed_lateness.is_some() {
            stdout.push_str(if *holds { "+," } else { "-," });
        }
        stdout.push_str(line);
        stdout.push('\n');
    }
    let (rows, malformed, windows) = (rows.len(), rows.len() - flights.len(), windows.len());
    Board { stdout, summary: format!("rows={rows} late={late} malformed={malformed} windows={windows}") }
}
