//! In which order the panes of one window come.

use std::cmp::Ordering;

/// In which order the panes of one window come.
pub trait PaneOrder<K> {
    /// Whether panes, which stand by first arrival of their keys, are to be sorted.
    const SORTS: bool;

    /// The order of the panes of two keys.
    fn compare(a: &K, b: &K) -> Ordering;
}

/// By first arrival of the key in the window.
#[derive(Clone, Copy, Debug)]
pub struct ByArrival;

/// By key.
#[derive(Clone, Copy, Debug)]
pub struct ByKey;

impl<K> PaneOrder<K> for ByArrival {
    const SORTS: bool = false;

    fn compare(_a: &K, _b: &K) -> Ordering {
        Ordering::Equal
    }
}

impl<K: Ord> PaneOrder<K> for ByKey {
    const SORTS: bool = true;

    fn compare(a: &K, b: &K) -> Ordering {
        a.cmp(b)
    }
}

/// Numbers what has arrived in a shard anew, behind this number and in the order of its own. Gives the last number.
///
/// The numbers of several shards could be put behind one another as they are; but then a counter would grow by as many times as there are
/// shards each time that they are united.
pub(crate) fn number_anew<'a>(last: u64, numbers: impl Iterator<Item = &'a mut u64>) -> u64 {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_unstable_by_key(|number| **number);
    numbers.into_iter().fold(last, |last, number| {
        *number = last + 1;
        *number
    })
}

/// The numbers of what has arrived, put in order where they lie close together, as those of one window mostly do, in linear time.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals {
    /// Who has each number from the least on.
    places: Vec<u32>,
}

/// No place.
const NOBODY: u32 = u32::MAX;

impl Arrivals {
    /// Orders pairs of a number, which no two have, and a place by the number.
    pub(super) fn order(&mut self, pairs: &mut Vec<(u64, u32)>) {
        let Some(least) = pairs.iter().map(|pair| pair.0).min() else { return };
        let greatest = pairs.iter().map(|pair| pair.0).max().unwrap_or(least);
        if !self.make_room(least, greatest, pairs.len()) {
            return pairs.sort_unstable();
        }
        for (number, place) in pairs.drain(..) {
            self.places[(number - least) as usize] = place;
        }
        let taken = (least..).zip(&self.places).filter(|(_, place)| **place != NOBODY);
        pairs.extend(taken.map(|(number, place)| (number, *place)));
    }

    /// The places of several lists, each in order, in the order of all their numbers.
    pub(super) fn merge<'a>(
        &mut self,
        lists: impl Iterator<Item = &'a [(u64, u32)]> + Clone,
    ) -> impl Iterator<Item = u32> + '_ {
        let firsts = lists.clone().filter_map(|list| list.first());
        let lasts = lists.clone().filter_map(|list| list.last());
        let least = firsts.map(|pair| pair.0).min().unwrap_or(0);
        let greatest = lasts.map(|pair| pair.0).max().unwrap_or(0);
        if self.make_room(least, greatest, lists.clone().map(<[_]>::len).sum()) {
            for list in lists {
                list.iter().for_each(|(number, place)| self.places[(number - least) as usize] = *place);
            }
        } else {
            let mut pairs: Vec<_> = lists.flatten().collect();
            pairs.sort_unstable();
            self.places.clear();
            self.places.extend(pairs.into_iter().map(|pair| pair.1));
        }
        self.places.iter().copied().filter(|place| *place != NOBODY)
    }

    /// Whether so many numbers lie close together: then there is a place, still nobody's, for each from the least to the greatest.
    fn make_room(&mut self, least: u64, greatest: u64, count: usize) -> bool {
        let Some(range) = usize::try_from(greatest - least).ok().filter(|range| range / 8 <= count) else {
            return false;
        };
        self.places.clear();
        self.places.resize(range + 1, NOBODY);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_numbered_anew_keeps_its_order_and_no_two_have_one_number() {
        let mut shards = [vec![9, 4, 700], vec![], vec![1, 9]];
        let last = shards.iter_mut().fold(0, |last, shard| number_anew(last, shard.iter_mut()));
        assert_eq!((last, shards), (5, [vec![2, 1, 3], vec![], vec![4, 5]]));
    }

    #[test]
    fn arrivals_are_ordered_whether_they_lie_close_together_or_not() {
        let mut drawn = 7_u64;
        for spread in [1, 3, 7, 20, 1_000] {
            let mut pairs: Vec<(u64, u32)> = (0..500_u32)
                .map(|place| {
                    drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (u64::from(place) * spread + 5, (drawn >> 40) as u32)
                })
                .collect();
            let expected = pairs.clone();
            pairs.sort_by_key(|pair| pair.1);
            Arrivals::default().order(&mut pairs);
            assert_eq!(pairs, expected, "{spread}");

            let (even, odd): (Vec<_>, Vec<_>) = pairs.iter().partition(|pair| pair.1 % 2 == 0);
            let mut arrivals = Arrivals::default();
            let merged = arrivals.merge([&even[..], &[], &odd[..]].into_iter());
            assert!(merged.eq(expected.iter().map(|pair| pair.1)), "{spread}");
        }
        let mut none = Vec::new();
        Arrivals::default().order(&mut none);
        assert!(none.is_empty());
        assert_eq!(Arrivals::default().merge([].into_iter()).count(), 0);
    }
}
