//! Rows beside what a table says at the moment.

use std::hash::Hash;
use std::marker::PhantomData;

use crate::envelope::{Keyed, Update};
use crate::operator::{Cx, Durable, Input, Key, Node, Operator, Outcome, Repeatable, Resume};
use crate::port::{Edge, OnlyOut, Port, Push, inlets};
use crate::state::{Divided, Fields, KeyMap, Mismatch, Owner, SameKey, Storable, Waiting};
use crate::time::{Frontier, Timestamp, TotalOrder};

use super::shape::{Inner, LeftOuter, Lookup};

/// Puts beside each row of `left` the value of its key that came last at `right`, at the moment that the row comes.
///
/// For a table that hardly changes: names of numbers, prices of the day. What is joined depends on which row comes first, and so on
/// how fast the sources are: where it is to depend on times alone, [`as_of`](super::as_of()) waits for the value that
/// held at the time of the row. Where all of a table is to be there first, say [`table_first`](Node::table_first).
///
/// By itself the join is inner: a row that finds no value is filtered out; [`left_outer`](Node::left_outer) passes it on with
/// `None`.
///
/// # Time, order and state
///
/// Rows of `left` keep their order and their time, the frontier is that of `left`, and the stream ends with it. Any time will do, also
/// none. Nothing is late. The state is one value for each key of `right`; a row costs one look-up. A
/// checkpoint writes the values that have changed, and all that waits for [`table_first`](Node::table_first).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     flights = from_iter([("UA", 1545), ("ZZ", 1), ("AA", 1141)]);
///     names   = from_iter([("UA", "United"), ("AA", "American")]);
///     named   = enrich().left_outer().table_first();
///     flights -> key_by(|flight| flight.0) -> named.left;
///     names -> key_by(|name| name.0) -> named.right;
///     named -> map(|row| (row.value.0.1, row.value.1.map(|name| name.1))) -> rows;
///     rows = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.rows, [(1545, Some("United")), (1, None), (1141, Some("American"))]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "lookup_join")]
#[doc(alias = "stream_table_join")]
pub fn enrich<K: Key, L, R: Repeatable, T: TotalOrder>(
    _left: Edge<Keyed<K, L>, T>,
    _right: Edge<Keyed<K, R>, T>,
) -> K::Node<R::Node<Node<Enrich<K, L, R, T, Inner>, OnlyOut<Keyed<K, (L, R)>, T, ()>>>> {
    with::<K, L, R, T>(inputs())
}

inlets! {
    /// The inputs of [`enrich`](super::enrich()).
    Inputs { left: A @ 0, right: B @ 1 }
}

/// The input ports, as arrows name them.
#[doc(hidden)]
pub fn inputs<K, L, R, T: TotalOrder>() -> Inputs<Edge<Keyed<K, L>, T>, Edge<Keyed<K, R>, T>> {
    Inputs::new()
}

/// As [`enrich`](super::enrich()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Key, L, R: Repeatable, T: TotalOrder>(
    _inputs: Inputs<Edge<Keyed<K, L>, T>, Edge<Keyed<K, R>, T>>,
) -> K::Node<R::Node<Node<Enrich<K, L, R, T, Inner>, OnlyOut<Keyed<K, (L, R)>, T, ()>>>> {
    let enrich = Enrich {
        table: KeyMap::new(),
        waiting: Waiting::new(),
        is_table_first: false,
        left: Frontier::start(),
        is_table_complete: false,
        output: Frontier::start(),
        shape: PhantomData,
    };
    K::node(R::node(Node::new(enrich, OnlyOut::new())))
}

impl<K, L, R, T: TotalOrder> Node<Enrich<K, L, R, T, Inner>, OnlyOut<Keyed<K, (L, R)>, T, ()>> {
    /// Passes on rows that find no value, too.
    #[must_use]
    pub fn left_outer(self) -> Node<Enrich<K, L, R, T, LeftOuter>, OnlyOut<Keyed<K, (L, Option<R>)>, T, ()>> {
        let Enrich { table, waiting, is_table_first, left, is_table_complete, output, .. } = self.operator;
        let shape = PhantomData;
        let enrich = Enrich { table, waiting, is_table_first, left, is_table_complete, output, shape };
        Node::new(enrich, OnlyOut::new())
    }
}

impl<K, L, R, T: TotalOrder, S, P> Node<Enrich<K, L, R, T, S>, P> {
    /// Takes nothing of `left` until `right` has ended: the table is complete when the first row meets it.
    ///
    /// A source that leads to `left` waits. What comes there nevertheless, because it comes from a source that leads to
    /// `right`, too, waits in memory. Where `right` does not end nothing ever comes out.
    #[must_use]
    pub fn table_first(self) -> Self {
        Node { operator: Enrich { is_table_first: true, ..self.operator }, ..self }
    }
}

/// See [`enrich`](super::enrich()).
#[derive(Clone, Debug)]
pub struct Enrich<K, L, R, T: Timestamp, S> {
    table: KeyMap<K, R>,
    /// What came on the left before the table was complete, where it is to be.
    waiting: Waiting<Keyed<K, L>, T>,
    is_table_first: bool,
    left: Frontier<T>,
    is_table_complete: bool,
    output: Frontier<T>,
    shape: PhantomData<fn() -> S>,
}

impl<K: Key, L, R, T: TotalOrder, S: Lookup<L, R>> Enrich<K, L, R, T, S> {
    #[inline(always)]
    fn answer(&self, row: Update<Keyed<K, L>, T, ()>) -> Option<Update<Keyed<K, S::Row>, T, ()>> {
        let Update { data: Keyed { key, value }, time, diff } = row;
        let value = S::answer(value, self.table.get(&key))?;
        Some(Update { data: Keyed { key, value }, time, diff })
    }

    /// Advances the output as far as the left input and what waits allow.
    fn release<P: Push<Keyed<K, S::Row>, T, ()>>(&mut self, out: &mut Port<P>) {
        let allowed = if self.waiting.is_empty() {
            self.left.clone()
        } else {
            self.left.meet(&self.waiting.frontier())
        };
        if allowed.is_beyond(&self.output) {
            self.output = allowed.clone();
            out.advance(allowed);
        }
    }
}

impl<K, L, R, T: TotalOrder, S> Operator for Enrich<K, L, R, T, S> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn ready(&mut self, port: usize) -> bool {
        port == 1 || !self.is_table_first || self.is_table_complete
    }

    fn finish(&mut self) {}
}

impl<K, L, R, T, S> Durable for Enrich<K, L, R, T, S>
where
    K: Storable + Hash + Eq,
    L: Storable,
    R: Storable,
    T: TotalOrder + Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(self)
    }
}

/// How far the left input has come, whether the right one has ended, and how far the output has come.
type Come<T> = (Frontier<T>, bool, Frontier<T>);

impl<K, L, R, T, S> Divided for Enrich<K, L, R, T, S>
where
    K: Storable + Hash + Eq,
    L: Storable,
    R: Storable,
    T: TotalOrder + Storable,
{
    /// The table, and what waits for it.
    type Kept = (KeyMap<K, R>, Waiting<Keyed<K, L>, T>, Come<T>);

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.map("table", self.table.tracked())?;
        fields.value("waiting", &mut self.waiting)?;
        fields.value("left", &mut self.left)?;
        fields.value("is_table_complete", &mut self.is_table_complete)?;
        fields.value("output", &mut self.output)
    }

    /// Of the table only the keys of the shard are loaded.
    fn retain(&mut self, owner: Owner) {
        self.waiting.retain(|row| owner.owns(&row.key));
    }

    fn take(&mut self) -> Self::Kept {
        let table = std::mem::take(&mut self.table);
        let left = std::mem::replace(&mut self.left, Frontier::start());
        let output = std::mem::replace(&mut self.output, Frontier::start());
        let come = (left, std::mem::take(&mut self.is_table_complete), output);
        (table, std::mem::take(&mut self.waiting), come)
    }

    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        let come = || shards.iter().map(|(.., come)| come);
        self.left = Frontier::least(come().map(|(left, ..)| left));
        self.is_table_complete = !shards.is_empty() && come().all(|(_, is_complete, _)| *is_complete);
        self.output = Frontier::least(come().map(|(.., output)| output));
        for (table, waiting, _) in shards {
            self.table.absorb(table)?;
            self.waiting.absorb(waiting);
        }
        Ok(())
    }
}

impl<K, L, R, T: TotalOrder, S, Outs> Resume<Outs> for Enrich<K, L, R, T, S> {}

impl<K, L, R, T, S, P> Input<0, Keyed<K, L>, T, (), (Port<P>,)> for Enrich<K, L, R, T, S>
where
    K: Key,
    T: TotalOrder,
    S: Lookup<L, R>,
    P: Push<Keyed<K, S::Row>, T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, L>, T, ()>, (out,): &mut (Port<P>,), cx: &mut Cx) {
        if self.is_table_first && !self.is_table_complete {
            cx.absorbed();
            return self.waiting.push(row);
        }
        match self.answer(row) {
            Some(row) => {
                cx.passed();
                out.push(row);
            }
            None => cx.filtered(),
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<P>,), _cx: &mut Cx) {
        self.left = frontier;
        self.release(out);
    }
}

impl<K, L, R, T, S, P> Input<1, Keyed<K, R>, T, (), (Port<P>,)> for Enrich<K, L, R, T, S>
where
    K: Key,
    T: TotalOrder,
    S: Lookup<L, R>,
    P: Push<Keyed<K, S::Row>, T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, R>, T, ()>, _outs: &mut (Port<P>,), cx: &mut Cx) {
        let Keyed { key, value } = row.data;
        if super::is_null(&key) {
            return cx.filtered();
        }
        cx.absorbed();
        self.table.insert(key, value);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<P>,), _cx: &mut Cx) {
        if frontier.is_end() && !self.is_table_complete {
            self.is_table_complete = true;
            while let Some(row) = self.waiting.pop() {
                if let Some(row) = self.answer(row) {
                    out.push(row);
                }
            }
            // Its memory is not needed again.
            self.waiting.clear();
            self.release(out);
        }
    }
}
