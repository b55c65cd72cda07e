//! Works on groups, time by time.

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt::Debug;
use std::hash::Hash;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::group::{Fault, Group, Sums};
use super::history::History;
use crate::differential::{Emit, Later, Unary, Unsound};
use crate::envelope::Abelian;
use crate::state::{Fields, KeySlab, Mismatch, Owner, SameKey, State, Storable, stable_hash};
use crate::time::{Lattice, Rounds};

/// What the rows of a key come to.
///
/// # Contract
///
/// `results` is a function of what it is given: the same rows give the same results.
pub trait Reduction {
    /// A row that comes in.
    type Data;
    /// How its multiplicity changes.
    type By;
    /// What rows of a group have in common.
    type Key: Hash + Eq + Clone + Debug;
    /// What rows of a group are told apart by; `()` where they are added up.
    type Value: Ord;
    /// What is added up of a value.
    type Weight: Abelian;
    /// What the group comes to.
    type Output: Ord + Clone;
    /// And how many times.
    type Diff: Abelian;
    /// A row that goes out.
    type Row;

    /// The [stable hash](stable_hash) of the key of the stream that a group belongs to; `None` where its stream has none.
    fn hash_of_key(key: &Self::Key) -> Option<u64>
    where
        Self::Key: Storable,
    {
        Some(stable_hash(key))
    }

    /// Takes a row apart; there is no weight where there is no room for it.
    fn take(&mut self, data: Self::Data, by: Self::By) -> (Self::Key, Self::Value, Option<Self::Weight>);

    /// Whether so much can be there.
    fn is_sound(_weight: &Self::Weight) -> bool {
        true
    }

    /// What the rows of a key come to, in any order.
    fn results<T: Lattice>(
        &mut self,
        key: &Self::Key,
        rows: &Group<'_, Self, T>,
        results: &mut Vec<(Self::Output, Self::Diff)>,
    );

    /// Puts a row together.
    fn row(key: &Self::Key, output: Self::Output) -> Self::Row;
}

/// What is kept of a key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "V: Serialize, P: Serialize, A: Serialize, B: Serialize, S: Serialize",
    deserialize = "V: Deserialize<'de> + Ord, P: Rounds, A: Deserialize<'de>, B: Deserialize<'de> + Ord, S: Deserialize<'de>"
))]
struct Kept<V, P, A, B, S> {
    /// Where its changes of the time at hand are, counted from 1; 0 where there are none.
    #[serde(skip)]
    fresh: u32,
    /// The changes so far.
    input: History<V, P, A>,
    /// What was emitted so far.
    output: History<B, P, S>,
}

impl<V, P, A, B, S> Default for Kept<V, P, A, B, S> {
    fn default() -> Self {
        Kept { fresh: 0, input: History::Empty, output: History::Empty }
    }
}

type KeptOf<L, P> = Kept<
    <L as Reduction>::Value,
    P,
    <L as Reduction>::Weight,
    <L as Reduction>::Output,
    <L as Reduction>::Diff,
>;

/// A [`Reduction`] at work: keeps of each key the changes of its rows and what they came to.
///
/// # How it works
///
/// A change finds its key's place by one look-up in a hash map, and waits there; what is added up to nothing has not
/// changed. Then the places are gone through in order of first arrival. What a key comes to at a time is the function of the
/// changes that count there; emitted is what that differs by from what was emitted before and counts there.
///
/// Outside of loops that is all. In a loop a change at time `t` also changes what a key comes to at the times
/// that join `t` with a change known before: there the key is looked at again, and what is changed by looking is joined in
/// its turn where more than one loop is around.
pub struct Reducer<L: Reduction, T: Lattice> {
    reduction: L,
    groups: KeySlab<L::Key, KeptOf<L, T::Rounds>>,
    /// The keys that are looked at, by their places; those that change first.
    touched: Vec<u32>,
    /// What those change by at the time at hand.
    fresh: Vec<History<L::Value, (), L::Weight>>,
    /// What is to be emitted once the whole time has turned out to be sound.
    ready: Vec<(L::Row, L::Diff)>,
    /// The places of keys of which nothing is left.
    gone: Vec<u32>,
    scratch: Scratch<T::Rounds, L::Output, L::Diff>,
}

struct Scratch<P, B, S> {
    rounds: Vec<P>,
    results: Vec<(B, S)>,
    old: Vec<(B, S)>,
    new: Vec<(B, S)>,
}

impl<L: Reduction, T: Lattice> Reducer<L, T> {
    pub(in crate::differential) fn new(reduction: L) -> Self {
        Reducer {
            reduction,
            groups: KeySlab::default(),
            touched: Vec::new(),
            fresh: Vec::new(),
            ready: Vec::new(),
            gone: Vec::new(),
            scratch: Scratch { rounds: Vec::new(), results: Vec::new(), old: Vec::new(), new: Vec::new() },
        }
    }

    /// One that looks at this key at once, whether it has rows or not: the place to be looked at.
    pub(super) fn with_key(reduction: L, key: L::Key) -> (Self, u32) {
        let mut reducer = Reducer::new(reduction);
        let place = reducer.groups.place(key);
        (reducer, place)
    }

    /// Whether what is kept of every key comes to nothing from some rounds on.
    #[cfg(test)]
    pub(super) fn is_steady(&mut self) -> bool {
        self.groups.iter().all(|(_, _, kept)| {
            let fault = Cell::new(None);
            let rounds = kept.input.iter().map(|(_, rounds, _)| *rounds);
            let last = rounds.reduce(T::Rounds::join).unwrap_or_default();
            let none = Sums::new(kept.input.iter(), last, |_: &L::Weight| true, &fault).next().is_none();
            let empty = Sums::new(kept.output.iter(), last, |_: &L::Diff| true, &fault).next().is_none();
            none && empty && (T::Rounds::DEPTH > 0)
        })
    }

    /// Puts the changes of a time at their keys' places.
    fn gather(&mut self, time: &T, changes: &mut Vec<(L::Data, L::By)>) -> Result<(), Unsound> {
        for (data, by) in changes.drain(..) {
            let (key, value, weight) = self.reduction.take(data, by);
            let Some(weight) = weight else { return Err(Unsound::too_many(&key, time)) };
            if weight.is_zero() {
                continue;
            }
            let place = self.groups.place(key);
            let at = &mut self.groups[place].fresh;
            if *at == 0 {
                self.touched.push(place);
                self.fresh.push(History::Empty);
                *at = u32::try_from(self.fresh.len()).expect("fewer keys than places");
            }
            if self.fresh[*at as usize - 1].add(value, (), weight).is_none() {
                return Err(Unsound::too_many(self.groups.key(place), time));
            }
        }
        Ok(())
    }

    /// Adds the places that are to be looked at again and have not changed.
    fn gather_again(&mut self, mut again: Vec<u32>) {
        again.sort_unstable();
        again.dedup();
        for place in again {
            let Some((_, kept)) = self.groups.get(place) else { continue };
            if kept.fresh == 0 || self.fresh[kept.fresh as usize - 1].is_empty() {
                self.touched.push(place);
            }
        }
    }

    /// Takes in the changes of a key.
    fn take_in(
        &mut self,
        place: u32,
        fresh: History<L::Value, (), L::Weight>,
        time: &T,
        later: &mut Later<T, u32>,
    ) -> Result<(), Unsound> {
        let rounds = time.rounds();
        let (key, kept) = self.groups.at(place);
        if T::Rounds::DEPTH > 1 || (T::Rounds::DEPTH == 1 && !fresh.is_empty()) {
            let joins = &mut self.scratch.rounds;
            joins.clear();
            kept.input.rounds_not_before(rounds, joins);
            joins.iter_mut().for_each(|join| *join = join.join(rounds));
            joins.sort_unstable();
            joins.dedup();
            joins.iter().for_each(|join| later.push(time.at_rounds(*join), place));
        }
        if kept.input.is_empty() {
            kept.input = fresh.at(rounds);
            let is_sound = kept.input.iter().all(|(_, _, weight)| L::is_sound(weight));
            return if is_sound { Ok(()) } else { Err(Fault::Negative.of(key, time)) };
        }
        let taken = fresh.drain(|value, (), weight| match kept.input.add(value, rounds, weight) {
            None => ControlFlow::Break(Fault::TooMany),
            Some(sum) if !L::is_sound(&sum) => ControlFlow::Break(Fault::Negative),
            Some(_) => ControlFlow::Continue(()),
        });
        match taken {
            ControlFlow::Break(fault) => Err(fault.of(key, time)),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    /// Finds out what a key comes to, and what that changes.
    fn look(&mut self, place: u32, time: &T) -> Result<(), Unsound> {
        let (key, kept) = self.groups.at(place);
        let fault = Cell::new(None);
        let Scratch { results, old, new, .. } = &mut self.scratch;
        results.clear();
        self.reduction.results(key, &Group::new(&kept.input, time, &fault), results);
        if results.len() > 1 && !add_up(results) {
            fault.set(Some(Fault::TooMany));
        }
        let before = Sums::new(kept.output.iter(), time.rounds(), |_: &L::Diff| true, &fault);
        let has_room = differences(before, results.drain(..), |output, diff, was_there| {
            if was_there { old.push((output, diff)) } else { new.push((output, diff)) }
        });
        if !has_room {
            fault.set(Some(Fault::TooMany));
        }
        for (output, diff) in old.drain(..).chain(new.drain(..)) {
            self.ready.push((L::row(key, output.clone()), diff.clone()));
            if kept.output.add(output, time.rounds(), diff).is_none() {
                fault.set(Some(Fault::TooMany));
            }
        }
        fault.get().map_or(Ok(()), |fault| Err(fault.of(key, time)))
    }
}

/// Between two times all that there is is what is kept of each key.
impl<L: Reduction, T: Lattice> State for Reducer<L, T>
where
    L::Key: Storable,
    L::Value: Storable,
    L::Weight: Storable,
    L::Output: Storable,
    L::Diff: Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let keep = |groups: &mut KeySlab<_, _>, owner: Owner| {
            let mut are_keyed = true;
            let all = std::mem::take(groups);
            groups.absorb(all, |key: &L::Key| {
                let hash = L::hash_of_key(key);
                are_keyed &= hash.is_some();
                hash.is_some_and(|hash| owner.owns_hash(hash))
            })?;
            if are_keyed { Ok(()) } else { Err(SameKey) }
        };
        let unite = |groups: &mut KeySlab<_, _>, other| groups.absorb(other, |_: &L::Key| true).map(drop);
        fields.state_by_key("groups", &mut self.groups, keep, unite)
    }
}

impl<L: Reduction, T: Lattice> Unary<L::Data, T, L::By> for Reducer<L, T> {
    type Row = L::Row;
    type Diff = L::Diff;
    type Key = u32;

    fn work(
        &mut self,
        time: &T,
        changes: &mut Vec<(L::Data, L::By)>,
        again: Vec<u32>,
        later: &mut Later<T, u32>,
        mut emit: impl Emit<L::Row, T, L::Diff>,
    ) -> Result<(), Unsound> {
        self.gather(time, changes)?;
        let changed = self.touched.len();
        if !again.is_empty() {
            self.gather_again(again);
        }
        let (mut touched, mut all_fresh) =
            (std::mem::take(&mut self.touched), std::mem::take(&mut self.fresh));
        let mut fresh = all_fresh.drain(..);
        for (nth, place) in touched.drain(..).enumerate() {
            let is_again = nth >= changed;
            let fresh = fresh.next().unwrap_or_default();
            self.groups[place].fresh = 0;
            if is_again || !fresh.is_empty() {
                self.take_in(place, fresh, time, later)?;
                self.look(place, time)?;
            }
            // While it is in the cache.
            let kept = &self.groups[place];
            if kept.input.is_empty() && kept.output.is_empty() {
                self.gone.push(place);
            }
        }
        drop(fresh);
        (self.touched, self.fresh) = (kept_small(touched), kept_small(all_fresh));
        self.ready.drain(..).for_each(|(row, diff)| emit(row, *time, diff));
        self.ready = kept_small(std::mem::take(&mut self.ready));
        for place in self.gone.drain(..) {
            // Its changes cancelled out, and then it was looked at again.
            let kept = &self.groups[place];
            if kept.input.is_empty() && kept.output.is_empty() {
                self.groups.release(place);
            }
        }
        Ok(())
    }
}

/// The memory of what is empty, to be used again, unless one large time needed it.
fn kept_small<X>(empty: Vec<X>) -> Vec<X> {
    if empty.capacity() <= 4_096 { empty } else { Vec::new() }
}

/// Sorts results, and adds up those that are equal; false where there is no room for that.
fn add_up<B: Ord, S: Abelian>(results: &mut Vec<(B, S)>) -> bool {
    results.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let mut has_room = true;
    results.dedup_by(|next, sum| {
        let is_same = next.0 == sum.0;
        if is_same {
            has_room &= sum.1.add(&next.1);
        }
        is_same
    });
    has_room
}

/// What has to be added to what was there for what is there, both in order and added up: the result, its diff, and whether it
/// was there; false where there is no room for that.
fn differences<'a, B: Ord + Clone + 'a, S: Abelian>(
    before: impl Iterator<Item = (&'a B, S)>,
    after: impl Iterator<Item = (B, S)>,
    mut each: impl FnMut(B, S, bool),
) -> bool {
    let (mut before, mut after) = (before.peekable(), after.peekable());
    let mut has_room = true;
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return has_room,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((was, _)), Some((is, _))) => (*was).cmp(is),
        };
        let was = if order.is_le() { before.next() } else { None };
        let is = if order.is_ge() { after.next() } else { None };
        let was_there = was.is_some();
        let (output, diff) = match (was, is) {
            (Some((output, was)), None) => (output.clone(), was.negated()),
            (Some((_, was)), Some((output, mut is))) => {
                let diff = was.negated().filter(|back| is.add(back)).map(|_| is);
                (output, diff)
            }
            (None, Some((output, is))) => (output, Some(is)),
            (None, None) => unreachable!("one of both has the lesser row"),
        };
        match diff {
            Some(diff) if diff.is_zero() => {}
            Some(diff) => each(output, diff, was_there),
            None => has_room = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_changed_is_no_difference() {
        let before = [(1, 1), (5, 1), (7, 2), (9, 1)];
        let after = [(2, 1), (5, 1), (7, 3), (8, 1)];
        let of = |after: &[(i32, i64)]| {
            let mut differences_of = Vec::new();
            let before = before.iter().map(|(row, count)| (row, *count));
            let each = |row, diff, was_there| differences_of.push((row, diff, was_there));
            assert!(differences(before, after.iter().copied(), each));
            differences_of
        };
        let expected = [(1, -1, true), (2, 1, false), (7, 1, true), (8, 1, false), (9, -1, true)];
        assert_eq!(of(&after), expected);
        assert_eq!(of(&before), []);
    }

    #[test]
    fn equal_results_are_added_up() {
        let mut results = vec![("b", 2), ("a", 1), ("b", -2), ("a", 1)];
        assert!(add_up(&mut results));
        assert_eq!(results, [("a", 2), ("b", 0)]);
        assert!(!add_up(&mut vec![("a", i64::MAX), ("a", 1)]));
    }
}
