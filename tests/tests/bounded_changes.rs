//! Rule G5 at length: rows that come and go, ten million times, through operators over changes, in the memory of those that are
//! there. A process of its own, for its memory is read. Where debug assertions are on, a million times.

use streamweave::prelude::*;
use streamweave_tests::finish;

const STEPS: i64 = if cfg!(debug_assertions) { 1_000_000 } else { 10_000_000 };

/// So many rows are there at a time.
const THERE: i64 = 1_000;

/// By how much the memory of the process may grow while the rows pass: far less than they would fill.
const FLAT: u64 = 16 * 1024;

/// The most memory that this process has had, in kibibytes; `None` where the system says nothing.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// A row of every two is put in, the other takes back one of a while ago; ten have one time. Keys are ever new.
#[test]
fn g5_rows_that_come_and_go_are_kept_in_flat_memory() {
    let before = peak();
    let result = finish(
        graph! {
            steps   = from_iter(0..STEPS);
            ways    = partition(|step: &i64| step % 2 == 0);
            gone    = differential::negate();
            row     = map(|number: i64| Keyed { key: number / 4, value: number });
            joined  = differential::join_map(|key: &i64, one: &i64, other: &i64| (*key, *one, *other));
            steps -> event_time(|step| EventTime::from_micros(step / 10), bounded(0.micros())) -> ways;
            ways.matching -> map(|step| step / 2) -> to_changes() -> come;
            come = map(|number: i64| number);
            ways.rest -> filter(|step| step / 2 >= THERE) -> map(|step| step / 2 - THERE) -> to_changes() -> gone;
            [come, gone] -> row;
            row -> [joined.left, joined.right];
            row -> differential::distinct() -> differential::min() -> differential::count_all() -> discard;
            row -> differential::top_n(2) -> discard;
            joined -> differential::consolidate() -> discard;
        }
        .batch(8 * 1024)
        .run(),
    );
    result.assert_conserved();
    let row = result.report().node("row").expect("there is one");
    assert_eq!(row.received, (STEPS - THERE) as u64);
    // Each key's four rows are joined with one another, and then these pairs go again.
    let joined = result.report().node("joined").expect("there is one");
    assert!(joined.emitted_on("out") > 4 * (STEPS - 3 * THERE) as u64, "{joined:?}");
    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after <= before + FLAT, "{before} KiB grew to {after} KiB");
    }
}
