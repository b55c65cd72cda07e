//! The ledger, killed: however often the process dies, and wherever, the file is in the end what it would have been.
//!
//! The moments are drawn from a seed, but where they meet the process is up to the machine; no verdict depends on it.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use streamweave_tests::random::Random;

#[allow(dead_code, reason = "other tests use the rest")]
mod process;

use process::{last_word, program};

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

/// Flights as a file, and the ledger that they come to.
struct Flights {
    csv: String,
    ledger: String,
}

/// A field as it is written where that needs quotes.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// So many flights: some that did not depart, some of planes that nobody knows, some of planes whose names need quotes.
fn flights(random: &mut Random, rows: u64) -> Flights {
    let mut csv = "year,dep_delay,carrier,tailnum,dest\n".to_owned();
    let mut ledger = "row,tailnum,flights,total_delay\n".to_owned();
    let mut planes = HashMap::<String, (u64, i64)>::new();
    for row in 1..=rows {
        let plane = match random.below(20) {
            0 => String::new(),
            1 => "NA".to_owned(),
            2 => format!("N{},\"x\"\nüber", random.below(5)),
            _ => format!("N{:05}", random.below(300)),
        };
        let delay = (!random.percent(15)).then(|| random.between(-30, 400));
        let written = delay.map_or("NA".to_owned(), |delay| delay.to_string());
        writeln!(csv, "2013,{written},{},{},JFK", random.pick(&["UA", "", "\"B,6\""]), quoted(&plane))
            .expect("a string takes everything");
        let Some(delay) = delay else { continue };
        let plane = if matches!(&*plane, "" | "NA") { "unknown".to_owned() } else { plane };
        let (flights, total) = planes.entry(plane.clone()).or_default();
        *flights += 1;
        *total += delay;
        writeln!(ledger, "{row},{},{flights},{total}", quoted(&plane)).expect("a string takes everything");
    }
    Flights { csv, ledger }
}

/// A folder with flights, in which ledgers are kept; it is removed after the test.
struct Folder {
    path: PathBuf,
    flights: Flights,
}

/// What lies in the file before the ledger begins.
const JUNK: &str = "something else, which is longer than nothing\n";

impl Folder {
    fn new(name: &str, random: &mut Random, rows: u64) -> Self {
        let path = std::env::temp_dir().join(format!("streamweave-ledger-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary folder can be written");
        let folder = Folder { path, flights: flights(random, rows) };
        fs::write(folder.file("flights.csv"), &folder.flights.csv).expect("it can be written");
        fs::write(folder.file("ledger.csv"), JUNK).expect("it can be written");
        folder
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn start(&self, interval_ms: u64, rows_per_second: Option<u64>) -> Child {
        let out = self.file("ledger.csv");
        let out = out.to_str().expect("the temporary folder has a name in UTF-8");
        self.start_to(&["--out", out], interval_ms, rows_per_second)
    }

    fn start_to(&self, lines: &[&str], interval_ms: u64, rows_per_second: Option<u64>) -> Child {
        let mut command = Command::new(program("ledger"));
        command.arg("--flights").arg(self.file("flights.csv")).args(lines);
        command.arg("--state").arg(self.file("state")).args(["--interval-ms", &interval_ms.to_string()]);
        if let Some(rows) = rows_per_second {
            command.args(["--rows-per-second", &rows.to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    /// Runs it as fast as it goes, until it is done.
    fn run(&self) -> Output {
        self.start(20, None).wait_with_output().expect("the program ends")
    }

    fn written(&self) -> Vec<u8> {
        fs::read(self.file("ledger.csv")).expect("the file is there")
    }

    /// Whatever has happened, nothing stands in the file but a part of the ledger.
    fn assert_begins_well(&self, at: &str) {
        let written = self.written();
        let is_well = self.flights.ledger.as_bytes().starts_with(&written) || written == JUNK.as_bytes();
        assert!(is_well, "{at}: what is in the file is not how the ledger begins");
    }

    /// It is run to its end, which changes nothing any more when it is run again.
    fn assert_ends_well(&self, at: &str) {
        for again in ["", ", again"] {
            let output = self.run();
            assert!(output.status.success(), "{at}{again}: {}", last_word(&output));
            assert!(
                self.written() == self.flights.ledger.as_bytes(),
                "{at}{again}: the ledger is another one"
            );
        }
    }

    /// Waits until so many bytes are in the file.
    fn wait_for(&self, bytes: u64, child: &mut Child) {
        while self.length() < bytes {
            assert!(
                child.try_wait().expect("it can be asked").is_none(),
                "it ended before {bytes} bytes were written"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn length(&self) -> u64 {
        fs::metadata(self.file("ledger.csv")).map_or(0, |file| file.len())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after the start.
    After(Duration),
    /// Once the file has become longer by so many bytes.
    Written(u64),
    /// Once another checkpoint has been published, or begun to be.
    Checkpoint,
}

fn moment(random: &mut Random) -> Moment {
    match random.below(6) {
        0 => Moment::After(Duration::from_micros(random.below(8_000))),
        1 | 2 => Moment::After(Duration::from_micros(random.below(50_000))),
        3 | 4 => Moment::Written(random.below(20_000)),
        _ => Moment::Checkpoint,
    }
}

/// The names of what is kept of checkpoints.
fn checkpoints(folder: &Folder) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.file("state").join("checkpoints")).into_iter().flatten();
    let mut names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    names.sort();
    names
}

/// Kills it at a moment; `false` where it had ended before.
fn kill(folder: &Folder, mut child: Child, moment: Moment, at: &str) -> bool {
    let started = Instant::now();
    let (length, before) = (folder.length(), checkpoints(folder));
    let has_come = || match moment {
        Moment::After(delay) => started.elapsed() >= delay,
        Moment::Written(bytes) => folder.length() >= length + bytes,
        Moment::Checkpoint => checkpoints(folder) != before,
    };
    while !has_come() && child.try_wait().expect("it can be asked").is_none() {
        thread::sleep(Duration::from_micros(100));
    }
    // It may have ended meanwhile.
    let _ = child.kill();
    let output = child.wait_with_output().expect("it ends");
    let killed = output.status.signal() == Some(SIGKILL);
    assert!(killed || output.status.success(), "{at}: {}", last_word(&output));
    killed
}

#[test]
fn h6_killed_two_hundred_times_the_file_is_the_same_to_the_byte() {
    const KILLS: u32 = 220;
    const A_RUN: u32 = 55;
    let mut kills = 0;
    for seed in 0.. {
        if kills >= KILLS {
            break;
        }
        let random = &mut Random::new(seed);
        let folder = Folder::new(&format!("kills-{seed}"), random, 12_000);
        for start in 0..A_RUN {
            let interval = random.pick(&[1, 2, 5, 20, 40]);
            let pace = random.pick(&[Some(3_000), Some(10_000), Some(20_000), Some(60_000)]);
            let moment = moment(random);
            let at = format!("seed {seed}, start {start}, {interval} ms, {pace:?} rows/s, {moment:?}");
            let child = folder.start(interval, pace);
            let killed = kill(&folder, child, moment, &at);
            folder.assert_begins_well(&at);
            if !killed {
                break;
            }
            kills += 1;
        }
        folder.assert_ends_well(&format!("seed {seed}"));
    }
}

#[test]
fn without_a_checkpoint_the_file_is_truncated() {
    let random = &mut Random::new(1);
    let folder = Folder::new("truncated", random, 2_000);
    let mut child = folder.start(3_600_000, Some(500));
    // The first rows stand there and belong to no checkpoint.
    while folder.written() == JUNK.as_bytes() || folder.length() < 100 {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it has ended");
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("it lives");
    child.wait().expect("it ends");
    fs::write(folder.file("ledger.csv"), JUNK.repeat(10_000)).expect("it can be written");
    folder.assert_ends_well("after junk");
}

#[test]
fn h5_a_second_process_on_the_same_state_is_refused_while_the_first_lives() {
    let random = &mut Random::new(2);
    let folder = Folder::new("locked", random, 2_000);
    let mut first = folder.start(1, Some(300));
    while checkpoints(&folder).is_empty() {
        assert!(first.try_wait().expect("it can be asked").is_none(), "it has ended");
        thread::sleep(Duration::from_millis(1));
    }
    let second = folder.run();
    assert_eq!(second.status.code(), Some(1));
    assert!(last_word(&second).contains("is in use"), "{}", last_word(&second));
    folder.assert_begins_well("beside the first");
    assert!(first.try_wait().expect("it can be asked").is_none(), "the first lives on");
    first.kill().expect("it lives");
    first.wait().expect("it ends");
    folder.assert_ends_well("the lock dies with its process");
}

#[test]
fn j7_sigterm_stops_with_a_savepoint_from_which_it_goes_on() {
    let random = &mut Random::new(3);
    let folder = Folder::new("stopped", random, 4_000);
    for stop in 1..=3 {
        // No checkpoint but the savepoint.
        let mut child = folder.start(3_600_000, Some(2_000));
        let before = if stop == 1 { 0 } else { folder.length() };
        folder.wait_for(before + 200 + JUNK.len() as u64, &mut child);
        let sent = Command::new("kill").arg(format!("-{SIGTERM}")).arg(child.id().to_string()).status();
        assert!(sent.expect("there is such a command").success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{}", last_word(&output));
        let written = folder.written();
        assert!(written.len() > JUNK.len() && folder.flights.ledger.as_bytes().starts_with(&written));
        assert!(written.len() < folder.flights.ledger.len(), "nothing is done that was not asked for");
        assert_eq!(checkpoints(&folder).len(), stop, "savepoints are kept, and there is nothing else");
    }
    // What was written before the savepoint is not written again.
    let written = folder.written();
    fs::remove_file(folder.file("ledger.csv")).expect("it is there");
    assert_eq!(
        folder.run().status.code(),
        Some(1),
        "it goes on behind what has been committed, and finds it gone"
    );
    fs::write(folder.file("ledger.csv"), written).expect("it can be written");
    folder.assert_ends_well("after savepoints");
}

#[test]
fn lines_go_to_a_file_or_to_a_table() {
    let folder = Folder::new("misused", &mut Random::new(4), 10);
    for (lines, told) in [
        (&[][..], "--out is missing, or --postgres"),
        (&["--out", "a", "--postgres", "host=b"], "expected one of them, found both"),
        #[cfg(not(feature = "postgres"))]
        (&["--postgres", "host=b"], "without the feature `postgres`"),
    ] {
        let output = folder.start_to(lines, 20, None).wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && stderr.contains(told), "{stderr}");
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::sync::{Mutex, PoisonError};

    use streamweave_tests::postgres::Server;

    use super::*;

    /// There is one table of the name, where the server is not private.
    static TABLE: Mutex<()> = Mutex::new(());

    /// Runs statements, and gives their rows as a CSV file without quotes has them.
    fn ask(server: &Server, statements: &str) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let rows = runtime.block_on(server.ask(statements));
        rows.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(",")).collect()
    }

    /// What is in the table, as the file would have it. A line break of a name is part of its line.
    fn table(server: &Server) -> String {
        let rows = ask(
            server,
            "SELECT row, CASE WHEN tailnum ~ '[,\"\\n]' THEN '\"' || replace(tailnum, '\"', '\"\"') || '\"' ELSE tailnum END, \
             flights, total_delay FROM ledger ORDER BY row",
        );
        rows.iter().fold("row,tailnum,flights,total_delay\n".to_owned(), |table, row| table + row + "\n")
    }

    fn end(folder: &Folder, server: &Server, at: &str) {
        for again in ["", ", again"] {
            let child = folder.start_to(&["--postgres", server.config()], 20, None);
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{at}{again}: {}", last_word(&output));
            assert!(table(server) == folder.flights.ledger, "{at}{again}: the table is another one");
        }
    }

    #[test]
    fn h6_killed_many_times_the_table_is_the_same() {
        let _alone = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(server) = Server::start() else { return };
        const KILLS: u32 = 40;
        const A_RUN: u32 = 20;
        let mut kills = 0;
        for seed in 0.. {
            if kills >= KILLS {
                break;
            }
            let random = &mut Random::new(seed);
            let folder = Folder::new(&format!("table-{seed}"), random, 4_000);
            // What was there before is gone where there is no checkpoint yet: for the first seed there is no table.
            for start in 0..A_RUN {
                let interval = random.pick(&[1, 2, 5, 20, 40]);
                let pace = random.pick(&[3_000, 10_000, 20_000]);
                let moment = match random.below(4) {
                    0 => Moment::Checkpoint,
                    _ => Moment::After(Duration::from_micros(random.below(90_000))),
                };
                let at = format!("seed {seed}, start {start}, {interval} ms, {pace} rows/s, {moment:?}");
                let child = folder.start_to(&["--postgres", server.config()], interval, Some(pace));
                if !kill(&folder, child, moment, &at) {
                    break;
                }
                kills += 1;
            }
            end(&folder, &server, &format!("seed {seed}"));
        }
    }

    #[test]
    fn j7_a_table_goes_on_behind_a_savepoint() {
        let _alone = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(server) = Server::start() else { return };
        let folder = Folder::new("table-stopped", &mut Random::new(5), 3_000);
        let mut child = folder.start_to(&["--postgres", server.config()], 1, Some(1_000));
        while checkpoints(&folder).is_empty() {
            assert!(child.try_wait().expect("it can be asked").is_none(), "it has ended");
            thread::sleep(Duration::from_millis(1));
        }
        let sent = Command::new("kill").arg(format!("-{SIGTERM}")).arg(child.id().to_string()).status();
        assert!(sent.expect("there is such a command").success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{}", last_word(&output));
        let written = table(&server);
        assert!(folder.flights.ledger.starts_with(&written) && written != folder.flights.ledger);
        end(&folder, &server, "behind the savepoint");
    }
}
