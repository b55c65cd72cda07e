//! All rows of one key, whenever they come.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use serde::{Deserialize, Serialize};

use crate::envelope::{Keyed, Update};
use crate::operator::{Cx, Durable, Input, Key, Node, Operator, Outcome, Repeatable, Resume};
use crate::port::{Edge, OnlyOut, Port, Push, inlets};
use crate::state::{Fields, KeyedRows, Mismatch, Storable};
use crate::time::{Frontier, Inputs as Frontiers, Timestamp, TotalOrder};

/// Pairs each row of `left` with each row of `right` that has its key: the regular join, without a window.
///
/// For streams that end, or of few rows: everything that came in is kept, and a key with many rows on both sides gives as many
/// pairs as the product. Where rows belong together by their times as well, [`interval_join`](super::interval_join()) and
/// [`window_join`](super::window_join()) forget; where only the newest of one side counts, [`enrich`](super::enrich()) does.
///
/// # Time and order
///
/// A pair comes out when the second of its rows comes, at the later of their times; of several at once by the arrival of the row
/// that was there. Nothing is late: a row behind the frontier is joined like any other, and its pairs may be behind it, too. The
/// frontier is that of both inputs together. Streams without time can be joined as well.
///
/// # State and cost
///
/// All rows of both sides, until the other side has ended. A row costs one look-up of its key; the rows of a side
/// stand in one vector, chained by key, without an allocation a key.
///
/// # Panics
///
/// Where one side has more than 2^32 - 1 rows.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     sellers  = from_iter([(1, "ada"), (2, "grace")]);
///     auctions = from_iter([(2, "compiler"), (1, "engine"), (2, "nanosecond"), (3, "abacus")]);
///     offers   = join();
///     sellers -> key_by(|seller| seller.0) -> offers.left;
///     auctions -> key_by(|auction| auction.0) -> offers.right;
///     offers -> map(|row| (row.value.0.1, row.value.1.1)) -> rows;
///     rows = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.rows, [("grace", "compiler"), ("ada", "engine"), ("grace", "nanosecond")]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "inner_join")]
#[doc(alias = "equi_join")]
pub fn join<K: Key, L: Repeatable, R: Repeatable, T: TotalOrder>(
    _left: Edge<Keyed<K, L>, T>,
    _right: Edge<Keyed<K, R>, T>,
) -> K::Node<L::Node<R::Node<Node<Join<K, L, R, T>, OnlyOut<Keyed<K, (L, R)>, T, ()>>>>> {
    with::<K, L, R, T>(inputs())
}

inlets! {
    /// The inputs of a [`join`](super::join()).
    Inputs { left: A @ 0, right: B @ 1 }
}

/// The input ports, as arrows name them.
#[doc(hidden)]
pub fn inputs<K, L, R, T: TotalOrder>() -> Inputs<Edge<Keyed<K, L>, T>, Edge<Keyed<K, R>, T>> {
    Inputs::new()
}

/// As [`join`](super::join()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Key, L: Repeatable, R: Repeatable, T: TotalOrder>(
    _inputs: Inputs<Edge<Keyed<K, L>, T>, Edge<Keyed<K, R>, T>>,
) -> K::Node<L::Node<R::Node<Node<Join<K, L, R, T>, OnlyOut<Keyed<K, (L, R)>, T, ()>>>>> {
    let join = Join {
        keys: HashTable::new(),
        hasher: FixedState::default(),
        left: Arena::new(),
        right: Arena::new(),
        inputs: Frontiers::new(2),
    };
    K::node(L::node(R::node(Node::new(join, OnlyOut::new()))))
}

/// See [`join`](super::join()).
#[derive(Clone, Debug)]
pub struct Join<K, L, R, T: Timestamp> {
    /// They stand in the table itself: a row costs one look-up, and it is mostly memory that it waits for.
    keys: HashTable<Newest<K>>,
    hasher: FixedState,
    left: Arena<K, L, T>,
    right: Arena<K, R, T>,
    inputs: Frontiers<T>,
}

/// A key, and where the newest of its rows are.
#[derive(Clone, Debug)]
struct Newest<K> {
    key: K,
    left: u32,
    right: u32,
}

/// No row.
const NONE: u32 = u32::MAX;

/// The rows of one side, each with the place of the one before it of its key: a row that comes is written without another
/// being looked at.
#[derive(Clone, Debug)]
struct Arena<K, D, T> {
    rows: KeyedRows<K, Link<D, T>>,
    /// The places of what is being given out.
    found: Vec<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Link<D, T> {
    data: D,
    time: T,
    /// It is found anew, by the key.
    #[serde(skip)]
    before: u32,
}

impl<K, D, T> Arena<K, D, T> {
    fn new() -> Self {
        Arena { rows: KeyedRows::new(), found: Vec::new() }
    }

    /// The place of the next row.
    #[inline(always)]
    fn next(&self) -> u32 {
        let place = u32::try_from(self.rows.len()).ok().filter(|&place| place != NONE);
        place.expect("at most 2^32 - 1 rows on one side of a join")
    }

    /// Adds a row to those of a key.
    #[inline(always)]
    fn push(&mut self, key: &K, newest: &mut u32, data: D, time: T)
    where
        K: Clone,
    {
        let before = std::mem::replace(newest, self.next());
        self.rows.push(key, Link { data, time, before });
    }

    /// Adds a row that was loaded.
    fn put(&mut self, newest: &mut u32, data: D, time: T) {
        let before = std::mem::replace(newest, self.next());
        self.rows.push_loaded(Link { data, time, before });
    }

    /// Gives out the rows of a key, in order of arrival; whether there are any.
    #[inline(always)]
    fn of(&mut self, newest: u32, mut give: impl FnMut(&D, &T)) -> bool {
        let Some(row) = self.rows.get(newest as usize) else { return false };
        if row.before != NONE {
            self.find_older(row.before);
            while let Some(place) = self.found.pop() {
                if let Some(row) = self.rows.get(place as usize) {
                    give(&row.data, &row.time);
                }
            }
        }
        if let Some(row) = self.rows.get(newest as usize) {
            give(&row.data, &row.time);
        }
        true
    }

    /// Notes the places of a row and of those before it.
    #[inline]
    fn find_older(&mut self, mut place: u32) {
        while let Some(row) = self.rows.get(place as usize) {
            self.found.push(place);
            place = row.before;
        }
    }
}

/// Where the rows of a key are.
#[inline(always)]
fn newest<'a, K: Hash + Eq>(
    keys: &'a mut HashTable<Newest<K>>,
    hasher: &FixedState,
    key: K,
) -> &'a mut Newest<K> {
    let hash = hasher.hash_one(&key);
    match keys.entry(hash, |newest| newest.key == key, |newest| hasher.hash_one(&newest.key)) {
        Entry::Occupied(found) => found.into_mut(),
        Entry::Vacant(vacant) => vacant.insert(Newest { key, left: NONE, right: NONE }).into_mut(),
    }
}

impl<K, L, R, T: Timestamp> Operator for Join<K, L, R, T> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn finish(&mut self) {}
}

impl<K, L, R, T> Durable for Join<K, L, R, T>
where
    K: Key + Storable,
    L: Storable,
    R: Storable,
    T: Timestamp + Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let Join { keys, hasher, left, right, inputs } = self;
        let all = |rows: &KeyedRows<K, Link<L, T>>| whose(rows, keys, |newest| newest.left);
        for (key, Link { data, time, .. }) in fields.keyed_rows("left", &mut left.rows, all)? {
            left.put(&mut newest(keys, hasher, key).left, data, time);
        }
        let all = |rows: &KeyedRows<K, Link<R, T>>| whose(rows, keys, |newest| newest.right);
        for (key, Link { data, time, .. }) in fields.keyed_rows("right", &mut right.rows, all)? {
            right.put(&mut newest(keys, hasher, key).right, data, time);
        }
        fields.shared("inputs", inputs, |inputs, other| inputs.meet(&other))
    }
}

/// The key of each row, out of a table of where those of each key are.
fn whose<K: Clone, D, T>(
    rows: &KeyedRows<K, Link<D, T>>,
    keys: &HashTable<Newest<K>>,
    side: impl Fn(&Newest<K>) -> u32,
) -> Vec<K> {
    let mut found = vec![None; rows.len()];
    for newest in keys {
        let mut place = side(newest);
        while let Some(row) = rows.get(place as usize) {
            found[place as usize] = Some(newest.key.clone());
            place = row.before;
        }
    }
    let found: Option<Vec<K>> = found.into_iter().collect();
    found.expect("each row is one of a key")
}

impl<K, L, R, T: Timestamp, Outs> Resume<Outs> for Join<K, L, R, T> {}

impl<K, L, R, T, S> Input<0, Keyed<K, L>, T, (), (Port<S>,)> for Join<K, L, R, T>
where
    K: Key,
    L: Repeatable,
    R: Repeatable,
    T: TotalOrder,
    S: Push<Keyed<K, (L, R)>, T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, L>, T, ()>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        let Update { data: Keyed { key, value }, time, .. } = row;
        let is_last = self.inputs.of(1).is_end();
        if super::is_null(&key) {
            return cx.filtered();
        }
        let newest = newest(&mut self.keys, &self.hasher, key);
        let is_matched = self.right.of(newest.right, |partner, partners_time| {
            let value = (value.clone(), partner.clone());
            let time = time.clone().max(partners_time.clone());
            out.push(Update { data: Keyed { key: newest.key.clone(), value }, time, diff: () });
        });
        if !is_last {
            self.left.push(&newest.key, &mut newest.left, value, time);
        }
        match (is_matched, is_last) {
            (true, _) => cx.passed(),
            (false, false) => cx.absorbed(),
            (false, true) => cx.filtered(),
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            self.right = Arena::new();
        }
        if let Some(frontier) = self.inputs.advance(0, frontier) {
            out.advance(frontier);
        }
    }
}

impl<K, L, R, T, S> Input<1, Keyed<K, R>, T, (), (Port<S>,)> for Join<K, L, R, T>
where
    K: Key,
    L: Repeatable,
    R: Repeatable,
    T: TotalOrder,
    S: Push<Keyed<K, (L, R)>, T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, R>, T, ()>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        let Update { data: Keyed { key, value }, time, .. } = row;
        let is_last = self.inputs.of(0).is_end();
        if super::is_null(&key) {
            return cx.filtered();
        }
        let newest = newest(&mut self.keys, &self.hasher, key);
        let is_matched = self.left.of(newest.left, |partner, partners_time| {
            let value = (partner.clone(), value.clone());
            let time = time.clone().max(partners_time.clone());
            out.push(Update { data: Keyed { key: newest.key.clone(), value }, time, diff: () });
        });
        if !is_last {
            self.right.push(&newest.key, &mut newest.right, value, time);
        }
        match (is_matched, is_last) {
            (true, _) => cx.passed(),
            (false, false) => cx.absorbed(),
            (false, true) => cx.filtered(),
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            self.left = Arena::new();
        }
        if let Some(frontier) = self.inputs.advance(1, frontier) {
            out.advance(frontier);
        }
    }
}
