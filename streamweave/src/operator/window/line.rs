//! What is open, in order of time.

/// What holds the rows of a span of time, in microseconds.
pub(super) trait Span: Default {
    /// When it begins; the greatest time where it is none.
    fn start(&self) -> i64;

    /// The last time in it; less than the start where it is none.
    fn last(&self) -> i64;
}

/// Spans that do not overlap, by their starts. They stand in a vector: almost every row asks for the last few, and the first is taken
/// without moving the others each time. Among `NEAR` and one, the newest ones, that of a time is found without a look at the others.
#[derive(Clone, Debug)]
pub(super) struct Line<X, const NEAR: usize> {
    /// Those before `taken` are no longer there; there is one after them, or none at all.
    items: Vec<X>,
    taken: usize,
    /// When the last of them start, the newest first; the least time where there are not so many.
    starts: [i64; NEAR],
}

impl<X, const NEAR: usize> Default for Line<X, NEAR> {
    fn default() -> Self {
        Line { items: Vec::new(), taken: 0, starts: [i64::MIN; NEAR] }
    }
}

impl<X, const NEAR: usize> Line<X, NEAR> {
    /// All of them, the first one first.
    pub(super) fn into_vec(mut self) -> Vec<X> {
        self.items.drain(..self.taken);
        self.items
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &X> {
        self.items[self.taken..].iter()
    }

    /// All of them.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut X> {
        self.items[self.taken..].iter_mut()
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
}

impl<X: Span, const NEAR: usize> Line<X, NEAR> {
    /// Those that are there, by their starts.
    pub(super) fn from_vec(items: Vec<X>) -> Self {
        let mut line = Line { items, ..Line::default() };
        line.set_starts();
        line
    }

    fn set_starts(&mut self) {
        self.starts = [i64::MIN; NEAR];
        let items = self.items[self.taken..].iter().rev();
        self.starts.iter_mut().zip(items).for_each(|(start, item)| *start = item.start());
    }

    /// The number of the one that a time is in, if it is among the newest ones.
    ///
    /// Rows out of order belong to the last few, in no order that a processor could foresee: so it is calculated to which, and
    /// there is no branch.
    #[inline(always)]
    pub(super) fn find_near(&self, time: i64) -> Option<usize> {
        let after: usize = self.starts.iter().map(|start| usize::from(time < *start)).sum();
        let number = self.items.len().wrapping_sub(after + 1);
        self.items.get(number).filter(|item| item.start() <= time && time <= item.last()).map(|_| number)
    }

    /// The number of the one that a time is in.
    pub(super) fn find(&self, time: i64) -> Option<usize> {
        let before = self.items[self.taken..].partition_point(|item| item.start() <= time).checked_sub(1)?;
        let number = self.taken + before;
        (time <= self.items[number].last()).then_some(number)
    }

    /// Puts one at its place; gives its number.
    pub(super) fn insert(&mut self, item: X) -> usize {
        let start = item.start();
        let at = self.taken + self.items[self.taken..].partition_point(|other| other.start() < start);
        self.items.insert(at, item);
        self.set_starts();
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
        self.set_starts();
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::state::Chance;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Both(i64, i64);

    impl Default for Both {
        fn default() -> Self {
            Both(i64::MAX, i64::MIN)
        }
    }

    impl Span for Both {
        fn start(&self) -> i64 {
            self.0
        }

        fn last(&self) -> i64 {
            self.1
        }
    }

    #[test]
    fn a_time_is_found_where_it_is_whatever_has_come_and_gone() {
        let (mut line, mut naive, mut chance) = (Line::<Both, 3>::default(), BTreeMap::new(), Chance(3));
        for _ in 0..20_000 {
            // Spans of seven, with a gap of three behind each, near to the greatest one.
            let newest = naive.last_key_value().map_or(0, |(start, _)| *start);
            let start = newest + 10 * (chance.below(9) as i64 - 6);
            match chance.below(3) {
                0 => {
                    let first = naive.pop_first().map(|(_, both)| both);
                    assert_eq!(line.take_first(), first);
                }
                _ => {
                    naive.entry(start).or_insert_with(|| {
                        let both = Both(start, start + 6);
                        let number = line.insert(both);
                        assert_eq!(*line.at(number), both);
                        both
                    });
                }
            }
            assert_eq!(line.first(), naive.first_key_value().map(|(_, both)| both));
            for time in
                [start - 11, start - 1, start, start + 6, start + 7, newest, newest + 16, i64::MIN, i64::MAX]
            {
                let known =
                    naive.range(..=time).next_back().map(|(_, both)| *both).filter(|both| time <= both.1);
                let near: Vec<Both> = naive.values().rev().take(4).copied().collect();
                let found = line.find(time).map(|number| *line.at(number));
                assert_eq!(found, known);
                let found = line.find_near(time).map(|number| *line.at(number));
                assert_eq!(found, known.filter(|known| near.contains(known)));
            }
        }
        assert!(line.into_vec().into_iter().eq(naive.into_values()));
    }
}
