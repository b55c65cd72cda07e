//! The memory that an engine holds.
//!
//! A count at the allocator, because the process's resident memory also holds what earlier engines have given
//! back to the allocator and the allocator not to the system. The count is of the thread: engines here work in the one that
//! measures them, and a count of its own costs an addition where an atomic one would cost them all time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The bytes that this thread has allocated and not freed.
pub(crate) fn held() -> i64 {
    HELD.get()
}

/// The system's allocator, counted.
struct Counting;

fn count(bytes: i64) {
    HELD.set(HELD.get() + bytes);
}

// SAFETY: an allocator is an unsafe trait, so that safe code cannot count at it. Each method hands its arguments on to the
// system's as they are, and returns what that returns. The count is a constant at first and needs no drop, so that
// counting neither allocates nor outlives the thread's storage.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promises are the system's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_until_it_is_freed() {
        let before = held();
        let bytes = vec![0_u8; 1_000];
        assert_eq!(held() - before, 1_000);
        drop(bytes);
        assert_eq!(held(), before);
    }
}
