//! Rule J1 at length: ten million rows through a slow sink, in little memory. A process of its own, for its memory is read.

use std::io::BufRead;
use std::pin::pin;
use std::task::Poll;

use streamweave::lines;
use streamweave::prelude::*;
use streamweave_tests::until_it_waits;
use tokio::sync::mpsc;

const ROWS: u64 = 10_000_000;

/// By how much the memory of the process may grow while the rows pass: far less than they would fill.
const FLAT: u64 = 16 * 1024;

/// What the system says of this process, in kibibytes; `None` where it says nothing.
fn memory(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// A row, and what it does to a checksum that depends on the order.
fn step(sum: u64, row: u64) -> u64 {
    sum.rotate_left(5) ^ row
}

#[track_caller]
fn assert_flat(before: Option<u64>) {
    if let (Some(before), Some(after)) = (before, memory("VmHWM:")) {
        assert!(after <= before + FLAT, "{before} KiB grew to {after} KiB");
    }
}

/// Both one after the other: the peak of a process is that of all its threads.
#[test]
fn j1_ten_million_rows_pass_a_slow_sink_in_flat_memory_and_none_is_lost() {
    let expected = (0..ROWS).fold(0, step);
    through_a_channel(expected);
    through_a_file();
}

/// The reader lags: it takes a few rows whenever the graph can do nothing more.
fn through_a_channel(expected: u64) {
    let (send, mut slow) = mpsc::channel(16 * 1024);
    let mut run = pin!(
        graph! {
            rows = from_iter(0..ROWS);
            rows -> to_channel(send);
        }
        .batch(8 * 1024)
        .run()
    );
    let before = memory("VmHWM:");
    let (mut count, mut sum) = (0_u64, 0);
    let mut taken = Vec::new();
    let mut ended = false;
    while !ended {
        ended = until_it_waits(run.as_mut()).is_ready();
        while take(&mut slow, &mut taken) {
            count += taken.len() as u64;
            sum = taken.drain(..).fold(sum, step);
            if !ended {
                break;
            }
        }
    }
    assert_eq!((count, sum), (ROWS, expected));
    assert_flat(before);
}

/// Takes what is there, up to a few rows; whether anything was.
fn take(from: &mut mpsc::Receiver<u64>, taken: &mut Vec<u64>) -> bool {
    matches!(until_it_waits(pin!(from.recv_many(taken, 6 * 1024))), Poll::Ready(1..))
}

/// A thread writes the file, block by block.
fn through_a_file() {
    let path = std::env::temp_dir().join(format!("streamweave-slow-sink-{}", std::process::id()));
    let before = memory("VmHWM:");
    let run = graph! {
        rows = from_iter(0..ROWS);
        // A line for a thousand rows: it is the file that is to be slow, not what is displayed.
        rows -> batch(1_000) -> map(|rows: Vec<u64>| (rows.len(), rows.iter().copied().fold(0, step))) -> map(|(rows, sum)| format!("{rows} {sum:0900}")) -> written;
        written = lines::write(&path);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let result = runtime.block_on(run.batch(8 * 1024).run()).expect("nothing fails");
    result.assert_conserved();
    assert_eq!(result.written, ROWS / 1_000);
    assert_flat(before);
    let file = std::io::BufReader::new(std::fs::File::open(&path).expect("it was written"));
    let lines = file.lines().map(|line| {
        let line = line.expect("it is text");
        let (rows, sum) = line.split_once(' ').expect("two fields");
        (rows.parse::<u64>().expect("a number"), sum.parse::<u64>().expect("a number"))
    });
    let (mut count, mut from) = (0, 0);
    for (rows, sum) in lines {
        assert_eq!(sum, (from..from + rows).fold(0, step));
        count += rows;
        from += rows;
    }
    assert_eq!(count, ROWS);
    std::fs::remove_file(&path).expect("it was written");
}
