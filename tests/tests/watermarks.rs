//! Rules A1, A3, A10 and A12: strategies by which a stream advances, and rows that must not advance it.

use streamweave::envelope::Timed;
use streamweave::operator::MissingTime;
use streamweave::prelude::*;
use streamweave::time::{Clock, Frontier, Watermark};
use streamweave_tests::random::Random;
use streamweave_tests::record::{Log, Seen, record, take};
use streamweave_tests::{BATCHES, finish};

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

fn time(row: &i64) -> EventTime {
    at(*row)
}

/// What goes through a graph of these rows and this watermark, the same at every batch size (rule Z1).
fn seen<W: Watermark<i64>>(rows: &[i64], watermark: impl Fn() -> W) -> Vec<Seen<i64, EventTime>> {
    let play = |batch| {
        let log = Log::default();
        finish(
            graph! {
                rows = from_iter(rows.to_vec());
                rows -> event_time(time, watermark()) -> record(&log);
            }
            .batch(batch)
            .run(),
        )
        .assert_conserved();
        take(&log)
    };
    let first = play(BATCHES[0]);
    for batch in BATCHES {
        assert_eq!(play(batch), first, "batch {batch}");
    }
    first
}

/// Rows, each followed by the frontier that `frontier` says there is after it, where that has moved.
fn expected(rows: &[i64], mut frontier: impl FnMut(&[i64]) -> Option<i64>) -> Vec<Seen<i64, EventTime>> {
    let (mut expected, mut last) = (Vec::new(), i64::MIN);
    for (number, row) in rows.iter().enumerate() {
        expected.push(Seen::Row(*row, at(*row)));
        if let Some(next) = frontier(&rows[..=number]).filter(|next| *next > last) {
            last = next;
            expected.push(Seen::Frontier(at(next)));
        }
    }
    expected.push(Seen::End);
    expected
}

fn scripts() -> impl Iterator<Item = Vec<i64>> {
    (0..40).map(|seed| {
        let mut random = Random::new(seed);
        let drift = random.between(0, 9);
        (0..random.between(1, 90)).map(|n| n * drift / 3 + random.between(-40, 40)).collect()
    })
}

fn greatest(rows: &[i64]) -> Option<i64> {
    rows.iter().copied().max()
}

#[test]
fn a1_after_a_greatest_time_m_the_frontier_is_m_less_the_bound() {
    for rows in scripts() {
        for bound in [0, 1, 13] {
            let naive = expected(&rows, |rows| greatest(rows).map(|m| m - bound));
            assert_eq!(seen(&rows, || bounded(bound.micros())), naive);
        }
    }
}

#[test]
fn a1_times_that_ascend_need_no_bound_and_equal_ones_are_on_time() {
    let frontiers = expected(&[3, 3, 5, 4, 5], greatest);
    assert_eq!(seen(&[3, 3, 5, 4, 5], ascending), frontiers);
    assert!(!Frontier::at(at(5)).closes(&at(5)));
}

#[test]
fn a_frontier_in_steps_moves_when_the_greatest_time_crosses_a_multiple() {
    for rows in scripts() {
        for (bound, step) in [(0, 1), (0, 7), (5, 10), (30, 10)] {
            let naive = expected(&rows, |rows| greatest(rows).map(|m| m.div_euclid(step) * step - bound));
            assert_eq!(seen(&rows, || bounded(bound.micros()).every(step.micros())), naive);
        }
    }
}

#[test]
fn a_punctuated_stream_advances_by_its_marks_alone() {
    // Every seventh time is a mark: nothing before the multiple of ten below it is to come.
    let mark = |row: &i64| (row % 7 == 0).then(|| row.div_euclid(10) * 10);
    for rows in scripts() {
        let naive = expected(&rows, |rows| rows.iter().filter_map(mark).max());
        assert_eq!(seen(&rows, || punctuated(move |row: &i64| mark(row).map(at))), naive);
    }
}

#[test]
fn a3_the_frontier_is_the_least_of_the_partitions_and_a_new_one_does_not_regress() {
    let partition = |row: &i64| row.rem_euclid(3);
    let least = |rows: &[i64], partitions: usize| {
        let heard = (0..3).filter_map(|number| {
            greatest(&rows.iter().copied().filter(|row| partition(row) == number).collect::<Vec<_>>())
        });
        let heard: Vec<i64> = heard.map(|m| m - 4).collect();
        heard.iter().copied().min().filter(|_| heard.len() >= partitions)
    };
    for rows in scripts() {
        let naive = expected(&rows, |rows| least(rows, 0));
        assert_eq!(seen(&rows, || partitioned(partition, || bounded(4.micros()))), naive);
        let naive = expected(&rows, |rows| least(rows, 3));
        assert_eq!(seen(&rows, || partitioned(partition, || bounded(4.micros())).expecting(3)), naive);
    }
}

#[test]
fn a12_the_ends_of_time_neither_overflow_nor_panic_in_any_strategy() {
    let rows = [i64::MIN, i64::MAX, i64::MIN + 1, -1, 0, i64::MAX - 1];
    let day = 1.days();
    let last = |seen: Vec<Seen<i64, EventTime>>| {
        let last = seen.iter().rev().find_map(|seen| match seen {
            Seen::Frontier(time) => Some(*time),
            Seen::Row(..) | Seen::Idle(_) | Seen::End => None,
        });
        last.expect("it moved")
    };
    let floor = at(i64::MAX / day.micros() * day.micros());
    assert_eq!(last(seen(&rows, ascending)), EventTime::MAX);
    assert_eq!(last(seen(&rows, || bounded(day).every(day))), floor - day);
    assert_eq!(last(seen(&rows, || punctuated(|row: &i64| Some(at(*row))))), EventTime::MAX);
    assert_eq!(last(seen(&rows, || partitioned(|_: &i64| (), || bounded(day)))), EventTime::MAX - day);
    assert_eq!(
        last(seen(&rows, || ascending().idle_after(TimeDelta::from_micros(i64::MAX)))),
        EventTime::MAX
    );
}

graph! {
    graph guarded(rows: i64; skew: TimeDelta) -> (out: Timed<i64>, ahead: Ahead<i64>) {
        timed = event_time(time, bounded(0.micros())).ahead_at_most(skew);
        rows -> timed -> out;
        timed.future -> ahead;
    }
}

#[test]
fn a10_a_row_beyond_the_clock_and_the_skew_goes_to_future_and_does_not_move_the_frontier() {
    let mut graph = guarded::harness(5.micros());
    graph.advance(100.micros());
    for row in [90, 105, 106, i64::MAX, 104] {
        graph.inputs.rows.send(row);
    }
    graph.settle();
    assert_eq!(graph.outputs.out.take(), [90, 105, 104]);
    assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(105)));
    let now = graph.clock().now();
    let ahead = [106, i64::MAX].map(|row| Ahead { row, time: at(row), now });
    assert_eq!(graph.outputs.ahead.take(), ahead);
    // A microsecond later the first is no longer ahead.
    graph.advance(1.micros());
    graph.inputs.rows.send(106);
    let finished = graph.finish().expect("nothing fails");
    assert_eq!(graph.outputs.out.take(), [106]);
    finished.assert_conserved();
    let timed = finished.report().nodes().iter().find(|node| node.name == "timed").expect("it is there");
    assert_eq!(timed.emitted, [("out", 4), ("future", 2)]);
}

graph! {
    graph doubtful(rows: Option<i64>) -> (out: Timed<i64>, err: Option<MissingTime>, ahead: EventTime) {
        timed = event_time(|row: &Option<i64>| row.map(at), ascending()).ahead_at_most(0.micros());
        rows -> timed -> map(|row| row.expect("it has a time")) -> out;
        timed.err -> map(|failed| Some(failed.error)) -> err;
        timed.future -> map(|ahead| ahead.time) -> ahead;
    }
}

#[test]
fn a10_a12_a_row_without_a_time_and_one_ahead_of_the_clock_each_have_their_port() {
    let mut graph = doubtful::harness();
    graph.advance(10.micros());
    for row in [Some(10), None, Some(11), Some(i64::MIN)] {
        graph.inputs.rows.send(row);
    }
    graph.finish().expect("nothing fails").assert_conserved();
    assert_eq!(graph.outputs.out.take(), [10, i64::MIN]);
    assert_eq!(graph.outputs.err.take(), [Some(MissingTime)]);
    assert_eq!(graph.outputs.ahead.take(), [at(11)]);
}

graph! {
    graph quiet(rows: i64) -> (out: Timed<i64>, ahead: Ahead<i64>) {
        timed = event_time(time, ascending().idle_after(8.micros())).ahead_at_most(0.micros());
        rows -> timed -> out;
        timed.future -> ahead;
    }
}

#[test]
fn a10_a_row_ahead_of_the_clock_is_no_sign_of_life() {
    let mut graph = quiet::harness();
    graph.inputs.rows.send(0);
    graph.advance(6.micros());
    graph.inputs.rows.send(1_000);
    graph.advance(2.micros());
    assert_eq!(graph.outputs.out.take(), [0]);
    assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(0)).idle());
    graph.inputs.rows.send(7);
    graph.settle();
    assert_eq!(graph.outputs.out.take(), [7]);
    assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(7)));
}

graph! {
    graph arriving(rows: u32; every: TimeDelta) -> (out: Timed<u32>, counts: Timed<u64>) {
        stamped = arrival_time(every);
        rows -> stamped -> out;
        each = tumbling(10.micros()).aggregate(Count::new);
        stamped -> key_by(|_| ()) -> each -> map(|pane| pane.value.value) -> counts;
        each.late -> discard;
    }
}

#[test]
fn rows_are_stamped_with_the_clock_and_windows_fire_by_it() {
    let mut graph = arriving::harness(5.micros());
    let mut counts = Vec::new();
    for tick in 0..24 {
        graph.settle();
        // The frontier is the clock, rounded down, whether rows come or not.
        graph.outputs.out.take();
        assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(tick / 5 * 5)), "tick {tick}");
        if tick % 3 == 0 && tick < 15 {
            graph.inputs.rows.send(0);
            graph.settle();
            let times: Vec<_> = graph.outputs.out.updates().into_iter().map(|row| row.time).collect();
            assert_eq!(times, [at(tick)]);
        }
        counts.extend(graph.outputs.counts.take().into_iter().map(|count| (tick, count)));
        graph.advance(1.micros());
    }
    graph.inputs.rows.send(0);
    graph.finish().expect("nothing fails").assert_conserved();
    counts.extend(graph.outputs.counts.take().into_iter().map(|count| (24, count)));
    // At the end the window fires that is not over on the clock.
    assert_eq!(counts, [(10, 4), (20, 1), (24, 1)]);
    graph.outputs.out.take();
    assert!(graph.outputs.out.frontier().is_end());
}

#[test]
fn a_clock_that_jumps_advances_an_arrival_time_at_once() {
    let mut graph = arriving::harness(5.micros());
    graph.inputs.rows.send(0);
    graph.advance(1_003.micros());
    assert_eq!(graph.outputs.counts.take(), [1]);
    graph.outputs.out.take();
    assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(1_000)));
}

#[test]
fn an_arrival_time_without_a_step_is_refused() {
    let mut graph = arriving::harness(0.micros());
    let error = graph.try_settle().expect_err("it is refused").to_string();
    assert!(error.contains("the step of an arrival time must be above zero"), "{error}");
}
