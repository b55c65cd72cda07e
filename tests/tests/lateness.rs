//! Rules D: late rows, triggers, and how the firings of a window belong together.

use std::collections::BTreeMap;

use Step::{Clock, Frontier};
use Timing::{Early, OnTime};
use streamweave::operator::window::{Never, period, rows};
use streamweave::prelude::*;
use streamweave_tests::random::Random;
use streamweave_tests::script::{Came, Step, Watched, drive, play, watch};

/// A firing: start and end of the window, what it says, when, its index, whether it is the last; and time and diff.
type Fired = ((i64, i64), i64, Timing, u32, bool, i64, i64);

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
struct Ran {
    /// Rows and frontiers, in order.
    came: Vec<Came<Fired>>,
    late: Vec<Late<i64>>,
    absorbed: u64,
    unassigned: u64,
    received: u64,
}

impl Ran {
    fn fired(&self) -> Vec<Fired> {
        let row = |came: &Came<Fired>| match came {
            Came::Row((window, value, timing, index, is_last, ..), time, diff) => {
                Some((*window, *value, *timing, *index, *is_last, *time, *diff))
            }
            Came::Frontier(..) | Came::End => None,
        };
        self.came.iter().filter_map(row).collect()
    }

    /// What each firing says, as a change.
    fn sums(&self) -> Vec<i64> {
        self.fired().iter().map(|fired| fired.1 * fired.6).collect()
    }

    fn timings(&self) -> Vec<Timing> {
        self.fired().iter().map(|fired| fired.2).collect()
    }
}

/// The sums of such windows of one key, at several sizes of batch.
macro_rules! ran {
    ($steps:expr, $windows:expr) => {{
        let steps = $steps.to_vec();
        let runs = [1, 7, 1024].map(|batch| {
            let watched = Watched::default();
            let result = drive(&steps, |from, clock| {
                graph! {
                    steps = from_channel(from);
                    windows = $windows.aggregate(Sum::new);
                    steps -> play -> key_by(|_: &i64| ()) -> windows -> map(|keyed| {
                        let pane = keyed.value;
                        let window = (pane.window.start.micros(), pane.window.end.micros());
                        let value = i64::try_from(pane.value).expect("small");
                        (window, value, pane.timing, pane.index, pane.is_last, 0, 0)
                    }) -> watch(&watched);
                    windows.late -> late;
                    late = collect();
                }
                .batch(batch)
                .clock(clock)
                .run()
            })
            .expect("nothing fails");
            result.assert_conserved();
            let node = result.report().node("windows").expect("it is there");
            let late = result.late.iter().map(|late| Late {
                row: late.row.value,
                time: late.time,
                window: late.window,
                frontier: late.frontier,
            });
            Ran {
                came: watched.take(),
                late: late.collect(),
                absorbed: node.absorbed,
                unassigned: node.unassigned,
                received: node.received,
            }
        });
        assert!(runs.iter().all(|ran| *ran == runs[0]), "{runs:?}");
        let [ran, ..] = runs;
        ran
    }};
}

fn at(time: i64) -> EventTime {
    EventTime::from_micros(time)
}

fn row(value: i64, time: i64) -> Step<i64> {
    Step::Row(value, time)
}

fn late(value: i64, time: i64, window: (i64, i64), frontier: i64) -> Late<i64> {
    Late {
        row: value,
        time: at(time),
        window: Window { start: at(window.0), end: at(window.1) },
        frontier: at(frontier),
    }
}

#[test]
fn d1_a_late_row_goes_to_those_of_its_windows_that_are_open() {
    let steps = [Frontier(5), row(1, 3), Frontier(10), row(2, 7), row(4, 4), Frontier(15), row(8, 7)];
    let ran = ran!(steps, sliding(10.micros(), 5.micros()));
    // The row of 3 is behind 5, and in [0, 10); [-5, 5) has ended. That of 7 is in [5, 15) only.
    let expected = [((0, 10), 1, OnTime, 0, true, 9, 1), ((5, 15), 2, OnTime, 0, true, 14, 1)];
    assert_eq!(ran.fired(), expected);
    assert_eq!(ran.late, [late(4, 4, (0, 10), 10), late(8, 7, (5, 15), 15)]);
}

#[test]
fn d1_with_an_allowed_lateness_a_row_is_late_when_that_is_over_for_each_window() {
    let steps = [row(1, 7), Frontier(14), row(2, 7), Frontier(15), row(4, 7), Frontier(20), row(8, 7)];
    let ran = ran!(steps, sliding(10.micros(), 5.micros()).allowed_lateness(5.micros()).accumulating());
    let expected = [
        ((0, 10), 1, OnTime, 0, false, 9, 1),
        ((0, 10), 3, Timing::Late, 1, false, 9, 1),
        ((5, 15), 3, OnTime, 0, false, 14, 1),
        ((5, 15), 7, Timing::Late, 1, false, 14, 1),
    ];
    assert_eq!(ran.fired(), expected);
    assert_eq!(ran.late, [late(8, 7, (5, 15), 20)]);
}

#[test]
fn d2_a_late_row_fires_at_once_and_after_the_allowed_lateness_goes_to_the_port() {
    let steps =
        [row(1, 2), Frontier(9), Frontier(10), Frontier(12), row(2, 3), row(4, 3), Frontier(15), row(8, 3)];
    let ran = ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).accumulating());
    let fired = |value, timing, index| Came::Row(((0, 10), value, timing, index, false, 0, 0), 9, 1);
    let expected = [
        Came::Frontier(4, false),
        fired(1, OnTime, 0),
        Came::Frontier(5, false),
        Came::Frontier(7, false),
        fired(3, Timing::Late, 1),
        fired(7, Timing::Late, 2),
        Came::Frontier(10, false),
        Came::End,
    ];
    assert_eq!(ran.came, expected);
    assert_eq!(ran.late, [late(8, 3, (0, 10), 15)]);
}

#[test]
fn d2_a_window_takes_rows_until_just_before_the_allowed_lateness_is_over() {
    let steps = [row(1, 2), Frontier(14), row(2, 9), Frontier(15), row(4, 9)];
    let ran = ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).discarding());
    assert_eq!(ran.sums(), [1, 2]);
    assert_eq!(ran.late, [late(4, 9, (0, 10), 15)]);
}

#[test]
fn d3_discarding_accumulating_and_retracting_on_1_and_2_then_4() {
    let steps = [row(1, 1), row(2, 2), Frontier(10), row(4, 3)];
    assert_eq!(ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).discarding()).sums(), [3, 4]);
    assert_eq!(ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).accumulating()).sums(), [3, 7]);
    let ran = ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).retracting());
    assert_eq!(ran.sums(), [3, -3, 7]);
    let times: Vec<_> = ran.fired().iter().map(|fired| fired.5).collect();
    assert_eq!(times, [9, 9, 9], "at one time");
    // What is taken back is what was said, to the last field.
    let expected = [
        ((0, 10), 3, OnTime, 0, false, 9, 1),
        ((0, 10), 3, OnTime, 0, false, 9, -1),
        ((0, 10), 7, Timing::Late, 1, false, 9, 1),
    ];
    assert_eq!(ran.fired(), expected);
}

#[test]
fn d4_a_pane_says_when_it_fired_and_how_often_before_and_whether_it_is_the_last() {
    let steps =
        [row(1, 1), row(2, 2), row(4, 3), Frontier(10), row(8, 4), row(16, 5), row(32, 6), Frontier(15)];
    let ran = ran!(
        steps,
        tumbling(10.micros()).early(rows(2)).late(rows(2)).allowed_lateness(5.micros()).accumulating()
    );
    let expected = [
        ((0, 10), 3, Early, 0, false, 9, 1),
        ((0, 10), 7, OnTime, 1, false, 9, 1),
        ((0, 10), 31, Timing::Late, 2, false, 9, 1),
        ((0, 10), 63, Timing::Late, 3, true, 9, 1),
    ];
    assert_eq!(ran.fired(), expected);
}

#[test]
fn d4_the_pane_on_time_is_the_last_where_no_row_can_follow() {
    let steps = [row(1, 1), Frontier(15)];
    let expected = [((0, 10), 1, OnTime, 0, true, 9, 1)];
    assert_eq!(ran!(steps, tumbling(10.micros())).fired(), expected);
    assert_eq!(
        ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).accumulating()).fired(),
        expected,
        "the frontier passes both at once"
    );
    let expected = [((0, 10), 1, OnTime, 0, false, 9, 1)];
    assert_eq!(
        ran!([row(1, 1), Frontier(14)], tumbling(10.micros()).allowed_lateness(5.micros()).accumulating())
            .fired(),
        expected
    );
}

#[test]
fn d4_a_window_whose_early_pane_said_all_fires_on_time_again_unless_it_discards() {
    let steps = [row(1, 1), Frontier(10)];
    assert_eq!(ran!(steps, tumbling(10.micros()).early(rows(1)).accumulating()).timings(), [Early, OnTime]);
    assert_eq!(ran!(steps, tumbling(10.micros()).early(rows(1)).retracting()).sums(), [1, -1, 1]);
    assert_eq!(ran!(steps, tumbling(10.micros()).early(rows(1)).discarding()).timings(), [Early]);
}

#[test]
fn d4_there_is_one_pane_on_time_for_each_window_with_rows_at_its_end() {
    for seed in 0..300 {
        let steps = random_steps(&mut Random::new(seed));
        let ran = ran!(
            steps,
            sliding(10.micros(), 5.micros())
                .early(rows(2))
                .late(rows(2))
                .allowed_lateness(7.micros())
                .accumulating()
        );
        let mut windows: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (window, _, timing, index, is_last, ..) in ran.fired() {
            windows.entry(window).or_default().push((timing, index, is_last));
        }
        for (window, panes) in windows {
            let about = format!("seed {seed}, {window:?}: {panes:?}\n{steps:?}");
            let on_time = panes.iter().filter(|pane| pane.0 == OnTime).count();
            // None where all of its rows were late.
            let all_late = panes.iter().all(|pane| pane.0 == Timing::Late);
            assert_eq!(on_time, usize::from(!all_late), "{about}");
            assert!(panes.is_sorted_by_key(|pane| pane.0), "early, on time, late: {about}");
            assert!(panes.iter().enumerate().all(|(place, pane)| pane.1 as usize == place), "{about}");
            let before = &panes[..panes.len() - 1];
            assert!(before.iter().all(|pane| !pane.2), "{about}");
        }
    }
}

/// Rows of small values about a frontier that goes on.
fn random_steps(random: &mut Random) -> Vec<Step<i64>> {
    let mut frontier = 0;
    let steps = (0..40).flat_map(|_| {
        frontier += random.between(-1, 3);
        [row(random.between(1, 9), frontier + random.between(-15, 10)), Frontier(frontier)]
    });
    steps.collect()
}

#[test]
fn d5_after_every_so_many_rows() {
    let steps = [1, 2, 4, 8, 16].map(|value| row(value, 1));
    assert_eq!(ran!(steps, tumbling(10.micros()).early(rows(2)).discarding()).sums(), [3, 12, 16]);
    assert_eq!(ran!(steps, tumbling(10.micros()).early(rows(2)).accumulating()).sums(), [3, 15, 31]);
    assert_eq!(ran!(steps, global().early(rows(2)).discarding()).sums(), [3, 12, 16]);
}

#[test]
fn d5_a_period_by_the_clock_begins_with_the_first_row_since_the_last_firing() {
    let steps =
        [row(1, 1), Clock(4), row(2, 1), Clock(1), Clock(100), row(4, 1), Clock(4), Clock(1), row(8, 1)];
    let ran = ran!(steps, tumbling(10.micros()).early(period(5.micros())).discarding());
    assert_eq!(ran.sums(), [3, 4, 8]);
    assert_eq!(ran.timings(), [Early, Early, OnTime], "the clock does not fire at the end (rule J6)");
}

#[test]
fn d5_nothing_fires_by_the_clock_where_no_row_has_come() {
    let steps = [row(1, 1), Clock(5), Clock(5), Clock(500)];
    let ran = ran!(steps, tumbling(10.micros()).early(period(5.micros())).accumulating());
    assert_eq!(ran.timings(), [Early, OnTime]);
    // A firing on time ends what was to fire early.
    let steps = [row(1, 1), Clock(3), Frontier(10), Clock(100), row(2, 12)];
    let ran = ran!(steps, tumbling(10.micros()).early(period(5.micros())).accumulating());
    assert_eq!(ran.timings(), [OnTime, OnTime]);
}

#[test]
fn d5_whichever_of_two_triggers_comes_first() {
    let trigger = || rows(3).first_of(period(5.micros()));
    let steps = [row(1, 1), row(2, 1), row(4, 1), Clock(4), row(8, 1), Clock(4), Clock(1), row(16, 1)];
    let ran = ran!(steps, tumbling(10.micros()).early(trigger()).discarding());
    assert_eq!(ran.sums(), [7, 8, 16], "the clock counts from the 8 on");
    assert_eq!(ran.timings(), [Early, Early, OnTime]);
}

#[test]
fn d5_once_and_then_on_time() {
    let steps = [1, 2, 4, 8, 16].map(|value| row(value, 1));
    assert_eq!(ran!(steps, tumbling(10.micros()).early(rows(2).once()).discarding()).sums(), [3, 28]);
    let steps = [row(1, 1), Clock(5), row(2, 1), Clock(50), row(4, 1)];
    assert_eq!(
        ran!(steps, tumbling(10.micros()).early(period(5.micros()).once()).discarding()).sums(),
        [1, 6]
    );
}

#[test]
fn d5_once_after_the_end_and_then_when_the_allowed_lateness_is_over() {
    let steps = [row(1, 1), Frontier(10), row(2, 1), row(4, 1), row(8, 1), Frontier(15)];
    let ran =
        ran!(steps, tumbling(10.micros()).late(rows(1).once()).allowed_lateness(5.micros()).discarding());
    assert_eq!(ran.sums(), [1, 2, 12]);
}

#[test]
fn d5_late_rows_fire_as_often_as_their_trigger_says_and_what_is_left_at_the_end() {
    let steps = [row(1, 1), Frontier(10), row(2, 1), row(4, 1), row(8, 1), Frontier(14), Frontier(15)];
    assert_eq!(
        ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).late(rows(2)).discarding()).sums(),
        [1, 6, 8]
    );
    assert_eq!(
        ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).late(rows(2)).accumulating()).sums(),
        [1, 7, 15]
    );
    assert_eq!(
        ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).late(rows(2)).retracting()).sums(),
        [1, -1, 7, -7, 15]
    );
    assert_eq!(
        ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).late(Never).discarding()).sums(),
        [1, 14]
    );
    let steps = [
        row(1, 1),
        Frontier(10),
        row(2, 1),
        row(4, 1),
        Clock(3),
        row(8, 1),
        Frontier(14),
        Clock(2),
        row(16, 1),
    ];
    assert_eq!(
        ran!(steps, tumbling(10.micros()).allowed_lateness(5.micros()).late(period(3.micros())).discarding())
            .sums(),
        [1, 6, 24]
    );
}

#[test]
fn d5_a_firing_that_discards_does_not_bring_back_what_was_said() {
    // Whatever fires, no row is told twice.
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut value = 1;
        let steps: Vec<_> = random_steps(&mut random)
            .into_iter()
            .map(|step| match step {
                Step::Row(_, time) => {
                    value *= 2;
                    if value > 1 << 40 {
                        value = 1;
                    }
                    row(value, time)
                }
                step => step,
            })
            .collect();
        let ran = ran!(
            steps,
            tumbling(1_000.micros())
                .offset(500.micros())
                .early(rows(3))
                .late(rows(2))
                .allowed_lateness(9.micros())
                .discarding()
        );
        let total: i64 = steps
            .iter()
            .filter_map(|step| if let Step::Row(value, _) = step { Some(value) } else { None })
            .sum();
        assert_eq!(ran.sums().iter().sum::<i64>(), total, "seed {seed}");
    }
}

#[test]
fn d6_the_discarded_panes_add_up_to_the_last_accumulated_one_and_to_what_retractions_leave() {
    macro_rules! agree {
        ($($windows:expr),*) => {
            for seed in 0..60 {
                let steps = random_steps(&mut Random::new(seed));
                $({
                    let mut discarded = BTreeMap::new();
                    for fired in ran!(steps, $windows.discarding()).fired() {
                        *discarded.entry(fired.0).or_insert(0) += fired.1;
                    }
                    let accumulated = ran!(steps, $windows.accumulating()).fired();
                    let accumulated: BTreeMap<_, _> = accumulated.iter().map(|fired| (fired.0, fired.1)).collect();
                    let mut net = BTreeMap::new();
                    for fired in ran!(steps, $windows.retracting()).fired() {
                        *net.entry(fired.0).or_insert(0) += fired.1 * fired.6;
                    }
                    assert_eq!(discarded, accumulated, "seed {seed}");
                    assert_eq!(discarded, net, "seed {seed}");
                })*
            }
        };
    }
    agree!(
        tumbling(10.micros()).allowed_lateness(5.micros()),
        sliding(10.micros(), 3.micros()).early(rows(2)).allowed_lateness(6.micros()),
        cumulative(12.micros(), 4.micros()).early(rows(3)).late(rows(2)).allowed_lateness(6.micros()),
        global().early(rows(4))
    );
}

#[test]
fn d7_each_row_is_absorbed_or_late_or_unassigned() {
    for seed in 0..100 {
        let steps = random_steps(&mut Random::new(seed));
        let runs = [
            ran!(steps, tumbling(10.micros())),
            ran!(steps, sliding(3.micros(), 5.micros())),
            ran!(steps, sliding(10.micros(), 3.micros()).allowed_lateness(4.micros()).retracting()),
            ran!(steps, session(4.micros())),
            ran!(steps, session(4.micros()).allowed_lateness(4.micros()).retracting()),
        ];
        for ran in runs {
            assert_eq!(ran.received, 40);
            assert_eq!(ran.absorbed + ran.late.len() as u64 + ran.unassigned, 40, "seed {seed}");
        }
        // Each that is absorbed is told, where each is in one window.
        let ran = ran!(steps, tumbling(10.micros()).allowed_lateness(4.micros()).retracting());
        let late: i64 = ran.late.iter().map(|late| late.row).sum();
        let all: i64 = steps
            .iter()
            .filter_map(|step| if let Step::Row(value, _) = step { Some(value) } else { None })
            .sum();
        assert_eq!(ran.sums().iter().sum::<i64>() + late, all, "seed {seed}");
    }
}

#[test]
fn d7_every_window_fires_at_the_end_of_the_stream() {
    let ran = ran!(
        [row(1, 5), row(2, 1_000), row(4, -1_000)],
        tumbling(10.micros()).allowed_lateness(1.hours()).discarding()
    );
    assert_eq!(ran.sums(), [4, 1, 2]);
    assert!(ran.fired().iter().all(|fired| fired.4), "none can follow");
}

#[test]
fn d8_windows_hold_their_frontier_back_by_the_allowed_lateness_and_no_row_is_behind_it() {
    let in_order = |ran: &Ran| {
        let mut frontier = i64::MIN;
        ran.came.iter().all(|came| match came {
            Came::Row(_, time, _) => *time >= frontier,
            Came::Frontier(time, _) => std::mem::replace(&mut frontier, *time) <= *time,
            Came::End => true,
        })
    };
    let frontiers = |ran: &Ran| -> Vec<i64> {
        let time = |came: &Came<_>| if let Came::Frontier(time, _) = came { Some(*time) } else { None };
        ran.came.iter().filter_map(time).collect()
    };
    for seed in 0..100 {
        let steps = random_steps(&mut Random::new(seed));
        let runs = [
            (0, ran!(steps, tumbling(10.micros()))),
            (7, ran!(steps, tumbling(10.micros()).allowed_lateness(7.micros()).retracting())),
            (
                7,
                ran!(
                    steps,
                    sliding(10.micros(), 3.micros()).allowed_lateness(7.micros()).late(rows(2)).discarding()
                ),
            ),
            (0, ran!(steps, session(4.micros()))),
            (7, ran!(steps, session(4.micros()).allowed_lateness(7.micros()).retracting())),
        ];
        let mut told: Vec<i64> = Vec::new();
        for step in &steps {
            if let Frontier(time) = step
                && told.last().is_none_or(|last| last < time)
            {
                told.push(*time);
            }
        }
        for (lateness, ran) in runs {
            assert!(in_order(&ran), "seed {seed}: {:?}", ran.came);
            let expected: Vec<_> = told.iter().map(|time| time - lateness).collect();
            assert_eq!(frontiers(&ran), expected, "seed {seed}");
        }
    }
}
