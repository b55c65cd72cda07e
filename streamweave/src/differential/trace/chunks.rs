//! Batches as they are saved: in chunks, of which only those of new batches are written.
//!
//! A batch never changes, so a checkpoint writes what has been merged or added since the one before. Batches are told apart by a number,
//! which each is given at the first cut that finds it. At a cut the chunks of new batches come into a [`Map`], and those of batches that
//! have gone leave it; slices write them while the graph goes on. A chunk is a range of its batch and holds no change itself: a batch that
//! is merged is gone from memory as soon as it is written. In a graph without checkpoints there are no chunks.

use std::collections::BTreeMap;
use std::mem::take;
use std::ops::Range;
use std::sync::{Arc, Weak};

use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Batch;
use crate::differential::consolidation::consolidate_rounds;
use crate::envelope::{Abelian, Keyed};
use crate::state::{Fields, Map, Mismatch, Storable};
use crate::time::Rounds;

/// So many changes are a chunk: as many entries of a map are written in some hundredth of a millisecond.
const CHUNK: usize = 1_024;

/// The batches of a collection, as they were at the last cut.
#[derive(Clone, Debug)]
pub(in crate::differential) struct Chunks<K, V, P, R> {
    batches: Vec<Numbered<K, V, P, R>>,
    /// The number of the next batch.
    next: u64,
    /// By the number of the batch, and the place in it.
    chunks: Map<(u64, u32), Chunk<K, V, P, R>>,
    /// What a cut has frozen, until it is written.
    frozen: Vec<Arc<Batch<K, V, P, R>>>,
}

#[derive(Clone, Debug)]
struct Numbered<K, V, P, R> {
    number: u64,
    batch: Weak<Batch<K, V, P, R>>,
    chunks: u32,
}

#[derive(Clone, Debug)]
enum Chunk<K, V, P, R> {
    Of(Weak<Batch<K, V, P, R>>, Range<usize>),
    /// Until it is put together with the others of its batch.
    Loaded(Vec<(K, V, P, R)>),
}

/// A batch that was loaded, and how many changes each of its chunks has.
type Pieces<K, V, P, R> = (Vec<(Keyed<K, V>, P, R)>, Vec<usize>);

impl<K, V, P, R> Default for Chunks<K, V, P, R> {
    fn default() -> Self {
        let chunks = Map::weighing(|chunk| match chunk {
            Chunk::Of(_, places) => places.len(),
            Chunk::Loaded(changes) => changes.len(),
        });
        Chunks { batches: Vec::new(), next: 0, chunks, frozen: Vec::new() }
    }
}

impl<K, V, P, R> Chunks<K, V, P, R>
where
    K: Storable + Ord + Clone,
    V: Storable + Ord + Clone,
    P: Rounds,
    R: Storable + Abelian,
{
    /// Takes over what the collection is at a cut, and gives the number of each batch. An empty one need not be among them.
    pub(in crate::differential) fn cut<'a>(
        &mut self,
        live: impl Iterator<Item = &'a Arc<Batch<K, V, P, R>>>,
    ) -> Vec<u64>
    where
        Batch<K, V, P, R>: 'a,
    {
        let live: Vec<_> = live.cloned().collect();
        let Chunks { batches, next, chunks, .. } = self;
        let is = |known: &Numbered<_, _, _, _>, batch: &Arc<_>| known.batch.as_ptr() == Arc::as_ptr(batch);
        batches.retain(|known| {
            let is_live = live.iter().any(|batch| is(known, batch));
            if !is_live {
                (0..known.chunks).for_each(|chunk| drop(chunks.remove(&(known.number, chunk))));
            }
            is_live
        });
        let mut numbers = Vec::with_capacity(live.len());
        for batch in &live {
            if let Some(known) = batches.iter().find(|known| is(known, batch)) {
                numbers.push(known.number);
                continue;
            }
            let (number, mut count) = (*next, 0);
            *next += 1;
            for start in (0..batch.len()).step_by(CHUNK) {
                let places = start..batch.len().min(start + CHUNK);
                chunks.insert((number, count), Chunk::Of(Arc::downgrade(batch), places));
                count += 1;
            }
            batches.push(Numbered { number, batch: Arc::downgrade(batch), chunks: count });
            numbers.push(number);
        }
        self.frozen = live;
        numbers
    }

    /// Visits the chunks: at a cut after [`cut`](Chunks::cut), and when loading before [`load`](Chunks::load).
    pub(in crate::differential) fn visit(
        &mut self,
        fields: &mut Fields<'_>,
        name: &str,
    ) -> Result<(), Mismatch> {
        let visited = fields.map(name, &mut self.chunks);
        if !self.chunks.is_frozen() {
            self.frozen = Vec::new();
        }
        visited
    }

    /// The batches that were loaded, by their numbers; the next cut goes on from there.
    ///
    /// # Errors
    ///
    /// Why they are none.
    pub(in crate::differential) fn load(
        &mut self,
    ) -> Result<BTreeMap<u64, Arc<Batch<K, V, P, R>>>, &'static str> {
        let mut loaded = BTreeMap::new();
        self.chunks.complete(|at, chunk| {
            if let Chunk::Loaded(changes) = chunk {
                loaded.insert(*at, take(changes));
            }
        });
        let mut pieces = BTreeMap::<u64, Pieces<K, V, P, R>>::new();
        for ((number, chunk), changes) in loaded {
            let (all, ends) = pieces.entry(number).or_default();
            if ends.len() != chunk as usize {
                return Err("a chunk of a batch is missing");
            }
            all.extend(
                changes.into_iter().map(|(key, value, rounds, diff)| (Keyed { key, value }, rounds, diff)),
            );
            ends.push(all.len());
        }
        let (mut batches, mut is_as_saved) = (BTreeMap::new(), true);
        for (&number, (changes, ends)) in &mut pieces {
            is_as_saved &= !put_in_order(changes)?;
            let batch = Arc::new(Batch::at_rounds(changes));
            let chunks =
                u32::try_from(ends.len()).map_err(|_| "there are more chunks than can be counted")?;
            self.batches.push(Numbered { number, batch: Arc::downgrade(&batch), chunks });
            batches.insert(number, batch);
        }
        if is_as_saved {
            self.next = batches.last_key_value().map_or(0, |(last, _)| last + 1);
            self.chunks.complete(|(number, chunk), entry| {
                let (ends, chunk) = (&pieces[number].1, *chunk as usize);
                let start = if chunk > 0 { ends[chunk - 1] } else { 0 };
                *entry = Chunk::Of(Arc::downgrade(&batches[number]), start..ends[chunk]);
            });
        } else {
            *self = Chunks::default();
        }
        Ok(batches)
    }
}

/// Consolidates changes that were saved, where they are not any more because their types have changed since: gives whether that was so.
pub(super) fn put_in_order<K: Ord + Clone, V: Ord + Clone, P: Rounds, R: Abelian>(
    changes: &mut Vec<(Keyed<K, V>, P, R)>,
) -> Result<bool, &'static str> {
    let is_in_order = changes
        .is_sorted_by(|(one, at, _), (other, others, _)| one.cmp(other).then_with(|| at.cmp(others)).is_lt());
    if !is_in_order {
        consolidate_rounds(changes).map_err(|_| "there are more rows of a key than can be counted")?;
    }
    Ok(!is_in_order)
}

/// A change is saved as key, value, rounds and multiplicity.
impl<K, V, P, R> Serialize for Chunk<K, V, P, R>
where
    K: Serialize + Ord + Clone,
    V: Serialize + Ord + Clone,
    P: Rounds,
    R: Serialize + Abelian,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (batch, places) = match self {
            Chunk::Of(batch, places) => (batch.upgrade().expect("what is frozen is held"), places.clone()),
            Chunk::Loaded(changes) => return changes.serialize(serializer),
        };
        let mut changes = serializer.serialize_seq(Some(places.len()))?;
        let mut number = batch.key_at(places.start);
        for place in places {
            while batch.changes(number).end <= place {
                number += 1;
            }
            let key = &batch.keys()[number];
            changes.serialize_element(&(key, batch.value(place), batch.rounds(place), batch.diff(place)))?;
        }
        changes.end()
    }
}

impl<'de, K, V, P, R> Deserialize<'de> for Chunk<K, V, P, R>
where
    K: Deserialize<'de>,
    V: Deserialize<'de>,
    P: Rounds,
    R: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Chunk::Loaded)
    }
}
