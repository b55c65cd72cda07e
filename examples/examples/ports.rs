//! Nodes with several ports: a function with several outputs, an enum whose variants are routes, and a
//! struct with state and two named inputs. The flights of January 2013, and which of the late ones from
//! far away was the latest, by the full name of its airline.

use std::collections::HashMap;

use serde::Deserialize;
use streamweave::csv;
use streamweave::prelude::*;
use streamweave_examples::{data, known};

#[derive(Deserialize)]
struct Flight {
    carrier: String,
    dest: String,
    /// In miles.
    distance: u32,
    /// In minutes; `None` where the flight was cancelled.
    #[serde(deserialize_with = "known")]
    dep_delay: Option<i32>,
}

struct Late {
    flight: Flight,
    minutes: i32,
}

/// Several outputs: a port for each `&mut Out`, called like the parameter. A row may go to one, to
/// several, or to none.
#[node]
fn depart(flight: Flight, on_time: &mut Out<Flight>, late: &mut Out<Late>, cancelled: &mut Out<Flight>) {
    match flight.dep_delay {
        None => cancelled.send(flight),
        Some(minutes) if minutes > 15 => late.send(Late { flight, minutes }),
        Some(_) => on_time.send(flight),
    }
}

/// Routes: each variant is a port, and carries what is in it.
#[derive(Ports)]
enum Haul {
    Short(Late),
    Long(Late),
}

#[node]
fn haul(late: Late) -> Haul {
    if late.flight.distance < 1_000 { Haul::Short(late) } else { Haul::Long(late) }
}

/// Two inputs and state: puts the airline's name in the place of its code. Which input comes first is not
/// known, so a flight waits here until the name of its airline is.
#[derive(Default)]
struct Naming {
    names: HashMap<String, String>,
    waiting: HashMap<String, Vec<Late>>,
}

type Named = (i32, String, String);

fn named(name: &str, late: Late) -> Named {
    (late.minutes, name.to_owned(), late.flight.dest)
}

#[node]
impl Naming {
    fn new() -> Self {
        Naming::default()
    }

    fn on_carriers(&mut self, (code, name): (&'static str, &'static str), out: &mut Out<Named>) {
        for late in self.waiting.remove(code).into_iter().flatten() {
            out.send(named(name, late));
        }
        self.names.insert(code.to_owned(), name.to_owned());
    }

    fn on_flights(&mut self, late: Late, out: &mut Out<Named>) {
        match self.names.get(&late.flight.carrier) {
            Some(name) => out.send(named(name, late)),
            None => self.waiting.entry(late.flight.carrier.clone()).or_default().push(late),
        }
    }
}

const CARRIERS: [(&str, &str); 10] = [
    ("AA", "American"),
    ("AS", "Alaska"),
    ("B6", "JetBlue"),
    ("DL", "Delta"),
    ("EV", "ExpressJet"),
    ("F9", "Frontier"),
    ("HA", "Hawaiian"),
    ("UA", "United"),
    ("US", "US Airways"),
    ("VX", "Virgin America"),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), streamweave::Error> {
    let result = graph! {
        flights  = csv::read::<Flight>(data("flights-2013-01.csv"));
        carriers = from_iter(CARRIERS);
        departed = depart();
        naming   = Naming();

        flights -> departed;
        departed.late -> haul -> {
            Short => running_count() -> short,
            Long => naming.flights,
        };
        carriers -> naming.carriers;
        naming -> running_max() -> latest;

        departed.on_time -> running_count() -> on_time;
        departed.cancelled -> running_count() -> cancelled;
        flights.err -> discard;

        on_time = last();
        cancelled = last();
        short = last();
        latest = last();
    }
    .run()
    .await?;
    // No row was lost, at any node or along any arrow.
    result.assert_conserved();

    let on = |port| result.report().node("departed").map_or(0, |departed| departed.emitted_on(port));
    println!("on time {}, late {}, cancelled {}", on("on_time"), on("late"), on("cancelled"));
    assert_eq!((result.on_time, result.cancelled), (Some(21_565), Some(521)));
    assert_eq!(on("late"), 4_918);
    assert_eq!(result.short, Some(3_040));

    let (minutes, name, dest) = result.latest.expect("a flight was late");
    println!("latest of those that go far: {name} to {dest}, {minutes} minutes");
    assert_eq!((minutes, &*name, &*dest), (1_301, "Hawaiian", "HNL"));
    Ok(())
}
