//! Checkpoints: state that survives.
//!
//! A graph that says `#![durable]` saves its state between two batches, while it runs, and goes on from the last checkpoint when it is
//! started again. Between two batches nothing is on its way, so the states of its operators, the positions of its sources and what its
//! asynchronous nodes have under way *are* a consistent snapshot.
//!
//! # The states of a checkpoint
//!
//! | state | what goes on | who moves on | a crash here leaves |
//! |---|---|---|---|
//! | cut | values are written, maps frozen, sinks end a transaction | the worker, at once | the checkpoint before |
//! | slices | what is frozen is written, a slice between any two batches | the worker | the checkpoint before |
//! | pre-commit | sinks bring out what they took before the cut; then their transactions are written | the worker, polling them | the checkpoint before |
//! | publish | the segment, then the manifest | the writer's thread | the checkpoint before, or this one |
//! | commit | sinks show what belongs to it | the worker, polling them | this one; they commit again after the restore |
//!
//! One checkpoint is under way at a time. One that fails is forgotten, and the next holds everything; after
//! [several in a row](Checkpoints::tolerate_failures) the run ends.
//!
//! # What is promised
//!
//! `#![durable]`: each row counts once in the state. Rows that came out of sinks which cannot commit come again where they came
//! after the last checkpoint, and sources that cannot replay lose what they gave after it. `#![durable = exactly_once]` takes neither:
//! what such a graph has written in the end is what it would have written without a crash.

mod archive;
mod error;
mod manifest;
mod merge;
#[cfg(feature = "object-store")]
mod object_storage;
mod storage;
mod store;
mod unread;
mod writer;

use std::fmt;
use std::path::Path;

use crate::state::Shard;
use crate::time::{TimeDelta, Units};

pub use archive::{Archive, Contents, Kept};
pub use error::{CheckpointError, Damage};
pub use manifest::{Entry, Kind, Manifest, Segment, VERSION};
#[cfg(feature = "object-store")]
pub use object_storage::ObjectStorage;
pub use storage::{LocalDirectory, Object, Storage};
pub use store::Published;
pub(crate) use store::Store;
pub(crate) use writer::{Job, Writer};

/// So many entries of maps are written between two batches: some tenth of a millisecond.
const SLICE: usize = 4096;

/// Where a graph keeps its checkpoints, and how often it takes one.
///
/// # Examples
///
/// ```
/// use streamweave::lines;
/// use streamweave::prelude::*;
///
/// # let directory = std::env::temp_dir().join(format!("streamweave-checkpoints-{}", std::process::id()));
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let path = directory.join("words.txt");
/// # std::fs::create_dir_all(&directory)?;
/// # std::fs::write(&path, "warp\nweft\nwarp\n")?;
/// let result = graph! {
///     #![durable = exactly_once]
///     words = lines::read(&path);
///     counted = count();
///     words -> key_by(|word| word.clone()) -> counted -> map(|word| word.value) -> counts;
///     words.err -> discard;
///     counts = collect();
/// }
/// .checkpoints(Checkpoints::in_directory(directory.join("state")).every(10.secs()))
/// .run()
/// .await?;
/// assert_eq!(result.counts, [1, 1, 2]);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a graph keeps nothing until it is given its checkpoints"]
pub struct Checkpoints {
    pub(crate) storage: Box<dyn Storage>,
    pub(crate) name: String,
    pub(crate) every: Option<TimeDelta>,
    pub(crate) keep: usize,
    pub(crate) tolerated: u32,
    pub(crate) savepoint: Option<String>,
    pub(crate) dropped: Vec<String>,
    pub(crate) rescaled: Option<(Shard, Vec<(Box<dyn Storage>, String)>)>,
    pub(crate) in_place: bool,
    /// How many entries of maps are written between two batches.
    pub(crate) slice: usize,
    pub(crate) observer: Option<Box<dyn FnMut(&Published) + Send>>,
}

impl fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoints")
            .field("storage", &self.name)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

impl Checkpoints {
    /// In a directory of the local file system, which is created where there is none; every ten seconds, the last three kept.
    pub fn in_directory(path: impl AsRef<Path>) -> Self {
        let directory = LocalDirectory::new(path);
        let name = directory.to_string();
        Checkpoints::in_storage(directory, name)
    }

    /// In another storage, which errors call by this name.
    pub fn in_storage(storage: impl Storage + 'static, name: impl Into<String>) -> Self {
        Checkpoints {
            storage: Box::new(storage),
            name: name.into(),
            every: Some(10.secs()),
            keep: 3,
            tolerated: 3,
            savepoint: None,
            dropped: Vec::new(),
            rescaled: None,
            in_place: false,
            slice: SLICE,
            observer: None,
        }
    }

    /// Takes one so often, by the graph's clock; none while nothing happens. The next waits for the one before.
    pub fn every(self, interval: TimeDelta) -> Self {
        Checkpoints { every: Some(interval), ..self }
    }

    /// Takes one only when it is asked for, and at the end.
    pub fn on_demand(self) -> Self {
        Checkpoints { every: None, ..self }
    }

    /// Keeps so many of the last ones, at least one. Savepoints are kept in any case.
    pub fn keep(self, checkpoints: usize) -> Self {
        Checkpoints { keep: checkpoints.max(1), ..self }
    }

    /// Makes the graph one of several that share the keys, each with checkpoints of its own, and begins with what belongs to this shard of
    /// what another number of shards kept in these directories (rule H9). Where there is a checkpoint of this shard already it goes on
    /// from that.
    ///
    /// Those shards have to be stopped, all at the same place of their input.
    ///
    /// # What follows its key
    ///
    /// State goes to the shard that owns its key, whoever made it: rows have to be given to shards by the key that the operator keeps
    /// state by ([`Shard::owns`] of its [`stable_hash`](crate::state::stable_hash)).
    ///
    /// | | in another number of shards |
    /// |---|---|
    /// | [`Map`](crate::state::Map) and what is made of one, in a `#[node]`; running aggregates by key, `distinct`, `distinct_by` | follow their keys |
    /// | windows by time, sessions, windows of so many rows | follow their keys, with panes that have fired and alarms of triggers |
    /// | joins, `first_per_key`, `last_per_key`; rows that wait in a `sort` or for the answer of a call, by the key of their stream | follow their keys |
    /// | joins and reductions of changes | follow their keys; arrangements, views and loops are refused |
    /// | timers and alarms of a `#[node]` | go to every shard; they go off for nothing where the key is not |
    /// | [`List`](crate::state::List) | is split, or united, as it says |
    /// | frontiers and watermarks, whether a stream is idle or has ended | the least of all; idle, or ended, where it was so in all |
    /// | windows, sessions and windows of so many rows without keys | go on where one shard has all of them; else refused, with a [`Mismatch`](crate::state::Mismatch) |
    /// | `enumerate`, `scan`, `throttle` and whatever else goes by all rows; other fields of a `#[node]` | go on where they are the same in all shards; else refused likewise |
    ///
    /// Where shards have not come equally far the least frontier counts, and a row is late only behind that. What has fired for a key does
    /// not fire again because it is still to come for others; but of a window that takes late rows still a pane can come a second time.
    pub fn rescaled_from<P: AsRef<Path>>(
        self,
        shard: Shard,
        directories: impl IntoIterator<Item = P>,
    ) -> Self {
        let storages = directories.into_iter().map(|path| {
            let directory = LocalDirectory::new(path);
            let name = directory.to_string();
            (Box::new(directory) as Box<dyn Storage>, name)
        });
        Checkpoints { rescaled: Some((shard, storages.collect())), ..self }
    }

    /// Lets the graph go on where so many in a row could not be taken; with one more the run ends. Three, if nothing is said.
    pub fn tolerate_failures(self, failures: u32) -> Self {
        Checkpoints { tolerated: failures, ..self }
    }

    /// Goes on from this savepoint instead of from the last checkpoint.
    pub fn from_savepoint(self, name: impl Into<String>) -> Self {
        Checkpoints { savepoint: Some(name.into()), ..self }
    }

    /// Forgets what was saved for a node that the graph does not have any more, or that is to begin anew (rule H12).
    pub fn drop_node(mut self, node: impl Into<String>) -> Self {
        self.dropped.push(node.into());
        self
    }

    /// Tells of each checkpoint once it is durable and committed: for metrics. Called by the task of the graph; it must not block.
    pub fn observed_by(self, observer: impl FnMut(&Published) + Send + 'static) -> Self {
        Checkpoints { observer: Some(Box::new(observer)), ..self }
    }

    /// Writes where the graph runs, and not on a thread of its own: the graph waits for each write. For tests.
    pub fn in_place(self) -> Self {
        Checkpoints { in_place: true, ..self }
    }
}
