//! Rules A2, A4 to A8: streams of which nothing comes for a while, and who waits for them.

use std::pin::pin;

use streamweave::envelope::Timed;
use streamweave::prelude::*;
use streamweave::time::{Frontier, Inputs, ManualClock};
use streamweave_tests::random::Random;
use streamweave_tests::record::{Log, Seen, record, take};
use streamweave_tests::until_it_waits;
use tokio::sync::mpsc;

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

fn time(row: &i64) -> EventTime {
    at(*row)
}

fn row(micros: i64) -> Seen<i64, EventTime> {
    Seen::Row(micros, at(micros))
}

graph! {
    graph merged(a: Timed<u64>, b: Timed<u64>, c: Timed<u64>) -> (out: Timed<u64>) {
        [a, b, c] -> merge() -> out;
    }
}

/// Rules A2, A4, A5, A6 and A13, word by word, of whole histories.
#[derive(Default)]
struct Naive {
    /// Of each input: how far it is (`None` at its end), whether it is idle, whether it has yet to catch up.
    inputs: [(Option<i64>, bool, bool); 3],
    all: i64,
}

impl Naive {
    fn new() -> Self {
        Naive { inputs: [(Some(i64::MIN), false, false); 3], all: i64::MIN }
    }

    /// What is known of all after this was heard of one: how far they are, whether they are idle, whether
    /// they have ended.
    fn hear(&mut self, input: usize, to: Option<i64>, is_idle: bool) -> (i64, bool, bool) {
        let was_away = self.inputs[input].1 || self.inputs[input].2;
        let behind = to.is_some_and(|to| to < self.all);
        self.inputs[input] = (to, is_idle, !is_idle && was_away && behind);
        let open = || self.inputs.iter().filter_map(|(to, idle, behind)| Some(((*to)?, *idle, *behind)));
        if open().next().is_none() {
            return (self.all, false, true);
        }
        // A5: all are idle.
        if open().all(|(_, idle, _)| idle) {
            self.all = open().map(|(to, ..)| to).chain([self.all]).max().expect("there is one");
            return (self.all, true, false);
        }
        // A2, A4: the least of those that are active and have caught up; A6: of none nothing is said.
        if let Some(least) = open().filter(|(_, idle, behind)| !idle && !behind).map(|(to, ..)| to).min() {
            self.all = self.all.max(least);
        }
        (self.all, false, false)
    }
}

#[test]
fn a2_a4_a5_a6_a13_inputs_that_fall_idle_and_wake_are_taken_together_as_the_rules_say() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut graph = merged::harness();
        graph.seed(seed);
        let (mut naive, mut frontiers) = (Naive::new(), [i64::MIN; 3]);
        let (mut is_idle, mut sent, mut seen) = ([false; 3], 0, 0);
        for _ in 0..60 {
            let input = random.place(3);
            let feed = match input {
                0 => &graph.inputs.a,
                1 => &graph.inputs.b,
                _ => &graph.inputs.c,
            };
            frontiers[input] = frontiers[input].max(0) + random.between(0, 4);
            let (to, falls_idle) = (frontiers[input], random.percent(30));
            match (falls_idle, random.percent(30)) {
                (true, _) => feed.idle_at(at(to)),
                (false, true) if !is_idle[input] => {
                    feed.send_at(sent, at(to + random.between(-9, 9)));
                    sent += 1;
                    continue;
                }
                (false, _) => feed.advance_to(at(to)),
            }
            is_idle[input] = falls_idle;
            graph.settle();
            let (all, idle, _) = naive.hear(input, Some(to), falls_idle);
            seen += graph.outputs.out.take().len();
            let expected = if idle { Frontier::at(at(all)).idle() } else { Frontier::at(at(all)) };
            assert_eq!(*graph.outputs.out.frontier(), expected, "seed {seed}");
        }
        graph.finish().expect("nothing fails").assert_conserved();
        seen += graph.outputs.out.take().len();
        assert_eq!(u64::try_from(seen).expect("few"), sent);
    }
}

#[test]
fn a4_what_holds_for_a_merge_holds_for_any_number_of_inputs() {
    for seed in 0..500 {
        let mut random = Random::new(seed);
        let (mut naive, mut inputs) = (Naive::new(), Inputs::<EventTime>::new(3));
        let mut frontiers = [Some(i64::MIN); 3];
        for _ in 0..80 {
            let input = random.place(3);
            let Some(last) = frontiers[input] else { continue };
            let to = (!random.percent(3)).then(|| last.max(0) + random.between(0, 4));
            let idle = to.is_some() && random.percent(40);
            frontiers[input] = to;
            let heard = to.map_or_else(Frontier::end, |to| Frontier::at(at(to)));
            inputs.advance(input, if idle { heard.idle() } else { heard });
            let (all, idle, ended) = naive.hear(input, to, idle);
            let expected = if ended { Frontier::end() } else { Frontier::at(at(all)) };
            assert_eq!(*inputs.frontier(), if idle { expected.idle() } else { expected }, "seed {seed}");
        }
    }
}

#[test]
fn a5_in1_at_5_and_in2_at_4_come_to_5_in_both_orders() {
    for first_goes_first in [true, false] {
        let mut graph = merged::harness();
        graph.inputs.c.close();
        graph.inputs.a.advance_to(at(5));
        graph.inputs.b.advance_to(at(4));
        graph.settle();
        let feeds = [(&graph.inputs.a, 5), (&graph.inputs.b, 4)];
        let order = if first_goes_first { [0, 1] } else { [1, 0] };
        for number in order {
            let (feed, time) = feeds[number];
            feed.idle_at(at(time));
        }
        graph.settle();
        graph.outputs.out.take();
        assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(5)).idle());
    }
}

/// Rows at ticks of the clock, a microsecond each; what was seen, and when. The clock goes on for `after`
/// ticks behind the last row.
macro_rules! play {
    ($rows:expr, $ticks:expr, $watermark:expr) => {{
        let (clock, log) = (ManualClock::new(), Log::default());
        let (send, receive) = mpsc::channel(1_000);
        let mut run = pin!(
            graph! {
                rows = from_channel(receive);
                rows -> event_time(time, $watermark) -> record(&log);
            }
            .clock(clock.clone())
            .run()
        );
        let mut seen: Vec<(i64, Seen<i64, EventTime>)> = Vec::new();
        for tick in 0..$ticks {
            for (_, row) in $rows.iter().filter(|(when, _): &&(i64, i64)| *when == tick) {
                send.try_send(*row).expect("there is room");
            }
            assert!(until_it_waits(run.as_mut()).is_pending());
            seen.extend(take(&log).into_iter().map(|seen| (tick, seen)));
            clock.advance(1.micros());
        }
        drop(send);
        assert!(until_it_waits(run.as_mut()).is_ready());
        assert_eq!(take(&log), [Seen::End]);
        seen
    }};
}

#[test]
fn a8_a_stream_is_idle_once_within_the_timeout_and_a_quarter_of_its_last_row() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let timeout = random.between(1, 40);
        let quarter = (timeout + 3) / 4;
        let mut tick = random.between(0, 90);
        let mut rows = Vec::new();
        for number in 0..12 {
            rows.push((tick, number));
            tick += random.between(0, 2 * timeout + 4);
        }
        let seen = play!(rows, tick + 100, ascending().idle_after(timeout.micros()));
        // Rows ascend, so each is followed by its frontier.
        let (mut last, mut is_idle, mut woke, mut reached) = (0, false, false, EventTime::MIN);
        for (tick, seen) in seen {
            let silent = tick - last;
            match seen {
                Seen::Row(number, _) => {
                    assert_eq!(tick, rows[usize::try_from(number).expect("few")].0);
                    assert!(!is_idle, "an active frontier comes before the row that wakes the stream");
                    assert!(woke || silent <= timeout + quarter, "{silent} of {timeout}, seed {seed}");
                    (last, woke) = (tick, false);
                }
                Seen::Idle(time) => {
                    assert!(!is_idle && time == reached, "it is said once, and moves nothing");
                    assert!(
                        (timeout..=timeout + quarter).contains(&silent),
                        "{silent} of {timeout}, seed {seed}"
                    );
                    is_idle = true;
                }
                Seen::Frontier(time) => {
                    assert!(if is_idle { time == reached } else { time > reached });
                    (woke, is_idle, reached) = (is_idle, false, time);
                }
                Seen::End => unreachable!("it is taken apart"),
            }
        }
        assert!(is_idle, "at last it is idle");
    }
}

#[test]
fn a8_a_stream_without_a_row_is_idle_a_timeout_after_the_start() {
    let seen = play!([(50, 7)], 60, bounded(2.micros()).idle_after(20.micros()));
    let expected = [
        (20, Seen::Idle(EventTime::MIN)),
        (50, Seen::Frontier(EventTime::MIN)),
        (50, row(7)),
        (50, Seen::Frontier(at(5))),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a8_a_clock_that_jumps_makes_a_stream_idle_unless_a_row_is_at_hand() {
    let (clock, log) = (ManualClock::new(), Log::default());
    let (send, receive) = mpsc::channel(10);
    let mut run = pin!(
        graph! {
            rows = from_channel(receive);
            rows -> event_time(time, ascending().idle_after(30.secs())) -> record(&log);
        }
        .clock(clock.clone())
        .run()
    );
    send.try_send(1).expect("there is room");
    assert!(until_it_waits(run.as_mut()).is_pending());
    assert_eq!(take(&log), [row(1), Seen::Frontier(at(1))]);
    // The graph was not run for a minute, in which a row came.
    send.try_send(2).expect("there is room");
    clock.advance(60.secs());
    assert!(until_it_waits(run.as_mut()).is_pending());
    assert_eq!(take(&log), [row(2), Seen::Frontier(at(2))]);
    clock.advance(60.secs());
    assert!(until_it_waits(run.as_mut()).is_pending());
    assert_eq!(take(&log), [Seen::Idle(at(2))]);
    drop(send);
    assert!(until_it_waits(run.as_mut()).is_ready());
}

#[test]
fn a7_a_stream_that_waits_for_room_is_not_idle() {
    let (clock, log) = (ManualClock::new(), Log::default());
    let (send, receive) = mpsc::channel(10);
    let mut run = pin!(
        graph! {
            rows = from_channel(receive);
            timed = event_time(time, ascending().idle_after(4.secs()));
            rows -> timed;
            timed -> record(&log);
            timed -> rate_limit(1, 20.secs()) -> slowly;
            slowly = collect();
        }
        .clock(clock.clone())
        .run()
    );
    // Two wait for their turn; a third is not taken as long as they do.
    for micros in [1, 2, 3] {
        send.try_send(micros).expect("there is room");
    }
    assert!(until_it_waits(run.as_mut()).is_pending());
    send.try_send(4).expect("there is room");
    let mut seen = Vec::new();
    for second in 0..60 {
        assert!(until_it_waits(run.as_mut()).is_pending());
        seen.extend(take(&log).into_iter().map(|seen| (second, seen)));
        clock.advance(1.secs());
    }
    let late: Vec<_> = seen.iter().filter(|(second, _)| *second > 0).collect();
    // At 40 s both have gone, and the fourth comes; it waits until 60 s.
    assert_eq!(late, [&(40, row(4)), &(40, Seen::Frontier(at(4)))]);
    for _ in 0..4 {
        assert!(until_it_waits(run.as_mut()).is_pending());
        assert_eq!(take(&log), []);
        clock.advance(1.secs());
    }
    assert!(until_it_waits(run.as_mut()).is_pending());
    assert_eq!(take(&log), [Seen::Idle(at(4))]);
    drop(send);
    assert!(until_it_waits(run.as_mut()).is_ready());
}

#[test]
fn a7_a_source_of_no_partition_is_idle_at_once() {
    let none = || partitioned(|row: &i64| *row, || ascending().idle_after(50.micros())).expecting(0);
    let seen = play!([(3, 7)], 5, none());
    let expected = [
        (0, Seen::Idle(EventTime::MIN)),
        (3, Seen::Frontier(EventTime::MIN)),
        (3, row(7)),
        (3, Seen::Frontier(at(7))),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a4_a_partition_without_rows_is_left_out_inside_the_source() {
    // The partition of a row is its time modulo 10.
    let by_digit = || partitioned(|row: &i64| row % 10, || ascending().idle_after(8.micros()));
    let rows = [(0, 10), (0, 21), (2, 31), (6, 41), (9, 51), (12, 61), (13, 50), (14, 71)];
    let frontiers: Vec<_> =
        play!(rows, 30, by_digit()).into_iter().filter(|(_, seen)| !matches!(seen, Seen::Row(..))).collect();
    let expected = [
        (0, Seen::Frontier(at(10))),
        // Partition 0 is silent for 8.
        (8, Seen::Frontier(at(41))),
        (9, Seen::Frontier(at(51))),
        (12, Seen::Frontier(at(61))),
        // It is back, and behind: it does not hold the other.
        (14, Seen::Frontier(at(71))),
        (22, Seen::Idle(at(71))),
    ];
    assert_eq!(frontiers, expected);
}

/// Feeds a row at 5 and says that nothing more is expected; whether the output is idle then, and after a minute.
macro_rules! passes {
    ($name:ident: $out:ty = $($operator:tt)*) => {{
        graph! {
            graph $name(rows: Timed<i64>) -> (out: Timed<$out>) {
                rows -> $($operator)* -> out;
            }
        }
        let mut graph = $name::harness();
        graph.inputs.rows.send_at(5, at(5));
        graph.inputs.rows.idle_at(at(5));
        graph.settle();
        graph.outputs.out.take();
        let at_once = graph.outputs.out.frontier().is_idle();
        graph.advance(1.minutes());
        graph.outputs.out.take();
        let after = *graph.outputs.out.frontier();
        graph.inputs.rows.advance_to(at(6));
        graph.settle();
        graph.outputs.out.take();
        let awake = !graph.outputs.out.frontier().is_idle();
        (at_once, after == Frontier::at(at(5)).idle(), awake)
    }};
}

#[test]
fn a11_idleness_goes_through_every_operator_that_holds_no_row() {
    let yes = (true, true, true);
    assert_eq!(passes!(mapped: i64 = map(|row| row)), yes);
    assert_eq!(passes!(filtered: i64 = filter(|_| false)), yes);
    assert_eq!(passes!(many: i64 = flat_map(|row| [row, row])), yes);
    assert_eq!(passes!(deduped: i64 = dedup()), yes);
    assert_eq!(passes!(scanned: i64 = scan(0, |sum, row| { *sum += row; Some(*sum) })), yes);
    assert_eq!(passes!(limited: i64 = rate_limit(1, 1.hours())), yes);
    assert_eq!(passes!(full: Vec<i64> = batch(1)), yes);
    assert_eq!(passes!(throttled: i64 = throttle(1.secs())), yes);
}

#[test]
fn a11_an_operator_that_holds_a_row_is_not_idle_until_it_lets_it_go() {
    let no = (false, true, true);
    assert_eq!(passes!(flurry: i64 = debounce(1.secs())), no);
    assert_eq!(passes!(sampled: i64 = sample(1.secs())), no);
    assert_eq!(passes!(batched: Vec<i64> = batch(9).within(1.secs())), no);
    // For as long as it holds it.
    assert_eq!(passes!(held: Vec<i64> = batch(9)), (false, false, true));
}

graph! {
    graph zipped(left: Timed<i64>, right: Timed<i64>) -> (out: Timed<(i64, i64)>) {
        pairs = zip();
        left -> pairs.left;
        right -> pairs.right;
        pairs -> out;
    }
}

graph! {
    graph joined(first: Timed<i64>, second: Timed<i64>) -> (out: Timed<i64>) {
        both = concat();
        first -> both.first;
        second -> both.second;
        both -> out;
    }
}

#[test]
fn a4_an_idle_side_does_not_hold_a_zip_and_rows_that_wait_do() {
    let mut graph = zipped::harness();
    graph.inputs.left.advance_to(at(3));
    graph.inputs.right.advance_to(at(10));
    graph.inputs.left.idle_at(at(3));
    graph.settle();
    graph.outputs.out.take();
    assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(10)));
    // A row that waits for a partner is neither idle nor early.
    graph.inputs.right.send_at(1, at(12));
    graph.inputs.right.idle_at(at(20));
    graph.settle();
    graph.outputs.out.take();
    assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(12)));
    graph.inputs.left.advance_to(at(15));
    graph.inputs.left.send_at(2, at(15));
    graph.settle();
    assert_eq!(graph.outputs.out.take(), [(2, 1)]);
    assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(15)));
    graph.inputs.left.idle_at(at(16));
    graph.settle();
    graph.outputs.out.take();
    assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(20)).idle());
}

#[test]
fn a4_an_idle_second_stream_does_not_hold_a_concat() {
    let mut graph = joined::harness();
    graph.inputs.first.send_at(1, at(10));
    graph.inputs.first.advance_to(at(10));
    graph.inputs.second.idle_at(at(3));
    graph.settle();
    assert_eq!(graph.outputs.out.take(), [1]);
    // The second is not taken from, and not heard, until the first has ended.
    assert_eq!(*graph.outputs.out.frontier(), Frontier::start());
    graph.inputs.first.close();
    graph.settle();
    graph.outputs.out.take();
    assert_eq!(*graph.outputs.out.frontier(), Frontier::at(at(3)).idle());
}
