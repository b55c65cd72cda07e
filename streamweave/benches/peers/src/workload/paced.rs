//! W7: three nodes at 100,000 records a second, one record at a time.
//!
//! A record is due every ten microseconds; its latency is the time from when it was due to when the
//! sink has it, whoever is to blame for the wait. The load generator watches the clock without a
//! pause; an engine need not, and is handed each record from outside, through what it has for that.
//! The nodes are the maps of [`numbers`](super::numbers).

use std::fmt;
use std::hint::spin_loop;
use std::time::{Duration, Instant};

/// How long there is from one record to the next: 100,000 a second.
const PERIOD: Duration = Duration::from_micros(10);

/// A number, and when it was due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) due: Instant,
    pub(crate) value: u64,
}

impl Record {
    /// The same record with another value: what a node makes of it.
    #[inline(always)]
    pub(crate) fn map(self, f: impl FnOnce(u64) -> u64) -> Record {
        Record { due: self.due, value: f(self.value) }
    }
}

/// The records `0..count`, each given when it is due. It spins.
pub(crate) fn records(count: usize) -> impl Iterator<Item = Record> {
    let begun = Instant::now() + PERIOD;
    (0..count as u64).map(move |value| {
        let due = begun + Duration::from_nanos(PERIOD.as_nanos() as u64 * value);
        while Instant::now() < due {
            spin_loop();
        }
        Record { due, value }
    })
}

/// Sends the records `0..count` from a task of its own thread, which it gives up after each.
pub(crate) async fn send_all(count: usize, mut send: impl AsyncFnMut(Record)) {
    for record in records(count) {
        send(record).await;
        give_way().await;
    }
}

/// Lets the other tasks of the thread run once, without a pause after it.
async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut given, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// Where records end: their latencies, and the wrapping sum of their values.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    latencies: Vec<u64>,
    sum: u64,
}

impl Arrivals {
    /// None yet, and room for `count`.
    pub(crate) fn new(count: usize) -> Self {
        Arrivals { latencies: Vec::with_capacity(count), sum: 0 }
    }

    /// Takes a record.
    #[inline(always)]
    pub(crate) fn take(&mut self, record: Record) {
        self.latencies.push(record.due.elapsed().as_nanos() as u64);
        self.sum = self.sum.wrapping_add(record.value);
    }

    /// How many records there were.
    pub(crate) fn len(&self) -> usize {
        self.latencies.len()
    }

    /// Their latencies.
    pub(crate) fn latency(&self) -> Latency {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get(sorted.len() * percent / 100).map_or(0.0, |&nanos| nanos as f64);
        Latency { median: at(50), tail: at(99) }
    }
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records, sum {:016x}", self.latencies.len(), self.sum)
    }
}

/// How long records took, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Latency {
    /// The median, p50.
    pub(crate) median: f64,
    /// The tail, p99.
    pub(crate) tail: f64,
}

/// The latency of `count` records on their way to nowhere: what the machine and its clock cost.
pub(crate) fn bare(count: usize) -> Latency {
    let mut arrivals = Arrivals::new(count);
    records(count).for_each(|record| arrivals.take(record));
    arrivals.latency()
}
