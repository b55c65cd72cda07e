//! Rules Z1 and Z2 for what `#[node]` and named graphs make: several outputs, state with timers, routes by
//! variant, and graphs in nodes, which give what their nodes would give in their place.

use std::collections::BTreeMap;

use streamweave::prelude::*;
use streamweave::testing;
use streamweave::time::ManualClock;
use streamweave_tests::input::INPUTS;
use streamweave_tests::random::Random;
use streamweave_tests::row::Row;

const BATCHES: [usize; 3] = [1, 7, 1024];

fn time(row: &Row) -> EventTime {
    EventTime::from_micros(row.time)
}

/// No row, one or several to each of two outputs.
#[node]
fn sorted(row: Row, low: &mut Out<Row>, high: &mut Out<Row>) {
    for n in 0..row.value % 3 {
        if (row.value + n) % 2 == 0 { low.send(row.step(n)) } else { high.send(row.step(n)) }
    }
}

/// Keeps the last row by key; tells it three micros behind a row, and what it knows when the frontier moves.
#[derive(Default)]
struct Keeper {
    last: BTreeMap<u64, Row>,
    timers: u64,
}

#[node]
impl Keeper {
    fn on_rows(&mut self, row: Row, seen: &mut Out<Row>, cx: &Cx) {
        if let Some(before) = self.last.insert(row.key(5), row) {
            seen.send(before);
        }
        cx.set_timer(*cx.time() + 3.micros());
    }

    fn on_others(&mut self, row: Row, seen: &mut Out<Row>) {
        if row.value % 4 == 0 {
            self.last.remove(&row.key(5));
        } else {
            seen.send(row.step(9));
        }
    }

    fn on_timer(&mut self, at: EventTime, timers: &mut Out<(i64, u64, usize)>) {
        self.timers += 1;
        timers.send((at.micros(), self.timers, self.last.len()));
    }

    fn on_frontier(&mut self, frontiers: &mut Out<(Option<i64>, usize)>, cx: &Cx) {
        frontiers.send((cx.frontier().time().map(|time| time.micros()), self.last.len()));
    }
}

#[derive(Clone, Debug, Ports)]
enum Kind {
    Small(Row),
    Odd((u64, i64)),
    Other,
}

#[node]
fn classify(row: Row) -> Kind {
    match row.value % 10 {
        0..3 => Kind::Small(row),
        n if n % 2 == 1 => Kind::Odd((row.value, row.time)),
        _ => Kind::Other,
    }
}

/// All that a graph of the new forms shows, as text.
fn forms(rows: &[Row], batch: usize, seed: Option<u64>) -> String {
    let graph = graph! {
        rows = from_iter(rows.to_vec());
        timed = inspect(|_| ());
        sorted = sorted();
        keeper = Keeper(Keeper::default());
        rows -> event_time(time, bounded(5.micros())) -> timed -> sorted;
        sorted.low -> keeper.rows;
        sorted.high -> keeper.others;
        keeper.seen -> classify -> {
            Small => tens,
            Odd => odd,
            Other => others,
        };
        tens = key_by(|row: &Row| row.key(3));
        windows = tumbling(10.micros()).fold(Vec::new, |values: &mut Vec<u64>, row: Row| values.push(row.value));
        tens -> windows -> panes;
        windows.late -> late;
        keeper.timers -> timers;
        keeper.frontiers -> frontiers;
        odd = collect();
        others = collect();
        panes = collect();
        late = collect();
        timers = collect();
        frontiers = collect();
    };
    let graph = graph.batch(batch);
    let result = match seed {
        Some(seed) => testing::run(graph, ManualClock::new(), seed).expect("nothing fails"),
        None => streamweave_tests::finish(graph.run()),
    };
    result.assert_conserved();
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{}",
        result.odd,
        result.others,
        result.panes,
        result.late,
        result.timers,
        result.frontiers,
        result.report()
    )
}

#[test]
fn z1_several_outputs_state_timers_and_routes_give_the_same_bytes_wherever_batches_are_cut() {
    for kind in INPUTS {
        for seed in 0..6 {
            let rows = kind.rows(&mut Random::new(seed));
            let expected = forms(&rows, 1, None);
            for batch in [2, 7, 1024] {
                assert_eq!(forms(&rows, batch, None), expected, "{kind:?}, seed {seed}, batch {batch}");
            }
            // With one source a seed draws where batches are cut, and nothing else.
            assert_eq!(forms(&rows, 16, Some(seed)), expected, "{kind:?}, seed {seed}");
        }
    }
}

#[test]
fn timers_and_frontiers_come_as_a_naive_keeper_has_them() {
    for seed in 0..30 {
        let rows = INPUTS[usize::try_from(seed % 8).expect("small")].rows(&mut Random::new(seed));
        let result = streamweave_tests::finish(
            graph! {
                rows = from_iter(rows.clone());
                none = from_iter(Vec::<Row>::new());
                keeper = Keeper(Keeper::default());
                rows -> event_time(time, bounded(4.micros())) -> keeper.rows;
                none -> event_time(time, bounded(4.micros())) -> keeper.others;
                keeper.seen -> discard;
                keeper.timers -> timers;
                keeper.frontiers -> discard;
                timers = collect();
            }
            // The empty source ends in its first turn, the other has its rows one by one.
            .batch(1)
            .run(),
        );
        // The end of the empty one comes in the second batch: until then the frontier stands still.
        let mut frontier = i64::MIN;
        let (mut waiting, mut expected) = (std::collections::BTreeSet::new(), Vec::new());
        let mut known = std::collections::BTreeSet::new();
        let mut fired = 0;
        for (place, row) in rows.iter().enumerate() {
            known.insert(row.key(5));
            waiting.insert(row.time + 3);
            if place > 0 {
                frontier = rows[..=place].iter().map(|row| row.time).max().map_or(frontier, |most| most - 4);
            }
            // The other input ends after the first row.
            if place == 0 {
                frontier = row.time - 4;
            }
            while let Some(first) = waiting.first().copied().filter(|first| *first < frontier) {
                waiting.remove(&first);
                fired += 1;
                expected.push((first, fired, known.len()));
            }
        }
        for at in waiting {
            fired += 1;
            expected.push((at, fired, known.len()));
        }
        assert_eq!(result.timers, expected, "seed {seed}");
    }
}

graph! {
    graph inner(rows: Timed<Row>, others: Timed<Row>; length: TimeDelta) -> (out: Timed<u64>, rest: Timed<Row>, late: Row) {
        checked = try_map(|row: Row| row.attempt(7));
        windows = tumbling(length).fold(|| 0, |sum: &mut u64, row: Row| *sum = *sum * 3 % 1_000 + row.value);
        both = merge();
        [checked, others] -> both -> flat_map(|row: Row| row.several(2)) -> key_by(|row: &Row| row.key(3)) -> windows;
        windows -> map(|pane| pane.key * 10_000 + pane.value.value) -> out;
        windows.late -> map(|late| late.row.value) -> late;
        rows -> checked;
        checked.err -> map(|failed| failed.error) -> rest;
    }
}

graph! {
    graph middle(rows: Timed<Row>, others: Timed<Row>) -> (out: Timed<u64>, rest: Timed<Row>, late: Row) {
        nested = inner(10.micros());
        rows -> filter(|row| row.keep(11, 3)) -> nested.rows;
        others -> nested.others;
        nested.out -> out;
        nested.rest -> rest;
        nested.late -> late;
    }
}

/// What a diamond around a graph in a node gives, or around its nodes in its place.
macro_rules! diamond {
    ($name:ident { $($graph:tt)* }) => {
        fn $name(rows: &[Row], batch: usize, seed: u64) -> String {
            let graph = graph! {
                rows = from_iter(rows.to_vec());
                more = from_iter(rows.iter().rev().copied().collect::<Vec<_>>());
                timed = inspect(|_| ());
                again = inspect(|_| ());
                rows -> event_time(time, bounded(6.micros())) -> timed;
                more -> event_time(time, bounded(60.micros())) -> again;
                out = collect();
                rest = collect();
                late = collect();
                joined = collect();
                $($graph)*
            };
            let result = testing::run(graph.batch(batch), ManualClock::new(), seed).expect("nothing fails");
            result.assert_conserved();
            format!("{:?}\n{:?}\n{:?}\n{:?}", result.out, result.rest, result.late, result.joined)
        }
    };
}

diamond! { nested {
    node = middle();
    timed -> node.rows;
    [again, timed] -> node.others;
    node.out -> out;
    node.rest -> rest;
    node.late -> late;
    // Around the node and through it.
    timed -> map(|row| row.value) -> around;
    node.out -> through;
    around = inspect(|_| ());
    through = inspect(|_| ());
    [through, around] -> joined;
} }

diamond! { inlined {
    checked = try_map(|row: Row| row.attempt(7));
    windows = tumbling(10.micros()).fold(|| 0, |sum: &mut u64, row: Row| *sum = *sum * 3 % 1_000 + row.value);
    both = merge();
    others = merge();
    timed -> filter(|row| row.keep(11, 3)) -> checked;
    [again, timed] -> others;
    [checked, others] -> both -> flat_map(|row: Row| row.several(2)) -> key_by(|row: &Row| row.key(3)) -> windows;
    windows -> map(|pane| pane.key * 10_000 + pane.value.value) -> fired;
    fired = inspect(|_| ());
    windows.late -> map(|late| late.row.value) -> late;
    checked.err -> map(|failed| failed.error) -> rest;
    fired -> out;
    timed -> map(|row| row.value) -> around;
    fired -> through;
    around = inspect(|_| ());
    through = inspect(|_| ());
    [through, around] -> joined;
} }

#[test]
fn z1_a_graph_in_a_node_gives_what_its_nodes_would_give_in_its_place_diamonds_included() {
    for kind in INPUTS {
        for seed in 0..8 {
            let rows = kind.rows(&mut Random::new(seed));
            for batch in BATCHES {
                assert_eq!(
                    nested(&rows, batch, seed),
                    inlined(&rows, batch, seed),
                    "{kind:?}, seed {seed}, batch {batch}"
                );
            }
        }
    }
}

graph! {
    graph sleeps(rows: u64; clock: ManualClock) -> (out: u64) {
        calls = async_map(move |row: u64| { let nap = clock.sleep((row * 7 % 5).cast_signed().micros()); async move { nap.await; row * 2 } }).in_flight(4);
        rows -> calls -> out;
    }
}

graph! {
    graph unordered(rows: u64; clock: ManualClock) -> (out: u64) {
        calls = async_map(move |row: u64| { let nap = clock.sleep((row * 7 % 5).cast_signed().micros()); async move { nap.await; row * 2 } }).in_flight(4).unordered();
        inner = filter(|_: &u64| true);
        rows -> calls -> inner -> out;
    }
}

#[test]
fn an_asynchronous_node_in_a_graph_in_a_node_gives_what_it_would_give_in_its_place() {
    for seed in 0..30 {
        for batch in BATCHES {
            let clock = ManualClock::new();
            let graph = graph! {
                rows = from_iter(0..60_u64);
                more = from_iter(100..130_u64);
                first = sleeps(clock.clone());
                second = unordered(clock.clone());
                rows -> first -> a;
                [rows, more] -> second -> b;
                [first, more] -> both;
                a = collect();
                b = collect();
                both = collect();
            };
            let inside = testing::run(graph.batch(batch), clock, seed).expect("nothing fails");
            inside.assert_conserved();
            let clock = ManualClock::new();
            let (one, two) = (clock.clone(), clock.clone());
            let graph = graph! {
                rows = from_iter(0..60_u64);
                more = from_iter(100..130_u64);
                first = async_map(move |row: u64| { let nap = one.sleep((row * 7 % 5).cast_signed().micros()); async move { nap.await; row * 2 } }).in_flight(4);
                second = async_map(move |row: u64| { let nap = two.sleep((row * 7 % 5).cast_signed().micros()); async move { nap.await; row * 2 } }).in_flight(4).unordered();
                rows -> first -> a;
                [rows, more] -> second -> b;
                [first, more] -> both;
                a = collect();
                b = collect();
                both = collect();
            };
            let outside = testing::run(graph.batch(batch), clock, seed).expect("nothing fails");
            assert_eq!(inside.a, (0..60).map(|row| row * 2).collect::<Vec<_>>());
            assert_eq!((&inside.a, &inside.b), (&outside.a, &outside.b), "seed {seed}, batch {batch}");
            assert_eq!(inside.both, outside.both, "seed {seed}, batch {batch}");
        }
    }
}

#[test]
fn z2_the_books_of_every_form_balance_at_every_batch_size() {
    for seed in 0..10 {
        for kind in INPUTS {
            let rows = kind.rows(&mut Random::new(seed));
            for batch in BATCHES {
                let graph = graph! {
                    rows = from_iter(rows.clone());
                    timed = inspect(|_| ());
                    sorted = sorted();
                    node = middle();
                    rows -> event_time(time, bounded(6.micros())) -> timed -> sorted;
                    sorted.low -> node.rows;
                    sorted.high -> node.others;
                    node.out -> discard;
                    node.rest -> rest;
                    node.late -> discard;
                    rest = collect();
                };
                let result =
                    testing::run(graph.batch(batch), ManualClock::new(), seed).expect("nothing fails");
                result.assert_conserved();
                let report = result.report();
                let node = report.node("node").expect("it is there");
                let nested = node.inside.iter().find(|inside| inside.name == "nested").expect("it is there");
                assert_eq!(
                    node.received,
                    report.node("sorted").map_or(0, |sorted| sorted
                        .emitted
                        .iter()
                        .map(|(_, rows)| rows)
                        .sum())
                );
                assert_eq!(node.emitted_on("rest"), result.rest.len() as u64);
                assert_eq!(nested.emitted_on("rest"), node.emitted_on("rest"));
            }
        }
    }
}
