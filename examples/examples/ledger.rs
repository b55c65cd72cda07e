//! A ledger of planes that survives: each flight that departed, with how often its plane has flown and how late it has been so far.
//! However often the program is killed and started again, the file is what it would have been.
//!
//! `ledger --flights FILE (--out FILE | --postgres URL) --state DIR [--interval-ms 20] [--rows-per-second N]`
//!
//! With `--postgres`, of a build with the feature `postgres`, the lines go into the table `ledger` of that database, which is created where
//! there is none.
//!
//! Checkpoints are kept under `--state`, one every `--interval-ms`. Ctrl-c and SIGTERM stop with a savepoint, from which the next start
//! goes on; SIGKILL stops with nothing, and the next start goes on from the last checkpoint. Once all flights are written a further start
//! changes nothing.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use streamweave::csv;
use streamweave::executor::Running;
use streamweave::prelude::*;
use streamweave::state::Map;
use streamweave_examples::{failed, known, misused, stopped};

/// A flight, as far as the ledger needs to know it.
#[derive(Deserialize)]
struct Flight {
    /// In minutes; `None` where the flight did not depart.
    #[serde(deserialize_with = "known")]
    dep_delay: Option<i64>,
    tailnum: String,
}

/// A line of the ledger.
#[derive(Serialize, Deserialize)]
struct Line {
    row: u64,
    tailnum: String,
    flights: u64,
    total_delay: i64,
}

/// What a plane has come to so far.
#[derive(Default, Serialize, Deserialize)]
struct Plane {
    flights: u64,
    total_delay: i64,
}

#[derive(Default, State)]
struct Ledger {
    #[state]
    rows: u64,
    #[state]
    planes: Map<String, Plane>,
}

#[node]
impl Ledger {
    fn on_flight(&mut self, flight: Flight, out: &mut Out<Line>) {
        self.rows += 1;
        let Some(delay) = flight.dep_delay else { return };
        let tailnum = match &*flight.tailnum {
            "" | "NA" => "unknown".to_owned(),
            _ => flight.tailnum,
        };
        let plane = self.planes.entry(tailnum.clone(), Plane::default);
        plane.flights += 1;
        plane.total_delay += delay;
        out.send(Line { row: self.rows, tailnum, flights: plane.flights, total_delay: plane.total_delay });
    }
}

graph! {
    /// The lines of the ledger, so many in a time.
    graph entries(flights: Flight; rows: u32, per: TimeDelta) -> (lines: Line) {
        #![durable = exactly_once]
        ledger = Ledger(Ledger::default());
        paced  = rate_limit(rows, per);
        flights -> ledger.flight;
        ledger -> paced -> lines;
    }
}

const USAGE: &str = "ledger --flights FILE (--out FILE | --postgres URL) --state DIR [--interval-ms 20] [--rows-per-second N]";

const COLUMNS: [&str; 4] = ["row", "tailnum", "flights", "total_delay"];

struct Arguments {
    flights: String,
    lines: Lines,
    state: String,
    interval: TimeDelta,
    rows_per_second: u32,
}

/// Where the lines go.
enum Lines {
    File(String),
    #[cfg(feature = "postgres")]
    Table(Box<streamweave::postgres::Config>),
}

/// So many rows a second, as a few rows in a short time: rows and time.
fn pace(rows_per_second: u32) -> (u32, TimeDelta) {
    let rows = (rows_per_second / 1_000).max(1);
    (rows, TimeDelta::from_micros(i64::from(rows) * 1_000_000 / i64::from(rows_per_second)))
}

/// Lets it run until it has ended or is asked to stop.
async fn supervise<R>(mut running: Running<R>) -> Result<(), streamweave::Error> {
    tokio::select! {
        ended = &mut running => ended.map(drop),
        () = stopped() => running.stop_with_savepoint("stopped").await.map(drop),
    }
}

async fn ledger(arguments: Arguments) -> Result<(), streamweave::Error> {
    let Arguments { flights, lines, state, interval, rows_per_second } = arguments;
    let (rows, per) = pace(rows_per_second);
    let checkpoints = Checkpoints::in_directory(state).every(interval);
    match lines {
        Lines::File(out) => {
            let graph = graph! {
                #![durable = exactly_once]
                #![on_error = stop]
                flights = csv::read::<Flight>(&flights);
                ledger  = entries(rows, per);
                flights -> ledger.flights;
                ledger.lines -> lines;
                lines   = csv::write(out).header(COLUMNS);
            };
            supervise(graph.checkpoints(checkpoints).spawn()).await
        }
        #[cfg(feature = "postgres")]
        Lines::Table(database) => {
            let graph = graph! {
                #![durable = exactly_once]
                #![on_error = stop]
                flights = csv::read::<Flight>(&flights);
                ledger  = entries(rows, per);
                flights -> ledger.flights;
                ledger.lines -> lines;
                lines   = streamweave::postgres::write(*database, "ledger", COLUMNS, |line, values| {
                    values.push(line.row).push(&line.tailnum).push(line.flights).push(line.total_delay);
                })
                .prepared_by(
                    "CREATE TABLE IF NOT EXISTS ledger \
                     (row bigint PRIMARY KEY, tailnum text, flights bigint, total_delay bigint)",
                )
                .emptied();
            };
            supervise(graph.checkpoints(checkpoints).spawn()).await
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => return misused(USAGE, error),
    };
    ledger(arguments).await.map_or_else(|error| failed("ledger", error), |()| ExitCode::SUCCESS)
}

fn arguments() -> Result<Arguments, String> {
    let mut given = streamweave_examples::Arguments::of_process()?;
    let mut needed = |name: &str| given.flag(name)?.ok_or_else(|| format!("{name} is missing"));
    let (flights, state) = (needed("--flights")?, needed("--state")?);
    let lines = lines(given.flag("--out")?, given.flag("--postgres")?)?;
    let interval = given.number("--interval-ms", 20_u32)?.millis();
    let rows_per_second = given.number("--rows-per-second", u32::MAX)?;
    given.done()?;
    if rows_per_second == 0 {
        return Err("--rows-per-second: expected at least 1, found 0".to_owned());
    }
    Ok(Arguments { flights, lines, state, interval, rows_per_second })
}

fn lines(out: Option<String>, postgres: Option<String>) -> Result<Lines, String> {
    match (out, postgres) {
        (Some(out), None) => Ok(Lines::File(out)),
        (None, Some(url)) => table(&url),
        (None, None) => Err("--out is missing, or --postgres".to_owned()),
        (Some(_), Some(_)) => Err("--out and --postgres: expected one of them, found both".to_owned()),
    }
}

#[cfg(feature = "postgres")]
fn table(url: &str) -> Result<Lines, String> {
    url.parse().map(|config| Lines::Table(Box::new(config))).map_err(|error| format!("--postgres: {error}"))
}

#[cfg(not(feature = "postgres"))]
fn table(_url: &str) -> Result<Lines, String> {
    Err("--postgres: this program was built without the feature `postgres`: \
         build it by `cargo build --release -p streamweave-examples --features postgres --example ledger`"
        .to_owned())
}
