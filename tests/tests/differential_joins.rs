//! Rules E9 to E12, one by one: joins of rows that come and go, driven by hand.

use streamweave::envelope::Nullable;
use streamweave::prelude::*;

type Row = Keyed<Nullable<u8>, i64>;

/// Two inputs and the join between them: `joined`.
macro_rules! join_graphs {
    ($($name:ident: $output:ty, [$($join:tt)*];)*) => {$(
        graph! {
            graph $name(left: Update<Row, LogicalTime, i64>, right: Update<Row, LogicalTime, i64>)
                -> (out: Update<$output, LogicalTime, i64>)
            {
                joined = $($join)*;
                left -> joined.left;
                right -> joined.right;
                joined -> map(|row| row.value) -> out;
            }
        }
    )*};
}

join_graphs! {
    inner: (i64, i64), [differential::join()];
    semi: i64, [differential::semijoin()];
    anti: i64, [differential::antijoin()];
    left_outer: (i64, Option<i64>), [differential::left_join()];
    right_outer: (Option<i64>, i64), [differential::right_join()];
    full_outer: (Option<i64>, Option<i64>), [differential::full_join()];
}

graph! {
    graph fused(left: Update<Row, LogicalTime, i64>, right: Update<Row, LogicalTime, i64>)
        -> (out: Update<i64, LogicalTime, i64>)
    {
        joined = differential::join_map(|_key, left, right| left * right);
        left -> joined.left;
        right -> joined.right;
        joined -> out;
    }
}

graph! {
    graph with_itself(rows: Update<Row, LogicalTime, i64>) -> (out: Update<(i64, i64), LogicalTime, i64>) {
        joined = differential::join();
        rows -> joined.left;
        rows -> joined.right;
        joined -> map(|row| row.value) -> out;
    }
}

fn change(key: impl Into<Nullable<u8>>, value: i64, time: u64, diff: i64) -> Update<Row, LogicalTime, i64> {
    Update { data: Keyed { key: key.into(), value }, time: LogicalTime(time), diff }
}

/// What a graph makes of changes at both sides: what, when, by how much.
macro_rules! run {
    ($graph:ident, [$($left:expr),*], [$($right:expr),*]) => {{
        let mut join = $graph::harness();
        $({ let (key, value, time, diff) = $left; join.inputs.left.update(change(key, value, time, diff)); })*
        $({ let (key, value, time, diff) = $right; join.inputs.right.update(change(key, value, time, diff)); })*
        join.finish().expect("nothing fails").assert_conserved();
        let changes = join.outputs.out.updates().into_iter();
        changes.map(|change| (change.data, change.time.0, change.diff)).collect::<Vec<_>>()
    }};
}

#[test]
fn e9_a_pair_is_at_the_later_time_and_there_as_often_as_its_rows_multiplied() {
    assert_eq!(run!(inner, [(1, 10, 3, 1)], [(1, 20, 5, 2)]), [((10, 20), 5, 2)]);
    assert_eq!(run!(inner, [(1, 10, 3, 3)], [(1, 20, 1, 2)]), [((10, 20), 3, 6)]);
    assert_eq!(run!(inner, [(1, 10, 3, 1)], [(2, 20, 5, 2)]), []);
}

#[test]
fn e9_a_pair_goes_when_either_row_goes_and_once_if_both_do() {
    let pairs = run!(inner, [(1, 10, 0, 1), (1, 10, 7, -1)], [(1, 20, 0, 1), (1, 20, 7, -1)]);
    assert_eq!(pairs, [((10, 20), 0, 1), ((10, 20), 7, -1)]);
    let pairs = run!(inner, [(1, 10, 0, 1)], [(1, 20, 0, 1), (1, 20, 4, -1), (1, 21, 4, 1)]);
    assert_eq!(pairs, [((10, 20), 0, 1), ((10, 20), 4, -1), ((10, 21), 4, 1)]);
}

#[test]
fn e9_what_comes_and_goes_at_one_time_never_was() {
    assert_eq!(run!(inner, [(1, 10, 2, 1), (1, 10, 2, -1)], [(1, 20, 0, 1)]), []);
    assert_eq!(run!(inner, [(1, 10, 2, -1), (1, 10, 2, 2)], [(1, 20, 0, 1)]), [((10, 20), 2, 1)]);
}

#[test]
fn e9_a_function_makes_something_of_each_pair() {
    assert_eq!(run!(fused, [(1, 10, 3, 1)], [(1, 20, 5, 2)]), [(200, 5, 2)]);
}

#[test]
fn e10_the_first_match_retracts_the_null_row_and_the_last_unmatch_restores_it() {
    let rows =
        run!(left_outer, [(1, 10, 0, 1)], [(1, 20, 2, 1), (1, 21, 3, 1), (1, 20, 4, -1), (1, 21, 5, -1)]);
    let expected = [
        ((10, None), 0, 1),
        ((10, None), 2, -1),
        ((10, Some(20)), 2, 1),
        ((10, Some(21)), 3, 1),
        ((10, Some(20)), 4, -1),
        ((10, None), 5, 1),
        ((10, Some(21)), 5, -1),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn e10_a_partner_that_is_replaced_leaves_no_null_row() {
    let rows = run!(left_outer, [(1, 10, 0, 1)], [(1, 20, 0, 1), (1, 20, 3, -1), (1, 21, 3, 1)]);
    assert_eq!(rows, [((10, Some(20)), 0, 1), ((10, Some(20)), 3, -1), ((10, Some(21)), 3, 1)]);
}

#[test]
fn e10_both_sides_of_a_full_join_have_null_rows() {
    let rows = run!(full_outer, [(1, 10, 0, 1), (2, 11, 0, 2)], [(1, 20, 1, 1), (3, 21, 1, 1)]);
    let expected = [
        ((Some(10), None), 0, 1),
        ((Some(11), None), 0, 2),
        ((Some(10), None), 1, -1),
        ((None, Some(21)), 1, 1),
        ((Some(10), Some(20)), 1, 1),
    ];
    assert_eq!(rows, expected);
    let rows = run!(right_outer, [(1, 10, 1, 1), (1, 10, 2, -1)], [(1, 20, 0, 1)]);
    let expected = [
        ((None, 20), 0, 1),
        ((None, 20), 1, -1),
        ((Some(10), 20), 1, 1),
        ((None, 20), 2, 1),
        ((Some(10), 20), 2, -1),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn e10_a_row_is_there_or_not_however_many_rows_of_its_key_are_on_the_other_side() {
    let right = |time, diff| (1, 20 + time as i64, time, diff);
    let kept = run!(semi, [(1, 10, 0, 3)], [right(2, 5), right(3, 1), (1, 22, 4, -5), (1, 23, 6, -1)]);
    assert_eq!(kept, [(10, 2, 3), (10, 6, -3)]);
    let kept = run!(anti, [(1, 10, 0, 3)], [right(2, 5), right(3, 1), (1, 22, 4, -5), (1, 23, 6, -1)]);
    assert_eq!(kept, [(10, 0, 3), (10, 2, -3), (10, 6, 3)]);
}

#[test]
fn e11_null_keys_never_match() {
    let null = Nullable::NULL;
    assert_eq!(run!(inner, [(null, 10, 0, 1)], [(null, 20, 0, 1)]), []);
    assert_eq!(run!(semi, [(null, 10, 0, 1)], [(null, 20, 0, 1)]), []);
    assert_eq!(run!(anti, [(null, 10, 0, 1)], [(null, 20, 0, 1)]), [(10, 0, 1)]);
    let rows = run!(full_outer, [(null, 10, 0, 1), (null, 10, 2, -1)], [(null, 20, 0, 1)]);
    assert_eq!(rows, [((Some(10), None), 0, 1), ((None, Some(20)), 0, 1), ((Some(10), None), 2, -1)]);
    assert_eq!(run!(left_outer, [(null, 10, 0, 1), (null, 10, 0, -1)], [(null, 20, 0, 1)]), []);
}

#[test]
fn e12_a_stream_joined_with_itself_is_not_doubled() {
    let mut join = with_itself::harness();
    for (value, time, diff) in [(10, 0, 1), (20, 1, 1), (10, 2, -1)] {
        join.inputs.rows.update(change(1, value, time, diff));
    }
    join.finish().expect("nothing fails").assert_conserved();
    let changes = join.outputs.out.updates().into_iter();
    let changes = changes.map(|change| (change.data, change.time.0, change.diff)).collect::<Vec<_>>();
    let expected = [
        ((10, 10), 0, 1),
        ((10, 20), 1, 1),
        ((20, 10), 1, 1),
        ((20, 20), 1, 1),
        ((10, 10), 2, -1),
        ((10, 20), 2, -1),
        ((20, 10), 2, -1),
    ];
    assert_eq!(changes, expected);
}

#[test]
fn g2_a_key_that_is_there_less_than_zero_times_ends_the_run_and_is_named() {
    let mut join = left_outer::harness();
    join.inputs.right.update(change(7, 20, 3, -1));
    let failed = join.finish().expect_err("there is no such collection").to_string();
    assert!(failed.contains("joined") && failed.contains("7") && failed.ends_with("at time 3"), "{failed}");
}
