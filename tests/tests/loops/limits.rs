//! Loops that do not come to their end (rule G11).

use super::*;

/// Where counting up ends.
const LAST: u32 = 20;

/// A graph that counts up to [`LAST`] from its seeds, and what it makes of a limit.
macro_rules! counts_up {
    ($name:ident, #[$($limit:tt)*]) => {
        graph! {
            graph $name(seeds: Update<u32, LogicalTime, i64>) -> (out: Update<u32, LogicalTime, i64>, incomplete: Update<Incomplete, LogicalTime, i64>) {
                #[$($limit)*]
                iterate up {
                    var number: u32 = seeds;
                    next = map(|n: u32| n + 1);
                    number -> filter(|n| *n != LAST) -> next;
                    [seeds, next] -> differential::distinct() -> number;
                }
                up.number -> out;
                up.incomplete -> incomplete;
            }
        }
    };
}

counts_up!(counts_up, #[max_rounds(9)]);
counts_up!(counts_up_and_returns, #[max_rounds(9), on_limit = return]);
counts_up!(counts_nine_up, #[rounds(9)]);

/// What counting has come to in a round.
fn counted_up(seeds: &Collection<u32>, rounds: u32) -> Collection<u32> {
    let mut now = seeds.clone();
    for _ in 0..rounds {
        let next = now.keys().filter(|n| **n != LAST).map(|n| n + 1);
        let rows: BTreeSet<u32> = seeds.keys().copied().chain(next).collect();
        now = rows.into_iter().map(|row| (row, 1)).collect();
    }
    now
}

fn is_complete(seeds: &Collection<u32>, rounds: u32) -> bool {
    counted_up(seeds, rounds) == counted_up(seeds, rounds + 1)
}

fn seed(random: &mut Random) -> u32 {
    random.between(4, 26) as u32
}

#[test]
fn g11_a_loop_that_still_changes_at_its_limit_ends_the_run() {
    let (mut failures, mut ends) = (0, 0);
    for number in 0..4 * SEEDS {
        let mut random = Random::new(number);
        let edits = edits(&mut random, (6, 1), |random| random.between(9, 26) as u32);
        let at = at_each_time(&edits);
        let fails = at.iter().position(|seeds| !is_complete(seeds, 9));
        let mut graph = counts_up::harness();
        let mut out = Collection::new();
        for (time, changes) in edits.iter().enumerate() {
            for (data, diff) in changes {
                graph.inputs.seeds.update(Update {
                    data: *data,
                    time: LogicalTime(time as u64),
                    diff: *diff,
                });
            }
            graph.inputs.seeds.advance_to(LogicalTime(time as u64 + 1));
            let ran = graph.try_settle();
            take_in(&mut out, time, graph.outputs.out.updates());
            if fails == Some(time) {
                let error = ran.expect_err("it still changes").to_string();
                assert!(error.contains("`up`") && error.contains("9 rounds"), "{error}");
                assert!(error.contains(&format!("at time {time}: ")), "{error}");
                let (stopped, next) = (counted_up(&at[time], 9), counted_up(&at[time], 10));
                let new: Vec<_> = next.keys().filter(|row| !stopped.contains_key(row)).collect();
                assert!(new.iter().any(|row| error.contains(&row.to_string())), "{new:?} in {error}");
                assert!(
                    !graph.outputs.out.frontier().closes(&LogicalTime(time as u64)),
                    "{time} is not closed"
                );
                let before = time.checked_sub(1).map(|before| counted_up(&at[before], 9));
                assert_eq!(out, before.unwrap_or_default(), "nothing of that time comes out");
                failures += 1;
                break;
            }
            ran.expect("it comes to its end");
            assert_eq!(out, counted_up(&at[time], 9), "seed {number}, time {time} of {edits:?}");
        }
        if fails.is_none() {
            graph.finish().expect("nothing fails").assert_conserved();
            ends += 1;
        }
    }
    assert!(failures > 20 && ends > 20, "{failures} {ends}");
}

#[test]
fn g11_the_limit_is_just_enough_or_one_too_few() {
    for (seed, is_enough) in [(LAST - 9, true), (LAST - 10, false)] {
        let mut graph = counts_up::harness();
        graph.inputs.seeds.update(Update { data: seed, time: LogicalTime(0), diff: 1 });
        assert_eq!(graph.finish().is_ok(), is_enough);
    }
}

#[test]
fn g11_on_limit_return_gives_the_state_of_the_last_round() {
    for number in 0..2 * SEEDS {
        let mut random = Random::new(number ^ 0x11);
        let edits = edits(&mut random, (8, 2), seed);
        let oracle = |seeds: &Collection<u32>| counted_up(seeds, 9);
        follow!(counts_up_and_returns::harness(), seeds, out, edits, oracle, format!("seed {number}"));
        follow!(counts_nine_up::harness(), seeds, out, edits, oracle, format!("rounds, seed {number}"));
    }
}

/// Whether something stands at `incomplete` after each time.
fn says_incomplete(edits: &[Vec<(u32, i64)>]) -> Vec<bool> {
    let mut graph = counts_up_and_returns::harness();
    let mut said: Collection<String> = Collection::new();
    let says = edits.iter().enumerate().map(|(time, changes)| {
        let time = time as u64;
        for (data, diff) in changes {
            graph.inputs.seeds.update(Update { data: *data, time: LogicalTime(time), diff: *diff });
        }
        graph.inputs.seeds.advance_to(LogicalTime(time + 1));
        graph.settle();
        for change in graph.outputs.incomplete.updates() {
            assert_eq!((change.data.name, change.data.rounds, change.time.0), ("up", 9, time));
            add(&mut said, change.data.sample, change.diff);
        }
        assert!(graph.outputs.incomplete.frontier().closes(&LogicalTime(time)));
        !said.is_empty()
    });
    says.collect()
}

#[test]
fn g11_a_loop_that_is_stopped_says_so() {
    assert_eq!(says_incomplete(&[vec![(15, 1)], vec![(26, 1)]]), [false, true]);
}

#[test]
fn g11_a_loop_that_comes_to_its_end_again_is_not_incomplete() {
    assert_eq!(says_incomplete(&[vec![(7, 1)], vec![(7, -1)]]), [true, false]);
}

#[test]
fn g11_what_stands_at_incomplete_is_whether_the_loop_was_stopped() {
    for number in 0..2 * SEEDS {
        let mut random = Random::new(number ^ 0x12);
        let edits = edits(&mut random, (8, 2), seed);
        let stopped: Vec<_> = at_each_time(&edits).iter().map(|seeds| !is_complete(seeds, 9)).collect();
        assert_eq!(says_incomplete(&edits), stopped, "seed {number}: {edits:?}");
    }
}

macro_rules! flips {
    ($name:ident, #[$($limit:tt)*] $($more:tt)*) => {
        graph! {
            graph $name(bits: Update<bool, LogicalTime, i64>) -> (out: Update<bool, LogicalTime, i64>) {
                #[$($limit)*]
                iterate flip {
                    var bit: bool = bits;
                    bit -> map(|bit: bool| !bit) -> bit;
                }
                flip.bit -> out;
                $($more)*
            }
        }
    };
}

flips!(flips, #[max_rounds(7)]);
flips!(flips_and_returns, #[max_rounds(7), on_limit = return] flip.incomplete -> discard;);

#[test]
fn g11_x_becoming_not_x_comes_to_the_limit() {
    let mut graph = flips::harness();
    // As many of both: flipped, they are the same.
    for bit in [true, false] {
        graph.inputs.bits.update(Update { data: bit, time: LogicalTime(0), diff: 2 });
    }
    graph.inputs.bits.update(Update { data: true, time: LogicalTime(4), diff: 1 });
    let error = graph.finish().map(|_| ()).expect_err("it never ends").to_string();
    let names = ["`flip`", "7 rounds", "true", "false"];
    assert!(names.iter().all(|name| error.contains(name)), "{error}");
    let out: Vec<_> =
        graph.outputs.out.updates().into_iter().map(|row| (row.time.0, row.data, row.diff)).collect();
    assert_eq!(out, [(0, false, 2), (0, true, 2)], "time 0 had come to its end");

    for number in 0..SEEDS {
        let edits = edits(&mut Random::new(number), (8, 2), |random| random.percent(50));
        let oracle = |bits: &Collection<bool>| collection(bits.iter().map(|(bit, weight)| (!bit, *weight)));
        follow!(flips_and_returns::harness(), bits, out, edits, oracle, format!("seed {number}"));
    }
}
