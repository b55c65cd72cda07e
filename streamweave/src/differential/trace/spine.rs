//! A collection in a few batches.

use std::sync::Arc;

use super::merge::Merge;
use super::{Batch, Cursor};
use crate::envelope::Abelian;
use crate::time::Rounds;

/// Changes by key in a few batches, merged bit by bit as more come in: what has cancelled out goes, so that it is as large as
/// what is there, however often that has changed (rule G5).
///
/// # Contract
///
/// Level `i` has room for `FIRST * RATIO^i` changes. A batch comes to the first level that has room for it. Where there is one
/// already, both are merged; what is then too large for its level comes to the next. For every change that comes in, each
/// merge under way goes on by `PACE` changes, which is enough for it to be done when the next batch comes to its
/// level from the one below. So a change costs about `RATIO` copies a level in all, and no insertion of a few changes
/// costs more than a few thousand copies.
#[derive(Clone, Debug)]
pub struct Spine<K, V, P, R> {
    levels: Vec<Level<K, V, P, R>>,
    /// How far merges have to go on.
    owed: usize,
}

#[derive(Clone, Debug)]
enum Level<K, V, P, R> {
    Empty,
    Settled(Arc<Batch<K, V, P, R>>),
    Merging(Box<Merge<K, V, P, R>>),
}

const FIRST: usize = 128;
const RATIO: usize = 8;
const PACE: usize = RATIO + 3;
/// Merges go on when it is worth while.
const SLICE: usize = 1_024;

impl<K, V, P, R> Default for Spine<K, V, P, R> {
    fn default() -> Self {
        Spine { levels: Vec::new(), owed: 0 }
    }
}

impl<K, V, P, R> Spine<K, V, P, R> {
    /// The batches as they are now.
    pub fn batches(&self) -> impl Iterator<Item = &Arc<Batch<K, V, P, R>>> {
        self.levels.iter().flat_map(|level| match level {
            Level::Empty => &[],
            Level::Settled(batch) => std::slice::from_ref(batch),
            Level::Merging(merge) => merge.sides.as_slice(),
        })
    }

    /// How many changes are kept.
    pub fn len(&self) -> usize {
        self.batches().map(|batch| batch.len()).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.batches().next().is_none()
    }
}

impl<K: Ord + Clone, V: Ord + Clone, P: Rounds, R: Abelian> Spine<K, V, P, R> {
    /// What is kept, by key.
    #[inline]
    pub fn cursor(&self) -> Cursor<'_, K, V, P, R> {
        Cursor::new(self.batches().map(|batch| &**batch).collect())
    }

    /// Adds changes.
    ///
    /// # Errors
    ///
    /// A key of which there are more rows than can be counted (rule G4).
    pub fn insert(&mut self, batch: Arc<Batch<K, V, P, R>>) -> Result<(), K> {
        if batch.is_empty() {
            return Ok(());
        }
        self.owed += PACE * batch.len();
        self.place(batch, 0)?;
        if self.owed >= SLICE {
            self.work()?;
        }
        Ok(())
    }

    /// Puts a batch to the first level, from this one on, that has room for it.
    fn place(&mut self, mut batch: Arc<Batch<K, V, P, R>>, from: usize) -> Result<(), K> {
        let mut level = from;
        while batch.len() > room(level) {
            level += 1;
        }
        loop {
            if self.levels.len() <= level {
                self.levels.resize_with(level + 1, || Level::Empty);
            }
            match std::mem::replace(&mut self.levels[level], Level::Empty) {
                Level::Empty => {
                    self.levels[level] = Level::Settled(batch);
                    return Ok(());
                }
                Level::Settled(settled) => {
                    let mut merge = Box::new(Merge::new(settled, batch));
                    if level > 0 {
                        self.levels[level] = Level::Merging(merge);
                        return Ok(());
                    }
                    merge.work(usize::MAX)?;
                    self.settle(merge, level)?;
                    return Ok(());
                }
                // More came at once than was worked for.
                Level::Merging(mut merge) => {
                    merge.work(usize::MAX)?;
                    let merged =
                        merge.into_done().unwrap_or_else(|_| unreachable!("all of it was worked on"));
                    if merged.len() <= room(level) {
                        self.levels[level] = Level::Settled(Arc::new(merged));
                    } else {
                        self.levels[level] = Level::Settled(std::mem::replace(&mut batch, Arc::new(merged)));
                        level += 1;
                    }
                }
            }
        }
    }

    /// Lets all merges go on.
    fn work(&mut self) -> Result<(), K> {
        let amount = std::mem::take(&mut self.owed);
        // The largest first: what is done comes to a level that is done, too.
        for level in (0..self.levels.len()).rev() {
            if let Level::Merging(_) = self.levels[level]
                && let Level::Merging(mut merge) = std::mem::replace(&mut self.levels[level], Level::Empty)
            {
                merge.work(amount)?;
                self.settle(merge, level)?;
            }
        }
        Ok(())
    }

    /// Puts what has been merged where it belongs, if it is done.
    fn settle(&mut self, merge: Box<Merge<K, V, P, R>>, level: usize) -> Result<(), K> {
        match merge.into_done() {
            Err(merge) => self.levels[level] = Level::Merging(merge),
            Ok(merged) if merged.is_empty() => {}
            Ok(merged) if merged.len() <= room(level) => {
                self.levels[level] = Level::Settled(Arc::new(merged))
            }
            Ok(merged) => return self.place(Arc::new(merged), level + 1),
        }
        Ok(())
    }
}

/// How many changes a level has room for.
fn room(level: usize) -> usize {
    FIRST.saturating_mul(RATIO.saturating_pow(level as u32))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::differential::oracle::Random;
    use crate::envelope::Keyed;
    use crate::time::{LogicalTime, Nested};

    type Model = BTreeMap<u32, BTreeMap<(u32, ((), u32)), i64>>;

    /// Any changes, a few or many at once.
    fn random_changes(random: &mut Random, keys: u64) -> Vec<(Keyed<u32, u32>, ((), u32), i64)> {
        let many = if random.below(40) == 0 { 3_000 } else { 12 };
        let changes = 0..random.below(many);
        let change = |random: &mut Random| {
            let row = Keyed { key: random.below(keys) as u32, value: random.below(3) as u32 };
            (row, ((), random.below(2) as u32), random.below(5) as i64 - 2)
        };
        changes.map(|_| change(random)).collect()
    }

    #[test]
    fn a_spine_comes_to_what_was_put_in() {
        for (seed, keys) in (0..6).zip([2, 700, 20_000].into_iter().cycle()) {
            let random = &mut Random::new(seed);
            let (mut spine, mut model) = (Spine::default(), Model::new());
            for _ in 0..600 {
                let changes = random_changes(random, keys);
                for &(row, rounds, diff) in &changes {
                    *model.entry(row.key).or_default().entry((row.value, rounds)).or_default() += diff;
                }
                let batch = Batch::at_rounds(changes).expect("there is room");
                spine.insert(Arc::new(batch)).expect("there is room");
                let mut cursor = spine.cursor();
                let mut key = 0;
                while key < keys as u32 {
                    let kept = cursor.seek_all(&key).expect("there is room");
                    let kept: Vec<_> =
                        kept.iter().map(|&(value, rounds, diff)| ((*value, rounds), diff)).collect();
                    let expected = model.get(&key).into_iter().flatten();
                    let expected =
                        expected.map(|(&value, &diff)| (value, diff)).filter(|change| change.1 != 0);
                    assert_eq!(kept, expected.collect::<Vec<_>>(), "seed {seed}, key {key}");
                    key += 1 + random.below(keys / 2) as u32;
                }
            }
        }
    }

    #[test]
    fn a_key_is_found_from_wherever_it_is_sought() {
        let rows = (0..2_000).map(|key| (Keyed { key: 2 * key, value: () }, 1)).collect::<Vec<_>>();
        let batch = Batch::<u32, (), (), i64>::at_time((), &mut rows.clone()).expect("there is room");
        for from in [0, 1, 63, 64, 65, 127, 128, 1_000, 1_999, 2_000] {
            for key in 0..4_002 {
                let expected = from.max((key as usize).div_ceil(2).min(2_000));
                assert_eq!(batch.seek(from, &key), expected, "{key} from {from}");
            }
        }
    }

    #[test]
    fn what_is_kept_counts_at_the_rounds_that_it_joins() {
        let at = |round| ((), round);
        let row = Keyed { key: 1, value: 'a' };
        let changes = vec![(row, at(0), 1), (row, at(2), -1), (row, at(4), 3), (row, at(1), 1)];
        let mut spine = Spine::default();
        spine.insert(Arc::new(Batch::at_rounds(changes).expect("there is room"))).expect("there is room");
        let now = |round| Nested { outer: LogicalTime(9), round };
        assert_eq!(
            spine.cursor().seek(&1, &now(0)),
            Ok(&[(&'a', at(0), 1), (&'a', at(1), 1), (&'a', at(2), -1), (&'a', at(4), 3)][..])
        );
        assert_eq!(spine.cursor().seek(&1, &now(2)), Ok(&[(&'a', at(2), 1), (&'a', at(4), 3)][..]));
        assert_eq!(spine.cursor().seek(&1, &now(7)), Ok(&[(&'a', at(7), 4)][..]));
        assert_eq!(spine.cursor().seek(&2, &now(7)), Ok(&[][..]));
    }

    #[test]
    fn g5_a_trace_is_as_large_as_what_is_there_however_often_that_changes() {
        let mut spine = Spine::<u32, u32, (), i64>::default();
        let change = |spine: &mut Spine<_, _, _, _>, key, diff| {
            let row = Keyed { key, value: key };
            let batch = Batch::at_time((), &mut vec![(row, diff)]).expect("there is room");
            spine.insert(Arc::new(batch)).expect("there is room");
        };
        let mut largest = 0;
        for step in 0..100_000 {
            change(&mut spine, step, 1);
            if step >= 1_000 {
                change(&mut spine, step - 1_000, -1);
            }
            largest = largest.max(spine.len());
        }
        assert!(largest < 20_000, "{largest} changes were kept of 1000 rows");
        assert!(spine.levels.len() <= 4, "{} levels", spine.levels.len());
    }

    #[test]
    fn g4_more_than_can_be_counted_is_noticed_when_it_is_looked_up_or_merged() {
        let mut spine = Spine::<u32, u32, (), i64>::default();
        let mut insert = || {
            let changes = &mut vec![(Keyed { key: 3, value: 0 }, i64::MAX)];
            spine.insert(Arc::new(Batch::at_time((), changes).expect("there is room")))
        };
        assert_eq!(insert(), Ok(()));
        assert_eq!(insert(), Err(3));
    }
}
