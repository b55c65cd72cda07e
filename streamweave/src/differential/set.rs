//! Rows whose key is in a set, or is not.

use std::fmt::{Debug, Display};

use super::consolidation::{consolidate, consolidate_rounds};
use super::pairs::{Products, both, is_null, prepare};
use super::presence::{KeyChanges, Presence};
use super::trace::{Spine, trace};
use super::{Binary, Emit, Later, Unsound};
use crate::envelope::{Abelian, Keyed, Multiply};
use crate::state::{Fields, Mismatch, State, Storable};
use crate::time::{Lattice, Rounds};

/// Keeps the left rows whose key the right has, or, where `ALONE`, those whose key it has not.
#[derive(Clone, Debug)]
pub struct OfSet<K, L, P, A, const ALONE: bool> {
    left: Spine<K, L, P, A>,
    keys: Presence<K, P>,
}

impl<K, L, P, A, const ALONE: bool> Default for OfSet<K, L, P, A, ALONE> {
    fn default() -> Self {
        OfSet { left: Spine::default(), keys: Presence::default() }
    }
}

impl<K, L, P, A, const ALONE: bool> State for OfSet<K, L, P, A, ALONE>
where
    K: Storable + Ord + Clone,
    L: Storable + Ord + Clone,
    P: Rounds,
    A: Storable + Abelian,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        trace(fields, "left", &mut self.left)?;
        fields.nested("keys", &mut self.keys)
    }
}

impl<K, L, V, T, A, const ALONE: bool> Binary<Keyed<K, L>, Keyed<K, V>, T, A, i64>
    for OfSet<K, L, T::Rounds, A, ALONE>
where
    K: Ord + Clone + Debug,
    L: Ord + Clone,
    T: Lattice,
    A: Multiply<i64, Product = A> + Abelian,
{
    type Row = Keyed<K, L>;
    type Diff = A;
    type Key = K;

    fn work(
        &mut self,
        time: &T,
        left: &mut Vec<(Keyed<K, L>, A)>,
        right: &mut Vec<(Keyed<K, V>, i64)>,
        again: Vec<K>,
        later: &mut Later<T, K>,
        mut emit: impl Emit<Keyed<K, L>, T, A>,
    ) -> Result<(), Unsound> {
        let too_many = |key: K| Unsound::too_many(&key, time);
        let mut nulls = take_nulls(left, time)?;
        prepare(left, time)?;
        let mut flips = self.keys.work(time, keys_of(right.drain(..)), &again, later)?;
        if ALONE {
            nulls.drain(..).for_each(|(row, diff)| emit(row, *time, diff));
        }
        let mut alone = Alone::new(Products::new(self.left.cursor(), self.keys.cursor()));
        for (key, lefts, flips) in both(left, &flips) {
            let emit = |row: &L, rounds, diff| {
                emit(Keyed { key: key.clone(), value: row.clone() }, time.at_rounds(rounds), diff);
            };
            let done = match ALONE {
                true => alone.of_key(key, time, lefts, flips, emit),
                false => alone.others_of_key(key, time, lefts, flips, emit),
            };
            done.ok_or_else(|| too_many(key.clone()))?;
        }
        self.left.insert(time.rounds(), left).map_err(too_many)?;
        self.keys.settle(time.rounds(), &mut flips).map_err(too_many)
    }
}

/// The keys of rows, without those that are null.
pub(super) fn keys_of<K: Eq, V>(rows: impl Iterator<Item = (Keyed<K, V>, i64)>) -> KeyChanges<K> {
    let rows = rows.filter(|(row, _)| !is_null(&row.key));
    rows.map(|(row, diff)| (Keyed { key: row.key, value: () }, diff)).collect()
}

/// Takes the changes of null keys out of others.
pub(super) fn take_nulls<K: Ord + Debug, V: Ord, R: Abelian>(
    changes: &mut Vec<(Keyed<K, V>, R)>,
    time: &impl Display,
) -> Result<Vec<(Keyed<K, V>, R)>, Unsound> {
    let mut nulls = changes.extract_if(.., |(row, _)| is_null(&row.key)).collect();
    consolidate(&mut nulls).map_err(|row| Unsound::too_many(&row.key, time))?;
    Ok(nulls)
}

/// Rows less those of them whose key is in a set.
pub(super) struct Alone<'a, K, L, P, A> {
    products: Products<'a, K, L, (), P, A, i64, A>,
    gathered: Vec<(&'a L, P, A)>,
}

impl<'a, K, L, P, A> Alone<'a, K, L, P, A>
where
    K: Ord + Clone,
    L: Ord + Clone,
    P: Rounds,
    A: Multiply<i64, Product = A> + Abelian,
{
    pub(super) fn new(products: Products<'a, K, L, (), P, A, i64, A>) -> Self {
        Alone { products, gathered: Vec::new() }
    }

    /// Emits the changes of the rows of a key that is in the set; `None` where there is no room for one.
    pub(super) fn others_of_key<T: Lattice<Rounds = P>>(
        &mut self,
        key: &K,
        time: &T,
        rows: &'a [(Keyed<K, L>, A)],
        flips: &'a [(Keyed<K, ()>, i64)],
        mut emit: impl FnMut(&'a L, P, A),
    ) -> Option<()> {
        self.products.of_key(key, time, rows, flips, |row, (), rounds, diff| emit(row, rounds, diff))
    }

    /// Emits the changes of the rows of a key that is not in the set; `None` where there is no room for one.
    pub(super) fn of_key<T: Lattice<Rounds = P>>(
        &mut self,
        key: &K,
        time: &T,
        rows: &'a [(Keyed<K, L>, A)],
        flips: &'a [(Keyed<K, ()>, i64)],
        mut emit: impl FnMut(&'a L, P, A),
    ) -> Option<()> {
        let gathered = &mut self.gathered;
        let gather = |row, (): &(), rounds, diff| gathered.push((row, rounds, diff));
        self.products.of_key(key, time, rows, flips, gather)?;
        for (.., diff) in &mut *gathered {
            *diff = diff.negated()?;
        }
        gathered.extend(rows.iter().map(|(row, diff)| (&row.value, time.rounds(), diff.clone())));
        consolidate_rounds(gathered).ok()?;
        gathered.drain(..).for_each(|(row, rounds, diff)| emit(row, rounds, diff));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::oracle::{Collection, Row, against_oracle, run};
    use crate::time::LogicalTime;

    fn of_set(left: &Collection<Row>, right: &Collection<Row>, alone: bool) -> Collection<Row> {
        let has = |row: &Row| right.keys().any(|other| other.key == row.key);
        left.iter().filter(|(row, _)| has(row) != alone).map(|(row, count)| (*row, *count)).collect()
    }

    against_oracle! {
        rows_with_a_partner_are_those_at_every_time:
            OfSet::<_, _, _, _, false>::default(), |left, right| of_set(left, right, false);
        rows_without_a_partner_are_those_at_every_time:
            OfSet::<_, _, _, _, true>::default(), |left, right| of_set(left, right, true);
    }

    #[test]
    fn g2_keys_taken_back_more_often_than_they_were_there_end_the_run() {
        let row = Keyed { key: 7, value: 5 };
        let (one, two) = (LogicalTime(1), LogicalTime(2));
        let right = vec![(row, one, -1), (row, one, 1), (row, two, -1)];
        let mut semi = OfSet::<_, u8, _, i64, false>::default();
        assert_eq!(run(&mut semi, &vec![], &right), Err(Unsound::negative(&7, &two)));
    }
}
