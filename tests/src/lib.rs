//! What the tests of streamweave share: oracles that are written from the semantics alone, and
//! inputs. The tests themselves stand in `tests/`, a file per family of rules of SEMANTICS.md.
//!
//! The random graphs come in two forms, both written by `build/main.rs`: as `graph!`, which the
//! engine runs, and as a [`description::Description`], which the [`interpreter`] runs.

pub mod random;

pub mod edits;

pub mod description;

pub mod row;

pub mod input;

pub mod interpreter;

pub mod oracle;

pub mod record;

pub mod changes;

pub mod cuts;

pub mod script;

pub mod memory;

pub mod numbered;

#[cfg(all(unix, feature = "postgres"))]
pub mod postgres;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use streamweave::graph::Report;

use crate::row::Row;

/// The batch sizes between which no output may differ (rule Z1).
pub const BATCHES: [usize; 4] = [1, 7, 64, 1024];

/// What a run of a random graph came to.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The books.
    pub report: Report,
    /// The rows of every sink, by node.
    pub sinks: Vec<(usize, Vec<Row>)>,
}

/// Runs a future to its end on this thread.
///
/// # Panics
///
/// Where the run fails.
pub fn finish<T>(run: impl Future<Output = Result<T, streamweave::Error>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime of one thread can be built").block_on(run).expect("the run succeeds")
}

/// Polls a future until it waits for something; nothing is slept for.
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::task::Poll;
///
/// let (send, mut receive) = tokio::sync::mpsc::channel(1);
/// let mut run = pin!(receive.recv());
/// assert_eq!(streamweave_tests::until_it_waits(run.as_mut()), Poll::Pending);
/// send.try_send(5)?;
/// assert_eq!(streamweave_tests::until_it_waits(run.as_mut()), Poll::Ready(Some(5)));
/// # Ok::<(), tokio::sync::mpsc::error::TrySendError<i32>>(())
/// ```
pub fn until_it_waits<F: Future>(mut run: Pin<&mut F>) -> Poll<F::Output> {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    while woken.0.swap(false, Ordering::Relaxed) {
        if let Poll::Ready(output) = run.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Poll::Ready(output);
        }
    }
    Poll::Pending
}

/// Whether something has happened since the last poll.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
