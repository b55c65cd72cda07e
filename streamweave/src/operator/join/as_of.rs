//! Rows beside what a table said at their time.

use std::hash::Hash;
use std::marker::PhantomData;

use crate::envelope::{Keyed, Update};
use crate::operator::{Cause, Cx, Durable, Input, Key, Node, Operator, Outcome, Repeatable, Resume, View};
use crate::port::{Edge, OnlyOut, Port, Push, inlets};
use crate::state::{Divided, Due, Fields, KeyMap, Mismatch, Owner, SameKey, Storable};
use crate::time::{EventTime, Frontier, Inputs as Frontiers, TimeDelta};

use super::reach::{END, micros};
use super::shape::{Inner, LeftOuter, Lookup};
use super::versions::Versions;

/// Puts beside each row of `left` the version of its key at `right` that holds at its time: the greatest that is not later.
///
/// A row of `right` says what holds for its key from its time on: a price, a position, the weather. A row of `left` asks for it: a
/// *probe*. The answer depends on times alone, not on which came first; for the latest value that happens to be there,
/// whenever it is from, there is [`enrich`](super::enrich()).
///
/// By itself the join is inner: a probe without a version is dropped; [`left_outer`](Node::left_outer) passes it on with
/// `None`. A version that ends what held before is one that [`deleted_when`](Node::deleted_when) is true of. Of versions
/// at one time the last to arrive counts (rule E8).
///
/// # Time and order
///
/// A probe is answered once the frontiers of both inputs have passed its time, so that no version can come that would have held
/// (rule E7). Answers come in the order of the times of the probes, at these times; at one time by arrival. The frontier is
/// that of both inputs together. With [`table_first`](Node::table_first) nothing is waited for but the end of `right`.
///
/// # State, and what is late
///
/// The probes that wait; and for each key the newest version that the frontier has reached, and those after it. A key
/// goes with the deletion of it, once the frontier has passed that. Frontiers move this along, whether the key is
/// seen again or not. A checkpoint writes the keys whose versions have changed, and all probes that wait.
///
/// A probe behind the frontier of both inputs is late: what held at its time may be forgotten. [`retain`](Node::retain) and
/// [`retain_all`](Node::retain_all) remember for longer. A version behind it is late, too: probes may have been answered without
/// it. Late rows are counted and dropped.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let seconds = |row: &(i64, &str, i32)| EventTime::from_secs(row.0);
/// let result = graph! {
///     orders = from_iter([(3, "yarn", 10), (8, "yarn", 1), (5, "loom", 2)]);
///     prices = from_iter([(1, "yarn", 7), (4, "yarn", 8), (6, "loom", 900)]);
///     priced = as_of().left_outer();
///     orders -> event_time(seconds, bounded(5.secs())) -> key_by(|order| order.1) -> priced.left;
///     prices -> event_time(seconds, bounded(0.secs())) -> key_by(|price| price.1) -> priced.right;
///     priced -> map(|row| (row.key, row.value.1.map(|price| price.2 * row.value.0.2))) -> sums;
///     sums = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.sums, [("yarn", Some(70)), ("loom", None), ("yarn", Some(8))]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "temporal_join")]
#[doc(alias = "asof_join")]
pub fn as_of<K: Key, L, V: Repeatable>(
    _left: Edge<Keyed<K, L>, EventTime>,
    _right: Edge<Keyed<K, V>, EventTime>,
) -> K::Node<V::Node<Node<AsOf<K, L, V, Inner>, OnlyOut<Keyed<K, (L, V)>, EventTime, ()>>>> {
    with::<K, L, V>(inputs())
}

inlets! {
    /// The inputs of [`as_of`](super::as_of()).
    Inputs { left: A @ 0, right: B @ 1 }
}

/// The input ports, as arrows name them.
#[doc(hidden)]
pub fn inputs<K, L, V>() -> Inputs<Edge<Keyed<K, L>, EventTime>, Edge<Keyed<K, V>, EventTime>> {
    Inputs::new()
}

/// As [`as_of`](super::as_of()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Key, L, V: Repeatable>(
    _inputs: Inputs<Edge<Keyed<K, L>, EventTime>, Edge<Keyed<K, V>, EventTime>>,
) -> K::Node<V::Node<Node<AsOf<K, L, V, Inner>, OnlyOut<Keyed<K, (L, V)>, EventTime, ()>>>> {
    let never: fn(&V) -> bool = |_| false;
    let join = AsOf {
        table: Table { versions: KeyMap::new(), due: Due::default(), retain: Retain::For(TimeDelta::ZERO) },
        probes: Due::default(),
        inputs: Frontiers::new(2),
        come: i64::MIN.into(),
        is_table_first: false,
        is_deleted: never,
        output: Frontier::start(),
        shape: PhantomData,
    };
    K::node(V::node(Node::new(join, OnlyOut::new())))
}

impl<K, L, V, D> Node<AsOf<K, L, V, Inner, D>, OnlyOut<Keyed<K, (L, V)>, EventTime, ()>> {
    /// Passes on probes for which there is no version, too.
    #[must_use]
    pub fn left_outer(
        self,
    ) -> Node<AsOf<K, L, V, LeftOuter, D>, OnlyOut<Keyed<K, (L, Option<V>)>, EventTime, ()>> {
        let AsOf { table, probes, inputs, come, is_table_first, is_deleted, output, .. } = self.operator;
        let shape = PhantomData;
        let join = AsOf { table, probes, inputs, come, is_table_first, is_deleted, output, shape };
        Node::new(join, OnlyOut::new())
    }
}

impl<K, L, V, S, D, P> Node<AsOf<K, L, V, S, D>, P> {
    /// A version that this is true of says that from its time on nothing holds for its key.
    #[must_use]
    pub fn deleted_when<F: View<V, bool>>(self, is_deleted: F) -> F::Node<Node<AsOf<K, L, V, S, F>, P>> {
        let AsOf { table, probes, inputs, come, is_table_first, output, shape, .. } = self.operator;
        let operator = AsOf { table, probes, inputs, come, is_table_first, is_deleted, output, shape };
        F::node(Node { operator, ports: self.ports })
    }

    /// Remembers versions for longer by `delta`: a probe that is behind the frontier by at most as much is not late, and is answered at
    /// once.
    ///
    /// The output frontier stays behind by `delta`, so that such an answer is not late further down.
    ///
    /// # Errors
    ///
    /// The graph is refused where `delta` is below zero.
    #[must_use]
    pub fn retain(self, delta: TimeDelta) -> Self {
        self.map_table(|table| table.retain = Retain::For(delta))
    }

    /// Remembers every version: no probe is late, and the state grows with the versions.
    ///
    /// One behind the frontier is answered at once, and its answer is behind the frontier, too.
    #[must_use]
    pub fn retain_all(self) -> Self {
        self.map_table(|table| table.retain = Retain::All)
    }

    /// Takes nothing of `left` until `right` has ended, and remembers every version: for a table that is complete.
    ///
    /// Probes are then answered as they come, in their order and without waiting; none is late, wherever the frontier is, and
    /// nor is a version. The frontier is that of `left`. A source that leads to `left` waits; what comes there nevertheless, because it
    /// comes from a source that leads to `right`, too, waits in memory, and is answered by its time. Where
    /// `right` does not end nothing ever comes out.
    #[must_use]
    pub fn table_first(self) -> Self {
        let node = self.retain_all();
        Node { operator: AsOf { is_table_first: true, ..node.operator }, ports: node.ports }
    }

    fn map_table(mut self, f: impl FnOnce(&mut Table<K, V>)) -> Self {
        f(&mut self.operator.table);
        self
    }
}

/// See [`as_of`](super::as_of()).
#[derive(Clone, Debug)]
pub struct AsOf<K, L, V, S, D = fn(&V) -> bool> {
    table: Table<K, V>,
    /// Those that wait for the frontier, or for the table.
    probes: Due<EventTime, Keyed<K, L>>,
    inputs: Frontiers<EventTime>,
    /// How far both inputs together have come.
    come: i128,
    is_table_first: bool,
    is_deleted: D,
    output: Frontier<EventTime>,
    shape: PhantomData<fn() -> S>,
}

/// The versions of all keys.
#[derive(Clone, Debug)]
struct Table<K, V> {
    versions: KeyMap<K, Versions<V>>,
    /// From when on a key may have versions to forget: an entry a version. It is not saved: it follows from the versions, and from how
    /// long they are retained, which may be another time after a restart (rule H13).
    due: Due<EventTime, K>,
    retain: Retain,
}

/// For how long versions are remembered after another has taken their place.
#[derive(Clone, Copy, Debug)]
enum Retain {
    For(TimeDelta),
    All,
}

impl<K: Key, V> Table<K, V> {
    #[inline]
    fn at(&self, key: &K, time: EventTime) -> Option<&V> {
        self.versions.get(key)?.at(time)
    }

    fn insert(&mut self, key: K, time: EventTime, value: Option<V>) {
        if let Retain::For(_) = self.retain {
            self.due.push(time, key.clone());
        }
        self.versions.entry(key, Versions::default).insert(time, value);
    }

    /// Whether a probe behind the frontier can be answered still.
    fn remembers(&self, time: EventTime, come: i128) -> bool {
        self.retain.limit(come).is_none_or(|limit| limit != END && i128::from(time.micros()) >= limit)
    }

    /// Forgets what no probe can ask for any more.
    fn forget(&mut self, come: i128) {
        let Some(limit) = self.retain.limit(come) else { return };
        while self.due.time().is_some_and(|time| i128::from(time.micros()) <= limit) {
            let Some((_, key)) = self.due.pop() else { return };
            let Some(place) = self.versions.find(&key) else { continue };
            // The first version of a key takes nothing's place, and changes nothing that would have to be saved.
            if !self.versions[place].is_outdated(Retain::at(limit)) {
                continue;
            }
            let (_, versions) = self.versions.at_mut(place);
            versions.forget(Retain::at(limit));
            if versions.is_empty() {
                self.versions.remove_at(place);
            }
        }
    }
}

impl<K: Hash + Eq + Clone, V> Table<K, V> {
    /// Finds out when versions are to be forgotten.
    fn set_due(&mut self, come: i128) {
        self.due.clear();
        let Some(limit) = self.retain.limit(come) else { return };
        let keys = self.versions.iter();
        let due =
            keys.flat_map(|(key, versions)| versions.due(Retain::at(limit)).map(move |time| (time, key)));
        let mut due: Vec<(EventTime, &K)> = due.collect();
        // In their order they cost the queue nothing.
        due.sort_by_key(|(time, _)| *time);
        due.into_iter().for_each(|(time, key)| self.due.push(time, key.clone()));
    }
}

impl Retain {
    /// Versions that hold only before this are forgotten; `None` where none is.
    fn limit(self, come: i128) -> Option<i128> {
        match self {
            Retain::All => None,
            Retain::For(_) if come == END => Some(END),
            Retain::For(delta) => Some(come - i128::from(delta.micros())),
        }
    }

    /// A limit as a time.
    fn at(limit: i128) -> EventTime {
        EventTime::from_micros(limit.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }
}

impl<K: Key, L, V, S: Lookup<L, V>, D> AsOf<K, L, V, S, D> {
    #[inline]
    fn answer(
        table: &Table<K, V>,
        row: Keyed<K, L>,
        time: EventTime,
    ) -> Option<Update<Keyed<K, S::Row>, EventTime>> {
        let Keyed { key, value } = row;
        let value = S::answer(value, table.at(&key, time))?;
        Some(Update { data: Keyed { key, value }, time, diff: () })
    }

    /// Whether all probes that are before this have their answer in the table.
    fn answerable(&self) -> i128 {
        match self.is_table_first {
            true if self.inputs.of(1).is_end() => END,
            true => i64::MIN.into(),
            false => self.come,
        }
    }

    fn advance_to<P>(&mut self, port: usize, frontier: Frontier<EventTime>, out: &mut Port<P>)
    where
        P: Push<Keyed<K, S::Row>, EventTime, ()>,
    {
        self.inputs.advance(port, frontier);
        self.come = micros(self.inputs.frontier());
        let until = self.answerable();
        while self.probes.time().is_some_and(|time| i128::from(time.micros()) < until) {
            let Some((time, probe)) = self.probes.pop() else { break };
            if let Some(answer) = Self::answer(&self.table, probe, time) {
                out.push(answer);
            }
        }
        self.table.forget(self.come);
        let allowed = self.allowed();
        if allowed.is_beyond(&self.output) {
            self.output = allowed;
            out.advance(allowed);
        }
    }

    /// What may still come out is not before this.
    fn allowed(&self) -> Frontier<EventTime> {
        let left = *self.inputs.of(0);
        match (self.probes.time(), self.table.retain) {
            // Nobody is left who would ask.
            (None, _) if left.is_end() => Frontier::end(),
            (Some(&time), _) if self.is_table_first => left.meet(&Frontier::at(time)),
            (None, _) if self.is_table_first => left,
            (_, Retain::All) => *self.inputs.frontier(),
            (_, Retain::For(delta)) => self.inputs.frontier().map(|time| time - delta),
        }
    }
}

impl<K, L, V, S, D> Operator for AsOf<K, L, V, S, D> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        match self.table.retain {
            Retain::For(delta) if delta.is_negative() => {
                Err(format!("what `as_of` retains must not be below zero, found {} us", delta.micros())
                    .into())
            }
            _ => Ok(()),
        }
    }

    fn ready(&mut self, port: usize) -> bool {
        port == 1 || !self.is_table_first || self.inputs.of(1).is_end()
    }

    fn finish(&mut self) {}
}

impl<K, L, V, S, D> Durable for AsOf<K, L, V, S, D>
where
    K: Storable + Hash + Eq + Clone,
    L: Storable,
    V: Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(self)
    }
}

/// What is kept: the versions, the probes, and how far the inputs and the output have come.
type Kept<K, L, V> =
    (KeyMap<K, Versions<V>>, Due<EventTime, Keyed<K, L>>, Frontiers<EventTime>, Frontier<EventTime>);

impl<K, L, V, S, D> Divided for AsOf<K, L, V, S, D>
where
    K: Storable + Hash + Eq + Clone,
    L: Storable,
    V: Storable,
{
    type Kept = Kept<K, L, V>;

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.map("versions", self.table.versions.tracked())?;
        // As many as the inputs are apart, or as came before the table was complete.
        fields.value("probes", &mut self.probes)?;
        fields.value("inputs", &mut self.inputs)?;
        fields.value("output", &mut self.output)?;
        if fields.is_loading() {
            self.come = micros(self.inputs.frontier());
            self.table.set_due(self.come);
        }
        Ok(())
    }

    /// Of the versions only those of the shard are loaded.
    fn retain(&mut self, owner: Owner) {
        let probes = std::mem::take(&mut self.probes);
        self.probes = probes.filter_map(|probe| owner.owns(&probe.key).then_some(probe));
    }

    fn take(&mut self) -> Self::Kept {
        self.table.due.clear();
        let inputs = std::mem::replace(&mut self.inputs, Frontiers::new(2));
        let output = std::mem::replace(&mut self.output, Frontier::start());
        (std::mem::take(&mut self.table.versions), std::mem::take(&mut self.probes), inputs, output)
    }

    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        self.inputs = Frontiers::least(2, shards.iter().map(|(.., inputs, _)| inputs.clone()));
        self.come = micros(self.inputs.frontier());
        self.output = Frontier::least(shards.iter().map(|(.., output)| output));
        for (versions, probes, ..) in shards {
            self.table.versions.absorb(versions)?;
            self.probes.absorb(probes);
        }
        self.table.set_due(self.come);
        Ok(())
    }
}

impl<K, L, V, S, D, Outs> Resume<Outs> for AsOf<K, L, V, S, D> {}

impl<K, L, V, S, D, P> Input<0, Keyed<K, L>, EventTime, (), (Port<P>,)> for AsOf<K, L, V, S, D>
where
    K: Key,
    S: Lookup<L, V>,
    P: Push<Keyed<K, S::Row>, EventTime, ()>,
{
    #[inline]
    fn push(&mut self, row: Update<Keyed<K, L>, EventTime, ()>, (out,): &mut (Port<P>,), cx: &mut Cx) {
        let Update { data, time, .. } = row;
        if i128::from(time.micros()) >= self.answerable() {
            cx.absorbed();
            return self.probes.push(time, data);
        }
        if !self.table.remembers(time, self.come) {
            return cx.late();
        }
        match Self::answer(&self.table, data, time) {
            Some(answer) => {
                cx.passed();
                out.push(answer);
            }
            None => cx.filtered(),
        }
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<EventTime>, (out,): &mut (Port<P>,), _cx: &mut Cx) {
        self.advance_to(0, frontier, out);
    }
}

impl<K, L, V, S, D, P> Input<1, Keyed<K, V>, EventTime, (), (Port<P>,)> for AsOf<K, L, V, S, D>
where
    K: Key,
    S: Lookup<L, V>,
    D: FnMut(&V) -> bool,
    P: Push<Keyed<K, S::Row>, EventTime, ()>,
{
    #[inline]
    fn push(&mut self, row: Update<Keyed<K, V>, EventTime, ()>, _outs: &mut (Port<P>,), cx: &mut Cx) {
        let Update { data: Keyed { key, value }, time, .. } = row;
        if super::is_null(&key) || self.output.is_end() {
            return cx.filtered();
        }
        if !self.is_table_first && i128::from(time.micros()) < self.come {
            return cx.late();
        }
        cx.absorbed();
        let value = (!(self.is_deleted)(&value)).then_some(value);
        self.table.insert(key, time, value);
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<EventTime>, (out,): &mut (Port<P>,), _cx: &mut Cx) {
        self.advance_to(1, frontier, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: i64) -> EventTime {
        EventTime::from_micros(time)
    }

    /// The keys of a table, each with how many versions there are; none holds only before `limit`.
    fn known(table: &Table<char, u8>, limit: i128) -> Vec<(char, usize)> {
        assert!(!table.versions.iter().any(|(_, versions)| versions.is_outdated(Retain::at(limit))));
        let keys = table.versions.iter();
        let mut keys: Vec<_> =
            keys.map(|(key, versions)| (*key, versions.due(at(i64::MIN)).count())).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn h13_when_versions_are_forgotten_follows_from_them() {
        let retain = |micros| Retain::For(TimeDelta::from_micros(micros));
        let mut table = Table { versions: KeyMap::new(), due: Due::default(), retain: retain(5) };
        let rows =
            [('a', 1, Some(1)), ('a', 4, Some(2)), ('b', 2, None), ('c', 3, Some(1)), ('a', 20, Some(3))];
        for (key, time, value) in rows {
            table.insert(key, at(time), value);
        }
        let restored = |of: &Table<char, u8>, retain, come| {
            let mut table = Table { versions: of.versions.clone(), due: Due::default(), retain };
            table.set_due(come);
            table
        };
        let expected = [
            (6, vec![('a', 3), ('b', 1), ('c', 1)]),
            (7, vec![('a', 3), ('c', 1)]),
            (9, vec![('a', 2), ('c', 1)]),
            (24, vec![('a', 2), ('c', 1)]),
            (25, vec![('a', 1), ('c', 1)]),
        ];
        for (come, expected) in expected {
            // One that loaded what there was goes on in the same way.
            for mut table in [restored(&table, retain(5), come), restored(&table, retain(5), 0)] {
                table.forget(come);
                assert_eq!(known(&table, come - 5), expected, "at {come}");
            }
            table.forget(come);
            assert_eq!(known(&table, come - 5), expected, "at {come}");
        }
        // And one that retains them for another time, or did for good.
        table.insert('a', at(30), Some(4));
        let mut for_good = restored(&table, Retain::All, 40);
        for_good.forget(40);
        assert_eq!(known(&for_good, i64::MIN.into()), [('a', 2), ('c', 1)]);
        let mut for_less = restored(&for_good, retain(0), 40);
        for_less.forget(40);
        assert_eq!(known(&for_less, 40), [('a', 1), ('c', 1)]);
    }
}
