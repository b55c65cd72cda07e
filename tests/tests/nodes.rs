//! Every form of `#[node]`.

use std::collections::HashMap;

use streamweave::prelude::*;
use streamweave::time::{Frontier, ProcessingTime};

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

#[node]
fn sort(number: u64, even: &mut Out<u64>, odd: &mut Out<String>, #[param] from: u64) {
    if number < from {
        return;
    }
    if number % 2 == 0 { even.send(number) } else { odd.send(number.to_string()) }
}

#[node]
fn words(line: &str, long: &mut Out<String>, short: &mut Out<String>) {
    for word in line.split(' ') {
        if word.len() > 3 { long.send(word.to_owned()) } else { short.send(word.to_owned()) }
    }
}

#[test]
fn a_node_sends_to_several_outputs_and_what_it_sends_to_none_is_filtered() {
    let result = block_on(
        graph! {
            numbers = from_iter(0..6);
            sorted  = sort(2);
            numbers -> sorted;
            sorted.even -> even;
            sorted.odd -> odd;
            even = collect();
            odd = collect();
        }
        .run(),
    )
    .expect("nothing fails");
    assert_eq!(result.even, [2, 4]);
    assert_eq!(result.odd, ["3", "5"]);
    result.assert_conserved();
    assert_eq!(result.report().node("sorted").expect("it is there").filtered, 2);
}

#[test]
fn outputs_carry_the_time_and_the_diff_of_the_input() {
    let mut seen = Vec::new();
    block_on(
        graph! {
            lines = from_iter(["a word or two", "more"]);
            sorted = words();
            lines -> epochs(1) -> to_changes() -> sorted;
            sorted.long -> long;
            sorted.short -> discard;
            long = for_each_update(|update| seen.push((update.data, update.time.0, update.diff)));
        }
        .run(),
    )
    .expect("nothing fails");
    assert_eq!(seen, [("word".to_owned(), 0, 1), ("more".to_owned(), 1, 1)]);
}

/// Sees the envelope.
#[node]
fn stamped(row: Timed<&'static str>) -> (&'static str, i64) {
    (row.data, row.time.micros())
}

#[node]
fn doubled_diff(row: Update<u64, LogicalTime, i64>) -> i64 {
    row.diff * 2
}

#[test]
fn a_node_sees_the_envelope_and_its_output_keeps_the_time() {
    let mut seen = Vec::new();
    block_on(
        graph! {
            rows = from_iter(["a", "b"]);
            rows -> event_time(|_| EventTime::from_micros(7), bounded(0.secs())) -> stamped -> out;
            out = for_each_update(|update| seen.push((update.data, update.time.micros())));
        }
        .run(),
    )
    .expect("nothing fails");
    assert_eq!(seen, [(("a", 7), 7), (("b", 7), 7)]);
    let mut diffs = Vec::new();
    block_on(
        graph! {
            rows = from_iter([1, 2]);
            rows -> epochs(1) -> to_changes() -> doubled_diff -> out;
            out = for_each_update(|update| diffs.push((update.data, update.diff)));
        }
        .run(),
    )
    .expect("nothing fails");
    assert_eq!(diffs, [(2, 1), (2, 1)]);
}

#[derive(Clone, Debug, Ports)]
enum Shape<T> {
    Circle(T),
    Square((u32, u32)),
    Nothing,
}

#[node]
fn classify(n: u32) -> Shape<u32> {
    match n % 3 {
        0 => Shape::Circle(n),
        1 => Shape::Square((n, n)),
        _ => Shape::Nothing,
    }
}

#[test]
fn rows_are_routed_by_their_variants() {
    let result = block_on(
        graph! {
            numbers = from_iter(0..6);
            numbers -> classify -> {
                Circle => map(|n: u32| n * 10) -> circles,
                Square => squares,
                Nothing => nothings,
            };
            circles = collect();
            squares = collect();
            nothings = collect();
        }
        .run(),
    )
    .expect("nothing fails");
    assert_eq!(result.circles, [0, 30]);
    assert_eq!(result.squares, [(1, 1), (4, 4)]);
    assert_eq!(result.nothings, [(), ()]);
    result.assert_conserved();
}

/// Joins buys to the last click of the same user.
struct Attribute {
    clicks: HashMap<u32, &'static str>,
    limit: usize,
}

#[node]
impl Attribute {
    fn new(limit: usize) -> Self {
        Attribute { clicks: HashMap::new(), limit }
    }

    fn on_clicks(&mut self, (user, page): (u32, &'static str)) {
        if self.clicks.len() < self.limit {
            self.clicks.insert(user, page);
        }
    }

    fn on_buys(&mut self, user: u32, out: &mut Out<(u32, &'static str)>, unmatched: &mut Out<u32>) {
        match self.clicks.get(&user) {
            Some(page) => out.send((user, page)),
            None => unmatched.send(user),
        }
    }
}

#[test]
fn a_node_with_state_has_inputs_by_name() {
    let result = block_on(
        graph! {
            clicks = from_iter([(1, "a"), (2, "b")]);
            buys   = from_iter([2, 3, 1]);
            attribute = Attribute(10);
            clicks -> attribute.clicks;
            buys -> attribute.buys;
            attribute -> matched;
            attribute.unmatched -> unmatched;
            matched = collect();
            unmatched = collect();
        }
        .run(),
    )
    .expect("nothing fails");
    assert_eq!(result.matched, [(2, "b"), (1, "a")]);
    assert_eq!(result.unmatched, [3]);
    result.assert_conserved();
}

/// Counts rows, tells the count ten seconds behind each row and whenever the frontier moves.
#[derive(Default)]
struct Meter {
    rows: u32,
}

#[node]
impl Meter {
    fn on_rows(&mut self, _row: &'static str, cx: &Cx) {
        self.rows += 1;
        cx.set_timer(*cx.time() + 10.secs());
    }

    fn on_timer(&mut self, at: EventTime, timers: &mut Out<(i64, u32)>) {
        timers.send((at.micros() / 1_000_000, self.rows));
    }

    fn on_frontier(&mut self, frontiers: &mut Out<Option<i64>>, cx: &Cx) {
        frontiers.send(cx.frontier().time().map(|time| time.micros() / 1_000_000));
    }
}

graph! {
    graph metered(rows: Timed<&'static str>) -> (timers: Timed<(i64, u32)>, frontiers: Timed<Option<i64>>) {
        meter = Meter(Meter::default());
        rows -> meter;
        meter.timers -> timers;
        meter.frontiers -> frontiers;
    }
}

#[test]
fn timers_run_out_in_order_before_the_frontier_goes_on() {
    let at = EventTime::from_secs;
    let mut metered = metered::harness();
    metered.inputs.rows.send_at("a", at(5));
    metered.inputs.rows.send_at("b", at(1));
    metered.inputs.rows.advance_to(at(11));
    metered.settle();
    assert!(metered.outputs.timers.take().is_empty());
    assert_eq!(metered.outputs.frontiers.take(), [Some(11)]);
    metered.inputs.rows.advance_to(at(12));
    metered.settle();
    let timers = metered.outputs.timers.updates();
    assert_eq!(timers.iter().map(|row| (row.data, row.time)).collect::<Vec<_>>(), [((11, 2), at(11))]);
    metered.inputs.rows.close();
    metered.settle();
    assert_eq!(metered.outputs.timers.take(), [(15, 2)]);
    assert_eq!(metered.outputs.frontiers.take(), [Some(12), None]);
    metered.finish().expect("nothing fails").assert_conserved();
}

#[node(keep_input)]
fn halve(n: u64) -> Result<u64, &'static str> {
    if n % 2 == 0 { Ok(n / 2) } else { Err("odd") }
}

#[test]
fn a_node_that_takes_its_input_by_value_can_give_it_back() {
    let result = block_on(
        graph! {
            numbers = from_iter([4, 7]);
            halved = halve();
            numbers -> halved -> halves;
            halved.err -> map(|failed| (failed.input, failed.error)) -> odd;
            halves = collect();
            odd = collect();
        }
        .run(),
    )
    .expect("nothing fails");
    assert_eq!(result.halves, [2]);
    assert_eq!(result.odd, [(7, "odd")]);
}

#[test]
fn the_body_of_a_node_is_tested_by_a_call() {
    let (mut even, mut odd) = (Out::default(), Out::default());
    sort::call(4, &mut even, &mut odd, 0);
    assert_eq!((even.take(), odd.take()), (vec![4], Vec::<String>::new()));
    let cx = Cx::new(EventTime::from_secs(1), Frontier::start(), ProcessingTime::from_micros(0));
    let mut meter = Meter::default();
    meter.on_rows("a", &cx);
    assert_eq!(cx.take_timers(), [EventTime::from_secs(11)]);
}
