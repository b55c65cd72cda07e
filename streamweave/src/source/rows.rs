//! Rows at hand: what a source has taken and not emitted yet.

use std::collections::VecDeque;

use crate::envelope::Update;
use crate::operator::{Cx, Progress, state};
use crate::port::{Port, Push};
use crate::state::Storable;
use crate::time::Frontier;

/// The most rows that a source holds ready.
pub(super) const ROWS: usize = 1024;

/// The rows that a source has taken, and whether more can come.
#[derive(Debug)]
pub(super) struct Rows<D> {
    pub(super) ready: VecDeque<D>,
    pub(super) ended: bool,
}

state!(Rows<D> where { D: Storable } keeps { ready, ended });

impl<D> Rows<D> {
    pub(super) fn none() -> Self {
        Rows { ready: VecDeque::new(), ended: false }
    }

    /// Emits a batch; when the graph drains, everything that was taken.
    #[inline]
    pub(super) fn emit<S: Push<D, (), ()>>(&mut self, out: &mut Port<S>, cx: &Cx) -> Progress {
        let budget = if cx.stopping() { self.ready.len() } else { cx.budget().min(self.ready.len()) };
        for data in self.ready.drain(..budget) {
            out.push(Update::from(data));
        }
        if self.ready.is_empty() && (self.ended || cx.stopping()) {
            return end(out);
        }
        Progress::More
    }
}

/// Emits the end of a stream.
pub(super) fn end<D, S: Push<D, (), ()>>(out: &mut Port<S>) -> Progress {
    out.advance::<D, (), ()>(Frontier::end());
    Progress::Ended
}
