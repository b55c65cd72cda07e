//! The witnesses of edges, and the slots at their ends.

use std::borrow::Borrow;
use std::fmt::{self, Debug};
use std::marker::PhantomData;

use crate::envelope::Update;
use crate::time::{Frontier, Timestamp};

/// The start of an arrow: the output port with index `I` of a node, and what it carries.
pub struct Origin<I, D, T = (), R = ()>(Witness<(I, D, T, R)>);

/// An edge that carries `Update<D, T, R>`, as an operator's constructor receives it.
///
/// An operator is any public function whose first parameters are edges; `graph!` puts them there.
pub struct Edge<D, T = (), R = ()>(Witness<(D, T, R)>);

/// An edge into a node that only borrows its input as `A`; `X` is what arrives, and [`Lends`] it.
pub struct EdgeRef<A: ?Sized, X, T = (), R = ()>(PhantomData<fn(&A)>, Witness<(X, T, R)>);

/// What a source has in place of an edge.
#[derive(Clone, Copy, Debug)]
pub struct NoInput;

type Witness<X> = PhantomData<fn() -> X>;

impl<I, D, T, R> Origin<I, D, T, R> {
    /// The witness.
    pub const fn new() -> Self {
        Origin(PhantomData)
    }

    /// The edge that begins here.
    pub fn edge(self) -> Edge<D, T, R> {
        Edge::new()
    }
}

impl<D, T, R> Edge<D, T, R> {
    /// The witness.
    pub const fn new() -> Self {
        Edge(PhantomData)
    }
}

impl<A: ?Sized, X, T, R> EdgeRef<A, X, T, R> {
    /// The witness.
    pub const fn new() -> Self {
        EdgeRef(PhantomData, PhantomData)
    }
}

macro_rules! witness {
    ($name:ident<$($p:ident $(: ?$sized:ident)?),*>) => {
        impl<$($p $(: ?$sized)?),*> Clone for $name<$($p),*> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<$($p $(: ?$sized)?),*> Copy for $name<$($p),*> {}
        impl<$($p $(: ?$sized)?),*> Default for $name<$($p),*> {
            fn default() -> Self {
                Self::new()
            }
        }
        impl<$($p $(: ?$sized)?),*> Debug for $name<$($p),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

witness!(Origin<I, D, T, R>);
witness!(Edge<D, T, R>);
witness!(EdgeRef<A: ?Sized, X, T, R>);

/// A slot takes its input by value.
#[derive(Debug)]
pub struct ByValue;

/// A slot borrows its input.
#[derive(Debug)]
pub struct ByRef;

/// The end of an arrow as an operator declares it: the type of its parameter says what it takes.
#[diagnostic::on_unimplemented(
    message = "this function is not an operator: what it takes first is a `{Self}`",
    label = "an operator takes the edge that enters it first",
    note = "to apply a function to each row write `map(f)`; `#[node]` makes an operator of a function of your own"
)]
pub trait Slot {
    /// The type that the slot takes.
    type Takes: ?Sized;
    /// [`ByValue`] or [`ByRef`].
    type Mode;
    /// What arrives in the slot: what it takes, or what lends it.
    type Arrives;
    /// The time that it takes.
    type Time: Timestamp;
    /// The diff that it takes.
    type Diff;
    /// This type, which only a slot has: of what is none rustc says so once.
    type Itself;
    /// `N`, the node that the slot is the end of an arrow into.
    type Node<N>;

    /// The witness that the operator is called with.
    fn witness() -> Self;

    /// The node.
    fn node<N>(node: N) -> Self::Node<N>;
}

impl<D, T: Timestamp, R> Slot for Edge<D, T, R> {
    type Takes = D;
    type Mode = ByValue;
    type Arrives = D;
    type Time = T;
    type Diff = R;
    type Itself = Self;
    type Node<N> = N;

    fn witness() -> Self {
        Edge::new()
    }

    fn node<N>(node: N) -> N {
        node
    }
}

impl<A: ?Sized, X, T: Timestamp, R> Slot for EdgeRef<A, X, T, R> {
    type Takes = A;
    type Mode = ByRef;
    type Arrives = X;
    type Time = T;
    type Diff = R;
    type Itself = Self;
    type Node<N> = N;

    fn witness() -> Self {
        EdgeRef::new()
    }

    fn node<N>(node: N) -> N {
        node
    }
}

/// What arrives in a slot that only borrows its input as `A`.
pub trait Lends<A: ?Sized> {
    /// What is lent from.
    type Owned;

    /// The input.
    fn lend(&self) -> &A;

    /// What it was lent from.
    fn into_owned(self) -> Self::Owned;
}

/// A value and how it lends an `A`. The function is a constant where the row is pushed, and is
/// inlined there.
#[derive(Clone, Copy, Debug)]
pub struct Lent<D, A: ?Sized> {
    data: D,
    lend: fn(&D) -> &A,
}

impl<D: Borrow<A>, A: ?Sized> Lent<D, A> {
    /// Lends `data`.
    #[inline(always)]
    pub fn new(data: D) -> Self {
        Lent { data, lend: D::borrow }
    }
}

impl<D, A: ?Sized> Lends<A> for Lent<D, A> {
    type Owned = D;

    #[inline(always)]
    fn lend(&self) -> &A {
        (self.lend)(&self.data)
    }

    #[inline(always)]
    fn into_owned(self) -> D {
        self.data
    }
}

/// How rows and frontiers get along one edge, from the port where it starts into the slot where it
/// ends: the identity, or a loan.
///
/// The expansion of `graph!` knows an edge by this alone. What may flow along the edge is checked
/// once, where the edge is made; nothing that comes after can fail for the same reason again.
pub trait Conduct<D, T: Timestamp, R>: Copy {
    /// What arrives.
    type Data;
    /// With which time.
    type Time: Timestamp;
    /// With which diff.
    type Diff;

    /// Takes a row along.
    fn row(self, row: Update<D, T, R>) -> Update<Self::Data, Self::Time, Self::Diff>;

    /// Takes a frontier along.
    fn frontier(self, frontier: Frontier<T>) -> Frontier<Self::Time>;
}

/// An edge as two functions.
#[derive(Clone, Copy, Debug)]
pub struct Along<F, G> {
    row: F,
    frontier: G,
}

impl<F, G> Along<F, G> {
    /// Rows go along by `row`, frontiers by `frontier`.
    pub fn new(row: F, frontier: G) -> Self {
        Along { row, frontier }
    }
}

impl<D, T, R, B, U, Q, F, G> Conduct<D, T, R> for Along<F, G>
where
    T: Timestamp,
    U: Timestamp,
    F: Fn(Update<D, T, R>) -> Update<B, U, Q> + Copy,
    G: Fn(Frontier<T>) -> Frontier<U> + Copy,
{
    type Data = B;
    type Time = U;
    type Diff = Q;

    #[inline(always)]
    fn row(self, row: Update<D, T, R>) -> Update<B, U, Q> {
        (self.row)(row)
    }

    #[inline(always)]
    fn frontier(self, frontier: Frontier<T>) -> Frontier<U> {
        (self.frontier)(frontier)
    }
}

/// What can go along several arrows from one port.
#[diagnostic::on_unimplemented(
    message = "`{Self}` goes along several arrows, but cannot be cloned",
    label = "more than one arrow starts here",
    note = "derive `Clone` for it, or send it along one arrow only"
)]
pub trait FanOut: Sized {
    /// Another of the same.
    fn duplicate(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<D: Clone> FanOut for D {
    #[inline(always)]
    fn duplicate(&self) -> D {
        self.clone()
    }
}
