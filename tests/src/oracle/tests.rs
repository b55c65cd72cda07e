//! The oracles, held against small cases by hand.

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
fn a_late_flight_corrects_a_window_for_as_long_as_it_is_allowed_to() {
    let rows = "2013,1,1,500,500,0,LGA\n\
            2013,1,1,500,500,0,EWR\n\
            2013,1,1,600,600,0,EWR\n\
            2013,1,1,559,559,10,EWR\n\
            2013,1,1,559,559,20,JFK\n\
            2013,1,1,659,659,0,EWR\n\
            2013,1,1,NA,501,NA,EWR\n\
            2013,1,1,700,700,0,EWR\n\
            2013,1,1,502,502,0,EWR\n";
    let asked = Asked { lateness: 0, allowed_lateness: Some(60), weather: None };
    let board = flight_board_of(format!("{HEAD}{rows}").as_bytes(), asked);
    let want = "+,2013-01-01T05:00:00Z,EWR,1,0,0,0.00,0\n\
            +,2013-01-01T05:00:00Z,LGA,1,0,0,0.00,0\n\
            -,2013-01-01T05:00:00Z,EWR,1,0,0,0.00,0\n\
            +,2013-01-01T05:00:00Z,EWR,2,0,0,5.00,10\n\
            +,2013-01-01T05:00:00Z,JFK,1,0,1,20.00,20\n\
            -,2013-01-01T05:00:00Z,EWR,2,0,0,5.00,10\n\
            +,2013-01-01T05:00:00Z,EWR,3,1,0,5.00,10\n\
            +,2013-01-01T06:00:00Z,EWR,2,0,0,0.00,0\n\
            +,2013-01-01T07:00:00Z,EWR,1,0,0,0.00,0\n";
    assert_eq!(board.stdout, format!("op,{OUT}{want}"));
    assert_eq!(board.summary, "rows=9 late=1 malformed=0 windows=5");
}

#[test]
fn the_weather_is_that_of_the_latest_report_not_after_a_flight() {
    let weather = "origin,year,month,day,hour,wind_speed,visib\n\
            EWR,2013,1,1,6,4.5,NA\n\
            EWR,2013,1,1,5,1,10\n\
            LGA,2013,1,1,5,99,99\n\
            EWR,2013,1,1,24,77,77\n\
            EWR,2013,1,1,6,x,77\n\
            EWR,2013,1,1,7,7,0.5\n\
            EWR,2013,1,1,7,8,1\n";
    let rows = "2013,1,1,500,459,0,EWR\n\
            2013,1,1,500,500,0,EWR\n\
            2013,1,1,500,559,0,EWR\n\
            2013,1,1,500,600,0,EWR\n\
            2013,1,1,500,700,0,EWR\n\
            2013,1,1,500,700,0,JFK\n";
    let asked = Asked { weather: Some(weather.as_bytes()), ..Asked::default() };
    let board = flight_board_of(format!("{HEAD}{rows}").as_bytes(), asked);
    let want = "2013-01-01T04:00:00Z,EWR,1,0,0,0.00,0,,\n\
            2013-01-01T05:00:00Z,EWR,2,0,0,0.00,0,1.00,10.00\n\
            2013-01-01T06:00:00Z,EWR,1,0,0,0.00,0,4.50,\n\
            2013-01-01T07:00:00Z,EWR,1,0,0,0.00,0,8.00,1.00\n\
            2013-01-01T07:00:00Z,JFK,1,0,0,0.00,0,,\n";
    assert_eq!(board.stdout, format!("{},wind_speed,visib\n{want}", OUT.trim_end()));
    assert_eq!(board.summary, "rows=6 late=0 malformed=0 windows=5");
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
