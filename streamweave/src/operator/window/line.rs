//! What is open, in order of time.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A queue in a vector: the last is where a vector has it, because almost every row asks for that, and the first is taken without
/// moving the others each time.
#[derive(Clone, Debug)]
pub(super) struct Line<X> {
    /// Those before `taken` are no longer there; there is one after them, or none at all.
    items: Vec<X>,
    taken: usize,
}

impl<X> Default for Line<X> {
    fn default() -> Self {
        Line { items: Vec::new(), taken: 0 }
    }
}

/// Those that are there; their numbers are others once they have been loaded.
impl<X: Serialize> Serialize for Line<X> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.items[self.taken..].serialize(serializer)
    }
}

impl<'de, X: Deserialize<'de>> Deserialize<'de> for Line<X> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Line { items: Vec::deserialize(deserializer)?, taken: 0 })
    }
}

impl<X> Line<X> {
    /// Those that are there, the first one first.
    pub(super) fn from_vec(items: Vec<X>) -> Self {
        Line { items, taken: 0 }
    }

    /// All of them, the first one first.
    pub(super) fn into_vec(mut self) -> Vec<X> {
        self.items.drain(..self.taken);
        self.items
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &X> {
        self.items[self.taken..].iter()
    }

    /// All of them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut X> {
        self.items[self.taken..].iter_mut()
    }
}

impl<X: Default> Line<X> {
    /// The number of the last one.
    #[inline(always)]
    pub(super) fn last(&self) -> Option<usize> {
        self.items.len().checked_sub(1)
    }

    /// One more than the number of the last one.
    #[inline(always)]
    pub(super) fn end(&self) -> usize {
        self.items.len()
    }

    /// The one of this number, or what is left where one was taken.
    #[inline(always)]
    pub(super) fn get(&self, number: usize) -> Option<&X> {
        self.items.get(number)
    }

    /// The one of this number.
    #[inline(always)]
    pub(super) fn at(&mut self, number: usize) -> &mut X {
        &mut self.items[number]
    }

    /// The first one.
    pub(super) fn first(&self) -> Option<&X> {
        self.items.get(self.taken)
    }

    /// The number of the last one of which this is true; it is true of those before, too.
    pub(super) fn last_where(&self, is_before: impl FnMut(&X) -> bool) -> Option<usize> {
        self.items[self.taken..].partition_point(is_before).checked_sub(1).map(|at| self.taken + at)
    }

    /// Puts one at the end.
    pub(super) fn push(&mut self, item: X) {
        self.items.push(item);
    }

    /// Puts one behind those of which this is true; gives its number.
    pub(super) fn insert(&mut self, item: X, is_before: impl FnMut(&X) -> bool) -> usize {
        let at = self.last_where(is_before).map_or(self.taken, |before| before + 1);
        self.items.insert(at, item);
        at
    }

    /// Takes the first one.
    pub(super) fn take_first(&mut self) -> Option<X> {
        let first = std::mem::take(self.items.get_mut(self.taken)?);
        self.taken += 1;
        if self.taken * 2 > self.items.len() {
            self.items.drain(..self.taken);
            self.taken = 0;
        }
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[test]
    fn a_line_is_a_queue_in_order() {
        let (mut line, mut naive) = (Line::default(), VecDeque::new());
        let mut drawn = 7_u64;
        for _ in 0..20_000 {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let item = (drawn >> 40) % 1_000;
            match drawn >> 62 {
                0 => assert_eq!(line.take_first(), naive.pop_front()),
                1 if naive.back().is_none_or(|last| *last <= item) => {
                    line.push(item);
                    naive.push_back(item);
                }
                _ => {
                    let at = naive.partition_point(|other| *other <= item);
                    naive.insert(at, item);
                    let number = line.insert(item, |other| *other <= item);
                    assert_eq!(*line.at(number), item);
                }
            }
            assert_eq!(line.first(), naive.front());
            assert_eq!(line.last().map(|last| *line.at(last)), naive.back().copied());
            let before = naive.partition_point(|other| *other < item).checked_sub(1);
            let found = line.last_where(|other| *other < item);
            assert_eq!(found.map(|at| *line.at(at)), before.map(|at| naive[at]));
        }
    }
}
