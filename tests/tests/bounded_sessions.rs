//! Sessions at length: ten million rows of ever new keys, in little memory. A process of its own, for its memory is read.

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

/// Each key has ten rows, and none after that; a hundred rows have one time.
#[test]
fn ten_million_rows_of_ever_new_keys_are_cut_into_sessions_in_flat_memory() {
    let before = peak();
    let result = finish(
        graph! {
            rows = from_iter(0..ROWS);
            sessions = session(5.micros()).aggregate(Count::new);
            rows -> event_time(|row| EventTime::from_micros(row / 100), bounded(2.micros()))
                -> key_by(|row| row / 1_000 * 100 + row % 100) -> sessions -> map(|pane| pane.value.value) -> counts;
            sessions.late -> discard;
            counts -> running_sum() -> total;
            counts = inspect(|count| assert_eq!(*count, 10));
            total = last();
        }
        .batch(8 * 1024)
        .run(),
    );
    result.assert_conserved();
    assert_eq!(result.total, Some(ROWS as u128));
    let sessions = result.report().node("sessions").expect("there is one");
    assert_eq!((sessions.late, sessions.emitted_on("out")), (0, ROWS as u64 / 10));
    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after <= before + FLAT, "{before} KiB grew to {after} KiB");
    }
}
