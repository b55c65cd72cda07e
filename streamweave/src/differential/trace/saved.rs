//! Traces as they are saved: as the changes that they come to, whatever these stand in.
//!
//! A change is saved as key, value, rounds and multiplicity. What cancels out between batches may be among them; it goes when they are
//! loaded, into one batch. What is found in a trace depends on what it comes to alone, so that it is found after a restore as before.

use serde::de::Error;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Batch, Spine};
use crate::differential::consolidation::consolidate_rounds;
use crate::envelope::{Abelian, Keyed};
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
    fields.by_key(
        name,
        trace,
        |_, _| {},
        |trace, owner| keep(trace, owner).map_err(|_| SameKey),
        |trace, other| trace.absorb(other).map_err(|_| SameKey),
    )
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
    use super::*;
    use crate::differential::oracle::Random;
    use crate::state::fields::{decode, encode};
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
}
