//! Calls to a service that is down at first, slow at times, and never answers for one airport: each
//! call has a timeout, and is made again after a pause.
//!
//! The service is simulated under a clock that is moved by hand, so that a minute of waiting passes at
//! once, and the same way in every run. Under `Graph::run` it would be the clock on the wall.

use std::process::ExitCode;

use serde::Deserialize;
use streamweave::csv;
use streamweave::prelude::*;
use streamweave::testing;
use streamweave::time::{Clock, ManualClock};
use streamweave_examples::{data, failed};

#[derive(Deserialize)]
struct Flight {
    dest: String,
}

/// Why the service gave no forecast.
#[derive(Clone, Debug, PartialEq)]
struct Unavailable;

/// Asks the service: it comes up after three seconds, takes the longer the later in the alphabet the airport
/// is, and loses every call for Honolulu.
#[node(
    in_flight = 8,
    timeout = 2.secs(),
    retry = Retry::times(4).backoff(500.millis()).factor(2).at_most(5.secs()).jitter(1),
    keep_input
)]
async fn forecast(airport: String, #[param] mut clock: ManualClock) -> Result<String, Unavailable> {
    if clock.now().micros() < 3.secs().micros() {
        return Err(Unavailable);
    }
    let initial = i64::from(airport.as_bytes()[0] - b'A');
    clock.sleep(if airport == "HNL" { 1.days() } else { (50 * initial).millis() }).await;
    Ok(format!("{airport}: fair"))
}

async fn forecasts() -> Result<(), streamweave::Error> {
    let result = graph! {
        flights = csv::read::<Flight>(data("flights-2013-01.csv"));
        flights -> map(|flight| flight.dest) -> distinct() -> airports;
        flights.err -> for_each(|bad| eprintln!("{bad}"));
        airports = collect();
    }
    .run()
    .await?;
    let airports = result.airports;

    let mut clock = ManualClock::new();
    let asked = graph! {
        airports = from_iter(airports.clone());
        forecast = forecast(clock.clone());
        airports -> forecast -> forecasts;
        forecast.err -> unknown;
        forecasts = collect();
        unknown   = collect();
    };
    let result = testing::run(asked, clock.clone(), 0)?;

    let seconds = clock.now().micros() / 1_000_000;
    println!("{} forecasts after {seconds} s", result.forecasts.len());
    for Failed { input: airport, error } in &result.unknown {
        println!("{airport}: {error}");
    }
    // In the order of the airports, each exactly once.
    let answered = airports.iter().filter(|airport| *airport != "HNL");
    assert_eq!(result.forecasts, Vec::from_iter(answered.map(|airport| format!("{airport}: fair"))));
    let unknown = result.unknown.iter().map(|failed| (&*failed.input, failed.error.attempts()));
    assert_eq!(Vec::from_iter(unknown), [("HNL", 5)]);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    forecasts().await.map_or_else(|error| failed("retry", error), |()| ExitCode::SUCCESS)
}
