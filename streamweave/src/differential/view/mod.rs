//! An arrangement that is looked at from outside of its graph.
//!
//! A [`View`] is made before its graph, and [published](publish()) to in it. From then on anybody who has the view reads
//! [snapshots](View::snapshot) of the collection and [subscribes](View::subscribe) to its changes, from any thread.
//!
//! # Protocol
//!
//! | state | what is shown | who goes on | then |
//! |---|---|---|---|
//! | free | nothing, as of the start | the one graph that it is given to: [`publish`](publish()) | shown |
//! | shown | the collection as of the frontier | the sink, when it is flushed and its frontier has moved | shown |
//! | shown | the same | the sink, when it is closed, has failed or is dropped | over |
//! | over | the same, for good | nobody | |
//!
//! 1. What is shown, how far it has come, and what waits for each subscriber change together, under one lock, which is held
//!    for as long as it takes to copy a pointer for each subscriber and time. So a snapshot is the collection as of the frontier that it
//!    names, and a subscriber who gets it gets every change after it, once.
//! 2. A subscriber for whom [`ROOM`] times wait holds the sink, and so the graph (rule J1). The times of one batch are shown together, so
//!    no more wait than that and those of a batch.
//! 3. A view is complete where it is over and its frontier is the end. A graph that fails, is stopped or dropped leaves the
//!    frontier where it was: of what is not complete nobody says that it is.
//! 4. A failed batch is not shown (rule K1), nor is a time at which there is no such collection (rule G4).

mod publish;
mod rows;
mod shared;
mod snapshot;
mod subscription;

use std::fmt::{self, Debug};
use std::sync::Arc;

use self::shared::Shared;
use crate::time::{Frontier, Lattice, Timestamp};

pub use publish::{Publish, publish};
pub use rows::Rows;
pub use shared::ROOM;
pub use snapshot::Snapshot;
pub use subscription::{Changes, Subscription};

/// A handle to a collection that a graph keeps: by key, as of the newest closed time.
///
/// Made before the graph, and given to it with [`publish`](publish()). All clones are one view. A view shows one collection of one
/// graph: to give it to a second is refused before the first row.
///
/// Once every clone and every subscription is dropped nobody can see the collection any more: it is not kept any longer, and where the
/// graph has no other sink it drains.
///
/// # Examples
///
/// ```
/// use streamweave::differential::View;
/// use streamweave::prelude::*;
///
/// graph! {
///     /// What is in stock, by place.
///     graph stock(parts: Update<(&'static str, u32), LogicalTime, i64>; shown: View<&'static str, u32, LogicalTime>) {
///         parts -> map(|(place, part)| Keyed { key: place, value: part }) -> differential::publish(shown);
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let view = View::new();
/// let (graph, inputs, _outputs) = stock::open(view.clone());
/// let running = graph.spawn();
/// let change = |data, time, diff| Update { data, time: LogicalTime(time), diff };
/// inputs.parts.update(change(("attic", 7), 0, 2)).await?;
/// inputs.parts.update(change(("cellar", 5), 0, 1)).await?;
/// inputs.parts.advance_to(LogicalTime(1)).await?;
///
/// let snapshot = view.closed(&LogicalTime(0)).await?;
/// assert_eq!(snapshot.get("attic"), [(&7, 2)]);
/// assert_eq!(Vec::from_iter(snapshot.range("b"..)), [(&"cellar", &5, 1)]);
///
/// // From this snapshot on, every change.
/// let (snapshot, mut changes) = view.subscribe();
/// inputs.parts.update(change(("attic", 7), 1, -2)).await?;
/// inputs.parts.close();
/// let at_1 = changes.next().await.expect("there is a change");
/// assert_eq!((at_1.time, Vec::from_iter(at_1.rows())), (LogicalTime(1), vec![(&"attic", &7, -2)]));
/// assert!(changes.next().await.is_none() && changes.frontier().is_end());
///
/// // A snapshot stays as it is.
/// assert!(snapshot.contains_key("attic") && !view.snapshot().contains_key("attic"));
/// # running.await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct View<K, V, T: Timestamp, R = i64> {
    shared: Arc<Shared<K, V, T, R>>,
}

/// A graph ended, or was stopped, before a time was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the graph ended before time {time} was closed")]
pub struct Unclosed<T: Debug> {
    /// The time that was waited for.
    pub time: T,
}

impl<K, V, T: Lattice<Rounds = ()>, R> View<K, V, T, R> {
    /// A view of no graph yet: it shows nothing, as of the start.
    pub fn new() -> Self {
        View { shared: Arc::new(Shared::new()) }
    }

    /// The collection as of the newest closed time, which the snapshot [names](Snapshot::frontier).
    ///
    /// It takes a lock for as long as it takes to copy a pointer, and stays as it is while the graph goes on: what the graph merges
    /// meanwhile it keeps twice for as long as there are snapshots from before.
    pub fn snapshot(&self) -> Snapshot<K, V, T, R> {
        self.shared.state().shown.clone()
    }

    /// How far the collection has come: nothing before this is still to change.
    pub fn frontier(&self) -> Frontier<T> {
        self.shared.state().shown.frontier().clone()
    }

    /// Waits until `time` is closed; gives the collection as of then or later.
    ///
    /// A view that is given to no graph waits until it is.
    ///
    /// # Errors
    ///
    /// The graph failed or was stopped before that; what it had come to is [there](View::snapshot) still. A graph that has ended closed all
    /// times.
    pub async fn closed(&self, time: &T) -> Result<Snapshot<K, V, T, R>, Unclosed<T>> {
        loop {
            // Before the look, lest something is shown between the two.
            let more = self.shared.more();
            {
                let state = self.shared.state();
                if state.shown.frontier().closes(time) {
                    return Ok(state.shown.clone());
                }
                if state.is_over {
                    return Err(Unclosed { time: *time });
                }
            }
            more.await;
        }
    }

    /// The collection as of now, and every change to it from exactly then on.
    ///
    /// Any number may subscribe, before the first row, in the middle or after the end. The graph waits for a subscriber that does not
    /// read: [`ROOM`] times at most, and those of a batch, wait for each. One that is dropped holds nothing.
    pub fn subscribe(&self) -> (Snapshot<K, V, T, R>, Subscription<K, V, T, R>) {
        let (shown, number) = self.shared.state().subscribe();
        (shown, Subscription::new(Shared::handle(&self.shared), number))
    }
}

impl<K, V, T: Lattice<Rounds = ()>, R> Default for View<K, V, T, R> {
    fn default() -> Self {
        View::new()
    }
}

impl<K, V, T: Timestamp, R> Clone for View<K, V, T, R> {
    fn clone(&self) -> Self {
        View { shared: Shared::handle(&self.shared) }
    }
}

impl<K, V, T: Timestamp, R> Drop for View<K, V, T, R> {
    fn drop(&mut self) {
        self.shared.let_go();
    }
}

impl<K, V, T: Timestamp, R> Debug for View<K, V, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("View").field("frontier", state.shown.frontier()).finish_non_exhaustive()
    }
}
