//! Alarms of nodes with state, by a clock that is moved by hand (rules J6, Z1); timers stand in `nodes.rs` and
//! `node_forms.rs`.

use std::collections::BTreeSet;

use streamweave::envelope::Timed;
use streamweave::prelude::*;
use streamweave::time::{Clock, Frontier};
use streamweave_tests::random::Random;

fn at(micros: i64) -> ProcessingTime {
    ProcessingTime::from_micros(micros)
}

/// Sets an alarm for each row, so many microseconds after it; tells which went off, and when.
#[derive(Default)]
struct Alarmed {}

#[node]
impl Alarmed {
    fn on_rows(&mut self, after: i64, cx: &Cx) {
        cx.set_alarm(cx.now() + after.micros());
    }

    fn on_alarm(&mut self, at: ProcessingTime, out: &mut Out<(i64, i64)>, cx: &Cx) {
        out.send((at.micros(), cx.now().micros()));
    }
}

graph! {
    graph going_off(rows: Timed<i64>) -> (out: Timed<(i64, i64)>) {
        node = Alarmed(Alarmed {});
        rows -> node -> out;
    }
}

#[test]
fn alarms_go_off_in_order_when_the_clock_has_come_to_them() {
    for seed in 0..80 {
        let mut random = Random::new(seed);
        let mut graph = going_off::harness();
        graph.seed(seed);
        let (mut set, mut expected, mut seen) = (BTreeSet::new(), Vec::new(), Vec::new());
        for _ in 0..60 {
            let now = graph.clock().now().micros();
            for _ in 0..random.between(0, 2) {
                let after = random.between(-3, 20);
                graph.inputs.rows.send_at(after, EventTime::from_micros(5));
                set.insert(now + after);
            }
            graph.settle();
            let step = random.between(0, 9);
            // What is in the past goes off at once.
            expected.extend(set.extract_if(..=now, |_| true).map(|at| (at, now)));
            graph.advance(step.micros());
            let now = now + step;
            expected.extend(set.extract_if(..=now, |_| true).map(|at| (at, now)));
            seen.extend(graph.outputs.out.take());
            assert_eq!(seen, expected, "seed {seed}");
        }
        graph.finish().expect("nothing fails").assert_conserved();
    }
}

#[test]
fn j6_alarms_do_not_go_off_at_the_end_and_keep_no_graph_from_it() {
    let mut graph = going_off::harness();
    graph.inputs.rows.send_at(10, EventTime::from_micros(5));
    graph.settle();
    graph.inputs.rows.close();
    graph.settle();
    assert!(graph.is_ended());
    graph.advance(20.micros());
    assert!(graph.outputs.out.take().is_empty());
    graph.finish().expect("nothing fails").assert_conserved();
}

#[test]
fn what_an_alarm_sends_is_at_the_frontier_and_not_late() {
    let mut graph = going_off::harness();
    graph.inputs.rows.send_at(10, EventTime::from_micros(5));
    graph.inputs.rows.advance_to(EventTime::from_micros(7));
    graph.advance(10.micros());
    let times: Vec<_> = graph.outputs.out.updates().into_iter().map(|row| row.time).collect();
    assert_eq!(times, [EventTime::from_micros(7)]);
    assert_eq!(*graph.outputs.out.frontier(), Frontier::at(EventTime::from_micros(7)));
    graph.finish().expect("nothing fails").assert_conserved();
}

/// Ticks by itself, a row behind the first; streams without time have alarms, too.
struct Ticking {
    ticks: u32,
}

#[node]
impl Ticking {
    fn on_start(&mut self, _row: (), cx: &Cx<()>) {
        cx.set_alarm(cx.now());
    }

    fn on_alarm(&mut self, at: ProcessingTime, ticks: &mut Out<u32>, cx: &Cx<()>) {
        self.ticks += 1;
        ticks.send(self.ticks);
        cx.set_alarm(at + 10.micros());
    }
}

graph! {
    graph ticks_alone(start: ()) -> (ticks: u32) {
        node = Ticking(Ticking { ticks: 0 });
        start -> node;
        node.ticks -> ticks;
    }
}

#[test]
fn an_alarm_can_set_the_next() {
    let mut graph = ticks_alone::harness();
    graph.inputs.start.send(());
    graph.settle();
    assert_eq!(graph.outputs.ticks.take(), [1]);
    graph.advance(9.micros());
    assert!(graph.outputs.ticks.take().is_empty());
    graph.advance(1.micros());
    assert_eq!(graph.outputs.ticks.take(), [2]);
    // A clock that jumps lets all go off that it has passed.
    graph.advance(35.micros());
    assert_eq!(graph.outputs.ticks.take(), [3, 4, 5]);
    graph.finish().expect("nothing fails").assert_conserved();
}

#[test]
fn the_alarms_of_a_body_are_tested_by_a_call() {
    let cx = Cx::new(EventTime::MIN, Frontier::start(), at(3));
    Alarmed {}.on_rows(4, &cx);
    assert_eq!(cx.take_alarms(), [at(7)]);
}
