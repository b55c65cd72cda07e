//! A graph with a name, driven by hand: rows go into its inputs, results come out of its outputs, and
//! the graph says meanwhile how far it has come. For programs that own the loop: a server, a game, a REPL.

use std::error::Error;

use streamweave::prelude::*;

graph! {
    /// Departures by airport and hour.
    graph departures(flights: Timed<&'static str>) -> (hours: Timed<(&'static str, u64)>, late: &'static str) {
        hourly = tumbling(1.hours()).by_key().aggregate(Count::new);
        flights -> key_by(|origin: &&'static str| *origin) -> hourly;
        hourly -> map(|pane| (pane.key, pane.value.value)) -> hours;
        hourly.late -> map(|late| late.row.value) -> late;
    }
}

/// January 1st, 2013.
fn at(hour: u32, minute: u32) -> EventTime {
    EventTime::utc(2013, 1, 1, hour, minute).expect("there is such a day")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // The graph, a sender for each input, a receiver for each output. Each port holds 1,024 messages: a
    // full input makes its sender wait, and outputs that nobody reads make the graph wait.
    let (graph, inputs, mut outputs) = departures::open();
    let running = graph.spawn();

    // The first flights of the day, by schedule. A clone of the sender would do, too.
    for (origin, hour, minute) in
        [("EWR", 5, 15), ("LGA", 5, 29), ("JFK", 5, 40), ("JFK", 5, 45), ("LGA", 6, 0)]
    {
        inputs.flights.send_at(origin, at(hour, minute)).await?;
    }

    // Rows alone move no frontier: at five a window might still get another row. This promises that none
    // comes before six, and so the window from five to six fires.
    inputs.flights.advance_to(at(6, 0)).await?;
    for expected in [("EWR", 1), ("JFK", 2), ("LGA", 1)] {
        let fired = outputs.hours.update().await.expect("it fires");
        println!("{}: {:?}", fired.time, fired.data);
        assert_eq!(fired.data, expected);
    }

    // Behind the frontier a row is late.
    inputs.flights.send_at("EWR", at(5, 58)).await?;
    let late = outputs.late.recv().await;
    println!("late: {late:?}");
    assert_eq!(late, Some("EWR"));

    // What each node is doing, answered between two batches; it costs nothing where nobody asks.
    let explanation = running.explain().await.ok_or("it has ended")?;
    print!("{explanation}");
    let hours = explanation.node("hours").ok_or("it is a node")?;
    assert_eq!(hours.entered.to_string(), "2013-01-01T06:00:00Z");

    // The end of the input closes every window, and then the outputs.
    inputs.flights.close();
    assert_eq!(outputs.hours.update().await.map(|fired| fired.data), Some(("LGA", 1)));
    assert!(outputs.hours.update().await.is_none());
    assert!(outputs.hours.frontier().is_end());

    let report = running.await?;
    report.conserved()?;
    println!(
        "{} rows in, {} late",
        report.node("flights").map_or(0, |node| node.emitted_on("out")),
        report.node("hourly").map_or(0, |node| node.late)
    );
    Ok(())
}
