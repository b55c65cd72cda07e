//! The waker of a graph that runs alone on a thread.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Wake;
use std::time::Duration;

/// How long a thread that reads or writes a file may take at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the graph has been woken.
#[derive(Debug, Default)]
pub(super) struct Woken {
    is_woken: Mutex<bool>,
    changed: Condvar,
}

impl Woken {
    /// Asks, and forgets.
    pub(super) fn take(&self) -> bool {
        std::mem::take(&mut *self.is_woken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for a thread that reads or writes for the graph; whether it has woken the graph.
    pub(super) fn wait(&self) -> bool {
        let is_woken = self.is_woken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(is_woken, PATIENCE, |is_woken| !*is_woken);
        let (mut is_woken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *is_woken)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        *self.is_woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}
