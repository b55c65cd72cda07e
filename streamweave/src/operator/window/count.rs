//! Windows of so many rows.

use std::collections::VecDeque;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::envelope::{Keyed, Update};
use crate::operator::aggregate::{Aggregate, Merge};
use crate::operator::{Aggregates, Cause, Cx, Durable, Input, Key, Node, Operator, Outcome, Resume};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::{Divided, Fields, KeyMap, Mismatch, Owner, SameKey, Storable};
use crate::time::{Frontier, TotalOrder};

use super::begin::Begin;

/// Sums up so many rows of each key at a time, in order of arrival, whatever their times.
///
/// What the rows come to goes out with the last of them, at the greatest time among them. What is left of a key at the end of
/// the stream goes out then, in the order in which the keys have begun. With [`every`](CountWindows::every) windows overlap: the
/// last `rows` rows, every so many.
///
/// It takes streams of any time, and of none. For windows that fire after so many rows, but end by time, there are
/// [triggers](super::rows). State: an aggregate for each key, and where windows overlap one for each step;
/// a checkpoint writes the keys of which rows have come.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     values = from_iter([1, 2, 3, 4, 5]);
///     values -> key_by(|_| "all") -> pairs;
///     values -> key_by(|_| "all") -> moving;
///     pairs  = count_windows(2).aggregate(Sum::new);
///     moving = count_windows(3).every(1).aggregate(Sum::new);
///     pairs -> map(|sum| sum.value as i64) -> sums;
///     moving -> map(|sum| sum.value as i64) -> last_three;
///     sums = collect();
///     last_three = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.sums, [3, 7, 5]);
/// assert_eq!(result.last_three, [1, 3, 6, 9, 12]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The graph is refused where a number of rows is zero.
#[doc(alias = "count_window")]
pub fn count_windows<K: Key, V, T: TotalOrder>(
    _input: Edge<Keyed<K, V>, T>,
    rows: usize,
) -> K::Node<CountWindows<K, V, T>> {
    K::node(CountWindows { rows, every: rows, types: PhantomData })
}

/// Windows of so many rows, before it is said what they come to; see [`count_windows`].
#[derive(Clone, Copy, Debug)]
pub struct CountWindows<K, V, T> {
    rows: usize,
    every: usize,
    types: PhantomData<fn(K, V, T)>,
}

impl<K, V, T: TotalOrder> CountWindows<K, V, T> {
    /// The last rows, every so many of the key; fewer at first, until there are as many.
    #[must_use]
    pub fn every(self, rows: usize) -> Self {
        CountWindows { every: rows, ..self }
    }

    /// Sums up the rows of each window with an [`Aggregate`] that is a [`Merge`], begun by `init`.
    pub fn aggregate<A, B, I>(
        self,
        init: I,
    ) -> A::Node<Node<CountAggregate<K, V, A, I, T>, OnlyOut<Keyed<K, B>, T, ()>>>
    where
        A: Aggregates<V, B>,
        I: FnMut() -> A,
    {
        let CountWindows { rows, every, .. } = self;
        let step = gcd(rows, every).max(1);
        let operator = CountAggregate {
            rows,
            every,
            step,
            init,
            keys: KeyMap::new(),
            begun: 0,
            spare: Vec::new(),
            came: None,
            values: PhantomData,
        };
        A::node(Node::new(operator, OnlyOut::new()))
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Windows of so many rows with an aggregate; see [`count_windows`].
#[derive(Clone, Debug)]
pub struct CountAggregate<K, V, A, I, T> {
    rows: usize,
    every: usize,
    /// How many rows are summed up together: both numbers are multiples.
    step: usize,
    init: I,
    keys: KeyMap<K, OfKey<A, T>>,
    /// How many keys have begun: those that were forgotten begin again.
    begun: u64,
    /// What keys that were forgotten have allocated, emptied.
    spare: Vec<VecDeque<(A, T)>>,
    /// The latest frontier: what is left at the end is not before it.
    came: Option<T>,
    values: PhantomData<fn(V)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OfKey<A, T> {
    /// The rows of the window, a step each; the last may lack some.
    steps: VecDeque<(A, T)>,
    /// How many rows the last one has.
    filled: usize,
    /// How many rows have come since the last window.
    since: usize,
    /// Which of the keys that have begun it is: what is left at the end goes out in this order.
    begun: u64,
}

impl<A, T: TotalOrder> OfKey<A, T> {
    fn add<V>(&mut self, value: V, time: T, step: usize, init: &mut impl Begin<A>)
    where
        A: Aggregate<V>,
    {
        if self.steps.is_empty() || self.filled == step {
            self.steps.push_back((init.begin(), time.clone()));
            self.filled = 0;
        }
        let (aggregate, latest) = self.steps.back_mut().expect("there is a last step");
        aggregate.add(value);
        if *latest < time {
            *latest = time;
        }
        self.filled += 1;
        self.since += 1;
    }

    /// Forgets all but the last steps.
    fn keep(&mut self, steps: usize) {
        while self.steps.len() > steps {
            self.steps.pop_front();
        }
    }

    /// What all steps come to, and their greatest time.
    fn output<V>(&self, init: &mut impl Begin<A>) -> Option<(A::Output, T)>
    where
        A: Aggregate<V> + Merge,
    {
        let latest = self.steps.iter().map(|(_, time)| time).max()?.clone();
        if let [(one, _)] = self.steps.as_slices().0
            && self.steps.len() == 1
        {
            return Some((one.output(), latest));
        }
        let mut all = init.begin();
        self.steps.iter().for_each(|(step, _)| all.merge(step));
        Some((all.output(), latest))
    }
}

impl<K, V, A, I, T> Operator for CountAggregate<K, V, A, I, T> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.rows == 0 || self.every == 0 {
            return Err(
                "a window of rows, and the rows from one to the next, must be above zero, found 0".into()
            );
        }
        Ok(())
    }

    fn finish(&mut self) {}
}

impl<K, V, A, I, T> Durable for CountAggregate<K, V, A, I, T>
where
    K: Storable + Hash + Eq,
    A: Storable + Aggregate<V>,
    I: Begin<A>,
    T: TotalOrder + Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(self)
    }
}

impl<K, V, A, I, T> Divided for CountAggregate<K, V, A, I, T>
where
    K: Storable + Hash + Eq,
    A: Storable + Aggregate<V>,
    I: Begin<A>,
    T: TotalOrder + Storable,
{
    /// How far the frontier has come, the keys, and how many have begun.
    type Kept = (Option<T>, KeyMap<K, OfKey<A, T>>, u64);

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.map("keys", self.keys.tracked())?;
        fields.value("begun", &mut self.begun)?;
        fields.value("came", &mut self.came)?;
        if fields.is_loading() {
            self.keys.tracked().complete(|_, of_key| {
                of_key.steps.iter_mut().for_each(|(aggregate, _)| aggregate.adopt(self.init.begin()));
            });
        }
        Ok(())
    }

    /// Only the keys of the shard are loaded.
    fn retain(&mut self, _owner: Owner) {}

    fn take(&mut self) -> Self::Kept {
        (self.came.take(), std::mem::take(&mut self.keys), std::mem::take(&mut self.begun))
    }

    /// The keys of one shard have begun after those of another.
    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        self.came = shards.iter().map(|(came, ..)| came.clone()).min().flatten();
        for (_, mut keys, begun) in shards {
            keys.tracked().complete(|_, of_key| of_key.begun += self.begun);
            self.keys.absorb(keys)?;
            self.begun += begun;
        }
        Ok(())
    }
}

impl<K, V, A, I, T, Outs> Resume<Outs> for CountAggregate<K, V, A, I, T> {}

impl<K, V, A, I, T, S> Input<0, Keyed<K, V>, T, (), (Port<S>,)> for CountAggregate<K, V, A, I, T>
where
    K: Hash + Eq + Clone,
    A: Aggregate<V> + Merge,
    I: Begin<A>,
    T: TotalOrder,
    S: Push<Keyed<K, A::Output>, T, ()>,
{
    #[inline]
    fn push(&mut self, row: Update<Keyed<K, V>, T, ()>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        cx.absorbed();
        let Keyed { key, value } = row.data;
        let (begun, spare) = (&mut self.begun, &mut self.spare);
        let place = self.keys.place(key, || {
            *begun += 1;
            OfKey { steps: spare.pop().unwrap_or_default(), filled: 0, since: 0, begun: *begun }
        });
        let (key, of_key) = self.keys.at_mut(place);
        of_key.add(value, row.time, self.step, &mut self.init);
        if of_key.since < self.every {
            return;
        }
        of_key.since = 0;
        of_key.keep(self.rows / self.step);
        if let Some((value, time)) = of_key.output(&mut self.init) {
            out.push(Update { data: Keyed { key: key.clone(), value }, time, diff: () });
        }
        // The next window begins so many rows further on.
        of_key.keep(self.rows.saturating_sub(self.every) / self.step);
        if of_key.steps.is_empty() {
            self.spare.push(self.keys.remove_at(place).steps);
        }
    }

    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        match frontier.time() {
            Some(time) => self.came = Some(time.clone()),
            None => self.emit_rest(out),
        }
        out.advance(frontier);
    }
}

impl<K: Hash + Eq + Clone, V, A, I, T: TotalOrder> CountAggregate<K, V, A, I, T> {
    /// Emits, at the end, for each key with rows since its last window, in the order in which they have begun.
    fn emit_rest<S>(&mut self, out: &mut Port<S>)
    where
        A: Aggregate<V> + Merge,
        I: Begin<A>,
        S: Push<Keyed<K, A::Output>, T, ()>,
    {
        let mut rest: Vec<_> = self.keys.iter().filter(|(_, of_key)| of_key.since > 0).collect();
        rest.sort_unstable_by_key(|(_, of_key)| of_key.begun);
        for (key, of_key) in rest {
            if let Some((value, time)) = of_key.output(&mut self.init) {
                let time = self.came.clone().map_or(time.clone(), |came| came.max(time));
                out.push(Update { data: Keyed { key: key.clone(), value }, time, diff: () });
            }
        }
    }
}
