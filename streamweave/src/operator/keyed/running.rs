//! Running aggregates.

use std::hash::Hash;
use std::marker::PhantomData;

use crate::envelope::{Keyed, Update};
use crate::operator::aggregate::{Aggregate, Count, Folded, Max, Mean, Min, Sum};
use crate::operator::{
    Cx, Durable, Input, Key, Node, Operator, Ordered, Outcome, Resume, Step, Summand, passive,
};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::{Fields, Map, Mismatch, Storable};
use crate::time::{Frontier, Timestamp};

/// An aggregate for each key; see [`fold`].
#[derive(Clone, Debug)]
pub struct RunningByKey<K, V, G, I> {
    states: Map<K, G>,
    init: I,
    values: PhantomData<fn(V)>,
}

impl<K, V, G, I> Operator for RunningByKey<K, V, G, I> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Passed;

    fn finish(&mut self) {}
}

impl<K, V, G, I> Durable for RunningByKey<K, V, G, I>
where
    K: Storable + Hash + Eq,
    G: Storable + Aggregate<V>,
    I: FnMut() -> G,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.map("states", &mut self.states)?;
        if fields.is_loading() {
            self.states.complete(|_, state| state.adopt((self.init)()));
        }
        Ok(())
    }
}

impl<K, V, G, I, Outs> Resume<Outs> for RunningByKey<K, V, G, I> {}

impl<K, V, T, G, I, S> Input<0, Keyed<K, V>, T, (), (Port<S>,)> for RunningByKey<K, V, G, I>
where
    K: Hash + Eq + Clone,
    T: Timestamp,
    G: Aggregate<V>,
    I: FnMut() -> G,
    S: Push<Keyed<K, G::Output>, T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, V>, T, ()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let Update { data: Keyed { key, value }, time, diff } = row;
        let state = self.states.entry(key.clone(), &mut self.init);
        state.add(value);
        let value = state.output();
        out.pass(Update { data: Keyed { key, value }, time, diff });
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}

/// An aggregate over all rows; see [`running_fold`].
#[derive(Clone, Debug)]
pub struct Running<V, G> {
    state: G,
    values: PhantomData<fn(V)>,
}

passive!(Running<V, G>, Passed, keeps);

impl<V, G: Storable + Aggregate<V>> Durable for Running<V, G> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value_and("state", &mut self.state, Aggregate::adopt)
    }
}

impl<D, T, G, S> Input<0, D, T, (), (Port<S>,)> for Running<D, G>
where
    T: Timestamp,
    G: Aggregate<D>,
    S: Push<G::Output, T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, ()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let Update { data, time, diff } = row;
        self.state.add(data);
        out.pass(Update { data: self.state.output(), time, diff });
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}

/// What a running aggregate over each key emits: the key, and what its rows so far come to.
type ByKey<K, V, G, I, O, T> = Node<RunningByKey<K, V, G, I>, OnlyOut<Keyed<K, O>, T, ()>>;

fn by_key<K, V, T, G, I>(_input: Edge<Keyed<K, V>, T>, init: I) -> ByKey<K, V, G, I, G::Output, T>
where
    G: Aggregate<V>,
    I: FnMut() -> G,
{
    Node::new(RunningByKey { states: Map::new(), init, values: PhantomData }, OnlyOut::new())
}

fn over_all<D, T, G: Aggregate<D>>(
    _input: Edge<D, T>,
    state: G,
) -> Node<Running<D, G>, OnlyOut<G::Output, T, ()>> {
    Node::new(Running { state, values: PhantomData }, OnlyOut::new())
}

/// Folds the rows of each key; emits the state of the row's key after each row.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     sales = from_iter([("tea", 2), ("jam", 5), ("tea", 3)]);
///     sales -> key_by(|sale| sale.0) -> fold(|| 0, |total, sale| *total += sale.1)
///         -> map(|total| (total.key, total.value)) -> totals;
///     totals = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.totals, [("tea", 2), ("jam", 5), ("tea", 5)]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "reduce")]
pub fn fold<K, V, T, A, F>(
    input: Edge<Keyed<K, V>, T>,
    mut init: impl FnMut() -> A,
    step: F,
) -> K::Node<F::Node<ByKey<K, V, Folded<A, F>, impl FnMut() -> Folded<A, F>, A, T>>>
where
    K: Key,
    A: Clone,
    F: Step<A, V, ()> + Clone,
{
    K::node(F::node(by_key(input, move || Folded::new(init(), step.clone()))))
}

/// Counts the rows of each key.
pub fn count<K: Key, V, T>(
    input: Edge<Keyed<K, V>, T>,
) -> K::Node<ByKey<K, V, Count, fn() -> Count, u64, T>> {
    K::node(by_key::<K, V, T, Count, _>(input, Count::new))
}

/// Sums the values of each key; see [`Sum`] for overflow and NaN.
pub fn sum<K: Key, V: Summand, T>(
    input: Edge<Keyed<K, V>, T>,
) -> K::Node<V::Node<ByKey<K, V, Sum<V>, fn() -> Sum<V>, V::Sum, T>>> {
    K::node(V::node(by_key(input, Sum::new)))
}

/// Keeps the least value of each key; see [`Min`] for NaN.
pub fn min<K: Key, V: Ordered, T>(
    input: Edge<Keyed<K, V>, T>,
) -> K::Node<V::Node<ByKey<K, V, Min<V>, fn() -> Min<V>, V, T>>> {
    K::node(V::node(by_key(input, Min::new)))
}

/// Keeps the greatest value of each key; see [`Max`] for NaN.
pub fn max<K: Key, V: Ordered, T>(
    input: Edge<Keyed<K, V>, T>,
) -> K::Node<V::Node<ByKey<K, V, Max<V>, fn() -> Max<V>, V, T>>> {
    K::node(V::node(by_key(input, Max::new)))
}

/// Averages the values of each key; see [`Mean`] for overflow and NaN.
pub fn mean<K: Key, V: Summand, T>(
    input: Edge<Keyed<K, V>, T>,
) -> K::Node<V::Node<ByKey<K, V, Mean<V>, fn() -> Mean<V>, f64, T>>> {
    K::node(V::node(by_key(input, Mean::new)))
}

/// Folds all rows; emits the state after each.
#[doc(alias = "reduce")]
pub fn running_fold<D, T, A: Clone, F: Step<A, D, ()>>(
    input: Edge<D, T>,
    init: A,
    step: F,
) -> F::Node<Node<Running<D, Folded<A, F>>, OnlyOut<A, T, ()>>> {
    F::node(over_all(input, Folded::new(init, step)))
}

/// Counts all rows; emits the count after each.
pub fn running_count<D, T>(input: Edge<D, T>) -> Node<Running<D, Count>, OnlyOut<u64, T, ()>> {
    over_all(input, Count::new())
}

/// Sums all rows; see [`Sum`] for overflow and NaN.
pub fn running_sum<D: Summand, T>(
    input: Edge<D, T>,
) -> D::Node<Node<Running<D, Sum<D>>, OnlyOut<D::Sum, T, ()>>> {
    D::node(over_all(input, Sum::new()))
}

/// Keeps the least row; see [`Min`] for NaN.
pub fn running_min<D: Ordered, T>(input: Edge<D, T>) -> D::Node<Node<Running<D, Min<D>>, OnlyOut<D, T, ()>>> {
    D::node(over_all(input, Min::new()))
}

/// Keeps the greatest row; see [`Max`] for NaN.
pub fn running_max<D: Ordered, T>(input: Edge<D, T>) -> D::Node<Node<Running<D, Max<D>>, OnlyOut<D, T, ()>>> {
    D::node(over_all(input, Max::new()))
}

/// Averages all rows; see [`Mean`] for overflow and NaN.
pub fn running_mean<D: Summand, T>(
    input: Edge<D, T>,
) -> D::Node<Node<Running<D, Mean<D>>, OnlyOut<f64, T, ()>>> {
    D::node(over_all(input, Mean::new()))
}
