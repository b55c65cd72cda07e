//! Pairs, and the rows that have no partner.

use std::fmt::Debug;

use super::pairs::{Products, both, prepare};
use super::presence::{KeyChanges, Presence};
use super::set::{Alone, keys_of, take_nulls};
use super::trace::{Spine, trace};
use super::{Binary, Emit, Later, Unsound};
use crate::envelope::Keyed;
use crate::state::{Fields, Mismatch, State, Storable};
use crate::time::{Lattice, Rounds};

/// Makes the changes of all pairs of rows with the same key and, where `LEFTS`, of left rows, where `RIGHTS`, of right rows whose key
/// the other side has not.
///
/// At one time the pairs of a key come and its rows without a partner go, or the other way round (rule E10).
#[derive(Clone, Debug)]
pub struct Outer<K, L, R, P, F, const LEFTS: bool, const RIGHTS: bool> {
    left: Spine<K, L, P, i64>,
    right: Spine<K, R, P, i64>,
    /// The keys that left rows may miss.
    right_keys: Presence<K, P>,
    left_keys: Presence<K, P>,
    function: F,
}

impl<K, L, R, P, F, const LEFTS: bool, const RIGHTS: bool> Outer<K, L, R, P, F, LEFTS, RIGHTS> {
    /// Calls `function` with the key and what there is of a pair.
    pub fn new(function: F) -> Self {
        let (left, right) = (Spine::default(), Spine::default());
        Outer { left, right, right_keys: Presence::default(), left_keys: Presence::default(), function }
    }
}

impl<K, L, R, P, F, const LEFTS: bool, const RIGHTS: bool> State for Outer<K, L, R, P, F, LEFTS, RIGHTS>
where
    K: Storable + Ord + Clone,
    L: Storable + Ord + Clone,
    R: Storable + Ord + Clone,
    P: Rounds,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        trace(fields, "left", &mut self.left)?;
        trace(fields, "right", &mut self.right)?;
        fields.nested("right_keys", &mut self.right_keys)?;
        fields.nested("left_keys", &mut self.left_keys)
    }
}

impl<K, L, R, T, F, O, const LEFTS: bool, const RIGHTS: bool> Binary<Keyed<K, L>, Keyed<K, R>, T, i64, i64>
    for Outer<K, L, R, T::Rounds, F, LEFTS, RIGHTS>
where
    K: Ord + Clone + Debug,
    L: Ord + Clone,
    R: Ord + Clone,
    T: Lattice,
    F: FnMut(&K, Option<&L>, Option<&R>) -> O,
{
    type Row = O;
    type Diff = i64;
    type Key = K;

    fn work(
        &mut self,
        time: &T,
        left: &mut Vec<(Keyed<K, L>, i64)>,
        right: &mut Vec<(Keyed<K, R>, i64)>,
        again: Vec<K>,
        later: &mut Later<T, K>,
        mut emit: impl Emit<O, T, i64>,
    ) -> Result<(), Unsound> {
        let too_many = |key: K| Unsound::too_many(&key, time);
        let null_lefts = take_nulls(left, time)?;
        let null_rights = take_nulls(right, time)?;
        prepare(left, time)?;
        prepare(right, time)?;
        let mut come_and_gone = KeyChanges::new();
        if LEFTS {
            come_and_gone = self.right_keys.work(time, keys_of(right.iter().map(key)), &again, later)?;
        }
        let mut lefts_come_and_gone = KeyChanges::new();
        if RIGHTS {
            lefts_come_and_gone = self.left_keys.work(time, keys_of(left.iter().map(key)), &again, later)?;
        }

        let function = &mut self.function;
        if LEFTS {
            null_lefts.iter().for_each(|(row, diff)| {
                emit(function(&row.key, Some(&row.value), None), *time, *diff);
            });
            let products = Products::new(self.left.cursor(), self.right_keys.cursor());
            each_alone(time, left, &come_and_gone, products, |key, row, at, diff| {
                emit(function(key, Some(row), None), at, diff);
            })?;
        }
        if RIGHTS {
            null_rights.iter().for_each(|(row, diff)| {
                emit(function(&row.key, None, Some(&row.value)), *time, *diff);
            });
            let products = Products::new(self.right.cursor(), self.left_keys.cursor());
            each_alone(time, right, &lefts_come_and_gone, products, |key, row, at, diff| {
                emit(function(key, None, Some(row)), at, diff);
            })?;
        }
        let mut products = Products::new(self.left.cursor(), self.right.cursor());
        for (key, lefts, rights) in both(left, right) {
            let emit = |one, other, rounds, diff| {
                emit(function(key, Some(one), Some(other)), time.at_rounds(rounds), diff);
            };
            products.of_key(key, time, lefts, rights, emit).ok_or_else(|| too_many(key.clone()))?;
        }

        self.left.insert(time.rounds(), left).map_err(too_many)?;
        self.right.insert(time.rounds(), right).map_err(too_many)?;
        self.right_keys.settle(time.rounds(), &mut come_and_gone).map_err(too_many)?;
        self.left_keys.settle(time.rounds(), &mut lefts_come_and_gone).map_err(too_many)
    }
}

/// A change of a row as one of its key.
fn key<K: Clone, V>((row, diff): &(Keyed<K, V>, i64)) -> (Keyed<K, ()>, i64) {
    (Keyed { key: row.key.clone(), value: () }, *diff)
}

/// Emits the changes of the rows of one side that have no partner.
fn each_alone<'a, K: Ord + Clone + Debug, V: Ord + Clone, P: Rounds, T: Lattice<Rounds = P>>(
    time: &T,
    rows: &'a [(Keyed<K, V>, i64)],
    come_and_gone: &'a KeyChanges<K>,
    products: Products<'a, K, V, (), P, i64, i64, i64>,
    mut emit: impl FnMut(&K, &V, T, i64),
) -> Result<(), Unsound> {
    let mut alone = Alone::new(products);
    for (key, rows, come_and_gone) in both(rows, come_and_gone) {
        let emit = |row: &V, rounds, diff| emit(key, row, time.at_rounds(rounds), diff);
        let done = alone.of_key(key, time, rows, come_and_gone, emit);
        done.ok_or_else(|| Unsound::too_many(key, time))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::oracle::{Collection, Row, against_oracle};

    type Pair = (u8, Option<u8>, Option<u8>);

    fn pair(key: &u8, left: Option<&u8>, right: Option<&u8>) -> Pair {
        (*key, left.copied(), right.copied())
    }

    fn joined(
        left: &Collection<Row>,
        right: &Collection<Row>,
        lefts: bool,
        rights: bool,
    ) -> Collection<Pair> {
        let mut pairs = Collection::new();
        let partners = |row: &Row, of: &Collection<Row>| {
            let of_key = of.clone().into_iter().filter(|(other, _)| other.key == row.key);
            of_key.collect::<Vec<_>>()
        };
        for (row, count) in left {
            let partners = partners(row, right);
            if partners.is_empty() && lefts {
                pairs.insert((row.key, Some(row.value), None), *count);
            }
            for (other, times) in partners {
                pairs.insert((row.key, Some(row.value), Some(other.value)), count * times);
            }
        }
        for (row, count) in right {
            if partners(row, left).is_empty() && rights {
                pairs.insert((row.key, None, Some(row.value)), *count);
            }
        }
        pairs
    }

    against_oracle! {
        e10_a_left_join_is_that_of_both_collections_at_every_time:
            Outer::<_, _, _, _, _, true, false>::new(pair), |left, right| joined(left, right, true, false);
        e10_a_right_join_is_that_of_both_collections_at_every_time:
            Outer::<_, _, _, _, _, false, true>::new(pair), |left, right| joined(left, right, false, true);
        e10_a_full_join_is_that_of_both_collections_at_every_time:
            Outer::<_, _, _, _, _, true, true>::new(pair), |left, right| joined(left, right, true, true);
    }
}
