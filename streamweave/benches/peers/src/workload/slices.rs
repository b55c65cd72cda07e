//! The windows that an engineer writes by hand: the loop's, and those of the peers that have none.
//!
//! What the newest slice of time holds stands in a field of its own, what older ones hold in a short list, and what
//! a slice held that is over is used again: most rows cost one compare and what is done with them.

use super::windows::BATCH;
use super::windows::DISPLACEMENT;

/// What is kept of each slice of time, `LENGTH` microseconds long.
#[derive(Clone, Debug)]
pub(crate) struct Slices<T, const LENGTH: i64> {
    newest: T,
    start: i64,
    older: Vec<(i64, T)>,
    spare: Vec<T>,
    frontier: i64,
}

/// The start of the newest slice while there is none.
const NONE: i64 = i64::MIN;

impl<T: Default, const LENGTH: i64> Slices<T, LENGTH> {
    /// No slices yet.
    pub(crate) fn new() -> Self {
        Slices { newest: T::default(), start: NONE, older: Vec::new(), spare: Vec::new(), frontier: i64::MIN }
    }

    /// The slice of a time.
    ///
    /// # Panics
    ///
    /// Where it is over: the inputs have no row that is late, so the engine has lost its place.
    #[inline(always)]
    pub(crate) fn at(&mut self, time: i64) -> &mut T {
        let start = time - time.rem_euclid(LENGTH);
        if start == self.start { &mut self.newest } else { self.elsewhere(start) }
    }

    /// A slice that is not the newest, or not yet.
    #[cold]
    fn elsewhere(&mut self, start: i64) -> &mut T {
        assert!(start + LENGTH > self.frontier, "no row is late");
        if start > self.start {
            let before = std::mem::replace(&mut self.newest, self.spare.pop().unwrap_or_default());
            if self.start != NONE {
                self.older.push((self.start, before));
            }
            self.start = start;
            return &mut self.newest;
        }
        let at = self.older.iter().position(|(older, _)| *older == start).unwrap_or_else(|| {
            let at = self.older.partition_point(|(older, _)| *older < start);
            self.older.insert(at, (start, self.spare.pop().unwrap_or_default()));
            at
        });
        &mut self.older[at].1
    }

    /// Where the first slice starts.
    pub(crate) fn first(&self) -> Option<i64> {
        let first = self.older.first().map_or(self.start, |(start, _)| *start);
        (first != NONE).then_some(first)
    }

    /// Whether a slice is over at this frontier.
    pub(crate) fn is_due(&self, frontier: i64) -> bool {
        self.first().is_some_and(|first| first + LENGTH <= frontier)
    }

    /// The first slice, if it is over at this frontier.
    pub(crate) fn next(&mut self, frontier: i64) -> Option<(i64, T)> {
        self.frontier = frontier;
        match self.is_due(frontier) {
            false => None,
            true if !self.older.is_empty() => Some(self.older.remove(0)),
            true => Some((std::mem::replace(&mut self.start, NONE), std::mem::take(&mut self.newest))),
        }
    }

    /// Gives back what a slice held, emptied, to be used again.
    pub(crate) fn recycle(&mut self, slice: T) {
        self.spare.push(slice);
    }
}

/// An operator over windows of event time, written by hand.
pub(crate) trait Windowed {
    /// What goes in.
    type Row: Copy;
    /// What comes out.
    type Out;

    /// When a row happened, in microseconds.
    fn time(row: &Self::Row) -> i64;

    /// Takes a row in.
    fn add(&mut self, row: Self::Row);

    /// Whether a window fires at this frontier.
    fn is_due(&self, frontier: i64) -> bool;

    /// Fires the windows whose end the frontier has reached.
    fn advance(&mut self, frontier: i64, fire: impl FnMut(Self::Out));
}

/// The watermarks of a stream: one after so many rows, as far behind the newest as a row may be.
#[derive(Clone, Debug)]
pub(crate) struct Watermarks {
    greatest: i64,
    left: usize,
}

impl Watermarks {
    /// None yet.
    pub(crate) fn new() -> Self {
        Watermarks { greatest: i64::MIN, left: BATCH }
    }

    /// Sees a row; every so often that makes a watermark.
    #[inline(always)]
    pub(crate) fn after(&mut self, time: i64) -> Option<i64> {
        self.greatest = self.greatest.max(time);
        self.left -= 1;
        if self.left > 0 {
            return None;
        }
        self.left = BATCH;
        Some(self.greatest - DISPLACEMENT)
    }
}
