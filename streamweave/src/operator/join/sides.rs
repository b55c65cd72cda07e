//! What a window keeps: the rows of both inputs, by key.

use std::hash::Hash;
use std::iter;

use serde::{Deserialize, Serialize};

use crate::state::{ArrivalMap, SameKey};

/// The rows of a window. Those of a side stand in one vector by arrival, chained by key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize, L: Serialize, R: Serialize",
    deserialize = "K: Deserialize<'de> + Hash + Eq, L: Deserialize<'de>, R: Deserialize<'de>"
))]
pub struct Sides<K, L, R> {
    keys: ArrivalMap<K, Both>,
    /// Rows of null keys: each is by itself.
    nulls: Vec<(K, Both)>,
    lefts: Rows<L>,
    rights: Rows<R>,
}

/// The rows of one key.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Both {
    pub(super) lefts: Chain,
    pub(super) rights: Chain,
}

impl<K, L, R> Default for Sides<K, L, R> {
    fn default() -> Self {
        let (lefts, rights) = (Rows::default(), Rows::default());
        Sides { keys: ArrivalMap::default(), nulls: Vec::new(), lefts, rights }
    }
}

impl<K: Hash + Eq, L, R> Sides<K, L, R> {
    /// Keeps a row of the left side.
    #[inline]
    pub(super) fn push_left(&mut self, key: K, row: L) {
        self.lefts.push(&mut both(&mut self.keys, &mut self.nulls, key).lefts, row);
    }

    /// Keeps a row of the right side.
    #[inline]
    pub(super) fn push_right(&mut self, key: K, row: R) {
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
        let Sides { keys, nulls, lefts, rights } = self;
        keys.drain().chain(nulls.drain(..)).for_each(|(key, both)| each(key, both, lefts, rights));
        lefts.0.clear();
        rights.0.clear();
    }
}

/// The rows of a window, to be divided by their keys among shards.
pub(crate) trait ByKey: Default {
    /// What the rows are together by.
    type Key;

    /// Whether there is no row.
    fn is_empty(&self) -> bool;

    /// Takes over the rows of another window whose keys are to be kept, behind its own.
    ///
    /// # Errors
    ///
    /// A key is in both.
    fn absorb(&mut self, other: Self, keep: impl FnMut(&Self::Key) -> bool) -> Result<(), SameKey>;
}

impl<K: Hash + Eq, L, R> ByKey for Sides<K, L, R> {
    type Key = K;

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.nulls.is_empty()
    }

    fn absorb(&mut self, mut other: Self, mut keep: impl FnMut(&K) -> bool) -> Result<(), SameKey> {
        let mut absorbed = Ok(());
        let Sides { keys, nulls, lefts, rights } = self;
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
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
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

/// The rows of one side.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "D: Serialize", deserialize = "D: Deserialize<'de>"))]
pub(super) struct Rows<D>(Vec<Row<D>>);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "D: Serialize", deserialize = "D: Deserialize<'de>"))]
struct Row<D> {
    /// `None` once it was taken.
    #[serde(with = "crate::state::maybe")]
    data: Option<D>,
    next: u32,
}

impl<D> Default for Rows<D> {
    fn default() -> Self {
        Rows(Vec::new())
    }
}

impl<D> Rows<D> {
    #[inline]
    fn push(&mut self, chain: &mut Chain, data: D) {
        let at = u32::try_from(self.0.len()).expect("at most 2^32 rows of a side in one window");
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
