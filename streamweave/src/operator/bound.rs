//! What operators ask of their functions, keys and values, each a bound of its own.
//!
//! A constructor names its node through its bound, as `F::Node<..>`: that is the node itself. Where
//! the bound is not met there is no such type: rustc says so at the call, once, and has nothing left
//! that it could say the same about in the rest of the graph.

use std::hash::Hash;
use std::marker::PhantomData;

use crate::time::Watermark;

use super::aggregate::{Addable, Aggregate};
use super::window::{Assigner, Window};

/// Not [`Clone`], whatever `X` is.
#[derive(Debug)]
pub struct Never<X: ?Sized>(PhantomData<X>);

macro_rules! bounds {
    ($($(#[$attribute:meta])* $name:ident $(<$($p:ident),*>)?: ($($bound:tt)*);)*) => {$(
        $(#[$attribute])*
        pub trait $name $(<$($p),*>)?: $($bound)* {
            /// `N`, a node that rests on the bound.
            type Node<N>;

            /// The node.
            fn node<N>(node: N) -> Self::Node<N>;
        }

        impl<$($($p,)*)? X: $($bound)*> $name $(<$($p),*>)? for X {
            type Node<N> = N;

            fn node<N>(node: N) -> N {
                node
            }
        }

        // Applies to nothing. Beside a second implementation rustc looks at the bounds of the first
        // before it takes the node's type from it; a single one it takes at its word.
        impl<$($($p,)*)? X: $($bound)*> $name $(<$($p),*>)? for X
        where
            $crate::operator::Never<X>: Clone,
            X: $name $(<$($p),*>)?,
        {
            type Node<N> = N;

            fn node<N>(node: N) -> Self::Node<N> {
                X::node(node)
            }
        }
    )*};
}

pub(crate) use bounds;

bounds! {
    /// A function of a row.
    #[diagnostic::on_unimplemented(
        message = "expected a function that takes `{D}`",
        label = "this does not take `{D}`",
        note = "the stream carries `{D}`; a closure need not say so: `|row| ..`"
    )]
    Function<D, B>: (FnMut(D) -> B);
    /// A function that looks at a row.
    #[diagnostic::on_unimplemented(
        message = "expected a function that takes `&{D}`",
        label = "this does not take `&{D}`",
        note = "the stream carries `{D}`, of which the function borrows each; a closure need not say so: `|row| ..`"
    )]
    View<D, B>: (FnMut(&D) -> B);
    /// A function of a state and a row.
    #[diagnostic::on_unimplemented(
        message = "expected a function that takes `&mut {A}` and `{D}`",
        label = "this does not take `&mut {A}` and `{D}`",
        note = "the state is a `{A}`, the stream carries `{D}`; a closure need not say so: `|state, row| ..`"
    )]
    Step<A, D, B>: (FnMut(&mut A, D) -> B);
    /// What rows can be told apart by: anything that is `Hash + Eq + Clone`.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be a key",
        label = "a key is `Hash + Eq + Clone`",
        note = "derive `Clone, PartialEq, Eq, Hash` for it, or name another key: `key_by(|row| ..)`; for a float `x.to_bits()`, or `x.round() as i64`"
    )]
    Key: (Hash + Eq + Clone);
    /// What can be summed; see [`Addable`].
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be summed",
        label = "expected an integer of up to 64 bits, or a float",
        note = "take the number out first, with `map(|row| ..)`, or implement `streamweave::operator::Addable` for `{Self}`"
    )]
    Summand: (Addable);
    /// What has a least and a greatest among it.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` has no order",
        label = "a minimum or a maximum is of what is `PartialOrd + Clone`",
        note = "derive `PartialEq, PartialOrd, Clone` for it, or take out first what is to be compared, with `map(|row| ..)`"
    )]
    Ordered: (PartialOrd + Clone);
    /// What can be ranked.
    #[diagnostic::on_unimplemented(
        message = "rows of type `{Self}` cannot be ranked",
        label = "a rank is of what is `Ord + Clone`",
        note = "derive `Clone, PartialEq, Eq, PartialOrd, Ord` for it, or take out first what is to be ranked, with `map(|row| ..)`; floats are ordered by `f64::total_cmp` alone"
    )]
    Ranked: (Ord + Clone);
    /// What rows are put in order by.
    #[diagnostic::on_unimplemented(
        message = "rows cannot be sorted by `{Self}`",
        label = "what rows are sorted by is `Ord`",
        note = "derive `PartialEq, Eq, PartialOrd, Ord` for it, or name another key; for a float a type that compares by `f64::total_cmp`"
    )]
    Sortable: (Ord);
    /// What a call in flight is.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a future",
        label = "expected an asynchronous function",
        note = "write `async move {{ .. }}` around what the function gives; for a function that does not wait use `map(|row| ..)`"
    )]
    Awaitable<B>: (Future<Output = B>);
    /// What cuts time into windows; see [`Assigner`].
    #[diagnostic::on_unimplemented(
        message = "`{Self}` does not cut time into windows",
        label = "expected windows, such as `Tumbling::new(10.secs())`",
        note = "`streamweave::operator::window` has `Tumbling`, `Sliding`, `Cumulative` and `Global`; a type of your own implements `Assigner`"
    )]
    Windowing: (Assigner);
    /// A function of the rows of two inputs that are in one window and have one key.
    #[diagnostic::on_unimplemented(
        message = "expected a function that takes `&{K}`, `Window`, `Vec<{L}>` and `Vec<{R}>`",
        label = "this does not take a key, a window, and the rows of both sides",
        note = "a closure need not say the types: `|key, window, lefts, rights| ..`"
    )]
    CoGroups<K, L, R, I>: (FnMut(&K, Window, Vec<L>, Vec<R>) -> I);
    /// What neighbours are told apart by.
    #[diagnostic::on_unimplemented(
        message = "rows of type `{Self}` cannot be compared",
        label = "a row is compared with the one before it: it must be `PartialEq + Clone`",
        note = "derive `Clone, PartialEq` for it, or take out first what is to be compared, with `map(|row| ..)`"
    )]
    Comparable: (PartialEq + Clone);
    /// What is kept beside what is passed on.
    #[diagnostic::on_unimplemented(
        message = "rows of type `{Self}` cannot be cloned",
        label = "a row is kept beside the one that is passed on: it must be `Clone`",
        note = "derive `Clone` for it"
    )]
    Repeatable: (Clone);
    /// How far a stream has come; see [`Watermark`].
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a watermark",
        label = "expected a watermark, such as `bounded(5.secs())`",
        note = "a watermark says how far behind the greatest time seen a row may come: `bounded(..)`, or a type of your own that implements `streamweave::time::Watermark<{D}>`"
    )]
    Promise<D>: (Watermark<D>);
    /// What items of type `B` can be taken out of, one by one, by the iterator `I`.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not an iterator, nor can it be made one",
        label = "expected a range, an array, a `Vec` or any other iterator",
        note = "for one row of each use `map(|x| ..)`; a source of a single row is `from_iter([x])`"
    )]
    Items<B, I>: (IntoIterator<Item = B, IntoIter = I>);
    /// An aggregate of values of type `V` that comes to a `B`.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` does not aggregate values of type `{V}`",
        label = "expected an aggregate, such as `Count::new`, `Sum::new`, `Mean::new`, `Min::new` or `Max::new`",
        note = "an aggregate of your own implements `streamweave::operator::Aggregate<{V}>`; a state and a closure fold with `.fold(|| init, |state, value| ..)`"
    )]
    Aggregates<V, B>: (Aggregate<V, Output = B>);
}
