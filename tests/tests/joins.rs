//! Rules E1 to E8, E11 and E12, one by one: joins driven by hand.

use std::rc::Rc;

use streamweave::Error;
use streamweave::envelope::Nullable;
use streamweave::operator::window::{Sliding, Tumbling};
use streamweave::operator::{Input, Node, Operator, Outcome, Resume};
use streamweave::port::{Edge, OnlyOut, Port, Push};
use streamweave::prelude::*;
use streamweave::time::Frontier;
use streamweave_tests::finish;

/// A row that carries its time, or what else a test tells it by.
type Row = Keyed<Nullable<u8>, i64>;

/// A row whose state can be seen: it is dropped when the operator forgets it.
type Watched = Keyed<u8, Rc<i64>>;

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

fn row(key: impl Into<Nullable<u8>>, value: i64) -> Row {
    Keyed { key: key.into(), value }
}

/// Two inputs and the join between them: `joined`.
macro_rules! join_graphs {
    ($($name:ident: $input:ty => $output:ty, [$($join:tt)*];)*) => {$(
        graph! {
            graph $name(left: Timed<$input>, right: Timed<$input>) -> (out: Timed<$output>) {
                joined = $($join)*;
                left -> joined.left;
                right -> joined.right;
                joined -> map(|row| row.value) -> out;
            }
        }
    )*};
}

join_graphs! {
    inner: Row => (i64, i64), [interval_join((-2).micros(), 5.micros())];
    left_outer: Row => (i64, Option<i64>), [interval_join((-2).micros(), 5.micros()).left_outer()];
    right_outer: Row => (Option<i64>, i64), [interval_join((-2).micros(), 5.micros()).right_outer()];
    full_outer: Row => (Option<i64>, Option<i64>), [interval_join((-2).micros(), 5.micros()).full_outer()];
    semi: Row => i64, [interval_join((-2).micros(), 5.micros()).semi()];
    anti: Row => i64, [interval_join((-2).micros(), 5.micros()).anti()];
    after: Row => (i64, Option<i64>), [interval_join(3.micros(), 5.micros()).left_outer()];
    before: Row => (i64, Option<i64>), [interval_join((-5).micros(), (-3).micros()).left_outer()];
    of_left: Row => (i64, Option<i64>), [interval_join((-2).micros(), 5.micros()).left_outer().time_of_left()];
    earlier: Row => (i64, i64), [interval_join((-2).micros(), 5.micros()).time_of_earlier()];
    kept: Watched => (Rc<i64>, Rc<i64>), [interval_join((-2).micros(), 5.micros())];
    kept_outer: Watched => (Option<Rc<i64>>, Option<Rc<i64>>), [interval_join((-2).micros(), 5.micros()).full_outer()];
    kept_semi: Watched => Rc<i64>, [interval_join((-2).micros(), 5.micros()).semi()];
    kept_anti: Watched => Rc<i64>, [interval_join((-2).micros(), 5.micros()).anti()];
    tens: Row => Pane<(Option<i64>, Option<i64>)>, [window_join(Tumbling::new(10.micros())).full_outer()];
    tens_inner: Row => Pane<(i64, i64)>, [window_join(Tumbling::new(10.micros()))];
    overlapping: Row => Pane<(i64, i64)>, [window_join(Sliding::new(10.micros(), 5.micros()))];
    with_gaps: Row => Pane<(Option<i64>, Option<i64>)>, [window_join(Sliding::new(3.micros(), 5.micros())).full_outer()];
    tens_semi: Watched => Pane<Rc<i64>>, [window_join(Tumbling::new(10.micros())).semi()];
    tens_outer: Watched => Pane<(Option<Rc<i64>>, Option<Rc<i64>>)>, [window_join(Tumbling::new(10.micros())).full_outer()];
    versions: Row => (i64, Option<i64>), [as_of().left_outer().deleted_when(|value| *value < 0)];
    retained: Row => (i64, Option<i64>), [as_of().retain(5.micros()).left_outer()];
    all_retained: Row => (i64, i64), [as_of().retain_all()];
    table_first: Row => (i64, Option<i64>), [as_of().left_outer().table_first()];
    kept_versions: Watched => (Rc<i64>, Option<Rc<i64>>), [as_of().left_outer().deleted_when(|value| **value < 0)];
    kept_longer: Watched => (Rc<i64>, Rc<i64>), [as_of().retain(5.micros())];
    enriched: Row => (i64, Option<i64>), [enrich().left_outer()];
    enriched_by_all: Row => (i64, Option<i64>), [enrich().table_first().left_outer()];
    regular: Row => (i64, i64), [join()];
    kept_regular: Watched => (Rc<i64>, Rc<i64>), [join()];
}

fn rows<D>(updates: Vec<Timed<D>>) -> Vec<(D, i64)> {
    updates.into_iter().map(|update| (update.data, update.time.micros())).collect()
}

/// What has come out, with its time.
macro_rules! came {
    ($join:ident) => {{
        $join.settle();
        rows($join.outputs.out.updates())
    }};
}

/// Sends a row to a side, or moves its frontier; gives what then comes out.
macro_rules! send {
    ($join:ident.$side:ident, $key:expr, $time:expr) => {
        send!($join.$side, $key, $time, $time)
    };
    ($join:ident.$side:ident, $key:expr, $time:expr, $value:expr) => {{
        $join.inputs.$side.send_at(row($key, $value), at($time));
        came!($join)
    }};
}

macro_rules! advance {
    ($join:ident.$side:ident, $time:expr) => {{
        $join.inputs.$side.advance_to(at($time));
        came!($join)
    }};
}

macro_rules! close {
    ($join:ident.$side:ident) => {{
        $join.inputs.$side.close();
        came!($join)
    }};
}

/// How far the output has come.
macro_rules! frontier {
    ($join:ident) => {{
        came!($join);
        $join.outputs.out.frontier().time().map(|time| time.micros())
    }};
}

macro_rules! late {
    ($join:ident) => {
        $join.report().node("joined").expect("there is one").late
    };
}

/// Ends a join: the books balance.
macro_rules! end {
    ($join:ident) => {
        $join.finish().expect("nothing fails").assert_conserved()
    };
}

#[test]
fn e1_both_ends_of_the_interval_are_in_it_and_a_pair_is_at_the_later_time() {
    let mut join = inner::harness();
    assert_eq!(send!(join.left, 1, 10), []);
    assert_eq!(send!(join.right, 1, 7), []);
    assert_eq!(send!(join.right, 1, 8), [((10, 8), 10)]);
    assert_eq!(send!(join.right, 1, 15), [((10, 15), 15)]);
    assert_eq!(send!(join.right, 1, 16), []);
    assert_eq!(send!(join.right, 2, 10), [], "another key");
    end!(join);
    // The other way round: by time, and at one time by arrival.
    let mut join = inner::harness();
    for (time, value) in [(16, 16), (15, 150), (7, 7), (10, 100), (15, 151), (8, 80), (10, 101)] {
        assert_eq!(send!(join.right, 1, time, value), []);
    }
    let pairs = [(80, 10), (100, 10), (101, 10), (150, 15), (151, 15)];
    assert_eq!(send!(join.left, 1, 10), pairs.map(|(right, time)| ((10, right), time)));
    end!(join);
}

#[test]
fn e1_what_is_out_of_order_is_taken_within_the_frontier_and_late_behind_it() {
    let mut join = inner::harness();
    send!(join.left, 1, 20);
    advance!(join.left, 12);
    advance!(join.right, 18);
    assert_eq!(send!(join.left, 1, 13), [], "not behind its own frontier");
    assert_eq!(send!(join.right, 1, 18), [((13, 18), 18), ((20, 18), 20)]);
    assert_eq!(late!(join), 0);
    assert_eq!(send!(join.left, 1, 11), [], "behind it");
    assert_eq!(send!(join.right, 1, 17), [], "behind it");
    assert_eq!(late!(join), 2);
    end!(join);
}

#[test]
fn e1_bounds_the_wrong_way_round_are_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let refused = runtime.block_on(
        graph! {
            rows = from_iter([(1_i64, 1)]);
            joined = interval_join(5.micros(), 4.micros());
            keyed = key_by(|row: &(i64, i64)| row.1);
            rows -> event_time(|row| at(row.0), bounded(0.micros())) -> keyed;
            keyed -> joined.left;
            keyed -> joined.right;
            joined -> discard;
        }
        .run(),
    );
    assert!(matches!(refused, Err(Error::Invalid { node: "joined", .. })));
}

/// How many clones of a row the operator holds.
fn held(row: &Rc<i64>) -> usize {
    Rc::strong_count(row) - 1
}

#[test]
fn e2_a_row_goes_by_the_opposite_frontier_though_its_key_is_not_seen_again() {
    macro_rules! check {
        ($join:ident) => {{
            let mut join = $join::harness();
            let (left, right) = (Rc::new(0), Rc::new(0));
            join.inputs.left.send_at(Keyed { key: 1, value: Rc::clone(&left) }, at(10));
            join.inputs.right.send_at(Keyed { key: 2, value: Rc::clone(&right) }, at(10));
            // A left row of 10 may meet right rows until 15, a right one left rows until 12.
            join.inputs.right.advance_to(at(15));
            join.inputs.left.advance_to(at(12));
            came!(join);
            assert_eq!((held(&left), held(&right)), (1, 1), stringify!($join));
            join.inputs.left.advance_to(at(13));
            came!(join);
            assert_eq!((held(&left), held(&right)), (1, 0), stringify!($join));
            join.inputs.right.advance_to(at(16));
            came!(join);
            assert_eq!((held(&left), held(&right)), (0, 0), stringify!($join));
            // One that comes when no partner can come any more is not kept at all.
            join.inputs.left.send_at(Keyed { key: 1, value: Rc::clone(&left) }, at(13));
            join.inputs.right.advance_to(at(19));
            join.inputs.left.send_at(Keyed { key: 1, value: Rc::clone(&left) }, at(13));
            came!(join);
            assert_eq!(held(&left), 0);
            end!(join);
        }};
    }
    check!(kept);
    check!(kept_outer);
    check!(kept_semi);
    check!(kept_anti);
}

#[test]
fn e2_a_key_with_several_rows_is_looked_at_again() {
    let mut join = kept::harness();
    let rows: Vec<_> = (0..20).map(Rc::new).collect();
    for time in [7, 3, 19, 0, 12, 4, 18, 5, 1, 2, 6, 8, 17, 16, 9, 15, 14, 10, 13, 11] {
        join.inputs.left.send_at(Keyed { key: 1, value: Rc::clone(&rows[time as usize]) }, at(time));
    }
    for frontier in 0..30_i64 {
        join.inputs.right.advance_to(at(frontier));
        came!(join);
        let held: Vec<_> = (0..20).filter(|&time| held(&rows[time as usize]) == 1).collect();
        let expected: Vec<_> = (0..20).filter(|time| frontier <= time + 5).collect();
        assert_eq!(held, expected, "at {frontier}");
    }
    end!(join);
}

#[test]
fn e3_state_is_bounded_when_the_other_side_has_ended() {
    let mut join = kept_outer::harness();
    let left = Rc::new(0);
    join.inputs.left.send_at(Keyed { key: 1, value: Rc::clone(&left) }, at(10));
    came!(join);
    assert_eq!(held(&left), 1);
    assert_eq!(close!(join.right).len(), 1, "it has no partner to come");
    assert_eq!(held(&left), 0);
    join.inputs.left.send_at(Keyed { key: 1, value: Rc::clone(&left) }, at(11));
    assert_eq!(came!(join).len(), 1);
    assert_eq!(held(&left), 0);
    end!(join);
}

/// Passes rows on; a row of [`IDLE`] says that for now none is to come.
fn idling(_input: Edge<Watched, EventTime>) -> Node<Idling, OnlyOut<Watched, EventTime, ()>> {
    Node::new(Idling(Frontier::start()), OnlyOut::new())
}

const IDLE: i64 = -1;

#[derive(Debug)]
struct Idling(Frontier<EventTime>);

impl Operator for Idling {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;

    fn finish(&mut self) {}
}

impl<Outs> Resume<Outs> for Idling {}

impl<S: Push<Watched, EventTime, ()>> Input<0, Watched, EventTime, (), (Port<S>,)> for Idling {
    fn push(&mut self, row: Timed<Watched>, (out,): &mut (Port<S>,), _cx: &mut streamweave::operator::Cx) {
        if *row.data.value == IDLE {
            out.advance(self.0.idle());
        } else {
            out.push(row);
        }
    }

    fn advance(
        &mut self,
        frontier: Frontier<EventTime>,
        (out,): &mut (Port<S>,),
        _cx: &mut streamweave::operator::Cx,
    ) {
        self.0 = frontier;
        out.advance(frontier);
    }
}

graph! {
    graph with_idling(left: Timed<Watched>, right: Timed<Watched>) -> (out: Timed<(Option<Rc<i64>>, Option<Rc<i64>>)>) {
        joined = interval_join((-2).micros(), 5.micros()).full_outer();
        left -> joined.left;
        right -> idling() -> joined.right;
        joined -> map(|row| row.value) -> out;
    }
}

#[test]
fn e3_state_is_bounded_while_the_other_side_is_idle() {
    let mut join = with_idling::harness();
    let left = Rc::new(10);
    join.inputs.right.advance_to(at(4));
    join.inputs.left.send_at(Keyed { key: 1, value: Rc::clone(&left) }, at(10));
    join.inputs.left.advance_to(at(100));
    came!(join);
    assert_eq!((held(&left), frontier!(join)), (1, Some(4)), "it waits for the right side");
    join.inputs.right.send_at(Keyed { key: 1, value: Rc::new(IDLE) }, at(4));
    assert_eq!(came!(join), [((Some(Rc::clone(&left)), None), 10)]);
    assert_eq!((held(&left), frontier!(join)), (0, Some(100)));
    // Awake again, and behind both together: late. At their frontier it is not.
    let right = Rc::new(98);
    join.inputs.right.send_at(Keyed { key: 1, value: Rc::clone(&right) }, at(99));
    assert_eq!((came!(join), late!(join)), (vec![], 1));
    join.inputs.left.send_at(Keyed { key: 1, value: Rc::clone(&left) }, at(100));
    join.inputs.right.send_at(Keyed { key: 1, value: Rc::clone(&right) }, at(100));
    assert_eq!(came!(join), [((Some(left), Some(right)), 100)]);
    end!(join);
}

#[test]
fn e4_a_null_row_comes_once_and_only_when_no_match_can_come() {
    let mut join = left_outer::harness();
    send!(join.left, 1, 10);
    send!(join.left, 2, 10);
    assert_eq!(advance!(join.left, 100), []);
    assert_eq!(advance!(join.right, 15), [], "a right row of 15 could still come");
    assert_eq!(frontier!(join), Some(10), "held to the rows that wait");
    assert_eq!(send!(join.right, 1, 15), [((10, Some(15)), 15)], "and here it does");
    assert_eq!(advance!(join.right, 16), [((10, None), 10)], "the other key, once");
    assert_eq!(frontier!(join), Some(16));
    assert_eq!((advance!(join.right, 200), close!(join.right), close!(join.left)), (vec![], vec![], vec![]));
    end!(join);
}

#[test]
fn e4_a_row_that_has_a_partner_does_not_hold_the_frontier() {
    let mut join = left_outer::harness();
    send!(join.left, 1, 10);
    send!(join.left, 1, 13);
    send!(join.left, 2, 12);
    advance!(join.left, 20);
    send!(join.right, 1, 8);
    advance!(join.right, 14);
    assert_eq!(frontier!(join), Some(12), "10 has its partner, 12 and 13 wait");
    send!(join.right, 2, 14);
    advance!(join.right, 15);
    assert_eq!(frontier!(join), Some(13));
    send!(join.right, 1, 18);
    advance!(join.right, 16);
    assert_eq!(frontier!(join), Some(16));
    // One that is earlier than what waits already holds it, too.
    send!(join.right, 1, 30);
    send!(join.left, 3, 25);
    send!(join.left, 3, 22);
    advance!(join.left, 40);
    assert_eq!(advance!(join.right, 27), []);
    assert_eq!(frontier!(join), Some(22));
    assert_eq!(advance!(join.right, 28), [((22, None), 22)]);
    assert_eq!(frontier!(join), Some(25));
    end!(join);
}

#[test]
fn e4_bounds_on_one_side_of_zero_wait_for_their_own_end() {
    let mut join = after::harness();
    send!(join.left, 1, 10);
    advance!(join.left, 100);
    assert_eq!(advance!(join.right, 15), []);
    assert_eq!(send!(join.right, 1, 15), [((10, Some(15)), 15)]);
    end!(join);

    let mut join = before::harness();
    send!(join.left, 1, 10);
    assert_eq!(advance!(join.right, 7), []);
    assert_eq!(advance!(join.right, 8), [((10, None), 10)], "a right row of 7 was the last");
    assert_eq!(send!(join.left, 1, 10), [((10, None), 10)], "nothing to wait for");
    send!(join.right, 1, 8);
    assert_eq!(send!(join.left, 1, 13), [((13, Some(8)), 13)]);
    end!(join);
}

#[test]
fn e4_the_right_side_and_both_sides() {
    let mut join = right_outer::harness();
    send!(join.right, 1, 10);
    advance!(join.right, 100);
    assert_eq!(advance!(join.left, 12), []);
    assert_eq!(frontier!(join), Some(10));
    assert_eq!(advance!(join.left, 13), [((None, 10), 10)]);
    assert_eq!(frontier!(join), Some(13));
    end!(join);

    let mut join = full_outer::harness();
    send!(join.left, 1, 10);
    send!(join.right, 2, 12);
    send!(join.left, 3, 11);
    send!(join.right, 3, 11);
    advance!(join.left, 40);
    assert_eq!(advance!(join.right, 30), [((Some(10), None), 10)]);
    assert_eq!(frontier!(join), Some(30));
    end!(join);
}

#[test]
fn e4_semi_and_anti_decide_once() {
    let mut join = semi::harness();
    send!(join.left, 1, 10);
    assert_eq!(send!(join.right, 1, 12), [(10, 12)]);
    assert_eq!(send!(join.right, 1, 13), [], "not again");
    assert_eq!(send!(join.left, 1, 11), [(11, 12)], "the first of its partners");
    assert_eq!(send!(join.left, 2, 11), []);
    assert_eq!((close!(join.left), close!(join.right)), (vec![], vec![]));
    end!(join);

    let mut join = anti::harness();
    send!(join.left, 1, 10);
    send!(join.left, 2, 10);
    send!(join.left, 1, 20);
    advance!(join.left, 100);
    assert_eq!(send!(join.right, 1, 12), []);
    assert_eq!(advance!(join.right, 15), []);
    assert_eq!(frontier!(join), Some(10));
    assert_eq!(advance!(join.right, 16), [(10, 10)], "the one of key 2");
    assert_eq!(close!(join.right), [(20, 20)]);
    end!(join);
}

#[test]
fn e5_the_time_of_the_left_row_holds_the_frontier_by_the_width() {
    let mut join = of_left::harness();
    advance!(join.left, 100);
    advance!(join.right, 100);
    assert_eq!(frontier!(join), Some(95));
    send!(join.left, 1, 100);
    assert_eq!(send!(join.right, 1, 105), [((100, Some(105)), 100)]);
    advance!(join.left, 200);
    assert_eq!(advance!(join.right, 105), []);
    assert_eq!(frontier!(join), Some(100));
    assert_eq!(send!(join.right, 1, 105), [((100, Some(105)), 100)], "not late: it was held");
    end!(join);
}

#[test]
fn e5_the_earlier_time_holds_the_frontier_by_both_widths() {
    let mut join = earlier::harness();
    advance!(join.left, 100);
    advance!(join.right, 200);
    assert_eq!(frontier!(join), Some(98));
    advance!(join.left, 200);
    assert_eq!(frontier!(join), Some(195));
    send!(join.left, 1, 200);
    send!(join.left, 1, 202);
    assert_eq!(send!(join.right, 1, 201), [((200, 201), 200), ((202, 201), 201)]);
    end!(join);
}

#[test]
fn e6_pairs_are_of_one_window_and_at_its_last_time() {
    let mut join = tens::harness();
    send!(join.left, 1, 9);
    send!(join.left, 1, 12);
    send!(join.right, 1, 10);
    send!(join.right, 1, 1);
    send!(join.right, 2, 3);
    assert_eq!(advance!(join.left, 10), [], "the right side has not come so far");
    let fired = advance!(join.right, 10);
    let rows: Vec<_> = fired.iter().map(|(pane, time)| (pane.value, *time)).collect();
    assert_eq!(rows, [((Some(9), Some(1)), 9), ((None, Some(3)), 9)], "9 and 10 do not meet");
    assert!(fired.iter().all(|(pane, _)| (pane.window.start, pane.window.end) == (at(0), at(10))));
    assert_eq!((send!(join.left, 1, 9), late!(join)), (vec![], 1), "its window has fired");
    advance!(join.left, 15);
    assert_eq!((send!(join.left, 3, 11), late!(join)), (vec![], 1), "its window has not");
    close!(join.left);
    let rows: Vec<_> = close!(join.right).into_iter().map(|(pane, time)| (pane.value, time)).collect();
    assert_eq!(rows, [((Some(12), Some(10)), 19), ((Some(11), None), 19)]);
    end!(join);
}

#[test]
fn e6_windows_that_overlap_join_each_by_itself() {
    let mut join = overlapping::harness();
    send!(join.left, 1, 7);
    send!(join.right, 1, 8);
    send!(join.right, 1, 11);
    close!(join.left);
    let rows: Vec<_> = close!(join.right).into_iter().map(|(pane, time)| (pane.value, time)).collect();
    assert_eq!(rows, [((7, 8), 9), ((7, 8), 14), ((7, 11), 14)]);
    end!(join);
    let mut join = tens_inner::harness();
    send!(join.left, 1, 7);
    assert_eq!((close!(join.left), close!(join.right)), (vec![], vec![]));
    end!(join);
}

#[test]
fn e6_a_row_between_windows_is_in_none() {
    let mut join = with_gaps::harness();
    send!(join.left, 1, 4);
    send!(join.left, 1, 6);
    send!(join.right, 1, 9);
    advance!(join.left, 20);
    let rows: Vec<_> = advance!(join.right, 20).into_iter().map(|(pane, time)| (pane.value, time)).collect();
    assert_eq!(rows, [((Some(6), None), 7)]);
    send!(join.left, 1, 13);
    let report = join.report();
    let joined = report.node("joined").expect("there is one");
    assert_eq!((joined.unassigned, joined.filtered, joined.late), (3, 0, 0), "late is what had a window");
    end!(join);
}

#[test]
fn e6_a_window_keeps_what_it_needs_until_it_fires() {
    let watched: Vec<_> = (1..=3).map(Rc::new).collect();
    let held = |rows: &[Rc<i64>]| rows.iter().map(held).collect::<Vec<_>>();
    macro_rules! check {
        ($graph:ident, $kept:expr) => {
            let mut join = $graph::harness();
            for (row, key) in watched.iter().zip([1, 1, 2]) {
                join.inputs.right.send_at(Keyed { key, value: Rc::clone(row) }, at(3));
            }
            came!(join);
            assert_eq!(held(&watched), $kept, "{}", stringify!($graph));
            join.inputs.left.send_at(Keyed { key: 1, value: Rc::clone(&watched[0]) }, at(4));
            join.inputs.left.advance_to(at(10));
            join.inputs.right.advance_to(at(10));
            drop(came!(join));
            assert_eq!(held(&watched), [0, 0, 0], "{}", stringify!($graph));
            end!(join);
        };
    }
    check!(tens_semi, [0, 0, 0]);
    check!(tens_outer, [1, 1, 1]);
}

#[test]
fn e6_rows_that_go_to_many_windows_by_turns_are_where_they_belong() {
    let mut join = tens::harness();
    let times = [5, 95, 15, 85, 25, 75, 35, 65, 45, 55];
    for time in times.into_iter().chain(times) {
        send!(join.left, 1, time);
        send!(join.right, 2, time);
    }
    advance!(join.left, 40);
    let fired = advance!(join.right, 40).len();
    send!(join.left, 1, 30);
    send!(join.left, 1, 40);
    close!(join.left);
    let rest: Vec<_> = close!(join.right).into_iter().map(|(pane, time)| (pane.value.0, time)).collect();
    assert_eq!((fired, rest.len(), late!(join)), (16, 25, 1));
    assert_eq!(rest[..3], [(Some(45), 49), (Some(45), 49), (Some(40), 49)]);
    end!(join);
}

#[test]
fn e7_a_probe_meets_the_version_that_held_at_its_time() {
    let mut join = versions::harness();
    for (time, value) in [(4, 40), (1, 10), (9, -1)] {
        assert_eq!(send!(join.right, 1, time, value), []);
    }
    for probe in [8, 3, 9, 0] {
        assert_eq!(send!(join.left, 1, probe), []);
    }
    assert_eq!(advance!(join.left, 100), []);
    assert_eq!(advance!(join.right, 3), [((0, None), 0)]);
    assert_eq!(advance!(join.right, 4), [((3, Some(10)), 3)]);
    assert_eq!(advance!(join.right, 100), [((8, Some(40)), 8), ((9, None), 9)]);
    assert_eq!(frontier!(join), Some(100));
    end!(join);
}

#[test]
fn e7_the_newest_version_until_the_frontier_is_kept_and_a_deletion_ends_it() {
    let mut join = kept_versions::harness();
    let versions: Vec<_> = [10, 40, 50, -9].map(Rc::new).into();
    for (version, time) in versions.iter().zip([1, 4, 5, 9]) {
        join.inputs.right.send_at(Keyed { key: 1, value: Rc::clone(version) }, at(time));
    }
    let held = |versions: &[Rc<i64>]| versions.iter().map(held).collect::<Vec<_>>();
    join.inputs.left.advance_to(at(100));
    for (frontier, kept) in [(3, [1, 1, 1, 0]), (4, [0, 1, 1, 0]), (8, [0, 0, 1, 0]), (9, [0, 0, 0, 0])] {
        join.inputs.right.advance_to(at(frontier));
        came!(join);
        assert_eq!(held(&versions), kept, "at {frontier}");
    }
    end!(join);

    let mut join = kept_longer::harness();
    for (version, time) in versions.iter().zip([1, 4, 5, 9]) {
        join.inputs.right.send_at(Keyed { key: 1, value: Rc::clone(version) }, at(time));
    }
    join.inputs.left.advance_to(at(100));
    for (frontier, kept) in [(8, [1, 1, 1, 1]), (9, [0, 1, 1, 1]), (13, [0, 0, 1, 1]), (14, [0, 0, 0, 1])] {
        join.inputs.right.advance_to(at(frontier));
        came!(join);
        assert_eq!(held(&versions), kept, "at {frontier}");
    }
    end!(join);
}

#[test]
fn e7_late_probes_and_late_versions_are_counted() {
    let mut join = versions::harness();
    send!(join.right, 1, 1, 10);
    advance!(join.left, 5);
    advance!(join.right, 7);
    assert_eq!((send!(join.left, 1, 4), late!(join)), (vec![], 1), "a late probe");
    assert_eq!((send!(join.right, 1, 4), late!(join)), (vec![], 2), "a late version");
    assert_eq!((send!(join.right, 1, 6, 60), late!(join)), (vec![], 2), "both have not come so far");
    send!(join.left, 1, 6);
    assert_eq!(advance!(join.left, 7), [((6, Some(60)), 6)]);
    end!(join);
}

#[test]
fn e7_what_is_retained_answers_late_probes_at_once() {
    let mut join = retained::harness();
    send!(join.right, 1, 1, 10);
    send!(join.right, 1, 6, 60);
    advance!(join.left, 10);
    advance!(join.right, 10);
    assert_eq!(frontier!(join), Some(5), "held, so that an answer is not late");
    assert_eq!(send!(join.left, 1, 5), [((5, Some(10)), 5)]);
    assert_eq!(send!(join.left, 1, 7), [((7, Some(60)), 7)]);
    assert_eq!((send!(join.left, 1, 4), late!(join)), (vec![], 1));
    assert_eq!((send!(join.right, 1, 9), late!(join)), (vec![], 2), "a version is late all the same");
    end!(join);

    let mut join = all_retained::harness();
    send!(join.right, 1, 1, 10);
    send!(join.right, 1, 6, 60);
    advance!(join.left, 1_000);
    advance!(join.right, 1_000);
    assert_eq!(frontier!(join), Some(1_000));
    assert_eq!(send!(join.left, 1, 5), [((5, 10), 5)]);
    assert_eq!((send!(join.left, 1, 0), late!(join)), (vec![], 0));
    end!(join);
}

#[test]
fn e7_a_table_that_comes_first_answers_every_probe() {
    let mut join = table_first::harness();
    assert_eq!(send!(join.left, 1, 5), []);
    advance!(join.left, 100);
    send!(join.right, 1, 4, 40);
    advance!(join.right, 50);
    send!(join.right, 1, 1, 10);
    assert_eq!((send!(join.left, 1, 2), late!(join)), (vec![], 0));
    assert_eq!(frontier!(join), Some(i64::MIN), "what waits at the left has not been taken");
    let answers = close!(join.right);
    assert_eq!(answers, [((5, Some(40)), 5), ((2, Some(10)), 2)]);
    assert_eq!(send!(join.left, 1, 0), [((0, None), 0)], "behind the frontier, and answered");
    assert_eq!((send!(join.left, 1, 200), late!(join)), (vec![((200, Some(40)), 200)], 0), "at once");
    assert_eq!(frontier!(join), Some(100));
    close!(join.left);
    assert_eq!(frontier!(join), None);
    end!(join);
}

#[test]
fn e7_an_as_of_join_ends_with_its_probes() {
    let mut join = versions::harness();
    send!(join.left, 1, 5);
    close!(join.left);
    assert_eq!(frontier!(join), Some(i64::MIN));
    send!(join.right, 1, 5, 50);
    assert_eq!(advance!(join.right, 6), [((5, Some(50)), 5)]);
    assert_eq!(frontier!(join), None, "nobody is left who would ask");
    assert_eq!(send!(join.right, 1, 7), []);
    end!(join);
}

#[test]
fn e8_of_versions_at_one_time_the_last_to_arrive_counts() {
    let mut join = versions::harness();
    send!(join.left, 1, 5);
    send!(join.right, 1, 5, 2);
    send!(join.right, 1, 5, 3);
    send!(join.right, 1, 5, 1);
    close!(join.right);
    assert_eq!(close!(join.left), [((5, Some(1)), 5)]);
    end!(join);
}

#[test]
fn a_row_is_enriched_by_what_came_last() {
    let mut join = enriched::harness();
    assert_eq!(send!(join.left, 1, 5), [((5, None), 5)]);
    send!(join.right, 1, 99, 1);
    send!(join.right, 1, 3, 2);
    assert_eq!(send!(join.left, 1, 4), [((4, Some(2)), 4)]);
    assert_eq!(send!(join.left, None, 4), [((4, None), 4)]);
    advance!(join.left, 30);
    assert_eq!(frontier!(join), Some(30), "that of the left input");
    close!(join.left);
    assert_eq!(frontier!(join), None);
    end!(join);

    let mut join = enriched_by_all::harness();
    assert_eq!(send!(join.left, 1, 5), []);
    send!(join.right, 1, 3, 2);
    send!(join.right, 1, 3, 4);
    assert_eq!(close!(join.right), [((5, Some(4)), 5)]);
    assert_eq!(send!(join.left, 1, 6), [((6, Some(4)), 6)]);
    end!(join);
}

#[test]
fn a_regular_join_forgets_only_what_nobody_can_meet() {
    let mut join = regular::harness();
    send!(join.left, 1, 5);
    send!(join.left, 1, 3);
    assert_eq!(send!(join.right, 1, 4), [((5, 4), 5), ((3, 4), 4)]);
    advance!(join.left, 100);
    assert_eq!(send!(join.right, 1, 1), [((5, 1), 5), ((3, 1), 3)]);
    assert_eq!(send!(join.left, 1, 7), [((7, 4), 7), ((7, 1), 7)], "nothing is late");
    end!(join);

    let mut join = kept_regular::harness();
    let (left, right) = (Rc::new(0), Rc::new(1));
    join.inputs.left.send_at(Keyed { key: 1, value: Rc::clone(&left) }, at(1));
    join.inputs.right.send_at(Keyed { key: 1, value: Rc::clone(&right) }, at(1));
    assert_eq!(came!(join).len(), 1);
    assert_eq!((held(&left), held(&right)), (1, 1));
    close!(join.right);
    assert_eq!((held(&left), held(&right)), (0, 1));
    join.inputs.left.send_at(Keyed { key: 1, value: Rc::clone(&left) }, at(1));
    assert_eq!(came!(join).len(), 1);
    assert_eq!(held(&left), 0);
    end!(join);
}

#[test]
fn e11_null_keys_meet_nobody_and_are_not_kept() {
    macro_rules! meets_nobody {
        ($join:ident, $of_left:expr, $of_right:expr) => {{
            let mut join = $join::harness();
            assert_eq!(send!(join.left, None, 10), $of_left, stringify!($join));
            assert_eq!(send!(join.right, None, 10), $of_right, stringify!($join));
            advance!(join.left, 100);
            advance!(join.right, 100);
            assert_eq!(frontier!(join), Some(100), "nothing is held");
            assert_eq!((close!(join.left), close!(join.right)), (vec![], vec![]));
            end!(join);
        }};
    }
    meets_nobody!(inner, [], []);
    meets_nobody!(left_outer, [((10, None), 10)], []);
    meets_nobody!(right_outer, [], [((None, 10), 10)]);
    meets_nobody!(full_outer, [((Some(10), None), 10)], [((None, Some(10)), 10)]);
    meets_nobody!(semi, [], []);
    meets_nobody!(anti, [(10, 10)], []);
    meets_nobody!(regular, [], []);

    let mut join = tens::harness();
    for key in [None, Some(1), None] {
        send!(join.left, key, 3);
        send!(join.right, key, 4);
    }
    close!(join.left);
    let rows: Vec<_> = close!(join.right).into_iter().map(|(pane, _)| pane.value).collect();
    let (left, right) = ((Some(3), None), (None, Some(4)));
    assert_eq!(rows, [(Some(3), Some(4)), left, right, left, right]);
    end!(join);

    let mut join = versions::harness();
    send!(join.right, None, 1);
    send!(join.left, None, 3);
    close!(join.right);
    assert_eq!(close!(join.left), [((3, None), 3)]);
    end!(join);
}

#[test]
fn e11_the_none_of_an_option_is_a_key_like_any_other() {
    let result = finish(
        graph! {
            left = from_iter([(None, 1), (Some(1), 2)]);
            right = from_iter([(Some(1), 'a'), (None, 'b')]);
            joined = join();
            left -> key_by(|row: &(Option<u8>, i32)| row.0) -> joined.left;
            right -> key_by(|row| row.0) -> joined.right;
            joined -> map(|row| (row.value.0.1, row.value.1.1)) -> pairs;
            pairs = collect();
        }
        .run(),
    );
    result.assert_conserved();
    assert_eq!(result.pairs, [(2, 'a'), (1, 'b')]);
}

#[test]
fn e12_a_stream_joined_with_itself_is_not_doubled() {
    let rows = [(1, 10), (1, 12), (2, 12), (1, 40)];
    macro_rules! with_itself {
        ([$($join:tt)*], $row:expr) => {{
            let result = finish(
                graph! {
                    rows = from_iter(rows);
                    keyed = key_by(|row: &(u8, i64)| row.0);
                    rows -> event_time(|row| at(row.1), bounded(50.micros())) -> keyed;
                    joined = $($join)*;
                    keyed -> joined.left;
                    keyed -> joined.right;
                    joined -> map($row) -> pairs;
                    pairs = collect();
                }
                .run(),
            );
            result.assert_conserved();
            let mut pairs: Vec<(i64, i64)> = result.pairs;
            pairs.sort_unstable();
            pairs
        }};
    }
    let near = [(10, 10), (10, 12), (12, 10), (12, 12), (12, 12), (40, 40)];
    let pair = |row: Keyed<u8, ((u8, i64), (u8, i64))>| (row.value.0.1, row.value.1.1);
    assert_eq!(with_itself!([interval_join((-2).micros(), 2.micros())], pair), near);
    let pane = |row: Keyed<u8, Pane<((u8, i64), (u8, i64))>>| (row.value.value.0.1, row.value.value.1.1);
    assert_eq!(with_itself!([window_join(Tumbling::new(10.micros()))], pane), near);
    let all =
        [(10, 10), (10, 12), (10, 40), (12, 10), (12, 12), (12, 12), (12, 40), (40, 10), (40, 12), (40, 40)];
    assert_eq!(with_itself!([join()], pair), all);
}
