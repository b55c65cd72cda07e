//! Rules Z: output does not depend on batches, and every row is accounted for.

use std::future::ready;

use streamweave::envelope::Update;
use streamweave::graph::Report;
use streamweave::operator::{Cx, Input, Node, Operator, Outcome, Resume};
use streamweave::port::{Edge, OnlyOut, Port, Push};
use streamweave::prelude::*;
use streamweave::time::Frontier;
use streamweave_tests::finish;
use streamweave_tests::input::INPUTS;
use streamweave_tests::random::Random;
use streamweave_tests::row::Row;

fn time(row: &Row) -> EventTime {
    EventTime::from_micros(row.time)
}

/// Everything that a run of a graph with late rows, errors and a diamond shows, as text.
fn shown(rows: &[Row], batch: usize) -> String {
    let result = finish(
        graph! {
            rows = from_iter(rows.to_vec());
            timed = event_time(|row: &Row| row.time_or_none(11), bounded(7.micros()));
            checked = try_map(|row: Row| row.attempt(9));
            fives = tumbling(5.micros()).fold(Vec::new, |values: &mut Vec<u64>, row: Row| values.push(row.value));
            twenties = tumbling(20.micros()).offset(3.micros()).aggregate(Count::new);
            long = map(|row: Row| row.step(4));
            short = filter(|row: &Row| row.keep(3, 1));
            rows -> timed -> checked;
            timed.err -> no_time;
            checked -> flat_map(|row| row.several(1)) -> long;
            checked -> short;
            [long, short] -> key_by(|row| row.key(4)) -> fives -> panes;
            checked.err -> map(|failed| failed.error) -> key_by(|row| row.key(2)) -> twenties -> failures;
            fives.late -> late;
            twenties.late -> also_late;
            checked -> running_fold(Row::new(0, 0), |state, row| *state = Row::new(state.value ^ row.value, row.time))
                -> running;
            no_time = collect();
            panes = collect();
            failures = collect();
            late = collect();
            also_late = collect();
            running = collect();
        }
        .batch(batch)
        .run(),
    );
    result.assert_conserved();
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{}",
        result.panes,
        result.late,
        result.failures,
        result.also_late,
        result.running,
        result.no_time,
        result.report()
    )
}

#[test]
fn z1_batch_sizes_1_7_and_1024_give_the_same_bytes_late_rows_included() {
    let mut late = false;
    for seed in 0..10 {
        for kind in INPUTS {
            let rows = kind.rows(&mut Random::new(seed));
            let expected = shown(&rows, 1);
            late |= expected.contains("Late {");
            for batch in [2, 7, 64, 1024] {
                assert_eq!(shown(&rows, batch), expected, "seed {seed}, {kind:?}, batch {batch}");
            }
        }
    }
    assert!(late, "no input had a late row");
}

#[test]
fn z1_one_channel_gives_what_one_iterator_gives_whenever_its_rows_come() {
    let rows = INPUTS[3].rows(&mut Random::new(5));
    let run = |pause: usize| {
        let (send, receive) = tokio::sync::mpsc::channel(pause);
        let result = finish(async {
            let sender = async {
                for row in rows.clone() {
                    send.send(row).await.expect("the graph takes rows");
                }
                drop(send);
            };
            let graph = graph! {
                rows = from_channel(receive);
                fives = tumbling(5.micros()).aggregate(Count::new);
                rows -> event_time(time, bounded(7.micros())) -> key_by(|row| row.key(3)) -> fives -> panes;
                fives.late -> late;
                panes = collect();
                late = collect();
            };
            futures::future::join(graph.batch(7).run(), sender).await.0
        });
        result.assert_conserved();
        assert!(!result.late.is_empty());
        format!("{:?}\n{:?}\n{}", result.panes, result.late, result.report())
    };
    assert_eq!(run(1), run(1_000));
    assert_eq!(run(3), run(1_000));
}

/// received, passed, filtered, absorbed, late.
type Fates = (u64, u64, u64, u64, u64);

fn fates(report: &Report, name: &str) -> Fates {
    let node = report.node(name).unwrap_or_else(|| panic!("no node {name} in\n{report}"));
    (node.received, node.passed, node.filtered, node.absorbed, node.late)
}

#[test]
fn z2_every_row_has_exactly_one_fate() {
    let result = finish(
        graph! {
            // Even rows pass the filter; 8 fails; 2 comes after its window; 6 makes no row, others two.
            rows = from_iter([4, 1, 8, 12, 2, 6, 3, 13, 22]);
            even = filter(|row: &i64| row % 2 == 0);
            checked = try_map(|row: i64| if row == 8 { Err("eight") } else { Ok(row) });
            timed = event_time(|row: &i64| (*row != 22).then(|| EventTime::from_micros(*row)), bounded(2.micros()));
            keyed = key_by(|_: &i64| ());
            windows = tumbling(5.micros()).aggregate(Count::new);
            doubled = flat_map(|row: i64| vec![row; if row == 6 { 0 } else { 2 }]);
            some = filter_map(|row: i64| (row > 4).then_some(row));
            counted = running_count();
            rows -> even -> checked;
            checked -> timed -> keyed -> windows -> panes;
            checked -> doubled -> some -> counted -> last_count;
            checked.err -> errors;
            timed.err -> untimed;
            windows.late -> late;
            panes = collect();
            last_count = last();
            errors = collect();
            untimed = discard();
            late = collect();
        }
        .run(),
    );
    result.assert_conserved();
    let report = result.report();
    let expected: [(&str, Fates); 14] = [
        ("rows", (0, 0, 0, 0, 0)),
        // 4 8 12 2 6 22, and 1 3 13.
        ("even", (9, 6, 3, 0, 0)),
        // To `out` or to `err`: both are passed.
        ("checked", (6, 6, 0, 0, 0)),
        ("timed", (5, 5, 0, 0, 0)),
        ("keyed", (4, 4, 0, 0, 0)),
        // 4 and 12; 2 and 6 are behind 12 - 2 = 10.
        ("windows", (4, 0, 0, 2, 2)),
        // 4 12 2 22, and 6.
        ("doubled", (5, 4, 1, 0, 0)),
        // 12 12 22 22, and 4 4 2 2.
        ("some", (8, 4, 4, 0, 0)),
        ("counted", (4, 4, 0, 0, 0)),
        ("last_count", (4, 0, 0, 4, 0)),
        ("panes", (2, 0, 0, 2, 0)),
        ("errors", (1, 0, 0, 1, 0)),
        ("untimed", (1, 0, 0, 1, 0)),
        ("late", (2, 0, 0, 2, 0)),
    ];
    for (name, fates_by_hand) in expected {
        assert_eq!(fates(report, name), fates_by_hand, "{name} in\n{report}");
    }
    let emitted = |name, port| report.node(name).map(|node| node.emitted_on(port));
    assert_eq!(emitted("rows", "out"), Some(9));
    assert_eq!((emitted("checked", "out"), emitted("checked", "err")), (Some(5), Some(1)));
    assert_eq!((emitted("timed", "out"), emitted("timed", "err")), (Some(4), Some(1)));
    assert_eq!((emitted("windows", "out"), emitted("windows", "late")), (Some(2), Some(2)));
    assert_eq!(emitted("doubled", "out"), Some(8));
    assert_eq!(result.last_count, Some(4));
    assert_eq!(result.late.iter().map(|late| late.row.value).collect::<Vec<_>>(), [2, 6]);
    assert_eq!(report.conserved(), Ok(()));
}

#[test]
fn z2_a_graph_that_drains_is_conserved_too() {
    let result = finish(
        graph! {
            rows = from_iter(0..1_000_000_u64);
            rows -> map(|row: u64| row + 1) -> [kept, odd];
            odd = filter(|row: &u64| row % 2 == 1);
            odd -> counted;
            kept = collect();
            counted = collect();
        }
        .batch(10)
        .run_until(ready(())),
    );
    result.assert_conserved();
    let report = result.report();
    assert_eq!(report.node("kept").map(|node| node.absorbed), Some(result.kept.len() as u64));
    assert!(result.kept.iter().copied().eq(1..=result.kept.len() as u64), "rows are lost from the end only");
    assert_eq!(result.counted.len(), result.kept.len().div_ceil(2));
}

/// An operator that says that it passes every row on, and loses those that are odd.
struct Loses;

fn loses<T>(_input: Edge<u64, T>) -> Node<Loses, OnlyOut<u64, T, ()>> {
    Node::new(Loses, OnlyOut::new())
}

impl Operator for Loses {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Passed;

    fn finish(&mut self) {}
}

impl<Outs> Resume<Outs> for Loses {}

impl<S: Push<u64, (), ()>> Input<0, u64, (), (), (Port<S>,)> for Loses {
    fn push(&mut self, row: Update<u64>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if row.data.is_multiple_of(2) {
            out.pass(row);
        }
    }

    fn advance(&mut self, frontier: Frontier<()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}

#[test]
#[cfg(debug_assertions)]
fn z2_the_books_show_a_row_that_an_operator_loses() {
    let result = finish(
        graph! {
            rows = from_iter(0..10_u64);
            rows -> loses() -> kept;
            kept = collect();
        }
        .run(),
    );
    assert_eq!(result.kept, [0, 2, 4, 6, 8]);
    let error = result.report().conserved().expect_err("five rows are lost");
    assert_eq!(error, "`kept` was sent 10 rows, but counted 5");
}
