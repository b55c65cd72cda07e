//! A look at each row.

use crate::envelope::Update;
use crate::operator::{Cx, Gives, Input, Linear, View, passive};
use crate::port::{Edge, Port, Push};
use crate::time::{Frontier, Timestamp};

/// Calls a function with each row's value, which passes on unchanged.
#[doc(alias = "tap")]
#[doc(alias = "peek")]
pub fn inspect<D, T, R, F>(_input: Edge<D, T, R>, f: F) -> F::Node<Linear<Inspect<F>, Gives<D>>>
where
    F: View<D, ()>,
{
    F::node(Linear::new(Inspect(f), Gives::new()))
}

/// See [`inspect`].
#[derive(Clone, Debug)]
pub struct Inspect<F>(F);

passive!(Inspect<F>, Passed);

impl<D, T, R, F, S> Input<0, D, T, R, (Port<S>,)> for Inspect<F>
where
    T: Timestamp,
    F: FnMut(&D),
    S: Push<D, T, R>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        (self.0)(&row.data);
        out.pass(row);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
