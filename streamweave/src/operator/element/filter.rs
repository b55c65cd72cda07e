//! Some rows pass, others do not.

use crate::envelope::Update;
use crate::operator::{Cx, Gives, Input, Linear, View, passive};
use crate::port::{Edge, Port, Push};
use crate::time::{Frontier, Timestamp};

/// Keeps the rows of which the predicate is true.
#[doc(alias = "retain")]
pub fn filter<D, T, R, F>(_input: Edge<D, T, R>, predicate: F) -> F::Node<Linear<Filter<F>, Gives<D>>>
where
    F: View<D, bool>,
{
    F::node(Linear::new(Filter(predicate), Gives::new()))
}

/// See [`filter`].
#[derive(Clone, Debug)]
pub struct Filter<F>(pub(super) F);

passive!(Filter<F>, PassedOrFiltered);

impl<D, T, R, F, S> Input<0, D, T, R, (Port<S>,)> for Filter<F>
where
    T: Timestamp,
    F: FnMut(&D) -> bool,
    S: Push<D, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if (self.0)(&row.data) {
            out.push(row);
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
