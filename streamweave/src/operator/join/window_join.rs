//! Rows of one key in the same window.

use std::fmt;
use std::marker::PhantomData;

use crate::envelope::{Keyed, Update};
use crate::operator::window::{Assigner, Pane};
use crate::operator::{
    Cause, Cx, Durable, Input, Key, Node, Operator, Outcome, Repeatable, Resume, Windowing,
};
use crate::port::{Edge, OnlyOut, Port, Push, inlets};
use crate::state::{Fields, Mismatch, Storable};
use crate::time::{EventTime, Frontier};

use super::kept::{Joins, Keeps};
use super::shape::{Anti, FullOuter, Inner, LeftOuter, RightOuter, Semi, shapes};
use super::sides::ByKey;
use super::windows::Windows;

/// Pairs each row of `left` with the rows of `right` that have its key and are in the same window.
///
/// The windows are those of an [`Assigner`]: `window_join(Tumbling::new(10.secs()))`, `window_join(Sliding::new(1.hours(),
/// 5.minutes()))`. Where they overlap two rows meet once in each window that both are in. Rows that are near to each other but on both
/// sides of a window's edge do not meet: an [`interval_join`](super::interval_join()) has no edges. For something else than pairs of what is in a
/// window there is [`co_group`](super::co_group()).
///
/// By itself the join is inner; [`left_outer`](Node::left_outer), `right_outer`, `full_outer`, `semi` and `anti` hold for each window by
/// itself (rule E6). The output is `Keyed<K, Pane<B>>`, where `B` is `(L, R)`, `(L, Option<R>)`, `(Option<L>, R)`,
/// `(Option<L>, Option<R>)`, or `L`: a [`Pane`] says which window it is.
///
/// # Time and order
///
/// A window fires when the frontiers of both inputs have reached its end, and what comes out of it is at its last time, `end - 1`.
/// Windows fire by their ends, then by their starts; in a window keys come by first arrival and rows of
/// [null keys](super) last; in a key left rows by arrival, and with each its partners by arrival. Of `semi` and `anti` the rows of a window
/// come by arrival, whatever their keys. The frontier is that of both inputs together.
///
/// # State, and what is late
///
/// The rows of the windows that have not fired, once for each window that they are in. A row is late if all its windows have
/// fired: it is counted and dropped. One whose time is in no window is counted as unassigned. A row costs one look-up for each
/// of its windows, a window the product of the rows of both sides for each key. Of the right `semi` and `anti` keep which keys
/// there were, and no rows.
///
/// # Errors
///
/// The graph is refused where the assigner is: a size of zero, for one.
///
/// # Examples
///
/// ```
/// use streamweave::operator::window::Tumbling;
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let seconds = |row: &(i64, &str)| EventTime::from_secs(row.0);
/// let result = graph! {
///     asked    = from_iter([(1, "ada"), (12, "bob"), (18, "ada")]);
///     answered = from_iter([(7, "ada"), (9, "ada"), (21, "bob")]);
///     both     = window_join(Tumbling::new(10.secs())).left_outer();
///     asked -> event_time(seconds, bounded(0.secs())) -> key_by(|row| row.1) -> both.left;
///     answered -> event_time(seconds, bounded(0.secs())) -> key_by(|row| row.1) -> both.right;
///     both -> map(|row| (row.key, row.value.value.0.0, row.value.value.1.map(|row| row.0))) -> rows;
///     rows = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.rows, [("ada", 1, Some(7)), ("ada", 1, Some(9)), ("bob", 12, None), ("ada", 18, None)]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn window_join<K: Key, L: Repeatable, R: Repeatable, A: Windowing>(
    _left: Edge<Keyed<K, L>, EventTime>,
    _right: Edge<Keyed<K, R>, EventTime>,
    assigner: A,
) -> K::Node<L::Node<R::Node<A::Node<Joined<K, L, R, A>>>>> {
    with::<K, L, R, A>(inputs(), assigner)
}

type Joined<K, L, R, A> = Node<WindowJoin<K, L, R, A, Inner>, OnlyOut<Rows<K, (L, R)>, EventTime, ()>>;

/// What comes out of a window.
type Rows<K, B> = Keyed<K, Pane<B>>;

inlets! {
    /// The inputs of a [`window_join`](super::window_join()).
    Inputs { left: A @ 0, right: B @ 1 }
}

/// The input ports, as arrows name them.
#[doc(hidden)]
pub fn inputs<K, L, R>() -> Inputs<Edge<Keyed<K, L>, EventTime>, Edge<Keyed<K, R>, EventTime>> {
    Inputs::new()
}

/// As [`window_join`](super::window_join()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Key, L: Repeatable, R: Repeatable, A: Windowing>(
    _inputs: Inputs<Edge<Keyed<K, L>, EventTime>, Edge<Keyed<K, R>, EventTime>>,
    assigner: A,
) -> K::Node<L::Node<R::Node<A::Node<Joined<K, L, R, A>>>>> {
    let join = WindowJoin { windows: Windows::new(assigner), shape: PhantomData };
    K::node(L::node(R::node(A::node(Node::new(join, OnlyOut::new())))))
}

shapes! { WindowJoin<K, L, R, A>, Rows }

/// See [`window_join`](super::window_join()).
pub struct WindowJoin<K, L, R, A, S: Keeps<K, L, R>> {
    windows: Windows<A, S::Kept>,
    shape: PhantomData<fn() -> S>,
}

impl<K, L, R, A: fmt::Debug, S: Keeps<K, L, R>> fmt::Debug for WindowJoin<K, L, R, A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowJoin").field("assigner", &self.windows.assigner).finish_non_exhaustive()
    }
}

impl<K, L, R, A, S: Keeps<K, L, R>> WindowJoin<K, L, R, A, S> {
    /// The same with another shape, before there is a row.
    fn shaped<Z: Keeps<K, L, R>>(self) -> WindowJoin<K, L, R, A, Z> {
        WindowJoin { windows: Windows::new(self.windows.assigner), shape: PhantomData }
    }
}

impl<K: Key, L, R, A, S: Joins<K, L, R>> WindowJoin<K, L, R, A, S> {
    #[inline]
    fn advance_to<P>(&mut self, port: usize, frontier: Frontier<EventTime>, out: &mut Port<P>)
    where
        P: Push<Rows<K, S::Row>, EventTime, ()>,
    {
        let Some(frontier) = self.windows.advance(port, frontier) else { return };
        if self.windows.is_due() {
            self.fire(out);
        }
        out.advance(frontier);
    }

    #[cold]
    #[inline(never)]
    fn fire<P>(&mut self, out: &mut Port<P>)
    where
        P: Push<Rows<K, S::Row>, EventTime, ()>,
    {
        while let Some((window, kept)) = self.windows.next_closed() {
            S::drain(kept, |(key, value)| {
                let data = Keyed { key, value: Pane::once(window, value) };
                out.push(Update { data, time: window.last(), diff: () });
            });
        }
    }
}

impl<K, L, R, A: Assigner, S: Keeps<K, L, R>> Operator for WindowJoin<K, L, R, A, S> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        self.windows.assigner.validate()
    }

    fn finish(&mut self) {}
}

impl<K, L, R, A, S> Durable for WindowJoin<K, L, R, A, S>
where
    K: Storable,
    A: Assigner,
    S: Keeps<K, L, R, Kept: ByKey<Key = K>>,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(&mut self.windows)
    }
}

impl<K, L, R, A: Assigner, S: Keeps<K, L, R>, Outs> Resume<Outs> for WindowJoin<K, L, R, A, S> {}

impl<K, L, R, A, S, P> Input<0, Keyed<K, L>, EventTime, (), (Port<P>,)> for WindowJoin<K, L, R, A, S>
where
    K: Key,
    L: Repeatable,
    A: Assigner,
    S: Joins<K, L, R>,
    P: Push<Rows<K, S::Row>, EventTime, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, L>, EventTime, ()>, _outs: &mut (Port<P>,), cx: &mut Cx) {
        let Keyed { key, value } = row.data;
        if !S::LEFT_ALONE && super::is_null(&key) {
            return cx.filtered();
        }
        self.windows.insert((key, value), row.time, |kept, (key, value)| S::push_left(kept, key, value), cx);
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<EventTime>, (out,): &mut (Port<P>,), _cx: &mut Cx) {
        self.advance_to(0, frontier, out);
    }
}

impl<K, L, R, A, S, P> Input<1, Keyed<K, R>, EventTime, (), (Port<P>,)> for WindowJoin<K, L, R, A, S>
where
    K: Key,
    R: Repeatable,
    A: Assigner,
    S: Joins<K, L, R>,
    P: Push<Rows<K, S::Row>, EventTime, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, R>, EventTime, ()>, _outs: &mut (Port<P>,), cx: &mut Cx) {
        let Keyed { key, value } = row.data;
        if !S::RIGHT_ALONE && super::is_null(&key) {
            return cx.filtered();
        }
        self.windows.insert((key, value), row.time, |kept, (key, value)| S::push_right(kept, key, value), cx);
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<EventTime>, (out,): &mut (Port<P>,), _cx: &mut Cx) {
        self.advance_to(1, frontier, out);
    }
}
