//! Which node panicked (rule K1).
//!
//! Stages are nested calls, so a panic unwinds through every node between the one that is at fault
//! and the source. Each call is guarded by a value that is forgotten on success; the first one that
//! is dropped, which is the innermost, names its node. On the way of a row that does not panic this
//! costs nothing.

use std::cell::Cell;

thread_local! {
    static AT_FAULT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Does `work` of node number `PLACE`, which is a constant so that there is nothing to keep at hand.
#[inline(always)]
pub(crate) fn blaming<const PLACE: usize, R>(work: impl FnOnce() -> R) -> R {
    let guard = Guard::<PLACE>;
    let result = work();
    std::mem::forget(guard);
    result
}

/// The node that panicked last on this thread, if it has not been asked for yet.
pub(crate) fn at_fault() -> Option<usize> {
    AT_FAULT.take()
}

struct Guard<const PLACE: usize>;

impl<const PLACE: usize> Drop for Guard<PLACE> {
    #[inline]
    fn drop(&mut self) {
        blame(PLACE);
    }
}

#[cold]
#[inline(never)]
fn blame(place: usize) {
    AT_FAULT.set(AT_FAULT.get().or(Some(place)));
}
