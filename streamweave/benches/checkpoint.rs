//! What checkpoints cost: keyed counting over many keys, with a checkpoint every second and without.
//!
//! `cargo bench -p streamweave --bench checkpoint [-- KEYS ROWS]`: 10,000,000 keys of 33 bytes (about 1 GB of state) and 20,000,000 rows
//! at random keys, unless other numbers are given. Both take the same rows in the same order, each in a process of its own, five times and
//! in turns, and their counts are compared before anything is printed. Printed are the ratio of the throughputs, the gaps between outputs (in steps of 64 rows) with and without
//! checkpoints, the bytes written for each checkpoint beside those of the entries that had changed, and how long a restore takes.
//!
//! `cargo bench -p streamweave --bench checkpoint --features lsm -- lsm [KEYS ROWS]`: the same counting in a `#[node]`, in a `Map` and in a
//! `LargeMap` that may take a quarter of the memory, without checkpoints and with one every ten seconds. Each runs in a process
//! of its own, whose peak of resident memory the system tells; printed are the ratios of throughput and of memory to the `Map`'s, once the
//! counts are the same.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use streamweave::checkpoint::{Checkpoints, Published};
use streamweave::prelude::*;

/// Every so many outputs the clock is read.
const STEP: u64 = 64;

/// The key of a row: each of `keys` once, then keys at random.
#[inline]
fn key_of(row: u64, keys: u64) -> String {
    let key = if row < keys {
        row
    } else {
        // The mixer of Vigna's splitmix64.
        let mut z = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % keys
    };
    let mut text = String::with_capacity(33);
    text.push_str("customer-");
    (0..24).for_each(|digit| text.push(char::from(b'a' + (key >> (digit % 12 * 2) & 3) as u8 + digit % 5)));
    text
}

/// How long this thread has been at work, where the system tells.
fn worked() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// What a run came to.
struct Run {
    /// From the first row behind the keys to the last.
    took: Duration,
    /// What of that the graph's thread was at work.
    worked: Duration,
    gaps: Vec<Duration>,
    check: u64,
}

fn run(keys: u64, rows: u64, checkpoints: Option<Checkpoints>) -> Run {
    let (mut seen, mut check, mut gaps) = (0_u64, 0_u64, Vec::with_capacity((rows / STEP + 1) as usize));
    let (mut began, mut last) = (Instant::now(), Instant::now());
    let (mut began_work, mut done_work) = (worked(), worked());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    {
        let graph = graph! {
            #![durable = exactly_once]
            rows = from_iter(0..keys + rows);
            counted = count();
            rows -> map(|row| key_of(row, keys)) -> key_by(|key| key.clone()) -> counted -> inspect(|counted| {
                check = check.wrapping_mul(31).wrapping_add(counted.value);
                seen += 1;
                if seen == keys {
                    (began, last) = (Instant::now(), Instant::now());
                    began_work = worked();
                } else if seen == keys + rows {
                    done_work = worked();
                } else if seen > keys && seen % STEP == 0 {
                    let now = Instant::now();
                    gaps.push(now - last);
                    last = now;
                }
            }) -> discard;
        };
        let graph = match checkpoints {
            Some(checkpoints) => graph.checkpoints(checkpoints),
            None => graph,
        };
        runtime.block_on(graph.run()).expect("nothing fails");
    }
    let took = last - began;
    gaps.sort_unstable();
    Run { took, worked: done_work.saturating_sub(began_work), gaps, check }
}

/// How often both are run.
const ROUNDS: usize = 5;

/// Of the gaps between outputs.
const PERCENTILES: [f64; 4] = [50.0, 99.0, 99.9, 100.0];

/// A run in a process of its own, so that neither finds the heap as the other has left it: `counting KEYS ROWS [DIRECTORY]`.
fn child(arguments: &[String]) {
    let number = |at: usize| arguments[at].parse::<u64>().expect("a number");
    let (keys, rows) = (number(1), number(2));
    let published: Arc<Mutex<Vec<Published>>> = Arc::default();
    let noted = Arc::clone(&published);
    let checkpoints = arguments.get(3).map(|path| {
        let checkpoints = Checkpoints::in_directory(path).every(1.secs());
        checkpoints.observed_by(move |one| noted.lock().expect("no panic").push(one.clone()))
    });
    let Run { took, worked, gaps, check } = run(keys, rows, checkpoints);
    print!("{} {} {check}", took.as_secs_f64(), worked.as_secs_f64());
    for percent in PERCENTILES {
        print!(" {}", gaps[((gaps.len() - 1) as f64 * percent / 100.0) as usize].as_nanos());
    }
    println!();
    for Published { number, bytes, entries, .. } in published.lock().expect("no panic").iter() {
        let changed = entries * 9;
        println!(
            "  checkpoint {number}: {entries} entries, {bytes} bytes written, {changed} bytes of counts changed"
        );
    }
}

/// What a run in a process of its own came to: times in seconds, gaps in nanoseconds.
struct Told {
    took: f64,
    worked: f64,
    check: u64,
    gaps: [u64; PERCENTILES.len()],
    /// A line for each checkpoint.
    published: String,
}

fn told(keys: u64, rows: u64, directory: Option<&Path>) -> Told {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command.arg("counting").args([keys, rows].map(|number| number.to_string())).args(directory);
    let output = command.stderr(Stdio::inherit()).output().expect("it can be run again");
    let text = String::from_utf8(output.stdout).expect("numbers");
    let (numbers, published) = text.split_once('\n').expect("a line of numbers");
    let mut numbers = numbers.split(' ');
    let mut next = || numbers.next().expect("seven numbers");
    Told {
        took: next().parse().expect("seconds"),
        worked: next().parse().expect("seconds"),
        check: next().parse().expect("a number"),
        gaps: [(); PERCENTILES.len()].map(|()| next().parse().expect("nanoseconds")),
        published: published.to_owned(),
    }
}

/// State in memory, and state that is not.
#[cfg(feature = "lsm")]
mod lsm {
    use streamweave::state::{LargeMap, Map};

    use super::*;

    /// What a store takes besides the entries in memory, in bytes, and what it takes for each key.
    const STORE: u64 = 46 << 20;
    const STORE_OF_KEY: u64 = 16;

    /// What checkpoints take: what waits to be written, what is sorted, and what is read of segments that are merged.
    const CHECKPOINTS: u64 = 36 << 20;

    #[derive(State)]
    struct InMemory {
        #[state]
        counts: Map<String, u64>,
    }

    #[node]
    impl InMemory {
        fn on_key(&mut self, key: String, out: &mut Out<u64>) {
            let count = self.counts.entry(key, || 0);
            *count += 1;
            out.send(*count);
        }
    }

    #[derive(State)]
    struct Large {
        #[state]
        counts: LargeMap<String, u64>,
    }

    #[node]
    impl Large {
        fn on_key(&mut self, key: String, out: &mut Out<u64>) {
            let count = self.counts.entry(key, || 0);
            *count += 1;
            out.send(*count);
        }
    }

    /// What a run came to: the time for the rows behind the keys, the sum of the counts, and the peak of memory in bytes.
    #[derive(Clone, Copy, Debug)]
    struct Came {
        took: f64,
        check: u64,
        peak: u64,
    }

    /// The most memory that this process had, where the system tells.
    fn peak() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) << 10
    }

    macro_rules! counting {
        ($node:ident($state:expr), $keys:expr, $rows:expr, $checkpoints:expr) => {{
            let (keys, rows) = ($keys, $rows);
            let (mut seen, mut check, mut began) = (0_u64, 0_u64, Instant::now());
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            {
                let graph = graph! {
                    #![durable = exactly_once]
                    rows = from_iter(0..keys + rows);
                    counted = $node($state);
                    rows -> map(|row| key_of(row, keys)) -> counted.key;
                    counted -> inspect(|count| {
                        check = check.wrapping_mul(31).wrapping_add(*count);
                        seen += 1;
                        if seen == keys {
                            began = Instant::now();
                        }
                    }) -> discard;
                };
                let graph = match $checkpoints {
                    Some(checkpoints) => graph.checkpoints(checkpoints),
                    None => graph,
                };
                runtime.block_on(graph.run()).expect("nothing fails");
            }
            Came { took: began.elapsed().as_secs_f64(), check, peak: peak() }
        }};
    }

    /// A run, in a process of its own: `lsm-counting HELD KEYS ROWS [DIRECTORY]`; none held is all.
    pub(super) fn child(arguments: &[String]) {
        let number = |at: usize| arguments[at].parse::<u64>().expect("a number");
        let (held, keys, rows) = (number(1), number(2), number(3));
        let checkpoints = arguments.get(4).map(|path| Checkpoints::in_directory(path).every(10.secs()));
        let came = if held == 0 {
            counting!(InMemory(InMemory { counts: Map::new() }), keys, rows, checkpoints)
        } else {
            counting!(Large(Large { counts: LargeMap::holding(held as usize) }), keys, rows, checkpoints)
        };
        println!("{} {} {}", came.took, came.check, came.peak);
    }

    fn run(held: u64, keys: u64, rows: u64, directory: Option<&std::path::Path>) -> Came {
        let mut command = Command::new(std::env::current_exe().expect("it runs"));
        command.arg("lsm-counting").args([held, keys, rows].map(|number| number.to_string())).args(directory);
        let output = command.stderr(Stdio::inherit()).output().expect("it can be run again");
        let text = String::from_utf8(output.stdout).expect("numbers");
        let mut numbers = text.split_whitespace();
        let mut next = || numbers.next().expect("three numbers");
        let came = (next().parse(), next().parse(), next().parse());
        let (Ok(took), Ok(check), Ok(peak)) = came else { panic!("no numbers: {text}") };
        Came { took, check, peak }
    }

    pub(super) fn compare(keys: u64, rows: u64) {
        let path = std::env::temp_dir().join(format!("streamweave-bench-lsm-{}", std::process::id()));
        let empty = run(0, 0, 0, None).peak;
        for directory in [None, Some(&path)] {
            let _ = std::fs::remove_dir_all(&path);
            let map = run(0, keys, rows, directory.map(|path| &**path));
            let _ = std::fs::remove_dir_all(&path);
            // An entry in memory takes what it takes in a `Map`.
            let checkpoints = directory.map_or(0, |_| CHECKPOINTS);
            let free = (map.peak / 4).saturating_sub(empty + STORE + STORE_OF_KEY * keys + checkpoints);
            let held = (free as f64 * keys as f64 / (map.peak - empty).max(1) as f64).max(1.0) as u64;
            let large = run(held, keys, rows, directory.map(|path| &**path));
            let _ = std::fs::remove_dir_all(&path);
            assert_eq!(map.check, large.check, "the counts are the same");
            println!(
                "{}: `LargeMap` with {held} of {keys} entries in memory, to `Map`: throughput {:.4}, peak of memory {:.3} ({} and {} MB)",
                if directory.is_some() { "a checkpoint every 10 s" } else { "no checkpoints" },
                map.took / large.took,
                large.peak as f64 / map.peak as f64,
                large.peak >> 20,
                map.peak >> 20,
            );
        }
    }
}

fn main() {
    #[cfg(feature = "lsm")]
    {
        let arguments: Vec<String> =
            std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        match arguments.first().map(String::as_str) {
            Some("lsm-counting") => return lsm::child(&arguments),
            Some("lsm") => {
                let number = |at: usize| arguments.get(at).and_then(|number| number.parse().ok());
                return lsm::compare(number(1).unwrap_or(10_000_000), number(2).unwrap_or(5_000_000));
            }
            _ => {}
        }
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "counting") {
        return child(&arguments);
    }
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<u64>().ok());
    let keys = numbers.next().unwrap_or(10_000_000);
    let rows = numbers.next().unwrap_or(20_000_000);
    let directory = std::env::temp_dir().join(format!("streamweave-bench-checkpoint-{}", std::process::id()));

    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let _ = std::fs::remove_dir_all(&directory);
        // Neither is always the first.
        let (plain, saved) = if round % 2 == 0 {
            let plain = told(keys, rows, None);
            (plain, told(keys, rows, Some(&directory)))
        } else {
            let saved = told(keys, rows, Some(&directory));
            (told(keys, rows, None), saved)
        };
        assert_eq!(plain.check, saved.check, "checkpoints change no count");
        let work = saved.worked / plain.worked;
        ratios.push(work);
        println!(
            "round {round}: {:.2} M rows/s without, {:.2} M rows/s with checkpoints, time ratio {:.3}, of the graph's thread at work {work:.3}",
            rows as f64 / plain.took / 1e6,
            rows as f64 / saved.took / 1e6,
            saved.took / plain.took,
        );
        for ((percent, plain), saved) in PERCENTILES.iter().zip(plain.gaps).zip(saved.gaps) {
            println!(
                "  gap p{percent}: {:?} without, {:?} with",
                Duration::from_nanos(plain),
                Duration::from_nanos(saved)
            );
        }
        if round + 1 == ROUNDS {
            print!("{}", saved.published);
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!("median of the ratios at work: {:.3}", ratios[ratios.len() / 2]);

    let began = Instant::now();
    let again = run(keys, rows, Some(Checkpoints::in_directory(&directory).on_demand()));
    assert!(again.gaps.is_empty(), "it had come to its end");
    println!("restored in {:?}", began.elapsed());
    let _ = std::fs::remove_dir_all(&directory);
}
