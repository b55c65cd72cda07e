//! What a window keeps: the rows of both inputs, by key.

use std::hash::Hash;
use std::iter;

use serde::{Deserialize, Serialize};

use crate::state::records::record;
use crate::state::{ArrivalMap, Arrivals, Fields, Mismatch, Rest, SameKey, Storable};

/// The rows of a window. Those of a side stand in one vector by arrival, chained by key.
///
/// They are saved in one line, by arrival over both sides: put there anew one after the other, keys come in the same order.
#[derive(Clone, Debug)]
pub struct Sides<K, L, R> {
    keys: ArrivalMap<K, Both>,
    /// Rows of null keys: each is by itself.
    nulls: Vec<(K, Both)>,
    lefts: Rows<L>,
    rights: Rows<R>,
    /// Of each row that has yet to be saved its key and its place.
    arrivals: Arrivals<(K, Side<u32, u32>)>,
}

/// Something of one of both sides.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Side<L, R> {
    #[serde(rename = "l")]
    Left(L),
    #[serde(rename = "r")]
    Right(R),
}

/// The rows of one key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Both {
    pub(super) lefts: Chain,
    pub(super) rights: Chain,
}

impl<K, L, R> Default for Sides<K, L, R> {
    fn default() -> Self {
        let (lefts, rights) = (Rows::default(), Rows::default());
        Sides { keys: ArrivalMap::default(), nulls: Vec::new(), lefts, rights, arrivals: Arrivals::new() }
    }
}

impl<K: Hash + Eq + Clone, L, R> Sides<K, L, R> {
    /// Keeps a row of the left side.
    #[inline(always)]
    pub(super) fn push_left(&mut self, key: K, row: L) {
        if self.arrivals.is_tracked() {
            self.note(&key, Side::Left(self.lefts.next()));
        }
        self.lefts.push(&mut both(&mut self.keys, &mut self.nulls, key).lefts, row);
    }

    /// Keeps a row of the right side.
    #[inline(always)]
    pub(super) fn push_right(&mut self, key: K, row: R) {
        if self.arrivals.is_tracked() {
            self.note(&key, Side::Right(self.rights.next()));
        }
        self.rights.push(&mut both(&mut self.keys, &mut self.nulls, key).rights, row);
    }
}

#[inline(always)]
fn both<'a, K: Hash + Eq>(
    keys: &'a mut ArrivalMap<K, Both>,
    nulls: &'a mut Vec<(K, Both)>,
    key: K,
) -> &'a mut Both {
    if super::is_null(&key) {
        &mut nulls.push_mut((key, Both::default())).1
    } else {
        keys.entry(key, Both::default)
    }
}

impl<K, L, R> Sides<K, L, R> {
    /// Takes the keys, by first arrival, and then those that are null, each with the rows of both sides to find its own in. What
    /// was allocated stays for another window.
    pub(super) fn drain(&mut self, mut each: impl FnMut(K, Both, &mut Rows<L>, &mut Rows<R>)) {
        let Sides { keys, nulls, lefts, rights, .. } = self;
        keys.drain().chain(nulls.drain(..)).for_each(|(key, both)| each(key, both, lefts, rights));
        lefts.0.clear();
        rights.0.clear();
    }
}

impl<K: Clone, L, R> Sides<K, L, R> {
    /// Notes a row that is to be saved. It stands apart: where nothing is saved the way of a row is as short as it can be.
    #[cold]
    #[inline(never)]
    fn note(&mut self, key: &K, place: Side<u32, u32>) {
        self.arrivals.note((key.clone(), place));
    }

    /// The key and the place of each row, in an order in which keys come as they first came, and the rows of a key as they did.
    fn all(&self) -> Vec<(K, Side<u32, u32>)> {
        let nulls = self.nulls.iter().map(|(key, both)| (key, both));
        let of_key = |(key, both): (&K, &Both)| {
            let lefts = self.lefts.places(both.lefts).map(Side::Left);
            let places = lefts.chain(self.rights.places(both.rights).map(Side::Right));
            let key = key.clone();
            places.map(move |place| (key.clone(), place))
        };
        self.keys.iter().chain(nulls).flat_map(of_key).collect()
    }
}

impl<K: Serialize, L: Serialize, R: Serialize> Sides<K, L, R> {
    fn write(&self, (key, place): &(K, Side<u32, u32>), number: u32, bytes: &mut Vec<u8>) {
        let row = match *place {
            Side::Left(place) => Side::Left(self.lefts.at(place)),
            Side::Right(place) => Side::Right(self.rights.at(place)),
        };
        record(number, Some(key), &row, bytes);
    }
}

/// The rows of a window, to be saved, and to be divided by their keys among shards.
pub(crate) trait ByKey: Default {
    /// What the rows are together by.
    type Key;

    /// No row, in a graph that is saved.
    fn saved() -> Self;

    /// Visits the rows, which are saved in slices as they come, under this name.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    fn visit(&mut self, name: &str, fields: &mut Fields<'_>) -> Result<(), Mismatch>;

    /// The rows are about to go, and others to come for another window: what a cut has frozen of them, and no slice has written yet.
    fn leave(&mut self) -> Option<Rest>;

    /// Whether there is no row.
    fn is_empty(&self) -> bool;

    /// Takes over the rows of another window whose keys are to be kept, behind its own.
    ///
    /// # Errors
    ///
    /// A key is in both.
    fn absorb(&mut self, other: Self, keep: impl FnMut(&Self::Key) -> bool) -> Result<(), SameKey>;
}

impl<K: Storable + Hash + Eq + Clone, L: Storable, R: Storable> ByKey for Sides<K, L, R> {
    type Key = K;

    fn saved() -> Self {
        Sides { arrivals: Arrivals::tracked(), ..Sides::default() }
    }

    fn visit(&mut self, name: &str, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        let write = |arrival: &_, number, bytes: &mut _| self.write(arrival, number, bytes);
        let loaded = fields.arrivals(name, &mut arrivals, || self.all(), write)?;
        for (key, row) in loaded {
            match row {
                Side::Left(row) => self.push_left(key, row),
                Side::Right(row) => self.push_right(key, row),
            }
        }
        self.arrivals = arrivals;
        Ok(())
    }

    fn leave(&mut self) -> Option<Rest> {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        let rest =
            arrivals.empty::<K, Side<L, R>>(|arrival, number, bytes| self.write(arrival, number, bytes));
        self.arrivals = arrivals;
        rest
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.nulls.is_empty()
    }

    fn absorb(&mut self, mut other: Self, mut keep: impl FnMut(&K) -> bool) -> Result<(), SameKey> {
        let mut absorbed = Ok(());
        let Sides { keys, nulls, lefts, rights, arrivals } = self;
        // What comes in this way is not noted: the next cut asks for all.
        *arrivals = Arrivals::new();
        other.drain(|key, others, other_lefts, other_rights| {
            if !keep(&key) {
                return;
            }
            let both = both(keys, nulls, key);
            if !both.lefts.is_empty() || !both.rights.is_empty() {
                absorbed = Err(SameKey);
                return;
            }
            other_lefts.take(others.lefts).for_each(|row| lefts.push(&mut both.lefts, row));
            other_rights.take(others.rights).for_each(|row| rights.push(&mut both.rights, row));
        });
        absorbed
    }
}

/// Which rows of a side are those of a key: a ring, in which the first stands behind the last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chain {
    last: u32,
    len: u32,
}

impl Chain {
    pub(super) fn len(self) -> usize {
        self.len as usize
    }

    pub(super) fn is_empty(self) -> bool {
        self.len == 0
    }
}

const FEWER: &str = "at most 2^32 rows of a side in one window";

/// The rows of one side.
#[derive(Clone, Debug)]
pub(super) struct Rows<D>(Vec<Row<D>>);

#[derive(Clone, Debug)]
struct Row<D> {
    /// `None` once it was taken.
    data: Option<D>,
    next: u32,
}

impl<D> Default for Rows<D> {
    fn default() -> Self {
        Rows(Vec::new())
    }
}

impl<D> Rows<D> {
    /// The place of the next row.
    fn next(&self) -> u32 {
        u32::try_from(self.0.len()).expect(FEWER)
    }

    /// The row at a place.
    fn at(&self, place: u32) -> &D {
        self.0[place as usize].data.as_ref().expect("a row is taken once")
    }

    /// The places of the rows of a key, by arrival.
    fn places(&self, chain: Chain) -> impl Iterator<Item = u32> {
        let mut at = chain.last;
        (0..chain.len).map(move |_| {
            at = self.0[at as usize].next;
            at
        })
    }

    #[inline]
    fn push(&mut self, chain: &mut Chain, data: D) {
        let at = u32::try_from(self.0.len()).expect(FEWER);
        let next = match chain.len {
            0 => at,
            _ => std::mem::replace(&mut self.0[chain.last as usize].next, at),
        };
        self.0.push(Row { data: Some(data), next });
        *chain = Chain { last: at, len: chain.len + 1 };
    }

    /// The rows of a key, by arrival.
    #[inline]
    pub(super) fn get(&self, chain: Chain) -> impl Iterator<Item = &D> {
        let mut at = chain.last;
        (0..chain.len).map(move |_| {
            at = self.0[at as usize].next;
            self.0[at as usize].data.as_ref().expect("a row is taken once")
        })
    }

    /// Takes the rows of a key, by arrival.
    #[inline]
    pub(super) fn take(&mut self, chain: Chain) -> impl Iterator<Item = D> {
        let mut at = chain.last;
        (0..chain.len).map(move |_| {
            at = self.0[at as usize].next;
            self.0[at as usize].data.take().expect("a row is taken once")
        })
    }
}

/// Each row with its key, which is cloned for all but the last of them.
#[inline]
pub(super) fn with_key<K: Clone, B>(
    key: K,
    count: usize,
    rows: impl Iterator<Item = B>,
) -> impl Iterator<Item = (K, B)> {
    iter::repeat_n(key, count).zip(rows)
}
