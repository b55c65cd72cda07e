//! Other months of flights, and texts, made from a seed.

//! Deterministic generators of test inputs.

use super::calendar::{DAY, date_of, days_of, iso};

/// The header of the generated flights, as in nycflights13.
const HEADER: &str = "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,\
arr_delay,carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour\n";

/// Places of some columns in a generated row.
const YEAR: usize = 0;
const MONTH: usize = 1;
const DAY_OF_MONTH: usize = 2;
const DEP_TIME: usize = 3;
const SCHED_DEP_TIME: usize = 4;
const DEP_DELAY: usize = 5;
const TAILNUM: usize = 11;
const ORIGIN: usize = 12;
const DEST: usize = 13;
const DISTANCE: usize = 15;

/// A xorshift64* generator.
struct Random(u64);

impl Random {
    /// Starts from any seed, zero included.
    fn new(seed: u64) -> Random {
        let mixed = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut random = Random(if mixed == 0 { 1 } else { mixed });
        for _ in 0..8 {
            random.next();
        }
        random
    }

    /// The next 64 bits.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from `0..bound`.
    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    /// A number from `low..=high`.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high - low + 1).expect("low is not above high");
        low + i64::try_from(self.below(width)).expect("the width is small")
    }

    /// True `times` times in a thousand.
    fn permille(&mut self, times: u64) -> bool {
        self.below(1000) < times
    }

    /// One of the given things.
    fn pick<T: Copy>(&mut self, things: &[T]) -> T {
        let length = u64::try_from(things.len()).expect("a length fits");
        things[usize::try_from(self.below(length)).expect("an index fits")]
    }
}

/// `hhmm` without leading zeros for a count of minutes since midnight of any
/// day.
fn hhmm(minutes: i64) -> String {
    let of_day = minutes.rem_euclid(DAY);
    (of_day / 60 * 100 + of_day % 60).to_string()
}

/// Writes the fields as a CSV line, quoting where needed, and now and then
/// where not.
fn write_row(random: &mut Random, fields: &[Vec<u8>], out: &mut Vec<u8>) {
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\r' | b'\n');
        if field.iter().any(special) || random.permille(4) {
            out.push(b'"');
            for &byte in field {
                if byte == b'"' {
                    out.push(b'"');
                }
                out.push(byte);
            }
            out.push(b'"');
        } else {
            out.extend_from_slice(field);
        }
    }
    out.push(b'\n');
}

/// A departure delay: mostly small, often at the limit of 15, rarely huge.
fn delay(random: &mut Random) -> i64 {
    match random.below(2000) {
        0 => i64::from(i32::MAX),
        1 => i64::from(i32::MIN),
        2..200 => random.pick(&[14, 15, 16]),
        200..500 => random.between(17, 300),
        _ => random.between(-15, 20),
    }
}

/// An origin: mostly the three airports of New York, rarely one that needs
/// quotes, sorts oddly by bytes, is empty or not ASCII.
fn origin(random: &mut Random) -> &'static str {
    if random.permille(985) {
        random.pick(&["EWR", "JFK", "LGA"])
    } else {
        random.pick(&["SWF", "ewr", "JFK ", "Zürich", "Ärö", "東京", "N,Y", "the \"K\"", ""])
    }
}

/// The fields of a well-formed flight scheduled at `time`.
fn flight(random: &mut Random, time: i64) -> Vec<Vec<u8>> {
    let (year, month, day) = date_of(time.div_euclid(DAY));
    let origin = origin(random);
    // Rare origins are often cancelled, so that whole windows never depart.
    let usual = matches!(origin, "EWR" | "JFK" | "LGA");
    let cancelled = random.permille(if usual { 30 } else { 500 });
    let delay = delay(random);
    let mut fields: Vec<String> = vec![
        year.to_string(),
        month.to_string(),
        day.to_string(),
        hhmm(time + delay),
        hhmm(time),
        delay.to_string(),
        hhmm(time + delay + 150),
        hhmm(time + 160),
        (delay - 10).to_string(),
        random.pick(&["UA", "AA", "B6", "DL"]).to_owned(),
        random.between(1, 6000).to_string(),
        format!("N{}", random.between(10_000, 99_999)),
        origin.to_owned(),
        random.pick(&["IAH", "MIA", "ATL", "ORD"]).to_owned(),
        random.between(30, 400).to_string(),
        random.between(100, 2500).to_string(),
        (time.rem_euclid(DAY) / 60).to_string(),
        time.rem_euclid(60).to_string(),
        iso(time.div_euclid(60) * 60 + 300),
    ];
    if cancelled {
        for column in [3, 5, 6, 8, 11, 14] {
            fields[column] = "NA".to_owned();
        }
    }
    vary(random, &mut fields);
    fields.into_iter().map(String::into_bytes).collect()
}

/// Rare but well-formed oddities.
fn vary(random: &mut Random, fields: &mut [String]) {
    match random.below(600) {
        // Departed without a known delay; cancelled with one.
        0 => fields[DEP_DELAY] = "NA".to_owned(),
        1 => fields[DEP_TIME] = "NA".to_owned(),
        // Spellings that Rust's `FromStr` takes.
        2 => fields[SCHED_DEP_TIME] = format!("{:0>4}", fields[SCHED_DEP_TIME]),
        3 => fields[MONTH] = format!("+{}", fields[MONTH]),
        4 => fields[DEP_DELAY] = "+7".to_owned(),
        5 => fields[DEP_DELAY] = "-0".to_owned(),
        // Garbage in columns that are not needed.
        6 => fields[DISTANCE] = "far".to_owned(),
        7 => fields[DEST] = "Nowhere, \"XX\"".to_owned(),
        8 => fields[TAILNUM] = "Ñ\"1\"".to_owned(),
        9 => fields[18] = String::new(),
        _ => {}
    }
}

/// The ways in which a row can be malformed.
#[derive(Clone, Copy)]
enum Fault {
    FieldCount,
    Number,
    Hhmm,
    Utf8,
    Date,
}

/// Spoils a well-formed row.
fn spoil(random: &mut Random, fault: Fault, fields: &mut Vec<Vec<u8>>) {
    match fault {
        Fault::FieldCount => match random.below(4) {
            0 => fields.truncate(1),
            1 => fields.truncate(13),
            2 => fields.truncate(18),
            _ => fields.push(b"extra".to_vec()),
        },
        Fault::Number => {
            let column = random.pick(&[YEAR, MONTH, DAY_OF_MONTH, DEP_TIME, SCHED_DEP_TIME, DEP_DELAY]);
            let bad = ["x", "", " 5", "5 ", "1.0", "99999999999", "1e1", "+", "na"];
            fields[column] = random.pick(&bad).as_bytes().to_vec();
            if random.permille(100) {
                fields[SCHED_DEP_TIME] = b"NA".to_vec();
            }
        }
        Fault::Hhmm => {
            let bad = ["2460", "1275", "2400", "60", "1060", "10000"];
            fields[SCHED_DEP_TIME] = random.pick(&bad).as_bytes().to_vec();
        }
        Fault::Utf8 => {
            let bad: [&[u8]; 4] = [b"\xff", b"JF\xc3", b"\xed\xa0\x80", b"LG\x80A"];
            fields[ORIGIN] = random.pick(&bad).to_vec();
        }
        Fault::Date => {
            let bad =
                [("2", "31"), ("2", "31"), ("2", "30"), ("4", "31"), ("13", "1"), ("0", "1"), ("1", "0")];
            let (month, day) = random.pick(&bad);
            fields[MONTH] = month.as_bytes().to_vec();
            fields[DAY_OF_MONTH] = day.as_bytes().to_vec();
            if random.permille(300) {
                // The 29th of February of a year that is not a leap year.
                fields[YEAR] = random.pick(&["2013", "1900", "2015"]).as_bytes().to_vec();
                fields[MONTH] = b"2".to_vec();
                fields[DAY_OF_MONTH] = b"29".to_vec();
            }
        }
    }
}

/// The fault of the next row, if it shall have one: 1 % for each kind.
fn fault(random: &mut Random) -> Option<Fault> {
    match random.below(100) {
        0 => Some(Fault::FieldCount),
        1 => Some(Fault::Number),
        2 => Some(Fault::Hhmm),
        3 => Some(Fault::Utf8),
        4 => Some(Fault::Date),
        _ => None,
    }
}

/// The scheduled time of an ordinary row that arrives at `now`.
fn ordinary_time(random: &mut Random, now: i64) -> i64 {
    let time = match random.below(1000) {
        0..10 => now - random.between(400, 3000),
        10..60 => now - random.between(60, 400),
        60..500 => now - random.between(0, 45),
        _ => now - random.between(-5, 10),
    };
    match random.below(20) {
        0 => time.div_euclid(60) * 60,
        1 => time.div_euclid(60) * 60 + 59,
        _ => time,
    }
}

/// Times of rows around a frontier that equals a window's end for one of the
/// lateness values 0, 30, 60 and 120, where `greatest` is the greatest time so
/// far: last rows of a window just before the frontier gets there, the row
/// that brings it there, and rows on either side of the limit.
fn boundary_times(random: &mut Random, greatest: i64) -> Vec<i64> {
    let lateness = random.pick(&[0, 30, 60, 120]);
    let end = (greatest - lateness).div_euclid(60) * 60 + 60;
    let inside = end - random.pick(&[1, 30, 60]);
    vec![end + lateness - 1, inside, end + lateness, inside, end - 1, end - 60, end]
}

/// The common part of the two flight generators; `multiline` allows newlines
/// inside quoted fields that are not needed.
fn flights(seed: u64, rows: usize, multiline: bool) -> Vec<u8> {
    let mut random = Random::new(seed);
    let year = random.between(2012, 2016);
    let month = random.pick(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let first = days_of(year, month, 1).expect("the month exists") * DAY;
    let total = i64::try_from(rows).expect("the number of rows fits");
    let span = (28 * DAY).min(total * 2);

    let mut out = HEADER.as_bytes().to_vec();
    let mut greatest = first;
    // Times still to come out of the last call of `boundary_times`, reversed.
    let mut planned: Vec<i64> = Vec::new();
    for row in 0..total {
        let now = first + row * span / total;
        if let Some(fault) = fault(&mut random) {
            // Often far ahead, so that it shows if it moves the frontier.
            let ahead = random.pick(&[0, 0, 30, 600, 5000]);
            let mut fields = flight(&mut random, now + ahead);
            spoil(&mut random, fault, &mut fields);
            write_row(&mut random, &fields, &mut out);
            continue;
        }
        if planned.is_empty() && random.permille(10) {
            planned = boundary_times(&mut random, greatest);
            planned.reverse();
        }
        let time = match planned.pop() {
            Some(time) => time,
            None => ordinary_time(&mut random, now),
        };
        greatest = greatest.max(time);
        let mut fields = flight(&mut random, time);
        if random.permille(1) {
            // Not UTF-8, in a column that is not needed.
            fields[TAILNUM] = b"N\xff1".to_vec();
        }
        if multiline && random.permille(10) {
            fields[DEST] = random.pick(&["A\nB", "A\r\nB", "\n", "A,\n\"B\""]).into();
        }
        write_row(&mut random, &fields, &mut out);
    }
    out
}

/// A month of flights with the columns of nycflights13 and exactly `rows` data
/// rows, each on one line; the same bytes for the same arguments.
///
/// Rows are out of order, some are days late, some are cancelled, many lie at
/// a window's edge or meet a frontier that equals their window's end for a
/// lateness of 0, 30, 60 or 120 minutes. About 1 % each have the wrong field
/// count, a number that does not parse, an impossible `hhmm`, an origin that
/// is not UTF-8, or an impossible date; many of them are dated far ahead. Some
/// fields are quoted; a few origins are unusual (empty, not ASCII, or with a
/// comma or quotation marks); a few columns that are not needed hold garbage.
///
/// ```
/// let bytes = streamweave_tests::oracle::flights_csv(7, 100);
/// assert_eq!(bytes, streamweave_tests::oracle::flights_csv(7, 100));
/// assert_eq!(bytes.iter().filter(|&&byte| byte == b'\n').count(), 101);
/// ```
#[must_use]
pub fn flights_csv(seed: u64, rows: usize) -> Vec<u8> {
    flights(seed, rows, false)
}

/// Like [`flights_csv`], but about 1 % of the rows have line ends inside a
/// quoted field, which is legal CSV.
#[must_use]
pub fn flights_csv_multiline(seed: u64, rows: usize) -> Vec<u8> {
    flights(seed, rows, true)
}

/// Words for [`text`]: among them near-equal ones, one that holds a zero-width
/// space (which is not white space), and ones that sort differently by bytes
/// than by UTF-16 units.
const WORDS: [&str; 22] = [
    "the",
    "The",
    "the,",
    "stream",
    "window",
    "a",
    "b",
    "ab",
    "naïve",
    "nai\u{308}ve",
    "Zürich",
    "ÄRGER",
    "straße",
    "東京",
    "🦀",
    "\u{ff5e}",
    "zero\u{200b}width",
    "42",
    "-",
    "\"q\"",
    "nul\0nul",
    "\u{feff}bom",
];

/// Separators for [`text`]: white space in Unicode's sense, without `\n`.
const SPACES: [&str; 13] =
    [" ", " ", " ", " ", "  ", "\t", "\u{a0}", "\u{3000}", "\u{2003}", "\u{85}", "\u{2028}", "\u{b}", "\r"];

/// Byte sequences that are not UTF-8.
const NOT_UTF8: [&[u8]; 5] = [b"\xff", b"\xc3", b"\xe6\x9d", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"];

/// Text of exactly `lines` lines; the same bytes for the same arguments.
///
/// The words come from a small vocabulary with Unicode words and are parted by
/// all kinds of white space. Some lines are blank, some end in CRLF, about
/// 3 % are not UTF-8, and the last one (never blank) has no newline.
///
/// ```
/// let bytes = streamweave_tests::oracle::text(1, 50);
/// assert_eq!(bytes, streamweave_tests::oracle::text(1, 50));
/// assert_ne!(bytes.last(), Some(&b'\n'));
/// ```
#[must_use]
pub fn text(seed: u64, lines: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut out = Vec::new();
    for line in 1..=lines {
        let last = line == lines;
        let blank = random.permille(80) && !last;
        let words = if blank { 0 } else { random.between(1, 12) };
        if random.permille(100) {
            out.extend_from_slice(random.pick(&SPACES).as_bytes());
        }
        for word in 0..words {
            if word > 0 {
                out.extend_from_slice(random.pick(&SPACES).as_bytes());
            }
            out.extend_from_slice(random.pick(&WORDS).as_bytes());
        }
        if random.permille(30) {
            out.extend_from_slice(random.pick(&NOT_UTF8));
            if random.permille(500) {
                out.extend_from_slice(b" tail");
            }
        }
        if !last {
            let end: &[u8] = if random.permille(150) { b"\r\n" } else { b"\n" };
            out.extend_from_slice(end);
        }
    }
    out
}
