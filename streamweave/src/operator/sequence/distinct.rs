//! The first of equal rows.

use std::hash::Hash;

use crate::operator::{Key, Node, View};
use crate::port::{Edge, OnlyOut};
use crate::state::{Fields, Map, Mismatch, OrderedMap, State, Storable};

use super::sift::{Sieve, Sift};

/// Passes the first of equal rows, in order of arrival; those after it are filtered out.
///
/// State grows with the number of different rows, each of which is kept, and never shrinks. Where a
/// part of the row tells it from others, [`distinct_by`] keeps that part alone; where equal rows are
/// neighbours, [`dedup`](super::dedup()) keeps one row.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     words = from_iter(["to", "be", "or", "not", "to", "be"]);
///     words -> distinct -> vocabulary;
///     vocabulary = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.vocabulary, ["to", "be", "or", "not"]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "unique")]
pub fn distinct<D: Key, T>(_input: Edge<D, T>) -> D::Node<Node<Sift<Distinct<D>>, OnlyOut<D, T, ()>>> {
    D::node(Node::new(Sift(Distinct { seen: Seen::new() }), OnlyOut::new()))
}

/// See [`distinct`].
#[derive(Clone, Debug)]
pub struct Distinct<D> {
    seen: Seen<D>,
}

impl<D: Hash + Eq + Clone> Sieve<D> for Distinct<D> {
    #[inline(always)]
    fn passes(&mut self, row: &D) -> bool {
        match &mut self.seen {
            Seen::Noted(seen) => {
                let mut new = false;
                seen.entry_ref(row, || new = true);
                new
            }
            Seen::Tracked(seen) => !seen.contains_key(row) && seen.insert(row.clone(), ()).is_none(),
        }
    }
}

impl<D: Storable + Hash + Eq> State for Distinct<D> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.map("seen", self.seen.tracked())
    }
}

/// What has come so far.
#[derive(Clone, Debug)]
enum Seen<K> {
    /// Where nothing is saved: in one table.
    Noted(OrderedMap<K, ()>),
    /// Where it is: so that a checkpoint writes what is new. Known before the first row comes.
    Tracked(Map<K, ()>),
}

impl<K> Seen<K> {
    fn new() -> Self {
        Seen::Noted(OrderedMap::default())
    }
}

impl<K: Hash + Eq> Seen<K> {
    fn tracked(&mut self) -> &mut Map<K, ()> {
        if let Seen::Noted(noted) = self {
            let mut seen = Map::new();
            noted.drain().for_each(|(key, ())| _ = seen.insert(key, ()));
            *self = Seen::Tracked(seen);
        }
        match self {
            Seen::Tracked(seen) => seen,
            Seen::Noted(_) => unreachable!("it was made so"),
        }
    }
}

/// Passes the first row of each key, in order of arrival; those after it are filtered out.
///
/// State grows with the number of keys and never shrinks; see [`distinct`].
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     visits = from_iter([("ada", "09:00"), ("alan", "09:05"), ("ada", "09:10")]);
///     visits -> distinct_by(|visit| visit.0) -> arrivals;
///     arrivals = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.arrivals, [("ada", "09:00"), ("alan", "09:05")]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "unique_by")]
pub fn distinct_by<D, T, K, F>(
    _input: Edge<D, T>,
    key: F,
) -> F::Node<K::Node<Node<Sift<DistinctBy<K, F>>, OnlyOut<D, T, ()>>>>
where
    K: Key,
    F: View<D, K>,
{
    F::node(K::node(Node::new(Sift(DistinctBy { seen: Seen::new(), key }), OnlyOut::new())))
}

/// See [`distinct_by`].
#[derive(Clone, Debug)]
pub struct DistinctBy<K, F> {
    seen: Seen<K>,
    key: F,
}

impl<K: Storable + Hash + Eq, F> State for DistinctBy<K, F> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.map("seen", self.seen.tracked())
    }
}

impl<D, K: Hash + Eq, F: FnMut(&D) -> K> Sieve<D> for DistinctBy<K, F> {
    #[inline(always)]
    fn passes(&mut self, row: &D) -> bool {
        let (key, mut new) = ((self.key)(row), false);
        match &mut self.seen {
            Seen::Noted(seen) => {
                seen.entry(key, || new = true);
            }
            Seen::Tracked(seen) => {
                seen.entry(key, || new = true);
            }
        }
        new
    }
}
