//! A graph as a node: one graph with a name, ports and a type parameter, placed twice in another graph,
//! once by airport and once by route. What both count is checked against each other and against the file.

use std::hash::Hash;

use serde::Deserialize;
use streamweave::csv;
use streamweave::prelude::*;
use streamweave_examples::{data, known};

#[derive(Clone, Deserialize)]
struct Flight {
    year: i32,
    month: u32,
    day: u32,
    /// As `hhmm`.
    sched_dep_time: u32,
    #[serde(deserialize_with = "known")]
    dep_delay: Option<i32>,
    origin: String,
    dest: String,
}

impl Flight {
    fn scheduled(&self) -> Option<EventTime> {
        let hhmm = self.sched_dep_time;
        EventTime::utc(self.year, self.month, self.day, hhmm / 100, hhmm % 100)
    }
}

/// What a key comes to in a window.
#[derive(Clone, Debug, PartialEq)]
struct Day<K> {
    key: K,
    start: EventTime,
    flights: u64,
}

graph! {
    /// Counts keys in windows of this length; what comes after its window is closed goes to `late`.
    graph counted<K: Clone + Eq + Hash>(keys: Timed<K>; length: TimeDelta) -> (counts: Timed<Day<K>>, late: K) {
        windows = tumbling(length).aggregate(Count::new);
        keys -> key_by(|key: &K| key.clone()) -> windows;
        windows -> map(|pane| Day { key: pane.key, start: pane.value.window.start, flights: pane.value.value })
            -> counts;
        windows.late -> map(|late| late.row.key) -> late;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), streamweave::Error> {
    let result = graph! {
        flights  = csv::read::<Flight>(data("flights-2013-01.csv"));
        left     = filter(|flight: &Flight| flight.dep_delay.is_some());
        timed    = event_time(|flight| flight.scheduled().ok_or("no such day"), bounded(2.hours()));
        airports = counted(1.days());
        routes   = counted(1.days());

        flights -> left -> timed;
        timed -> map(|flight| flight.origin) -> airports;
        timed -> map(|flight| (flight.origin, flight.dest)) -> routes;

        airports.counts -> by_airport;
        routes.counts -> by_route;
        airports.late -> late_by_airport;
        routes.late -> running_count() -> late_by_route;

        timed.err -> discard;
        flights.err -> discard;

        by_airport = collect();
        by_route = collect();
        late_by_airport = collect();
        late_by_route = last();
    }
    .run()
    .await?;
    result.assert_conserved();

    for day in &result.by_airport[..3] {
        println!("{} {}: {} flights", day.start, day.key, day.flights);
    }
    let on_time: u64 = result.by_airport.iter().map(|day| day.flights).sum();
    let on_time_by_route: u64 = result.by_route.iter().map(|day| day.flights).sum();
    let late = result.late_by_airport.len() as u64;
    println!("{on_time} in {} days of airports, {late} late", result.by_airport.len());
    println!("{} days of routes", result.by_route.len());

    // Both count the same flights: all that left.
    assert_eq!(on_time, on_time_by_route);
    assert_eq!(Some(late), result.late_by_route);
    assert_eq!(on_time + late, 27_004 - 521);

    // The books of a graph inside a node stand under that node.
    let airports = result.report().node("airports").expect("it is a node");
    let windows = airports.inside.iter().find(|node| node.name == "windows").expect("it is in there");
    println!("inside `airports`: `windows` took {}, {} late", windows.absorbed, windows.late);
    assert_eq!((windows.absorbed, windows.late), (on_time, late));
    Ok(())
}
