//! Windows of any kind, in any mode, against an oracle that works out every pane anew from all rows so far.
//!
//! The oracle knows the rules B and D, what a window of each kind is, and nothing of slices, but for the order in which an
//! aggregate is given the values of windows that overlap.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use streamweave::operator::Merge;
use streamweave::operator::window::{
    Cumulative, Disjoint, FirstOf, Global, Once, Overlapping, Period, Rows, Sliding, Tumbling, period, rows,
};
use streamweave::prelude::*;
use streamweave::time::ProcessingTime;
use streamweave_tests::random::Random;
use streamweave_tests::script::{Came, Step, Watched, drive, play, watch};

/// A key, and a value that no other row has.
type Value = (u8, u32);

/// The values themselves, in the order in which they are added.
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

/// How time is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Tumbling { size: i64, offset: i64 },
    Global,
    Irregular,
    Sliding { size: i64, slide: i64, offset: i64 },
    Cumulative { size: i64, step: i64, offset: i64 },
    Ragged,
    Tied,
}

/// Where windows of unequal lengths begin that do not overlap, modulo 17.
const IRREGULAR: [i64; 4] = [0, 1, 5, 12];

/// Windows that overlap in any way and leave gaps, modulo 16; one reaches into the next round.
const RAGGED: [(i64, i64); 5] = [(0, 4), (0, 9), (2, 10), (6, 11), (12, 24)];

/// The same, of which several end together.
const TIED: [(i64, i64); 5] = [(0, 4), (0, 10), (2, 10), (6, 10), (12, 26)];

/// Where either begin or end, modulo 16.
const RAGGED_CUTS: [i64; 9] = [0, 2, 4, 6, 8, 9, 10, 11, 12];

fn at(time: i64) -> EventTime {
    EventTime::from_micros(time)
}

fn window(start: i64, end: i64) -> Window {
    Window { start: at(start), end: at(end) }
}

/// The greatest of these places, repeated each `round`, at or before `time`.
fn cut_before(places: &[i64], round: i64, time: i64) -> i64 {
    let is_cut = |time: &i64| places.iter().any(|place| (time - place).rem_euclid(round) == 0);
    (time - round..=time).rev().find(is_cut).expect("there is one in each round")
}

impl Cut {
    /// The windows that contain a time, by the definition of each kind, by end and start.
    fn windows(self, time: i64) -> Vec<(i64, i64)> {
        let contains = |&(start, end): &(i64, i64)| start <= time && time < end;
        let starts = |each: i64, offset: i64, far: i64| {
            (time - far..=time).filter(move |start| (start - offset).rem_euclid(each) == 0)
        };
        let mut windows: Vec<_> = match self {
            Cut::Tumbling { size, offset } => {
                starts(size, offset, size).map(|s| (s, s + size)).filter(contains).collect()
            }
            Cut::Global => vec![(i64::MIN, i64::MAX)],
            Cut::Irregular => {
                let start = cut_before(&IRREGULAR, 17, time);
                let end = (time + 1..).find(|end| cut_before(&IRREGULAR, 17, *end) == *end);
                vec![(start, end.expect("there is one in each round"))]
            }
            Cut::Sliding { size, slide, offset } => {
                starts(slide, offset, size).map(|s| (s, s + size)).filter(contains).collect()
            }
            Cut::Cumulative { size, step, offset } => starts(size, offset, size)
                .flat_map(|s| (1..=size / step).map(move |steps| (s, s + steps * step)))
                .filter(contains)
                .collect(),
            Cut::Ragged | Cut::Tied => {
                let rounds = time.div_euclid(16) - 2..=time.div_euclid(16);
                let table = if matches!(self, Cut::Tied) { TIED } else { RAGGED };
                let of = |round| table.map(|(start, end)| (start + 16 * round, end + 16 * round));
                rounds.flat_map(of).filter(contains).collect()
            }
        };
        windows.sort_by_key(|&(start, end)| (end, start));
        windows
    }

    /// Between which ends of windows a time lies: the order of values in an aggregate that merges.
    fn slice(self, time: i64) -> i64 {
        match self {
            Cut::Tumbling { .. } | Cut::Global | Cut::Irregular => 0,
            Cut::Sliding { size, slide, offset } => cut_before(&[offset, offset + size], slide, time),
            Cut::Cumulative { step, offset, .. } => cut_before(&[offset], step, time),
            Cut::Ragged | Cut::Tied => cut_before(&RAGGED_CUTS, 16, time),
        }
    }

    fn overlaps(self) -> bool {
        !matches!(self, Cut::Tumbling { .. } | Cut::Global | Cut::Irregular)
    }
}

/// The kinds whose windows do not overlap.
#[derive(Clone, Debug)]
struct Apart(Cut);

impl Assigner for Apart {
    type Shape = Disjoint;

    fn slice(&self, time: EventTime) -> Window {
        match self.0 {
            Cut::Tumbling { size, offset } => {
                Tumbling::new(size.micros()).offset(offset.micros()).slice(time)
            }
            Cut::Global => Global.slice(time),
            _ => {
                let (start, end) = self.0.windows(time.micros())[0];
                window(start, end)
            }
        }
    }
}

/// The kinds whose windows overlap.
#[derive(Clone, Debug)]
struct Overlaid(Cut);

impl Assigner for Overlaid {
    type Shape = Overlapping;

    fn slice(&self, time: EventTime) -> Window {
        match self.0 {
            Cut::Sliding { size, slide, offset } => {
                Sliding::new(size.micros(), slide.micros()).offset(offset.micros()).slice(time)
            }
            Cut::Cumulative { size, step, offset } => {
                Cumulative::new(size.micros(), step.micros()).offset(offset.micros()).slice(time)
            }
            _ => {
                let start = cut_before(&RAGGED_CUTS, 16, time.micros());
                let end = (start + 1..).find(|end| cut_before(&RAGGED_CUTS, 16, *end) == *end);
                window(start, end.expect("there is one in each round"))
            }
        }
    }

    fn windows(&self, slice: Window) -> impl Iterator<Item = Window> {
        let windows: Vec<_> = match self.0 {
            Cut::Sliding { size, slide, offset } => {
                Sliding::new(size.micros(), slide.micros()).offset(offset.micros()).windows(slice).collect()
            }
            Cut::Cumulative { size, step, offset } => {
                Cumulative::new(size.micros(), step.micros()).offset(offset.micros()).windows(slice).collect()
            }
            _ => self.0.windows(slice.start.micros()).into_iter().map(|(s, e)| window(s, e)).collect(),
        };
        windows.into_iter()
    }
}

/// When a window fires besides on time, as the oracle and the engine are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Never,
    Rows(u64),
    Period(i64),
    First(u64, i64),
    RowsOnce(u64),
    PeriodOnce(i64),
    FirstOnce(u64, i64),
}

impl When {
    fn random(random: &mut Random, clock: bool) -> Self {
        let count = 1 + random.below(3);
        let length = random.between(1, 5);
        let first = if clock { 7 } else { 3 };
        match random.below(first) {
            0 => When::Never,
            1 => When::Rows(count),
            2 => When::RowsOnce(count),
            3 => When::Period(length),
            4 => When::First(count, length),
            5 => When::PeriodOnce(length),
            _ => When::FirstOnce(count, length),
        }
    }

    fn repeated(self) -> Self {
        match self {
            When::RowsOnce(count) => When::Rows(count),
            When::PeriodOnce(length) => When::Period(length),
            When::FirstOnce(count, length) => When::First(count, length),
            When::Never | When::Rows(_) | When::Period(_) | When::First(..) => self,
        }
    }

    /// Whether a window fires that has fired `fired` times by this trigger, and since its last firing has been given rows when
    /// the clock read this.
    fn fires(self, fired: usize, since: &[i64], now: i64) -> bool {
        let many = |count| since.len() as u64 >= count;
        let long = |length| since.first().is_some_and(|first| first + length <= now);
        match self {
            When::Never => false,
            When::Rows(count) => many(count),
            When::Period(length) => long(length),
            When::First(count, length) => many(count) || long(length),
            When::RowsOnce(count) => fired == 0 && many(count),
            When::PeriodOnce(length) => fired == 0 && long(length),
            When::FirstOnce(count, length) => fired == 0 && (many(count) || long(length)),
        }
    }
}

/// The engine's triggers, chosen when the test runs.
#[derive(Clone, Copy, Debug)]
struct By<const CLOCK: bool>(When);

type States = (
    (<Rows as Trigger>::State, <Period as Trigger>::State, <FirstOf<Rows, Period> as Trigger>::State),
    <Once<Rows> as Trigger>::State,
    <Once<Period> as Trigger>::State,
    <Once<FirstOf<Rows, Period>> as Trigger>::State,
);

macro_rules! by {
    ($by:expr, $state:expr, |$trigger:ident, $of:ident| $do:expr, $never:expr) => {{
        let ((rows_state, period_state, first_state), rows_once, period_once, first_once) = $state;
        match $by.0 {
            When::Never => $never,
            When::Rows(n) => {
                let ($trigger, $of) = (rows(n), rows_state);
                $do
            }
            When::Period(p) => {
                let ($trigger, $of) = (period(p.micros()), period_state);
                $do
            }
            When::First(n, p) => {
                let ($trigger, $of) = (rows(n).first_of(period(p.micros())), first_state);
                $do
            }
            When::RowsOnce(n) => {
                let ($trigger, $of) = (rows(n).once(), rows_once);
                $do
            }
            When::PeriodOnce(p) => {
                let ($trigger, $of) = (period(p.micros()).once(), period_once);
                $do
            }
            When::FirstOnce(n, p) => {
                let ($trigger, $of) = (rows(n).first_of(period(p.micros())).once(), first_once);
                $do
            }
        }
    }};
}

impl<const CLOCK: bool> Trigger for By<CLOCK> {
    type State = States;
    const USES_CLOCK: bool = CLOCK;

    fn on_row(&self, state: &mut States, now: ProcessingTime) -> bool {
        by!(self, state, |trigger, of| trigger.on_row(of, now), false)
    }

    fn due(&self, state: &States) -> Option<ProcessingTime> {
        by!(self, state, |trigger, of| trigger.due(of), None)
    }

    fn on_clock(&self, state: &mut States, now: ProcessingTime) -> bool {
        by!(self, state, |trigger, of| trigger.on_clock(of, now), false)
    }

    fn fired(&self, state: &mut States) {
        by!(self, state, |trigger, of| trigger.fired(of), ());
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Once,
    Discarding,
    Accumulating,
    Retracting,
}

/// Which triggers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Triggers {
    /// None; each late row is one.
    Default,
    Rows,
    Clock,
}

#[derive(Clone, Debug)]
struct Case {
    cut: Cut,
    mode: Mode,
    lateness: i64,
    triggers: Triggers,
    early: When,
    late: When,
    by_key: bool,
    steps: Vec<Step<Value>>,
}

type Row = (u8, Pane<Vec<u32>>);

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    out: Vec<Came<Row>>,
    late: Vec<Late<Value>>,
    absorbed: u64,
    unassigned: u64,
}

impl Case {
    fn random(random: &mut Random) -> Self {
        let offset = random.between(-9, 9);
        let cut = match random.below(9) {
            0 | 1 => Cut::Tumbling { size: random.between(1, 12), offset },
            2 => Cut::Global,
            3 => Cut::Irregular,
            4 | 5 => Cut::Sliding { size: random.between(1, 12), slide: random.between(1, 12), offset },
            6 => Cut::Sliding { size: 12, slide: random.pick(&[1, 2, 3, 4, 6, 12]), offset },
            7 => {
                let step = random.between(1, 4);
                Cut::Cumulative { size: step * random.between(1, 4), step, offset }
            }
            _ => Cut::Ragged,
        };
        let mode = random.pick(&[Mode::Once, Mode::Discarding, Mode::Accumulating, Mode::Retracting]);
        let triggers = random.pick(&[Triggers::Default, Triggers::Rows, Triggers::Clock]);
        let (early, late) = match (mode, triggers) {
            (Mode::Once, _) | (_, Triggers::Default) => (When::Never, When::Rows(1)),
            _ => {
                let clock = triggers == Triggers::Clock;
                // What becomes of a late trigger that fires once is a test's of its own, in `lateness.rs`.
                (When::random(random, clock), When::random(random, clock).repeated())
            }
        };
        let lateness = if mode == Mode::Once || random.percent(30) { 0 } else { random.between(1, 15) };
        let by_key = random.percent(40) && triggers != Triggers::Clock;
        let steps = steps(random, triggers == Triggers::Clock);
        Case { cut, mode, lateness, triggers, early, late, by_key, steps }
    }
}

/// Rows about a frontier that goes on, now a little and now far; both sometimes do as they like.
fn steps(random: &mut Random, clock: bool) -> Vec<Step<Value>> {
    let keys = random.between(1, 4);
    let (mut frontier, mut steps) = (random.between(-30, 0), Vec::new());
    let spread = random.pick(&[3, 10, 30]);
    let eager = random.pick(&[10, 30, 60]);
    for row in 0..random.below(40) {
        let key = u8::try_from(random.between(1, keys)).expect("few keys");
        let time = frontier + random.between(-spread, spread);
        steps.push(Step::Row((key, u32::try_from(row).expect("few rows")), time));
        if random.percent(eager) {
            frontier += random.between(-2, 6);
            steps.push(Step::Frontier(frontier));
        }
        match random.below(100) {
            0..3 => steps.push(Step::Idle),
            3..6 => steps.push(Step::Active),
            6..30 if clock => steps.push(Step::Clock(random.between(0, 4))),
            _ => {}
        }
    }
    steps
}

/// A row that was taken.
#[derive(Clone, Debug)]
struct Taken {
    key: u8,
    value: u32,
    slice: i64,
    /// Those that were open.
    windows: Vec<(i64, i64)>,
    clock: i64,
}

/// One firing, before it is told what it comes to.
#[derive(Clone, Debug)]
struct Fired {
    key: u8,
    window: (i64, i64),
    timing: Timing,
    /// How many rows had been taken by then, of all keys.
    taken: usize,
    value: Vec<u32>,
    is_last: bool,
}

/// All that has happened, and nothing else.
struct Oracle<'a> {
    case: &'a Case,
    frontier: i128,
    idle: bool,
    clock: i64,
    taken: Vec<Taken>,
    fired: Vec<Fired>,
    outcome: Outcome,
    /// What came out because the clock went on: no rule says in which order that does.
    alarms: Vec<Range<usize>>,
}

const END: i128 = i128::MAX;

impl Oracle<'_> {
    /// What a case is to come to.
    fn outcome(case: &Case) -> (Outcome, Vec<Range<usize>>) {
        let outcome = Outcome { out: Vec::new(), late: Vec::new(), absorbed: 0, unassigned: 0 };
        let (taken, fired) = (Vec::new(), Vec::new());
        let frontier = i64::MIN.into();
        let mut oracle =
            Oracle { case, frontier, idle: false, clock: 0, taken, fired, outcome, alarms: Vec::new() };
        for step in &case.steps {
            match *step {
                Step::Row(value, time) => oracle.row(value, time),
                Step::Frontier(time) => {
                    // A frontier that is told anew says that the stream is active.
                    if i128::from(time) > oracle.frontier
                        || (i128::from(time) == oracle.frontier && oracle.idle)
                    {
                        oracle.advance(time.into());
                        oracle.idle = false;
                    }
                }
                Step::Idle => oracle.idle = true,
                Step::Active => oracle.idle = false,
                Step::Clock(by) => oracle.clock(by),
            }
            oracle.tell();
        }
        oracle.advance(END);
        oracle.outcome.out.push(Came::End);
        (oracle.outcome, oracle.alarms)
    }

    /// The frontier behind the windows (rule D8).
    fn tell(&mut self) {
        let time = (self.frontier - i128::from(self.case.lateness)).max(i64::MIN.into());
        let told = Came::Frontier(time as i64, self.idle);
        let before = self.outcome.out.iter().rfind(|came| matches!(came, Came::Frontier(..)));
        if before.unwrap_or(&Came::Frontier(i64::MIN, false)) != &told {
            self.outcome.out.push(told);
        }
    }

    fn end(&self, window: (i64, i64)) -> i128 {
        if window.1 == i64::MAX { END } else { window.1.into() }
    }

    fn is_over(&self, window: (i64, i64), frontier: i128) -> bool {
        frontier >= self.end(window).saturating_add(self.case.lateness.into())
    }

    fn row(&mut self, value: Value, time: i64) {
        let all = self.case.cut.windows(time);
        let Some(&longest) = all.last() else {
            self.outcome.unassigned += 1;
            return;
        };
        let open: Vec<_> = all.into_iter().filter(|window| !self.is_over(*window, self.frontier)).collect();
        if open.is_empty() {
            let row = Keyed { key: value.0, value };
            let (start, end) = longest;
            let late =
                Late { row, time: at(time), window: window(start, end), frontier: at(self.frontier as i64) };
            self.outcome.late.push(Late {
                row: late.row.value,
                time: late.time,
                window: late.window,
                frontier: late.frontier,
            });
            return;
        }
        self.outcome.absorbed += 1;
        let slice = self.case.cut.slice(time);
        self.taken.push(Taken {
            key: value.0,
            value: value.1,
            slice,
            windows: open.clone(),
            clock: self.clock,
        });
        for window in open {
            self.ask(value.0, window);
        }
    }

    /// Fires one window of one key, if its trigger says so.
    fn ask(&mut self, key: u8, window: (i64, i64)) -> bool {
        let is_early = self.frontier < self.end(window);
        let (trigger, timing) =
            if is_early { (self.case.early, Timing::Early) } else { (self.case.late, Timing::Late) };
        let by_it =
            self.fired.iter().filter(|f| (f.key, f.window, f.timing) == (key, window, timing)).count();
        let since: Vec<_> = self.pending(key, window).map(|row| row.clock).collect();
        let fires = trigger.fires(by_it, &since, self.clock);
        if fires {
            self.fire(key, window, timing, false);
        }
        fires
    }

    fn rows(&self, key: u8, window: (i64, i64), from: usize) -> impl Iterator<Item = &Taken> {
        self.taken[from..].iter().filter(move |row| row.key == key && row.windows.contains(&window))
    }

    /// The rows since the last firing.
    fn pending(&self, key: u8, window: (i64, i64)) -> impl Iterator<Item = &Taken> {
        let last = self.fired.iter().rfind(|fired| (fired.key, fired.window) == (key, window));
        self.rows(key, window, last.map_or(0, |last| last.taken))
    }

    fn fire(&mut self, key: u8, window: (i64, i64), timing: Timing, is_last: bool) {
        let mut rows: Vec<&Taken> = match self.case.mode {
            Mode::Discarding => self.pending(key, window).collect(),
            Mode::Once | Mode::Accumulating | Mode::Retracting => self.rows(key, window, 0).collect(),
        };
        // What is new is added up as it comes; what all rows so far come to is put together of slices.
        if self.case.mode != Mode::Discarding {
            rows.sort_by_key(|row| row.slice);
        }
        let value = rows.iter().map(|row| row.value).collect();
        let before = self.fired.iter().filter(|fired| (fired.key, fired.window) == (key, window)).count();
        if self.case.mode == Mode::Retracting
            && let Some(last) = self.fired.iter().rfind(|fired| (fired.key, fired.window) == (key, window))
        {
            self.outcome.out.push(came(last, before - 1, -1));
        }
        let fired = Fired { key, window, timing, taken: self.taken.len(), value, is_last };
        self.outcome.out.push(came(&fired, before, 1));
        self.fired.push(fired);
    }

    /// All windows of keys that have rows, in the order in which they fire together.
    fn windows(&self) -> Vec<(u8, (i64, i64))> {
        let mut windows: Vec<(u8, (i64, i64))> = Vec::new();
        for row in &self.taken {
            for window in &row.windows {
                if !windows.contains(&(row.key, *window)) {
                    windows.push((row.key, *window));
                }
            }
        }
        let key_of = |key| if self.case.by_key { key } else { 0 };
        windows.sort_by_key(|&(key, (start, end))| (end, start, key_of(key)));
        windows
    }

    fn advance(&mut self, frontier: i128) {
        let before = self.frontier;
        // As if the frontier had come to each end, and to the end of each allowed lateness, one after another.
        let mut firings = Vec::new();
        for (key, window) in self.windows() {
            let end = self.end(window);
            let over = end.saturating_add(self.case.lateness.into());
            let is_pending = self.pending(key, window).next().is_some();
            if before < end && end <= frontier {
                if is_pending || self.case.mode != Mode::Discarding {
                    firings.push((end, Timing::OnTime, key, window, over <= frontier));
                }
            } else if before < over && over <= frontier && is_pending {
                firings.push((over, Timing::Late, key, window, true));
            }
        }
        firings.sort_by_key(|&(due, timing, ..)| (due, timing));
        for (_, timing, key, window, is_last) in firings {
            self.fire(key, window, timing, is_last);
        }
        self.frontier = frontier;
    }

    fn clock(&mut self, by: i64) {
        self.clock += by;
        let before = self.outcome.out.len();
        for (key, window) in self.windows() {
            if !self.is_over(window, self.frontier) {
                self.ask(key, window);
            }
        }
        self.alarms.push(before..self.outcome.out.len());
    }
}

fn came(fired: &Fired, index: usize, diff: i64) -> Came<Row> {
    let Fired { key, window: (start, end), timing, ref value, is_last, .. } = *fired;
    let index = u32::try_from(index).expect("few firings");
    let pane = Pane { window: window(start, end), value: value.clone(), timing, index, is_last };
    Came::Row((key, pane), pane_time(end), diff)
}

/// The last time of a window; one that is cut off at the end of time holds the greatest.
fn pane_time(end: i64) -> i64 {
    if end == i64::MAX { end } else { end - 1 }
}

macro_rules! run {
    ($case:ident, $batch:ident, $windows:expr) => {{
        let watched = Watched::default();
        let result = drive(&$case.steps, |from, clock| {
            graph! {
                steps = from_channel(from);
                panes = $windows.aggregate(Collect::default);
                steps -> play -> key_by(|value: &Value| value.0) -> panes
                    -> map(|pane| (pane.key, pane.value)) -> watch(&watched);
                panes.late -> late;
                late = collect();
            }
            .batch($batch)
            .clock(clock)
            .run()
        })
        .map_err(|error| error.to_string())?;
        result.assert_conserved();
        let node = result.report().node("panes").expect("the node is there");
        let late = result.late.iter().map(|late| Late {
            row: late.row.value,
            time: late.time,
            window: late.window,
            frontier: late.frontier,
        });
        Ok(Outcome {
            out: watched.take(),
            late: late.collect(),
            absorbed: node.absorbed,
            unassigned: node.unassigned,
        })
    }};
}

macro_rules! modes {
    ($case:ident, $batch:ident, $windows:expr, $once:expr) => {
        match $case.mode {
            Mode::Once => run!($case, $batch, $once),
            Mode::Discarding => run!($case, $batch, $windows.discarding()),
            Mode::Accumulating => run!($case, $batch, $windows.accumulating()),
            Mode::Retracting => run!($case, $batch, $windows.retracting()),
        }
    };
}

macro_rules! forms {
    ($case:ident, $batch:ident, $assigner:expr) => {{
        let (early, late) = ($case.early, $case.late);
        let lateness = $case.lateness.micros();
        match ($case.triggers, $case.by_key) {
            (Triggers::Default, true) => modes!(
                $case,
                $batch,
                windows($assigner).by_key().allowed_lateness(lateness),
                windows($assigner).by_key()
            ),
            (Triggers::Default, false) => {
                modes!($case, $batch, windows($assigner).allowed_lateness(lateness), windows($assigner))
            }
            (Triggers::Rows, true) => modes!(
                $case,
                $batch,
                windows($assigner)
                    .late(By::<false>(late))
                    .early(By::<false>(early))
                    .by_key()
                    .allowed_lateness(lateness),
                windows($assigner).by_key()
            ),
            (Triggers::Rows, false) => modes!(
                $case,
                $batch,
                windows($assigner)
                    .allowed_lateness(lateness)
                    .early(By::<false>(early))
                    .late(By::<false>(late)),
                windows($assigner)
            ),
            (Triggers::Clock, _) => modes!(
                $case,
                $batch,
                windows($assigner).allowed_lateness(lateness).early(By::<true>(early)).late(By::<true>(late)),
                windows($assigner)
            ),
        }
    }};
}

fn run_apart(case: &Case, batch: usize) -> Result<Outcome, String> {
    forms!(case, batch, Apart(case.cut))
}

fn run_overlaid(case: &Case, batch: usize) -> Result<Outcome, String> {
    forms!(case, batch, Overlaid(case.cut))
}

fn run(case: &Case, batch: usize) -> Result<Outcome, String> {
    let run = || if case.cut.overlaps() { run_overlaid(case, batch) } else { run_apart(case, batch) };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// No row is behind the frontier that was told before it (rule D8).
fn is_in_order(out: &[Came<Row>]) -> bool {
    let mut frontier = i64::MIN;
    out.iter().all(|came| match came {
        Came::Row(_, time, _) => *time >= frontier,
        Came::Frontier(time, _) => std::mem::replace(&mut frontier, *time) <= *time,
        Came::End => true,
    })
}

fn sort_alarms(outcome: &mut Outcome, alarms: &[Range<usize>]) {
    for alarm in alarms {
        let Some(came) = outcome.out.get_mut(alarm.clone()) else { return };
        came.sort_by_key(|came| match came {
            Came::Row((key, pane), ..) => Some((pane.window, *key, pane.index)),
            Came::Frontier(..) | Came::End => None,
        });
    }
}

fn check(case: &Case) -> Result<(), String> {
    let (mut expected, alarms) = Oracle::outcome(case);
    sort_alarms(&mut expected, &alarms);
    let mut first = None;
    for batch in [1, 7, 1024] {
        let ran = run(case, batch)?;
        if *first.get_or_insert_with(|| ran.clone()) != ran {
            return Err(format!("not the same in batches of {batch}: {}", shown(&ran)));
        }
        let mut sorted = ran.clone();
        sort_alarms(&mut sorted, &alarms);
        if sorted != expected {
            return Err(format!("batch {batch}:\n     ran {}\nexpected {}", shown(&ran), shown(&expected)));
        }
        if !is_in_order(&ran.out) {
            return Err(format!("batch {batch}: behind its frontier: {}", shown(&ran)));
        }
    }
    Ok(())
}

fn shown(outcome: &Outcome) -> String {
    let came = |came: &Came<Row>| match came {
        Came::Row((key, pane), time, diff) => format!(
            "\n    {diff:+} @{time} key {key} [{}, {}) {:?} {:?} index {}{}",
            pane.window.start.micros(),
            pane.window.end.micros(),
            pane.value,
            pane.timing,
            pane.index,
            if pane.is_last { " last" } else { "" }
        ),
        Came::Frontier(time, idle) => format!("\n    F {time}{}", if *idle { " idle" } else { "" }),
        Came::End => "\n    end".to_owned(),
    };
    let late = |late: &Late<Value>| {
        format!(
            "\n    late {:?} @{} of [{}, {}) at {}",
            late.row,
            late.time.micros(),
            late.window.start.micros(),
            late.window.end.micros(),
            late.frontier.micros()
        )
    };
    let out: String = outcome.out.iter().map(came).collect();
    let lates: String = outcome.late.iter().map(late).collect();
    format!("{out}{lates}\n    {} absorbed, {} unassigned", outcome.absorbed, outcome.unassigned)
}

/// The same failure with as few steps as can be, found by leaving out one after another.
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

fn check_all(seeds: Range<u64>, change: impl Fn(&mut Case)) {
    for seed in seeds {
        let mut case = Case::random(&mut Random::new(seed));
        change(&mut case);
        if let Err(failure) = check(&case) {
            let (case, failure) = least(case, failure);
            panic!("seed {seed}: {case:?}\n{failure}");
        }
    }
}

#[test]
fn every_pane_is_what_all_rows_so_far_come_to() {
    // No row waits for the end of the allowed lateness where panes come by key: see below.
    check_all(0..2_500, |case| case.late = if case.by_key { When::Rows(1) } else { case.late });
}

#[test]
fn panes_come_by_key_also_when_the_allowed_lateness_is_over() {
    check_all(0..300, |case| {
        (case.triggers, case.early, case.late) = (Triggers::Rows, When::Never, When::Never);
        case.by_key = true;
    });
}

#[test]
fn every_pane_is_what_all_rows_so_far_come_to_where_windows_end_together() {
    check_all(0..300, |case| case.cut = Cut::Tied);
}
