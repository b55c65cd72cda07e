//! The first row of each key, by event time.

use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::lifetime::{Forever, Lifetime, Within};
use crate::envelope::{Keyed, Update};
use crate::operator::{Cause, Cx, Durable, Input, Key, Node, Operator, Outcome, Repeatable, Resume};
use crate::port::{Edge, OutLate, Port, Push};
use crate::state::{Divided, Fields, KeyMap, Mismatch, Owner, SameKey, Storable, TimeQueue};
use crate::time::{EventTime, Frontier, TimeDelta, TotalOrder};

type Changes<K, V, T> = OutLate<Keyed<K, V>, T, i64, Update<Keyed<K, V>, T>, (), ()>;
type Rows<K, V, T> = OutLate<Keyed<K, V>, T, (), Update<Keyed<K, V>, T>, (), ()>;

/// The first row of each key by event time, as changes; of rows at one time the one that came first (rule F1).
///
/// A row goes out when it comes. Where one turns up later that is earlier by its time, the first is taken back, at its
/// own time, and the earlier one put in its place. Only rows that the frontier has not passed can turn up, so what is taken
/// back never is behind the frontier, and the frontier is handed on as it comes. Rows behind it go to the port
/// `late`, unless their key has one at or before them: then they are filtered out like any other. For each key once, but
/// only when it is certain, there is [`when_final`](Node::when_final).
///
/// Keeps each key with its row, forever or for a [`ttl`](Node::ttl). A checkpoint writes the keys whose row has changed.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let mut changes = Vec::new();
/// graph! {
///     visits = from_iter([("ada", 5), ("bob", 6), ("ada", 7), ("ada", 3)]);
///     first = first_per_key();
///     visits -> event_time(|visit| EventTime::from_secs(visit.1), bounded(9.secs()))
///         -> key_by(|visit| visit.0) -> first
///         -> for_each_update(|change: Update<Keyed<_, (_, i64)>, EventTime, i64>| {
///             changes.push((change.data.key, change.data.value.1, change.diff));
///         });
///     first.late -> discard;
/// }
/// .run()
/// .await?;
/// assert_eq!(changes, [("ada", 5, 1), ("bob", 6, 1), ("ada", 5, -1), ("ada", 3, 1)]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "deduplicate")]
pub fn first_per_key<K: Key, V: Repeatable, T: TotalOrder>(
    _input: Edge<Keyed<K, V>, T>,
) -> K::Node<V::Node<Node<FirstPerKey<K, V, T, Forever>, Changes<K, V, T>>>> {
    K::node(V::node(Node::new(FirstPerKey(Firsts::new(Forever)), OutLate::new())))
}

impl<K, V> Node<FirstPerKey<K, V, EventTime, Forever>, Changes<K, V, EventTime>> {
    /// Forgets a key once the frontier is further than `time` beyond its row: its next row is a first one again.
    ///
    /// The boundary is inclusive: with a row at 10 and a ttl of 5 the key is known while the frontier is at most 15. What has
    /// gone out is not taken back. The key is forgotten whether or not anything comes for it.
    ///
    /// # Errors
    ///
    /// The graph is refused where `time` is below zero.
    #[must_use]
    pub fn ttl(
        self,
        time: TimeDelta,
    ) -> Node<FirstPerKey<K, V, EventTime, Within>, Changes<K, V, EventTime>> {
        Node::new(FirstPerKey(Firsts::new(Within(time))), OutLate::new())
    }
}

impl<K, V, T: TotalOrder, L: Lifetime<T>> Node<FirstPerKey<K, V, T, L>, Changes<K, V, T>> {
    /// Emits each key once, without diffs, as soon as the frontier is beyond its row and no earlier one can come.
    ///
    /// Rows come in the order of their times, then in order of arrival. Those that wait for the frontier are written at each checkpoint.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::prelude::*;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let result = graph! {
    ///     visits = from_iter([("ada", 5), ("bob", 4), ("ada", 7), ("ada", 3)]);
    ///     first = first_per_key().when_final();
    ///     visits -> event_time(|visit| EventTime::from_secs(visit.1), bounded(9.secs()))
    ///         -> key_by(|visit| visit.0) -> first -> map(|first| first.value) -> arrivals;
    ///     first.late -> discard;
    ///     arrivals = collect();
    /// }
    /// .run()
    /// .await?;
    /// assert_eq!(result.arrivals, [("ada", 3), ("bob", 4)]);
    /// # Ok::<(), streamweave::Error>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn when_final(self) -> Node<FinalFirstPerKey<K, V, T, L>, Rows<K, V, T>> {
        let firsts = Firsts::new(self.operator.0.lifetime);
        Node::new(FinalFirstPerKey { firsts, waiting: TimeQueue::new(), rows: 0 }, OutLate::new())
    }
}

/// The first row of each key so far; of its value `W` is kept.
#[derive(Clone, Debug)]
pub(crate) struct Firsts<K, W, T: TotalOrder, L> {
    keys: KeyMap<K, First<W, T>>,
    /// When to look whether a key can be forgotten: one entry a key.
    expiry: TimeQueue<K, T>,
    lifetime: L,
    frontier: Frontier<T>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct First<W, T> {
    time: T,
    kept: W,
}

/// What a row is to its key.
enum Place<W, T> {
    First,
    /// It takes the place of this one.
    Earlier(First<W, T>),
    Duplicate,
    Late,
}

impl<K, W, T: TotalOrder, L> Firsts<K, W, T, L> {
    fn new(lifetime: L) -> Self {
        let (keys, expiry) = (KeyMap::new(), TimeQueue::new());
        Firsts { keys, expiry, lifetime, frontier: Frontier::start() }
    }
}

/// When keys are forgotten is not saved: it follows from the lifetime, which may be another one after a restart (rule H13).
impl<K, W, T, L> Divided for Firsts<K, W, T, L>
where
    K: Storable + Hash + Eq + Clone,
    W: Storable,
    T: TotalOrder + Storable,
    L: Lifetime<T>,
{
    /// The keys, and how far the input has come.
    type Kept = (KeyMap<K, First<W, T>>, Frontier<T>);

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.map("keys", self.keys.tracked())?;
        fields.value("frontier", &mut self.frontier)?;
        if fields.is_loading() {
            self.set_expiry();
        }
        Ok(())
    }

    /// Only the keys of the shard are loaded.
    fn retain(&mut self, _owner: Owner) {}

    fn take(&mut self) -> Self::Kept {
        self.expiry = TimeQueue::new();
        let frontier = std::mem::replace(&mut self.frontier, Frontier::start());
        (std::mem::take(&mut self.keys), frontier)
    }

    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        self.frontier = Frontier::least(shards.iter().map(|(_, frontier)| frontier));
        for (keys, _) in shards {
            self.keys.absorb(keys)?;
        }
        self.set_expiry();
        Ok(())
    }
}

impl<K: Hash + Eq + Clone, W, T: TotalOrder, L: Lifetime<T>> Firsts<K, W, T, L> {
    fn set_expiry(&mut self) {
        self.expiry = TimeQueue::new();
        for (key, first) in self.keys.iter() {
            if let Some(until) = self.lifetime.until(&first.time) {
                self.expiry.push(until, (), key.clone());
            }
        }
    }

    fn enter(&mut self, key: &K, time: &T, keep: impl FnOnce() -> W) -> Place<W, T> {
        let is_late = self.frontier.closes(time);
        let until = |time: &T| self.lifetime.until(time);
        let first = || First { time: time.clone(), kept: keep() };
        let Some(known) = self.keys.get(key) else {
            if is_late {
                return Place::Late;
            }
            if let Some(until) = until(time) {
                self.expiry.push(until, (), key.clone());
            }
            self.keys.insert(key.clone(), first());
            return Place::First;
        };
        let is_forgotten = until(&known.time).is_some_and(|until| self.frontier.closes(&until));
        // It is only looked at: a duplicate, as most rows are, changes nothing that would have to be saved.
        if !is_forgotten && known.time <= *time {
            return Place::Duplicate;
        }
        if is_late {
            return Place::Late;
        }
        match self.keys.insert(key.clone(), first()) {
            Some(before) if !is_forgotten => Place::Earlier(before),
            _ => Place::First,
        }
    }

    /// Forgets the keys whose time is over.
    fn advance(&mut self, frontier: &Frontier<T>) {
        self.frontier = frontier.clone();
        while let Some((_, key)) = self.expiry.pop_closed(frontier) {
            let Some(place) = self.keys.find(&key) else { continue };
            match self.lifetime.until(&self.keys[place].time) {
                Some(until) if !frontier.closes(&until) => self.expiry.push(until, (), key),
                _ => _ = self.keys.remove_at(place),
            }
        }
    }
}

/// See [`first_per_key`].
#[derive(Clone, Debug)]
pub struct FirstPerKey<K, V, T: TotalOrder, L>(Firsts<K, V, T, L>);

impl<K, V, T: TotalOrder, L: Lifetime<T>> Operator for FirstPerKey<K, V, T, L> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        self.0.lifetime.validate()
    }

    fn finish(&mut self) {}
}

impl<K, V, T, L> Durable for FirstPerKey<K, V, T, L>
where
    K: Storable + Hash + Eq + Clone,
    V: Storable,
    T: TotalOrder + Storable,
    L: Lifetime<T>,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(&mut self.0)
    }
}

impl<K, V, T: TotalOrder, L: Lifetime<T>, Outs> Resume<Outs> for FirstPerKey<K, V, T, L> {}

impl<K, V, T, L, S, E> Input<0, Keyed<K, V>, T, (), (Port<S>, Port<E>)> for FirstPerKey<K, V, T, L>
where
    K: Hash + Eq + Clone,
    V: Clone,
    T: TotalOrder,
    L: Lifetime<T>,
    S: Push<Keyed<K, V>, T, i64>,
    E: Push<Update<Keyed<K, V>, T>, (), ()>,
{
    fn push(&mut self, row: Update<Keyed<K, V>, T>, (out, late): &mut (Port<S>, Port<E>), cx: &mut Cx) {
        match self.0.enter(&row.data.key, &row.time, || row.data.value.clone()) {
            Place::Duplicate => return cx.filtered(),
            Place::Late => {
                cx.late();
                return late.push(Update::from(row));
            }
            Place::First => {}
            Place::Earlier(First { time, kept }) => {
                let data = Keyed { key: row.data.key.clone(), value: kept };
                out.push(Update { data, time, diff: -1 });
            }
        }
        cx.passed();
        out.push(Update { data: row.data, time: row.time, diff: 1 });
    }

    fn advance(&mut self, frontier: Frontier<T>, (out, late): &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        self.0.advance(&frontier);
        if frontier.is_end() {
            late.advance(Frontier::end());
        }
        out.advance(frontier);
    }
}

/// See [`when_final`](Node::when_final).
#[derive(Clone, Debug)]
pub struct FinalFirstPerKey<K, V, T: TotalOrder, L> {
    /// Of each row its number is kept.
    firsts: Firsts<K, u64, T, L>,
    /// Rows that were the first of their key when they came.
    waiting: TimeQueue<(u64, Keyed<K, V>), T>,
    rows: u64,
}

impl<K, V, T: TotalOrder, L: Lifetime<T>> Operator for FinalFirstPerKey<K, V, T, L> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        self.firsts.lifetime.validate()
    }

    fn finish(&mut self) {}
}

impl<K, V, T, L> Durable for FinalFirstPerKey<K, V, T, L>
where
    K: Storable + Hash + Eq + Clone,
    V: Storable,
    T: TotalOrder + Storable,
    L: Lifetime<T>,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(self)
    }
}

impl<K, V, T, L> Divided for FinalFirstPerKey<K, V, T, L>
where
    K: Storable + Hash + Eq + Clone,
    V: Storable,
    T: TotalOrder + Storable,
    L: Lifetime<T>,
{
    /// The keys, the rows that wait, and how many there were that did.
    type Kept = (<Firsts<K, u64, T, L> as Divided>::Kept, TimeQueue<(u64, Keyed<K, V>), T>, u64);

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.firsts.visit(fields)?;
        // Those that the frontier has not passed.
        fields.value("waiting", &mut self.waiting)?;
        fields.value("rows", &mut self.rows)
    }

    fn retain(&mut self, owner: Owner) {
        self.firsts.retain(owner);
        self.waiting.retain(|(_, row)| owner.owns(&row.key));
    }

    fn take(&mut self) -> Self::Kept {
        (self.firsts.take(), std::mem::take(&mut self.waiting), std::mem::take(&mut self.rows))
    }

    /// The rows of a key tell each other by their numbers, and all of them come from one shard: those to come are numbered behind all of them.
    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        let mut firsts = Vec::with_capacity(shards.len());
        for (keys, waiting, rows) in shards {
            firsts.push(keys);
            self.waiting.absorb(waiting);
            self.rows = self.rows.max(rows);
        }
        self.firsts.unite(firsts)
    }
}

impl<K, V, T: TotalOrder, L: Lifetime<T>, Outs> Resume<Outs> for FinalFirstPerKey<K, V, T, L> {}

impl<K, V, T, L, S, E> Input<0, Keyed<K, V>, T, (), (Port<S>, Port<E>)> for FinalFirstPerKey<K, V, T, L>
where
    K: Hash + Eq + Clone,
    T: TotalOrder,
    L: Lifetime<T>,
    S: Push<Keyed<K, V>, T, ()>,
    E: Push<Update<Keyed<K, V>, T>, (), ()>,
{
    fn push(&mut self, row: Update<Keyed<K, V>, T>, (_, late): &mut (Port<S>, Port<E>), cx: &mut Cx) {
        match self.firsts.enter(&row.data.key, &row.time, || self.rows) {
            Place::Duplicate => cx.filtered(),
            Place::Late => {
                cx.late();
                late.push(Update::from(row));
            }
            Place::First | Place::Earlier(_) => {
                cx.absorbed();
                self.waiting.push(row.time, (), (self.rows, row.data));
                self.rows += 1;
            }
        }
    }

    fn advance(&mut self, frontier: Frontier<T>, (out, late): &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        while let Some((time, (number, data))) = self.waiting.pop_closed(&frontier) {
            // Unless an earlier one came meanwhile.
            if self.firsts.keys.get(&data.key).is_some_and(|first| first.kept == number) {
                out.push(Update { data, time, diff: () });
            }
        }
        self.firsts.advance(&frontier);
        if frontier.is_end() {
            late.advance(Frontier::end());
        }
        out.advance(frontier);
    }
}
