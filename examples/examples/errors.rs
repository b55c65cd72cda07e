//! What becomes of rows that a node cannot take: five policies for the same mistakes in the same data,
//! which are the flights of January 2013 that never left and so have no delay.

use std::fmt;

use serde::{Deserialize, Serialize};
use streamweave::prelude::*;
use streamweave::sink::on_error::Verdict;
use streamweave::{Error, csv};
use streamweave_examples::{data, known};

#[derive(Debug, Deserialize, Serialize)]
struct Flight {
    carrier: String,
    flight: u32,
    #[serde(deserialize_with = "known")]
    dep_delay: Option<i32>,
}

#[derive(Debug)]
struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the flight was cancelled")
    }
}

impl std::error::Error for Cancelled {}

/// The delay in minutes. It borrows its input, so that `err` gives the flight back.
#[node]
fn delay(flight: &Flight) -> Result<i32, Cancelled> {
    flight.dep_delay.ok_or(Cancelled)
}

/// Drops them; the books count them, under `<node>.on_error`.
async fn skipped() -> Result<(), Error> {
    let result = graph! {
        flights = csv::read::<Flight>(data("flights-2013-01.csv"));
        #[on_error(skip)]
        delays = delay();
        flights -> delays -> running_count() -> left;
        flights.err -> discard;
        left = last();
    }
    .run()
    .await?;
    let skipped = result.report().node("delays.on_error").map_or(0, |node| node.absorbed);
    println!("skip: {skipped} skipped, {} left", result.left.unwrap_or(0));
    assert_eq!((skipped, result.left), (521, Some(26_483)));
    Ok(())
}

/// Ends the run at the first one, with an error that names the node, the input and the cause. As the
/// default of the graph it also stands for `flights.err`: no arrow starts there either.
async fn stopped() {
    let outcome = graph! {
        #![on_error = stop]
        flights = csv::read::<Flight>(data("flights-2013-01.csv"));
        flights -> delay -> running_count() -> left;
        left = last();
    }
    .run()
    .await;
    let Err(error @ Error::Rejected { node: "delay", .. }) = outcome else {
        panic!("expected the first flight that was cancelled")
    };
    println!("stop: {error}");
}

/// Asks a function: here, skips a hundred and stops at the next.
async fn decided() {
    let mut refused = 0;
    let outcome = graph! {
        flights = csv::read::<Flight>(data("flights-2013-01.csv"));
        #[on_error(custom(|_| {
            refused += 1;
            if refused > 100 { Verdict::Stop } else { Verdict::Skip }
        }))]
        delays = delay();
        flights -> delays -> running_count() -> left;
        flights.err -> discard;
        left = last();
    }
    .run()
    .await;
    println!("custom: {}", outcome.expect_err("more than a hundred were cancelled"));
}

/// Appends them to a file of JSON lines, from which they can be put right and read again.
async fn set_aside(letters: &std::path::Path) -> Result<(), Error> {
    let result = graph! {
        #![on_error = stop]
        flights = csv::read::<Flight>(data("flights-2013-01.csv"));
        #[on_error(dead_letter(letters))]
        delays = delay();
        flights -> delays -> running_count() -> left;
        left = last();
    }
    .run()
    .await?;
    result.assert_conserved();
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    skipped().await?;
    stopped().await;
    decided().await;

    let letters = std::env::temp_dir().join(format!("cancelled-{}.jsonl", std::process::id()));
    set_aside(&letters).await?;
    let written = std::fs::read_to_string(&letters).expect("the letters were written");
    println!(
        "dead_letter: {} letters; the first: {}",
        written.lines().count(),
        written.lines().next().unwrap_or("")
    );
    assert_eq!(written.lines().count(), 521);
    std::fs::remove_file(&letters).expect("they stand there");
    Ok(())
}
