//! Naive reference answers ("oracles") for the `flight_board` and `word_count`
//! programs, and deterministic generators of hostile inputs for them.
//!
//! Everything here favours being obviously right over being fast: the whole
//! input is held in memory and the answer is computed from all rows at once.

mod board {
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
}

mod calendar {
    //! The proleptic Gregorian calendar in whole minutes since 1970-01-01T00:00Z.

    /// Minutes in a day.
    pub(crate) const DAY: i64 = 24 * 60;

    /// Whether `year` is a leap year.
    fn is_leap(year: i64) -> bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    /// The number of days of a month, or `None` for a month that does not exist.
    fn days_in_month(year: i64, month: u32) -> Option<u32> {
        match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
            4 | 6 | 9 | 11 => Some(30),
            2 => Some(if is_leap(year) { 29 } else { 28 }),
            _ => None,
        }
    }

    /// Days from 0001-01-01 to the first of January of `year`.
    fn days_before_year(year: i64) -> i64 {
        let y = year - 1;
        365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400)
    }

    /// Days from 1970-01-01 to the given date, or `None` if it does not exist.
    pub(crate) fn days_of(year: i64, month: u32, day: u32) -> Option<i64> {
        if day < 1 || day > days_in_month(year, month)? {
            return None;
        }
        let mut days = days_before_year(year) - days_before_year(1970);
        for earlier in 1..month {
            days += i64::from(days_in_month(year, earlier)?);
        }
        Some(days + i64::from(day) - 1)
    }

    /// The date that lies `days` days after 1970-01-01.
    pub(crate) fn date_of(days: i64) -> (i64, u32, u32) {
        let mut year = 1970 + days.div_euclid(366);
        if days < 0 {
            year = 1970 + days.div_euclid(365) - 1;
        }
        let first = |y: i64| days_before_year(y) - days_before_year(1970);
        while first(year + 1) <= days {
            year += 1;
        }
        let mut left = days - first(year);
        let mut month = 1;
        while let Some(length) = days_in_month(year, month) {
            if left < i64::from(length) {
                break;
            }
            left -= i64::from(length);
            month += 1;
        }
        let day = u32::try_from(left).expect("a day of a month is small") + 1;
        (year, month, day)
    }

    /// `2013-01-01T05:00:00Z` for a count of minutes since the epoch.
    pub(crate) fn iso(minutes: i64) -> String {
        let (year, month, day) = date_of(minutes.div_euclid(DAY));
        let of_day = minutes.rem_euclid(DAY);
        let (hour, minute) = (of_day / 60, of_day % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z")
    }
}

mod generate {
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
    const SPACES: [&str; 13] = [
        " ", " ", " ", " ", "  ", "\t", "\u{a0}", "\u{3000}", "\u{2003}", "\u{85}", "\u{2028}", "\u{b}", "\r",
    ];

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
}

mod words {
    //! The oracle of `word_count`.

    use std::collections::BTreeMap;

    /// Counts the words (`str::split_whitespace`) of all lines that are UTF-8.
    ///
    /// Lines end at `\n`; the last one may lack it. Returned are the lines
    /// `word<TAB>count`, each with a newline, sorted by the bytes of the word, and
    /// the 1-based numbers of the lines that are not UTF-8, in order.
    ///
    /// ```
    /// let (counts, skipped) = streamweave_tests::oracle::word_count(b"b a\r\n\xff a\nb");
    /// assert_eq!(counts, "a\t1\nb\t2\n");
    /// assert_eq!(skipped, [2]);
    /// ```
    #[must_use]
    pub fn word_count(bytes: &[u8]) -> (String, Vec<u64>) {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        let mut skipped = Vec::new();
        for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            match std::str::from_utf8(line) {
                Ok(line) => {
                    for word in line.split_whitespace() {
                        *counts.entry(word).or_default() += 1;
                    }
                }
                Err(_) => skipped.push(number),
            }
        }
        let lines = counts.iter().map(|(word, count)| format!("{word}\t{count}\n")).collect();
        (lines, skipped)
    }
}

pub use board::{Board, flight_board};
pub use generate::{flights_csv, flights_csv_multiline, text};
pub use words::word_count;

#[cfg(test)]
mod tests {
    //! Unit tests: small cases worked out by hand.

    use super::calendar::{DAY, date_of, days_of, iso};
    use super::*;

    const HEAD: &str = "year,month,day,dep_time,sched_dep_time,dep_delay,origin\n";
    const OUT: &str = "window_start,origin,flights,cancelled,delayed,mean_delay,max_delay\n";

    /// Runs the oracle on rows with the needed columns only.
    fn board(rows: &str, lateness: i64) -> Board {
        flight_board(format!("{HEAD}{rows}").as_bytes(), lateness)
    }

    /// The summary of on-time flights from EWR at the given days and times.
    fn summary_at(times: &[(u32, u32)], lateness: i64) -> String {
        let rows: String =
            times.iter().map(|(day, hhmm)| format!("2013,1,{day},{hhmm},{hhmm},0,EWR\n")).collect();
        board(&rows, lateness).summary
    }

    #[test]
    fn calendar_knows_some_dates() {
        assert_eq!(days_of(1970, 1, 1), Some(0));
        assert_eq!(days_of(1969, 12, 31), Some(-1));
        assert_eq!(days_of(2000, 2, 29), Some(11_016));
        assert_eq!(days_of(2013, 1, 1), Some(15_706));
        for (year, month, day) in [
            (2013, 2, 29),
            (1900, 2, 29),
            (2013, 2, 31),
            (2013, 4, 31),
            (2013, 0, 1),
            (2013, 13, 1),
            (2013, 1, 0),
            (2013, 1, 32),
        ] {
            assert_eq!(days_of(year, month, day), None);
        }
        assert_eq!(iso(15_706 * DAY + 5 * 60), "2013-01-01T05:00:00Z");
        assert_eq!(iso(-60), "1969-12-31T23:00:00Z");
    }

    #[test]
    fn calendar_goes_there_and_back() {
        for days in -200_000..200_000 {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), Some(days));
        }
    }

    #[test]
    fn nothing_gives_the_header() {
        for input in ["", HEAD] {
            let board = flight_board(input.as_bytes(), 120);
            assert_eq!(board.stdout, OUT);
            assert_eq!(board.summary, "rows=0 late=0 malformed=0 windows=0");
        }
    }

    #[test]
    fn aggregates_and_order() {
        let rows = "2013,1,1,617,600,17,LGA\n\
                2013,1,1,517,515,15,LGA\n\
                2013,1,1,NA,559,NA,EWR\n\
                2013,1,1,531,515,16,LGA\n\
                2013,1,1,500,500,-2,LGA\n\
                2013,1,1,500,500,0,lga\n";
        let want = "2013-01-01T05:00:00Z,EWR,1,1,0,,\n\
                2013-01-01T05:00:00Z,LGA,3,0,1,9.67,16\n\
                2013-01-01T05:00:00Z,lga,1,0,0,0.00,0\n\
                2013-01-01T06:00:00Z,LGA,1,0,1,17.00,17\n";
        let board = board(rows, 120);
        assert_eq!(board.stdout, format!("{OUT}{want}"));
        assert_eq!(board.summary, "rows=6 late=0 malformed=0 windows=4");
    }

    #[test]
    fn cancelled_and_departed_are_separate_questions() {
        let board = board("2013,1,1,500,500,NA,EWR\n2013,1,1,NA,500,-100,EWR\n2013,1,1,NA,500,NA,EWR\n", 0);
        let want = "2013-01-01T05:00:00Z,EWR,3,2,0,-100.00,-100\n";
        assert_eq!(board.stdout, format!("{OUT}{want}"));
    }

    #[test]
    fn sums_beyond_32_bits() {
        let row = format!("2013,1,1,500,500,{},EWR\n", i32::MAX);
        let want = "2013-01-01T05:00:00Z,EWR,2,0,2,2147483647.00,2147483647\n";
        assert_eq!(board(&row.repeat(2), 0).stdout, format!("{OUT}{want}"));
    }

    #[test]
    fn a_frontier_at_the_end_makes_late() {
        // The window of 05:30 ends at 06:00.
        for (lateness, before, at) in [(0, 559, 600), (30, 629, 630), (60, 659, 700), (120, 759, 800)] {
            let on_time = summary_at(&[(1, before), (1, 530)], lateness);
            assert!(on_time.starts_with("rows=2 late=0 "), "{on_time}");
            for minute in [500, 530, 559] {
                let late = summary_at(&[(1, at), (1, minute)], lateness);
                assert!(late.starts_with("rows=2 late=1 "), "{late}");
            }
            let next = summary_at(&[(1, at), (1, 600)], lateness);
            assert!(next.starts_with("rows=2 late=0 "), "{next}");
        }
    }

    #[test]
    fn the_frontier_never_regresses_and_is_shared_by_origins() {
        assert_eq!(
            summary_at(&[(2, 0), (1, 500), (1, 2300), (2, 10), (1, 2359)], 0),
            "rows=5 late=3 malformed=0 windows=1"
        );
        let other = board("2013,1,1,900,900,0,JFK\n2013,1,1,500,500,0,EWR\n", 120);
        assert_eq!(other.summary, "rows=2 late=1 malformed=0 windows=1");
    }

    #[test]
    fn malformed_rows_are_counted_and_do_not_advance() {
        let bad = [
            "2013,1,9,500,500,0",
            "2013,1,9,500,500,0,EWR,x",
            "2013,1,9,500,2460,0,EWR",
            "2013,1,9,500,1275,0,EWR",
            "2013,1,9,500,2400,0,EWR",
            "2013,1,9,500,NA,0,EWR",
            "2013,1,9,500,500, 0,EWR",
            "2013,1,9,500,500,,EWR",
            "2013,1,9,5x,500,0,EWR",
            "2013,1,9,500,500,2147483648,EWR",
            "2013,1,9,500,-1,0,EWR",
            "2013,2,31,500,500,0,EWR",
            "NA,1,9,500,500,0,EWR",
        ];
        let mut input = HEAD.as_bytes().to_vec();
        for row in bad {
            input.extend_from_slice(row.as_bytes());
            input.push(b'\n');
        }
        input.extend_from_slice(b"2013,1,9,500,500,0,E\xffR\n");
        input.extend_from_slice(b"2013,1,1,500,500,0,EWR\n");
        let board = flight_board(&input, 0);
        assert_eq!(board.summary, "rows=15 late=0 malformed=14 windows=1");
    }

    #[test]
    fn columns_not_needed_may_hold_any_text() {
        let head = HEAD.replace("origin", "tailnum,origin");
        let mut input = head.into_bytes();
        input.extend_from_slice(
            b"2013,1,1,500,500,0,\xff,EWR\n2013,1,1,2400,500,0,x,EWR\n2013,1,+1,0500,500,-0,\"a,\nb\",EWR\n",
        );
        let board = flight_board(&input, 0);
        assert_eq!(board.summary, "rows=3 late=0 malformed=1 windows=1");
    }

    #[test]
    fn quotes_in_and_out() {
        let board = board("\"2013\",1,1,500,\"500\",0,\"N,\"\"Y\"\"\"\n", 0);
        let want = "2013-01-01T05:00:00Z,\"N,\"\"Y\"\"\",1,0,0,0.00,0\n";
        assert_eq!(board.stdout, format!("{OUT}{want}"));
    }

    #[test]
    fn generated_flights_have_all_that_is_promised() {
        for seed in 0..6 {
            let bytes = flights_csv(seed, 5000);
            assert_eq!(bytes, flights_csv(seed, 5000));
            let mut before = usize::MAX;
            for lateness in [0, 30, 60, 120, 720] {
                let number = |summary: &str, name: &str| -> usize {
                    let mut parts = summary.split([' ', '=']);
                    parts.find(|part| *part == name).expect("it is there");
                    let number = parts.next().expect("a number follows");
                    number.parse().expect("it is a number")
                };
                let summary = flight_board(&bytes, lateness).summary;
                assert_eq!(number(&summary, "rows"), 5000);
                assert!((150..400).contains(&number(&summary, "malformed")));
                let late = number(&summary, "late");
                assert!(late > 0 && late < before, "{summary}");
                before = late;
                // Rows late here but not with one minute more are those judged by
                // a frontier that equals their window's end.
                let more = number(&flight_board(&bytes, lateness + 1).summary, "late");
                assert!(lateness == 720 || late - more >= 5, "{summary}");
            }
        }
    }

    #[test]
    fn generated_flights_of_few_rows() {
        assert_eq!(flights_csv(1, 0), flights_csv(2, 0));
        for rows in 0..50 {
            for bytes in [flights_csv(3, rows), flights_csv_multiline(3, rows)] {
                let summary = flight_board(&bytes, 120).summary;
                assert!(summary.starts_with(&format!("rows={rows} ")), "{summary}");
            }
        }
    }

    #[test]
    fn words_by_hand() {
        assert_eq!(word_count(b""), (String::new(), vec![]));
        assert_eq!(word_count(b"\n\r\n \t\n"), (String::new(), vec![]));
        let (counts, skipped) = word_count("b\u{3000}a a\u{200b}b\r\n\u{a0}b\u{85}B".as_bytes());
        assert_eq!(counts, "B\t1\na\t1\na\u{200b}b\t1\nb\t2\n");
        assert!(skipped.is_empty());
        let (counts, skipped) = word_count(b"\xff a\na\n\na \xc3\na\xe6\x9d");
        assert_eq!(counts, "a\t1\n");
        assert_eq!(skipped, [1, 4, 5]);
    }

    #[test]
    fn generated_text_has_all_that_is_promised() {
        assert!(text(1, 0).is_empty());
        for seed in 0..10 {
            let bytes = text(seed, 500);
            assert_eq!(bytes.iter().filter(|&&byte| byte == b'\n').count(), 499);
            assert!(bytes.windows(2).any(|pair| pair == b"\r\n"));
            assert!(bytes.windows(2).any(|pair| pair == b"\n\n"));
            let (counts, skipped) = word_count(&bytes);
            assert!(!skipped.is_empty() && skipped.len() < 50);
            assert!(counts.contains("🦀\t"));
            assert!(!counts.contains('\u{3000}'));
        }
    }
}
