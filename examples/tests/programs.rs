//! The example programs as processes: what they print for good input and for bad, and how they
//! end. The expected boards are recomputed from all rows by an oracle that knows no engine.

mod process;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use streamweave_examples::data;
use streamweave_tests::oracle;

use process::{Temporary, last_word, program, run, stdout};

fn assert_board(file: &str, bytes: &[u8], lateness: i64, batch: &str) {
    let minutes = lateness.to_string();
    let output = run("flight_board", &["--flights", file, "--lateness", &minutes, "--batch", batch]);
    let expected = oracle::flight_board(bytes, lateness);
    assert!(output.status.success(), "{}", last_word(&output));
    assert_eq!(last_word(&output), expected.summary.trim_end(), "lateness {lateness}, batch {batch}");
    assert!(stdout(&output) == expected.stdout, "the boards differ at lateness {lateness}, batch {batch}");
}

#[test]
fn z1_the_board_of_january_is_the_same_bytes_at_any_batch_size() {
    let flights = data("flights-2013-01.csv");
    let bytes = std::fs::read(&flights).expect("the data is there");
    let flights = flights.to_str().expect("a path in UTF-8");
    for lateness in [0, 30, 120, 720] {
        for batch in ["1", "7", "1024"] {
            assert_board(flights, &bytes, lateness, batch);
        }
    }
}

#[test]
fn z1_the_board_of_any_month_malformed_rows_included() {
    for seed in 1..=4 {
        let bytes = oracle::flights_csv(seed, 4_000);
        let file = Temporary::holding(&format!("month-{seed}.csv"), &bytes);
        for (lateness, batch) in [(0, "1024"), (60, "7"), (121, "1")] {
            assert_board(file.path(), &bytes, lateness, batch);
        }
    }
}

#[test]
fn the_board_without_arguments_is_the_one_that_is_kept() {
    let output = Command::new(program("flight_board")).current_dir("/").output().expect("it starts");
    let kept = std::fs::read_to_string(data("flight_board.csv")).expect("it is kept");
    assert_eq!(last_word(&output), "rows=27004 late=331 malformed=0 windows=1642");
    assert!(stdout(&output) == kept);
}

/// Runs the board with all that is asked, and gives it; the weather is that of a file.
fn assert_asked(flights: &str, weather: Option<&str>, asked: oracle::Asked<'_>, batch: &str) -> Output {
    let allowed = asked.allowed_lateness.map(|minutes| minutes.to_string());
    let lateness = asked.lateness.to_string();
    let mut arguments = vec!["--flights", flights, "--lateness", &lateness, "--batch", batch];
    arguments.extend(weather.iter().flat_map(|file| ["--weather", file]));
    arguments.extend(allowed.iter().flat_map(|minutes| ["--allowed-lateness", minutes]));
    let output = run("flight_board", &arguments);

    let weather = weather.map(|file| std::fs::read(file).expect("the weather is there"));
    let asked = oracle::Asked { weather: weather.as_deref(), ..asked };
    let expected = oracle::flight_board_of(&std::fs::read(flights).expect("the flights are there"), asked);
    assert!(output.status.success(), "{}", last_word(&output));
    assert_eq!(last_word(&output), expected.summary, "{arguments:?}");
    let differs = stdout(&output).lines().zip(expected.stdout.lines()).find(|(line, want)| line != want);
    assert!(stdout(&output) == expected.stdout, "the boards of {arguments:?} differ: {differs:?}");
    output
}

fn path(data: &Path) -> &str {
    data.to_str().expect("a path in UTF-8")
}

#[test]
fn d2_late_flights_of_january_correct_the_board_one_by_one() {
    let (flights, weather) = (data("flights-2013-01.csv"), data("weather-2013-01.csv"));
    for (lateness, allowed, weather, batch) in [
        (0, 0, None, "7"),
        (0, 60, Some(&weather), "1024"),
        (0, 600, None, "1"),
        (0, 6_000, Some(&weather), "7"),
        (30, 60, None, "1024"),
        (30, 600, Some(&weather), "7"),
        (120, 0, Some(&weather), "1"),
        (120, 6_000, None, "1024"),
    ] {
        let asked = oracle::Asked { lateness, allowed_lateness: Some(allowed), weather: None };
        assert_asked(path(&flights), weather.map(|weather| path(weather)), asked, batch);
    }
}

#[test]
fn e7_the_weather_of_january_stands_beside_the_board_and_changes_nothing_else() {
    let (flights, weather) = (data("flights-2013-01.csv"), data("weather-2013-01.csv"));
    for (lateness, batch) in [(0, "1"), (30, "1024"), (120, "7")] {
        let asked = oracle::Asked { lateness, ..oracle::Asked::default() };
        let with = assert_asked(path(&flights), Some(path(&weather)), asked, batch);
        let without = assert_asked(path(&flights), None, asked, batch);
        let first_seven = |line: &str| line.splitn(8, ',').take(7).collect::<Vec<_>>().join(",");
        let kept: Vec<String> = stdout(&with).lines().map(first_seven).collect();
        assert_eq!(kept, Vec::from_iter(stdout(&without).lines()));
        assert_eq!(last_word(&with), last_word(&without));
    }
}

#[test]
fn corrections_of_any_month_malformed_rows_included() {
    let weather = data("weather-2013-01.csv");
    for (seed, lateness, allowed, batch) in [(5, 0, 90, "7"), (6, 60, 61, "1024"), (7, 121, 6_000, "1")] {
        let file = Temporary::holding(&format!("late-{seed}.csv"), &oracle::flights_csv(seed, 4_000));
        let asked = oracle::Asked { lateness, allowed_lateness: Some(allowed), weather: None };
        assert_asked(file.path(), Some(path(&weather)), asked, batch);
    }
}

#[test]
fn what_the_weather_does_not_know_is_left_empty_and_its_malformed_lines_are_reported_with_their_place() {
    let lines: [&[u8]; 14] = [
        b"origin,year,month,day,hour,wind_speed,visib",
        b"EWR,2013,1,1,6,10,8",
        b"EWR,2013,1,1,5,20",
        b"EWR,2013,1,1,5,fast,8",
        b"EWR,2013,1,1,24,20,8",
        b"EWR,2013,2,30,5,20,8",
        b"EWR,2013,1,1,5,20,8,9",
        b"E\xffR,2013,1,1,5,20,8",
        b"EWR,2013,1,1,7,NA,NA",
        b"EWR,2013,1,1,8,NA,2.5",
        // Out of order, and twice at one hour: the last counts.
        b"LGA,2013,1,1,9,3,3",
        b"LGA,2013,1,1,4,1,10",
        b"LGA,2013,1,1,4,2,9",
        b"LGA,2013,1,1,NA,2,9",
    ];
    let flights = "year,month,day,dep_time,sched_dep_time,dep_delay,origin\n\
                   2013,1,1,517,559,2,EWR\n2013,1,1,600,600,2,EWR\n2013,1,1,NA,659,NA,EWR\n\
                   2013,1,1,700,700,2,EWR\n2013,1,1,800,800,2,EWR\n2013,1,1,800,830,2,JFK\n\
                   2013,1,1,900,859,2,LGA\n2013,1,1,900,900,2,LGA\n";
    let weather = Temporary::holding("weather.csv", &lines.join(&b"\n"[..]));
    let flights = Temporary::holding("few.csv", flights.as_bytes());
    for allowed_lateness in [None, Some(60)] {
        let asked = oracle::Asked { allowed_lateness, ..oracle::Asked::default() };
        let output = assert_asked(flights.path(), Some(weather.path()), asked, "1024");
        let ends =
            ["wind_speed,visib", ",2,,", ",10.00,8.00", ",2,,", ",,2.50", ",2,,", ",2.00,9.00", ",3.00,3.00"];
        let lines: Vec<&str> = stdout(&output).lines().collect();
        assert_eq!(lines.len(), ends.len(), "{lines:#?}");
        for (line, end) in lines.iter().zip(ends) {
            assert!(line.ends_with(end), "{line}: {end}");
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        for says in [
            "weather.csv:3: expected 7 fields, found 6",
            "weather.csv:4: column 6 (wind_speed): invalid float literal",
            "weather.csv:5: there is no 2013-1-1 24:00",
            "weather.csv:6: there is no 2013-2-30 5:00",
            "weather.csv:7: expected 7 fields, found 8",
            "weather.csv:8: column 1 (origin): invalid UTF-8",
            "weather.csv:14: column 5 (hour): invalid digit",
        ] {
            assert!(stderr.contains(says), "{says}: {stderr}");
        }
        assert_eq!(stderr.lines().count(), 8, "{stderr}");
    }
}

#[test]
fn weather_without_a_report_leaves_every_line_without_weather() {
    let weather = Temporary::holding("calm.csv", b"origin,year,month,day,hour,wind_speed,visib\n");
    let flights = Temporary::holding(
        "one.csv",
        b"year,month,day,dep_time,sched_dep_time,dep_delay,origin\n2013,1,1,517,515,2,EWR\n",
    );
    let output = assert_asked(flights.path(), Some(weather.path()), oracle::Asked::default(), "1024");
    assert!(stdout(&output).ends_with("EWR,1,0,0,2.00,2,,\n"), "{output:?}");
}

#[test]
fn weather_that_cannot_be_read_is_said_with_its_name_and_exit_code_1() {
    let empty = Temporary::holding("no-weather.csv", b"");
    let other = Temporary::holding("other-weather.csv", b"a,b\n1,2\n");
    for (file, says) in [
        ("/no/such/weather", "`/no/such/weather`: No such file"),
        (empty.path(), "is empty: expected a header line"),
        (other.path(), "the header has no column `origin`"),
    ] {
        let output = run("flight_board", &["--weather", file]);
        assert_eq!(output.status.code(), Some(1), "{file}");
        assert!(last_word(&output).contains(says), "{file}: {}", last_word(&output));
        assert!(
            last_word(&output).contains(file) && last_word(&output).contains("node `reports`"),
            "{output:?}"
        );
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn gzip_is_read_as_it_is() {
    let plain = b"year,month,day,dep_time,sched_dep_time,dep_delay,origin\n2013,1,1,517,515,2,EWR\n";
    // `gzip -n` of the lines above.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).expect("memory takes it");
    let file = Temporary::holding("flights.csv.gz", &encoder.finish().expect("memory takes it"));
    let output = run("flight_board", &["--flights", file.path()]);
    assert_eq!(stdout(&output), oracle::flight_board(plain, 120).stdout);
}

#[test]
fn a_header_alone_is_a_board_without_rows() {
    let file = Temporary::holding("header.csv", b"year,month,day,dep_time,sched_dep_time,dep_delay,origin\n");
    let output = run("flight_board", &["--flights", file.path()]);
    assert!(output.status.success());
    assert_eq!(stdout(&output), "window_start,origin,flights,cancelled,delayed,mean_delay,max_delay\n");
    assert_eq!(last_word(&output), "rows=0 late=0 malformed=0 windows=0");
}

#[test]
fn what_cannot_be_read_is_said_with_its_name_and_exit_code_1() {
    let empty = Temporary::holding("empty.csv", b"");
    let other = Temporary::holding("other.csv", b"a,b\n1,2\n");
    let folder = std::env::temp_dir();
    let folder = folder.to_str().expect("a path in UTF-8");
    for (file, says) in [
        ("/no/such/file", "`/no/such/file`: No such file"),
        (folder, "expected a file, found a directory"),
        (empty.path(), "is empty: expected a header line"),
        (other.path(), "the header has no column `year`"),
    ] {
        let output = run("flight_board", &["--flights", file]);
        assert_eq!(output.status.code(), Some(1), "{file}");
        assert!(last_word(&output).contains(says), "{file}: {}", last_word(&output));
        assert!(last_word(&output).contains("node `flights`"), "{}", last_word(&output));
    }
    for (arguments, says) in [
        (&["--lateness", "soon"][..], "--lateness: expected a whole number, not negative, found `soon`"),
        (&["--lateness", "-1"], "--lateness: expected a whole number, not negative, found `-1`"),
        (&["--lateness"], "--lateness needs a value"),
        (
            &["--allowed-lateness", "1.5"],
            "--allowed-lateness: expected a whole number, not negative, found `1.5`",
        ),
        (
            &["--allowed-lateness", "-60"],
            "--allowed-lateness: expected a whole number, not negative, found `-60`",
        ),
        (&["--allowed-lateness", "99999999999"], "--allowed-lateness: expected a whole number"),
        (&["--allowed-lateness"], "--allowed-lateness needs a value"),
        (&["--weather"], "--weather needs a value"),
        (&["--weather", "a", "--weather", "b"], "--weather is given twice"),
        (&["--bogus"], "unknown argument `--bogus`"),
    ] {
        let output = run("flight_board", arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(last_word(&output).contains(says), "{arguments:?}: {}", last_word(&output));
    }
}

#[test]
fn malformed_rows_are_reported_with_their_place_and_do_not_stop_the_board() {
    let lines: [&[u8]; 6] = [
        b"year,month,day,dep_time,sched_dep_time,dep_delay,origin",
        b"2013,1,1,517,515,2,EWR",
        b"2013,1,1,517",
        b"2013,1,1,5x7,515,2,EWR",
        b"2013,1,1,517,1260,2,EWR",
        b"2013,1,1,517,515,2,E\xffR",
    ];
    let file = Temporary::holding("bad.csv", &lines.join(&b"\n"[..]));
    let output = run("flight_board", &["--flights", file.path()]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success());
    assert_eq!(last_word(&output), "rows=5 late=0 malformed=4 windows=1");
    for says in [
        "bad.csv:3: expected 7 fields, found 4",
        "bad.csv:4: column 4 (dep_time): invalid digit",
        "bad.csv:5: there is no 2013-1-1 1260",
        "bad.csv:6: column 7 (origin): invalid UTF-8",
    ] {
        assert!(stderr.contains(says), "{says}: {stderr}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_board_quietly() {
    let mut board = Command::new(program("flight_board"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(board.stdout.take());
    let output = board.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert!(last_word(&output).starts_with("rows="), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1, "{output:?}");
}

#[test]
fn words_are_counted_and_sorted_and_lines_that_are_no_text_skipped() {
    for seed in 1..=4 {
        let text = oracle::text(seed, 500);
        let (expected, skipped) = oracle::word_count(&text);
        let file = Temporary::holding(&format!("text-{seed}.txt"), &text);
        let output = run("word_count", &[file.path()]);
        assert!(output.status.success());
        assert!(stdout(&output) == expected, "the counts differ for seed {seed}");
        let reported: Vec<u64> = String::from_utf8_lossy(&output.stderr)
            .lines()
            .map(|line| line.split_whitespace().nth(1).expect("`line N`").parse().expect("a number"))
            .collect();
        assert_eq!(reported, skipped);
    }
}

#[test]
fn words_come_from_stdin_too() {
    let mut counting = Command::new(program("word_count"))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = counting.stdin.take().expect("it is piped");
    stdin.write_all("warp weft\nwarp é".as_bytes()).expect("it reads");
    drop(stdin);
    let output = counting.wait_with_output().expect("it ends");
    assert_eq!(stdout(&output), "warp\t2\nweft\t1\né\t1\n");
}

#[test]
fn a_text_that_is_not_there_is_said_with_exit_code_1() {
    for arguments in [&["/no/such/text"][..], &[]] {
        let output = run("word_count", arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(last_word(&output).starts_with("word_count"), "{output:?}");
    }
}

/// What an example prints; it ended well.
fn printed(name: &str) -> String {
    let output = run(name, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    stdout(&output).to_owned()
}

/// Rows of the flights for which this holds, by their columns.
fn flights(holds: impl Fn(&[&str]) -> bool) -> usize {
    let text = std::fs::read_to_string(data("flights-2013-01.csv")).expect("the data is there");
    text.lines().skip(1).filter(|line| holds(&line.split(',').collect::<Vec<_>>())).count()
}

#[test]
fn rows_go_to_the_ports_that_the_columns_say() {
    let late = |row: &[&str]| row[5].parse().is_ok_and(|minutes: i32| minutes > 15);
    let (all, lates, cancelled) = (flights(|_| true), flights(late), flights(|row| row[5] == "NA"));
    assert_eq!(
        printed("ports"),
        format!(
            "on time {}, late {lates}, cancelled {cancelled}\n\
             latest of those that go far: Hawaiian to HNL, 1301 minutes\n",
            all - lates - cancelled
        )
    );
}

#[test]
fn two_graphs_inside_one_count_the_flights_of_a_day() {
    let text = printed("subgraph");
    for origin in ["EWR", "LGA"] {
        // Of January 1st 2013, and left; none of them so late as to miss its window.
        let left = flights(|row| row[2] == "1" && row[5] != "NA" && row[12] == origin);
        let line = format!("2013-01-01T00:00:00Z {origin}: {left} flights");
        assert!(text.lines().any(|printed| printed == line), "{line}: {text}");
    }
    assert!(text.ends_with("inside `airports`: `windows` took 26480, 3 late\n"), "{text}");
}

#[test]
fn every_policy_does_what_it_says() {
    let text = printed("errors");
    let cancelled = flights(|row| row[5] == "NA");
    let first =
        "the flight was cancelled; its input was Flight { carrier: \"B6\", flight: 125, dep_delay: None }";
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("skip: {cancelled} skipped, {} left", flights(|_| true) - cancelled));
    assert_eq!(lines[1], format!("stop: node `delay`: {first}"));
    assert!(lines[2].starts_with("custom: node `delays`: the flight was cancelled;"), "{}", lines[2]);
    assert_eq!(
        lines[3],
        format!(
            "dead_letter: {cancelled} letters; the first: {{\"node\":\"delays\",\"error\":\"the flight was cancelled\",\
             \"input\":{{\"carrier\":\"B6\",\"flight\":125,\"dep_delay\":null}}}}"
        )
    );
}

#[test]
fn a_graph_driven_by_hand_gives_what_its_frontier_closes() {
    let text = printed("by_hand");
    assert!(
        text.starts_with(
            "2013-01-01T05:59:59.999999Z: (\"EWR\", 1)\n\
             2013-01-01T05:59:59.999999Z: (\"JFK\", 2)\n\
             2013-01-01T05:59:59.999999Z: (\"LGA\", 1)\n\
             late: Some(\"EWR\")\n\
             flights: has come to 2013-01-01T06:00:00Z\n"
        ),
        "{text}"
    );
    assert!(text.ends_with("6 rows in, 1 late\n"), "{text}");
}

#[test]
fn retry_gets_every_forecast_but_one() {
    let output = run("retry", &[]);
    assert!(output.status.success(), "{}", last_word(&output));
    let expected = "93 forecasts after 31 s\nHNL: the call had not ended after 2 s (5 attempts)\n";
    assert_eq!(stdout(&output), expected);
}

#[test]
fn nexmark_answers_a_query_over_the_events_that_it_dumps_and_says_what_it_took() {
    let dump = Temporary::holding("nexmark.jsonl", b"");
    let asked = ["--query", "q7", "--events", "3000", "--seed", "5", "--rate", "100", "--dump", dump.path()];
    let output = run("nexmark", &asked);
    assert!(output.status.success(), "{}", last_word(&output));

    let events = std::fs::read(dump.path()).expect("the dump is there");
    assert_eq!(events.iter().filter(|byte| **byte == b'\n').count(), 3_000);
    let expected = oracle::Tables::read(&events).answer("q7", 0, 100);
    assert_eq!(Vec::from_iter(stdout(&output).lines()), expected);

    let stderr = std::str::from_utf8(&output.stderr).expect("stderr is text");
    let (header, values) = stderr.trim_end().split_once('\n').expect("two lines");
    assert_eq!(header, "query,events,seconds,events_per_second,peak_rss_mib");
    assert!(values.starts_with("q7,3000,"), "{values}");
    assert_eq!(values.split(',').count(), header.split(',').count());
}

#[test]
fn nexmark_says_what_is_wrong_with_its_arguments_with_exit_code_2() {
    for (arguments, says) in [
        (&[][..], "--query is missing: expected one of q0, "),
        (&["--query", "q23"], "expected one of q0, "),
        (&["--query", "q0", "--events", "-1"], "--events: expected a whole number"),
        (&["--query", "q0", "--rate", "0"], "expected a number above zero"),
        (&["--query", "q0", "--bogus"], "unknown argument `--bogus`"),
    ] {
        let output = run("nexmark", arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let stderr = std::str::from_utf8(&output.stderr).expect("stderr is text");
        assert!(stderr.contains(says) && stderr.contains("usage: nexmark"), "{stderr}");
    }
    let nowhere = run("nexmark", &["--query", "q0", "--events", "10", "--dump", "/no/such/file"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(last_word(&nowhere).contains("`/no/such/file`: No such file"), "{}", last_word(&nowhere));
}
