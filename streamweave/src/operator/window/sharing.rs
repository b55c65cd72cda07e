//! How windows come by what their slices have summed up.

use crate::operator::Never;
use crate::operator::aggregate::{Aggregate, Merge};

use super::assigner::{Disjoint, Overlapping};
use super::begin::Begin;

/// An aggregate that can serve windows of shape `S`: of those that overlap or merge one that is a [`Merge`].
#[diagnostic::on_unimplemented(
    message = "two of `{Self}` cannot be put together",
    label = "these windows share their rows, or merge: their aggregate has to be a `Merge`",
    note = "implement `streamweave::operator::Merge` for it"
)]
pub trait Shares<S> {
    /// `N`, a node that rests on it.
    type Node<N>;

    /// The node.
    fn in_shape<N>(node: N) -> Self::Node<N>;
}

impl<A> Shares<Disjoint> for A {
    type Node<N> = N;

    fn in_shape<N>(node: N) -> N {
        node
    }
}

impl<A: Merge> Shares<Overlapping> for A {
    type Node<N> = N;

    fn in_shape<N>(node: N) -> N {
        node
    }
}

// Applies to nothing: see `operator::bound`.
impl<A> Shares<Overlapping> for A
where
    Never<A>: Clone,
    A: Shares<Overlapping>,
{
    type Node<N> = N;

    fn in_shape<N>(node: N) -> Self::Node<N> {
        A::in_shape(node)
    }
}

/// How an aggregate `A` of values `V` serves windows of this [shape](super::Assigner::Shape): those that overlap need one
/// that [merges](Merge).
pub trait Sharing<A, V> {
    /// A value, ready for as many windows as there are.
    type One;

    /// A value for several windows.
    fn one(value: V, init: &mut impl Begin<A>) -> Option<Self::One>;

    /// Adds it to what one window has summed up.
    fn add(aggregate: &mut A, one: &mut Option<Self::One>);

    /// What parts, in order, come to; `None` where there is none.
    fn output<'p>(parts: impl Iterator<Item = &'p A>, init: &mut impl Begin<A>) -> Option<A::Output>
    where
        A: Aggregate<V> + 'p;
}

impl<A: Aggregate<V>, V> Sharing<A, V> for Disjoint {
    type One = V;

    fn one(value: V, _init: &mut impl Begin<A>) -> Option<V> {
        Some(value)
    }

    fn add(aggregate: &mut A, one: &mut Option<V>) {
        // An assigner that says `Disjoint` gives one window.
        if let Some(value) = one.take() {
            aggregate.add(value);
        }
    }

    #[inline]
    fn output<'p>(mut parts: impl Iterator<Item = &'p A>, _init: &mut impl Begin<A>) -> Option<A::Output>
    where
        A: 'p,
    {
        parts.next().map(A::output)
    }
}

impl<A: Aggregate<V> + Merge, V> Sharing<A, V> for Overlapping {
    type One = A;

    fn one(value: V, init: &mut impl Begin<A>) -> Option<A> {
        let mut one = init.begin();
        one.add(value);
        Some(one)
    }

    fn add(aggregate: &mut A, one: &mut Option<A>) {
        if let Some(one) = one {
            aggregate.merge(one);
        }
    }

    #[inline]
    fn output<'p>(mut parts: impl Iterator<Item = &'p A>, init: &mut impl Begin<A>) -> Option<A::Output>
    where
        A: 'p,
    {
        let first = parts.next()?;
        let Some(second) = parts.next() else {
            return Some(first.output());
        };
        let mut all = init.begin();
        all.merge(first);
        all.merge(second);
        parts.for_each(|part| all.merge(part));
        Some(all.output())
    }
}
