//! Fields that are frozen at a cut and written in slices behind it, with what has changed since the cut before.

use std::collections::HashSet;
use std::hash::Hash;

use super::arrivals::{self, Arrivals};
use super::loading::{NotLoaded, Saved};
use super::map::Map;
use super::part::Saving;
use super::shard::Shard;
use super::storable::Storable;
use super::{Bag, KeySlab, SameKey};

/// A field that is saved in slices.
pub(super) trait InSlices {
    /// What errors call it.
    type Type;

    /// Whether it can be loaded from what was saved of a large map.
    const READS_LOGS: bool = false;

    /// Freezes what has changed since the last cut, or everything; and writes as much of it as the budget allows.
    fn cut(&mut self, node: &str, field: &str, saving: &mut Saving);

    /// Writes more of what is frozen.
    fn slice(&mut self, saving: &mut Saving);

    /// Notes from now on what changes.
    fn track(&mut self) {}

    /// Adds what was saved; of a shard what belongs to it.
    fn load(&mut self, saved: Saved<'_>, shard: Option<Shard>) -> Result<(), NotLoaded>;

    /// What is here was loaded from this field as it was saved: the first cut goes on from there.
    fn goes_on(&mut self, node: &str, field: &str);
}

impl<K: Storable + Hash + Eq, V: Storable> InSlices for Map<K, V> {
    type Type = (K, V);

    fn cut(&mut self, node: &str, field: &str, saving: &mut Saving) {
        Map::cut(self, node, field, saving);
    }

    fn slice(&mut self, saving: &mut Saving) {
        Map::slice(self, saving);
    }

    fn track(&mut self) {
        Map::track(self);
    }

    fn load(&mut self, saved: Saved<'_>, shard: Option<Shard>) -> Result<(), NotLoaded> {
        match shard {
            None => Map::load(self, saved.stripes())?,
            Some(shard) => self.load_owned(saved.stripes(), shard, |_, _| Err(SameKey))?,
        }
        Ok(())
    }

    fn goes_on(&mut self, node: &str, field: &str) {
        Map::goes_on(self, node, field, 0);
    }
}

impl<K: Storable + Hash + Eq, V: Storable + Default> InSlices for KeySlab<K, V> {
    type Type = (K, V);

    fn cut(&mut self, node: &str, field: &str, saving: &mut Saving) {
        KeySlab::cut(self, node, field, saving);
    }

    fn slice(&mut self, saving: &mut Saving) {
        KeySlab::slice(self, saving);
    }

    fn track(&mut self) {
        KeySlab::track(self);
    }

    /// All of it, whatever the shard: places are not divided, but by their owner.
    fn load(&mut self, saved: Saved<'_>, _: Option<Shard>) -> Result<(), NotLoaded> {
        Ok(KeySlab::load(self, saved.stripes())?)
    }

    fn goes_on(&mut self, node: &str, field: &str) {
        KeySlab::goes_on(self, node, field, 0);
    }
}

impl<D: Storable> InSlices for Bag<D> {
    type Type = D;

    fn cut(&mut self, node: &str, field: &str, saving: &mut Saving) {
        Bag::cut(self, node, field, saving);
    }

    fn slice(&mut self, saving: &mut Saving) {
        Bag::slice(self, saving);
    }

    /// All of it, whatever the shard: as with a [`KeySlab`].
    fn load(&mut self, saved: Saved<'_>, _: Option<Shard>) -> Result<(), NotLoaded> {
        Ok(Bag::load(self, saved.stripes())?)
    }

    fn goes_on(&mut self, node: &str, field: &str) {
        Bag::goes_on(self, node, field, 0);
    }
}

/// A map of which it is known what two values of a key come to.
pub(super) struct Reduced<'m, K, V, F> {
    pub(super) values: &'m mut Map<K, V>,
    pub(super) reduce: F,
}

impl<K, V, F> InSlices for Reduced<'_, K, V, F>
where
    K: Storable + Hash + Eq,
    V: Storable,
    F: FnMut(&mut V, V),
{
    type Type = (K, V);

    fn cut(&mut self, node: &str, field: &str, saving: &mut Saving) {
        self.values.cut(node, field, saving);
    }

    fn slice(&mut self, saving: &mut Saving) {
        self.values.slice(saving);
    }

    fn track(&mut self) {
        self.values.track();
    }

    fn load(&mut self, saved: Saved<'_>, shard: Option<Shard>) -> Result<(), NotLoaded> {
        let Some(shard) = shard else { return Ok(self.values.load(saved.stripes())?) };
        let reduce = |known: &mut V, other| {
            (self.reduce)(known, other);
            Ok(())
        };
        Ok(self.values.load_owned(saved.stripes(), shard, reduce)?)
    }

    fn goes_on(&mut self, node: &str, field: &str) {
        self.values.goes_on(node, field, 0);
    }
}

#[cfg(feature = "lsm")]
impl<K: Storable + Hash + Eq, V: Storable> InSlices for super::LargeMap<K, V> {
    type Type = (K, V);
    const READS_LOGS: bool = true;

    fn cut(&mut self, node: &str, field: &str, saving: &mut Saving) {
        super::LargeMap::cut(self, node, field, saving);
    }

    fn slice(&mut self, saving: &mut Saving) {
        super::LargeMap::slice(self, saving);
    }

    fn track(&mut self) {
        super::LargeMap::track(self);
    }

    fn load(&mut self, saved: Saved<'_>, shard: Option<Shard>) -> Result<(), NotLoaded> {
        super::LargeMap::load(self, saved.since_full(), shard)
    }

    fn goes_on(&mut self, node: &str, field: &str) {
        super::LargeMap::goes_on(self, node, field, 0);
    }
}

/// A visit to things that come and stay, whose owner puts them where they belong.
pub(super) struct ArrivalsVisit<'r, E, K, V, A, W> {
    pub(super) arrivals: &'r mut Arrivals<E>,
    /// Gives all of them.
    pub(super) all: Option<A>,
    /// Writes one.
    pub(super) write: W,
    /// What was loaded.
    pub(super) loaded: Vec<(K, V)>,
    /// The keys of other shards.
    pub(super) known: HashSet<Vec<u8>>,
}

impl<E, K, V, A, W> InSlices for ArrivalsVisit<'_, E, K, V, A, W>
where
    K: Storable,
    V: Storable,
    A: FnOnce() -> Vec<E>,
    W: FnMut(&E, u32, &mut Vec<u8>),
{
    type Type = (K, V);

    fn cut(&mut self, node: &str, field: &str, saving: &mut Saving) {
        if let Some(all) = self.all.take() {
            self.arrivals.cut(node, field, saving, all);
            self.slice(saving);
        }
    }

    fn slice(&mut self, saving: &mut Saving) {
        self.arrivals.slice::<K, V>(saving, &mut self.write);
    }

    fn load(&mut self, saved: Saved<'_>, shard: Option<Shard>) -> Result<(), NotLoaded> {
        Ok(arrivals::load(saved.stripes(), shard, &mut self.known, &mut self.loaded)?)
    }

    fn goes_on(&mut self, node: &str, field: &str) {
        self.arrivals.goes_on(node, field, 0);
    }
}
