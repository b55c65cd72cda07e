//! One row in, any number of borrowed items out, straight into what gathers them.
//!
//! A borrowed value cannot cross an edge: edges carry owned rows. Where the items are slices of a
//! row (the words of a line) owning each of them costs an allocation an item; this operator fuses
//! the one that cuts with the one that gathers, so that an item is owned only where it is new.

use std::hash::Hash;

use crate::envelope::Update;
use crate::operator::{Cx, Input, Node, Operator, Outcome, Resume, durable};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::{OrderedMap, Storable};
use crate::time::{Frontier, Timestamp};

/// What gathers borrowed items, and gives rows at the end of the stream.
pub trait Gather {
    /// The rows that it gives.
    type Row;

    /// Everything gathered, in a fixed order.
    fn gathered(&mut self) -> impl Iterator<Item = Self::Row>;
}

/// Hands each row, borrowed, to `f` together with what `f` fills; emits what was gathered at the
/// end of the stream.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     lines = from_iter(["to be", "or not", "to be"]);
///     lines -> flat_map_ref(Tally::<String>::new(), |line, words| {
///         for word in line.split_whitespace() {
///             words.add(word);
///         }
///     }) -> counts;
///     counts = collect();
/// }
/// .run()
/// .await?;
/// let expected = [("to", 2), ("be", 2), ("or", 1), ("not", 1)];
/// assert_eq!(result.counts, expected.map(|(word, n)| (word.to_owned(), n)));
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn flat_map_ref<D, T, G, F>(
    _input: Edge<D, T>,
    gather: G,
    f: F,
) -> Node<FlatMapInto<G, F>, OnlyOut<G::Row, (), ()>>
where
    G: Gather,
    F: FnMut(&D, &mut G),
{
    Node::new(FlatMapInto { gather, f }, OnlyOut::new())
}

/// See [`flat_map_ref`].
#[derive(Clone, Debug)]
pub struct FlatMapInto<G, F> {
    gather: G,
    f: F,
}

impl<G, F> Operator for FlatMapInto<G, F> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn finish(&mut self) {}
}

durable!(FlatMapInto<G, F> where { G: Storable } keeps { gather });

impl<G, F, Outs> Resume<Outs> for FlatMapInto<G, F> {}

impl<D, T, G, F, S> Input<0, D, T, (), (Port<S>,)> for FlatMapInto<G, F>
where
    T: Timestamp,
    G: Gather,
    F: FnMut(&D, &mut G),
    S: Push<G::Row, (), ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut (Port<S>,), _cx: &mut Cx) {
        (self.f)(&row.data, &mut self.gather);
    }

    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            for row in self.gather.gathered() {
                out.push(Update::from(row));
            }
            out.advance(Frontier::end());
        }
    }
}

/// Counts distinct items; gives `(item, count)` in the order in which the items first came.
///
/// For texts [`TextTally`](super::TextTally) is faster.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(bound(serialize = "K: serde::Serialize", deserialize = "K: serde::Deserialize<'de> + Hash + Eq"))]
pub struct Tally<K> {
    counts: OrderedMap<K, u64>,
}

impl<K> Tally<K> {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Tally { counts: OrderedMap::default() }
    }
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Tally::new()
    }
}

impl<K: Hash + Eq> Tally<K> {
    /// Counts an item; it is owned only the first time.
    #[inline]
    pub fn add<Q>(&mut self, item: &Q)
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        *self.counts.entry_ref(item, || 0) += 1;
    }
}

impl<K> Gather for Tally<K> {
    type Row = (K, u64);

    fn gathered(&mut self) -> impl Iterator<Item = (K, u64)> {
        self.counts.drain()
    }
}
