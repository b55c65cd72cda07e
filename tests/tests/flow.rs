//! Rules J: back-pressure, fairness between sources, and the operators that direct rows (with Z1 and Z2).

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use streamweave::envelope::Timed;
use streamweave::prelude::*;
use streamweave::testing;
use streamweave::time::ManualClock;
use streamweave_tests::{BATCHES, finish, until_it_waits};
use tokio::sync::mpsc;

/// Rows of an iterator, counted where they are taken.
fn counted(rows: u64, taken: &Rc<Cell<u64>>) -> impl Iterator<Item = u64> + use<> {
    let taken = Rc::clone(taken);
    (0..rows).inspect(move |_| taken.set(taken.get() + 1))
}

#[test]
fn j1_a_slow_sink_holds_the_source_back_within_a_batch_and_its_capacity() {
    const ROWS: u64 = 3_000;
    for (batch, capacity) in [(1, 1), (1, 5), (7, 1), (7, 16), (64, 3), (1024, 10)] {
        let taken = Rc::new(Cell::new(0));
        let (send, mut receive) = mpsc::channel(capacity);
        let mut run = pin!(
            graph! {
                rows = from_iter(counted(ROWS, &taken));
                rows -> map(|row| row) -> to_channel(send);
            }
            .batch(batch)
            .run()
        );
        let ahead = (batch + capacity) as u64;
        let mut received = 0;
        loop {
            let ended = until_it_waits(run.as_mut()).is_ready();
            let about =
                format!("batch {batch}, capacity {capacity}: {} taken, {received} received", taken.get());
            assert!(taken.get() <= received + ahead, "too far ahead: {about}");
            assert!(ended || taken.get() >= received + capacity as u64, "not held back by the sink: {about}");
            if ended {
                break;
            }
            assert_eq!(receive.try_recv(), Ok(received), "{about}");
            received += 1;
        }
        received += std::iter::from_fn(|| receive.try_recv().ok()).count() as u64;
        assert_eq!((received, taken.get()), (ROWS, ROWS));
    }
}

#[test]
fn j1_a_slow_sink_holds_back_a_stream_within_a_batch_and_its_capacity() {
    for (batch, capacity) in [(1, 1), (7, 16), (64, 3)] {
        let taken = Rc::new(Cell::new(0));
        let (send, mut receive) = mpsc::channel(capacity);
        let mut run = pin!(
            graph! {
                rows = from_stream(futures::stream::iter(counted(5_000, &taken)));
                rows -> to_channel(send);
            }
            .batch(batch)
            .run()
        );
        // What `from_stream` holds ready, the source's own capacity, is 1024 rows.
        let ahead = (batch + capacity) as u64 + 1024;
        for received in 0..2_000 {
            assert!(until_it_waits(run.as_mut()).is_pending());
            let taken = taken.get();
            assert!(taken <= received + ahead, "batch {batch}: {taken} taken, {received} received");
            assert_eq!(receive.try_recv(), Ok(received));
        }
    }
}

#[test]
fn j2_a_fan_out_is_as_slow_as_its_slowest_branch() {
    let taken = Rc::new(Cell::new(0));
    let quick = Rc::new(Cell::new(0));
    let (send, mut receive) = mpsc::channel(2);
    let mut run = pin!(
        graph! {
            rows = from_iter(counted(500, &taken));
            rows -> for_each(|_| quick.set(quick.get() + 1));
            rows -> filter(|row| row % 2 == 0) -> to_channel(send);
        }
        .batch(5)
        .run()
    );
    let mut received = 0;
    while until_it_waits(run.as_mut()).is_pending() {
        // A row received stands for two taken; two wait in the channel, and a batch in the sink.
        assert!(taken.get() <= 2 * (received + 2) + 5, "{} taken, {received} received", taken.get());
        assert_eq!(quick.get(), taken.get());
        assert_eq!(receive.try_recv(), Ok(2 * received));
        received += 1;
    }
    assert_eq!(quick.get(), 500);
}

/// Whether each of `k` sources has at least 1/(2k) of every prefix beyond the first round, as long
/// as all have rows.
fn assert_fair(merged: &[usize], k: usize, batch: usize, rows: usize) {
    let mut shares = vec![0; k];
    for (place, &source) in merged.iter().enumerate() {
        shares[source] += 1;
        let length = place + 1;
        if shares.contains(&rows) {
            assert!(length > k * batch || rows < 2 * batch, "nothing was tested");
            return;
        }
        let fair = shares.iter().all(|share| share * 2 * k >= length);
        assert!(length <= k * batch || fair, "batch {batch}: {shares:?} of the first {length}");
    }
}

#[test]
fn j4_each_of_k_ready_sources_gets_a_fair_share_of_every_prefix() {
    const ROWS: usize = 4_000;
    let of = |source: usize| std::iter::repeat_n(source, ROWS);
    for batch in BATCHES {
        let two = finish(
            graph! {
                a = from_iter(of(0));
                b = from_iter(of(1));
                [a, b] -> merged;
                merged = collect();
            }
            .batch(batch)
            .run(),
        );
        assert_fair(&two.merged, 2, batch, ROWS);
        let three = finish(
            graph! {
                a = from_iter(of(0));
                b = from_stream(futures::stream::iter(of(1)));
                c = from_iter(of(2));
                [c, a, b] -> merged;
                merged = collect();
            }
            .batch(batch)
            .run(),
        );
        assert_fair(&three.merged, 3, batch, ROWS);
        let five = finish(
            graph! {
                a = from_iter(of(0));
                b = from_iter(of(1));
                c = from_iter(of(2));
                d = from_iter(of(3));
                e = from_iter(of(4));
                // Not every source is merged at the same place.
                inner = map(|source: usize| source);
                [e, c] -> inner;
                [b, inner, a, d] -> merged;
                merged = collect();
            }
            .batch(batch)
            .run(),
        );
        assert_fair(&five.merged, 5, batch, ROWS);
        for merged in [two.merged.len(), three.merged.len() - ROWS, five.merged.len() - 3 * ROWS] {
            assert_eq!(merged, 2 * ROWS);
        }
    }
}

#[test]
fn j4_a_source_that_is_never_ready_does_not_hold_the_others() {
    let (silent, receive) = mpsc::channel::<usize>(1);
    let merged = Rc::new(Cell::new([0; 3]));
    let mut run = pin!(
        graph! {
            a = from_iter(std::iter::repeat_n(0_usize, 100));
            b = from_channel(receive);
            c = from_iter(std::iter::repeat_n(2_usize, 100));
            [a, b, c] -> for_each(|source| {
                let mut shares = merged.get();
                shares[source] += 1;
                merged.set(shares);
            });
        }
        .batch(3)
        .run()
    );
    assert!(until_it_waits(run.as_mut()).is_pending());
    assert_eq!(merged.get(), [100, 0, 100]);
    drop(silent);
    assert!(until_it_waits(run.as_mut()).is_ready());
}

#[test]
fn j6_the_end_fires_what_is_open_before_the_graph_is_done() {
    let result = finish(
        graph! {
            rows = from_iter([1, 25, 3]);
            tens = tumbling(10.micros()).aggregate(Count::new);
            rows -> event_time(|row: &i64| EventTime::from_micros(*row), bounded(1.hours())) -> key_by(|_| ())
                -> tens -> map(|pane| pane.value.value) -> counts;
            tens.late -> discard;
            counts = collect();
        }
        .run(),
    );
    assert_eq!(result.counts, [2, 1]);
    result.assert_conserved();
}

/// The lengths of two inputs that may have an odd way to end.
const LENGTHS: [(u64, u64); 6] = [(0, 0), (0, 9), (9, 0), (30, 30), (2_500, 40), (40, 2_500)];

#[test]
fn z1_zip_pairs_the_nth_with_the_nth_whatever_the_batches_and_the_turns() {
    for (lefts, rights) in LENGTHS {
        for batch in BATCHES {
            for seed in 0..20 {
                let graph = graph! {
                    left  = from_iter(0..lefts);
                    right = from_iter((0..rights).map(|row| row * 10));
                    both  = zip().capacity(5);
                    left -> both.left;
                    right -> both.right;
                    both -> pairs;
                    pairs = collect();
                };
                let result =
                    testing::run(graph.batch(batch), ManualClock::new(), seed).expect("nothing fails");
                let expected: Vec<_> = (0..lefts).zip((0..rights).map(|row| row * 10)).collect();
                assert_eq!(result.pairs, expected, "batch {batch}, seed {seed}");
                result.assert_conserved();
            }
        }
    }
}

#[test]
fn z2_every_row_of_a_zip_waits_finds_its_partner_or_comes_after_the_end() {
    for batch in BATCHES {
        let result = finish(
            graph! {
                left  = from_iter(0..3);
                right = from_iter(0..2_000);
                both  = zip();
                left -> both.left;
                right -> both.right;
                both -> pairs;
                pairs = collect();
            }
            .batch(batch)
            .run(),
        );
        result.assert_conserved();
        let node = result.report().node("both").expect("it is there");
        assert_eq!((node.passed, node.emitted_on("out")), (3, 3), "batch {batch}");
    }
}

#[test]
fn j3_a_stalled_side_of_a_zip_holds_the_other_within_its_capacity_and_a_batch() {
    for (batch, capacity) in [(1, 1), (7, 3), (7, 100), (1024, 1)] {
        let taken = Rc::new(Cell::new(0));
        let (send, receive) = mpsc::channel(1);
        let seen = Rc::new(Cell::new(0));
        let mut run = pin!(
            graph! {
                left  = from_iter(counted(20_000, &taken));
                right = from_channel(receive);
                both  = zip().capacity(capacity);
                left -> both.left;
                right -> both.right;
                both -> for_each(|(left, right): (u64, u64)| {
                    assert_eq!(left, right);
                    seen.set(seen.get() + 1);
                });
            }
            .batch(batch)
            .run()
        );
        for sent in 0..100 {
            assert!(until_it_waits(run.as_mut()).is_pending());
            let ahead = taken.get() - sent;
            assert!(ahead >= capacity as u64, "held back too early: {ahead}");
            assert!(ahead < (capacity + batch) as u64, "held back too late: {ahead}");
            assert_eq!(seen.get(), sent);
            send.try_send(sent).expect("there is room for one");
        }
        drop(send);
        assert!(until_it_waits(run.as_mut()).is_ready(), "what ended holds nobody");
        assert_eq!((seen.get(), taken.get()), (100, 20_000));
    }
}

#[test]
fn j3_a_diamond_into_a_zip_does_not_deadlock_however_much_its_sides_differ() {
    const ROWS: u64 = 3_000;
    for batch in BATCHES {
        let result = finish(
            graph! {
                rows = from_iter(0..ROWS);
                both = zip().capacity(1);
                // One side falls behind by nine in ten.
                rows -> filter(|row| row % 10 == 9) -> both.left;
                rows -> both.right;
                both -> pairs;
                pairs = collect();
            }
            .batch(batch)
            .run(),
        );
        let expected: Vec<_> = (0..ROWS / 10).map(|row| (10 * row + 9, row)).collect();
        assert_eq!(result.pairs, expected, "batch {batch}");
        result.assert_conserved();
    }
}

#[test]
fn j3_two_zips_that_want_what_the_other_holds_back_do_not_deadlock() {
    // Each source fills one zip and starves the other until late: held by capacity alone, neither would move.
    let ran = |batch, seed| {
        let graph = graph! {
            a = from_iter(0..600);
            b = from_iter(0..600);
            one = zip().capacity(10);
            two = zip().capacity(10);
            a -> one.left;
            a -> filter(|row| *row >= 300) -> two.left;
            b -> filter(|row| *row >= 300) -> one.right;
            b -> two.right;
            one -> ones;
            two -> twos;
            ones = collect();
            twos = collect();
        };
        let result = testing::run(graph.batch(batch), ManualClock::new(), seed).expect("nothing fails");
        result.assert_conserved();
        (result.ones, result.twos)
    };
    let ones: Vec<_> = (0..300).map(|row| (row, row + 300)).collect();
    let twos: Vec<_> = (0..300).map(|row| (row + 300, row)).collect();
    for batch in BATCHES {
        for seed in 0..20 {
            assert_eq!(ran(batch, seed), (ones.clone(), twos.clone()), "batch {batch}, seed {seed}");
        }
    }
}

graph! {
    graph zipped(left: Timed<u64>, right: Timed<u64>) -> (pairs: Timed<(u64, u64)>) {
        both = zip();
        left -> both.left;
        right -> both.right;
        both -> pairs;
    }
}

#[test]
fn a2_the_frontier_of_a_zip_is_the_least_of_what_may_come_rows_that_wait_included() {
    use streamweave::time::Frontier;
    let at = EventTime::from_secs;
    let mut zipped = zipped::harness();
    zipped.inputs.left.send_at(1, at(10));
    zipped.inputs.left.send_at(2, at(5));
    zipped.inputs.left.advance_to(at(20));
    zipped.settle();
    assert!(zipped.outputs.pairs.updates().is_empty());
    assert_eq!(*zipped.outputs.pairs.frontier(), Frontier::start(), "an input never heard from");
    zipped.inputs.right.advance_to(at(30));
    zipped.settle();
    assert!(zipped.outputs.pairs.updates().is_empty());
    assert_eq!(*zipped.outputs.pairs.frontier(), Frontier::at(at(5)), "the least of what waits");
    zipped.inputs.right.send_at(10, at(31));
    zipped.inputs.right.send_at(20, at(3));
    zipped.settle();
    let pairs = zipped.outputs.pairs.updates();
    assert_eq!(
        pairs.iter().map(|pair| (pair.data, pair.time)).collect::<Vec<_>>(),
        [((1, 10), at(31)), ((2, 20), at(5))]
    );
    assert_eq!(*zipped.outputs.pairs.frontier(), Frontier::at(at(20)));
    zipped.inputs.right.send_at(30, at(32));
    zipped.inputs.left.close();
    zipped.settle();
    assert!(zipped.outputs.pairs.updates().is_empty());
    assert!(zipped.outputs.pairs.frontier().is_end(), "no pair can come of a side that has ended");
    zipped.finish().expect("nothing fails").assert_conserved();
}

#[test]
fn concat_gives_the_second_stream_behind_the_first_whatever_the_batches_and_the_turns() {
    for (firsts, seconds) in LENGTHS {
        for batch in BATCHES {
            for seed in 0..20 {
                let graph = graph! {
                    first  = from_iter(0..firsts);
                    second = from_iter(10_000..10_000 + seconds);
                    all    = concat();
                    second -> all.second;
                    first -> all.first;
                    all -> rows;
                    rows = collect();
                };
                let result =
                    testing::run(graph.batch(batch), ManualClock::new(), seed).expect("nothing fails");
                let expected: Vec<_> = (0..firsts).chain(10_000..10_000 + seconds).collect();
                assert_eq!(result.rows, expected, "batch {batch}, seed {seed}");
                result.assert_conserved();
            }
        }
    }
}

#[test]
fn j3_concat_takes_nothing_of_the_second_stream_before_its_turn() {
    let taken = Rc::new(Cell::new(0));
    let (send, receive) = mpsc::channel(1);
    let mut run = pin!(
        graph! {
            first  = from_channel(receive);
            second = from_iter(counted(100, &taken));
            all    = concat();
            first -> all.first;
            second -> all.second;
            all -> for_each(|_| ());
        }
        .batch(7)
        .run()
    );
    for row in 0..10 {
        assert!(until_it_waits(run.as_mut()).is_pending());
        assert_eq!(taken.get(), 0);
        send.try_send(row).expect("there is room for one");
    }
    drop(send);
    assert!(until_it_waits(run.as_mut()).is_ready());
    assert_eq!(taken.get(), 100);
}

#[test]
fn j3_concat_of_one_source_with_itself_keeps_the_second_pass_in_memory() {
    for batch in BATCHES {
        let result = finish(
            graph! {
                rows = from_iter(0..2_000);
                twice = concat();
                rows -> twice.first;
                rows -> map(|row| row + 10_000) -> twice.second;
                twice -> all;
                all = collect();
            }
            .batch(batch)
            .run(),
        );
        let expected: Vec<_> = (0..2_000).chain(10_000..12_000).collect();
        assert_eq!(result.all, expected, "batch {batch}");
        result.assert_conserved();
    }
}

graph! {
    graph in_a_row(first: Timed<u64>, second: Timed<u64>) -> (rows: Timed<u64>) {
        all = concat();
        first -> all.first;
        second -> all.second;
        all -> rows;
    }
}

#[test]
fn a11_no_row_of_a_concat_is_behind_its_frontier() {
    use streamweave::time::Frontier;
    let at = EventTime::from_secs;
    let mut all = in_a_row::harness();
    all.inputs.second.send_at(2, at(7));
    all.inputs.second.advance_to(at(9));
    all.inputs.first.send_at(1, at(50));
    all.inputs.first.advance_to(at(50));
    all.settle();
    assert_eq!(all.outputs.rows.take(), [1]);
    // The second stream has not been taken from: nothing is known of it.
    assert_eq!(*all.outputs.rows.frontier(), Frontier::start());
    all.inputs.first.close();
    all.settle();
    assert_eq!(all.outputs.rows.take(), [2]);
    assert_eq!(*all.outputs.rows.frontier(), Frontier::at(at(9)));
    all.finish().expect("nothing fails").assert_conserved();
    all.settle();
    assert!(all.outputs.rows.take().is_empty());
    assert!(all.outputs.rows.frontier().is_end());
}

/// Runs `rows` through an operator with three ways, and `rest`; gives what came out of each.
macro_rules! dealt {
    ($rows:expr, $batch:expr, $operator:expr $(, $rest:ident)?) => {{
        let result = finish(
            graph! {
                rows = from_iter($rows);
                ways = $operator;
                rows -> ways;
                ways.to_0 -> to_0;
                ways.to_1 -> to_1;
                ways.to_2 -> to_2;
                $(ways.$rest -> $rest;
                $rest = collect();)?
                to_0 = collect();
                to_1 = collect();
                to_2 = collect();
            }
            .batch($batch)
            .run(),
        );
        result.assert_conserved();
        [result.to_0, result.to_1, result.to_2 $(, result.$rest)?]
    }};
}

/// Rows to be dealt out: no number, and no weight, in a row.
fn dealt_rows() -> impl Iterator<Item = u64> + Clone {
    (0..3_000).map(|row| row * 7_919 % 1_009)
}

#[test]
fn z1_route_sends_each_row_to_the_port_of_its_number_and_what_has_none_to_rest() {
    for batch in BATCHES {
        let of = |row: &u64| usize::try_from(row % 11).expect("it is small");
        let dealt = dealt!(dealt_rows(), batch, route_by(Ways::<3>, of), rest);
        for (port, rows) in dealt.into_iter().enumerate() {
            let expected: Vec<_> = dealt_rows().filter(|row| of(row).min(3) == port).collect();
            assert_eq!(rows, expected, "batch {batch}, port {port}");
        }
    }
}

#[test]
fn z1_round_robin_deals_in_turn_wherever_a_batch_is_cut() {
    for batch in BATCHES {
        let dealt = dealt!(dealt_rows(), batch, round_robin(Ways::<3>));
        for (port, rows) in dealt.into_iter().enumerate() {
            assert_eq!(rows, dealt_rows().skip(port).step_by(3).collect::<Vec<_>>(), "batch {batch}");
        }
    }
}

#[test]
fn z1_balance_gives_to_the_port_with_the_least_weight_so_far() {
    let mut expected = [vec![], vec![], vec![]];
    for row in dealt_rows() {
        let port = (0..3).min_by_key(|port| expected[*port].iter().sum::<u64>()).expect("there are three");
        expected[port].push(row);
    }
    let mut sums = expected.each_ref().map(|rows| rows.iter().sum::<u64>());
    sums.sort_unstable();
    assert!(sums[2] - sums[0] <= 1_008, "no more than the heaviest row");
    for batch in BATCHES {
        assert_eq!(dealt!(dealt_rows(), batch, balance(Ways::<3>, |row| *row)), expected, "batch {batch}");
    }
}

#[test]
fn a11_every_way_has_every_frontier() {
    use streamweave_tests::record::{Log, Seen, record, take};
    let at = EventTime::from_micros;
    for batch in BATCHES {
        let logs: [Log<i64, EventTime>; 4] = Default::default();
        let [one, two, three, rest] = &logs;
        finish(
            graph! {
                rows = from_iter([1, 5, 1]);
                ways = route_by(Ways::<3>, |row: &i64| if *row == 1 { 1 } else { 9 });
                rows -> event_time(|row: &i64| at(*row), bounded(0.micros())) -> ways;
                ways.to_0 -> record(one);
                ways.to_1 -> record(two);
                ways.to_2 -> record(three);
                ways.rest -> record(rest);
            }
            .batch(batch)
            .run(),
        );
        let with = |rows: [bool; 3]| {
            let all = [
                (rows[0], Seen::Row(1, at(1))),
                (true, Seen::Frontier(at(1))),
                (rows[1], Seen::Row(5, at(5))),
                (true, Seen::Frontier(at(5))),
                (rows[2], Seen::Row(1, at(1))),
                (true, Seen::End),
            ];
            all.into_iter().filter_map(|(there, seen)| there.then_some(seen)).collect::<Vec<_>>()
        };
        let expected = [[false; 3], [true, false, true], [false; 3], [false, true, false]];
        for (log, expected) in logs.iter().zip(expected) {
            assert_eq!(take(log), with(expected), "batch {batch}");
        }
    }
}

#[test]
fn z2_unzip_and_zip_give_the_same_pairs_again() {
    for batch in BATCHES {
        let result = finish(
            graph! {
                pairs = from_iter(dealt_rows().map(|row| (row, row.to_string())));
                parts = unzip();
                again = zip().capacity(1);
                pairs -> parts;
                parts.left -> again.left;
                parts.right -> again.right;
                again -> all;
                all = collect();
            }
            .batch(batch)
            .run(),
        );
        result.assert_conserved();
        let expected: Vec<_> = dealt_rows().map(|row| (row, row.to_string())).collect();
        assert_eq!(result.all, expected, "batch {batch}");
    }
}

#[test]
fn z2_split_results_loses_neither_what_succeeded_nor_why_the_rest_did_not() {
    let halve = |row: u64| if row % 2 == 0 { Ok(row / 2) } else { Err(row) };
    for batch in BATCHES {
        let result = finish(
            graph! {
                rows  = from_iter(dealt_rows());
                split = split_results();
                rows -> map(halve) -> split;
                split -> halves;
                split.err -> map(|failed| failed.error) -> odd;
                halves = collect();
                odd = collect();
            }
            .batch(batch)
            .run(),
        );
        result.assert_conserved();
        assert_eq!(result.halves, dealt_rows().filter_map(|row| halve(row).ok()).collect::<Vec<_>>());
        assert_eq!(result.odd, dealt_rows().filter_map(|row| halve(row).err()).collect::<Vec<_>>());
    }
}

#[test]
fn j2_every_branch_of_a_broadcast_has_every_row() {
    for batch in BATCHES {
        let result = finish(
            graph! {
                rows = broadcast();
                from_iter(dealt_rows()) -> rows;
                rows -> one;
                rows -> filter(|row| row % 2 == 0) -> two;
                rows -> three;
                one = collect();
                two = collect();
                three = collect();
            }
            .batch(batch)
            .run(),
        );
        result.assert_conserved();
        assert_eq!(result.one, dealt_rows().collect::<Vec<_>>());
        assert_eq!(result.two, dealt_rows().filter(|row| row % 2 == 0).collect::<Vec<_>>());
        assert_eq!(result.three, result.one);
    }
}

#[test]
fn j4_merge_gives_each_ready_input_its_share_however_the_turns_are_drawn() {
    const ROWS: usize = 6_000;
    for seed in 0..50 {
        let graph = graph! {
            a = from_iter(std::iter::repeat_n(0, ROWS));
            b = from_iter(std::iter::repeat_n(1, ROWS));
            c = from_iter(std::iter::repeat_n(2, ROWS));
            [a, b, c] -> merged;
            merged = collect();
        };
        let result = testing::run(graph.batch(7), ManualClock::new(), seed).expect("nothing fails");
        // Drawn, the shares of a long prefix are even but for chance.
        let mut shares = [0; 3];
        result.merged[..ROWS].iter().for_each(|source: &usize| shares[*source] += 1);
        assert!(shares.iter().all(|share| share * 2 * 3 >= ROWS), "seed {seed}: {shares:?}");
    }
}
