//! Rows at which a function panics, set aside: `#[on_panic(..)]` on a node.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::filter::Filter;
use super::filter_map::{FilterMap, FilterMapRef, OptionLike};
use super::flat_map::{FlatMap, FlatMapRef, Many};
use super::map::{Map, MapRef};
use super::try_map::{ResultLike, TryMap, TryMapRef};
use crate::envelope::{Failed, Update};
use crate::operator::{
    Behind, Cx, Durable, Gives, GivesOrFails, GivesOrReturns, Input, Linear, Operator, Outcome, Panicked,
    Resume,
};
use crate::port::{Lends, OutErrPanics, OutPanics, Port, Push};
use crate::state::{Fields, Mismatch};
use crate::time::{Frontier, Timestamp};

/// A function panicked at a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Panic {
    /// What the panic said.
    pub message: String,
    /// The line of code.
    pub location: Option<String>,
    /// Which row of the node's input it was, counted from 0 since the stream began: behind a source that is the position in it. A durable
    /// graph goes on counting where it goes on.
    pub row: u64,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked at row {}: {}", self.row, self.message)
    }
}

impl std::error::Error for Panic {}

/// An operator that works on each row by itself with one function of the user's, and keeps nothing between two rows.
///
/// What the function makes of a row is told from what is sent, so that a panic of the function is caught, and one of a node behind is
/// not.
pub trait RowByRow<X> {
    /// What goes to `out`.
    type Ok;
    /// What goes to `err`.
    type Err;
    /// What is sent for a row.
    type Made: IntoIterator<Item = Result<Self::Ok, Self::Err>>;
    /// What is left of a row at which the function panicked.
    type Left;

    /// Calls the function.
    fn work(&mut self, row: X) -> Result<Self::Made, (Self::Left, Thrown)>;
}

/// What is known of a panic of a function.
#[derive(Debug)]
pub struct Thrown(Box<Panicked>);

/// Calls a function of the user's. What it has captured and left half done is the user's own, as behind any `catch_unwind`.
fn caught<B>(call: impl FnOnce() -> B) -> Result<B, Thrown> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| Thrown(Box::new(Panicked::of(payload))))
}

/// The input is gone with the call.
fn gone(thrown: Thrown) -> ((), Thrown) {
    ((), thrown)
}

impl<X, B, F: FnMut(X) -> B> RowByRow<X> for Map<F> {
    type Ok = B;
    type Err = Infallible;
    type Made = [Result<B, Infallible>; 1];
    type Left = ();

    fn work(&mut self, row: X) -> Result<Self::Made, ((), Thrown)> {
        caught(|| [Ok((self.0)(row))]).map_err(gone)
    }
}

impl<X: Lends<A>, A: ?Sized, B, F: FnMut(&A) -> B> RowByRow<X> for MapRef<F, A> {
    type Ok = B;
    type Err = Infallible;
    type Made = [Result<B, Infallible>; 1];
    type Left = X::Owned;

    fn work(&mut self, row: X) -> Result<Self::Made, (X::Owned, Thrown)> {
        caught(|| [Ok(self.call(row.lend()))]).map_err(|thrown| (row.into_owned(), thrown))
    }
}

impl<X, F: FnMut(&X) -> bool> RowByRow<X> for Filter<F> {
    type Ok = X;
    type Err = Infallible;
    type Made = Option<Result<X, Infallible>>;
    type Left = X;

    fn work(&mut self, row: X) -> Result<Self::Made, (X, Thrown)> {
        match caught(|| (self.0)(&row)) {
            Ok(passes) => Ok(passes.then_some(Ok(row))),
            Err(thrown) => Err((row, thrown)),
        }
    }
}

impl<X, Q: OptionLike, F: FnMut(X) -> Q> RowByRow<X> for FilterMap<F> {
    type Ok = Q::Item;
    type Err = Infallible;
    type Made = Option<Result<Q::Item, Infallible>>;
    type Left = ();

    fn work(&mut self, row: X) -> Result<Self::Made, ((), Thrown)> {
        caught(|| (self.0)(row).into_option().map(Ok)).map_err(gone)
    }
}

impl<X: Lends<A>, A: ?Sized, Q: OptionLike, F: FnMut(&A) -> Q> RowByRow<X> for FilterMapRef<F, A> {
    type Ok = Q::Item;
    type Err = Infallible;
    type Made = Option<Result<Q::Item, Infallible>>;
    type Left = X::Owned;

    fn work(&mut self, row: X) -> Result<Self::Made, (X::Owned, Thrown)> {
        caught(|| self.call(row.lend()).into_option().map(Ok)).map_err(|thrown| (row.into_owned(), thrown))
    }
}

impl<X, F: Many<X>> RowByRow<X> for FlatMap<F> {
    type Ok = F::Item;
    type Err = Infallible;
    // All of them, before any is sent: a row is set aside as a whole.
    type Made = Vec<Result<F::Item, Infallible>>;
    type Left = ();

    fn work(&mut self, row: X) -> Result<Self::Made, ((), Thrown)> {
        caught(|| self.0.items(row).map(Ok).collect()).map_err(gone)
    }
}

impl<X: Lends<A>, A: ?Sized, B, F: FnMut(&A, &mut Vec<B>)> RowByRow<X> for FlatMapRef<F, A, B> {
    type Ok = B;
    type Err = Infallible;
    type Made = Vec<Result<B, Infallible>>;
    type Left = X::Owned;

    fn work(&mut self, row: X) -> Result<Self::Made, (X::Owned, Thrown)> {
        caught(|| self.call(row.lend()).map(Ok).collect()).map_err(|thrown| (row.into_owned(), thrown))
    }
}

impl<X, Q: ResultLike, F: FnMut(X) -> Q> RowByRow<X> for TryMap<F> {
    type Ok = Q::Ok;
    type Err = Failed<(), Q::Err>;
    type Made = [Result<Q::Ok, Failed<(), Q::Err>>; 1];
    type Left = ();

    fn work(&mut self, row: X) -> Result<Self::Made, ((), Thrown)> {
        let failed = |error| Failed { input: (), error };
        caught(|| [(self.0)(row).into_result().map_err(failed)]).map_err(gone)
    }
}

impl<X: Lends<A>, A: ?Sized, Q: ResultLike, F: FnMut(&A) -> Q> RowByRow<X> for TryMapRef<F, A> {
    type Ok = Q::Ok;
    type Err = Failed<X::Owned, Q::Err>;
    type Made = [Result<Q::Ok, Failed<X::Owned, Q::Err>>; 1];
    type Left = X::Owned;

    fn work(&mut self, row: X) -> Result<Self::Made, (X::Owned, Thrown)> {
        match caught(|| self.call(row.lend()).into_result()) {
            Ok(Ok(data)) => Ok([Ok(data)]),
            Ok(Err(error)) => Ok([Err(Failed { input: row.into_owned(), error })]),
            Err(thrown) => Err((row.into_owned(), thrown)),
        }
    }
}

/// A node whose function may panic at a row, and go on with the next: `N` is the same node with a port `panics`.
///
/// (A parameter, which the node decides, and no associated type: of a node that is none rustc then says so once.)
#[diagnostic::on_unimplemented(
    message = "this node cannot go on behind a panic",
    label = "it keeps state, or works on more than one row at a time: what a panic leaves half done is not used again",
    note = "`on_panic` is for nodes that work on each row by itself: `map`, `filter`, `filter_map`, `flat_map`, `try_map`, and a synchronous \
            `#[node] fn` with one output; a `supervision::Supervisor` starts the graph of any other again from its checkpoint"
)]
pub trait SetsAside<N> {
    /// That node.
    fn set_aside(self) -> N;
}

/// What is left of a row at which a function panicked that took it: nothing.
#[derive(Clone, Copy, Debug)]
pub struct Gone;

/// What is left where the function borrowed it: the row.
#[derive(Clone, Copy, Debug)]
pub struct Kept;

/// What the ports of a node carry beside `panics`: `K`; and what is left of the row, [`Gone`] or [`Kept`].
#[derive(Clone, Copy, Debug)]
pub struct OrPanics<K, L>(PhantomData<fn() -> (K, L)>);

impl<K, L> Default for OrPanics<K, L> {
    fn default() -> Self {
        OrPanics(PhantomData)
    }
}

macro_rules! sets_aside {
    ($($name:ident<$($p:ident $(: ?$unsized:ident)?),*> leaves $left:ident;)*) => {$(
        impl<K, $($p $(: ?$unsized)?),*> SetsAside<Linear<Caught<$name<$($p),*>>, OrPanics<K, $left>>>
            for Linear<$name<$($p),*>, K>
        {
            fn set_aside(self) -> Linear<Caught<$name<$($p),*>>, OrPanics<K, $left>> {
                Linear::new(Caught { operator: self.into_operator(), rows: 0 }, OrPanics::default())
            }
        }
    )*};
}

sets_aside! {
    Map<F> leaves Gone;
    MapRef<F, A: ?Sized> leaves Kept;
    Filter<F> leaves Kept;
    FilterMap<F> leaves Gone;
    FilterMapRef<F, A: ?Sized> leaves Kept;
    FlatMap<F> leaves Gone;
    FlatMapRef<F, A: ?Sized, B> leaves Kept;
    TryMap<F> leaves Gone;
    TryMapRef<F, A: ?Sized> leaves Kept;
}

impl<B, D, T, R> Behind<D, T, R> for OrPanics<Gives<B>, Gone> {
    type Ports = OutPanics<B, T, R, Failed<(), Panic>>;

    fn ports(self) -> Self::Ports {
        OutPanics::new()
    }
}

impl<B, D, T, R> Behind<D, T, R> for OrPanics<Gives<B>, Kept> {
    type Ports = OutPanics<B, T, R, Failed<D, Panic>>;

    fn ports(self) -> Self::Ports {
        OutPanics::new()
    }
}

impl<B, E, D, T, R> Behind<D, T, R> for OrPanics<GivesOrFails<B, E>, Gone> {
    type Ports = OutErrPanics<B, T, R, Failed<(), E>, Failed<(), Panic>>;

    fn ports(self) -> Self::Ports {
        OutErrPanics::new()
    }
}

impl<B, E, D, T, R> Behind<D, T, R> for OrPanics<GivesOrReturns<B, E>, Kept> {
    type Ports = OutErrPanics<B, T, R, Failed<D, E>, Failed<D, Panic>>;

    fn ports(self) -> Self::Ports {
        OutErrPanics::new()
    }
}

/// See [`SetsAside`].
#[derive(Clone, Debug)]
pub struct Caught<O> {
    operator: O,
    /// How many rows have come.
    rows: u64,
}

impl<O: Operator> Operator for Caught<O> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn finish(&mut self) {}
}

impl<O: Operator> Durable for Caught<O> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        // Of several shards: on behind the numbers of all.
        fields.shared("rows", &mut self.rows, |all, more| *all = more.max(*all))
    }
}

impl<O: Operator, Outs> Resume<Outs> for Caught<O> {}

impl<O> Caught<O> {
    /// What the function made of the next row, or what is left of it.
    fn work<X>(&mut self, row: X) -> Result<O::Made, Failed<O::Left, Panic>>
    where
        O: RowByRow<X>,
    {
        let number = self.rows;
        self.rows += 1;
        self.operator.work(row).map_err(|(input, thrown)| {
            let Panicked { message, location, .. } = *thrown.0;
            Failed { input, error: Panic { message, location, row: number } }
        })
    }
}

impl<X, T, R, O, S, P> Input<0, X, T, R, (Port<S>, Port<P>)> for Caught<O>
where
    T: Timestamp,
    R: Clone,
    O: Operator + RowByRow<X, Err = Infallible>,
    S: Push<O::Ok, T, R>,
    P: Push<Failed<O::Left, Panic>, T, R>,
{
    fn push(&mut self, row: Update<X, T, R>, (out, panics): &mut (Port<S>, Port<P>), cx: &mut Cx) {
        let Update { data, time, diff } = row;
        let mut any = false;
        match self.work(data) {
            Ok(made) => {
                for Ok(data) in made {
                    any = true;
                    out.push(Update { data, time: time.clone(), diff: diff.clone() });
                }
            }
            Err(data) => {
                any = true;
                panics.push(Update { data, time, diff });
            }
        }
        if any { cx.passed() } else { cx.filtered() }
    }

    fn advance(&mut self, frontier: Frontier<T>, (out, panics): &mut (Port<S>, Port<P>), _cx: &mut Cx) {
        out.advance(frontier.clone());
        panics.advance(frontier);
    }
}

impl<X, T, R, O, S, E, P> Input<0, X, T, R, (Port<S>, Port<E>, Port<P>)> for Caught<O>
where
    T: Timestamp,
    R: Clone,
    O: Operator + RowByRow<X>,
    S: Push<O::Ok, T, R>,
    E: Push<O::Err, T, R>,
    P: Push<Failed<O::Left, Panic>, T, R>,
{
    fn push(
        &mut self,
        row: Update<X, T, R>,
        (out, err, panics): &mut (Port<S>, Port<E>, Port<P>),
        cx: &mut Cx,
    ) {
        let Update { data, time, diff } = row;
        match self.work(data) {
            Ok(made) => {
                for made in made {
                    match made {
                        Ok(data) => out.push(Update { data, time: time.clone(), diff: diff.clone() }),
                        Err(data) => err.push(Update { data, time: time.clone(), diff: diff.clone() }),
                    }
                }
            }
            Err(data) => panics.push(Update { data, time, diff }),
        }
        cx.passed();
    }

    fn advance(
        &mut self,
        frontier: Frontier<T>,
        (out, err, panics): &mut (Port<S>, Port<E>, Port<P>),
        _cx: &mut Cx,
    ) {
        out.advance(frontier.clone());
        err.advance(frontier.clone());
        panics.advance(frontier);
    }
}
