//! Fan-out, fan-in, a diamond, the ports `err` and `late`; the statements stand in any order.

#[path = "../block_on.rs"]
mod block_on;

use streamweave::prelude::*;

#[node]
fn parse(line: &str) -> Result<i64, std::num::ParseIntError> {
    line.parse()
}

async fn run() -> Result<(), streamweave::Error> {
    let result = graph! {
        // The sinks first, the source last.
        all = collect();
        counts = collect();
        bad = collect();
        late = last();

        [odd, even, parsed] -> all;
        parsed -> odd;
        parsed -> filter(|n| n % 2 == 0) -> even;
        even = map(|n| n * 10);
        odd = filter(|n: &i64| n % 2 == 1);

        lines -> parsed;
        parsed.err -> map(|failed| failed.input) -> bad;

        parsed -> event_time(|n| EventTime::from_secs(*n), bounded(1.secs()))
            -> key_by(|n| n % 2) -> per_minute -> map(|pane| pane.value.value) -> counts;
        per_minute.late -> late;
        per_minute = tumbling(1.minutes()).offset(5.secs()).aggregate(Count::new);

        parsed = parse();
        lines = from_iter(["1", "2", "three", "61", "4"]);
    }
    .run()
    .await?;
    result.assert_conserved();
    assert_eq!(result.bad, ["three"]);
    Ok(())
}

fn main() {
    block_on::block_on(run());
}
