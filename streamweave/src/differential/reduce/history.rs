//! What is kept of a group: the changes of its values.

use std::collections::BTreeMap;
use std::collections::btree_map::{self, Entry};
use std::ops::ControlFlow;
use std::slice;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::envelope::Abelian;
use crate::time::Rounds;

/// So many changes stand in one sorted piece of memory; more of them in a tree.
const FEW: usize = 32;

/// Changes of values, each at rounds at which it counts, in order of value and rounds; changes of one value at the same
/// rounds are one, and none is zero.
///
/// Most groups are of a few values: a single change stands in place, a few in a vector. To look a value up costs
/// `O(log changes)`, and the rounds are told without looking at every change.
#[derive(Clone, Debug, Default)]
pub(super) enum History<V, P, R> {
    #[default]
    Empty,
    One(V, P, R),
    /// Boxed, so that one change takes no more room than it needs.
    #[allow(clippy::box_collection)]
    Few(Box<Vec<(V, P, R)>>),
    Many(Box<Many<V, P, R>>),
}

#[derive(Clone, Debug)]
pub(super) struct Many<V, P, R> {
    changes: BTreeMap<(V, P), R>,
    /// How many changes are at which rounds.
    rounds: BTreeMap<P, usize>,
}

impl<V, P, R> History<V, P, R> {
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, History::Empty)
    }

    /// Every change, in order.
    #[inline]
    pub(super) fn iter(&self) -> Changes<'_, V, P, R> {
        match self {
            History::Empty => Changes::One(None),
            History::One(value, rounds, by) => Changes::One(Some((value, rounds, by))),
            History::Few(changes) => Changes::Few(changes.iter()),
            History::Many(many) => Changes::Many(many.changes.iter()),
        }
    }

    /// Gives away every change, in order, until told to stop.
    #[inline]
    pub(super) fn drain<B>(self, mut each: impl FnMut(V, P, R) -> ControlFlow<B>) -> ControlFlow<B> {
        match self {
            History::Empty => ControlFlow::Continue(()),
            History::One(value, rounds, by) => each(value, rounds, by),
            History::Few(changes) => {
                changes.into_iter().try_for_each(|(value, rounds, by)| each(value, rounds, by))
            }
            History::Many(many) => {
                many.changes.into_iter().try_for_each(|((value, rounds), by)| each(value, rounds, by))
            }
        }
    }
}

impl<V: Ord, P: Rounds, R: Abelian> History<V, P, R> {
    /// Adds a change, which is not zero, and gives what the changes of its value come to at its rounds; `None` where there is no
    /// room for that.
    #[inline]
    pub(super) fn add(&mut self, value: V, rounds: P, by: R) -> Option<R> {
        match self {
            History::Empty => {
                *self = History::One(value, rounds, by.clone());
                Some(by)
            }
            History::One(other, at, sum) if *at == rounds && *other == value => {
                if !sum.add(&by) {
                    return None;
                }
                let sum = sum.clone();
                if sum.is_zero() {
                    *self = History::Empty;
                }
                Some(sum)
            }
            _ => self.add_beside(value, rounds, by),
        }
    }

    #[inline(never)]
    fn add_beside(&mut self, value: V, rounds: P, by: R) -> Option<R> {
        if let History::One(..) = self
            && let History::One(value, rounds, by) = std::mem::take(self)
        {
            let mut few = Vec::with_capacity(4);
            few.push((value, rounds, by));
            *self = History::Few(Box::new(few));
        }
        if let History::Few(few) = self
            && few.len() == FEW
        {
            *self = History::Many(Box::new(std::mem::take(&mut **few).into()));
        }
        let (sum, is_empty) = match self {
            History::Few(few) => (add_to_few(few, value, rounds, by)?, few.is_empty()),
            History::Many(many) => (many.add(value, rounds, by)?, many.changes.is_empty()),
            History::Empty | History::One(..) => unreachable!("it holds more than one change"),
        };
        if is_empty {
            *self = History::Empty;
        }
        Some(sum)
    }

    /// Gives `after` the rounds of its changes that do not precede these; some may come several times.
    #[inline]
    pub(super) fn rounds_not_before(&self, rounds: P, after: &mut Vec<P>) {
        let mut note = |at: &P| {
            if !at.precedes(rounds) {
                after.push(*at);
            }
        };
        match self {
            History::Empty => {}
            History::One(_, at, _) => note(at),
            History::Few(few) => few.iter().for_each(|(_, at, _)| note(at)),
            History::Many(many) => many.rounds.keys().for_each(note),
        }
    }

    /// The same changes, all at these rounds.
    #[inline]
    pub(super) fn at<Q: Rounds>(self, rounds: Q) -> History<V, Q, R> {
        match self {
            History::Empty => History::Empty,
            History::One(value, _, by) => History::One(value, rounds, by),
            History::Few(few) => {
                History::Few(Box::new(few.into_iter().map(|(value, _, by)| (value, rounds, by)).collect()))
            }
            History::Many(many) => {
                let changes = many.changes.into_iter().map(|((value, _), by)| ((value, rounds), by));
                let changes = BTreeMap::from_iter(changes);
                let rounds = BTreeMap::from([(rounds, changes.len())]);
                History::Many(Box::new(Many { changes, rounds }))
            }
        }
    }
}

fn add_to_few<V: Ord, P: Rounds, R: Abelian>(
    few: &mut Vec<(V, P, R)>,
    value: V,
    rounds: P,
    by: R,
) -> Option<R> {
    let found = few.binary_search_by(|(other, at, _)| other.cmp(&value).then_with(|| at.cmp(&rounds)));
    let place = found.unwrap_or_else(|place| place);
    // What counts at these rounds stands before them.
    let before = few[..place].iter().rev().take_while(|(other, ..)| *other == value);
    let mut sum = by.clone();
    let mut has_room = true;
    for (_, at, by) in before {
        has_room &= !at.precedes(rounds) || sum.add(by);
    }
    if found.is_ok() {
        let (_, _, at_once) = &mut few[place];
        has_room &= sum.add(at_once) && at_once.add(&by);
        if at_once.is_zero() {
            few.remove(place);
        }
    } else {
        few.insert(place, (value, rounds, by));
    }
    has_room.then_some(sum)
}

impl<V: Ord, P: Rounds, R> From<Vec<(V, P, R)>> for Many<V, P, R> {
    fn from(few: Vec<(V, P, R)>) -> Self {
        let mut rounds = BTreeMap::new();
        few.iter().for_each(|(_, at, _)| *rounds.entry(*at).or_insert(0) += 1);
        Many { changes: few.into_iter().map(|(value, at, by)| ((value, at), by)).collect(), rounds }
    }
}

impl<V: Ord, P: Rounds, R: Abelian> Many<V, P, R> {
    fn add(&mut self, value: V, rounds: P, by: R) -> Option<R> {
        let key = (value, rounds);
        let mut sum = by.clone();
        let mut has_room = true;
        let up_to = self.changes.range(..=&key).rev();
        for ((_, at), by) in up_to.take_while(|((other, _), _)| *other == key.0) {
            has_room &= !at.precedes(rounds) || sum.add(by);
        }
        match self.changes.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(by);
                *self.rounds.entry(rounds).or_insert(0) += 1;
            }
            Entry::Occupied(mut occupied) => {
                has_room &= occupied.get_mut().add(&by);
                if occupied.get().is_zero() {
                    occupied.remove();
                    self.one_less(rounds);
                }
            }
        }
        has_room.then_some(sum)
    }

    fn one_less(&mut self, rounds: P) {
        if let Entry::Occupied(mut count) = self.rounds.entry(rounds) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// Saved as its changes, in order.
impl<V: Serialize, P: Serialize, R: Serialize> Serialize for History<V, P, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let changes: Vec<_> = self.iter().collect();
        changes.serialize(serializer)
    }
}

impl<'de, V, P, R> Deserialize<'de> for History<V, P, R>
where
    V: Deserialize<'de> + Ord,
    P: Rounds,
    R: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut changes = Vec::<(V, P, R)>::deserialize(deserializer)?;
        Ok(match changes.len() {
            0 => History::Empty,
            1 => changes.pop().map_or(History::Empty, |(value, rounds, by)| History::One(value, rounds, by)),
            2..=FEW => History::Few(Box::new(changes)),
            _ => History::Many(Box::new(changes.into())),
        })
    }
}

/// Changes in order, from both ends.
pub(super) enum Changes<'a, V, P, R> {
    One(Option<(&'a V, &'a P, &'a R)>),
    Few(slice::Iter<'a, (V, P, R)>),
    Many(btree_map::Iter<'a, (V, P), R>),
}

impl<'a, V, P, R> Iterator for Changes<'a, V, P, R> {
    type Item = (&'a V, &'a P, &'a R);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Changes::One(one) => one.take(),
            Changes::Few(few) => few.next().map(|(value, rounds, by)| (value, rounds, by)),
            Changes::Many(many) => many.next().map(|((value, rounds), by)| (value, rounds, by)),
        }
    }
}

impl<V, P, R> DoubleEndedIterator for Changes<'_, V, P, R> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Changes::One(one) => one.take(),
            Changes::Few(few) => few.next_back().map(|(value, rounds, by)| (value, rounds, by)),
            Changes::Many(many) => many.next_back().map(|((value, rounds), by)| (value, rounds, by)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Chance;

    static_assertions::assert_eq_size!(History<(), ((), u32), i64>, [u64; 2]);

    type P = (((), u32), u32);

    #[test]
    fn it_is_a_sorted_list_of_what_was_added() {
        for (seed, values) in [(1, 1), (2, 3), (3, 40), (4, 400)] {
            let (mut history, mut naive) = (History::<usize, P, i64>::default(), BTreeMap::new());
            let mut chance = Chance(seed);
            for step in 0..4_000 {
                let shrinks = step / 500 % 2 == 1;
                let known = naive.keys().nth(chance.below(naive.len())).copied();
                let (value, rounds) = match known {
                    Some(known) if shrinks => known,
                    _ => (chance.below(values), (((), chance.below(4) as u32), chance.below(3) as u32)),
                };
                let by = match naive.get(&(value, rounds)) {
                    Some(by) if shrinks => -by,
                    _ => [1, -1, 2][chance.below(3)],
                };
                let sum = naive.entry((value, rounds)).or_insert(0);
                *sum += by;
                naive.retain(|_, by| *by != 0);
                let covered = naive.iter().filter(|((other, at), _)| *other == value && at.precedes(rounds));
                let covered = covered.map(|(_, by)| by).sum();
                assert_eq!(history.add(value, rounds, by), Some(covered));
                let expected = naive.iter().map(|((value, at), by)| (value, at, by));
                assert!(history.iter().eq(expected.clone()));
                assert!(history.iter().rev().eq(expected.rev()));
                assert_eq!(history.is_empty(), naive.is_empty());
                let after = naive.keys().map(|key| key.1).filter(|at| !at.precedes(rounds));
                let (mut told, mut after) = (Vec::new(), Vec::from_iter(after));
                history.rounds_not_before(rounds, &mut told);
                for rounds in [&mut told, &mut after] {
                    rounds.sort();
                    rounds.dedup();
                }
                assert_eq!(told, after);
            }
        }
    }

    #[test]
    fn g4_what_cannot_be_counted_is_told() {
        for others in [0, 1, 100] {
            let mut history = History::<u32, (), i64>::default();
            assert_eq!(history.add(0, (), i64::MAX), Some(i64::MAX));
            (1..=others).for_each(|other| assert_eq!(history.add(other, (), 1), Some(1)));
            assert_eq!(history.add(0, (), 1), None);
        }
    }
}
