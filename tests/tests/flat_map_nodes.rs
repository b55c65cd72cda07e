//! Nodes that make many rows of one: by value and by reference, with parameters, generic, and with
//! items that are made of what the row lends.

use streamweave::prelude::*;

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

#[node]
fn repeated(word: String, #[param] times: usize) -> impl Iterator<Item = String> {
    std::iter::repeat_n(word, times)
}

#[node]
fn lengths(line: &str, #[param] at_least: usize) -> impl Iterator<Item = usize> {
    line.split_whitespace().map(str::len).filter(move |length| *length >= at_least)
}

#[node]
fn both<A: Clone>(pair: (A, A)) -> impl IntoIterator<Item = A> {
    [pair.0, pair.1]
}

#[test]
fn by_value_with_a_parameter() {
    let result = block_on(
        graph! {
            words = from_iter(["warp", "weft"].map(String::from));
            words -> repeated(2) -> rows;
            rows = collect();
        }
        .run(),
    )
    .expect("it ends");
    assert_eq!(result.rows, ["warp", "warp", "weft", "weft"]);
    result.assert_conserved();
}

#[test]
fn by_reference_with_a_parameter_and_items_that_borrow_from_the_row() {
    let result = block_on(
        graph! {
            lines = from_iter(["a weaver weaves", "", "a b"].map(String::from));
            lines -> lengths(2) -> rows;
            rows = collect();
        }
        .run(),
    )
    .expect("it ends");
    assert_eq!(result.rows, [6, 6]);
    let books = result.report().node("lengths").expect("it is there");
    assert_eq!((books.passed, books.filtered), (1, 2));
    result.assert_conserved();
}

#[test]
fn generic_on_changes_with_their_time_and_diff() {
    let mut rows = Vec::new();
    let graph = graph! {
        pairs = from_iter([(1, 2), (3, 4)]);
        pairs -> epochs(1) -> to_changes() -> both
            -> for_each_update(|row: Update<i32, LogicalTime, i64>| rows.push((row.data, row.time.0, row.diff)));
    };
    block_on(graph.run()).expect("it ends");
    assert_eq!(rows, [(1, 0, 1), (2, 0, 1), (3, 1, 1), (4, 1, 1)]);
}
