//! Fan-in: one stage that several arrows enter.
//!
//! A row goes in the moment it arrives, so the order of arrival is the order of processing,
//! wherever a batch was cut (rule Z1). The borrow is checked at run time and cannot fail: a stage
//! is left before it is entered again, because no cycle runs over direct edges.

use std::cell::RefCell;

use super::{Input, Resume, Stage};
use crate::envelope::Update;
use crate::port::{Chain, Conduct, Inlet, Nth, Outputs, Push};
use crate::time::{Frontier, Timestamp};

/// A stage that several arrows enter.
#[derive(Debug)]
pub struct Shared<S>(RefCell<S>);

impl<S: Chain> Shared<S> {
    /// Shares a stage.
    #[inline(always)]
    pub fn new(stage: S) -> Self {
        Shared(RefCell::new(stage))
    }

    /// The input port number `PORT` of the stage, at the end of the edge `inlet`.
    #[inline(always)]
    pub fn port<const PORT: usize, C>(&self, inlet: C) -> InPort<'_, PORT, S, C> {
        InPort { stage: self, inlet }
    }

    /// The input port of this name.
    #[inline(always)]
    pub fn port_at<const PORT: usize, L, C>(
        &self,
        _port: Inlet<Nth<PORT>, L>,
        inlet: C,
    ) -> InPort<'_, PORT, S, C> {
        InPort { stage: self, inlet }
    }

    /// See [`Chain::wake`]; the ports do not pass it on, lest it arrive several times.
    pub fn wake(&self) {
        self.0.borrow_mut().wake();
    }

    /// See [`Chain::settle`]; the ports do not pass it on, lest it arrive several times.
    pub fn settle(&self) {
        self.0.borrow_mut().settle();
    }
}

/// The input port number `PORT` of a shared stage.
#[derive(Debug)]
pub struct InPort<'a, const PORT: usize, S, C> {
    stage: &'a Shared<S>,
    inlet: C,
}

impl<const PORT: usize, S, C: Copy> Clone for InPort<'_, PORT, S, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<const PORT: usize, S, C: Copy> Copy for InPort<'_, PORT, S, C> {}

impl<const PORT: usize, S, C> Chain for InPort<'_, PORT, S, C> {
    #[inline(always)]
    fn wake(&mut self) {}

    #[inline(always)]
    fn settle(&mut self) {}
}

impl<const PORT: usize, const PLACE: usize, D, T, R, O, Outs, C, N> Push<D, T, R>
    for InPort<'_, PORT, Stage<'_, O, Outs, N, PLACE>, C>
where
    T: Timestamp,
    C: Conduct<D, T, R>,
    O: Input<PORT, C::Data, C::Time, C::Diff, Outs> + Resume<Outs>,
    Outs: Outputs,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>) {
        let row = self.inlet.row(row);
        self.stage.0.borrow_mut().push_at::<PORT, C::Data, C::Time, C::Diff>(row);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>) {
        let frontier = self.inlet.frontier(frontier);
        self.stage.0.borrow_mut().advance_at::<PORT, C::Data, C::Time, C::Diff>(frontier);
    }
}
