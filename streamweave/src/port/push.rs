//! How a row is handed on inside a worker.

use crate::envelope::Update;
use crate::time::{Frontier, Noted, Timestamp};

/// What stands behind an output port: takes rows and frontiers, in order, at once.
///
/// Implemented by stages and by what joins them (fan-out, fan-in, cuts), not by users. Every call
/// runs to completion: when it returns the row has gone as far as it goes without waiting.
pub trait Push<D, T: Timestamp, R>: Chain {
    /// Hands on a row.
    fn push(&mut self, row: Update<D, T, R>);

    /// Hands on the promise that nothing before `frontier` is still to come.
    fn advance(&mut self, frontier: Frontier<T>);
}

/// What every link of a chain can do whatever it carries.
pub trait Chain {
    /// Lets operators that have work of their own go on with it.
    fn wake(&mut self);

    /// Enters the counts of the batch into the books.
    fn settle(&mut self);
}

/// A connected output port: what stands behind it, and how many rows went through.
///
/// The count is a local of the batch, so that the optimiser can keep it in a register.
#[derive(Debug)]
pub struct Port<S> {
    pub(crate) behind: S,
    pub(crate) emitted: u64,
    /// The frontier of the port, where it has moved in this batch.
    pub(crate) noted: Option<Noted>,
}

impl<S> Port<S> {
    #[inline(always)]
    pub(crate) fn to(behind: S) -> Self {
        Port { behind, emitted: 0, noted: None }
    }

    /// Emits a row.
    #[inline(always)]
    pub fn push<D, T: Timestamp, R>(&mut self, row: Update<D, T, R>)
    where
        S: Push<D, T, R>,
    {
        self.emitted += 1;
        self.behind.push(row);
    }

    /// Emits the one row that an operator makes of each row that it receives.
    ///
    /// Only for operators whose [`OUTCOME`](crate::operator::Operator::OUTCOME) is
    /// [`Outcome::Passed`](crate::operator::Outcome::Passed): such rows need no count of their own.
    #[inline(always)]
    pub fn pass<D, T: Timestamp, R>(&mut self, row: Update<D, T, R>)
    where
        S: Push<D, T, R>,
    {
        self.behind.push(row);
    }

    /// Enters so many rows that were [passed](Port::pass) into the count at once.
    #[inline(always)]
    pub(crate) fn count(&mut self, rows: usize) {
        self.emitted += rows as u64;
    }

    /// Advances the frontier of the port.
    #[inline(always)]
    pub fn advance<D, T: Timestamp, R>(&mut self, frontier: Frontier<T>)
    where
        S: Push<D, T, R>,
    {
        self.noted = Some(Noted::of(&frontier));
        self.behind.advance(frontier);
    }
}
