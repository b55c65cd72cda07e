//! The departure board of three airports: one-hour windows over a month of real flights, which
//! come in the order in which they left and not in the order in which they should have.
//!
//! `flight_board [--flights FILE] [--lateness MINUTES]`: the board goes to stdout as CSV, the
//! totals to stderr. `--lateness` is how far the watermark stays behind the newest flight.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use streamweave::csv;
use streamweave::prelude::*;
use streamweave_examples::{Arguments, Progress, ctrl_c, data, failed, known, rows_expected};

/// A flight, as far as the board needs to know it.
#[derive(Deserialize)]
#[serde(try_from = "Columns")]
struct Flight {
    /// Scheduled departure, taken as UTC.
    scheduled: EventTime,
    origin: String,
    cancelled: bool,
    /// In minutes; `None` where the flight did not depart.
    delay: Option<i32>,
}

/// The columns of the file; times are hours and minutes as `hhmm`.
#[derive(Deserialize)]
struct Columns {
    year: i32,
    month: u32,
    day: u32,
    #[serde(deserialize_with = "known")]
    dep_time: Option<u32>,
    sched_dep_time: u32,
    #[serde(deserialize_with = "known")]
    dep_delay: Option<i32>,
    origin: String,
}

impl TryFrom<Columns> for Flight {
    type Error = String;

    fn try_from(columns: Columns) -> Result<Self, String> {
        let Columns { year, month, day, dep_time, sched_dep_time: hhmm, dep_delay, origin } = columns;
        let scheduled = EventTime::utc(year, month, day, hhmm / 100, hhmm % 100)
            .ok_or_else(|| format!("there is no {year}-{month}-{day} {hhmm}"))?;
        // A departure at midnight stands in this data as 2400.
        if let Some(left) = dep_time.filter(|hhmm| hhmm % 100 > 59 || *hhmm > 2400) {
            return Err(format!("dep_time: expected hhmm, found {left}"));
        }
        Ok(Flight { scheduled, origin, cancelled: dep_time.is_none(), delay: dep_delay })
    }
}

/// What the flights of one airport in one hour come to.
#[derive(Clone, Default)]
struct Delays {
    flights: u64,
    cancelled: u64,
    delayed: u64,
    departed: u64,
    total: i64,
    max: Option<i32>,
}

impl Aggregate<Flight> for Delays {
    type Output = Delays;

    fn add(&mut self, flight: Flight) {
        self.flights += 1;
        self.cancelled += u64::from(flight.cancelled);
        if let Some(delay) = flight.delay {
            self.delayed += u64::from(delay > 15);
            self.departed += 1;
            self.total += i64::from(delay);
            self.max = self.max.max(Some(delay));
        }
    }

    fn output(&self) -> Delays {
        self.clone()
    }
}

/// A line of the board.
#[derive(Serialize)]
struct Row {
    window_start: EventTime,
    origin: String,
    flights: u64,
    cancelled: u64,
    delayed: u64,
    mean_delay: Option<String>,
    max_delay: Option<i32>,
}

const HEADER: [&str; 7] =
    ["window_start", "origin", "flights", "cancelled", "delayed", "mean_delay", "max_delay"];

#[node]
fn row(hour: Keyed<String, Pane<Delays>>) -> Row {
    let Pane { window, value, .. } = hour.value;
    let Delays { flights, cancelled, delayed, departed, total, max } = value;
    let mean_delay = (departed > 0).then(|| format!("{:.2}", total as f64 / departed as f64));
    Row {
        window_start: window.start,
        origin: hour.key,
        flights,
        cancelled,
        delayed,
        mean_delay,
        max_delay: max,
    }
}

/// Makes the board; gives the line of totals.
async fn board(path: &str, lateness: TimeDelta, batch: usize) -> Result<String, streamweave::Error> {
    let progress = Progress::new("flights", rows_expected(path, 92));
    let mut seen = 0;

    let result = graph! {
        flights = csv::read::<Flight>(path);
        hourly  = tumbling(1.hours()).by_key().aggregate(Delays::default);

        flights -> inspect(|_| progress.row(&mut seen)) -> event_time(|f| f.scheduled, bounded(lateness))
            -> key_by(|f| f.origin.clone()) -> hourly -> row -> board;
        hourly.late -> running_count() -> late;
        flights.err -> inspect(|bad| eprintln!("{bad}")) -> running_count() -> malformed;

        board = csv::write(stdout()).header(HEADER);
        late = last();
        malformed = last();
    }
    .batch(batch)
    .run_until(ctrl_c())
    .await?;

    let on_time = result.report().node("hourly").map_or(0, |hourly| hourly.absorbed);
    let (late, malformed) = (result.late.unwrap_or(0), result.malformed.unwrap_or(0));
    let rows = on_time + late + malformed;
    Ok(format!("rows={rows} late={late} malformed={malformed} windows={}", result.board))
}

fn arguments() -> Result<(String, u32, usize), String> {
    let mut arguments = Arguments::of_process()?;
    let path = arguments.flag("--flights")?;
    let lateness = arguments.number("--lateness", 120)?;
    // For trying out that results do not depend on it.
    let batch = arguments.number("--batch", 1024)?;
    arguments.done()?;
    Ok((path.unwrap_or_else(|| data("flights-2013-01.csv").display().to_string()), lateness, batch))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (path, lateness, batch) = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => return failed("flight_board [--flights FILE] [--lateness MINUTES]", error),
    };
    match board(&path, lateness.minutes(), batch).await {
        Ok(totals) => {
            eprintln!("{totals}");
            ExitCode::SUCCESS
        }
        Err(error) => failed("flight_board", error),
    }
}
