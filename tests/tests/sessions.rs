//! Rules C: sessions, by example, and against an oracle that makes them anew of all rows that were taken.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use streamweave::operator::Merge;
use streamweave::operator::window::rows;
use streamweave::prelude::*;
use streamweave_tests::random::Random;
use streamweave_tests::script::{Came, Step, Watched, drive, play, watch};

/// A key, and a value that no other row has.
type Value = (u8, u32);

type Row = (u8, Pane<Vec<u32>>);

/// The values, in the order in which they are added.
#[derive(Clone, Debug, Default)]
struct Collect(Vec<u32>);

impl Aggregate<Value> for Collect {
    type Output = Vec<u32>;

    fn add(&mut self, value: Value) {
        self.0.push(value.1);
    }

    fn output(&self) -> Vec<u32> {
        self.0.clone()
    }
}

impl Merge for Collect {
    fn merge(&mut self, later: &Self) {
        self.0.extend(&later.0);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Fires once.
    Once,
    /// Takes back what changes.
    Retracting,
    /// After so many rows, too.
    Early(u64),
}

#[derive(Clone, Debug)]
struct Case {
    gap: i64,
    lateness: i64,
    mode: Mode,
    max_length: Option<i64>,
    steps: Vec<Step<Value>>,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ran {
    out: Vec<Came<Row>>,
    late: Vec<(Value, i64, i64)>,
    absorbed: u64,
}

macro_rules! run {
    ($case:ident, $batch:ident, $sessions:expr) => {{
        let watched = Watched::default();
        let result = drive(&$case.steps, |from, clock| {
            graph! {
                steps = from_channel(from);
                sessions = $sessions.aggregate(Collect::default);
                steps -> play -> key_by(|value: &Value| value.0) -> sessions
                    -> map(|pane| (pane.key, pane.value)) -> watch(&watched);
                sessions.late -> late;
                late = collect();
            }
            .batch($batch)
            .clock(clock)
            .run()
        })
        .map_err(|error| error.to_string())?;
        result.assert_conserved();
        let absorbed = result.report().node("sessions").expect("the node is there").absorbed;
        let late =
            result.late.iter().map(|late| (late.row.value, late.time.micros(), late.frontier.micros()));
        Ok(Ran { out: watched.take(), late: late.collect(), absorbed })
    }};
}

fn run(case: &Case, batch: usize) -> Result<Ran, String> {
    let (gap, lateness) = (case.gap.micros(), case.lateness.micros());
    let run = || match (case.mode, case.max_length) {
        (Mode::Once, None) => run!(case, batch, session(gap)),
        (Mode::Retracting, None) => run!(case, batch, session(gap).allowed_lateness(lateness).retracting()),
        (Mode::Early(n), None) => {
            run!(case, batch, session(gap).allowed_lateness(lateness).early(rows(n)).retracting())
        }
        (Mode::Once, Some(length)) => run!(case, batch, session(gap).max_length(length.micros())),
        (_, Some(length)) => run!(
            case,
            batch,
            session(gap).max_length(length.micros()).allowed_lateness(lateness).retracting()
        ),
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// A pane without what depends on how it came about: key, window, values, time, diff.
type Plain = (u8, (i64, i64), Vec<u32>, i64, i64);

/// A session of taken rows: their times and values.
#[derive(Clone, Debug)]
struct Session {
    key: u8,
    rows: Vec<(i64, u32)>,
    /// What the last pane said that has not been taken back.
    shown: Option<((i64, i64), Vec<u32>)>,
    /// Rows since the trigger began anew.
    seen: u64,
}

impl Session {
    fn window(&self, gap: i64) -> (i64, i64) {
        let times = || self.rows.iter().map(|row| row.0);
        (times().min().expect("there is a row"), times().max().expect("there is a row") + gap)
    }

    fn values(&self) -> Vec<u32> {
        let mut values: Vec<_> = self.rows.iter().map(|row| row.1).collect();
        values.sort_unstable();
        values
    }
}

struct Oracle<'a> {
    case: &'a Case,
    frontier: i128,
    sessions: Vec<Session>,
    /// What comes out of each step, in any order.
    steps: Vec<Vec<Plain>>,
    late: Vec<(Value, i64, i64)>,
}

const END: i128 = i128::MAX;

impl<'a> Oracle<'a> {
    fn of(case: &'a Case) -> Self {
        let frontier = i64::MIN.into();
        let (sessions, steps, late) = (Vec::new(), Vec::new(), Vec::new());
        let mut oracle = Oracle { case, frontier, sessions, steps, late };
        for step in &case.steps {
            oracle.steps.push(Vec::new());
            match *step {
                Step::Row(value, time) => oracle.row(value, time),
                Step::Frontier(time) if i128::from(time) > oracle.frontier => oracle.advance(time.into()),
                _ => {}
            }
        }
        oracle.steps.push(Vec::new());
        oracle.advance(END);
        oracle
    }

    fn is_over(&self, end: i64) -> bool {
        self.frontier >= i128::from(end) + i128::from(self.case.lateness)
    }

    fn row(&mut self, value: Value, time: i64) {
        let gap = self.case.gap;
        let own = (time, time + gap);
        let touches = |session: &Session| {
            let (start, end) = session.window(gap);
            session.key == value.0 && start <= own.1 && own.0 <= end
        };
        let touched: Vec<Session> =
            self.sessions.iter().filter(|session| touches(session)).cloned().collect();
        // One that has passed and is only touched is as it was: the row may be on time, and begins another.
        let (passed, touched): (Vec<_>, Vec<_>) =
            touched.into_iter().partition(|session| self.is_over(session.window(gap).1));
        let end = touched.iter().map(|session| session.window(gap).1).fold(own.1, i64::max);
        let joins_passed = passed.iter().any(|session| {
            let (start, end) = session.window(gap);
            start < own.1 && own.0 < end
        });
        // No row makes a session begin earlier than two gaps before what has passed.
        let start = touched.iter().map(|session| session.window(gap).0).min();
        let is_longer = start.is_none_or(|start| own.0 < start);
        let reach = self.frontier - i128::from(self.case.lateness + 2 * gap);
        let is_too_far_back = is_longer && i128::from(own.0) < reach;
        if joins_passed || is_too_far_back || self.is_over(end) {
            self.late.push((value, time, self.frontier as i64));
            return;
        }
        let mut session = Session { key: value.0, rows: vec![(time, value.1)], shown: None, seen: 1 };
        if let [only] = touched.as_slice() {
            session.seen += only.seen;
        }
        session.rows.extend(touched.iter().flat_map(|session| session.rows.clone()));
        for touched in touched {
            let stays = touched.window(gap) == session.window(gap);
            if stays {
                session.shown = touched.shown;
            } else if let Some((window, values)) = touched.shown {
                self.tell(value.0, window, values, -1);
            }
        }
        let is_passed = |session: &Session| self.is_over(session.window(gap).1);
        let kept = self.sessions.iter().filter(|session| !touches(session) || is_passed(session));
        self.sessions = kept.cloned().collect();
        let is_early = i128::from(session.window(gap).1) > self.frontier;
        let fires = match self.case.mode {
            Mode::Early(rows) if is_early => session.seen >= rows,
            _ => !is_early,
        };
        if fires {
            self.fire(&mut session);
        }
        self.sessions.push(session);
    }

    fn fire(&mut self, session: &mut Session) {
        session.seen = 0;
        let shows = (session.window(self.case.gap), session.values());
        if let Some((window, values)) = session.shown.replace(shows.clone()) {
            self.tell(session.key, window, values, -1);
        }
        self.tell(session.key, shows.0, shows.1, 1);
    }

    fn tell(&mut self, key: u8, window: (i64, i64), values: Vec<u32>, diff: i64) {
        let step = self.steps.last_mut().expect("a step is under way");
        step.push((key, window, values, window.1 - 1, diff));
    }

    fn advance(&mut self, frontier: i128) {
        let mut sessions = std::mem::take(&mut self.sessions);
        for session in &mut sessions {
            let end = i128::from(session.window(self.case.gap).1);
            if self.frontier < end && end <= frontier {
                self.fire(session);
            }
        }
        self.sessions = sessions;
        self.frontier = frontier;
    }
}

fn plain(row: &Row, time: i64, diff: i64) -> Plain {
    let (key, pane) = row;
    let mut values = pane.value.clone();
    values.sort_unstable();
    (*key, (pane.window.start.micros(), pane.window.end.micros()), values, time, diff)
}

/// What is left of the changes: rows, times and how often.
fn net(out: &[Came<Row>]) -> Result<Vec<(Row, i64)>, String> {
    let mut net: BTreeMap<(Row, i64), i64> = BTreeMap::new();
    let mut frontier = i64::MIN;
    for came in out {
        match came {
            Came::Row(row, time, diff) => {
                if *time < frontier {
                    return Err(format!("{row:?} at {time} is behind {frontier}"));
                }
                let count = net.entry((row.clone(), *time)).or_default();
                *count += diff;
                if !(0..=1).contains(count) {
                    return Err(format!("{row:?} is there {count} times"));
                }
            }
            Came::Frontier(time, _) if *time < frontier => return Err(format!("{time} after {frontier}")),
            Came::Frontier(time, _) => frontier = *time,
            Came::End => {}
        }
    }
    Ok(net.into_iter().filter(|(_, count)| *count > 0).map(|(row, _)| row).collect())
}

fn check(case: &Case) -> Result<(), String> {
    let mut oracle = Oracle::of(case);
    let mut first = None;
    for batch in [1, 7, 1024] {
        let ran = run(case, batch)?;
        if *first.get_or_insert_with(|| ran.clone()) != ran {
            return Err(format!("not the same in batches of {batch}: {ran:?}"));
        }
    }
    let ran = first.expect("it ran");
    let expected = format!("expected {:?}, late {:?}", oracle.steps, oracle.late);
    if ran.late != oracle.late {
        return Err(format!("late {:?}, out {:?}\n{expected}", ran.late, ran.out));
    }
    let left = net(&ran.out)?;
    for (row, time) in &left {
        let touches = |(other, _): &&(Row, i64)| {
            let (a, b) = (row.1.window, other.1.window);
            *other != *row && other.0 == row.0 && a.start < b.end && b.start < a.end
        };
        if let Some(other) = left.iter().find(touches) {
            return Err(format!("{row:?} at {time} overlaps {other:?}"));
        }
    }
    let rows = ran.out.iter().filter_map(|came| match came {
        Came::Row(row, time, diff) => Some(plain(row, *time, *diff)),
        Came::Frontier(..) | Came::End => None,
    });
    let mut rows: Vec<Plain> = rows.collect();
    let shown = format!("ran {rows:?}\n{expected}");
    for step in &mut oracle.steps {
        if step.len() > rows.len() {
            return Err(shown);
        }
        let mut came: Vec<_> = rows.drain(..step.len()).collect();
        came.sort();
        step.sort();
        if came != *step {
            return Err(shown);
        }
    }
    if rows.is_empty() { Ok(()) } else { Err(shown) }
}

fn least(mut case: Case, mut failure: String) -> (Case, String) {
    let mut at = 0;
    while at < case.steps.len() {
        let mut less = case.clone();
        less.steps.remove(at);
        match check(&less) {
            Err(again) => (case, failure, at) = (less, again, 0),
            Ok(()) => at += 1,
        }
    }
    (case, failure)
}

fn random(random: &mut Random) -> Case {
    let mode = match random.below(4) {
        0 => Mode::Once,
        1 | 2 => Mode::Retracting,
        _ => Mode::Early(1 + random.below(3)),
    };
    let lateness = if mode == Mode::Once || random.percent(20) { 0 } else { random.between(1, 20) };
    let gap = random.between(1, 8);
    let keys = random.between(1, 3);
    let spread = random.pick(&[5, 12, 30]);
    let eager = random.pick(&[10, 40, 70]);
    let (mut frontier, mut steps) = (0, Vec::new());
    for row in 0..random.below(40) {
        let key = u8::try_from(random.between(1, keys)).expect("few keys");
        let time = frontier + random.between(-spread, spread);
        steps.push(Step::Row((key, u32::try_from(row).expect("few rows")), time));
        if random.percent(eager) {
            frontier += random.between(-1, 6);
            steps.push(Step::Frontier(frontier));
        }
    }
    Case { gap, lateness, mode, max_length: None, steps }
}

fn check_all(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let case = random(&mut Random::new(seed));
        if let Err(failure) = check(&case) {
            let (case, failure) = least(case, failure);
            panic!("seed {seed}: {case:?}\n{failure}");
        }
    }
}

#[test]
fn c4_sessions_are_what_all_rows_that_were_taken_make_and_never_overlap() {
    check_all(0..2_500);
}

/// The changes of a case in which all keys are 1, in their order: window, values and diff; and the times of late rows.
fn ran(
    gap: i64,
    lateness: i64,
    mode: Mode,
    steps: &[Step<Value>],
) -> (Vec<((i64, i64), Vec<u32>, i64)>, Vec<i64>) {
    let case = Case { gap, lateness, mode, max_length: None, steps: steps.to_vec() };
    let runs = [1, 7, 1024].map(|batch| run(&case, batch).expect("nothing fails"));
    assert!(runs.iter().all(|ran| *ran == runs[0]), "{runs:?}");
    net(&runs[0].out).expect("changes that make sense");
    let came = runs[0].out.iter().filter_map(|came| match came {
        Came::Row(row, time, diff) => {
            let (_, window, values, _, _) = plain(row, *time, *diff);
            Some((window, values, *diff))
        }
        Came::Frontier(..) | Came::End => None,
    });
    (came.collect(), runs[0].late.iter().map(|late| late.1).collect())
}

/// A row of the one key, whose value is its time.
fn row(time: u32) -> Step<Value> {
    Step::Row((1, time), time.into())
}

#[test]
fn c1_rows_a_gap_apart_are_in_one_session_and_a_microsecond_more_parts_them() {
    let once = |steps: &[_]| ran(5, 0, Mode::Once, steps).0;
    assert_eq!(once(&[row(0)]), [((0, 5), vec![0], 1)]);
    assert_eq!(once(&[row(0), row(5)]), [((0, 10), vec![0, 5], 1)]);
    assert_eq!(once(&[row(5), row(0)]), [((0, 10), vec![0, 5], 1)]);
    assert_eq!(once(&[row(0), row(6)]), [((0, 5), vec![0], 1), ((6, 11), vec![6], 1)]);
    assert_eq!(once(&[row(7), row(7)]), [((7, 12), vec![7, 7], 1)]);
}

#[test]
fn c2_a_row_between_two_sessions_makes_them_one() {
    let (out, late) = ran(5, 0, Mode::Once, &[row(0), row(8), row(4)]);
    assert_eq!(out, [((0, 13), vec![0, 4, 8], 1)]);
    assert!(late.is_empty());
    // The ends of the parts fire nothing.
    let steps = [row(0), row(8), row(4), Step::Frontier(5), Step::Frontier(12)];
    assert_eq!(ran(5, 0, Mode::Once, &steps), (vec![((0, 13), vec![0, 4, 8], 1)], vec![]));
}

#[test]
fn c3_a_session_that_has_fired_is_taken_back_when_a_row_makes_it_part_of_another() {
    let steps = [row(0), row(8), Step::Frontier(6), row(4)];
    let (out, late) = ran(5, 10, Mode::Retracting, &steps);
    assert_eq!(out, [((0, 5), vec![0], 1), ((0, 5), vec![0], -1), ((0, 13), vec![0, 4, 8], 1)]);
    assert!(late.is_empty());
    // Both have fired, and so does what they become, at once.
    let steps = [row(0), row(8), Step::Frontier(14), row(4), row(30)];
    let (out, _) = ran(5, 10, Mode::Retracting, &steps);
    let (first, second) = (((0, 5), vec![0]), ((8, 13), vec![8]));
    assert_eq!(out[..2], [(first.0, first.1.clone(), 1), (second.0, second.1.clone(), 1)]);
    let mut taken_back = out[2..4].to_vec();
    taken_back.sort();
    assert_eq!(taken_back, [(first.0, first.1, -1), (second.0, second.1, -1)]);
    assert_eq!(out[4..], [((0, 13), vec![0, 4, 8], 1), ((30, 35), vec![30], 1)]);
}

#[test]
fn c4_a_row_that_would_join_a_session_that_has_passed_is_late() {
    let steps = [row(0), row(8), Step::Frontier(6), row(4)];
    let (out, late) = ran(5, 0, Mode::Once, &steps);
    assert_eq!(out, [((0, 5), vec![0], 1), ((8, 13), vec![8], 1)]);
    assert_eq!(late, [4]);
    // Also of a session that is long, and long after.
    let chain = (6..60).step_by(5).map(row);
    let steps: Vec<_> = [row(0), Step::Frontier(5)].into_iter().chain(chain).collect();
    let late = [Step::Frontier(50), row(4), row(6), row(61)];
    let (out, late) = ran(5, 0, Mode::Once, &[steps, late.to_vec()].concat());
    assert_eq!(late, [4]);
    assert_eq!(out.iter().map(|out| out.0).collect::<Vec<_>>(), [(0, 5), (6, 66)]);
}

#[test]
fn c4_the_bounds_of_a_passed_session_are_remembered_for_two_gaps() {
    // At 10 a row of 6 is taken, [6, 11); and [2, 7) would join it, and [0, 5), which has passed.
    let steps = [row(0), Step::Frontier(10), row(6), row(2)];
    let (out, late) = ran(5, 0, Mode::Once, &steps);
    assert_eq!(late, [2]);
    assert_eq!(out, [((0, 5), vec![0], 1), ((6, 11), vec![6], 1)]);
}

#[test]
fn c4_a_row_at_the_end_of_a_session_that_has_passed_begins_another() {
    // It is not behind the frontier, so it cannot be late; the two touch and do not overlap.
    let (out, late) = ran(5, 0, Mode::Once, &[row(0), Step::Frontier(5), row(5)]);
    assert_eq!(out, [((0, 5), vec![0], 1), ((5, 10), vec![5], 1)]);
    assert!(late.is_empty());
}

#[test]
fn c5_a_row_out_of_order_extends_a_session_backwards_and_never_shrinks_it() {
    let (out, _) = ran(5, 0, Mode::Once, &[row(10), row(7), row(9), row(3)]);
    assert_eq!(out, [((3, 15), vec![3, 7, 9, 10], 1)]);
}

#[test]
fn c6_keys_never_share_a_session() {
    let steps: Vec<_> =
        (0..40).map(|n| Step::Row((u8::try_from(n % 4).expect("small"), n), (n / 2).into())).collect();
    let case = Case { gap: 5, lateness: 0, mode: Mode::Once, max_length: None, steps };
    check(&case).expect("they are apart");
    let ran = run(&case, 7).expect("nothing fails");
    assert_eq!(ran.out.len(), 4 + 1, "a session a key, and the end");
}

#[test]
fn c7_early_panes_of_a_session_that_merges_later_are_taken_back() {
    let (out, _) = ran(5, 0, Mode::Early(1), &[row(0), row(8), row(4)]);
    assert_eq!(out[..2], [((0, 5), vec![0], 1), ((8, 13), vec![8], 1)]);
    let mut taken_back = out[2..4].to_vec();
    taken_back.sort();
    assert_eq!(taken_back, [((0, 5), vec![0], -1), ((8, 13), vec![8], -1)]);
    let all = ((0, 13), vec![0, 4, 8]);
    // Early, and again on time.
    let again = [1, -1, 1].map(|diff| (all.0, all.1.clone(), diff));
    assert_eq!(out[4..], again);
}

#[test]
fn c8_no_session_is_longer_than_the_greatest_length() {
    let steps: Vec<_> = (0..30).map(row).collect();
    let case = Case { gap: 5, lateness: 0, mode: Mode::Once, max_length: Some(12), steps };
    let ran = run(&case, 7).expect("nothing fails");
    let windows: Vec<_> = net(&ran.out).expect("rows").into_iter().map(|(row, _)| row.1.window).collect();
    assert!(windows.len() >= 3);
    for window in windows {
        assert!(window.end.micros() - window.start.micros() <= 12, "{window}");
    }
}

#[test]
fn c8_sessions_of_a_greatest_length_lose_no_row_and_do_not_overlap() {
    for seed in 0..2_000 {
        let mut random_numbers = Random::new(seed);
        let mut case = random(&mut random_numbers);
        let length = case.gap + random_numbers.between(0, 12);
        case.max_length = Some(length);
        case.mode = if case.mode == Mode::Once { Mode::Once } else { Mode::Retracting };
        let runs = [1, 7, 1024].map(|batch| run(&case, batch).expect("nothing fails"));
        assert!(runs.iter().all(|ran| *ran == runs[0]), "seed {seed}: {case:?}");
        let left = net(&runs[0].out).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong} {case:?}"));
        let values: usize = left.iter().map(|(row, _)| row.1.value.len()).sum();
        assert_eq!(values as u64, runs[0].absorbed, "seed {seed}: {case:?}");
        for ((key, pane), _) in &left {
            let Window { start, end } = pane.window;
            assert!(end.micros() - start.micros() <= length, "seed {seed}: {pane:?} {case:?}");
            let overlaps = |((other_key, other), _): &&(Row, i64)| {
                (other_key, other) != (key, pane)
                    && other_key == key
                    && start < other.window.end
                    && other.window.start < end
            };
            let other = left.iter().find(overlaps);
            assert!(other.is_none(), "seed {seed}: {pane:?} overlaps {other:?} {case:?}");
        }
    }
}

#[test]
fn a_row_at_either_end_of_time_is_in_a_session() {
    for time in [i64::MIN, i64::MIN + 1, i64::MAX - 5, i64::MAX - 1, i64::MAX] {
        for mode in [Mode::Once, Mode::Retracting, Mode::Early(1)] {
            for batch in [1, 7] {
                let steps = vec![Step::Row((1, 0), time), Step::Row((2, 1), 0), Step::Row((1, 2), time)];
                let case = Case { gap: 5, lateness: 3, mode, max_length: None, steps };
                let ran = run(&case, batch).expect("nothing fails");
                let left = net(&ran.out).expect("changes that make sense");
                assert_eq!(ran.absorbed, 3);
                let mut values: Vec<_> = left.iter().map(|(row, _)| row.1.value.clone()).collect();
                values.sort();
                assert_eq!(values, [vec![0, 2], vec![1]], "{time} {mode:?}");
                for ((key, pane), _) in left {
                    assert!(pane.window.contains(EventTime::from_micros(if key == 1 { time } else { 0 })));
                }
            }
        }
    }
}
