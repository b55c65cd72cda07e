//! What is to happen at times, in the order of those times.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Items with times, taken in order of time; at one time in order of arrival.
///
/// An item that is before few of those already there costs amortised constant time: it goes to the end of a queue, or near to
/// it. Only what is far out of order goes to a heap, whose cost is the logarithm of how many such items wait.
///
/// # Examples
///
/// ```
/// use streamweave::state::Due;
///
/// let mut due = Due::default();
/// for (time, item) in [(1, 'a'), (5, 'b'), (3, 'c'), (5, 'd'), (3, 'e')] {
///     due.push(time, item);
/// }
/// assert_eq!(due.time(), Some(&1));
/// let order: String = std::iter::from_fn(|| due.pop()).map(|(_, item)| item).collect();
/// assert_eq!(order, "acebd");
/// ```
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(bound(
    serialize = "T: serde::Serialize + Ord, X: serde::Serialize",
    deserialize = "T: serde::Deserialize<'de> + Ord, X: serde::Deserialize<'de>"
))]
pub struct Due<T, X> {
    in_order: VecDeque<Entry<T, X>>,
    others: BinaryHeap<Reverse<Entry<T, X>>>,
    /// How many have come.
    arrivals: u64,
}

/// Before how many items in the queue another may be put.
const NEAR: usize = 16;

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Entry<T, X> {
    time: T,
    arrival: u64,
    item: X,
}

impl<T: Ord, X> Ord for Entry<T, X> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.time.cmp(&other.time).then(self.arrival.cmp(&other.arrival))
    }
}

impl<T: Ord, X> PartialOrd for Entry<T, X> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord, X> PartialEq for Entry<T, X> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T: Ord, X> Eq for Entry<T, X> {}

impl<T: Ord, X> Default for Due<T, X> {
    fn default() -> Self {
        Due { in_order: VecDeque::new(), others: BinaryHeap::new(), arrivals: 0 }
    }
}

impl<T: Ord, X> Due<T, X> {
    /// How many items wait.
    pub fn len(&self) -> usize {
        self.in_order.len() + self.others.len()
    }

    /// Whether no item waits.
    pub fn is_empty(&self) -> bool {
        self.in_order.is_empty() && self.others.is_empty()
    }

    /// Items that wait, each with its time and the number of its arrival, where so many have come.
    ///
    /// It gives them as the one gave that they were noted of: so who keeps time and number beside the item need not save the queue.
    pub(crate) fn of(items: impl IntoIterator<Item = (T, u64, X)>, arrivals: u64) -> Self {
        let entries = items.into_iter().map(|(time, arrival, item)| Entry { time, arrival, item });
        let mut in_order: Vec<_> = entries.collect();
        in_order.sort_unstable();
        Due { in_order: in_order.into(), others: BinaryHeap::new(), arrivals }
    }

    /// How many items have come: the number of the next one.
    pub(crate) fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Puts an item at its time.
    #[inline]
    pub fn push(&mut self, time: T, item: X) {
        let entry = Entry { time, arrival: self.arrivals, item };
        self.arrivals += 1;
        match self.in_order.back() {
            Some(last) if last.time > entry.time => self.push_before(entry),
            _ => self.in_order.push_back(entry),
        }
    }

    /// Puts an item that is before the last of the queue.
    fn push_before(&mut self, entry: Entry<T, X>) {
        let len = self.in_order.len();
        if len > NEAR && self.in_order[len - 1 - NEAR].time > entry.time {
            return self.others.push(Reverse(entry));
        }
        let later = self.in_order.iter().rev().take_while(|other| other.time > entry.time).count();
        self.in_order.insert(len - later, entry);
    }

    /// The least time.
    #[inline]
    pub fn time(&self) -> Option<&T> {
        self.first().map(|entry| &entry.time)
    }

    /// The item that is next, with its time.
    #[inline]
    pub fn peek(&self) -> Option<(&T, &X)> {
        self.first().map(|entry| (&entry.time, &entry.item))
    }

    /// Takes the item that is next.
    #[inline]
    pub fn pop(&mut self) -> Option<(T, X)> {
        self.pop_numbered().map(|(time, _, item)| (time, item))
    }

    /// Takes the item that is next, with the number of its arrival.
    #[inline]
    pub(crate) fn pop_numbered(&mut self) -> Option<(T, u64, X)> {
        let entry = if self.is_out_of_order_next() {
            self.others.pop().map(|Reverse(entry)| entry)
        } else {
            self.in_order.pop_front()
        };
        entry.map(|entry| (entry.time, entry.arrival, entry.item))
    }

    /// The items of which `keep` gives something, as what it gives, in their order.
    pub(crate) fn filter_map<Y>(mut self, mut keep: impl FnMut(X) -> Option<Y>) -> Due<T, Y> {
        let mut kept = Due::default();
        while let Some((time, item)) = self.pop() {
            if let Some(item) = keep(item) {
                kept.push(time, item);
            }
        }
        kept
    }

    /// Takes over the items of another; at one time they come behind its own.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        let mut own = std::mem::take(self);
        loop {
            let is_others = match (own.time(), other.time()) {
                (None, None) => return,
                (Some(own), Some(other)) => other < own,
                (own, None) => own.is_none(),
                (None, Some(_)) => true,
            };
            if let Some((time, item)) = if is_others { other.pop() } else { own.pop() } {
                self.push(time, item);
            }
        }
    }

    /// Drops every item.
    pub fn clear(&mut self) {
        *self = Due::default();
    }

    #[inline]
    fn first(&self) -> Option<&Entry<T, X>> {
        if self.is_out_of_order_next() {
            self.others.peek().map(|Reverse(entry)| entry)
        } else {
            self.in_order.front()
        }
    }

    #[inline]
    fn is_out_of_order_next(&self) -> bool {
        match (self.in_order.front(), self.others.peek()) {
            (Some(front), Some(Reverse(other))) => other < front,
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Chance;
    use super::*;

    #[test]
    fn what_is_loaded_goes_on_in_the_same_order() {
        let (mut due, mut chance) = (Due::default(), Chance(9));
        for item in 0..400_u64 {
            due.push(chance.below(50) as u64, item);
            if chance.below(3) == 0 {
                due.pop();
            }
        }
        let mut bytes = Vec::new();
        super::super::codec::encode(&due, &mut bytes);
        let mut loaded: Due<u64, u64> = super::super::codec::decode(&bytes).expect("it is what was saved");
        for item in 400..600 {
            let time = chance.below(50) as u64;
            for due in [&mut due, &mut loaded] {
                due.push(time, item);
            }
        }
        while !due.is_empty() {
            assert_eq!(loaded.pop(), due.pop());
        }
        assert!(loaded.is_empty());
    }

    #[test]
    fn what_is_made_of_numbered_items_goes_on_in_the_same_order() {
        let (mut due, mut waiting, mut chance) = (Due::default(), Vec::new(), Chance(4));
        for item in 0..400_u64 {
            let time = chance.below(50) as u64;
            waiting.push((time, due.arrivals(), item));
            due.push(time, item);
            if chance.below(3) == 0 {
                let next = due.pop_numbered().expect("there is one at least");
                waiting.retain(|entry| *entry != next);
            }
        }
        assert_eq!(waiting.len(), due.len());
        waiting.reverse();
        let mut again = Due::of(waiting, due.arrivals());
        for item in 400..600 {
            let time = chance.below(50) as u64;
            for due in [&mut due, &mut again] {
                due.push(time, item);
            }
        }
        while !due.is_empty() {
            assert_eq!(again.pop_numbered(), due.pop_numbered());
        }
        assert!(again.is_empty());
    }

    #[test]
    fn items_of_two_come_by_time_and_then_those_of_the_first_first() {
        let (mut chance, mut naive) = (Chance(5), Vec::new());
        let [mut due, other] = [0, 1].map(|which| {
            let mut due = Due::default();
            for arrival in 0..500_u64 {
                let time = chance.below(100) as u64;
                due.push(time, (which, arrival));
                naive.push((time, (which, arrival)));
            }
            due
        });
        due.absorb(other);
        due = due.filter_map(|(which, arrival)| (arrival % 3 > 0).then_some((which, arrival)));
        due.push(50, (2, 1));
        naive.push((50, (2, 1)));
        naive.retain(|(_, (_, arrival))| arrival % 3 > 0);
        naive.sort_unstable();
        assert!(std::iter::from_fn(|| due.pop()).eq(naive));
    }

    #[test]
    fn items_come_by_time_and_then_by_arrival() {
        let (mut due, mut naive) = (Due::default(), Vec::new());
        let mut chance = Chance(3);
        for arrival in 0..20_000_u64 {
            if chance.below(3) == 0 {
                naive.sort_unstable();
                let expected = (!naive.is_empty()).then(|| naive.remove(0));
                assert_eq!(due.time().copied(), expected.map(|(time, _)| time));
                assert_eq!(due.pop(), expected);
            } else if naive.len() < 40 {
                let time = arrival / 10 + chance.below(8) as u64;
                due.push(time, arrival);
                naive.push((time, arrival));
            }
            assert_eq!((due.len(), due.is_empty()), (naive.len(), naive.is_empty()));
        }
    }
}
