//! Rules A4, A5, A11, A13 of nodes that have two inputs, or keep rows: what their frontier is, and what it never overtakes.

use std::collections::HashMap;

use Seen::{End, Frontier as Moved, Idle, Row};
use streamweave::envelope::{Message, Timed, Update};
use streamweave::operator::window::Tumbling;
use streamweave::prelude::*;
use streamweave::time::Frontier;
use streamweave_tests::random::Random;
use streamweave_tests::record::{Log, Seen, record, take};
use streamweave_tests::script::{Step, drive, play};

/// A key, and a number that no other row has.
type Numbered = (i64, i64);

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

/// Steps of a stream in which no row is behind the frontier that was told before it; in the end the clock goes on
/// until nothing waits for it.
fn steps(random: &mut Random, first: i64) -> Vec<Step<Numbered>> {
    let mut frontier = random.between(-9, 9);
    (first..first + 60)
        .map(|number| match random.place(10) {
            0..5 => Step::Row((random.between(0, 2), number), frontier + random.between(0, 9)),
            5..8 => {
                frontier += random.between(0, 6);
                Step::Frontier(frontier)
            }
            _ => Step::Clock(random.between(1, 9)),
        })
        .chain([Step::Clock(20); 60])
        .collect()
}

/// How long a call or a wait takes that a row asks for: in the order of the rows they do not end.
fn pause(number: i64) -> TimeDelta {
    (number * 7 % 11).micros()
}

/// How far a stream has come in the end.
fn furthest<'a>(steps: impl IntoIterator<Item = &'a Step<Numbered>>) -> Option<i64> {
    let told = |step: &Step<_>| if let Step::Frontier(time) = step { Some(*time) } else { None };
    steps.into_iter().filter_map(told).max()
}

/// What a node would see of these steps that passes each on in its place; of frontiers with no row between them the last.
fn played(steps: &[Step<Numbered>]) -> Vec<Seen<Numbered, EventTime>> {
    let mut furthest = i64::MIN;
    let seen = steps.iter().filter_map(|step| match *step {
        Step::Row(row, time) => Some(Row(row, at(time))),
        Step::Frontier(time) if time > furthest => {
            furthest = time;
            Some(Moved(at(time)))
        }
        _ => None,
    });
    last_of_frontiers(seen.chain([End]))
}

fn last_of_frontiers<D>(seen: impl IntoIterator<Item = Seen<D, EventTime>>) -> Vec<Seen<D, EventTime>> {
    let mut kept: Vec<Seen<D, EventTime>> = Vec::new();
    for seen in seen {
        if let (Some(Moved(_)), Moved(_) | End) = (kept.last(), &seen) {
            kept.pop();
        }
        kept.push(seen);
    }
    kept
}

/// The rows between two frontiers in one order.
fn sorted_between_frontiers(seen: Vec<Seen<Numbered, EventTime>>) -> Vec<Seen<Numbered, EventTime>> {
    let mut seen = seen;
    for rows in seen.split_mut(|seen| !matches!(seen, Row(..))) {
        rows.sort_by_key(|row| if let Row(row, _) = row { *row } else { (0, 0) });
    }
    seen
}

/// The rows of what was seen, with their times; no frontier has overtaken one, and none went back.
#[track_caller]
fn rows_in_order<D>(seen: Vec<Seen<D, EventTime>>, about: &str) -> Vec<(D, i64)> {
    let mut frontier = EventTime::MIN;
    let mut rows = Vec::new();
    let mut is_ended = false;
    for seen in seen {
        assert!(!is_ended, "{about}: something comes after the end");
        match seen {
            Row(row, time) => {
                assert!(time >= frontier, "{about}: a row of {time:?} comes behind {frontier:?}");
                rows.push((row, time.micros()));
            }
            Moved(time) | Idle(time) => {
                assert!(time >= frontier, "{about}: {time:?} comes after {frontier:?}");
                frontier = time;
            }
            End => is_ended = true,
        }
    }
    assert!(is_ended, "{about}: no end");
    rows
}

#[test]
fn a11_a_frontier_waits_behind_the_calls_of_the_rows_before_it() {
    for seed in 0..150 {
        let random = &mut Random::new(seed);
        let (steps, in_flight) = (steps(random, 0), 1 + random.place(8));
        let [ordered, unordered]: [Log<Numbered, EventTime>; 2] = Default::default();
        drive(&steps, |steps, clock| {
            let clocks = [clock.clone(), clock.clone()];
            let [first, second] = clocks.map(|clock| {
                move |row: Numbered| {
                    let clock = clock.clone();
                    async move {
                        clock.sleep(pause(row.1)).await;
                        row
                    }
                }
            });
            graph! {
                steps = from_channel(steps);
                rows = play();
                steps -> rows;
                rows -> async_map(first).in_flight(in_flight) -> record(&ordered);
                rows -> async_map(second).in_flight(in_flight).unordered() -> record(&unordered);
            }
            .clock(clock)
            .run()
        })
        .map(|ran| ran.assert_conserved())
        .expect("it ends");
        let expected = played(&steps);
        assert_eq!(last_of_frontiers(take(&ordered)), expected, "seed {seed}");
        // Rule I2: they overtake each other between two frontiers alone.
        let came = sorted_between_frontiers(last_of_frontiers(take(&unordered)));
        assert_eq!(came, sorted_between_frontiers(expected), "seed {seed}");
    }
}

#[test]
fn a11_a_frontier_waits_in_its_place_among_the_rows_of_a_buffer() {
    let mut dropped = [0; 3];
    for seed in 0..150 {
        let random = &mut Random::new(seed);
        let steps = steps(random, 0);
        let [all, oldest, newest, last]: [Log<Numbered, EventTime>; 4] = Default::default();
        drive(&steps, |steps, clock| {
            let clocks = [(); 4].map(|()| clock.clone());
            // One call at a time: rows wait before it.
            let [first, second, third, fourth] = clocks.map(|clock| {
                move |row: Numbered| {
                    let clock = clock.clone();
                    async move {
                        clock.sleep(pause(row.1)).await;
                        row
                    }
                }
            });
            graph! {
                steps = from_channel(steps);
                rows = play();
                steps -> rows;
                block = async_map(first).in_flight(1);
                drop_oldest = async_map(second).in_flight(1);
                drop_newest = async_map(third).in_flight(1);
                conflate = async_map(fourth).in_flight(1);
                #[cap(2)]
                rows -> block;
                #[cap(2, drop_oldest)]
                rows -> drop_oldest;
                #[cap(2, drop_newest)]
                rows -> drop_newest;
                #[cap(2, conflate)]
                rows -> conflate;
                block -> record(&all);
                drop_oldest -> record(&oldest);
                drop_newest -> record(&newest);
                conflate -> record(&last);
            }
            .clock(clock)
            .run()
        })
        .map(|ran| ran.assert_conserved())
        .expect("it ends");
        let expected = played(&steps);
        assert_eq!(last_of_frontiers(take(&all)), expected, "seed {seed}");
        let sent = rows_in_order(expected.clone(), "as sent").len();
        for (policy, log) in [oldest, newest, last].into_iter().enumerate() {
            let came = take(&log);
            let time = |seen: &Seen<_, EventTime>| if let Moved(time) = seen { Some(*time) } else { None };
            // Rows are dropped, and what was promised behind them is not.
            let come = came.iter().filter_map(time).max();
            assert_eq!(come, furthest(&steps).map(at), "seed {seed}, policy {policy}");
            dropped[policy] += sent - rows_in_order(came, &format!("seed {seed}, policy {policy}")).len();
        }
    }
    assert!(dropped.iter().all(|dropped| *dropped > 100), "{dropped:?}");
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
