//! A collection in a few batches.

use std::sync::Arc;

use super::chunks::{Chunks, put_in_order};
use super::merge::Merge;
use super::{Batch, Changes, Cursor};
use crate::differential::consolidation::consolidate_rounds;
use crate::envelope::{Abelian, Keyed};
use crate::state::{Fields, Mismatch, State, Storable};
use crate::time::Rounds;

/// Changes by key in a few batches, merged bit by bit as more come in: what has cancelled out goes, so that it is as large as
/// what is there, however often that has changed (rule G5).
///
/// # Contract
///
/// What comes a few changes at a time is first put in its place in a short sorted list. Once that is full, or where
/// many come at once, they are a batch. Level `i` has room for `FIRST * RATIO^i` changes, and a batch comes to the first that
/// has room for it. Where there is one already both are merged; what is then too large for its level comes to the next. For every
/// change that comes in each merge under way goes on by `PACE` changes, which is enough for it to be done when the next
/// batch comes to its level from the one below. So a change costs about `RATIO` copies a level in all, and no insertion of
/// a few changes costs more than a few thousand copies.
#[derive(Clone, Debug)]
pub struct Spine<K, V, P, R> {
    /// Sorted, each row at each rounds once, and none of zero.
    recent: Vec<(Keyed<K, V>, P, R)>,
    levels: Vec<Level<K, V, P, R>>,
    /// How far merges have to go on.
    owed: usize,
    /// What was saved of it, in a graph with checkpoints.
    chunks: Option<Box<Chunks<K, V, P, R>>>,
}

#[derive(Clone, Debug)]
enum Level<K, V, P, R> {
    Empty,
    Settled(Arc<Batch<K, V, P, R>>),
    Merging(Box<Merge<K, V, P, R>>),
}

/// So many changes, of which a few come at a time, are put in their places.
const RECENT: usize = 128;
const FEW: usize = 16;
const FIRST: usize = 1_024;
const RATIO: usize = 8;
const PACE: usize = RATIO + 3;
/// Merges go on when it is worth while.
const SLICE: usize = 1_024;

impl<K, V, P, R> Default for Spine<K, V, P, R> {
    fn default() -> Self {
        Spine { recent: Vec::new(), levels: Vec::new(), owed: 0, chunks: None }
    }
}

impl<K, V, P, R> Level<K, V, P, R> {
    fn batches(&self) -> &[Arc<Batch<K, V, P, R>>] {
        match self {
            Level::Empty => &[],
            Level::Settled(batch) => std::slice::from_ref(batch),
            Level::Merging(merge) => merge.sides.as_slice(),
        }
    }
}

impl<K, V, P, R> Spine<K, V, P, R> {
    fn batches(&self) -> impl Iterator<Item = &Arc<Batch<K, V, P, R>>> {
        self.levels.iter().flat_map(Level::batches)
    }

    /// How many changes are kept.
    pub fn len(&self) -> usize {
        self.recent.len() + self.batches().map(|batch| batch.len()).sum::<usize>()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.recent.is_empty() && self.batches().all(|batch| batch.is_empty())
    }
}

impl<K: Ord + Clone, V: Ord + Clone, P: Rounds, R: Abelian> Spine<K, V, P, R> {
    /// What is kept, by key.
    #[inline]
    pub fn cursor(&self) -> Cursor<'_, K, V, P, R> {
        Cursor::new(&self.recent, self.batches().map(|batch| &**batch))
    }

    /// All that is kept, to be saved.
    pub(super) fn changes(&self) -> Changes<'_, K, V, P, R> {
        Changes { batches: self.batches().map(|batch| &**batch).collect(), recent: &self.recent }
    }

    /// The batches that it comes to as it is now, whatever comes afterwards: a copy of what came last, and shares of the rest.
    pub fn snapshot(&self) -> Vec<Arc<Batch<K, V, P, R>>> {
        let recent = (!self.recent.is_empty()).then(|| Arc::new(Batch::at_rounds(&mut self.recent.clone())));
        self.batches().cloned().chain(recent).collect()
    }

    /// Forgets the keys of which `keep` does not say so.
    pub(in crate::differential) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) -> Result<(), K> {
        let mut kept = Vec::new();
        for batch in self.snapshot() {
            for (number, key) in batch.keys().iter().enumerate().filter(|(_, key)| keep(key)) {
                for place in batch.changes(number) {
                    let row = Keyed { key: key.clone(), value: batch.value(place).clone() };
                    kept.push((row, *batch.rounds(place), batch.diff(place).clone()));
                }
            }
        }
        *self = Spine::default();
        consolidate_rounds(&mut kept).map_err(|row| row.key)?;
        self.add(Batch::at_rounds(&mut kept))
    }

    /// Adds what another one comes to.
    pub(in crate::differential) fn absorb(&mut self, other: Self) -> Result<(), K> {
        other.snapshot().iter().try_for_each(|batch| self.share(batch))
    }

    /// Adds changes of one time, [consolidated](crate::differential::consolidation::consolidate), which are taken out of `changes`.
    ///
    /// # Errors
    ///
    /// A key of which there are more rows than can be counted (rule G4).
    #[inline]
    pub fn insert(&mut self, rounds: P, changes: &mut Vec<(Keyed<K, V>, R)>) -> Result<(), K> {
        match changes.len() {
            0 => Ok(()),
            1..=FEW => changes.drain(..).try_for_each(|(row, diff)| self.put(row, rounds, diff)),
            _ => self.add(Batch::at_time(rounds, changes)),
        }
    }

    /// Puts a change in its place.
    #[inline]
    fn put(&mut self, row: Keyed<K, V>, rounds: P, diff: R) -> Result<(), K> {
        let place =
            self.recent.binary_search_by(|(other, others, _)| other.cmp(&row).then(others.cmp(&rounds)));
        match place {
            Err(place) => self.recent.insert(place, (row, rounds, diff)),
            Ok(place) => {
                let kept = &mut self.recent[place].2;
                if !kept.add(&diff) {
                    return Err(row.key);
                }
                if kept.is_zero() {
                    self.recent.remove(place);
                }
            }
        }
        if self.recent.len() < RECENT { Ok(()) } else { self.settle_recent() }
    }

    #[inline(never)]
    fn settle_recent(&mut self) -> Result<(), K> {
        let batch = Batch::at_rounds(&mut self.recent);
        self.add(batch)
    }

    /// Adds a batch.
    ///
    /// # Errors
    ///
    /// A key of which there are more rows than can be counted (rule G4).
    pub fn add(&mut self, batch: Batch<K, V, P, R>) -> Result<(), K> {
        self.add_arc(Arc::new(batch))
    }

    /// Adds a batch that others have, too.
    ///
    /// # Errors
    ///
    /// A key of which there are more rows than can be counted (rule G4).
    pub fn share(&mut self, batch: &Arc<Batch<K, V, P, R>>) -> Result<(), K> {
        if batch.len() > FEW {
            return self.add_arc(Arc::clone(batch));
        }
        for (number, key) in batch.keys().iter().enumerate() {
            for place in batch.changes(number) {
                let row = Keyed { key: key.clone(), value: batch.value(place).clone() };
                self.put(row, *batch.rounds(place), batch.diff(place).clone())?;
            }
        }
        Ok(())
    }

    fn add_arc(&mut self, batch: Arc<Batch<K, V, P, R>>) -> Result<(), K> {
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

/// A level as it is saved: the numbers of its batches, and how many changes of them were merged.
type SavedLevel = (Vec<u64>, usize);

/// What came last is saved whole, and each batch once.
impl<K, V, P, R> State for Spine<K, V, P, R>
where
    K: Storable + Ord + Clone,
    V: Storable + Ord + Clone,
    P: Rounds,
    R: Storable + Abelian,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        if fields.is_loading() {
            // So it was before there were chunks.
            fields.whole(self)?;
        }
        let mut chunks = self.chunks.take().unwrap_or_default();
        let mut levels = if fields.is_cut() { self.cut(&mut chunks) } else { Vec::new() };
        let mut is_loaded = false;
        fields.value("recent", &mut self.recent)?;
        fields.value_and("levels", &mut levels, |_, _| is_loaded = true)?;
        chunks.visit(fields, "chunks")?;
        if is_loaded {
            self.load(&levels, &mut chunks).map_err(|reason| fields.refused::<Self>(reason))?;
        }
        self.chunks = Some(chunks);
        Ok(())
    }
}

impl<K, V, P, R> Spine<K, V, P, R>
where
    K: Storable + Ord + Clone,
    V: Storable + Ord + Clone,
    P: Rounds,
    R: Storable + Abelian,
{
    /// Hands what there is over to be saved.
    fn cut(&self, chunks: &mut Chunks<K, V, P, R>) -> Vec<SavedLevel> {
        let has_changes = |batch: &&Arc<Batch<_, _, _, _>>| !batch.is_empty();
        let mut numbers = chunks.cut(self.batches().filter(has_changes)).into_iter();
        let levels = self.levels.iter().map(|level| {
            let count = level.batches().iter().filter(has_changes).count();
            let merged = if let Level::Merging(merge) = level { merge.worked() } else { 0 };
            (numbers.by_ref().take(count).collect(), merged)
        });
        levels.collect()
    }

    /// Takes over what was loaded. Merges go on about where they were.
    fn load(&mut self, levels: &[SavedLevel], chunks: &mut Chunks<K, V, P, R>) -> Result<(), &'static str> {
        put_in_order(&mut self.recent)?;
        let batches = chunks.load()?;
        let batch = |number| batches.get(number).map(Arc::clone).ok_or("a batch is missing");
        let levels = levels.iter().map(|(numbers, merged)| match &numbers[..] {
            [] => Ok(Level::Empty),
            [settled] => Ok(Level::Settled(batch(settled)?)),
            [one, other] => {
                let mut merge = Box::new(Merge::new(batch(one)?, batch(other)?));
                merge.work(*merged).map_err(|_| "there are more rows of a key than can be counted")?;
                Ok(Level::Merging(merge))
            }
            _ => Err("there are more than two batches on a level"),
        });
        self.levels = levels.collect::<Result<_, _>>()?;
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
    use crate::differential::consolidation::consolidate;
    use crate::differential::oracle::Random;
    use crate::differential::trace::{Kept, TooMany};
    use crate::time::{LogicalTime, Nested};

    type Model = BTreeMap<u32, BTreeMap<(u32, ((), u32)), i64>>;

    /// Any changes, a few or many at once, at some rounds.
    fn random_changes(random: &mut Random, keys: u64) -> (((), u32), Vec<(Keyed<u32, u32>, i64)>) {
        let many = if random.below(40) == 0 { 3_000 } else { 24 };
        let row =
            |random: &mut Random| Keyed { key: random.below(keys) as u32, value: random.below(3) as u32 };
        let changes = 0..random.below(many);
        let mut changes: Vec<_> = changes.map(|_| (row(random), random.below(5) as i64 - 2)).collect();
        consolidate(&mut changes).expect("there is room");
        (((), random.below(2) as u32), changes)
    }

    fn found<'a, V: Ord + Clone, P: Rounds>(
        kept: Result<Kept<'_, 'a, u32, V, P, i64>, TooMany>,
    ) -> Vec<(V, P, i64)> {
        let mut found = Vec::new();
        let note = |value: &'a V, rounds, diff: &i64| {
            found.push((value.clone(), rounds, *diff));
            Some(())
        };
        kept.expect("there is room").try_each(note);
        found
    }

    #[test]
    fn a_spine_comes_to_what_was_put_in() {
        for (seed, keys) in (0..6).zip([2, 700, 20_000].into_iter().cycle()) {
            let random = &mut Random::new(seed);
            let (mut spine, mut model) = (Spine::default(), Model::new());
            for _ in 0..1_000 {
                let (rounds, mut changes) = random_changes(random, keys);
                for &(row, diff) in &changes {
                    *model.entry(row.key).or_default().entry((row.value, rounds)).or_default() += diff;
                }
                spine.insert(rounds, &mut changes).expect("there is room");
                let mut cursor = spine.cursor();
                let mut key = 0;
                while key < keys as u32 {
                    let expected = model.get(&key).into_iter().flatten().filter(|(_, diff)| **diff != 0);
                    let expected: Vec<_> = expected.map(|(&(value, at), &diff)| (value, at, diff)).collect();
                    assert_eq!(found(cursor.seek_all(&key)), expected, "seed {seed}, key {key}");
                    key += 1 + random.below(keys / 2) as u32;
                }
            }
        }
    }

    #[test]
    fn a_key_is_found_from_wherever_it_is_sought() {
        let rows = (0..2_000).map(|key| (Keyed { key: 2 * key, value: () }, 1)).collect::<Vec<_>>();
        let batch = Batch::<u32, (), (), i64>::at_time((), &mut rows.clone());
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
        let mut spine = Spine::default();
        for (round, diff) in [(0, 1), (2, -1), (4, 3), (1, 1)] {
            let row = Keyed { key: 1, value: 'a' };
            spine.insert(at(round), &mut vec![(row, diff)]).expect("there is room");
        }
        let seek = |key: u32, round| {
            let now = Nested { outer: LogicalTime(9), round };
            found(spine.cursor().seek(&key, &now))
        };
        let all = [('a', at(0), 1), ('a', at(1), 1), ('a', at(2), -1), ('a', at(4), 3)];
        assert_eq!(seek(1, 0), all);
        assert_eq!(seek(1, 2), [('a', at(2), 1), ('a', at(4), 3)]);
        assert_eq!(seek(1, 7), [('a', at(7), 4)]);
        assert_eq!(seek(2, 7), []);
    }

    #[test]
    fn g5_a_trace_is_as_large_as_what_is_there_however_often_that_changes() {
        let mut spine = Spine::<u32, u32, (), i64>::default();
        let change = |spine: &mut Spine<_, _, _, _>, key, diff| {
            spine.insert((), &mut vec![(Keyed { key, value: key }, diff)]).expect("there is room");
        };
        let mut largest = 0;
        for step in 0..100_000 {
            change(&mut spine, step, 1);
            if step >= 1_000 {
                change(&mut spine, step - 1_000, -1);
            }
            largest = largest.max(spine.len());
        }
        assert!(largest < 30_000, "{largest} changes were kept of 1000 rows");
        assert!(spine.levels.len() <= 3, "{} levels", spine.levels.len());
    }

    #[test]
    fn g4_more_than_can_be_counted_is_noticed_where_it_comes_together() {
        let changes = |many| (0..many).map(|value| (Keyed { key: 3, value }, i64::MAX)).collect::<Vec<_>>();
        for (one, other) in [(1, 1), (1, 200), (200, 200)] {
            let mut spine = Spine::<u32, u32, (), i64>::default();
            assert_eq!(spine.insert((), &mut changes(one)), Ok(()));
            let put = spine.insert((), &mut changes(other)).map_err(|key| assert_eq!(key, 3));
            assert!(put.is_err() || spine.cursor().seek(&3, &LogicalTime(1)).is_err());
        }
    }

    #[test]
    fn a_snapshot_stays_as_it_is() {
        let mut spine = Spine::<u32, u32, (), i64>::default();
        let row = Keyed { key: 3, value: 4 };
        spine.insert((), &mut vec![(row, 1)]).expect("there is room");
        let snapshot = spine.snapshot();
        spine.insert((), &mut vec![(row, -1)]).expect("there is room");
        assert_eq!(snapshot.iter().map(|batch| batch.len()).sum::<usize>(), 1);
        assert_eq!(spine.snapshot().iter().map(|batch| batch.len()).sum::<usize>(), 0);
    }
}
