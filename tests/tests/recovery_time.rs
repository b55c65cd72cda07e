//! What works by time survives a restart: rule H4 for event time, windows, what is ordered by time, and joins; rules A14 and H13.
//!
//! Each graph is taken through random scripts of rows, frontiers and clock moves: once without a stop, once for each step with a stop
//! behind it, and once with a stop behind every step. What comes out, frontiers included, is the same, and so is what is kept.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use streamweave::envelope::{Message, Nullable};
use streamweave::operator::Folded;
use streamweave::operator::window::{Overlapping, period, rows};
use streamweave::prelude::*;
use streamweave::state::EventLog;
use streamweave::testing::{Feed, Saved, Tap};
use streamweave::time::{BoundedOutOfOrderness, Frontier, Timestamp, Watermark};
use streamweave_tests::random::Random;

type Row = Keyed<u64, i64>;

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

/// One step of a script.
#[derive(Clone, Copy, Debug)]
enum Step {
    Row {
        input: usize,
        row: Row,
        time: i64,
    },
    Frontier {
        input: usize,
        to: i64,
    },
    Idle {
        input: usize,
        at: i64,
    },
    /// The clock goes on.
    Clock(i64),
    /// The stream ends.
    End {
        input: usize,
    },
}

/// What scripts have in them.
#[derive(Clone, Copy)]
struct Scripts {
    inputs: usize,
    /// How far rows may be behind the newest.
    spread: i64,
    clock: i64,
    idles: bool,
    ends: bool,
}

const ONE: Scripts = Scripts { inputs: 1, spread: 12, clock: 0, idles: true, ends: false };
const TIMED: Scripts = Scripts { clock: 6, ..ONE };
const TWO: Scripts = Scripts { inputs: 2, ends: true, ..ONE };

const SEEDS: u64 = 10;
const STEPS: usize = 32;

impl Scripts {
    fn script(self, seed: u64) -> Vec<Step> {
        let mut random = Random::new(seed);
        let keys = random.pick(&[1, 2, 5]);
        let spread = random.pick(&[2, self.spread / 2, self.spread]);
        let (mut now, mut reached, mut ended) = (-15, vec![i64::MIN; self.inputs], vec![false; self.inputs]);
        let mut steps = Vec::new();
        while steps.len() < STEPS {
            let input = random.place(self.inputs);
            now += random.pick(&[0, 0, 1, 1, 2, 5]);
            if ended[input] {
                continue;
            }
            steps.push(match random.below(20) {
                0..=10 => {
                    let row = Keyed { key: random.below(keys), value: random.between(-9, 9) };
                    Step::Row { input, row, time: now - random.between(0, spread) }
                }
                11..=15 => {
                    reached[input] = reached[input].max(now - random.between(0, spread));
                    Step::Frontier { input, to: reached[input] }
                }
                16 if self.idles && reached[input] > i64::MIN => Step::Idle { input, at: reached[input] },
                17 if self.ends && steps.len() > STEPS / 2 && !ended.contains(&true) => {
                    ended[input] = true;
                    Step::End { input }
                }
                _ if self.clock > 0 => Step::Clock(random.between(1, self.clock)),
                _ => continue,
            });
        }
        steps
    }
}

/// An input that a script is played to.
trait Takes {
    fn row(&self, row: Row, time: i64);
    fn frontier(&self, frontier: Frontier<EventTime>);
    fn end(&mut self);
}

impl Takes for Feed<Row, EventTime> {
    fn row(&self, row: Row, time: i64) {
        self.send_at(row, at(time));
    }

    fn frontier(&self, frontier: Frontier<EventTime>) {
        self.message(Message::Frontier(frontier));
    }

    fn end(&mut self) {
        self.close();
    }
}

/// One that has no time: rows bring theirs along.
impl Takes for Feed<(Row, i64)> {
    fn row(&self, row: Row, time: i64) {
        self.send((row, time));
    }

    fn frontier(&self, _frontier: Frontier<EventTime>) {}

    fn end(&mut self) {
        self.close();
    }
}

/// What came out, port by port.
type Seen = BTreeMap<&'static str, Port>;

#[derive(Clone, Debug, Default, PartialEq)]
struct Port {
    messages: Vec<String>,
    frontier: String,
    rows: usize,
}

fn note<D: Debug, T: Timestamp, R: Debug>(port: &'static str, tap: &mut Tap<D, T, R>, seen: &mut Seen) {
    let seen = seen.entry(port).or_default();
    for message in tap.messages() {
        let text = format!("{message:?}");
        match message {
            Message::Row(_) => seen.rows += 1,
            // What was said to an input before the restart, and is said again, is new to its port.
            Message::Frontier(_) if seen.frontier == text => continue,
            Message::Frontier(_) => seen.frontier.clone_from(&text),
        }
        seen.messages.push(text);
    }
}

/// What is in a graph that was saved, in whatever order its tables give it.
fn content(saved: &Saved) -> String {
    let mut content = format!("{saved:?}").into_bytes();
    content.sort_unstable();
    String::from_utf8(content).expect("a name of a type has letters of one byte")
}

/// Takes a graph one step on.
macro_rules! take {
    ($graph:ident, $step:expr, $seen:ident, $($input:ident),+ => $($output:ident),+) => {{
        let mut inputs: Vec<&mut dyn Takes> = vec![$(&mut $graph.inputs.$input),+];
        match *$step {
            Step::Row { input, row, time } => inputs[input].row(row, time),
            Step::Frontier { input, to } => inputs[input].frontier(Frontier::at(at(to))),
            Step::Idle { input, at: to } => inputs[input].frontier(Frontier::at(at(to)).idle()),
            Step::Clock(by) => $graph.advance(by.micros()),
            Step::End { input } => inputs[input].end(),
        }
        $graph.settle();
        $(note(stringify!($output), &mut $graph.outputs.$output, &mut $seen);)+
    }};
}

/// A new graph that goes on where another one was saved, behind these steps.
macro_rules! restored {
    ($graph:expr, $saved:expr, $steps:expr, $($input:ident),+) => {{
        let mut graph = $graph;
        let passed = $steps.iter().map(|step| if let Step::Clock(by) = step { *by } else { 0 }).sum::<i64>();
        graph.clock().advance(passed.micros());
        graph.restore($saved).expect("it is the same graph");
        let mut inputs: Vec<&mut dyn Takes> = vec![$(&mut graph.inputs.$input),+];
        for step in &$steps[..] {
            if let Step::End { input } = step {
                inputs[*input].end();
            }
        }
        graph.settle();
        graph
    }};
}

/// Takes a graph to its end.
macro_rules! end {
    ($graph:ident, $seen:ident, $($input:ident),+ => $($output:ident),+) => {{
        $(
            $graph.inputs.$input.end();
            $graph.settle();
        )+
        $graph.finish().expect("nothing fails").assert_conserved();
        $(note(stringify!($output), &mut $graph.outputs.$output, &mut $seen);)+
    }};
}

/// That a graph does the same wherever it is stopped; and that something comes out of each of its ports in some script.
macro_rules! survives {
    ($scripts:expr, $graph:expr, $($input:ident),+ => $($output:ident),+) => {{
        let mut rows = BTreeMap::new();
        for seed in 0..SEEDS {
            let script = $scripts.script(seed);
            let (mut graph, mut whole) = ($graph, Seen::new());
            script.iter().for_each(|step| take!(graph, step, whole, $($input),+ => $($output),+));
            end!(graph, whole, $($input),+ => $($output),+);
            whole.iter().for_each(|(port, seen)| *rows.entry(*port).or_insert(0) += seen.rows);

            let (mut graph, mut seen, mut saved) = ($graph, Seen::new(), Vec::new());
            for step in &script {
                take!(graph, step, seen, $($input),+ => $($output),+);
                saved.push((graph.save(), seen.clone()));
            }
            let kept = content(&graph.save());
            for (cut, (saved, mut seen)) in saved.into_iter().enumerate() {
                let (before, after) = script.split_at(cut + 1);
                let mut graph = restored!($graph, &saved, before, $($input),+);
                after.iter().for_each(|step| take!(graph, step, seen, $($input),+ => $($output),+));
                end!(graph, seen, $($input),+ => $($output),+);
                assert_eq!(seen, whole, "seed {seed}, stopped behind step {cut} of {script:#?}");
            }

            let (mut graph, mut seen) = ($graph, Seen::new());
            for (number, step) in script.iter().enumerate() {
                take!(graph, step, seen, $($input),+ => $($output),+);
                let saved = graph.save();
                graph = restored!($graph, &saved, script[..=number], $($input),+);
            }
            // An input that has ended ends once more in each new graph, at which a join looks at what it holds.
            if !script.iter().any(|step| matches!(step, Step::End { .. })) {
                assert_eq!(content(&graph.save()), kept, "seed {seed}, what is kept in the end of {script:#?}");
            }
            end!(graph, seen, $($input),+ => $($output),+);
            assert_eq!(seen, whole, "seed {seed}, stopped behind every step of {script:#?}");
        }
        assert!(rows.values().all(|came| *came > 0), "nothing came out of some port: {rows:?}");
    }};
}

/// A graph of one node that has the ports `out` and `late`.
macro_rules! with_late {
    ($($name:ident: $diff:ty, $out:ty, $late:ty, $node:expr;)*) => {$(
        graph! {
            graph $name(rows: Timed<Row>) -> (out: Update<$out, EventTime, $diff>, late: $late) {
                #![durable]
                node = $node;
                rows -> node -> out;
                node.late -> late;
            }
        }
    )*};
}

/// Windows, by the diff of what they give, what a pane is of, and the windows.
macro_rules! windowed {
    ($($name:ident: $diff:ty, $value:ty, $node:expr;)*) => {
        with_late! { $($name: $diff, Keyed<u64, Pane<$value>>, Late<Row>, $node;)* }
    };
}

windowed! {
    tumbling_sums: (), i128, tumbling(10.micros()).aggregate(Sum::new);
    tumbling_means: (), f64, tumbling(7.micros()).offset(3.micros()).aggregate(Mean::new);
    tumbling_by_key: (), (u64, i64), tumbling(10.micros()).by_key().aggregate(|| (Count::new(), Max::new()));
    tumbling_folds: (), Vec<i64>, tumbling(10.micros()).fold(Vec::new, |values: &mut Vec<i64>, value| values.push(value));
    tumbling_folds_and_counts: (), (Vec<i64>, u64), tumbling(10.micros())
        .aggregate(|| (Folded::new(Vec::new(), |values: &mut Vec<i64>, value| values.push(value)), Count::new()));
    whole_stream: (), i128, global().aggregate(Sum::new);
    sliding_sums: (), i128, sliding(10.micros(), 3.micros()).aggregate(Sum::new);
    sliding_extremes: (), (i64, i64), sliding(12.micros(), 4.micros()).aggregate(|| (Min::new(), Last::new()));
    sliding_means: (), f64, sliding(9.micros(), 2.micros()).by_key().aggregate(Mean::new);
    cumulative_counts: (), u64, cumulative(12.micros(), 3.micros()).aggregate(Count::new);
    late_accumulating: (), Vec<i64>, tumbling(10.micros()).allowed_lateness(6.micros()).accumulating()
        .fold(Vec::new, |values: &mut Vec<i64>, value| values.push(value));
    late_discarding: (), i128, sliding(10.micros(), 5.micros()).allowed_lateness(6.micros()).discarding().aggregate(Sum::new);
    late_retracting: i64, i128, sliding(10.micros(), 5.micros()).allowed_lateness(6.micros()).late(rows(2)).retracting()
        .aggregate(Sum::new);
    early_rows: (), i128, sliding(10.micros(), 4.micros()).early(rows(3)).discarding().aggregate(Sum::new);
    early_period: i64, u64, tumbling(20.micros()).early(period(5.micros())).retracting().aggregate(Count::new);
    early_once: (), u64, tumbling(20.micros()).early(period(5.micros()).first_of(rows(3)).once()).accumulating()
        .by_key().aggregate(Count::new);
    late_period: (), u64, tumbling(10.micros()).allowed_lateness(8.micros()).late(period(4.micros()).once()).accumulating()
        .aggregate(Count::new);
    own_trigger: (), u64, tumbling(20.micros()).early(Doubling).accumulating().aggregate(Count::new);
    own_assigner: (), i128, windows(Halves).aggregate(Sum::new);
    sessions: (), i128, session(4.micros()).aggregate(Sum::new);
    short_sessions: (), u64, session(4.micros()).max_length(9.micros()).aggregate(Count::new);
    late_sessions: i64, i128, session(4.micros()).allowed_lateness(7.micros()).retracting().aggregate(Sum::new);
    early_sessions: i64, u64, session(5.micros()).early(period(3.micros()).first_of(rows(3))).retracting().aggregate(Count::new);
}

/// Fires after 1, 2, 4, .. rows: a trigger with something to remember.
#[derive(Clone)]
struct Doubling;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Doubled {
    rows: u64,
    firings: u32,
}

impl Trigger for Doubling {
    type State = Doubled;

    fn on_row(&self, state: &mut Doubled, _now: ProcessingTime) -> bool {
        state.rows += 1;
        state.rows >= 1 << state.firings
    }

    fn fired(&self, state: &mut Doubled) {
        *state = Doubled { rows: 0, firings: state.firings + 1 };
    }
}

/// Each time is in the window of its ten and in that of its five.
#[derive(Clone)]
struct Halves;

impl Assigner for Halves {
    type Shape = Overlapping;

    fn slice(&self, time: EventTime) -> Window {
        let start = time.micros().div_euclid(5) * 5;
        Window { start: at(start), end: at(start + 5) }
    }

    fn windows(&self, slice: Window) -> impl Iterator<Item = Window> {
        let start = slice.start.micros().div_euclid(10) * 10;
        let ten = Window { start: at(start), end: at(start + 10) };
        let is_first = slice.start == ten.start;
        // By end.
        [is_first.then_some(slice), Some(ten), (!is_first).then_some(slice)].into_iter().flatten()
    }
}

#[test]
fn h4_windows_that_fire_once_survive() {
    survives!(ONE, tumbling_sums::harness(), rows => out, late);
    survives!(ONE, tumbling_means::harness(), rows => out, late);
    survives!(ONE, tumbling_by_key::harness(), rows => out, late);
    survives!(ONE, tumbling_folds::harness(), rows => out, late);
    survives!(ONE, tumbling_folds_and_counts::harness(), rows => out, late);
    survives!(ONE, own_assigner::harness(), rows => out, late);
}

#[test]
fn h4_windows_that_overlap_survive() {
    let far = Scripts { spread: 30, ..ONE };
    survives!(far, sliding_sums::harness(), rows => out, late);
    survives!(far, sliding_extremes::harness(), rows => out, late);
    survives!(far, sliding_means::harness(), rows => out, late);
    survives!(far, cumulative_counts::harness(), rows => out, late);
}

#[test]
fn h4_windows_that_take_late_rows_survive() {
    let far = Scripts { spread: 24, ..TIMED };
    survives!(far, late_accumulating::harness(), rows => out, late);
    survives!(far, late_discarding::harness(), rows => out, late);
    survives!(far, late_retracting::harness(), rows => out, late);
    survives!(far, late_period::harness(), rows => out, late);
}

#[test]
fn h4_triggers_survive() {
    let far = Scripts { spread: 24, ..TIMED };
    survives!(far, early_rows::harness(), rows => out, late);
    survives!(far, early_period::harness(), rows => out, late);
    survives!(far, early_once::harness(), rows => out, late);
    survives!(far, own_trigger::harness(), rows => out, late);
}

#[test]
fn h4_sessions_survive() {
    let far = Scripts { spread: 24, ..TIMED };
    survives!(far, sessions::harness(), rows => out, late);
    survives!(far, short_sessions::harness(), rows => out, late);
    survives!(far, late_sessions::harness(), rows => out, late);
    survives!(far, early_sessions::harness(), rows => out, late);
}

graph! {
    graph of_all(rows: Timed<Row>) -> (out: Timed<Keyed<(), Pane<Option<i64>>>>) {
        #![durable]
        // A key without bytes, and values that may be written as nothing.
        greatest = tumbling(10.micros()).aggregate(Max::new);
        rows -> map(|row: Row| Keyed { key: (), value: (row.value > 4).then_some(row.value) }) -> greatest -> out;
        greatest.late -> discard;
    }
}

graph! {
    graph of_the_whole(rows: Timed<Row>) -> (out: Timed<Keyed<u64, Pane<i128>>>) {
        #![durable]
        sums = global().aggregate(Sum::new);
        rows -> sums -> out;
        sums.late -> discard;
    }
}

graph! {
    graph of_null_keys(rows: Timed<Row>) -> (out: Timed<Keyed<Nullable<u64>, Pane<i128>>>) {
        #![durable]
        sums = sliding(10.micros(), 5.micros()).aggregate(Sum::new);
        rows -> map(nullable) -> sums -> out;
        sums.late -> discard;
    }
}

/// The same row; the key 0 is null.
fn nullable(row: Row) -> Keyed<Nullable<u64>, i64> {
    Keyed { key: Nullable::from((row.key > 0).then_some(row.key)), value: row.value }
}

#[test]
fn h4_windows_survive_whatever_their_keys_and_values_are() {
    survives!(ONE, of_all::harness(), rows => out);
    survives!(ONE, of_the_whole::harness(), rows => out);
    survives!(ONE, of_null_keys::harness(), rows => out);
}

graph! {
    graph counted(rows: Timed<Row>) -> (three: Timed<Keyed<u64, i128>>, sliding: Timed<Keyed<u64, Vec<i64>>>) {
        #![durable]
        rows -> count_windows(3).aggregate(Sum::new) -> three;
        rows -> count_windows(4).every(2).aggregate(Values::default) -> sliding;
    }
}

graph! {
    graph counted_without_time(rows: (Row, i64)) -> (out: Keyed<u64, i128>) {
        #![durable]
        rows -> map(|row: (Row, i64)| row.0) -> count_windows(4).every(3).aggregate(Sum::new) -> out;
    }
}

/// An aggregate of one's own.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Values(Vec<i64>);

impl Aggregate<i64> for Values {
    type Output = Vec<i64>;

    fn add(&mut self, value: i64) {
        self.0.push(value);
    }

    fn output(&self) -> Vec<i64> {
        self.0.clone()
    }
}

impl Merge for Values {
    fn merge(&mut self, later: &Self) {
        self.0.extend(&later.0);
    }
}

#[test]
fn h4_count_windows_survive() {
    survives!(ONE, counted::harness(), rows => three, sliding);
    survives!(ONE, counted_without_time::harness(), rows => out);
}

/// Streams of rows with a time in them, by their watermark.
macro_rules! stamped {
    ($($name:ident: $watermark:expr;)*) => {$(
        graph! {
            graph $name(rows: (Row, i64)) -> (out: Timed<(Row, i64)>) {
                #![durable]
                rows -> event_time(|row: &(Row, i64)| at(row.1), $watermark) -> out;
            }
        }
    )*};
}

/// Its row's partition.
fn partition_of(row: &(Row, i64)) -> u64 {
    row.0.key
}

/// A mark, where the value of a row is one.
fn mark(row: &(Row, i64)) -> Option<EventTime> {
    (row.0.value > 5).then(|| at(row.1))
}

stamped! {
    by_bounded: bounded(3.micros());
    by_ascending: ascending();
    by_steps: bounded(2.micros()).every(5.micros());
    by_marks: punctuated(mark);
    by_marks_in_steps: punctuated(mark).every(4.micros()).idle_after(6.micros());
    until_silent: bounded(3.micros()).idle_after(8.micros());
    by_partition: partitioned(partition_of, || bounded(2.micros()));
    by_expected_partition: partitioned(partition_of, || ascending().idle_after(9.micros())).expecting(3);
    by_own: Thirds { of: ascending(), rows: 0 }.idle_after(7.micros());
}

/// A strategy of one's own: every third row is the last of its time.
#[derive(State)]
struct Thirds {
    #[state]
    of: BoundedOutOfOrderness,
    #[state]
    rows: u32,
}

impl<D> Watermark<D> for Thirds {
    fn observe(&mut self, row: &D, time: EventTime) -> Option<EventTime> {
        self.rows += 1;
        self.rows.is_multiple_of(3).then(|| self.of.observe(row, time)).flatten()
    }
}

impl Strategy for Thirds {}

#[test]
fn h4_watermarks_survive() {
    survives!(ONE, by_bounded::harness(), rows => out);
    survives!(ONE, by_ascending::harness(), rows => out);
    survives!(ONE, by_steps::harness(), rows => out);
    survives!(ONE, by_marks::harness(), rows => out);
    survives!(ONE, by_partition::harness(), rows => out);
}

#[test]
fn h4_silence_goes_on_where_it_was() {
    survives!(TIMED, until_silent::harness(), rows => out);
    survives!(TIMED, by_marks_in_steps::harness(), rows => out);
    survives!(TIMED, by_expected_partition::harness(), rows => out);
    survives!(TIMED, by_own::harness(), rows => out);
}

graph! {
    graph some_without_time(rows: (Row, i64)) -> (out: Timed<(Row, i64)>, failed: i64, future: Ahead<(Row, i64)>) {
        #![durable]
        stamped = event_time(
            |row: &(Row, i64)| (row.0.value != 0).then(|| at(row.1)),
            bounded(3.micros()).idle_after(8.micros()),
        )
        .ahead_at_most(9.micros());
        rows -> stamped -> out;
        stamped.err -> map(|failed| failed.input.1) -> failed;
        stamped.future -> future;
    }
}

graph! {
    graph arriving(rows: (Row, i64)) -> (out: Timed<(Row, i64)>, panes: Timed<Keyed<u64, Pane<u64>>>) {
        #![durable]
        counts = tumbling(10.micros()).aggregate(Count::new);
        stamped = arrival_time(2.micros());
        rows -> stamped -> out;
        stamped -> map(|row: (Row, i64)| row.0) -> counts -> panes;
        counts.late -> discard;
    }
}

#[test]
fn h4_times_from_rows_and_from_the_clock_survive() {
    survives!(TIMED, some_without_time::harness(), rows => out, failed, future);
    survives!(TIMED, arriving::harness(), rows => out, panes);
}

with_late! {
    sorted: (), Row, Timed<Row>, sort();
    sorted_by_value: (), Row, Timed<Row>, sort_by_key(|row: &Row| row.value);
    first: i64, Row, Timed<Row>, first_per_key();
    first_lately: i64, Row, Timed<Row>, first_per_key().ttl(6.micros());
    first_in_the_end: (), Row, Timed<Row>, first_per_key().when_final();
    first_lately_in_the_end: (), Row, Timed<Row>, first_per_key().ttl(6.micros()).when_final();
    last: i64, Row, Timed<Row>, last_per_key();
    last_lately: i64, Row, Timed<Row>, last_per_key().ttl(4.micros());
}

#[test]
fn h4_rows_that_wait_for_their_time_survive() {
    survives!(ONE, sorted::harness(), rows => out, late);
    survives!(ONE, sorted_by_value::harness(), rows => out, late);
}

#[test]
fn h4_the_first_and_the_last_of_each_key_survive() {
    survives!(ONE, first::harness(), rows => out, late);
    survives!(ONE, first_in_the_end::harness(), rows => out, late);
    survives!(ONE, last::harness(), rows => out, late);
}

#[test]
fn h13_what_is_remembered_for_a_time_is_forgotten_when_it_would_have_been() {
    survives!(ONE, first_lately::harness(), rows => out, late);
    survives!(ONE, first_lately_in_the_end::harness(), rows => out, late);
    survives!(ONE, last_lately::harness(), rows => out, late);
}

/// Two inputs, and a join.
macro_rules! joined {
    ($($name:ident: $out:ty, $node:expr;)*) => {$(
        graph! {
            graph $name(left: Timed<Row>, right: Timed<Row>) -> (out: Timed<$out>) {
                #![durable]
                node = $node;
                left -> node.left;
                right -> node.right;
                node -> out;
            }
        }
    )*};
}

joined! {
    all: Keyed<u64, (i64, i64)>, join();
    near: Keyed<u64, (i64, i64)>, interval_join(-(4.micros()), 6.micros());
    near_or_alone: Keyed<u64, (i64, Option<i64>)>, interval_join(-(2.micros()), 3.micros()).left_outer();
    alone_or_near: Keyed<u64, (Option<i64>, i64)>, interval_join(1.micros(), 5.micros()).right_outer().time_of_left();
    near_both_alone: Keyed<u64, (Option<i64>, Option<i64>)>, interval_join(0.micros(), 3.micros()).full_outer().time_of_earlier();
    has_near: Keyed<u64, i64>, interval_join(-(4.micros()), 2.micros()).semi();
    has_none_near: Keyed<u64, i64>, interval_join(-(4.micros()), 2.micros()).anti();
    versioned: Keyed<u64, (i64, i64)>, as_of();
    versioned_lately: Keyed<u64, (i64, Option<i64>)>, as_of().left_outer().deleted_when(|value: &i64| *value < -3).retain(5.micros());
    versioned_for_ever: Keyed<u64, (i64, Option<i64>)>, as_of().left_outer().retain_all();
    enriched: Keyed<u64, (i64, i64)>, enrich();
    enriched_if: Keyed<u64, (i64, Option<i64>)>, enrich().left_outer();
    in_window: Keyed<u64, Pane<(i64, i64)>>, window_join(Tumbling::new(10.micros()));
    in_windows_both: Keyed<u64, Pane<(Option<i64>, Option<i64>)>>, window_join(Sliding::new(10.micros(), 4.micros())).full_outer();
    in_windows_semi: Keyed<u64, Pane<i64>>, window_join(Sliding::new(10.micros(), 4.micros())).semi();
    in_windows_anti: Keyed<u64, Pane<i64>>, window_join(Sliding::new(10.micros(), 4.micros())).anti();
    grouped: (u64, Window, Vec<i64>, Vec<i64>), co_group(
        Sliding::new(12.micros(), 6.micros()),
        |key: &u64, window, lefts: Vec<i64>, rights: Vec<i64>| [(*key, window, lefts, rights)],
    );
}

#[test]
fn h4_joins_survive() {
    survives!(TWO, all::harness(), left, right => out);
    survives!(TWO, enriched::harness(), left, right => out);
    survives!(TWO, enriched_if::harness(), left, right => out);
}

#[test]
fn h4_interval_joins_survive() {
    survives!(TWO, near::harness(), left, right => out);
    survives!(TWO, near_or_alone::harness(), left, right => out);
    survives!(TWO, alone_or_near::harness(), left, right => out);
    survives!(TWO, near_both_alone::harness(), left, right => out);
    survives!(TWO, has_near::harness(), left, right => out);
    survives!(TWO, has_none_near::harness(), left, right => out);
}

#[test]
fn h4_joins_with_versions_survive() {
    survives!(TWO, versioned::harness(), left, right => out);
    survives!(TWO, versioned_lately::harness(), left, right => out);
    survives!(TWO, versioned_for_ever::harness(), left, right => out);
}

#[test]
fn h4_joins_by_window_survive() {
    survives!(TWO, in_window::harness(), left, right => out);
    survives!(TWO, in_windows_both::harness(), left, right => out);
    survives!(TWO, in_windows_semi::harness(), left, right => out);
    survives!(TWO, in_windows_anti::harness(), left, right => out);
    survives!(TWO, grouped::harness(), left, right => out);
}

/// A row that is on the left, and one that is on the right.
fn side(row: &Row) -> bool {
    row.value % 2 == 0
}

/// Of keys that may be null, and values that may be written as nothing.
fn odd(row: Row) -> Keyed<Nullable<u64>, Option<i64>> {
    let Keyed { key, value } = nullable(row);
    Keyed { key, value: (value > 0).then_some(value) }
}

graph! {
    graph of_odd_rows(rows: Timed<Row>) -> (
        full: Timed<Keyed<Nullable<u64>, (Option<Option<i64>>, Option<Option<i64>>)>>,
        windowed: Timed<Keyed<Nullable<u64>, Pane<(Option<Option<i64>>, Option<Option<i64>>)>>>,
        versioned: Timed<Keyed<Nullable<u64>, (Option<i64>, Option<Option<i64>>)>>,
        first: Timed<Keyed<Nullable<u64>, (Option<i64>, Option<Option<i64>>)>>,
    ) {
        #![durable]
        parted = partition(side);
        rows -> parted;
        parted.matching -> map(odd) -> left;
        parted.rest -> map(odd) -> right;
        left = map(|row| row);
        right = map(|row| row);
        full_join = interval_join(-(3.micros()), 3.micros()).full_outer();
        window_joined = window_join(Tumbling::new(9.micros())).full_outer();
        as_of_join = as_of().left_outer();
        // Both come by one source: what is on the left has to wait inside of the join for the whole of the table.
        table_join = enrich().left_outer().table_first();
        left -> full_join.left;
        right -> full_join.right;
        left -> window_joined.left;
        right -> window_joined.right;
        left -> as_of_join.left;
        right -> as_of_join.right;
        left -> table_join.left;
        right -> table_join.right;
        full_join -> full;
        window_joined -> windowed;
        as_of_join -> versioned;
        table_join -> first;
    }
}

#[test]
fn h4_joins_survive_whatever_their_keys_and_values_are() {
    survives!(ONE, of_odd_rows::harness(), rows => full, windowed, versioned, first);
}

graph! {
    graph of_two_streams(left: Timed<Row>, right: Timed<Row>) -> (panes: Timed<Keyed<u64, Pane<i128>>>, late: Late<Row>) {
        #![durable]
        sums = tumbling(10.micros()).aggregate(Sum::new);
        [left, right] -> sums -> panes;
        sums.late -> late;
    }
}

#[test]
fn a14_a_row_that_was_late_before_the_stop_is_late_behind_it() {
    let row = |value| Keyed { key: 1, value };
    let mut before = of_two_streams::harness();
    before.inputs.left.send_at(row(1), at(3));
    before.inputs.left.advance_to(at(25));
    before.inputs.right.advance_to(at(12));
    before.inputs.right.send_at(row(2), at(13));
    before.settle();
    assert_eq!(before.outputs.panes.take().len(), 1, "[0, 10) has fired");

    let mut after = of_two_streams::harness();
    after.restore(&before.save()).expect("it is the same graph");
    // Nothing has been heard of either input in this process.
    after.inputs.right.send_at(row(10), at(9));
    after.inputs.left.send_at(row(20), at(14));
    after.settle();
    let late = after.outputs.late.take();
    assert_eq!(late.iter().map(|late| late.row.value).collect::<Vec<_>>(), [10]);
    assert_eq!(late[0].frontier, at(12));
    // The left input is at 25 still: it does not hold the right one.
    after.inputs.right.advance_to(at(20));
    after.settle();
    let panes = after.outputs.panes.take();
    assert_eq!(panes.iter().map(|pane| pane.value.value).collect::<Vec<_>>(), [22]);
}

#[test]
fn a14_event_time_goes_on_at_the_frontier_that_it_had_come_to() {
    let row = Keyed { key: 1, value: 0 };
    let mut before = by_bounded::harness();
    before.inputs.rows.send((row, 50));
    before.settle();
    assert_eq!(before.outputs.out.messages().len(), 2);

    let mut after = by_bounded::harness();
    after.restore(&before.save()).expect("it is the same graph");
    after.inputs.rows.send((row, 30));
    after.inputs.rows.send((row, 51));
    after.settle();
    let frontiers: Vec<_> = after.outputs.out.messages().into_iter().filter_map(frontier_of).collect();
    assert_eq!(frontiers, [Frontier::at(at(48))]);
}

fn frontier_of<D>(message: Message<D, EventTime>) -> Option<Frontier<EventTime>> {
    match message {
        Message::Row(_) => None,
        Message::Frontier(frontier) => Some(frontier),
    }
}

#[test]
fn a7_the_time_in_which_no_graph_ran_is_no_silence() {
    let row = Keyed { key: 1, value: 0 };
    let mut before = until_silent::harness();
    before.inputs.rows.send((row, 50));
    before.advance(5.micros());
    let saved = before.save();

    let mut after = until_silent::harness();
    after.clock().advance(1.hours());
    after.restore(&saved).expect("it is the same graph");
    after.settle();
    after.outputs.out.take();
    assert!(!after.outputs.out.frontier().is_idle());
    // Two quarters had passed before the stop, the third begins anew.
    after.advance(3.micros());
    after.outputs.out.take();
    assert!(!after.outputs.out.frontier().is_idle());
    after.advance(1.micros());
    after.outputs.out.take();
    assert_eq!(*after.outputs.out.frontier(), Frontier::at(at(47)).idle());
}

graph! {
    graph first_within(rows: Timed<Row>; ttl: TimeDelta) -> (out: Update<Row, EventTime, i64>) {
        #![durable]
        first = first_per_key().ttl(ttl);
        rows -> first -> out;
        first.late -> discard;
    }
}

graph! {
    graph last_within(rows: Timed<Row>; ttl: TimeDelta) -> (out: Update<Row, EventTime, i64>) {
        #![durable]
        last = last_per_key().ttl(ttl);
        rows -> last -> out;
        last.late -> discard;
    }
}

#[test]
fn h13_what_has_expired_is_not_seen_again_and_a_new_ttl_holds_for_what_is_there() {
    let row = |value| Keyed { key: 1, value };
    macro_rules! of_key_1 {
        ($graph:ident, $ttl:expr, $later:expr, $value:expr) => {{
            let mut before = $graph::harness(10.micros());
            before.inputs.rows.send_at(row(1), at(5));
            before.inputs.rows.advance_to(at(12));
            before.settle();
            let mut after = $graph::harness($ttl);
            after.restore(&before.save()).expect("it is the same graph");
            after.inputs.rows.advance_to(at($later));
            after.inputs.rows.send_at(row(2), at(20));
            after.settle();
            let seen: Vec<_> =
                after.outputs.out.updates().into_iter().map(|row| (row.data.value, row.diff)).collect();
            assert_eq!(seen, $value, "{} with {:?}", stringify!($graph), $ttl);
        }};
    }
    // Known until the frontier is beyond 15, as before; until 11, which it is; until 25.
    of_key_1!(first_within, 10.micros(), 15, []);
    of_key_1!(first_within, 10.micros(), 16, [(2, 1)]);
    of_key_1!(first_within, 6.micros(), 12, [(2, 1)]);
    of_key_1!(first_within, 20.micros(), 20, []);
    of_key_1!(last_within, 10.micros(), 15, [(1, -1), (2, 1)]);
    of_key_1!(last_within, 10.micros(), 16, [(2, 1)]);
    of_key_1!(last_within, 6.micros(), 12, [(2, 1)]);
    of_key_1!(last_within, 20.micros(), 20, [(1, -1), (2, 1)]);
}

graph! {
    graph kept(rows: Timed<Row>; log: EventLog<Row>) -> (out: Timed<Row>) {
        #![durable]
        rows -> keep(&log) -> out;
    }
}

fn rows_of(log: &EventLog<Row>, times: &Range<EventTime>) -> Vec<Timed<Row>> {
    let messages = log.range(times).expect("all of it is there");
    let row = |message| if let Message::Row(row) = message { Some(row) } else { None };
    messages.into_iter().filter_map(row).collect()
}

#[test]
fn h13_a_log_holds_what_it_held_and_nothing_that_is_too_old() {
    let log = |length: i64| EventLog::<Row>::new(length.micros());
    for seed in 0..SEEDS {
        let script = ONE.script(seed);
        let (whole, mut before, mut seen) = (log(9), log(9), Seen::new());
        let mut graph = kept::harness(whole.clone());
        script.iter().for_each(|step| take!(graph, step, seen, rows => out));
        let mut graph = kept::harness(before.clone());
        for step in &script {
            take!(graph, step, seen, rows => out);
            let saved = graph.save();
            before = log(9);
            graph = kept::harness(before.clone());
            graph.restore(&saved).expect("it is the same graph");
        }
        assert_eq!((before.frontier(), before.complete_from()), (whole.frontier(), whole.complete_from()));
        let Some(&end) = whole.frontier().time() else { panic!("the stream goes on") };
        let range = whole.complete_from()..end;
        assert_eq!(rows_of(&before, &range), rows_of(&whole, &range));

        // One that is to keep less drops more.
        let shorter = log(4);
        kept::harness(shorter.clone()).restore(&graph.save()).expect("it is the same graph");
        assert_eq!(shorter.complete_from(), whole.complete_from().max(end - 4.micros()));
        assert!(shorter.range(&range).is_err() || range.start >= shorter.complete_from());
    }
}
