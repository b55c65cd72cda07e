//! Graphs that are cut: saved in the middle, restored in another harness, and fed the rest.

use std::collections::{BTreeMap, BTreeSet};

use streamweave::envelope::{Message, Update};
use streamweave::time::{EventTime, Frontier, LogicalTime, TimeDelta, Timestamp, Units};

use crate::random::Random;

/// What happens to a graph under test; it settles after each.
#[derive(Clone, Debug)]
pub enum Step<D, T: Timestamp, R> {
    /// A row or a frontier comes in at an input.
    Send(usize, Message<D, T, R>),
    /// An input is closed.
    Close(usize),
    /// The clock goes on.
    Tick(TimeDelta),
}

/// Rows of event time at so many inputs, some of them late, frontiers that go on and fall idle, and the clock between them.
pub fn rows(seed: u64, inputs: usize) -> Vec<Step<u64, EventTime, ()>> {
    let mut random = Random::new(seed);
    let (busy, below) = (random.pick(&[30, 60, 85]), random.pick(&[3, 12, 1_000]));
    let mut frontiers = vec![0_i64; inputs];
    let mut steps = Vec::new();
    for _ in 0..random.between(20, 60) {
        let input = random.place(inputs);
        let frontier = frontiers[input];
        if random.percent(busy) {
            let time = EventTime::from_micros(frontier + random.between(-4, 9));
            steps.push(Step::Send(input, Message::Row(Update { data: random.below(below), time, diff: () })));
        } else if random.percent(50) {
            // A frontier that has not moved is not handed on, of which a graph that is restored knows nothing.
            frontiers[input] += random.between(1, 5);
            let frontier = Frontier::at(EventTime::from_micros(frontiers[input]));
            let frontier = if random.percent(15) { frontier.idle() } else { frontier };
            steps.push(Step::Send(input, Message::Frontier(frontier)));
        } else {
            steps.push(Step::Tick(random.between(1, 6).micros()));
        }
    }
    steps
}

/// The same at one input after the other, each of which is closed before the next begins.
pub fn rows_in_turn(seed: u64, inputs: usize) -> Vec<Step<u64, EventTime, ()>> {
    let of_input = |input: usize| {
        let steps = rows(seed ^ (0x77 * input as u64), 1).into_iter();
        let steps = steps.map(move |step| match step {
            Step::Send(_, message) => Step::Send(input, message),
            other => other,
        });
        steps.chain((input + 1 < inputs).then_some(Step::Close(input)))
    };
    (0..inputs).flat_map(of_input).collect()
}

/// A change: its row, time and diff.
type Change = Step<(u8, u8), LogicalTime, i64>;

/// Changes at so many inputs, of rows of few keys: what is taken back was there, at every time.
pub fn changes(seed: u64, inputs: usize) -> Vec<Change> {
    let mut random = Random::new(seed);
    let (keys, values) = (random.pick(&[2, 5]), random.pick(&[2, 7]));
    let mut frontiers = vec![0_u64; inputs];
    // Of each row the times from which on one more is there.
    let mut there: Vec<BTreeMap<(u8, u8), Vec<u64>>> = vec![BTreeMap::new(); inputs];
    let mut steps = Vec::new();
    for _ in 0..random.between(30, 80) {
        let input = random.place(inputs);
        let frontier = frontiers[input];
        if random.percent(30) {
            frontiers[input] += 1 + random.below(2);
            steps.push(Step::Send(input, Message::Frontier(Frontier::at(LogicalTime(frontiers[input])))));
            continue;
        }
        // Some are behind the frontier.
        let at = (frontier + random.below(4)).saturating_sub(1);
        let known = &mut there[input];
        let (data, time, diff) = if !known.is_empty() && random.percent(45) {
            let data = *known.keys().nth(random.place(known.len())).expect("there is such a row");
            let since = known.get_mut(&data).expect("it is there");
            let came = since.swap_remove(random.place(since.len()));
            if since.is_empty() {
                known.remove(&data);
            }
            (data, at.max(came), -1)
        } else {
            let data = (random.below(keys) as u8, random.below(values) as u8);
            known.entry(data).or_default().push(at.max(frontier));
            (data, at, 1)
        };
        steps.push(Step::Send(input, Message::Row(Update { data, time: LogicalTime(time), diff })));
    }
    steps
}

/// Where a script is cut: nowhere first, then at one step, at a few, and before each.
pub fn cuts(seed: u64, steps: usize) -> Vec<BTreeSet<usize>> {
    let mut random = Random::new(seed ^ 0x5A);
    let mut at = |cuts: u64| (0..cuts).map(|_| random.place(steps)).collect();
    vec![BTreeSet::new(), at(1), at(1), at(1), at(4), (0..steps).collect()]
}

/// Panics where what was seen differs, with where it first does.
#[track_caller]
pub fn assert_same(seen: &[String], expected: &[String], about: &str) {
    if seen == expected {
        return;
    }
    let at = seen.iter().zip(expected).take_while(|(one, other)| one == other).count();
    let from = at.saturating_sub(3);
    let shown = |all: &[String]| all.iter().skip(from).take(9).cloned().collect::<Vec<_>>();
    panic!("{about}: after {at} messages {:#?} came in place of {:#?}", shown(seen), shown(expected));
}

/// What comes out of a graph that is fed a script: once as it is, and then cut in several ways, each message of each output as
/// a text.
///
/// `cut!(graph::harness(), script, cuts, [0 input], [output], tick)`; `tick` is called with every step of the clock.
#[macro_export]
macro_rules! cut {
    ($graph:expr, $script:expr, $cuts:expr, [$($number:literal $input:ident),*], [$($output:ident),*], $tick:expr) => {{
        let script = &$script;
        let tick = $tick;
        let run = |cuts: &std::collections::BTreeSet<usize>| {
            let mut graph = $graph;
            let mut now = streamweave::time::TimeDelta::ZERO;
            let mut closed = std::collections::BTreeSet::new();
            let mut seen: Vec<String> = Vec::new();
            for (number, step) in script.iter().enumerate() {
                if cuts.contains(&number) {
                    let saved = graph.save();
                    graph = $graph;
                    graph.clock().advance(now);
                    graph.restore(&saved).expect("the same graph");
                    for input in &closed {
                        match input {
                            $($number => graph.inputs.$input.close(),)*
                            other => panic!("there is no input {other}"),
                        }
                    }
                }
                match step {
                    $crate::cuts::Step::Send(input, message) => match input {
                        $($number => graph.inputs.$input.message(message.clone()),)*
                        other => panic!("there is no input {other}"),
                    },
                    $crate::cuts::Step::Close(input) => {
                        closed.insert(*input);
                        match input {
                            $($number => graph.inputs.$input.close(),)*
                            other => panic!("there is no input {other}"),
                        }
                    }
                    $crate::cuts::Step::Tick(by) => {
                        graph.clock().advance(*by);
                        now = now + *by;
                        tick(*by);
                    }
                }
                graph.settle();
                $(for message in graph.outputs.$output.messages() {
                    seen.push(format!("{}: {message:?}", stringify!($output)));
                })*
            }
            graph.finish().expect("nothing fails").assert_conserved();
            $(for message in graph.outputs.$output.messages() {
                seen.push(format!("{}: {message:?}", stringify!($output)));
            })*
            seen
        };
        $cuts.into_iter().map(|cuts| (run(&cuts), cuts)).map(|(seen, cuts)| (cuts, seen)).collect::<Vec<_>>()
    }};
}

/// A test: what comes out of a graph that is cut is what comes out of one that is not, to the letter.
#[macro_export]
macro_rules! survives {
    ($test:ident, $seeds:expr, $graph:expr, $script:expr, [$($number:literal $input:ident),*], [$($output:ident),*]) => {
        #[test]
        fn $test() {
            let mut came = 0;
            for seed in 0..$seeds {
                let script = $script(seed, [$($number),*].len());
                let cuts = $crate::cuts::cuts(seed, script.len());
                let runs = $crate::cut!($graph, script, cuts, [$($number $input),*], [$($output),*], |_| ());
                for (cuts, seen) in &runs[1..] {
                    let about = format!("seed {seed}, cut at {cuts:?} of {} steps", script.len());
                    $crate::cuts::assert_same(seen, &runs[0].1, &about);
                }
                came += runs[0].1.iter().filter(|seen| seen.contains("Row")).count();
            }
            assert!(came > 0, "nothing came out: nothing was tested");
        }
    };
}
