//! One row in, one row or none out, by a state that goes along.

use crate::envelope::Update;
use crate::operator::{Cx, Input, Node, Step, durable, passive};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::Storable;
use crate::time::{Frontier, Timestamp};

/// Applies a function to a state and each row's value in turn, and keeps what it gives, where it
/// gives something.
///
/// The state is one over all rows, in order of arrival. A `None` filters one row out; other than
/// [`Iterator::scan`] it ends nothing. Where the state itself is wanted after each row,
/// [`running_fold`](crate::operator::keyed::running_fold) gives it, and
/// [`fold`](crate::operator::keyed::fold) one for each key.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     meter = from_iter([100_u32, 103, 103, 110]);
///     meter -> scan(0, |before, now| {
///         let used = now - std::mem::replace(before, now);
///         (used > 0).then_some(used)
///     }) -> used;
///     used = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.used, [100, 3, 7]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn scan<D, T, A, B, F>(
    _input: Edge<D, T>,
    init: A,
    step: F,
) -> F::Node<Node<Scan<A, F>, OnlyOut<B, T, ()>>>
where
    F: Step<A, D, Option<B>>,
{
    F::node(Node::new(Scan { state: init, step }, OnlyOut::new()))
}

/// See [`scan`].
#[derive(Clone, Debug)]
pub struct Scan<A, F> {
    state: A,
    step: F,
}

passive!(Scan<A, F>, PassedOrFiltered, keeps);
durable!(Scan<A, F> where { A: Storable } keeps { state });

impl<D, T, A, B, F, S> Input<0, D, T, (), (Port<S>,)> for Scan<A, F>
where
    T: Timestamp,
    F: FnMut(&mut A, D) -> Option<B>,
    S: Push<B, T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let Update { data, time, diff } = row;
        if let Some(data) = (self.step)(&mut self.state, data) {
            out.push(Update { data, time, diff });
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
