//! Supervision, rules K1 to K9: what is started again, how often, after which time, and what that costs.

mod calls;
mod rows;
mod trees;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use streamweave::checkpoint::{LocalDirectory, Object, Storage};
use streamweave::envelope::Failed;
use streamweave::operator::element::Panic;
use streamweave::operator::{Cause, Cx, Durable, Node, Operator, Outcome, Progress, Resume, Turn};
use streamweave::port::{OnlyOut, Port, Push};
use streamweave::prelude::*;
use streamweave::sink::on_error::{Bring, Of, Policy};
use streamweave::state::{Fields, Mismatch};
use streamweave::supervision::{
    Child, Directive, Failure, FailureKind, Failures, Loss, Lost, Restarts, Strategy as Restarted, Supervisor,
};
use streamweave::time::{Clock, Frontier, ManualClock};
use streamweave::{Error, jsonl, lines, testing};
use tokio::sync::mpsc;

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// A directory that is removed after the test.
struct Temporary(PathBuf);

impl Temporary {
    fn named(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("streamweave-supervision-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Temporary(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap_or_default()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A clock that goes on by a millisecond whenever it is looked at, and keeps nobody waiting.
#[derive(Default)]
struct Ticking(i64);

impl Clock for Ticking {
    fn now(&mut self) -> ProcessingTime {
        self.0 += 1_000;
        ProcessingTime::from_micros(self.0)
    }

    fn poll_until(&mut self, at: ProcessingTime, _context: &mut Context<'_>) -> Poll<()> {
        self.0 = self.0.max(at.micros());
        Poll::Ready(())
    }
}

/// What a graph under a supervisor was made of and came to.
type Seen<T> = Arc<Mutex<Vec<T>>>;

fn seen<T>() -> Seen<T> {
    Arc::default()
}

fn note<T>(seen: &Seen<T>, what: T) {
    seen.lock().expect("nobody panics with it").push(what);
}

fn taken<T>(seen: &Seen<T>) -> Vec<T> {
    std::mem::take(&mut seen.lock().expect("nobody panics with it"))
}

/// A supervisor by a clock that stands still, and whose restarts do not wait.
fn root() -> Supervisor {
    let restarts = Restarts::at_most(5).backoff(TimeDelta::ZERO);
    Supervisor::new("root").clock(ManualClock::new()).restarts(restarts)
}

/// A graph that notes its start, and panics as long as `fails` says so; else it comes to its end.
fn flaky(
    name: &'static str,
    starts: &Seen<&'static str>,
    mut fails: impl FnMut() -> bool + Send + 'static,
) -> Child {
    let starts = Arc::clone(starts);
    Child::new(name, move || {
        note(&starts, name);
        let fails = fails();
        graph! {
            rows = from_iter(0..3_u64);
            culprit = map(move |row| if fails { panic!("on purpose") } else { row });
            rows -> culprit -> discard;
        }
    })
}

/// Fails at every start but the last of so many.
fn times(times: u32) -> impl FnMut() -> bool + Send + 'static {
    let mut left = times;
    move || {
        left = left.saturating_sub(1);
        left > 0
    }
}

/// A graph that waits for rows of a channel until it is closed, and notes its start.
fn waiting(name: &'static str, starts: &Seen<&'static str>, senders: &Seen<mpsc::Sender<u64>>) -> Child {
    let (starts, senders) = (Arc::clone(starts), Arc::clone(senders));
    Child::new(name, move || {
        note(&starts, name);
        let (send, rows) = mpsc::channel(4);
        note(&senders, send);
        graph! {
            rows = from_channel(rows);
            rows -> discard;
        }
    })
}

/// Lets every task go on until none has anything to do.
async fn settled() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

fn all(failures: &mut Failures) -> Vec<Failure> {
    std::iter::from_fn(|| failures.now()).collect()
}

fn micros(delta: TimeDelta) -> i64 {
    delta.micros()
}
