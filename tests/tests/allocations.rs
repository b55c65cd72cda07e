//! A fused chain of synchronous nodes allocates nothing per record, whatever its envelope carries.

use streamweave::prelude::*;

/// The allocations of running `graph` on so many rows.
fn allocations(graph: impl Fn(u64), rows: u64) -> u64 {
    allocation_counter::measure(|| graph(rows)).count_total
}

/// Four times the rows make no more allocations.
fn assert_none_per_record(graph: impl Fn(u64)) {
    // The first run allocates what a thread keeps.
    graph(1_000);
    let few = allocations(&graph, 1_000_000);
    let many = allocations(&graph, 4_000_000);
    assert_eq!(few, many, "allocations grew from 1 M to 4 M records");
}

fn block_on<R>(future: impl Future<Output = Result<R, streamweave::Error>>) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future).expect("the graph runs to its end")
}

#[node]
fn odd(x: u64) -> Option<u64> {
    (x % 2 == 1).then_some(x)
}

#[node]
fn halves(x: &u64) -> impl Iterator<Item = u64> {
    [*x / 2, *x - *x / 2].into_iter()
}

#[node]
fn small(x: &u64) -> Result<u64, &'static str> {
    if x % 5 == 0 { Err("a multiple of five") } else { Ok(x + 1) }
}

#[test]
fn a_plain_chain_allocates_nothing_per_record() {
    assert_none_per_record(|rows| {
        let mut sum = 0_u64;
        block_on(
            graph! {
                numbers = from_iter(0..rows);
                small = small();
                numbers -> map(|x| x * 3) -> odd -> halves -> small -> filter(|x| x % 7 != 0) -> inspect(|_| ())
                    -> for_each(|x| sum = sum.wrapping_add(x));
                small.err -> discard;
            }
            .run(),
        );
        assert_ne!(sum, 0);
    });
}

#[test]
fn a_timed_chain_with_a_fan_out_and_a_fan_in_allocates_nothing_per_record() {
    assert_none_per_record(|rows| {
        let result = block_on(
            graph! {
                numbers = from_iter(0..rows);
                timed = event_time(|x: &u64| EventTime::from_micros(*x as i64), bounded(10.micros()));
                numbers -> timed;
                [timed, timed] -> odd -> key_by(|x| x % 16) -> count -> map(|count| count.value) -> counted;
                counted = last();
            }
            .run(),
        );
        assert!(result.counted.is_some());
    });
}

#[test]
fn a_chain_of_changes_allocates_nothing_per_record() {
    assert_none_per_record(|rows| {
        let mut net = 0_i64;
        block_on(
            graph! {
                numbers = from_iter(0..rows);
                numbers -> epochs(1_000) -> to_changes() -> odd -> halves -> map(|x| x + 1)
                    -> for_each_update(|row: Update<u64, LogicalTime, i64>| net += row.diff);
            }
            .run(),
        );
        assert_eq!(net, rows as i64);
    });
}

#[test]
fn operators_that_hold_rows_or_deal_them_out_allocate_nothing_per_record() {
    let graph = |rows| {
        let clock = streamweave::time::ManualClock::new();
        let graph = graph! {
            numbers = from_iter(0..rows);
            again   = from_iter(0..rows);
            timed   = event_time(|x: &u64| EventTime::from_micros(*x as i64), bounded(10.micros()));
            pairs   = zip();
            parts   = unzip();
            ways    = route_by(Ways::<2>, |x| (*x % 3) as usize);
            hands   = round_robin(Ways::<2>);
            halves  = balance(Ways::<2>, |x| *x);
            numbers -> timed -> pairs.left;
            again -> event_time(|x: &u64| EventTime::from_micros(*x as i64), bounded(0.micros())) -> pairs.right;
            pairs -> parts;
            parts.left -> ways;
            ways.to_0 -> debounce(1.secs()) -> last_of_0;
            ways.to_1 -> sample(1.secs()) -> last_of_1;
            ways.rest -> rate_limit(1_000_000, 1.micros()) -> hands;
            parts.right -> halves;
            halves.to_0 -> discard;
            halves.to_1 -> discard;
            hands.to_0 -> discard;
            hands.to_1 -> discard;
            last_of_0 = last();
            last_of_1 = last();
        };
        let result = streamweave::testing::run(graph, clock, 1).expect("nothing fails");
        assert_eq!((result.last_of_0.is_some(), result.last_of_1.is_some()), (true, true));
    };
    graph(1_000);
    assert_eq!(allocations(graph, 100_000), allocations(graph, 400_000));
}
