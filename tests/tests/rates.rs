//! The operators and sources that work by the clock: by a clock that is moved a microsecond at a time, against
//! oracles, over batch sizes (rules Z1, Z2), and what they owe the frontier (rule A11) and the end (J6, J9).

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use streamweave::Error;
use streamweave::envelope::Timed;
use streamweave::prelude::*;
use streamweave::testing;
use streamweave::time::{Clock, Frontier, ManualClock};
use streamweave_tests::random::Random;
use streamweave_tests::record::{Log, Seen, record, take};
use streamweave_tests::{BATCHES, finish, until_it_waits};
use tokio::sync::mpsc;

/// A row: its number, and its time.
type Row = (usize, i64);

/// How far rows may be out of order.
const SLACK: i64 = 5;

/// What comes in each microsecond.
type Script = Vec<Vec<Row>>;

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

/// Flurries and pauses; times that go up and down, further than is allowed now and then.
fn scripts() -> impl Iterator<Item = Script> {
    (0..60).map(|seed| {
        let mut random = Random::new(seed);
        let busy = random.pick(&[5, 20, 60, 95]);
        let mut rows = 0;
        let mut tick = |tick: i64, random: &mut Random| {
            let coming = if random.percent(busy) { random.below(4) } else { 0 };
            let mut row = |_| {
                rows += 1;
                (rows - 1, tick + random.between(-8, 3))
            };
            (0..coming).map(&mut row).collect()
        };
        (0..60).map(|micros| tick(micros, &mut random)).collect()
    })
}

/// The rows of a script, each with the tick at which it comes.
fn arrivals(script: &Script) -> Vec<(i64, Row)> {
    let ticks = script.iter().zip(0..);
    ticks.flat_map(|(rows, tick)| rows.iter().map(move |row| (tick, *row))).collect()
}

/// The tick behind the last: the end of the stream.
fn last(script: &Script) -> i64 {
    i64::try_from(script.len()).expect("it is short")
}

/// Plays a script to an operator: what came out, and at which tick. After the last tick the stream ends, and
/// the clock goes on for as long as the graph does.
macro_rules! play {
    ($script:expr, $batch:expr, $operator:expr) => {{
        let (clock, log) = (ManualClock::new(), Log::default());
        let (send, receive) = mpsc::channel(1_000);
        let mut run = pin!(
            graph! {
                rows = from_channel(receive);
                operator = $operator;
                rows -> event_time(|row: &Row| at(row.1), bounded(SLACK.micros())) -> operator;
                operator -> record(&log);
            }
            .clock(clock.clone())
            .batch($batch)
            .run()
        );
        let mut out = Vec::new();
        let mut tick = 0;
        for rows in $script {
            assert!(until_it_waits(run.as_mut()).is_pending());
            rows.iter().for_each(|row| send.try_send(*row).expect("there is room"));
            assert!(until_it_waits(run.as_mut()).is_pending());
            out.extend(take(&log).into_iter().map(|seen| (tick, seen)));
            clock.advance(1.micros());
            tick += 1;
        }
        assert!(until_it_waits(run.as_mut()).is_pending());
        drop(send);
        let result = loop {
            let polled = until_it_waits(run.as_mut());
            out.extend(take(&log).into_iter().map(|seen| (tick, seen)));
            if let std::task::Poll::Ready(result) = polled {
                break result.expect("nothing fails");
            }
            assert!(clock.next_alarm().is_some(), "it waits for nothing");
            clock.advance(1.micros());
            tick += 1;
        };
        result.assert_conserved();
        out
    }};
}

/// The rows among what was seen.
fn rows<D: Clone>(seen: &[(i64, Seen<D, EventTime>)]) -> Vec<(i64, D)> {
    let row = |(tick, seen): &(i64, Seen<D, EventTime>)| match seen {
        Seen::Row(row, _) => Some((*tick, row.clone())),
        Seen::Frontier(_) | Seen::Idle(_) | Seen::End => None,
    };
    seen.iter().filter_map(row).collect()
}

/// Which rows come before the frontier that the rows before them make.
fn late(script: &Script) -> Vec<bool> {
    let mut greatest = i64::MIN;
    let mut late = |(_, (_, time)): &(i64, Row)| {
        let late = *time < greatest.saturating_sub(SLACK);
        greatest = greatest.max(*time);
        late
    };
    arrivals(script).iter().map(&mut late).collect()
}

/// Holds what was seen against the grammar of a stream: frontiers go on, the end is last, and a row that came on
/// time is on time still. `of` gives the numbers of the rows in a row, and its time is the greatest of theirs.
fn assert_frontiers<D>(script: &Script, seen: &[(i64, Seen<D, EventTime>)], of: impl Fn(&D) -> Vec<usize>) {
    let late = late(script);
    let mut frontier = EventTime::MIN;
    for (_, seen) in seen {
        match seen {
            Seen::Row(row, time) => {
                let late = of(row).into_iter().all(|number| late[number]);
                assert!(late || *time >= frontier, "{time} was on time, but is behind {frontier}");
            }
            Seen::Frontier(next) => {
                assert!(*next > frontier, "{next} is not beyond {frontier}");
                frontier = *next;
            }
            Seen::Idle(_) | Seen::End => {}
        }
    }
    let ends = seen.iter().filter(|(_, seen)| matches!(seen, Seen::End)).count();
    assert_eq!((ends, matches!(seen.last(), Some((_, Seen::End)))), (1, true), "one end, and last");
}

/// Plays every script to an operator over batch sizes, and holds the rows that come out, and when, against
/// the oracle's.
macro_rules! check {
    ($operator:expr, |$script:ident| $naive:expr) => {
        check!($operator, |row: &Row| vec![row.0], |$script| $naive)
    };
    ($operator:expr, $of:expr, |$script:ident| $naive:expr) => {
        for (number, script) in scripts().enumerate() {
            let expected: Vec<_> = {
                let $script = &script;
                $naive
            };
            for batch in BATCHES {
                let seen = play!(&script, batch, $operator);
                assert_eq!(rows(&seen), expected, "script {number}, batch {batch}");
                assert_frontiers(&script, &seen, $of);
            }
        }
    };
}

#[test]
fn sample_passes_the_latest_row_of_each_interval_when_it_ends() {
    for every in [1, 2, 7, 30, 1_000] {
        check!(sample(every.micros()), |script| {
            let rows = arrivals(script);
            let of = |tick: i64| tick / every;
            let latest = |i: &usize| rows.get(i + 1).is_none_or(|next| of(next.0) > of(rows[*i].0));
            let emitted = |i: usize| (((of(rows[i].0) + 1) * every).min(last(script)), rows[i].1);
            (0..rows.len()).filter(latest).map(emitted).collect()
        });
    }
}

#[test]
fn debounce_passes_a_row_after_which_nothing_came_for_so_long() {
    for quiet in [1, 2, 5, 1_000] {
        check!(debounce(quiet.micros()), |script| {
            let rows = arrivals(script);
            let settled = |i: &usize| rows.get(i + 1).is_none_or(|next| next.0 - rows[*i].0 >= quiet);
            let emitted = |i: usize| ((rows[i].0 + quiet).min(last(script)), rows[i].1);
            (0..rows.len()).filter(settled).map(emitted).collect()
        });
    }
}

#[test]
fn throttle_passes_the_first_row_and_then_none_for_so_long() {
    for interval in [1, 2, 7, 1_000] {
        check!(throttle(interval.micros()), |script| {
            let mut next = 0;
            let passes = |(tick, _): &(i64, Row)| {
                let passes = *tick >= next;
                next = if passes { tick + interval } else { next };
                passes
            };
            arrivals(script).into_iter().filter(passes).collect()
        });
    }
}

#[test]
fn rate_limit_delays_rows_as_a_bucket_of_tokens_does_and_loses_none() {
    for (limit, per) in [(1, 1), (1, 3), (2, 3), (3, 10), (7, 5), (1_000, 1)] {
        check!(rate_limit(limit, i64::from(per).micros()), |script| {
            let cost = u64::from(per as u32);
            let (full, mut tokens) = (u64::from(limit) * cost, u64::from(limit) * cost);
            let mut coming = arrivals(script).into_iter().peekable();
            let mut waiting = std::collections::VecDeque::new();
            let mut out = Vec::new();
            for tick in 0.. {
                while let Some((_, row)) = coming.next_if(|(at, _)| *at == tick) {
                    waiting.push_back(row);
                }
                while tokens >= cost && !waiting.is_empty() {
                    tokens -= cost;
                    out.extend(waiting.pop_front().map(|row| (tick, row)));
                }
                if waiting.is_empty() && coming.peek().is_none() {
                    break;
                }
                tokens = full.min(tokens + u64::from(limit));
            }
            out
        });
    }
}

#[test]
fn j9_a_batch_is_emitted_when_it_is_full_or_its_first_row_has_waited_so_long_or_at_the_end() {
    for (size, within) in [(1, 5), (2, 1), (3, 4), (5, 20), (1_000, 7), (1_000, 1_000)] {
        let numbers = |rows: &Vec<Row>| rows.iter().map(|row| row.0).collect();
        check!(batch(size).within(i64::from(within).micros()), numbers, |script| {
            let mut out = Vec::new();
            let mut held: Vec<Row> = Vec::new();
            let mut due = 0;
            for (rows, tick) in script.iter().zip(0_i64..) {
                if !held.is_empty() && tick >= due {
                    out.push((tick, std::mem::take(&mut held)));
                }
                for row in rows {
                    if held.is_empty() {
                        due = tick + i64::from(within);
                    }
                    held.push(*row);
                    if held.len() == size {
                        out.push((tick, std::mem::take(&mut held)));
                    }
                }
            }
            if !held.is_empty() {
                out.push((last(script), held));
            }
            out
        });
    }
}

#[test]
fn z1_a_sample_by_chance_is_the_same_in_every_run_and_takes_its_share() {
    const ROWS: usize = 20_000;
    let ran = |seed, one_in, batch| {
        let result = finish(
            graph! {
                rows = from_iter(0..ROWS);
                rows -> sample_by_chance(seed, one_in) -> sample;
                sample = collect();
            }
            .batch(batch)
            .run(),
        );
        result.assert_conserved();
        result.sample
    };
    for one_in in [1, 2, 10] {
        let first = ran(1, one_in, 1);
        assert!(first.len().abs_diff(ROWS / one_in) < ROWS / 40, "one in {one_in}: {}", first.len());
        assert!(BATCHES.iter().all(|batch| ran(1, one_in, *batch) == first));
        assert_eq!(ran(2, one_in, 7) == first, one_in == 1, "another seed, another sample");
    }
}

graph! {
    graph sampled_and_settled(rows: Timed<Row>) -> (out: Timed<Row>) {
        rows -> sample(4.micros()) -> debounce(4.micros()) -> settled;
        settled = inspect(|_| ());
        settled -> out;
    }
}

graph! {
    graph sampled_and_batched(rows: Timed<Row>) -> (out: Timed<Vec<Row>>) {
        rows -> sample(4.micros()) -> batch(9).within(4.micros()) -> batches;
        batches = inspect(|_| ());
        batches -> out;
    }
}

#[test]
fn z1_what_is_due_goes_on_before_what_another_operator_by_the_clock_brings() {
    for script in scripts() {
        // A row in four microseconds, and each is due when the next one comes.
        let (rows_in, of) = (arrivals(&script), |tick: i64| tick / 4);
        let latest = |i: &usize| rows_in.get(i + 1).is_none_or(|next| of(next.0) > of(rows_in[*i].0));
        let sampled = (0..rows_in.len()).filter(latest).map(|i| (of(rows_in[i].0) * 4 + 4, rows_in[i].1));
        let end = last(&script);
        let expected: Vec<_> = sampled.map(|(tick, row)| ((tick + 4).min(end), row)).collect();
        for batch in BATCHES {
            let seen = play!(&script, batch, sampled_and_settled());
            assert_eq!(rows(&seen), expected, "batch {batch}");
            assert_frontiers(&script, &seen, |row: &Row| vec![row.0]);
            let seen = play!(&script, batch, sampled_and_batched());
            let single = rows(&seen).into_iter().map(|(tick, rows)| {
                assert!(rows.len() == 1 || tick == end, "{rows:?} at {tick}");
                (tick, rows)
            });
            let flat: Vec<_> =
                single.flat_map(|(tick, rows)| rows.into_iter().map(move |row| (tick, row))).collect();
            assert_eq!(flat, expected, "batch {batch}");
            assert_frontiers(&script, &seen, |rows: &Vec<Row>| rows.iter().map(|row| row.0).collect());
        }
    }
}

graph! {
    graph held(rows: Timed<u8>) -> (sampled: Timed<u8>, settled: Timed<u8>, slow: Timed<u8>, batched: Timed<Vec<u8>>) {
        rows -> sample(10.micros()) -> sampled;
        rows -> debounce(10.micros()) -> settled;
        rows -> rate_limit(1, 10.micros()) -> slow;
        rows -> batch(9).within(10.micros()) -> batched;
    }
}

#[test]
fn a11_a_row_that_is_held_holds_the_frontier_and_nothing_else_does() {
    let mut held = held::harness();
    macro_rules! all {
            ($rows:expr, $frontier:expr, [$($port:ident)*]) => {$({
                let rows: Vec<_> = held.outputs.$port.updates().into_iter().map(|row| row.time).collect();
                assert_eq!(rows, $rows.map(at), stringify!($port));
                assert_eq!(*held.outputs.$port.frontier(), $frontier, stringify!($port));
            })*};
        }
    held.inputs.rows.send_at(1, at(50));
    held.inputs.rows.send_at(2, at(55));
    held.inputs.rows.advance_to(at(60));
    held.settle();
    all!([], Frontier::at(at(55)), [sampled settled batched]);
    all!([50], Frontier::at(at(55)), [slow]);
    held.advance(9.micros());
    all!([], Frontier::at(at(55)), [sampled settled batched slow]);
    held.advance(1.micros());
    all!([55], Frontier::at(at(60)), [sampled settled batched slow]);
    held.inputs.rows.advance_to(at(70));
    held.settle();
    all!([], Frontier::at(at(70)), [sampled settled batched slow]);
    held.inputs.rows.close();
    held.settle();
    assert!(held.is_ended(), "nothing holds the end");
    all!([], Frontier::end(), [sampled settled batched slow]);
    held.finish().expect("nothing fails").assert_conserved();
}

#[test]
fn j1_rate_limit_holds_the_source_back_within_a_batch() {
    for batch in BATCHES {
        let taken = Rc::new(Cell::new(0));
        let count = Rc::clone(&taken);
        let clock = ManualClock::new();
        let seen = Rc::new(Cell::new(0));
        let mut run = pin!(
            graph! {
                rows = from_iter((0..3_000_usize).inspect(move |_| count.set(count.get() + 1)));
                rows -> rate_limit(10, 10.micros()) -> for_each(|row| {
                    assert_eq!(row, seen.get());
                    seen.set(row + 1);
                });
            }
            .clock(clock.clone())
            .batch(batch)
            .run()
        );
        for passed in 10..3_000 {
            assert!(until_it_waits(run.as_mut()).is_pending());
            assert_eq!(seen.get(), passed, "batch {batch}");
            assert!(taken.get() <= passed + batch.max(10), "batch {batch}: {} of {passed}", taken.get());
            clock.advance(1.micros());
        }
        assert!(until_it_waits(run.as_mut()).is_ready());
        assert_eq!(seen.get(), 3_000);
    }
}

#[test]
fn j6_a_graph_waits_for_the_rows_whose_turn_is_to_come_and_for_nothing_else() {
    for seed in 0..20 {
        let mut clock = ManualClock::new();
        let start = clock.now();
        let graph = graph! {
            rows = from_iter(0..100);
            rows -> rate_limit(20, 1.secs()) -> slow;
            rows -> debounce(1.hours()) -> settled;
            rows -> sample(1.hours()) -> sampled;
            rows -> batch(1_000).within(1.hours()) -> batched;
            slow = collect();
            settled = collect();
            sampled = collect();
            batched = collect();
        };
        let result = testing::run(graph.batch(7), clock.clone(), seed).expect("nothing fails");
        result.assert_conserved();
        assert_eq!(result.slow, (0..100).collect::<Vec<_>>());
        assert_eq!(result.settled, [99]);
        assert_eq!(result.sampled, [99]);
        assert_eq!(result.batched, [(0..100).collect::<Vec<_>>()]);
        // Twenty at once, then one in fifty milliseconds.
        assert_eq!(clock.now(), start + 4.secs());
    }
}

#[test]
fn interval_emits_one_row_for_each_tick_and_makes_up_for_those_that_were_missed() {
    for batch in BATCHES {
        let clock = ManualClock::new();
        let seen = Rc::new(Cell::new(0));
        let mut run = pin!(
            graph! {
                ticks = interval(10.micros()).take(100);
                ticks -> for_each(|tick| {
                    assert_eq!(tick, seen.get());
                    seen.set(tick + 1);
                });
            }
            .clock(clock.clone())
            .batch(batch)
            .run()
        );
        let mut random = Random::new(batch as u64);
        let mut now = 0;
        while until_it_waits(run.as_mut()).is_pending() {
            assert_eq!(seen.get(), now / 10, "at {now}, batch {batch}");
            let on = random.below(25);
            now += on;
            clock.advance(i64::try_from(on).expect("it is small").micros());
        }
        assert_eq!(seen.get(), 100);
        assert!(now >= 1_000);
    }
}

#[test]
fn j7_interval_ends_when_the_graph_drains() {
    let clock = ManualClock::new();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut run = pin!(
        graph! {
            ticks = interval(10.micros());
            ticks -> seen;
            seen = collect();
        }
        .clock(clock.clone())
        .run_until(async { drop(stopped.await) })
    );
    assert!(until_it_waits(run.as_mut()).is_pending());
    clock.advance(35.micros());
    assert!(until_it_waits(run.as_mut()).is_pending());
    stop.send(()).expect("the graph waits for it");
    let std::task::Poll::Ready(result) = until_it_waits(run.as_mut()) else { panic!("it goes on") };
    assert_eq!(result.expect("nothing fails").seen, [0, 1, 2]);
}

#[test]
fn what_cannot_work_is_refused_before_the_first_row() {
    macro_rules! refused {
        ($($operator:expr => $why:expr;)*) => {$(
            let graph = graph! {
                rows = from_iter(0..3_u32);
                node = $operator;
                rows -> node -> discard;
            };
            match testing::run(graph, ManualClock::new(), 0) {
                Err(Error::Invalid { node, cause }) => assert_eq!((node, cause.to_string()), ("node", $why.to_owned())),
                other => panic!("{other:?}"),
            }
        )*};
    }
    refused! {
        sample(0.secs()) => "the interval of a sample must be above zero, found 0 microseconds";
        debounce((-1).micros()) => "the quiet of a debounce must be above zero, found -1 microseconds";
        throttle(0.secs()) => "the interval of a throttle must be above zero, found 0 microseconds";
        rate_limit(0, 1.secs()) => "the rows of a rate must be above zero, found 0";
        rate_limit(1, 0.secs()) => "the time of a rate must be above zero, found 0 microseconds";
        sample_by_chance(1, 0) => "a chance of one in so many must be above zero, found 0";
        batch(1).within(0.secs()) => "the time within which a batch is emitted must be above zero, found 0 microseconds";
    }
}
