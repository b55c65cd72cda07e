//! What operators over changes keep is saved as it changes (rule H1): a checkpoint behind a few changes writes little of a large
//! collection, and what it comes to is what a run comes to that never stops (rule H4).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use streamweave::Running;
use streamweave::differential::View;
use streamweave::operator::{Cause, Cx, Durable, Node, Operator, Outcome, Progress, Replays, Resume, Turn};
use streamweave::port::{OnlyOut, Port, Push};
use streamweave::prelude::*;
use streamweave::state::{Fields, Mismatch};
use streamweave::time::Frontier;

/// A change of the left or of the right.
#[derive(Clone, Debug)]
struct Change {
    is_left: bool,
    row: Keyed<u64, u64>,
    diff: i64,
}

/// So many rows come first, and so many changes of them afterwards.
const ROWS: u64 = 20_000;
const FEW: u64 = 60;
const ALL: u64 = ROWS + 3_000;

/// So many come at one time.
const TOGETHER: u64 = 20;

/// Change number `number`: a new row at first, and then in turn one that goes and one that comes.
fn change(number: u64) -> Change {
    let (row, diff) = match number {
        ..ROWS => (number, 1),
        _ if number % 2 == 0 => ((number - ROWS) * 5, -1),
        _ => (number, 1),
    };
    Change { is_left: row % 4 > 0, row: Keyed { key: row.wrapping_mul(7_919) % 6_007, value: row }, diff }
}

/// How many changes a source may give, and how many it has given.
#[derive(Clone, Debug, Default)]
struct Tap(Arc<Mutex<Given>>);

#[derive(Debug, Default)]
struct Given {
    allowed: u64,
    given: u64,
    waker: Option<Waker>,
}

impl Tap {
    fn open(&self, allowed: u64) {
        let mut given = self.0.lock().expect("nobody panics in here");
        given.allowed = allowed;
        given.waker.take().into_iter().for_each(Waker::wake);
    }

    fn given(&self) -> u64 {
        self.0.lock().expect("nobody panics in here").given
    }
}

/// The changes, as far as the tap is open; it ends behind the last.
#[derive(Debug)]
struct Changes {
    tap: Tap,
    given: u64,
}

fn changes(tap: &Tap) -> Node<Changes, OnlyOut<Change, LogicalTime, i64>> {
    Node::new(Changes { tap: tap.clone(), given: 0 }, OnlyOut::new())
}

impl Operator for Changes {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        let mut tap = self.tap.0.lock().expect("nobody panics in here");
        if self.given < tap.allowed {
            return Poll::Ready(Ok(()));
        }
        tap.waker = Some(turn.context().waker().clone());
        Poll::Pending
    }

    fn finish(&mut self) {}
}

impl Durable for Changes {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("given", &mut self.given)
    }
}

impl Replays for Changes {}

impl<S: Push<Change, LogicalTime, i64>> Resume<(Port<S>,)> for Changes {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        let mut tap = self.tap.0.lock().expect("nobody panics in here");
        if self.given < tap.allowed && !cx.stopping() {
            let time = LogicalTime(self.given / TOGETHER);
            for number in self.given..self.given + TOGETHER {
                let change = change(number);
                out.push(Update { diff: change.diff, data: change, time });
            }
            self.given += TOGETHER;
            out.advance::<Change, LogicalTime, i64>(Frontier::at(LogicalTime(time.0 + 1)));
        }
        tap.given = self.given;
        if self.given < ALL && !cx.stopping() {
            return Progress::More;
        }
        out.advance::<Change, LogicalTime, i64>(Frontier::end());
        Progress::Ended
    }
}

/// A directory that goes with the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("streamweave-incremental-changes-{}-{name}", std::process::id());
        Directory(std::env::temp_dir().join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a temporary directory");
    for entry in std::fs::read_dir(from).expect("it was written") {
        let entry = entry.expect("it was written");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("it was written").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a temporary directory");
        }
    }
}

fn on_runtime<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime of one thread can be built").block_on(future)
}

/// Lets a graph take so many changes: it runs on this very thread.
async fn take<R>(running: &Running<R>, tap: &Tap, changes: u64) {
    tap.open(changes);
    while tap.given() < changes {
        running.explain().await.expect("it runs");
    }
}

type Pair = ((u64, u64, u64), LogicalTime, i64);
type Shown = View<u64, u64, LogicalTime>;

/// A graph that was started, with what comes out of it.
struct Started<R> {
    running: Running<R>,
    tap: Tap,
    pairs: Receiver<Pair>,
    bytes: Arc<Mutex<Vec<u64>>>,
    view: Shown,
}

impl<R> Started<R> {
    /// Takes so many changes and a checkpoint, and gives how many bytes that one took.
    async fn checkpoint_at(&self, changes: u64) -> u64 {
        take(&self.running, &self.tap, changes).await;
        self.running.checkpoint(None).await.expect("it is taken");
        *self.bytes.lock().expect("nobody panics in here").last().expect("it was published")
    }

    /// What else comes out up to the end, and what is shown there.
    async fn rest(self) -> (Vec<Pair>, BTreeMap<(u64, u64), i64>) {
        self.tap.open(ALL);
        self.running.await.expect("it comes to its end");
        let shown = self.view.snapshot();
        let shown = shown.iter().map(|(key, value, count)| ((*key, *value), count)).collect();
        (self.pairs.try_iter().collect(), shown)
    }
}

macro_rules! started {
    ($directory:expr, |$changes:ident, $pair:ident, $view:ident| { $($graph:tt)* }) => {{
        let (tap, view, bytes) = (Tap::default(), Shown::new(), Arc::new(Mutex::new(Vec::new())));
        let (sender, pairs) = channel();
        let noted = Arc::clone(&bytes);
        let checkpoints = Checkpoints::in_directory($directory).on_demand().observed_by(move |published| {
            noted.lock().expect("nobody panics in here").push(published.bytes);
        });
        let ($changes, $view) = (&tap, view.clone());
        let $pair = |key: &u64, left: &u64, right: &u64| (*key, *left, *right);
        let running = graph! {
            #![durable]
            changes = changes($changes);
            sides = partition(|change: &Change| change.is_left);
            changes -> sides;
            $($graph)*
            pairs -> out;
            out = for_each_update(move |pair: Update<(u64, u64, u64), LogicalTime, i64>| {
                sender.send((pair.data, pair.time, pair.diff)).expect("the test takes it");
            });
        }
        .checkpoints(checkpoints)
        .spawn();
        Started { running, tap, pairs, bytes, view }
    }};
}

/// The second checkpoint is small, and so are those after a restore; what comes out is what comes without.
async fn follows_the_change<R>(name: &str, start: impl Fn(&Path) -> Started<R>) {
    let (first, second) = (Directory::new(&format!("{name}-1")), Directory::new(&format!("{name}-2")));
    let started = start(&first.0);
    let whole = started.checkpoint_at(ROWS).await;
    let changed = started.checkpoint_at(ROWS + FEW).await;
    assert!(whole > 4 * ROWS, "{whole} bytes for all of it");
    assert!(changed < whole / 10, "{changed} bytes for a few changes, {whole} for all of it");
    copy(&first.0, &second.0);
    assert!(started.pairs.try_iter().count() > 1_000);
    let expected = started.rest().await;
    assert!(expected.0.len() > 100 && expected.1.len() > 10_000);

    let restored = start(&second.0);
    // What was shared by several is not any more, and saved once for each.
    let again = restored.checkpoint_at(ROWS + 2 * FEW).await;
    assert!(again < whole / 5, "{again} bytes after a restore, {whole} for all of it");
    let changed = restored.checkpoint_at(ROWS + 3 * FEW).await;
    assert!(restored.tap.given() < ALL);
    assert!(changed < whole / 10, "{changed} bytes for a few changes after a restore, {whole} for all of it");
    assert!(restored.rest().await == expected, "it goes on otherwise");
}

#[test]
fn h1_a_checkpoint_of_a_join_follows_the_change() {
    on_runtime(follows_the_change("join", |directory| {
        started!(directory, |tap, pair, view| {
            pairs = differential::join_map(pair);
            sides.matching -> map(|change| change.row) -> pairs.left;
            sides.rest -> map(|change| change.row) -> pairs.right;
            all = map(|change: Change| change.row);
            changes -> all;
            all -> differential::publish(view);
        })
    }));
}

#[test]
fn h1_a_checkpoint_of_an_arrangement_and_a_view_follows_the_change() {
    on_runtime(follows_the_change("arrangement", |directory| {
        started!(directory, |tap, pair, view| {
            pairs = differential::join_arranged(pair);
            by_key = differential::arrange();
            sides.matching -> map(|change| change.row) -> pairs.left;
            sides.rest -> map(|change| change.row) -> by_key;
            by_key -> pairs.right;
            all = map(|change: Change| change.row);
            changes -> all;
            all -> differential::publish(view);
        })
    }));
}
