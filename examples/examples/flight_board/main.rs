//! The departure board of three airports: one-hour windows over a month of real flights, which
//! come in the order in which they left and not in the order in which they should have.
//!
//! `flight_board [--flights FILE] [--lateness MINUTES] [--weather FILE] [--allowed-lateness MINUTES]`: the board goes to
//! stdout as CSV, the totals to stderr. `--lateness` is how far the watermark stays behind the newest flight.
//!
//! - `--weather` adds the means of `wind_speed` and `visib`, as the latest report of the airport at or before each
//!   flight's scheduled departure has them.
//! - `--allowed-lateness` lets an hour be corrected for so long after it has fired. The first column then says `+`
//!   for what holds and `-` for what holds no longer.

mod rows;

use std::process::ExitCode;

use streamweave::csv;
use streamweave::prelude::*;
use streamweave_examples::{Progress, ctrl_c, data, failed, rows_expected};

use rows::{Delays, Flight, Report, Shown, row};

/// The reports of a file, or none.
async fn reports(path: Option<&str>) -> Result<Vec<Report>, streamweave::Error> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let result = graph! {
        reports = csv::read::<Report>(path);
        reports -> all;
        reports.err -> for_each(|bad| eprintln!("{bad}"));
        all = collect();
    };
    Ok(result.run().await?.all)
}

/// What is asked for.
struct Arguments {
    flights: String,
    lateness: u32,
    weather: Option<String>,
    allowed_lateness: Option<u32>,
    /// For trying out that results do not depend on it.
    batch: usize,
}

/// Makes the board; gives the line of totals.
async fn board(arguments: &Arguments) -> Result<String, streamweave::Error> {
    let Arguments { flights: path, lateness, weather, allowed_lateness, batch } = arguments;
    let shown = Shown { op: allowed_lateness.is_some(), weather: weather.is_some() };
    let reports = reports(weather.as_deref()).await?;
    let progress = Progress::new("flights", rows_expected(path, 92));
    let (mut seen, mut windows) = (0, 0);

    let result = graph! {
        flights  = csv::read::<Flight>(path);
        reports  = from_iter(reports);
        weather  = as_of().left_outer().table_first();
        hourly   = tumbling(1.hours()).by_key()
            .allowed_lateness(allowed_lateness.unwrap_or(0).minutes()).retracting()
            .aggregate(Delays::default);

        flights -> inspect(|_| progress.row(&mut seen)) -> event_time(|f| f.scheduled, bounded(lateness.minutes()))
            -> key_by(|f| f.origin.clone()) -> weather.left;
        reports -> event_time(|r| r.made, ascending()) -> key_by(|r| r.origin.clone()) -> weather.right;
        weather -> hourly -> to_log() -> inspect(|change| windows += change.diff) -> row(shown) -> board;
        hourly.late -> running_count() -> late;
        flights.err -> inspect(|bad| eprintln!("{bad}")) -> running_count() -> malformed;

        board = csv::write(stdout()).header(shown.header().iter().copied());
        late = last();
        malformed = last();
    }
    .batch(*batch)
    .run_until(ctrl_c())
    .await?;

    let on_time = result.report().node("hourly").map_or(0, |hourly| hourly.absorbed);
    let (late, malformed) = (result.late.unwrap_or(0), result.malformed.unwrap_or(0));
    let rows = on_time + late + malformed;
    Ok(format!("rows={rows} late={late} malformed={malformed} windows={windows}"))
}

fn arguments() -> Result<Arguments, String> {
    let mut arguments = streamweave_examples::Arguments::of_process()?;
    let flights = arguments.flag("--flights")?;
    let lateness = arguments.number("--lateness", 120)?;
    let weather = arguments.flag("--weather")?;
    let allowed_lateness = arguments.optional("--allowed-lateness")?;
    let batch = arguments.number("--batch", 1024)?;
    arguments.done()?;
    let flights = flights.unwrap_or_else(|| data("flights-2013-01.csv").display().to_string());
    Ok(Arguments { flights, lateness, weather, allowed_lateness, batch })
}

const USAGE: &str =
    "flight_board [--flights FILE] [--lateness MINUTES] [--weather FILE] [--allowed-lateness MINUTES]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => return failed(USAGE, error),
    };
    match board(&arguments).await {
        Ok(totals) => {
            eprintln!("{totals}");
            ExitCode::SUCCESS
        }
        Err(error) => failed("flight_board", error),
    }
}
