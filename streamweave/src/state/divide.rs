//! State by key, divided anew among shards (rules H9, H10).
//!
//! What a graph has saved in so many shards is loaded by each shard of another number of them: of each in turn it takes over the keys that
//! are its own. A [`Map`](super::Map) does that by itself. An operator whose state is more than maps is [`Divided`]: what one of the
//! old shards has saved is loaded as if it were all, the keys of others are forgotten, and what is left is taken out; at last
//! what was left of all is put together.

use super::codec::Unreadable;
use super::fields::{Fields, Pass};
use super::mismatch::Mismatch;
use super::shard::Shard;
use super::storable::Storable;
use super::{State, hash_of_key, stable_hash};

/// Why shards that keep the same key are refused.
pub(super) const SAME_KEY: &str = "two of the shards keep state of the same key, and nothing says what they come to together; a stream \
                                   without keys is not divided";

/// Of which keys the state is to stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner(Shard);

impl Owner {
    /// Whether a key belongs to this shard.
    pub(crate) fn owns<K: Storable>(self, key: &K) -> bool {
        self.0.owns(stable_hash(key))
    }

    /// Whether keys of this [stable hash](super::stable_hash()) belong to this shard.
    pub(crate) fn owns_hash(self, hash: u64) -> bool {
        self.0.owns(hash)
    }

    /// Whether a row belongs to this shard: by its key. One without a key belongs to all of them, which is to be refused when the shards are
    /// united.
    pub(crate) fn owns_row<D: Storable>(self, row: &D) -> bool {
        hash_of_key(row).is_none_or(|hash| self.0.owns(hash))
    }
}

/// One key has state in two of the shards: they cannot be put together. So it is where every shard has a state of its own, as of
/// a stream without keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SameKey;

/// An operator whose state follows its keys.
///
/// # Contract
///
/// 1. [`visit`](Divided::visit), [`retain`](Divided::retain), [`take`](Divided::take) are called in turn for each shard that has saved
///    something, and then [`unite`](Divided::unite), with what they gave, in the order of those shards.
/// 2. What the operator does for a key afterwards is what the shard would have done that had the key, but for the frontier: that of all is
///    the least of theirs. What depends on an order of arrival among keys takes the keys of one shard after those of another, or interleaves
///    them by their arrival: the same state is divided in the same way each time (rule Z1).
pub(crate) trait Divided {
    /// What is saved, taken out.
    type Kept;

    /// Visits all that is saved: what `Durable::fields` of an operator does that is not divided.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch>;

    /// Forgets the keys that belong to other shards, and what is to be done for them.
    fn retain(&mut self, owner: Owner);

    /// Takes out what was loaded; what is left is as if it was new.
    fn take(&mut self) -> Self::Kept;

    /// Takes over what is left of each shard; nothing was kept before.
    ///
    /// # Errors
    ///
    /// A key is in two of them.
    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey>;
}

impl Fields<'_> {
    /// Visits what follows its keys: one that loads takes those of its shard from all that was saved.
    ///
    /// # Errors
    ///
    /// What was saved is of another type, or a key is in two of the shards.
    pub(crate) fn divided<S: Divided>(&mut self, state: &mut S) -> Result<(), Mismatch> {
        let Pass::Load(loading) = &self.pass else { return state.visit(self) };
        let Some(shard) = loading.shard else { return state.visit(self) };
        let mut shards = Vec::new();
        for origin in 0..loading.origins.len() {
            self.only(Some(origin));
            let visited = state.visit(self);
            self.only(None);
            visited?;
            state.retain(Owner(shard));
            shards.push(state.take());
        }
        state.unite(shards).map_err(|SameKey| self.same_key::<S::Kept>())
    }

    /// As [`value_and`](Fields::value_and), for a value that is made of parts by key, which refer to no other: one that loads `keep`s what
    /// belongs to its shard of each, and `unite`s that.
    ///
    /// # Errors
    ///
    /// What was saved is of another type, or not to be divided. A value of which nothing was saved stays as it is.
    pub(crate) fn by_key<V: Storable + Default>(
        &mut self,
        name: &str,
        value: &mut V,
        adopts: impl FnOnce(&mut V, V),
        mut keep: impl FnMut(&mut V, Owner) -> Result<(), SameKey>,
        mut unite: impl FnMut(&mut V, V) -> Result<(), SameKey>,
    ) -> Result<(), Mismatch> {
        let Pass::Load(loading) = &self.pass else { return self.value_and(name, value, adopts) };
        let Some(shard) = loading.shard else { return self.value_and(name, value, adopts) };
        let (mut all, mut is_saved) = (V::default(), false);
        for origin in 0..loading.origins.len() {
            let mut loaded = V::default();
            self.only(Some(origin));
            let visited = self.value_and(name, &mut loaded, |_, _| is_saved = true);
            self.only(None);
            visited?;
            let kept = keep(&mut loaded, Owner(shard)).and_then(|()| unite(&mut all, loaded));
            kept.map_err(|SameKey| self.same_key::<V>())?;
        }
        if is_saved {
            let before = std::mem::replace(value, all);
            adopts(value, before);
        }
        Ok(())
    }

    /// As [`by_key`](Fields::by_key), for state of several fields, which is visited by name.
    ///
    /// # Errors
    ///
    /// What was saved is of another type, or not to be divided.
    pub(crate) fn state_by_key<S: State + Default>(
        &mut self,
        name: &str,
        state: &mut S,
        mut keep: impl FnMut(&mut S, Owner) -> Result<(), SameKey>,
        mut unite: impl FnMut(&mut S, S) -> Result<(), SameKey>,
    ) -> Result<(), Mismatch> {
        let Pass::Load(loading) = &self.pass else { return self.nested(name, state) };
        let Some(shard) = loading.shard else { return self.nested(name, state) };
        let mut all = S::default();
        for origin in 0..loading.origins.len() {
            let mut loaded = S::default();
            self.only(Some(origin));
            // All that this one has saved, whatever its maps are by.
            self.divides_by(None);
            let visited = self.nested(name, &mut loaded);
            self.divides_by(Some(shard));
            self.only(None);
            visited?;
            let kept = keep(&mut loaded, Owner(shard)).and_then(|()| unite(&mut all, loaded));
            kept.map_err(|SameKey| self.same_key::<S>())?;
        }
        *state = all;
        Ok(())
    }

    #[cold]
    fn same_key<V>(&self) -> Mismatch {
        self.here().mismatch::<V>("state by key", Unreadable::broken(SAME_KEY))
    }

    /// Lets a visit that loads take what belongs to a shard, or everything.
    fn divides_by(&mut self, shard: Option<Shard>) {
        if let Pass::Load(loading) = &mut self.pass {
            loading.shard = shard;
        }
    }

    /// Lets a visit that loads see what one of the shards has saved, or all again.
    fn only(&mut self, origin: Option<usize>) {
        if let Pass::Load(loading) = &mut self.pass {
            loading.only = origin;
        }
    }
}
