//! Rules E at random: joins against oracles that look at all rows at once, whatever the order, the lateness and the batches.

use std::collections::BTreeMap;

use streamweave::envelope::Nullable;
use streamweave::operator::window::{Sliding, Tumbling};
use streamweave::prelude::*;
use streamweave_tests::random::Random;
use streamweave_tests::record::{Log, Seen, record, take};
use streamweave_tests::{BATCHES, finish};

/// A row of either side. What is late depends on the rows of its side that came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Event {
    is_left: bool,
    key: Option<u8>,
    time: i64,
    id: u32,
}

/// A case: rows in order of arrival, and how far out of order each side may be.
#[derive(Clone, Debug)]
struct Case {
    events: Vec<Event>,
    bound: [i64; 2],
}

/// The two sides of a row that came out, by their ids, and its time.
type Out = ((Option<u32>, Option<u32>), i64);

const CASES: u64 = 60;

fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let rows = random.pick(&[0, 1, 5, 40, 150]);
    let (keys, disorder, step) = (random.pick(&[1, 2, 8]), random.between(0, 12), random.between(0, 3));
    let lefts = random.pick(&[0, 10, 50, 50, 90, 100]);
    let mut now = random.between(-40, 10);
    let events = (0..rows).map(|id| {
        now += random.between(0, step);
        Event {
            is_left: random.percent(lefts),
            key: (!random.percent(8)).then(|| random.below(keys) as u8),
            time: now - random.between(0, disorder),
            id,
        }
    });
    let events = events.collect();
    Case { events, bound: [random.between(0, 14), random.between(0, 14)] }
}

/// How far both sides have come as rows arrive, each side by itself and both together.
struct Frontiers<'a> {
    bound: &'a [i64; 2],
    come: [Option<i64>; 2],
}

impl Frontiers<'_> {
    fn of(case: &Case) -> Frontiers<'_> {
        Frontiers { bound: &case.bound, come: [None; 2] }
    }

    fn is_behind_its_own(&self, event: &Event) -> bool {
        self.come[usize::from(!event.is_left)].is_some_and(|come| event.time < come)
    }

    /// How far both have come; `None` where one was not heard of.
    fn both(&self) -> Option<i64> {
        Some(self.come[0]?.min(self.come[1]?))
    }

    fn take(&mut self, event: &Event) {
        let side = usize::from(!event.is_left);
        let come = event.time - self.bound[side];
        self.come[side] = Some(self.come[side].map_or(come, |before| before.max(come)));
    }
}

impl Case {
    /// The rows for which this holds when they arrive.
    fn accepted(&self, holds: impl Fn(&Frontiers<'_>, &Event) -> bool) -> Vec<Event> {
        let mut frontiers = Frontiers::of(self);
        let accepted = self.events.iter().filter(|event| {
            let accepted = holds(&frontiers, event);
            frontiers.take(event);
            accepted
        });
        accepted.copied().collect()
    }
}

fn at(event: &Event) -> EventTime {
    EventTime::from_micros(event.time)
}

fn key(event: &Event) -> Nullable<u8> {
    event.key.into()
}

fn meet(one: &Event, other: &Event) -> bool {
    one.key.is_some() && one.key == other.key
}

/// The rows of a log; none is behind the frontier before it, frontiers only advance, and the end is last.
#[track_caller]
fn in_time<D: Clone>(log: Vec<Seen<D, EventTime>>, may_be_behind: bool) -> Vec<(D, i64)> {
    let mut frontier = EventTime::MIN;
    let mut rows = Vec::new();
    assert!(matches!(log.last(), Some(Seen::End)), "the end comes last");
    for seen in log {
        match seen {
            Seen::Row(row, time) => {
                assert!(may_be_behind || time >= frontier, "a row of {time} is behind {frontier}");
                rows.push((row, time.micros()));
            }
            Seen::Frontier(next) => {
                assert!(next > frontier, "{next} after {frontier}");
                frontier = next;
            }
            Seen::Idle(_) | Seen::End => {}
        }
    }
    rows
}

/// Runs a join on a case, at every batch size, and gives what came out and how many rows were late.
macro_rules! run {
    ($case:expr, [$($join:tt)*], $row:expr) => { run!($case, [$($join)*], $row, false) };
    ($case:expr, [$($join:tt)*], $row:expr, $may_be_behind:expr) => {{
        let case: &Case = $case;
        let mut first = None;
        for batch in BATCHES {
            let [left, right] = case.bound.map(|bound| bounded(bound.micros()));
            let log = Log::default();
            let result = finish(
                graph! {
                    rows = from_iter(case.events.clone());
                    sides = partition(|event: &Event| event.is_left);
                    joined = $($join)*;
                    rows -> sides;
                    sides.matching -> event_time(at, left) -> key_by(key) -> joined.left;
                    sides.rest -> event_time(at, right) -> key_by(key) -> joined.right;
                    joined -> map($row) -> record(&log);
                }
                .batch(batch)
                .run(),
            );
            result.assert_conserved();
            let report = result.report();
            let late: u64 = report.nodes().iter().map(|node| node.late).sum();
            let seen = (take(&log), late);
            let expected = first.get_or_insert_with(|| seen.clone());
            assert_eq!(expected, &seen, "batch {batch}");
        }
        let (log, late) = first.expect("it ran");
        (in_time(log, $may_be_behind), late)
    }};
}

fn pair(row: Keyed<Nullable<u8>, (Event, Event)>) -> (Option<u32>, Option<u32>) {
    (Some(row.value.0.id), Some(row.value.1.id))
}

fn left_outer(row: Keyed<Nullable<u8>, (Event, Option<Event>)>) -> (Option<u32>, Option<u32>) {
    (Some(row.value.0.id), row.value.1.map(|right| right.id))
}

fn right_outer(row: Keyed<Nullable<u8>, (Option<Event>, Event)>) -> (Option<u32>, Option<u32>) {
    (row.value.0.map(|left| left.id), Some(row.value.1.id))
}

fn full_outer(row: Keyed<Nullable<u8>, (Option<Event>, Option<Event>)>) -> (Option<u32>, Option<u32>) {
    (row.value.0.map(|left| left.id), row.value.1.map(|right| right.id))
}

fn only_left(row: Keyed<Nullable<u8>, Event>) -> (Option<u32>, Option<u32>) {
    (Some(row.value.id), None)
}

/// The time of a pair.
type TimeOf = fn(i64, i64) -> i64;

/// Every pair of an interval join, in the order in which pairs are found.
fn pairs(rows: &[Event], (lower, upper): (i64, i64), time: TimeOf) -> Vec<Out> {
    let mut pairs = Vec::new();
    for (arrival, row) in rows.iter().enumerate() {
        let mut partners: Vec<_> =
            rows[..arrival].iter().filter(|other| other.is_left != row.is_left).collect();
        partners.sort_by_key(|partner| partner.time);
        for partner in partners {
            let (left, right) = if row.is_left { (row, partner) } else { (partner, row) };
            if meet(left, right) && (left.time + lower..=left.time + upper).contains(&right.time) {
                pairs.push(((Some(left.id), Some(right.id)), time(left.time, right.time)));
            }
        }
    }
    pairs
}

/// The rows of one side that are in no pair.
fn alone(rows: &[Event], pairs: &[Out], is_left: bool) -> Vec<Out> {
    let of = |ids: (Option<u32>, Option<u32>)| if is_left { ids.0 } else { ids.1 };
    let rows = rows.iter().filter(|row| row.is_left == is_left);
    let alone = rows.filter(|row| pairs.iter().all(|pair| of(pair.0) != Some(row.id)));
    let ids = |row: &Event| if is_left { (Some(row.id), None) } else { (None, Some(row.id)) };
    alone.map(|row| (ids(row), row.time)).collect()
}

/// Left rows with a partner, each at the first pair of it that is found.
fn first_of_each(pairs: &[Out]) -> Vec<Out> {
    let mut seen = std::collections::BTreeSet::new();
    let first = pairs.iter().filter(|pair| seen.insert(pair.0.0));
    first.map(|&((left, _), time)| ((left, None), time)).collect()
}

/// The pairs among what came out, in their order.
fn pairs_of(out: &[Out]) -> Vec<Out> {
    out.iter().filter(|(ids, _)| ids.0.is_some() && ids.1.is_some()).copied().collect()
}

fn sorted(out: impl IntoIterator<Item = Out>) -> Vec<Out> {
    let mut out: Vec<_> = out.into_iter().collect();
    out.sort_unstable();
    out
}

#[test]
fn e1_to_e5_an_interval_join_is_what_all_rows_together_say() {
    let later: TimeOf = |left, right| left.max(right);
    let of_left: TimeOf = |left, _| left;
    let earlier: TimeOf = |left, right| left.min(right);
    for seed in 0..CASES {
        let case = case(seed);
        let mut random = Random::new(seed ^ 0xE1);
        let lower = random.between(-12, 9);
        let bounds = (lower, lower + random.between(0, 12));
        let (lower, upper) = (TimeDelta::from_micros(bounds.0), TimeDelta::from_micros(bounds.1));
        let rows = case.accepted(|frontiers, event| !frontiers.is_behind_its_own(event));
        let late = (case.events.len() - rows.len()) as u64;

        macro_rules! check {
            ($time:expr $(, $method:ident)?) => {{
                let about = format!("seed {seed}, {bounds:?}, {}", stringify!($time));
                let pairs = pairs(&rows, bounds, $time);
                let (left, right) = (alone(&rows, &pairs, true), alone(&rows, &pairs, false));

                let inner = run!(&case, [interval_join(lower, upper)$(.$method())?], pair);
                assert_eq!(inner, (pairs.clone(), late), "inner, {about}");

                let (out, _) = run!(&case, [interval_join(lower, upper).left_outer()$(.$method())?], left_outer);
                assert_eq!(pairs_of(&out), pairs, "left outer, {about}");
                assert_eq!(sorted(out), sorted(pairs.iter().chain(&left).copied()), "left outer, {about}");

                let (out, _) = run!(&case, [interval_join(lower, upper).right_outer()$(.$method())?], right_outer);
                assert_eq!(pairs_of(&out), pairs, "right outer, {about}");
                assert_eq!(sorted(out), sorted(pairs.iter().chain(&right).copied()), "right outer, {about}");

                let (out, _) = run!(&case, [interval_join(lower, upper).full_outer()$(.$method())?], full_outer);
                assert_eq!(pairs_of(&out), pairs, "full outer, {about}");
                let all = pairs.iter().chain(&left).chain(&right);
                assert_eq!(sorted(out), sorted(all.copied()), "full outer, {about}");

                let (out, _) = run!(&case, [interval_join(lower, upper).semi()$(.$method())?], only_left);
                assert_eq!(out, first_of_each(&pairs), "semi, {about}");

                let (out, _) = run!(&case, [interval_join(lower, upper).anti()$(.$method())?], only_left);
                assert_eq!(sorted(out), sorted(left), "anti, {about}");
            }};
        }
        check!(later);
        check!(of_left, time_of_left);
        check!(earlier, time_of_earlier);
    }
}

/// The windows of a time, as starts and ends.
type WindowsOf = fn(i64) -> Vec<(i64, i64)>;

/// The rows of a key in a window.
#[derive(Clone, Debug, Default)]
struct Group {
    lefts: Vec<u32>,
    rights: Vec<u32>,
}

/// The windows in the order in which they fire, each with its keys in theirs; and how many rows are late.
fn windows(case: &Case, windows_of: WindowsOf) -> (Vec<(i64, Vec<Group>)>, u64) {
    let mut windows: BTreeMap<(i64, i64), Vec<(Option<u8>, Group)>> = BTreeMap::new();
    let (mut frontiers, mut late) = (Frontiers::of(case), 0);
    for event in &case.events {
        let all = windows_of(event.time);
        let open = all.iter().filter(|(_, end)| frontiers.both().is_none_or(|come| *end > come));
        let open: Vec<_> = open.copied().collect();
        late += u64::from(open.is_empty() && !all.is_empty());
        for (start, end) in open {
            let groups = windows.entry((end, start)).or_default();
            let known = groups.iter().position(|(key, _)| key.is_some() && *key == event.key);
            let place = known.unwrap_or_else(|| {
                groups.push((event.key, Group::default()));
                groups.len() - 1
            });
            let group = &mut groups[place].1;
            if event.is_left { group.lefts.push(event.id) } else { group.rights.push(event.id) }
        }
        frontiers.take(event);
    }
    let fired = windows.into_iter().map(|((end, _), mut groups)| {
        groups.sort_by_key(|(key, _)| key.is_none());
        (end - 1, groups.into_iter().map(|(_, group)| group).collect())
    });
    (fired.collect(), late)
}

/// What a window join makes of a group: pairs, and rows of either side without a partner where they come out.
fn of_group(group: &Group, [pairs, left, right]: [bool; 3]) -> Vec<(Option<u32>, Option<u32>)> {
    match group {
        Group { lefts, rights } if rights.is_empty() && left => {
            lefts.iter().map(|&left| (Some(left), None)).collect()
        }
        Group { lefts, rights } if lefts.is_empty() && right => {
            rights.iter().map(|&right| (None, Some(right))).collect()
        }
        Group { lefts, rights } if pairs => {
            let with = |&left: &u32| rights.iter().map(move |&right| (Some(left), Some(right)));
            lefts.iter().flat_map(with).collect()
        }
        _ => Vec::new(),
    }
}

fn of_windows(windows: &[(i64, Vec<Group>)], shape: [bool; 3]) -> Vec<Out> {
    let groups = windows.iter().flat_map(|(time, groups)| groups.iter().map(move |group| (*time, group)));
    groups.flat_map(|(time, group)| of_group(group, shape).into_iter().map(move |row| (row, time))).collect()
}

/// The left rows of each window by arrival, which is what their numbers say.
fn by_arrival(mut rows: Vec<Out>) -> Vec<Out> {
    rows.sort_by_key(|((left, _), time)| (*time, *left));
    rows
}

fn unpane<K, B>(row: Keyed<K, Pane<B>>) -> Keyed<K, B> {
    Keyed { key: row.key, value: row.value.value }
}

#[test]
fn e6_a_window_join_pairs_what_is_in_one_window() {
    let tumbling: WindowsOf = |time| {
        let start = time.div_euclid(10) * 10;
        vec![(start, start + 10)]
    };
    let sliding: WindowsOf =
        |time| (time - 9..=time).filter(|start| start % 4 == 0).map(|start| (start, start + 10)).collect();
    let gaps: WindowsOf =
        |time| (time - 2..=time).filter(|start| start % 5 == 0).map(|start| (start, start + 3)).collect();
    for seed in 0..CASES {
        let case = case(seed ^ 0xE6);
        macro_rules! check {
            ($windows:expr, $assigner:expr) => {{
                let about = format!("seed {seed}, {}", stringify!($assigner));
                let (fired, late) = windows(&case, $windows);
                let (out, counted) = run!(&case, [window_join($assigner)], |row| pair(unpane(row)));
                assert_eq!(out, of_windows(&fired, [true, false, false]), "inner, {about}");
                let nulls = |event: &Event| event.key.is_none();
                if !case.events.iter().any(nulls) {
                    assert_eq!(counted, late, "{about}");
                }
                let (out, _) =
                    run!(&case, [window_join($assigner).left_outer()], |row| left_outer(unpane(row)));
                assert_eq!(out, of_windows(&fired, [true, true, false]), "left outer, {about}");
                let (out, _) =
                    run!(&case, [window_join($assigner).right_outer()], |row| right_outer(unpane(row)));
                assert_eq!(out, of_windows(&fired, [true, false, true]), "right outer, {about}");
                let (out, counted) =
                    run!(&case, [window_join($assigner).full_outer()], |row| full_outer(unpane(row)));
                assert_eq!(
                    (out, counted),
                    (of_windows(&fired, [true, true, true]), late),
                    "full outer, {about}"
                );
                let (out, _) = run!(&case, [window_join($assigner).anti()], |row| only_left(unpane(row)));
                assert_eq!(out, by_arrival(of_windows(&fired, [false, true, false])), "anti, {about}");

                let (out, _) = run!(&case, [window_join($assigner).semi()], |row| only_left(unpane(row)));
                let mut semi = of_windows(&fired, [true, false, false]);
                semi.iter_mut().for_each(|row| row.0.1 = None);
                semi.dedup();
                assert_eq!(out, by_arrival(semi), "semi, {about}");

                let (out, counted) = run!(
                    &case,
                    [co_group($assigner, |_, window: Window, lefts: Vec<Event>, rights: Vec<Event>| {
                        let ids = |rows: Vec<Event>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
                        [(window.last().micros(), ids(lefts), ids(rights))]
                    })],
                    |group| group
                );
                let groups =
                    fired.iter().flat_map(|(time, groups)| groups.iter().map(move |group| (*time, group)));
                let groups =
                    groups.map(|(time, group)| ((time, group.lefts.clone(), group.rights.clone()), time));
                assert_eq!((out, counted), (groups.collect(), late), "co_group, {about}");
            }};
        }
        check!(tumbling, Tumbling::new(10.micros()));
        check!(sliding, Sliding::new(10.micros(), 4.micros()));
        check!(gaps, Sliding::new(3.micros(), 5.micros()));
    }
}

/// Versions with such an id say that there is nothing.
fn is_deletion(version: &Event) -> bool {
    version.id % 4 == 0
}

/// What a probe is answered, of these versions.
fn answer(probe: &Event, versions: &[Event], deletes: bool) -> (Option<u32>, Option<u32>) {
    let held = versions.iter().filter(|version| meet(probe, version) && version.time <= probe.time);
    // Of those at one time the last to arrive.
    let newest = held.max_by_key(|version| version.time);
    (Some(probe.id), newest.filter(|version| !(deletes && is_deletion(version))).map(|version| version.id))
}

#[test]
fn e7_and_e8_an_as_of_join_answers_with_the_version_that_held() {
    for seed in 0..2 * CASES {
        let case = case(seed ^ 0xE7);
        let within = |retain: Option<i64>| {
            move |frontiers: &Frontiers<'_>, event: &Event| {
                let behind = frontiers.both().map_or(0, |come| come - event.time);
                event.key.is_none() && !event.is_left
                    || behind <= if event.is_left { retain.unwrap_or(i64::MAX) } else { 0 }
            }
        };
        for (name, retain) in [("nothing", Some(0)), ("some", Some(7)), ("all", None)] {
            let about = format!("seed {seed}, retain {name}");
            let accepted = case.accepted(within(retain));
            let late = (case.events.len() - accepted.len()) as u64;
            let (mut probes, versions): (Vec<_>, Vec<_>) =
                accepted.into_iter().partition(|event| event.is_left);
            probes.sort_by_key(|probe| probe.time);
            let answers = |deletes| {
                let answers = probes.iter().map(|probe| (answer(probe, &versions, deletes), probe.time));
                answers.collect::<Vec<_>>()
            };
            let (out, counted) = match retain {
                Some(0) => run!(&case, [as_of().left_outer().deleted_when(is_deletion)], left_outer),
                Some(retain) => {
                    run!(
                        &case,
                        [as_of().deleted_when(is_deletion).retain(retain.micros()).left_outer()],
                        left_outer
                    )
                }
                None => run!(
                    &case,
                    [as_of().retain_all().left_outer().deleted_when(is_deletion)],
                    left_outer,
                    true
                ),
            };
            assert_eq!(counted, late, "{about}");
            assert_eq!(sorted(out.clone()), sorted(answers(true)), "{about}");
            if retain == Some(0) {
                assert_eq!(out, answers(true), "in order of time, {about}");
                let (out, _) = run!(&case, [as_of()], pair);
                assert_eq!(out, pairs_of(&answers(false)), "inner, {about}");
            }
        }

        // The table first: nothing is late, and here all probes wait, for one source feeds both.
        let (mut probes, versions): (Vec<_>, Vec<_>) =
            case.events.iter().copied().partition(|event| event.is_left);
        probes.sort_by_key(|probe| probe.time);
        let answers: Vec<_> =
            probes.iter().map(|probe| (answer(probe, &versions, false), probe.time)).collect();
        let (out, late) = run!(&case, [as_of().left_outer().table_first()], left_outer, true);
        assert_eq!((out, late), (answers, 0), "seed {seed}");
    }
}

#[test]
fn rows_are_enriched_by_what_came_last() {
    for seed in 0..CASES {
        let case = case(seed ^ 0xEE);
        let mut table = BTreeMap::new();
        let (mut moment, mut inner) = (Vec::new(), Vec::new());
        for event in &case.events {
            if event.is_left {
                let found = event.key.and_then(|key| table.get(&key).copied());
                moment.push(((Some(event.id), found), event.time));
                inner.extend(found.map(|found| ((Some(event.id), Some(found)), event.time)));
            } else if let Some(key) = event.key {
                table.insert(key, event.id);
            }
        }
        assert_eq!(run!(&case, [enrich().left_outer()], left_outer, true), (moment, 0), "seed {seed}");
        assert_eq!(run!(&case, [enrich()], pair, true), (inner, 0), "seed {seed}");
        let lefts = case.events.iter().filter(|event| event.is_left);
        let complete = lefts.map(|event| {
            let found = event.key.and_then(|key| table.get(&key).copied());
            ((Some(event.id), found), event.time)
        });
        let out = run!(&case, [enrich().table_first().left_outer()], left_outer, true);
        assert_eq!(out, (complete.collect(), 0), "seed {seed}");
    }
}

#[test]
fn a_regular_join_pairs_all_rows_of_a_key() {
    for seed in 0..CASES {
        let case = case(seed ^ 0x50);
        let mut all = Vec::new();
        for (arrival, row) in case.events.iter().enumerate() {
            let partners = case.events[..arrival].iter();
            for partner in partners.filter(|other| other.is_left != row.is_left && meet(row, other)) {
                let (left, right) = if row.is_left { (row, partner) } else { (partner, row) };
                all.push(((Some(left.id), Some(right.id)), left.time.max(right.time)));
            }
        }
        assert_eq!(run!(&case, [join()], pair, true), (all, 0), "seed {seed}");
    }
}
