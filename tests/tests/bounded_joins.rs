//! Rule E2 at length: ten million rows of ever new keys through an interval join, in little memory. A process of its own, for
//! its memory is read.

use streamweave::prelude::*;
use streamweave_tests::finish;

const ROWS: i64 = 10_000_000;

/// By how much the memory of the process may grow while the rows pass: far less than they would fill.
const FLAT: u64 = 16 * 1024;

/// The most memory that this process has had, in kibibytes; `None` where the system says nothing.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// A hundred rows have one time. A tenth of all are on the right; of each two thousand rows the first twenty share a key.
#[test]
fn e2_ten_million_rows_of_ever_new_keys_are_joined_in_flat_memory() {
    let before = peak();
    let is_left = |row: &i64| row % 10 != 9;
    // New keys all the time: of twenty rows those of one side have one, and hardly ever do both sides have the same.
    let key = move |row: i64| if is_left(&row) || row / 20 % 100 == 0 { row / 20 } else { -row / 20 };
    let result = finish(
        graph! {
            rows = from_iter((0..ROWS).map(move |row| Keyed { key: key(row), value: row }));
            sides = partition(move |row: &Keyed<i64, i64>| is_left(&row.value));
            joined = interval_join((-1).micros(), 10.micros()).left_outer();
            rows -> event_time(|row| EventTime::from_micros(row.value / 100), bounded(2.micros())) -> sides;
            sides.matching -> joined.left;
            sides.rest -> joined.right;
            joined -> discard;
        }
        .batch(8 * 1024)
        .run(),
    );
    result.assert_conserved();
    let joined = result.report().node("joined").expect("there is one");
    assert_eq!((joined.received, joined.late), (ROWS as u64, 0));
    // Of each two thousand rows eighteen on the left have two partners each.
    let left = ROWS as u64 / 10 * 9;
    assert_eq!(joined.emitted_on("out"), left + ROWS as u64 / 2_000 * 18);
    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after <= before + FLAT, "{before} KiB grew to {after} KiB");
    }
}
