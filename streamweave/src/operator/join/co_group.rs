//! All rows of one key in the same window at once.

use crate::envelope::{Keyed, Update};
use crate::operator::window::{Assigner, Window};
use crate::operator::{
    Cause, CoGroups, Cx, Durable, Input, Key, Node, Operator, Outcome, Repeatable, Resume, Windowing,
};
use crate::port::{Edge, OnlyOut, Port, Push, inlets};
use crate::state::{Fields, Mismatch, Storable};
use crate::time::{EventTime, Frontier};

use super::sides::Sides;
use super::windows::Windows;

/// Calls a function with the rows of both inputs that are in one window and have one key, and emits each item of what it gives.
///
/// What a [`window_join`](super::window_join()) is made of: for joins of a kind of their own, for the best partner among many, for sums
/// over both sides. The function is called as `f(&key, window, lefts, rights)`, with two `Vec`s of which one may be empty, once
/// for each key and window in which there is a row.
///
/// Time, order, state and what is late are those of a [`window_join`](super::window_join()): windows fire by their ends, keys by first arrival, and
/// items are at the last time of the window. The rows are given by arrival. A row of a [null key](super) is by itself.
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
///     asked    = from_iter([(1, "ada"), (2, "ada"), (12, "bob")]);
///     answered = from_iter([(7, "ada"), (21, "bob")]);
///     open     = co_group(Tumbling::new(10.secs()), |name, _window, asked, answered| {
///         [(*name, asked.len() as i64 - answered.len() as i64)]
///     });
///     asked -> event_time(seconds, bounded(0.secs())) -> key_by(|row| row.1) -> open.left;
///     answered -> event_time(seconds, bounded(0.secs())) -> key_by(|row| row.1) -> open.right;
///     open -> rows;
///     rows = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.rows, [("ada", 1), ("bob", 1), ("bob", -1)]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn co_group<K: Key, L: Repeatable, R: Repeatable, A: Windowing, F, I: IntoIterator>(
    _left: Edge<Keyed<K, L>, EventTime>,
    _right: Edge<Keyed<K, R>, EventTime>,
    assigner: A,
    function: F,
) -> K::Node<L::Node<R::Node<A::Node<F::Node<Grouped<K, L, R, A, F, I>>>>>>
where
    F: CoGroups<K, L, R, I>,
{
    with::<K, L, R, A, F, I>(inputs(), assigner, function)
}

type Grouped<K, L, R, A, F, I> =
    Node<CoGroup<K, L, R, A, F>, OnlyOut<<I as IntoIterator>::Item, EventTime, ()>>;

inlets! {
    /// The inputs of a [`co_group`](super::co_group()).
    Inputs { left: A @ 0, right: B @ 1 }
}

/// The input ports, as arrows name them.
#[doc(hidden)]
pub fn inputs<K, L, R>() -> Inputs<Edge<Keyed<K, L>, EventTime>, Edge<Keyed<K, R>, EventTime>> {
    Inputs::new()
}

/// As [`co_group`](super::co_group()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Key, L: Repeatable, R: Repeatable, A: Windowing, F, I: IntoIterator>(
    _inputs: Inputs<Edge<Keyed<K, L>, EventTime>, Edge<Keyed<K, R>, EventTime>>,
    assigner: A,
    function: F,
) -> K::Node<L::Node<R::Node<A::Node<F::Node<Grouped<K, L, R, A, F, I>>>>>>
where
    F: CoGroups<K, L, R, I>,
{
    let group = CoGroup { windows: Windows::new(assigner), function };
    K::node(L::node(R::node(A::node(F::node(Node::new(group, OnlyOut::new()))))))
}

/// See [`co_group`](super::co_group()).
#[derive(Clone, Debug)]
pub struct CoGroup<K, L, R, A, F> {
    windows: Windows<A, Sides<K, L, R>>,
    function: F,
}

impl<K, L, R, A, F> CoGroup<K, L, R, A, F> {
    #[inline]
    fn advance_to<I, P>(&mut self, port: usize, frontier: Frontier<EventTime>, out: &mut Port<P>)
    where
        F: FnMut(&K, Window, Vec<L>, Vec<R>) -> I,
        I: IntoIterator,
        P: Push<I::Item, EventTime, ()>,
    {
        let Some(frontier) = self.windows.advance(port, frontier) else { return };
        if self.windows.is_due() {
            self.fire(out);
        }
        out.advance(frontier);
    }

    #[cold]
    #[inline(never)]
    fn fire<I, P>(&mut self, out: &mut Port<P>)
    where
        F: FnMut(&K, Window, Vec<L>, Vec<R>) -> I,
        I: IntoIterator,
        P: Push<I::Item, EventTime, ()>,
    {
        while let Some((window, sides)) = self.windows.next_closed() {
            sides.drain(|key, both, lefts, rights| {
                let (lefts, rights) = (lefts.take(both.lefts).collect(), rights.take(both.rights).collect());
                for data in (self.function)(&key, window, lefts, rights) {
                    out.push(Update { data, time: window.last(), diff: () });
                }
            });
        }
    }
}

impl<K, L, R, A: Assigner, F> Operator for CoGroup<K, L, R, A, F> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        self.windows.assigner.validate()
    }

    fn finish(&mut self) {}
}

impl<K, L, R, A, F> Durable for CoGroup<K, L, R, A, F>
where
    K: Key + Storable,
    L: Storable,
    R: Storable,
    A: Assigner,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(&mut self.windows)
    }
}

impl<K, L, R, A: Assigner, F, Outs> Resume<Outs> for CoGroup<K, L, R, A, F> {}

impl<K, L, R, A, F, I, P> Input<0, Keyed<K, L>, EventTime, (), (Port<P>,)> for CoGroup<K, L, R, A, F>
where
    K: Key,
    L: Repeatable,
    A: Assigner,
    F: FnMut(&K, Window, Vec<L>, Vec<R>) -> I,
    I: IntoIterator,
    P: Push<I::Item, EventTime, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, L>, EventTime, ()>, _outs: &mut (Port<P>,), cx: &mut Cx) {
        let Keyed { key, value } = row.data;
        self.windows.insert((key, value), row.time, |sides, (key, value)| sides.push_left(key, value), cx);
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<EventTime>, (out,): &mut (Port<P>,), _cx: &mut Cx) {
        self.advance_to(0, frontier, out);
    }
}

impl<K, L, R, A, F, I, P> Input<1, Keyed<K, R>, EventTime, (), (Port<P>,)> for CoGroup<K, L, R, A, F>
where
    K: Key,
    R: Repeatable,
    A: Assigner,
    F: FnMut(&K, Window, Vec<L>, Vec<R>) -> I,
    I: IntoIterator,
    P: Push<I::Item, EventTime, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, R>, EventTime, ()>, _outs: &mut (Port<P>,), cx: &mut Cx) {
        let Keyed { key, value } = row.data;
        self.windows.insert((key, value), row.time, |sides, (key, value)| sides.push_right(key, value), cx);
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<EventTime>, (out,): &mut (Port<P>,), _cx: &mut Cx) {
        self.advance_to(1, frontier, out);
    }
}
