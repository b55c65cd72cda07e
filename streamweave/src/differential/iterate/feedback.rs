//! The end of a round: what is assigned to a variable.

use std::sync::{Arc, Mutex, PoisonError};

use crate::envelope::Update;
use crate::operator::{Cx, Input, Node, Operator, Outcome, Resume, durable};
use crate::port::{Edge, NoPorts};
use crate::state::{Fields, Mismatch, Storable};
use crate::time::{Frontier, Lattice, Nested};

/// A change that goes around: when it was made, and what it is.
pub(super) type Assigned<D, T, R> = (Nested<T>, D, R);

/// What is empty keeps room for so many rows; more than that one large round needed.
pub(super) const ROOMY: usize = 4 * 1024;

/// The way around a loop: from where a variable is assigned to the loop's head.
///
/// It is locked once a round by either side, never at the same time.
#[derive(Debug)]
pub struct Around<D, T, R>(Arc<Mutex<Vec<Assigned<D, T, R>>>>);

impl<D, T, R> Around<D, T, R> {
    /// Nothing is on its way.
    pub fn new() -> Self {
        Around(Arc::new(Mutex::new(Vec::new())))
    }

    /// Visits what is on its way.
    pub(super) fn fields(&self, fields: &mut Fields<'_>) -> Result<(), Mismatch>
    where
        D: Storable,
        T: Storable,
        R: Storable,
    {
        fields.value("around", &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exchanges what is on its way.
    pub(super) fn swap(&self, rows: &mut Vec<Assigned<D, T, R>>) {
        std::mem::swap(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), rows);
    }
}

impl<D, T, R> Default for Around<D, T, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<D, T, R> Clone for Around<D, T, R> {
    fn clone(&self) -> Self {
        Around(Arc::clone(&self.0))
    }
}

/// The node at which a variable of a loop is assigned.
pub fn feedback<D, T: Lattice, R>(
    around: &Around<D, T, R>,
    _edge: Edge<D, Nested<T>, R>,
) -> Node<Feedback<D, T, R>, NoPorts> {
    Node::new(Feedback { rows: Vec::new(), around: around.clone() }, NoPorts)
}

/// See [`feedback`].
#[derive(Debug)]
pub struct Feedback<D, T, R> {
    rows: Vec<Assigned<D, T, R>>,
    around: Around<D, T, R>,
}

impl<D, T, R> Operator for Feedback<D, T, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;
    const LEADS_NOWHERE: bool = true;

    fn finish(&mut self) {}
}

durable!(Feedback<D, T, R> where { D: Storable, T: Storable, R: Storable } keeps { rows });

impl<D, T, R, Outs> Resume<Outs> for Feedback<D, T, R> {}

impl<D, T: Lattice, R, Outs> Input<0, D, Nested<T>, R, Outs> for Feedback<D, T, R> {
    #[inline(always)]
    fn push(&mut self, row: Update<D, Nested<T>, R>, _outs: &mut Outs, _cx: &mut Cx) {
        self.rows.push((row.time, row.data, row.diff));
    }

    #[inline]
    fn advance(&mut self, _frontier: Frontier<Nested<T>>, _outs: &mut Outs, _cx: &mut Cx) {
        if !self.rows.is_empty() {
            self.around.swap(&mut self.rows);
        } else if self.rows.capacity() > ROOMY {
            self.rows = Vec::new();
        }
    }
}
