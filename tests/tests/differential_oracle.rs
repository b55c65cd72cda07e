//! Every operator over changes at random, flat and in loops, against two oracles: recompute from scratch at every closed time
//! and in every round, and the crate `differential-dataflow`.

#![recursion_limit = "512"]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use differential_dataflow::input::InputSession;
use differential_dataflow::lattice::Lattice as PeerLattice;
use differential_dataflow::operators::iterate::Variable;
use differential_dataflow::{AsCollection, VecCollection};
use streamweave::differential::Average;
use streamweave::prelude::*;
use streamweave_tests::edits::{
    Collection, Edits, Emitted, add, at_each_time, collection, edits, emitted, script, scripted, summed,
};
use streamweave_tests::finish;
use streamweave_tests::random::Random;
use streamweave_tests::record::{ChangeLog, record_changes, take};
use timely::dataflow::operators::vec::Filter;
use timely::order::Product;
use timely::progress::Timestamp as PeerTimestamp;

/// A key and a value.
type Row = (i64, i64);

/// What an operator makes of them: a key and two values.
type Out = (i64, i64, i64);

/// What an operator has made in a round.
type InRound = (i64, Out);

/// What it has made in a round of a loop in a round of another.
type InRounds = (i64, InRound);

/// How often a loop goes around.
const ROUNDS: u32 = 5;

/// How often the outer one of two does.
const OUTER: u32 = 2;

/// How often the inner one does.
const INNER: u32 = 3;

/// What one round makes of a row.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// Every row becomes another: every round changes all.
    Permute,
    /// Rows go, each in a round of its own.
    Fade,
    /// Rows become equal, and count more often.
    Halve,
    /// Rows stay: no round changes anything.
    Stay,
}

const TURNS: [Turn; 4] = [Turn::Permute, Turn::Fade, Turn::Halve, Turn::Stay];

impl Turn {
    fn row(self, (key, value): Row) -> Option<Row> {
        match self {
            Turn::Permute => Some(((key + 1) % 7, value)),
            Turn::Fade => (value > 0).then(|| ((key + value) % 7, value - 1)),
            Turn::Halve => Some((key, value / 2)),
            Turn::Stay => Some((key, value)),
        }
    }

    fn rows(self, rows: &Collection<Row>) -> Collection<Row> {
        collection(rows.iter().filter_map(|(row, weight)| Some((self.row(*row)?, *weight))))
    }
}

/// Whether a row comes into the loop a second time, by itself.
fn is_late(row: &Row) -> bool {
    row.1 % 3 == 0
}

/// In which round it does.
fn round_of(row: &Row) -> u32 {
    (row.0 + row.1).rem_euclid(4) as u32
}

fn keyed((key, value): Row) -> Keyed<i64, i64> {
    Keyed { key, value }
}

fn is_left(row: &Row) -> bool {
    row.1 % 2 == 0
}

fn is_right(row: &Row) -> bool {
    row.1 % 2 != 0
}

fn same<D>(row: D) -> D {
    row
}

fn unit<D>(_row: &D) {}

fn next_tick(tick: i64) -> i64 {
    tick + 1
}

/// A row, and the round that a clock tells.
fn mark<D: Copy>((): &(), row: &D, tick: &i64) -> (i64, D) {
    (*tick, *row)
}

fn of_pair(row: Keyed<i64, Row>) -> Out {
    (row.key, row.value.0, row.value.1)
}

/// A side that is missing is this.
const NONE: i64 = i64::MIN;

fn or_none(value: Option<i64>) -> i64 {
    value.unwrap_or(NONE)
}

/// The weights that a threshold gives: negative ones and none at all among them.
fn weighed(weight: i64) -> i64 {
    weight.rem_euclid(4) - 1
}

/// What a group comes to: results of every sign, one that comes twice, one of weight zero at times.
fn reduced(rows: &[Row]) -> Vec<(Row, i64)> {
    let total: i64 = rows.iter().map(|row| row.1).sum();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Vec::new() };
    vec![((total.rem_euclid(3), 1), 1), ((first.0, 2), 1), ((last.0, 2), 1), ((first.0, 3), total / 2)]
}

/// The operators, each by the chains from `rows` to `out`.
macro_rules! operators {
    ($($name:ident $test:ident { $($body:tt)* })*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(non_camel_case_types)]
        enum Op { $($name),* }

        mod flat {
            use super::*;
            $(
                pub(super) fn $name(log: &ChangeLog<Out, LogicalTime, i64>, case: &Case, batch: usize) {
                    let result = finish(graph! {
                        changes = from_iter(case.script.clone());
                        rows = scripted();
                        changes -> rows;
                        out = map(same::<Out>);
                        $($body)*
                        out -> record_changes(log);
                    }.batch(batch).run());
                    result.assert_conserved();
                }
            )*
        }

        mod in_loop {
            use super::*;
            $(
                pub(super) fn $name(log: &ChangeLog<InRound, LogicalTime, i64>, case: &Case, batch: usize) {
                    let turn = case.turn;
                    let result = finish(graph! {
                        changes = from_iter(case.script.clone());
                        given = scripted();
                        changes -> given;
                        zero = from_iter([0_i64]);
                        zero -> from_start() -> start;
                        start = map(same::<i64>);

                        #[rounds(ROUNDS)]
                        iterate around {
                            var now = given;
                            var clock = start;
                            var history: InRound;
                            now -> filter_map(move |row| turn.row(row)) -> now;
                            clock -> map(next_tick) -> clock;
                            given -> filter(is_late) -> differential::from_round(round_of) -> late;
                            late = map(same::<Row>);
                            rows = map(same::<Row>);
                            [now, late] -> rows;
                            out = map(same::<Out>);
                            $($body)*
                            marked = differential::join_map(mark::<Out>);
                            out -> key_by(unit) -> marked.left;
                            clock -> key_by(unit) -> marked.right;
                            all = map(same::<InRound>);
                            [history, marked] -> all;
                            all -> history;
                        }
                        around.all -> record_changes(log);
                    }.batch(batch).run());
                    result.assert_conserved();
                }
            )*
        }

        mod two_deep {
            use super::*;
            $(
                pub(super) fn $name(log: &ChangeLog<InRounds, LogicalTime, i64>, case: &Case, batch: usize) {
                    let turn = case.turn;
                    let result = finish(graph! {
                        changes = from_iter(case.script.clone());
                        given = scripted();
                        changes -> given;
                        zero = from_iter([0_i64]);
                        zero -> from_start() -> start;
                        start = map(same::<i64>);

                        #[rounds(OUTER)]
                        iterate outer {
                            var first = given;
                            var outer_clock = start;
                            var outer_history: InRounds;
                            outer_clock -> map(next_tick) -> outer_clock;
                            #[rounds(INNER)]
                            iterate inner {
                                var rows = first;
                                var clock = start;
                                var history: InRound;
                                rows -> filter_map(move |row| turn.row(row)) -> rows;
                                clock -> map(next_tick) -> clock;
                                out = map(same::<Out>);
                                $($body)*
                                marked = differential::join_map(mark::<Out>);
                                out -> key_by(unit) -> marked.left;
                                clock -> key_by(unit) -> marked.right;
                                all = map(same::<InRound>);
                                [history, marked] -> all;
                                all -> history;
                            }
                            inner.rows -> first;
                            outer_marked = differential::join_map(mark::<InRound>);
                            inner.all -> key_by(unit) -> outer_marked.left;
                            outer_clock -> key_by(unit) -> outer_marked.right;
                            outer_all = map(same::<InRounds>);
                            [outer_history, outer_marked] -> outer_all;
                            outer_all -> outer_history;
                        }
                        outer.outer_all -> record_changes(log);
                    }.batch(batch).run());
                    result.assert_conserved();
                }
            )*
        }

        $(
            mod $test {
                use super::*;

                #[test]
                fn flat() {
                    check_flat(Op::$name, flat::$name);
                }

                #[test]
                fn in_a_loop() {
                    check_in_loop(Op::$name, in_loop::$name);
                }

                #[test]
                fn two_loops_deep() {
                    check_two_deep(Op::$name, two_deep::$name);
                }
            }
        )*
    };
}

operators! {
    consolidate g1_consolidate { rows -> differential::consolidate() -> map(of_row) -> out; }
    negate g1_negate { rows -> differential::negate() -> map(of_row) -> out; }
    distinct g2_distinct { rows -> differential::distinct() -> map(of_row) -> out; }
    threshold g2_threshold {
        rows -> differential::threshold(|_, &weight: &i64| weighed(weight)) -> map(of_row) -> out;
    }
    count f4_count {
        rows -> map(keyed) -> differential::count()
            -> map(|row: Keyed<i64, u64>| (row.key, row.value as i64, 0)) -> out;
    }
    count_all f4_count_all { rows -> differential::count_all() -> map(|rows: u64| (0, rows as i64, 0)) -> out; }
    sum f3_sum {
        rows -> map(keyed) -> differential::sum()
            -> map(|row: Keyed<i64, i128>| (row.key, row.value as i64, 0)) -> out;
    }
    average f3_average {
        rows -> map(keyed) -> differential::average() -> map(|row: Keyed<i64, Average>| {
            (row.key, row.value.numerator() as i64, row.value.denominator() as i64)
        }) -> out;
    }
    min f3_min { rows -> map(keyed) -> differential::min() -> map(of_keyed) -> out; }
    max f3_max { rows -> map(keyed) -> differential::max() -> map(of_keyed) -> out; }
    top_n f2_top_n { rows -> map(keyed) -> differential::top_n(TOP as usize) -> map(of_keyed) -> out; }
    reduce g3_reduce {
        rows -> map(keyed) -> differential::reduce(|_, rows, out| {
            let rows: Vec<Row> = rows.iter().map(|(value, weight)| (*value, *weight)).collect();
            out.extend(reduced(&rows));
        }) -> map(of_pair) -> out;
    }
    join e9_join {
        joined = differential::join();
        rows -> filter(is_left) -> map(keyed) -> joined.left;
        rows -> filter(is_right) -> map(keyed) -> joined.right;
        joined -> map(of_pair) -> out;
    }
    join_map e9_join_map {
        joined = differential::join_map(|key: &i64, left: &i64, right: &i64| (*key, left + right, 0));
        rows -> filter(is_left) -> map(keyed) -> joined.left;
        rows -> filter(is_right) -> map(keyed) -> joined.right;
        joined -> out;
    }
    semijoin e9_semijoin {
        joined = differential::semijoin();
        rows -> filter(is_left) -> map(keyed) -> joined.left;
        rows -> filter(is_right) -> map(keyed) -> joined.right;
        joined -> map(of_keyed) -> out;
    }
    antijoin e9_antijoin {
        joined = differential::antijoin();
        rows -> filter(is_left) -> map(keyed) -> joined.left;
        rows -> filter(is_right) -> map(keyed) -> joined.right;
        joined -> map(of_keyed) -> out;
    }
    left_join e10_left_join {
        joined = differential::left_join();
        rows -> filter(is_left) -> map(keyed) -> joined.left;
        rows -> filter(is_right) -> map(keyed) -> joined.right;
        joined -> map(|row: Keyed<i64, (i64, Option<i64>)>| (row.key, row.value.0, or_none(row.value.1))) -> out;
    }
    right_join e10_right_join {
        joined = differential::right_join();
        rows -> filter(is_left) -> map(keyed) -> joined.left;
        rows -> filter(is_right) -> map(keyed) -> joined.right;
        joined -> map(|row: Keyed<i64, (Option<i64>, i64)>| (row.key, or_none(row.value.0), row.value.1)) -> out;
    }
    full_join e10_full_join {
        joined = differential::full_join();
        rows -> filter(is_left) -> map(keyed) -> joined.left;
        rows -> filter(is_right) -> map(keyed) -> joined.right;
        joined -> map(|row: Keyed<i64, (Option<i64>, Option<i64>)>| {
            (row.key, or_none(row.value.0), or_none(row.value.1))
        }) -> out;
    }
    self_join e12_self_join {
        joined = differential::join();
        rows -> map(keyed) -> joined.left;
        rows -> map(keyed) -> joined.right;
        joined -> map(of_pair) -> out;
    }
}

/// So many rows are the top.
const TOP: i64 = 3;

fn of_row((key, value): Row) -> Out {
    (key, value, 0)
}

fn of_keyed(row: Keyed<i64, i64>) -> Out {
    (row.key, row.value, 0)
}

impl Op {
    /// Whether it takes collections of which a row is there less than zero times.
    fn takes_any_sign(self) -> bool {
        use Op::*;
        matches!(self, consolidate | negate | threshold | reduce | join | join_map | self_join)
    }

    /// Whether it changes each row once at a time.
    fn consolidates(self) -> bool {
        !matches!(self, Op::negate | Op::join_map)
    }

    /// How many of a group's pairs there are at most: an oracle that goes through all pairs is to end.
    fn is_join(self) -> bool {
        use Op::*;
        matches!(self, join | join_map | self_join | left_join | right_join | full_join)
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { greatest_common_divisor(b, a % b) }
}

/// The mean of weighted values, in its lowest terms.
fn mean(rows: &[Row]) -> Row {
    let (sum, count) =
        (rows.iter().map(|row| row.0 * row.1).sum::<i64>(), rows.iter().map(|row| row.1).sum());
    let divisor = greatest_common_divisor(sum, count);
    (sum / divisor, count / divisor)
}

/// The first rows, each as often as it is there, up to so many.
fn first(rows: impl IntoIterator<Item = Row>) -> Vec<(i64, i64)> {
    let mut room = TOP;
    let taken = rows.into_iter().map(|(value, weight)| {
        let taken = weight.min(room);
        room -= taken;
        (value, taken)
    });
    taken.filter(|row| row.1 != 0).collect()
}

/// What a group comes to, where the operator works by group; its values ascend.
fn of_group(op: Op, rows: &[Row]) -> Vec<(Row, i64)> {
    let once = |row| vec![(row, 1)];
    match op {
        Op::count => once((rows.iter().map(|row| row.1).sum(), 0)),
        Op::sum => once((rows.iter().map(|row| row.0 * row.1).sum(), 0)),
        Op::average => once(mean(rows)),
        Op::min => once((rows[0].0, 0)),
        Op::max => once((rows[rows.len() - 1].0, 0)),
        Op::top_n => {
            let first = first(rows.iter().rev().copied());
            first.into_iter().map(|(value, weight)| ((value, 0), weight)).collect()
        }
        Op::reduce => reduced(rows),
        other => panic!("{other:?} does not work by group"),
    }
}

/// The oracle that knows nothing of changes: what the operator makes of a collection.
fn scratch(op: Op, rows: &Collection<Row>) -> Collection<Out> {
    let mut groups: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    rows.iter().for_each(|(row, weight)| groups.entry(row.0).or_default().push((row.1, *weight)));
    let of_each = |weight: fn(i64) -> i64| collection(rows.iter().map(|(row, w)| (of_row(*row), weight(*w))));
    let pairs = |left: fn(&Row) -> bool, right: fn(&Row) -> bool, make: fn(i64, i64, i64) -> Out| {
        let mut pairs = Collection::new();
        for (key, rows) in &groups {
            for (one, weight) in rows.iter().filter(|row| left(row)).map(|row| (row.0, row.1)) {
                for (other, times) in rows.iter().filter(|row| right(row)).map(|row| (row.0, row.1)) {
                    add(&mut pairs, make(*key, one, other), weight * times);
                }
            }
        }
        pairs
    };
    // Of a row of a group the value stands first.
    let (left, right): (fn(&Row) -> bool, fn(&Row) -> bool) = (|row| row.0 % 2 == 0, |row| row.0 % 2 != 0);
    // The rows of a side whose key the other side has, or has not.
    let alone = |of_left: bool, with_partner: bool| {
        let has_partner = |row: &Row| {
            let is_of_other = if of_left { right } else { left };
            groups[&row.0].iter().any(is_of_other)
        };
        let of_side = rows.iter().filter(|(row, _)| is_left(row) == of_left);
        let kept = of_side.filter(|(row, _)| has_partner(row) == with_partner);
        collection(kept.map(|(row, weight)| (of_row(*row), *weight)))
    };
    match op {
        Op::consolidate => of_each(|weight| weight),
        Op::negate => of_each(|weight| -weight),
        Op::distinct => of_each(|_| 1),
        Op::threshold => of_each(weighed),
        Op::count_all => collection([((0, rows.values().sum(), 0), 1)]),
        Op::join => pairs(left, right, |key, one, other| (key, one, other)),
        Op::join_map => pairs(left, right, |key, one, other| (key, one + other, 0)),
        Op::self_join => pairs(|_| true, |_| true, |key, one, other| (key, one, other)),
        Op::semijoin => alone(true, true),
        Op::antijoin => alone(true, false),
        Op::left_join | Op::right_join | Op::full_join => {
            let mut all = pairs(left, right, |key, one, other| (key, one, other));
            if op != Op::right_join {
                all.extend(
                    alone(true, false).into_iter().map(|((key, one, _), weight)| ((key, one, NONE), weight)),
                );
            }
            if op != Op::left_join {
                all.extend(
                    alone(false, false).into_iter().map(|((key, one, _), weight)| ((key, NONE, one), weight)),
                );
            }
            all
        }
        Op::count | Op::sum | Op::average | Op::min | Op::max | Op::top_n | Op::reduce => {
            let of_groups = groups.iter().flat_map(|(key, rows)| {
                of_group(op, rows).into_iter().map(|((one, other), weight)| ((*key, one, other), weight))
            });
            collection(of_groups)
        }
    }
}

/// The other oracle: the same of differential dataflow. `unit` is there once.
fn peer<'s, T: PeerTimestamp + PeerLattice>(
    op: Op,
    rows: VecCollection<'s, T, Row, isize>,
    unit: VecCollection<'s, T, (), isize>,
) -> VecCollection<'s, T, Out, isize> {
    let keys = |rows: VecCollection<'s, T, Row, isize>| rows.map(|row| row.0).distinct();
    let left = rows.clone().filter(is_left);
    let right = rows.clone().filter(is_right);
    match op {
        Op::consolidate => rows.consolidate().map(of_row),
        Op::negate => rows.negate().map(of_row),
        Op::distinct => rows.distinct().map(of_row),
        Op::threshold => rows.threshold(|_, &weight| weighed(weight as i64) as isize).map(of_row),
        Op::count_all => rows.map(|_| ()).concat(unit).count().map(|((), count)| (0, count as i64 - 1, 0)),
        Op::join => left.join_map(right, |key, one, other| (*key, *one, *other)),
        Op::join_map => left.join_map(right, |key, one, other| (*key, one + other, 0)),
        Op::self_join => rows.clone().join_map(rows, |key, one, other| (*key, *one, *other)),
        Op::semijoin => left.semijoin(keys(right)).map(of_row),
        Op::antijoin => left.antijoin(keys(right)).map(of_row),
        Op::left_join | Op::right_join | Op::full_join => {
            let without_right = left.clone().antijoin(keys(right.clone())).map(|(key, one)| (key, one, NONE));
            let without_left = right.clone().antijoin(keys(left.clone())).map(|(key, one)| (key, NONE, one));
            let pairs = left.join_map(right, |key, one, other| (*key, *one, *other));
            match op {
                Op::left_join => pairs.concat(without_right),
                Op::right_join => pairs.concat(without_left),
                _ => pairs.concat(without_right).concat(without_left),
            }
        }
        Op::count | Op::sum | Op::average | Op::min | Op::max | Op::top_n | Op::reduce => {
            let reduced = rows.reduce(move |_, rows, out| {
                let rows: Vec<Row> = rows.iter().map(|(value, weight)| (**value, *weight as i64)).collect();
                let made = collection(of_group(op, &rows));
                out.extend(made.into_iter().map(|(row, weight)| (row, weight as isize)));
            });
            reduced.map(|(key, (one, other))| (key, one, other))
        }
    }
}

/// What a peer's operator has said: a row, when, and in which rounds.
type Said<R> = Rc<RefCell<Vec<(Out, u32, R, isize)>>>;

/// Runs differential dataflow over edits.
fn peer_runs<R: Send + 'static>(
    edits: &[Vec<(Row, i64)>],
    build: impl for<'s> FnOnce(VecCollection<'s, u32, Row, isize>, VecCollection<'s, u32, (), isize>, Said<R>)
    + Send
    + Sync
    + 'static,
) -> Vec<(Out, u32, R, isize)> {
    let edits = edits.to_vec();
    timely::execute_directly(move |worker| {
        let (mut rows, mut unit) =
            (InputSession::<u32, Row, isize>::new(), InputSession::<u32, (), isize>::new());
        let said = Said::default();
        worker
            .dataflow(|scope| build(rows.to_collection(scope), unit.to_collection(scope), Rc::clone(&said)));
        unit.update((), 1);
        drop(unit);
        for (time, changes) in edits.iter().enumerate() {
            rows.advance_to(time as u32);
            changes.iter().for_each(|(row, diff)| rows.update(*row, *diff as isize));
            rows.flush();
            worker.step();
        }
        drop(rows);
        while worker.step_or_park(None) {}
        Rc::try_unwrap(said).map_or_else(|said| said.take(), RefCell::into_inner)
    })
}

fn peer_flat(op: Op, case: &Case) -> Emitted<Out> {
    let said = peer_runs(&case.edits, move |rows, unit, said| {
        peer(op, rows, unit)
            .inspect(move |(out, time, diff)| said.borrow_mut().push((*out, *time, (), *diff)));
    });
    said.into_iter().map(|(out, time, (), diff)| (u64::from(time), out, diff as i64)).collect()
}

fn peer_in_loop(op: Op, case: &Case) -> Emitted<InRound> {
    let turn = case.turn;
    let said = peer_runs(&case.edits, move |rows, unit, said| {
        rows.scope().scoped::<Product<u32, u32>, _, _>("around", |inner| {
            let (variable, now) = Variable::new_from(rows.clone().enter(inner), Product::new(0, 1));
            let late = rows.filter(is_late).enter_at(inner, round_of);
            peer(op, now.clone().concat(late), unit.enter(inner)).inspect(move |(out, time, diff)| {
                said.borrow_mut().push((*out, time.outer, time.inner, *diff));
            });
            let next = now.flat_map(move |row| turn.row(row));
            variable.set(next.inner.filter(|(_, time, _)| time.inner < ROUNDS).as_collection());
        });
    });
    let from_its_round_on = said.into_iter().flat_map(|(out, time, round, diff)| {
        (round..=ROUNDS).map(move |round| (u64::from(time), (i64::from(round), out), diff as i64))
    });
    from_its_round_on.collect()
}

fn peer_two_deep(op: Op, case: &Case) -> Emitted<InRounds> {
    let turn = case.turn;
    let said = peer_runs(&case.edits, move |rows, unit, said| {
        rows.scope().scoped::<Product<u32, u32>, _, _>("outer", |outer| {
            let (variable, first) = Variable::new_from(rows.enter(outer), Product::new(0, 1));
            let unit = unit.enter(outer);
            let last = outer.scoped::<Product<Product<u32, u32>, u32>, _, _>("inner", |inner| {
                let step = Product::new(Product::new(0, 0), 1);
                let (variable, rows) = Variable::new_from(first.enter(inner), step);
                peer(op, rows.clone(), unit.enter(inner)).inspect(move |(out, time, diff)| {
                    let rounds = (time.outer.inner, time.inner);
                    said.borrow_mut().push((*out, time.outer.outer, rounds, *diff));
                });
                let next = rows.clone().flat_map(move |row| turn.row(row));
                variable.set(next.inner.filter(|(_, time, _)| time.inner < INNER).as_collection());
                rows.leave(outer)
            });
            variable.set(last.inner.filter(|(_, time, _)| time.inner < OUTER).as_collection());
        });
    });
    let from_its_rounds_on = said.into_iter().flat_map(|(out, time, (first, second), diff)| {
        let rounds = (first..=OUTER).flat_map(move |outer| (second..=INNER).map(move |inner| (outer, inner)));
        rounds.map(move |(outer, inner)| {
            (u64::from(time), (i64::from(outer), (i64::from(inner), out)), diff as i64)
        })
    });
    from_its_rounds_on.collect()
}

/// Edits, and how they come.
struct Case {
    edits: Edits<Row>,
    script: Vec<streamweave_tests::edits::Change<Row>>,
    turn: Turn,
}

/// How large a case is: times, changes at each, keys, values.
type Size = (usize, usize, u64, i64);

fn case(op: Op, seed: u64, (times, changes, keys, values): Size, turn: Turn) -> Case {
    let mut random = Random::new(seed ^ ((op as u64) << 20));
    let draw = |random: &mut Random| (random.below(keys) as i64, random.between(-values / 4, values));
    let edits = if op.takes_any_sign() {
        let mut at_a_time = |_| (0..changes).map(|_| (draw(&mut random), random.between(-3, 3))).collect();
        (0..times).map(&mut at_a_time).collect()
    } else {
        edits(&mut random, (times, changes), draw)
    };
    let script = script(&mut random, &edits, 3);
    Case { edits, script, turn }
}

/// What comes out of the engine, the same at every batch size.
fn out_of<B: Clone + Ord + std::fmt::Debug>(
    run: impl Fn(&ChangeLog<B, LogicalTime, i64>, &Case, usize),
    case: &Case,
    batches: &[usize],
) -> Emitted<B> {
    let mut first = None;
    for batch in batches {
        let log = ChangeLog::default();
        run(&log, case, *batch);
        let out = emitted(&take(&log));
        assert!(*first.get_or_insert_with(|| out.clone()) == out, "batch {batch} gives something else");
    }
    first.expect("a batch size is given")
}

/// Compares at every time, and shows the first that differs.
#[track_caller]
fn assert_same<B: Ord + Clone + std::fmt::Debug>(
    about: &str,
    ours: &[Collection<B>],
    others: &[Collection<B>],
) {
    assert_eq!(ours.len(), others.len());
    for (time, (ours, others)) in ours.iter().zip(others).enumerate() {
        if ours == others {
            continue;
        }
        let mut missing = others.clone();
        ours.iter().for_each(|(row, weight)| add(&mut missing, row.clone(), -weight));
        let sample: Vec<_> = missing.into_iter().take(6).collect();
        panic!("{about}: at time {time} these are missing: {sample:?}");
    }
}

const SMALL: &[usize] = &[1, 7, 1024];
const LARGE: &[usize] = &[1024];

/// The sizes of flat cases: of many seeds, and of one.
fn check_flat(op: Op, run: fn(&ChangeLog<Out, LogicalTime, i64>, &Case, usize)) {
    let many = if op.is_join() { 300 } else { 3_000 };
    let wide = if op.is_join() { (10, 1_000, 200, 40) } else { (12, 3_600, 300, 40) };
    let small = (0..6).map(|seed| (seed, (12, 12, 3, 8), SMALL));
    for (seed, size, batches) in small.chain([(98, (6, many, 4, 12), LARGE), (99, wide, LARGE)]) {
        let case = case(op, seed, size, Turn::Stay);
        let out = out_of(run, &case, batches);
        let about = format!("{op:?}, seed {seed}");
        if op.consolidates() {
            let mut seen = std::collections::BTreeSet::new();
            assert!(
                out.iter().all(|row| seen.insert((row.0, row.1))),
                "{about}: a row changes twice at a time"
            );
            assert!(out.iter().all(|row| row.2 != 0), "{about}: a change of zero");
        }
        let ours = summed(&out, size.0);
        let from_scratch: Vec<_> = at_each_time(&case.edits).iter().map(|rows| scratch(op, rows)).collect();
        assert_same(&format!("{about}, from scratch"), &ours, &from_scratch);
        assert_same(&format!("{about}, the peer"), &ours, &summed(&peer_flat(op, &case), size.0));
    }
}

/// Every row of a time once, in order.
fn assert_in_order<B: Ord>(about: &str, out: &[(u64, B, i64)]) {
    let is_in_order = out.is_sorted_by(|one, other| (one.0, &one.1) < (other.0, &other.1));
    assert!(is_in_order, "{about}: what leaves a loop is not in order");
}

fn check_in_loop(op: Op, run: fn(&ChangeLog<InRound, LogicalTime, i64>, &Case, usize)) {
    for turn in TURNS {
        let small = (0..4).map(|seed| (seed, (10, 6, 5, 9), SMALL));
        for (seed, size, batches) in
            small.chain([(98, if op.is_join() { (6, 20, 7, 20) } else { (8, 60, 7, 20) }, LARGE)])
        {
            let case = case(op, seed, size, turn);
            let about = format!("{op:?} in a loop, {turn:?}, seed {seed}");
            let out = out_of(run, &case, batches);
            assert_in_order(&about, &out);
            let rounds = |rows: &Collection<Row>| {
                let (mut now, mut all) = (rows.clone(), Collection::new());
                for round in 0..=ROUNDS {
                    let late = rows.iter().filter(|(row, _)| is_late(row) && round_of(row) <= round);
                    let there = collection(now.iter().chain(late).map(|(row, weight)| (*row, *weight)));
                    all.extend(
                        scratch(op, &there)
                            .into_iter()
                            .map(|(out, weight)| ((i64::from(round), out), weight)),
                    );
                    now = turn.rows(&now);
                }
                all
            };
            let from_scratch: Vec<_> = at_each_time(&case.edits).iter().map(rounds).collect();
            let ours = summed(&out, size.0);
            assert_same(&format!("{about}, from scratch"), &ours, &from_scratch);
            assert_same(&format!("{about}, the peer"), &ours, &summed(&peer_in_loop(op, &case), size.0));
        }
    }
}

fn check_two_deep(op: Op, run: fn(&ChangeLog<InRounds, LogicalTime, i64>, &Case, usize)) {
    for turn in TURNS {
        let small = (0..3).map(|seed| (seed, (8, 5, 5, 9), SMALL));
        for (seed, size, batches) in small.chain([(98, (5, 30, 7, 20), LARGE)]) {
            let case = case(op, seed, size, turn);
            let about = format!("{op:?} two loops deep, {turn:?}, seed {seed}");
            let out = out_of(run, &case, batches);
            assert_in_order(&about, &out);
            let rounds = |rows: &Collection<Row>| {
                let (mut first, mut all) = (rows.clone(), Collection::new());
                for outer in 0..=OUTER {
                    let mut now = first;
                    for inner in 0..=INNER {
                        all.extend(
                            scratch(op, &now)
                                .into_iter()
                                .map(|(out, weight)| ((i64::from(outer), (i64::from(inner), out)), weight)),
                        );
                        if inner < INNER {
                            now = turn.rows(&now);
                        }
                    }
                    first = now;
                }
                all
            };
            let from_scratch: Vec<_> = at_each_time(&case.edits).iter().map(rounds).collect();
            let ours = summed(&out, size.0);
            assert_same(&format!("{about}, from scratch"), &ours, &from_scratch);
            assert_same(&format!("{about}, the peer"), &ours, &summed(&peer_two_deep(op, &case), size.0));
        }
    }
}
