//! Rules A4, A5, A11 and A13 where two streams meet: what the frontier of the node is, and what it never overtakes.

use std::collections::HashMap;

use Seen::{End, Frontier as Moved, Idle, Row};
use streamweave::envelope::{Message, Timed, Update};
use streamweave::operator::window::Tumbling;
use streamweave::prelude::*;
use streamweave::time::Frontier;
use streamweave_tests::numbered::{Numbered, furthest, rows_in_order, steps};
use streamweave_tests::random::Random;
use streamweave_tests::record::Seen;
use streamweave_tests::script::Step;

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

/// Steps of two streams, in one order: which of them, and what.
fn two(random: &mut Random) -> Vec<(usize, Step<Numbered>)> {
    let streams = [steps(random, 0), steps(random, 1_000)];
    let mut waiting = streams.map(Vec::into_iter);
    let mut both = Vec::new();
    while waiting.iter().any(|steps| steps.len() > 0) {
        let stream = random.place(2);
        both.extend(waiting[stream].next().map(|step| (stream, step)));
    }
    both
}

/// The rows of one of two streams, with their times.
fn rows_of(steps: &[(usize, Step<Numbered>)], stream: usize) -> Vec<(Numbered, i64)> {
    let row = |(of, step): &(usize, Step<Numbered>)| match step {
        Step::Row(row, time) if *of == stream => Some((*row, *time)),
        _ => None,
    };
    steps.iter().filter_map(row).collect()
}

/// A node of a user's, with an input for each of two streams.
#[derive(Default)]
struct Meeting {
    seen: HashMap<i64, i64>,
}

#[node]
impl Meeting {
    fn on_left(&mut self, (key, number): Numbered, out: &mut Out<Numbered>) {
        *self.seen.entry(key).or_default() += 1;
        out.send((key, number));
    }

    fn on_right(&mut self, (key, number): Numbered, out: &mut Out<Numbered>) {
        out.send((key, number));
        if !self.seen.contains_key(&key) {
            out.send((key, -1));
        }
    }
}

/// Two streams and what makes one of them: `$out`, of rows `$row`.
macro_rules! of_two {
    ($($name:ident: $row:ty, { $($nodes:tt)* })*) => {$(
        graph! {
            graph $name(left: Timed<Numbered>, right: Timed<Numbered>) -> (out: Timed<$row>) { $($nodes)* }
        }
    )*};
}

of_two! {
    merged: Numbered, {
        [left, right] -> out;
    }
    met: Numbered, {
        meeting = Meeting(Meeting::default());
        left -> meeting.left;
        right -> meeting.right;
        meeting -> out;
    }
    near: (i64, i64), {
        pairs = interval_join((-2).micros(), 3.micros());
        left -> key_by(|row| row.0) -> pairs.left;
        right -> key_by(|row| row.0) -> pairs.right;
        pairs -> map(|pair| (pair.value.0.1, pair.value.1.1)) -> out;
    }
    near_or_alone: (Option<i64>, Option<i64>), {
        pairs = interval_join((-2).micros(), 3.micros()).full_outer();
        left -> key_by(|row| row.0) -> pairs.left;
        right -> key_by(|row| row.0) -> pairs.right;
        pairs -> map(|pair| (pair.value.0.map(|row| row.1), pair.value.1.map(|row| row.1))) -> out;
    }
    in_windows: (i64, i64), {
        pairs = window_join(Tumbling::new(10.micros()));
        left -> key_by(|row| row.0) -> pairs.left;
        right -> key_by(|row| row.0) -> pairs.right;
        pairs -> map(|pair| (pair.value.value.0.1, pair.value.value.1.1)) -> out;
    }
    versions: (i64, Option<i64>), {
        answers = as_of().left_outer();
        left -> key_by(|row| row.0) -> answers.left;
        right -> key_by(|row| row.0) -> answers.right;
        answers -> map(|row| (row.value.0.1, row.value.1.map(|row| row.1))) -> out;
    }
    all_pairs: (i64, i64), {
        pairs = join();
        left -> key_by(|row| row.0) -> pairs.left;
        right -> key_by(|row| row.0) -> pairs.right;
        pairs -> map(|pair| (pair.value.0.1, pair.value.1.1)) -> out;
    }
    counted: (i64, u64), {
        tens = tumbling(10.micros()).aggregate(Count::new);
        [left, right] -> key_by(|row| row.0) -> tens;
        tens -> map(|pane| (pane.value.window.start.micros(), pane.value.value)) -> out;
        tens.late -> discard;
    }
    counted_as_they_slide: (i64, u64), {
        tens = sliding(10.micros(), 5.micros()).aggregate(Count::new);
        [left, right] -> key_by(|row| row.0) -> tens;
        tens -> map(|pane| (pane.value.window.start.micros(), pane.value.value)) -> out;
        tens.late -> discard;
    }
    in_sessions: (i64, u64), {
        visits = session(4.micros()).aggregate(Count::new);
        [left, right] -> key_by(|row| row.0) -> visits;
        visits -> map(|pane| (pane.value.window.start.micros(), pane.value.value)) -> out;
        visits.late -> discard;
    }
}

/// How far both streams have come in the end.
fn least_of_both(steps: &[(usize, Step<Numbered>)]) -> i64 {
    let come = |stream: usize| furthest(steps.iter().filter(|(of, _)| *of == stream).map(|(_, step)| step));
    come(0).min(come(1)).expect("each tells its frontier")
}

/// Takes two streams through a graph: the rows that came out. In the end the output is as far as both streams, or stays
/// behind them by no more than `within`.
macro_rules! through {
    ($graph:ident, $steps:expr, $seed:expr) => {
        through!($graph, $steps, $seed, within 0)
    };
    ($graph:ident, $steps:expr, $seed:expr, within $within:expr) => {{
        let mut graph = $graph::harness();
        graph.seed($seed);
        let mut seen = Vec::new();
        let note = |message| match message {
            Message::Row(Update { data, time, .. }) => Row(data, time),
            Message::Frontier(frontier) => match frontier.time() {
                None => End,
                Some(time) if frontier.is_idle() => Idle(*time),
                Some(time) => Moved(*time),
            },
        };
        for (stream, step) in $steps {
            let input = if *stream == 0 { &graph.inputs.left } else { &graph.inputs.right };
            match *step {
                Step::Row(row, time) => input.send_at(row, at(time)),
                Step::Frontier(time) => input.advance_to(at(time)),
                // As if it were the clock: what has come so far is worked on.
                _ => graph.settle(),
            }
            seen.extend(graph.outputs.out.messages().into_iter().map(note));
        }
        let (come, least) = (*graph.outputs.out.frontier(), least_of_both($steps));
        let is_there = come.reaches(&Frontier::at(at(least - $within))) && !come.is_beyond(&Frontier::at(at(least)));
        assert!(is_there, "{}, seed {}: {come:?}, and both are at {least}", stringify!($graph), $seed);
        graph.inputs.left.close();
        graph.inputs.right.close();
        graph.settle();
        seen.extend(graph.outputs.out.messages().into_iter().map(note));
        let finished = graph.finish().expect("nothing fails");
        finished.assert_conserved();
        let late: u64 = finished.report().nodes().iter().map(|node| node.late).sum();
        assert_eq!(late, 0, "{}: no row is behind its own stream", stringify!($graph));
        rows_in_order(seen, &format!("{}, seed {}", stringify!($graph), $seed))
    }};
}

fn sorted<R: Ord>(rows: impl IntoIterator<Item = R>) -> Vec<R> {
    let mut rows = Vec::from_iter(rows);
    rows.sort();
    rows
}

#[test]
fn a11_where_two_streams_meet_no_frontier_overtakes_a_row() {
    for seed in 0..60 {
        let steps = &two(&mut Random::new(seed));
        let (left, right) = (rows_of(steps, 0), rows_of(steps, 1));
        let all = || left.iter().chain(&right).copied();
        let pairs = |meet: fn(i64, i64) -> bool| {
            let right = &right;
            left.iter().flat_map(move |&((key, number), time)| {
                right
                    .iter()
                    .filter(move |((other, _), at)| *other == key && meet(time, *at))
                    .map(move |&((_, partner), at)| ((number, partner), time.max(at)))
            })
        };
        assert_eq!(sorted(through!(merged, steps, seed)), sorted(all()));
        let met = through!(met, steps, seed).into_iter().filter(|(row, _)| row.1 >= 0);
        assert_eq!(sorted(met), sorted(all()));
        let near = pairs(|left, right| (left - 2..=left + 3).contains(&right));
        assert_eq!(sorted(through!(near, steps, seed)), sorted(near));
        let in_windows = pairs(|left, right| left.div_euclid(10) == right.div_euclid(10))
            .map(|(pair, time)| (pair, time.div_euclid(10) * 10 + 9));
        assert_eq!(sorted(through!(in_windows, steps, seed)), sorted(in_windows));
        assert_eq!(sorted(through!(all_pairs, steps, seed)), sorted(pairs(|_, _| true)));
        let probes = through!(versions, steps, seed).into_iter().map(|((probe, _), time)| (probe, time));
        assert_eq!(sorted(probes), sorted(left.iter().map(|((_, number), time)| (*number, *time))));
        let counted: u64 = through!(counted, steps, seed).iter().map(|((_, count), _)| count).sum();
        assert_eq!(counted, all().count() as u64);
        let twice: u64 =
            through!(counted_as_they_slide, steps, seed).iter().map(|((_, count), _)| count).sum();
        assert_eq!(twice, 2 * counted);
        let visits: u64 = through!(in_sessions, steps, seed).iter().map(|((_, count), _)| count).sum();
        assert_eq!(visits, counted);
        let alone = through!(near_or_alone, steps, seed, within 3);
        let there = |number: i64| alone.iter().any(|((a, b), _)| *a == Some(number) || *b == Some(number));
        assert!(all().all(|((_, number), _)| there(number)), "seed {seed}");
    }
}

/// What has come out of a graph so far.
macro_rules! came {
    ($graph:ident) => {{
        $graph.settle();
        $graph.outputs.out.take()
    }};
}

/// Two streams fall idle at 5 and at 4 and wake; then a row comes at 8 and one at 9, both of key 1.
macro_rules! rows_after_idleness {
    ($graph:ident, $expected:expr) => {
        for left_goes_first in [true, false] {
            let about = format!("{}, left first: {left_goes_first}", stringify!($graph));
            let mut graph = $graph::harness();
            graph.inputs.left.advance_to(at(5));
            graph.inputs.right.advance_to(at(4));
            assert_eq!(came!(graph), [], "{about}");
            assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(4)), "{about}");
            if left_goes_first {
                graph.inputs.left.idle_at(at(5));
                assert_eq!(came!(graph), [], "{about}");
                graph.inputs.right.idle_at(at(4));
            } else {
                graph.inputs.right.idle_at(at(4));
                assert_eq!(came!(graph), [], "{about}");
                graph.inputs.left.idle_at(at(5));
            }
            assert_eq!(came!(graph), [], "{about}");
            assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(5)).idle(), "{about}");

            graph.inputs.left.advance_to(at(6));
            graph.inputs.left.send_at((1, 1), at(8));
            let mut rows = came!(graph);
            assert!(!graph.outputs.out.frontier().is_idle(), "{about}");
            // Right is away still, and holds nobody.
            graph.inputs.left.advance_to(at(7));
            rows.extend(came!(graph));
            assert!(!graph.outputs.out.frontier().is_beyond(&Frontier::at(at(7))), "{about}");
            graph.inputs.right.advance_to(at(7));
            graph.inputs.right.send_at((1, 2), at(9));
            rows.extend(came!(graph));
            graph.inputs.left.advance_to(at(40));
            rows.extend(came!(graph));
            assert!(
                !graph.outputs.out.frontier().is_beyond(&Frontier::at(at(7))),
                "{about}: right holds it again"
            );
            graph.inputs.right.advance_to(at(50));
            rows.extend(came!(graph));
            assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(40)), "{about}");
            graph.inputs.left.close();
            graph.inputs.right.close();
            rows.extend(came!(graph));
            assert_eq!(rows, $expected, "{about}");
            let finished = graph.finish().expect("nothing fails");
            finished.assert_conserved();
            assert!(finished.report().nodes().iter().all(|node| node.late == 0), "{about}");
        }
    };
}

#[test]
fn a5_after_both_streams_are_idle_the_output_is_idle_at_the_furthest_and_a4_no_later_row_is_lost() {
    rows_after_idleness!(merged, [(1, 1), (1, 2)]);
    rows_after_idleness!(met, [(1, 1), (1, 2)]);
    rows_after_idleness!(near, [(1, 2)]);
    rows_after_idleness!(near_or_alone, [(Some(1), Some(2))]);
    rows_after_idleness!(in_windows, [(1, 2)]);
    rows_after_idleness!(versions, [(1, None)]);
    rows_after_idleness!(all_pairs, [(1, 2)]);
    rows_after_idleness!(counted, [(0, 2)]);
    rows_after_idleness!(counted_as_they_slide, [(0, 2), (5, 2)]);
    rows_after_idleness!(in_sessions, [(8, 2)]);
}

/// A stream wakes behind the other, which is at 20, and brings a row of 12, and one of 22: what came out, and how many
/// rows were late.
macro_rules! behind {
    ($graph:ident) => {{
        let mut graph = $graph::harness();
        graph.inputs.left.idle_at(at(3));
        graph.inputs.right.send_at((1, 2), at(21));
        graph.inputs.right.advance_to(at(20));
        let mut rows = came!(graph);
        let about = stringify!($graph);
        assert_eq!(
            *graph.outputs.out.frontier(),
            Frontier::at(at(20)),
            "{about}: an idle stream holds nobody"
        );
        graph.inputs.left.advance_to(at(10));
        graph.inputs.left.send_at((1, 1), at(12));
        graph.inputs.left.send_at((1, 3), at(22));
        rows.extend(came!(graph));
        assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(20)), "{about}: it does not go back");
        graph.inputs.right.advance_to(at(21));
        rows.extend(came!(graph));
        assert_eq!(
            *graph.outputs.out.frontier(),
            Frontier::at(at(21)),
            "{about}: nor wait for what is behind"
        );
        graph.inputs.left.close();
        graph.inputs.right.close();
        rows.extend(came!(graph));
        let finished = graph.finish().expect("nothing fails");
        finished.assert_conserved();
        (rows, finished.report().nodes().iter().map(|node| node.late).sum::<u64>())
    }};
}

#[test]
fn a4_a_stream_that_wakes_behind_the_other_holds_nothing_and_its_rows_are_late_or_taken() {
    // Those that know no lateness take it.
    assert_eq!(behind!(merged), (vec![(1, 2), (1, 1), (1, 3)], 0));
    assert_eq!(behind!(met), (vec![(1, 2), (1, -1), (1, 1), (1, 3)], 0));
    assert_eq!(behind!(all_pairs), (vec![(1, 2), (3, 2)], 0));
    // Those that have forgotten what it would have met say so.
    assert_eq!(behind!(near), (vec![(3, 2)], 1));
    assert_eq!(behind!(near_or_alone), (vec![(Some(3), Some(2))], 1));
    assert_eq!(behind!(in_windows), (vec![(3, 2)], 1));
    assert_eq!(behind!(versions), (vec![(3, Some(2))], 1));
    assert_eq!(behind!(counted), (vec![(20, 2)], 1));
    // One of its windows ended at 20, the other at 15.
    assert_eq!(behind!(counted_as_they_slide), (vec![(15, 2), (20, 2)], 1));
    assert_eq!(behind!(in_sessions), (vec![(21, 2)], 1));
}

/// One side ends at once; the other goes on, falls idle, and ends.
macro_rules! other_goes_on {
    ($graph:ident: $ends:ident, then $goes_on:ident) => {{
        let mut graph = $graph::harness();
        let about = stringify!($graph: $ends ends);
        graph.inputs.$ends.send_at((1, 1), at(4));
        graph.inputs.$ends.advance_to(at(3));
        let mut rows = came!(graph);
        graph.inputs.$goes_on.send_at((1, 2), at(5));
        rows.extend(came!(graph));
        graph.inputs.$ends.close();
        rows.extend(came!(graph));
        graph.inputs.$goes_on.advance_to(at(50));
        rows.extend(came!(graph));
        assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(50)), "{about}");
        let before = rows.len();
        graph.inputs.$goes_on.idle_at(at(60));
        rows.extend(came!(graph));
        assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(60)).idle(), "{about}");
        graph.inputs.$goes_on.close();
        rows.extend(came!(graph));
        assert!(graph.outputs.out.frontier().is_end() && graph.is_ended(), "{about}");
        assert_eq!(before, rows.len(), "{about}: what was to come came as the frontier allowed it");
        graph.finish().expect("nothing fails").assert_conserved();
        rows
    }};
}

#[test]
fn a13_a_side_that_has_ended_does_not_hold_the_other() {
    assert_eq!(other_goes_on!(merged: left, then right), [(1, 1), (1, 2)]);
    assert_eq!(other_goes_on!(met: left, then right), [(1, 1), (1, 2)]);
    assert_eq!(other_goes_on!(met: right, then left), [(1, 1), (1, -1), (1, 2)]);
    assert_eq!(other_goes_on!(near: left, then right), [(1, 2)]);
    assert_eq!(other_goes_on!(near: right, then left), [(2, 1)]);
    assert_eq!(other_goes_on!(near_or_alone: left, then right), [(Some(1), Some(2))]);
    assert_eq!(other_goes_on!(near_or_alone: right, then left), [(Some(2), Some(1))]);
    assert_eq!(other_goes_on!(in_windows: left, then right), [(1, 2)]);
    assert_eq!(other_goes_on!(in_windows: right, then left), [(2, 1)]);
    assert_eq!(other_goes_on!(versions: right, then left), [(2, Some(1))]);
    assert_eq!(other_goes_on!(all_pairs: left, then right), [(1, 2)]);
    assert_eq!(other_goes_on!(all_pairs: right, then left), [(2, 1)]);
    assert_eq!(other_goes_on!(counted: left, then right), [(0, 2)]);
    assert_eq!(other_goes_on!(counted_as_they_slide: right, then left), [(-5, 1), (0, 2), (5, 1)]);
    assert_eq!(other_goes_on!(in_sessions: left, then right), [(4, 2)]);
}
