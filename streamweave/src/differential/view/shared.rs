//! What a view's sink and those who look at it share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::{Changes, Snapshot};
use crate::time::{Frontier, Timestamp};

/// So many times wait for a subscriber before the graph waits for it.
pub const ROOM: usize = 64;

/// See the [protocol](super).
#[derive(Debug)]
pub(super) struct Shared<K, V, T: Timestamp, R> {
    state: Mutex<State<K, V, T, R>>,
    /// Wakes those who wait for more to be shown, or for the end.
    more: Notify,
    /// Wakes the sink when there is room, or nobody left.
    sink: AtomicWaker,
    /// How many views and subscriptions there are.
    handles: AtomicUsize,
}

#[derive(Debug)]
pub(super) struct State<K, V, T: Timestamp, R> {
    pub(super) shown: Snapshot<K, V, T, R>,
    /// Whether it was given to a graph.
    is_given: bool,
    /// Whether nothing more will be shown.
    pub(super) is_over: bool,
    /// What waits for each subscriber.
    waiting: BTreeMap<u64, VecDeque<Changes<K, V, T, R>>>,
    /// The number of the next subscriber.
    next: u64,
}

impl<K, V, T: Timestamp, R> State<K, V, T, R> {
    /// What is shown, and the number of a subscriber to what comes after it.
    pub(super) fn subscribe(&mut self) -> (Snapshot<K, V, T, R>, u64) {
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, VecDeque::new());
        (self.shown.clone(), number)
    }

    /// What waits for a subscriber.
    pub(super) fn waiting(&mut self, number: u64) -> &mut VecDeque<Changes<K, V, T, R>> {
        self.waiting.get_mut(&number).expect("a subscription has a queue for as long as it is there")
    }

    fn has_room(&self) -> bool {
        self.waiting.values().all(|waiting| waiting.len() < ROOM)
    }
}

impl<K, V, T: Timestamp, R> Shared<K, V, T, R> {
    /// For one handle.
    pub(super) fn new() -> Self {
        let state = State {
            shown: Snapshot::new(Arc::new([]), 0, Frontier::start()),
            is_given: false,
            is_over: false,
            waiting: BTreeMap::new(),
            next: 0,
        };
        Shared {
            state: Mutex::new(state),
            more: Notify::new(),
            sink: AtomicWaker::new(),
            handles: AtomicUsize::new(1),
        }
    }

    /// Locks; nothing of the user's is called meanwhile.
    pub(super) fn state(&self) -> MutexGuard<'_, State<K, V, T, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when more has been shown since this was called, or it is over.
    pub(super) fn more(&self) -> Notified<'_> {
        self.more.notified()
    }

    /// One more handle; [`let_go`](Shared::let_go) is to be called for it.
    pub(super) fn handle(shared: &Arc<Self>) -> Arc<Self> {
        shared.handles.fetch_add(1, Ordering::Relaxed);
        Arc::clone(shared)
    }

    /// A handle is dropped.
    pub(super) fn let_go(&self) {
        if self.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.sink.wake();
        }
    }

    /// Whether there is no handle, and so never will be.
    pub(super) fn is_forsaken(&self) -> bool {
        self.handles.load(Ordering::Acquire) == 0
    }

    /// Forgets a subscriber.
    pub(super) fn unsubscribe(&self, number: u64) {
        let waiting = self.state().waiting.remove(&number);
        self.sink.wake();
        // Not under the lock.
        drop(waiting);
    }

    /// Takes the first of what waits for a subscriber, if it is one that `may` be taken.
    pub(super) fn take(
        &self,
        number: u64,
        may: impl FnOnce(&Changes<K, V, T, R>) -> bool,
    ) -> Option<Changes<K, V, T, R>> {
        let mut state = self.state();
        let waiting = state.waiting(number);
        let was_full = waiting.len() == ROOM;
        let taken = waiting.pop_front_if(|first| may(first));
        drop(state);
        if was_full && taken.is_some() {
            self.sink.wake();
        }
        taken
    }

    /// Gives the view to a graph; false where it was given away before.
    pub(super) fn give(&self) -> bool {
        !std::mem::replace(&mut self.state().is_given, true)
    }

    /// Shows what has come about, and the changes that led there.
    pub(super) fn show(&self, snapshot: Snapshot<K, V, T, R>, changes: &[Changes<K, V, T, R>]) {
        let mut state = self.state();
        for waiting in state.waiting.values_mut() {
            waiting.extend(changes.iter().cloned());
        }
        let before = std::mem::replace(&mut state.shown, snapshot);
        drop(state);
        self.more.notify_waiters();
        // What is not shown any more may be large: not under the lock.
        drop(before);
    }

    /// Nothing more will be shown.
    pub(super) fn end(&self) {
        let was_over = std::mem::replace(&mut self.state().is_over, true);
        if !was_over {
            self.more.notify_waiters();
        }
    }

    /// Wakes this task when there is room, or nobody left.
    pub(super) fn watch(&self, context: &Context<'_>) {
        self.sink.register(context.waker());
    }

    /// Ready when every subscriber has room for more.
    pub(super) fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        // First, lest room is made between the two.
        self.watch(context);
        if self.state().has_room() { Poll::Ready(()) } else { Poll::Pending }
    }
}
