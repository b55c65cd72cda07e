//! Rows that pass or not by what came before them.

use crate::envelope::Update;
use crate::operator::{Cx, Durable, Input, passive};
use crate::port::{Port, Push};
use crate::state::{Fields, Mismatch, State};
use crate::time::{Frontier, Timestamp};

/// What decides, row by row and in their order, which rows pass.
pub trait Sieve<D> {
    /// Whether this row passes; called once for each row.
    fn passes(&mut self, row: &D) -> bool;
}

/// The operator around a [`Sieve`]: rows pass unchanged, with their times, or are filtered out.
#[derive(Clone, Debug)]
pub struct Sift<S>(pub S);

passive!(Sift<S>, PassedOrFiltered, keeps);

impl<S: State> Durable for Sift<S> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.0.fields(fields)
    }
}

impl<D, T, V, S> Input<0, D, T, (), (Port<S>,)> for Sift<V>
where
    T: Timestamp,
    V: Sieve<D>,
    S: Push<D, T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if self.0.passes(&row.data) {
            out.push(row);
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
