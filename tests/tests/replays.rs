//! A stretch of a stream once more: windows inside it come out as they did before, late rows included; a log keeps what
//! it was asked to, and refuses what it cannot give.

use std::ops::Range;
use std::sync::Arc;

use streamweave::Error;
use streamweave::prelude::*;
use streamweave::state::{EventLog, NotInLog};
use streamweave_tests::input::INPUTS;
use streamweave_tests::random::Random;
use streamweave_tests::{BATCHES, finish};

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

/// A row is a key, and its time.
type Row = (u64, i64);

type Counted = (Window, u64, u64);

graph! {
    /// Counts by windows of ten; and the rows that were late.
    graph tens(rows: Timed<Row>) -> (counts: Timed<Counted>, late: Late<Keyed<u64, Row>>) {
        counted = tumbling(10.micros()).aggregate(Count::new);
        rows -> key_by(|row| row.0) -> counted;
        counted -> map(|pane| (pane.value.window, pane.key, pane.value.value)) -> counts;
        counted.late -> late;
    }
}

fn inputs() -> impl Iterator<Item = Vec<Row>> {
    (0..40).map(|seed| {
        let mut random = Random::new(seed);
        let input = random.pick(&INPUTS);
        input.rows(&mut random).into_iter().map(|row| (row.value % 4, row.time)).collect()
    })
}

#[test]
fn windows_in_a_range_come_out_as_they_did_and_late_rows_too() {
    for rows in inputs() {
        let log = EventLog::new(1.hours());
        let first = finish(
            graph! {
                rows = from_iter(rows.clone());
                counted = tens();
                rows -> event_time(|row: &Row| at(row.1), bounded(7.micros())) -> keep(&log) -> counted;
                counted.counts -> counts;
                counted.late -> late;
                counts = collect();
                late = collect();
            }
            .batch(7)
            .run(),
        );
        for (from, to) in [(-100, 2_000), (0, 50), (-20, 30), (40, 40), (60, 20)] {
            let range = at(from)..at(to);
            let counts: Vec<_> =
                first.counts.iter().filter(|counted| range.contains(&counted.0.start)).copied().collect();
            let late: Vec<_> = first.late.iter().filter(|late| range.contains(&late.time)).copied().collect();
            for batch in BATCHES {
                let again = finish(
                    graph! {
                        rows = replay(&log, range.clone());
                        counted = tens();
                        rows -> counted;
                        counted.counts -> counts;
                        counted.late -> late;
                        counts = collect();
                        late = collect();
                    }
                    .batch(batch)
                    .run(),
                );
                again.assert_conserved();
                assert_eq!(again.counts, counts);
                assert_eq!(again.late, late);
            }
        }
    }
}

graph! {
    graph kept<D: Clone + 'static>(rows: Timed<D>; log: EventLog<D>) -> (out: Timed<D>) {
        passed = keep(&log);
        rows -> passed -> out;
    }
}

fn refused(log: &EventLog<i64>, times: Range<EventTime>) -> Option<NotInLog> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let run = graph! {
        again = replay(log, times);
        again -> discard;
    };
    match runtime.block_on(run.run()) {
        Ok(_) => None,
        Err(Error::Invalid { node: "again", cause }) => cause.downcast_ref().cloned(),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_log_refuses_what_it_may_have_dropped_and_what_may_still_come() {
    let log = EventLog::new(10.micros());
    let mut harness = kept::harness(log.clone());
    assert!(matches!(refused(&log, at(0)..at(1)), Some(NotInLog::Open { .. })), "nothing has come yet");
    harness.inputs.rows.send_at(1, at(30));
    harness.inputs.rows.advance_to(at(30));
    harness.settle();
    assert_eq!(refused(&log, at(20)..at(30)), None);
    let dropped = refused(&log, at(19)..at(30)).expect("19 may have been dropped");
    assert_eq!(dropped.to_string(), "the log is complete from 1970-01-01T00:00:00.000020Z on only");
    let open = refused(&log, at(20)..at(31)).expect("more may come at 30");
    assert_eq!(open.to_string(), "the stream of the log has come to 1970-01-01T00:00:00.000030Z only");
    harness.finish().expect("nothing fails").assert_conserved();
    assert_eq!(refused(&log, at(20)..at(1_000)), None, "the stream has ended");
}

#[test]
fn a_log_drops_what_is_too_old_though_a_row_of_the_far_future_came_first() {
    let (log, value) = (EventLog::new(10.micros()), Arc::new(()));
    let mut harness = kept::harness(log.clone());
    harness.inputs.rows.send_at(Arc::clone(&value), at(1_000_000));
    for time in 0..3_000 {
        harness.inputs.rows.send_at(Arc::clone(&value), at(time));
        harness.inputs.rows.advance_to(at(time));
        if time % 16 == 0 {
            harness.settle();
            harness.outputs.out.take();
            assert!(Arc::strong_count(&value) < 100, "{} are kept", Arc::strong_count(&value));
        }
    }
    harness.settle();
    let kept = log.range(&(log.complete_from()..at(2_999))).expect("it is there");
    let times = kept.into_iter().filter_map(|message| match message {
        streamweave::envelope::Message::Row(row) => Some(row.time),
        streamweave::envelope::Message::Frontier(_) => None,
    });
    assert!(times.eq((2_989..2_999).map(at)));
}
