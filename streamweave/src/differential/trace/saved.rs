//! Traces as they are saved by graphs that are divided anew, and as values: as the changes that they come to, whatever these stand in.
//!
//! A change is saved as key, value, rounds and multiplicity. What cancels out between batches may be among them; it goes when they are
//! loaded, into one batch. What is found in a trace depends on what it comes to alone, so that it is found after a restore as before.

use serde::de::Error;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Batch, Spine};
use crate::differential::consolidation::consolidate_rounds;
use crate::envelope::{Abelian, Keyed};
use crate::state::codec::encode;
use crate::state::{Fields, Mismatch, Owner, SameKey, Storable};
use crate::time::Rounds;

/// Changes out of several batches, and such as stand by themselves.
pub(in crate::differential) struct Changes<'a, K, V, P, R> {
    pub(in crate::differential) batches: Vec<&'a Batch<K, V, P, R>>,
    pub(in crate::differential) recent: &'a [(Keyed<K, V>, P, R)],
}

impl<K, V, P, R> Serialize for Changes<'_, K, V, P, R>
where
    K: Serialize + Ord + Clone,
    V: Serialize + Ord + Clone,
    P: Rounds,
    R: Serialize + Abelian,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let len = self.recent.len() + self.batches.iter().map(|batch| batch.len()).sum::<usize>();
        let mut changes = serializer.serialize_seq(Some(len))?;
        for batch in &self.batches {
            for (number, key) in batch.keys().iter().enumerate() {
                for place in batch.changes(number) {
                    let change = (key, batch.value(place), batch.rounds(place), batch.diff(place));
                    changes.serialize_element(&change)?;
                }
            }
        }
        for (row, rounds, diff) in self.recent {
            changes.serialize_element(&(&row.key, &row.value, rounds, diff))?;
        }
        changes.end()
    }
}

/// Visits a trace whose keys are those of its stream: in another number of shards it is what those come to together.
pub(in crate::differential) fn trace<K, V, P, R>(
    fields: &mut Fields<'_>,
    name: &str,
    trace: &mut Spine<K, V, P, R>,
) -> Result<(), Mismatch>
where
    K: Storable + Ord + Clone,
    V: Storable + Ord + Clone,
    P: Rounds,
    R: Storable + Abelian,
{
    let keep = |trace: &mut Spine<K, V, P, R>, owner: Owner| trace.retain(|key| owner.owns(key));
    fields.state_by_key(
        name,
        trace,
        |trace, owner| keep(trace, owner).map_err(|_| SameKey),
        |trace, other| trace.absorb(other).map_err(|_| SameKey),
    )
}

/// Visits a trace that is not divided: all but one of the shards that have saved it have to be empty, or the same.
pub(in crate::differential) fn undivided<K, V, P, R>(
    fields: &mut Fields<'_>,
    name: &str,
    trace: &mut Spine<K, V, P, R>,
) -> Result<(), Mismatch>
where
    K: Storable + Ord + Clone,
    V: Storable + Ord + Clone,
    P: Rounds,
    R: Storable + Abelian,
{
    let all = |trace: &Spine<K, V, P, R>| {
        let mut bytes = Vec::new();
        encode(&trace.changes(), &mut bytes);
        bytes
    };
    let unite = |trace: &mut Spine<K, V, P, R>, other: Spine<K, V, P, R>| {
        if trace.is_empty() {
            return trace.absorb(other).map_err(|_| SameKey);
        }
        if other.is_empty() || all(trace) == all(&other) { Ok(()) } else { Err(SameKey) }
    };
    fields.state_by_key(name, trace, |_, _| Ok(()), unite)
}

/// What was saved comes to these, added up.
pub(in crate::differential) struct Loaded<K, V, P, R>(pub(in crate::differential) Batch<K, V, P, R>);

impl<'de, K, V, P, R> Deserialize<'de> for Loaded<K, V, P, R>
where
    K: Deserialize<'de> + Ord + Clone,
    V: Deserialize<'de> + Ord + Clone,
    P: Rounds,
    R: Deserialize<'de> + Abelian,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let changes = Vec::<(K, V, P, R)>::deserialize(deserializer)?.into_iter();
        let mut changes =
            changes.map(|(key, value, rounds, diff)| (Keyed { key, value }, rounds, diff)).collect();
        consolidate_rounds(&mut changes)
            .map_err(|_| D::Error::custom("there are more rows of a key than can be counted"))?;
        Ok(Loaded(Batch::at_rounds(&mut changes)))
    }
}

impl<K, V, P, R> Serialize for Spine<K, V, P, R>
where
    K: Serialize + Ord + Clone,
    V: Serialize + Ord + Clone,
    P: Rounds,
    R: Serialize + Abelian,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.changes().serialize(serializer)
    }
}

impl<'de, K, V, P, R> Deserialize<'de> for Spine<K, V, P, R>
where
    K: Deserialize<'de> + Ord + Clone,
    V: Deserialize<'de> + Ord + Clone,
    P: Rounds,
    R: Deserialize<'de> + Abelian,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Loaded(batch) = Loaded::deserialize(deserializer)?;
        let mut spine = Spine::default();
        spine.add(batch).map_err(|_| D::Error::custom("the first batch is merged with none"))?;
        Ok(spine)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::differential::consolidation::consolidate;
    use crate::differential::oracle::Random;
    use crate::state::Loading;
    use crate::state::State;
    use crate::state::codec::{decode, encode};
    use crate::state::{Part, Saving};
    use crate::time::{LogicalTime, Nested};

    #[test]
    fn a_spine_that_was_saved_comes_to_what_it_came_to() {
        let mut random = Random::new(7);
        let mut spine = Spine::<u32, Option<u32>, ((), u32), i64>::default();
        for step in 0..4_000_u32 {
            let value = Some(random.below(3) as u32).filter(|value| *value > 0);
            let row = Keyed { key: random.below(300) as u32, value };
            let diff = [1, -1][random.below(2) as usize];
            spine.insert(((), random.below(3) as u32), &mut vec![(row, diff)]).expect("there is room");
            if step % 500 != 499 {
                continue;
            }
            let mut bytes = Vec::new();
            encode(&spine, &mut bytes);
            let loaded: Spine<u32, Option<u32>, ((), u32), i64> = decode(&bytes).expect("it was saved");
            assert!(loaded.len() <= spine.len());
            let (mut cursor, mut again) = (spine.cursor(), loaded.cursor());
            for key in 0..300 {
                let now = Nested { outer: LogicalTime(1), round: 1 };
                let found = [cursor.seek(&key, &now), again.seek(&key, &now)].map(|kept| {
                    let mut found = Vec::new();
                    let note = |value: &Option<u32>, rounds, diff: &i64| {
                        found.push((*value, rounds, *diff));
                        Some(())
                    };
                    kept.expect("there is room").try_each(note);
                    found
                });
                assert_eq!(found[0], found[1]);
            }
        }
    }

    type Trace = Spine<u32, u32, ((), u32), i64>;

    /// What the parts of checkpoints, one after the other, are loaded as.
    fn loaded(parts: &[Part]) -> Trace {
        let mut loading = Loading::of_one();
        for part in parts {
            let file = loading.file(part.bytes.clone());
            loading.piece(part, file, 0..part.bytes.len());
        }
        let mut spine = Trace::default();
        spine.fields(&mut Fields::load(&mut loading)).expect("the same type");
        spine
    }

    /// Its batches, and what came last, as they stand.
    fn shape(spine: &Trace) -> Vec<Vec<Change>> {
        let of = |batch: &Arc<Batch<u32, u32, ((), u32), i64>>| {
            let changes = batch.keys().iter().enumerate().flat_map(|(number, key)| {
                batch
                    .changes(number)
                    .map(|place| (*key, *batch.value(place), *batch.rounds(place), *batch.diff(place)))
            });
            changes.collect::<Vec<_>>()
        };
        spine.snapshot().iter().map(of).filter(|batch| !batch.is_empty()).collect()
    }

    type Change = (u32, u32, ((), u32), i64);

    fn random_changes(random: &mut Random) -> Vec<(Keyed<u32, u32>, i64)> {
        let many = if random.below(20) == 0 { 3_000 } else { 40 };
        let row =
            |random: &mut Random| Keyed { key: random.below(2_000) as u32, value: random.below(9) as u32 };
        let changes = 0..random.below(many);
        let mut changes: Vec<_> = changes.map(|_| (row(random), random.below(5) as i64 - 2)).collect();
        consolidate(&mut changes).expect("there is room");
        changes
    }

    /// Cuts a spine, writes slices while it changes, and gives what was written.
    fn saved(spine: &mut Trace, full: bool, number: u64, random: &mut Random) -> Vec<Part> {
        let mut saving = Saving { full, number, budget: 1, ..Saving::default() };
        spine.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
        let mut parts = saving.parts;
        let mut unfinished = !saving.unfinished.is_empty();
        while unfinished {
            insert(spine, random);
            let mut saving = Saving { budget: 1, ..Saving::default() };
            spine.fields(&mut Fields::slice(&mut saving)).expect("nothing is loaded");
            unfinished = !saving.unfinished.is_empty();
            parts.append(&mut saving.parts);
        }
        parts
    }

    fn insert(spine: &mut Trace, random: &mut Random) {
        let rounds = ((), random.below(2) as u32);
        spine.insert(rounds, &mut random_changes(random)).expect("there is room");
    }

    #[test]
    fn what_is_cut_while_it_is_merged_is_what_it_was_at_the_cut() {
        for seed in 0..6 {
            let mut random = Random::new(seed);
            let (mut spine, mut parts) = (Trace::default(), Vec::new());
            let mut number = 0;
            for cut in 0..25 {
                (0..random.below(60)).for_each(|_| insert(&mut spine, &mut random));
                let expected = shape(&spine);
                number += 1;
                let full = cut == 0 || random.below(8) == 0;
                if full {
                    parts.clear();
                }
                parts.extend(saved(&mut spine, full, number, &mut random));
                let restored = loaded(&parts);
                assert_eq!(shape(&restored), expected, "seed {seed}, cut {cut}");
                if random.below(5) == 0 {
                    (spine, number) = (restored, 0);
                }
            }
            assert!(spine.len() > 5_000);
        }
    }

    #[test]
    fn what_is_gone_from_a_trace_is_kept_until_it_is_written_and_no_longer() {
        let rows =
            |keys: std::ops::Range<u32>| keys.map(|key| (Keyed { key, value: 0 }, 1)).collect::<Vec<_>>();
        let mut random = Random::new(1);
        let mut spine = Trace::default();
        spine.insert(((), 0), &mut rows(0..700)).expect("there is room");
        let batch = Arc::downgrade(&spine.snapshot()[0]);
        let mut saving = Saving { full: true, number: 1, budget: 0, ..Saving::default() };
        spine.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
        // It becomes one with the other.
        spine.insert(((), 0), &mut rows(700..1_000)).expect("there is room");
        assert!(batch.strong_count() == 1 && shape(&spine).len() == 1);
        let mut slice = Saving { budget: 10_000, ..Saving::default() };
        spine.fields(&mut Fields::slice(&mut slice)).expect("nothing is loaded");
        assert_eq!(batch.strong_count(), 0);
        saving.parts.append(&mut slice.parts);
        assert_eq!(loaded(&saving.parts).len(), 700);
        saving.parts.extend(saved(&mut spine, false, 2, &mut random));
        assert_eq!(loaded(&saving.parts).len(), 1_000);
    }

    #[test]
    fn a_slice_writes_as_many_changes_as_it_may_and_a_chunk_more_at_most() {
        let mut spine = Trace::default();
        let mut rows = (0..50_000).map(|key| (Keyed { key, value: 0 }, 1)).collect();
        spine.insert(((), 0), &mut rows).expect("there is room");
        let mut saving = Saving { full: true, number: 1, budget: 4_096, ..Saving::default() };
        spine.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
        let mut slices = 1;
        while !saving.unfinished.is_empty() {
            saving = Saving { budget: 4_096, ..Saving::default() };
            spine.fields(&mut Fields::slice(&mut saving)).expect("nothing is loaded");
            slices += 1;
        }
        assert!((10..=14).contains(&slices), "{slices} slices");
    }

    #[test]
    fn a_trace_that_was_saved_as_a_value_is_loaded() {
        let mut random = Random::new(2);
        let mut spine = Trace::default();
        (0..50).for_each(|_| insert(&mut spine, &mut random));
        let mut saving = Saving { full: true, number: 1, budget: usize::MAX, ..Saving::default() };
        Fields::cut(&mut saving).whole(&mut spine.clone()).expect("nothing is loaded");
        assert_eq!(saving.parts.len(), 1);
        let [was, is] = [shape(&spine), shape(&loaded(&saving.parts))].map(|batches| {
            let changes = batches.into_iter().flatten();
            let mut changes: Vec<_> =
                changes.map(|(key, value, rounds, diff)| (Keyed { key, value }, rounds, diff)).collect();
            consolidate_rounds(&mut changes).expect("there is room");
            changes
        });
        assert!(was.len() > 500);
        assert_eq!(was, is);
    }
}
