//! The Nexmark benchmark: one query over the events of an auction house.
//!
//! `nexmark --query QUERY [--events N] [--seed N] [--rate N] [--batch N] [--dump FILE]`: the answer goes to stdout as
//! CSV, sorted, without a header; what it took to stderr, as CSV with one. [`streamweave_examples::nexmark`] holds
//! the queries, a file each, with their SQL, their columns, and what was decided where the SQL leaves something open.
//!
//! `--seed` is what the order of arrival is drawn from: every event is delayed by less than four seconds, and the
//! watermark stays four seconds behind the newest, so none is late. `--rate` is how many events happen in a second: ten
//! thousand, unless it is said otherwise, so that a million events are ten windows of ten seconds. `--dump` writes the
//! events as JSON lines in order of arrival, for another engine to answer the query, too.
//!
//! Events are made before the clock starts, and lie in memory: they are part of `peak_rss_mib`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use streamweave_examples::nexmark::{Answer, Event, Events, Query, dump};
use streamweave_examples::{Arguments, failed, misused};

const USAGE: &str = "nexmark --query QUERY [--events N] [--seed N] [--rate N] [--batch N] [--dump FILE]";

/// What was asked for.
struct Job {
    query: Query,
    events: Events,
    batch: usize,
    dump: Option<String>,
}

fn job() -> Result<Job, String> {
    let mut arguments = Arguments::of_process()?;
    let query = query(arguments.flag("--query")?)?;
    let mut events = Events::new(arguments.number("--events", 1_000_000)?, arguments.number("--seed", 1)?);
    events.rate = arguments.number("--rate", events.rate)?;
    let batch = arguments.number("--batch", 1_024)?;
    let dump = arguments.flag("--dump")?;
    arguments.done()?;
    if events.rate == 0 || batch == 0 {
        return Err("--rate and --batch: expected a number above zero, found `0`".to_owned());
    }
    Ok(Job { query, events, batch, dump })
}

fn query(name: Option<String>) -> Result<Query, String> {
    let known = Query::ALL.map(Query::name).join(", ");
    let name = name.ok_or_else(|| format!("--query is missing: expected one of {known}"))?;
    Query::named(&name).ok_or_else(|| format!("--query: expected one of {known}, found `{name}`"))
}

fn write_dump(path: &str, events: &[Event]) -> Result<(), String> {
    let written = File::create(path).and_then(|file| dump(events, BufWriter::new(file)));
    written.map_err(|error| format!("`{path}`: {error}"))
}

fn print(lines: &[String]) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    out.flush()
}

/// The most memory that this process had, in MiB; nothing where the system does not tell it as Linux does.
fn peak_rss_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1_024)
}

async fn run(Job { query, events, batch, dump }: Job) -> Result<(), String> {
    let arrivals = events.arrivals();
    if let Some(path) = dump {
        write_dump(&path, &arrivals)?;
    }
    let answer = query.answer(arrivals, events.rate, batch).await.map_err(|error| error.to_string())?;
    let peak = peak_rss_mib().map_or(String::new(), |mib| mib.to_string());
    let Answer { lines, elapsed } = answer;
    print(&lines).map_err(|error| format!("stdout: {error}"))?;

    let (query, count, seconds) = (query.name(), events.count, elapsed.as_secs_f64());
    eprintln!("query,events,seconds,events_per_second,peak_rss_mib");
    eprintln!("{query},{count},{seconds:.6},{:.0},{peak}", count as f64 / seconds);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let job = match job() {
        Ok(job) => job,
        Err(error) => return misused(USAGE, error),
    };
    run(job).await.map_or_else(|error| failed("nexmark", error), |()| ExitCode::SUCCESS)
}
