//! The pairs of two collections.

use std::fmt::{Debug, Display};

use super::consolidation::{consolidate, consolidate_rounds};
use super::trace::{Cursor, Kept, Spine, trace};
use super::{Binary, Emit, Later, NoKey, Unsound};
use crate::envelope::{Abelian, Keyed, Multiply};
use crate::state::{Fields, Mismatch, State, Storable};
use crate::time::{Lattice, Rounds};

/// Makes the changes of all pairs of rows with the same key.
///
/// What the pairs of a time change by is the changes of the left with all of the right, those of that time included, and all of
/// the left before it with the changes of the right: so no two changes meet twice (rule E12).
#[derive(Clone, Debug)]
pub struct Pairs<K, L, R, P, A, B, F> {
    left: Spine<K, L, P, A>,
    right: Spine<K, R, P, B>,
    function: F,
}

impl<K, L, R, P, A, B, F> Pairs<K, L, R, P, A, B, F> {
    /// Calls `function` with the key and both rows of each pair.
    pub fn new(function: F) -> Self {
        Pairs { left: Spine::default(), right: Spine::default(), function }
    }
}

impl<K, L, R, P, A, B, F> State for Pairs<K, L, R, P, A, B, F>
where
    K: Storable + Ord + Clone,
    L: Storable + Ord + Clone,
    R: Storable + Ord + Clone,
    P: Rounds,
    A: Storable + Abelian,
    B: Storable + Abelian,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        trace(fields, "left", &mut self.left)?;
        trace(fields, "right", &mut self.right)
    }
}

impl<K, L, R, T, A, B, F, O> Binary<Keyed<K, L>, Keyed<K, R>, T, A, B> for Pairs<K, L, R, T::Rounds, A, B, F>
where
    K: Ord + Clone + Debug,
    L: Ord + Clone,
    R: Ord + Clone,
    T: Lattice,
    A: Multiply<B> + Abelian,
    B: Abelian,
    F: FnMut(&K, &L, &R) -> O,
{
    type Row = O;
    type Diff = A::Product;
    type Key = NoKey;

    fn work(
        &mut self,
        time: &T,
        left: &mut Vec<(Keyed<K, L>, A)>,
        right: &mut Vec<(Keyed<K, R>, B)>,
        _again: Vec<NoKey>,
        _later: &mut Later<T, NoKey>,
        mut emit: impl Emit<O, T, A::Product>,
    ) -> Result<(), Unsound> {
        let too_many = |key: K| Unsound::too_many(&key, time);
        prepare(left, time)?;
        prepare(right, time)?;
        let function = &mut self.function;
        let mut products = Products::new(self.left.cursor(), self.right.cursor());
        for (key, lefts, rights) in both(left, right) {
            let emit = |one: &L, other: &R, rounds, diff| {
                emit(function(key, one, other), time.at_rounds(rounds), diff);
            };
            products.of_key(key, time, lefts, rights, emit).ok_or_else(|| too_many(key.clone()))?;
        }
        self.left.insert(time.rounds(), left).map_err(too_many)?;
        self.right.insert(time.rounds(), right).map_err(too_many)
    }
}

/// Consolidates changes, without those of null keys.
pub(super) fn prepare<K: Ord + Debug, V: Ord, R: Abelian>(
    changes: &mut Vec<(Keyed<K, V>, R)>,
    time: &impl Display,
) -> Result<(), Unsound> {
    changes.retain(|(row, _)| !is_null(&row.key));
    consolidate(changes).map_err(|row| Unsound::too_many(&row.key, time))
}

/// Whether a key is null: it does not even equal itself (rule E11).
#[inline(always)]
#[allow(clippy::eq_op, reason = "that is the question")]
pub(super) fn is_null<K: Eq>(key: &K) -> bool {
    key != key
}

/// The keys of consolidated changes in order, each with its changes on either side.
pub(super) fn both<'a, K: Ord, L, R, A, B>(
    mut left: &'a [(Keyed<K, L>, A)],
    mut right: &'a [(Keyed<K, R>, B)],
) -> impl Iterator<Item = (&'a K, &'a [(Keyed<K, L>, A)], &'a [(Keyed<K, R>, B)])> {
    std::iter::from_fn(move || {
        let (one, other) = (left.first(), right.first());
        let key = match (one.map(|(row, _)| &row.key), other.map(|(row, _)| &row.key)) {
            (Some(one), Some(other)) => one.min(other),
            (one, other) => one.or(other)?,
        };
        Some((key, take_key(&mut left, key), take_key(&mut right, key)))
    })
}

/// Takes the changes of a key.
pub(super) fn take_key<'a, K: Ord, V, R>(
    changes: &mut &'a [(Keyed<K, V>, R)],
    key: &K,
) -> &'a [(Keyed<K, V>, R)] {
    let end = changes.iter().take_while(|(row, _)| row.key == *key).count();
    let (of_key, rest) = changes.split_at(end);
    *changes = rest;
    of_key
}

/// The products of changes with what is kept, key by key.
pub(super) struct Products<'a, K, L, R, P, A, B, C> {
    left: Cursor<'a, K, L, P, A>,
    right: Cursor<'a, K, R, P, B>,
    /// Of a key of which both sides change: a pair can come from either.
    twice: Vec<((&'a L, &'a R), P, C)>,
}

impl<'a, K, L, R, P, A, B> Products<'a, K, L, R, P, A, B, A::Product>
where
    K: Ord + Clone,
    L: Ord + Clone,
    R: Ord + Clone,
    P: Rounds,
    A: Multiply<B> + Abelian,
    B: Abelian,
{
    pub(super) fn new(left: Cursor<'a, K, L, P, A>, right: Cursor<'a, K, R, P, B>) -> Self {
        Products { left, right, twice: Vec::new() }
    }

    /// Emits the changes of the pairs of a key, in order; `None` where there is no room for one.
    pub(super) fn of_key<T: Lattice<Rounds = P>>(
        &mut self,
        key: &K,
        time: &T,
        lefts: &'a [(Keyed<K, L>, A)],
        rights: &'a [(Keyed<K, R>, B)],
        mut emit: impl FnMut(&'a L, &'a R, P, A::Product),
    ) -> Option<()> {
        let before = if rights.is_empty() { Kept::NONE } else { self.left.seek(key, time).ok()? };
        let after =
            if lefts.is_empty() { Kept::NONE } else { self.right.seek_with(key, time, rights).ok()? };
        let twice = &mut self.twice;
        let is_both = !before.is_empty() && !after.is_empty();
        let mut give = |one: &'a L, other: &'a R, rounds, diff| match is_both {
            true => twice.push(((one, other), rounds, diff)),
            false => emit(one, other, rounds, diff),
        };
        for (one, change) in lefts {
            after.try_each(|other, rounds, diff| {
                give(&one.value, other, rounds, change.times(diff)?);
                Some(())
            })?;
        }
        before.try_each(|one, rounds, diff| {
            for (other, change) in rights {
                give(one, &other.value, rounds, diff.times(change)?);
            }
            Some(())
        })?;
        consolidate_rounds(twice).ok()?;
        twice.drain(..).for_each(|((one, other), rounds, diff)| emit(one, other, rounds, diff));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::oracle::{Collection, Row, against_oracle, run};
    use crate::time::{LogicalTime, Nested};

    fn paired(key: &u8, left: &u8, right: &u8) -> (u8, u8, u8) {
        (*key, *left, *right)
    }

    fn all_pairs(left: &Collection<Row>, right: &Collection<Row>) -> Collection<(u8, u8, u8)> {
        let mut pairs = Collection::new();
        for (one, count) in left {
            for (other, times) in right.iter().filter(|(other, _)| other.key == one.key) {
                pairs.insert((one.key, one.value, other.value), count * times);
            }
        }
        pairs
    }

    against_oracle! {
        e9_pairs_are_those_of_both_collections_at_every_time: Pairs::new(paired), all_pairs;
    }

    fn row(key: u8, value: u8) -> Row {
        Keyed { key, value }
    }

    #[test]
    fn e9_a_pair_is_at_the_rounds_of_both() {
        let at = |time, round| Nested { outer: LogicalTime(time), round };
        let left = vec![(row(1, 5), at(0, 3), 1)];
        let right = vec![(row(1, 6), at(1, 0), 2)];
        let out = run(&mut Pairs::new(paired), &left, &right).expect("there is such a collection");
        assert_eq!(out, [((1, 5, 6), at(1, 3), 2)]);
    }

    #[test]
    fn what_both_sides_change_back_and_forth_is_not_emitted() {
        let (zero, one) = (LogicalTime(0), LogicalTime(1));
        let left = vec![(row(1, 5), zero, 2), (row(1, 5), one, -1)];
        let right = vec![(row(1, 6), zero, 1), (row(1, 6), one, 1)];
        let out = run(&mut Pairs::new(paired), &left, &right).expect("there is such a collection");
        assert_eq!(out, [((1, 5, 6), zero, 2)]);
    }

    #[test]
    fn g4_more_pairs_than_can_be_counted_end_the_run() {
        let rows = vec![(row(7, 5), LogicalTime(3), i64::MAX / 2)];
        let failed = run(&mut Pairs::new(paired), &rows, &rows).expect_err("there are too many");
        assert_eq!(failed, Unsound::too_many(&7, &LogicalTime(3)));
    }
}
