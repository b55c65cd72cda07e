//! The rows and frontiers that an asynchronous operator holds, in the order in which they came.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;

use super::calls::Order;
use crate::envelope::Update;
use crate::time::{Frontier, Timestamp};

/// Rows whose calls are under way or ended, and the frontiers between them.
#[derive(Debug)]
pub(super) struct Slots<B, T: Timestamp, R> {
    /// Each with its number, counted from the start of the run.
    slots: VecDeque<(u64, Slot<B, T, R>)>,
    /// The number of the next slot.
    next: u64,
    /// How many of them are gone.
    gone: usize,
    order: Order,
    /// Where rows of one group keep their order: the slots of each, in order, that were not handed on.
    lines: HashMap<u64, VecDeque<u64>, FixedState>,
    /// How many rows have been called for and not been handed on.
    rows: usize,
}

#[derive(Debug)]
enum Slot<B, T: Timestamp, R> {
    Called {
        time: T,
        diff: R,
        group: u64,
    },
    Ended {
        row: Update<B, T, R>,
        group: u64,
    },
    /// Handed on, out of turn.
    Gone,
    Frontier(Frontier<T>),
}

/// What can be handed on.
#[derive(Debug)]
pub(super) enum Due<B, T: Timestamp, R> {
    /// Of the slot with this number.
    Row(u64, Update<B, T, R>),
    Frontier(Frontier<T>),
}

/// What has not been handed on.
#[derive(Debug)]
pub(super) enum Held<'a, T: Timestamp, R> {
    /// In the slot with this number.
    Row(u64, &'a T, &'a R),
    Frontier(&'a Frontier<T>),
}

impl<B, T: Timestamp, R> Slots<B, T, R> {
    pub(super) fn new(order: Order) -> Self {
        Slots { slots: VecDeque::new(), next: 0, gone: 0, order, lines: HashMap::default(), rows: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many rows have been called for and not been handed on.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The number of the next slot.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether what the slots before this one held has been handed on.
    pub(super) fn are_gone_before(&self, number: u64) -> bool {
        let held = self.slots.iter().find(|(_, slot)| !matches!(slot, Slot::Gone));
        held.is_none_or(|(first, _)| *first >= number)
    }

    /// The number of the first slot that has not been handed on.
    pub(super) fn first(&self) -> u64 {
        let mut held = self.slots.iter().filter(|(_, slot)| !matches!(slot, Slot::Gone));
        held.next().map_or(self.next, |(number, _)| *number)
    }

    /// Holds nothing; the next slot has this number.
    pub(super) fn begin_at(&mut self, number: u64) {
        *self = Slots { next: number, ..Slots::new(self.order) };
    }

    /// What has not been handed on: rows with the numbers of their slots, and the frontiers among them.
    pub(super) fn held(&self) -> impl Iterator<Item = Held<'_, T, R>> {
        self.slots.iter().filter_map(|(number, slot)| match slot {
            Slot::Called { time, diff, .. } | Slot::Ended { row: Update { time, diff, .. }, .. } => {
                Some(Held::Row(*number, time, diff))
            }
            Slot::Frontier(frontier) => Some(Held::Frontier(frontier)),
            Slot::Gone => None,
        })
    }

    /// A call for a row of a group at `time`: the number of its slot.
    pub(super) fn call(&mut self, time: T, diff: R, group: u64) -> u64 {
        self.rows += 1;
        if self.order == Order::OfGroups {
            self.lines.entry(group).or_default().push_back(self.next);
        }
        self.add(Slot::Called { time, diff, group })
    }

    fn add(&mut self, slot: Slot<B, T, R>) -> u64 {
        let number = self.next;
        self.slots.push_back((number, slot));
        self.next += 1;
        number
    }

    /// A frontier; of several in a row the last is enough.
    pub(super) fn advance(&mut self, frontier: Frontier<T>) {
        match self.slots.back_mut() {
            Some((_, Slot::Frontier(last))) => *last = frontier,
            _ => _ = self.add(Slot::Frontier(frontier)),
        }
    }

    /// The call in slot number `number` has ended.
    pub(super) fn end(&mut self, number: u64, data: B) {
        let at =
            self.slots.binary_search_by_key(&number, |(number, _)| *number).expect("a slot that is held");
        let slot = &mut self.slots[at].1;
        if let Slot::Called { time, diff, group } = std::mem::replace(slot, Slot::Gone) {
            *slot = Slot::Ended { row: Update { data, time, diff }, group };
        }
    }

    /// Whether [`next_due`](Slots::next_due) would give something.
    pub(super) fn is_due(&self) -> bool {
        match self.order {
            Order::Rows => !matches!(self.slots.front(), None | Some((_, Slot::Called { .. }))),
            Order::Ends | Order::OfGroups => {
                matches!(self.slots.front(), Some((_, Slot::Frontier(_))))
                    || self.ended_before_frontier().is_some()
            }
        }
    }

    /// The next row or frontier to be handed on.
    pub(super) fn next_due(&mut self) -> Option<Due<B, T, R>> {
        let due = self.take_due();
        self.rows -= usize::from(matches!(due, Some(Due::Row(..))));
        due
    }

    fn take_due(&mut self) -> Option<Due<B, T, R>> {
        loop {
            match self.slots.pop_front()? {
                (number, Slot::Ended { row, group }) => {
                    self.leave_line(group);
                    return Some(Due::Row(number, row));
                }
                (_, Slot::Frontier(frontier)) => return Some(Due::Frontier(frontier)),
                (_, Slot::Gone) => self.gone -= 1,
                called @ (_, Slot::Called { .. }) => {
                    self.slots.push_front(called);
                    return self.out_of_turn();
                }
            }
        }
    }

    /// A row whose call has ended before that of the first, where their order does not matter.
    fn out_of_turn(&mut self) -> Option<Due<B, T, R>> {
        if self.order == Order::Rows {
            return None;
        }
        let at = self.ended_before_frontier()?;
        let number = self.slots[at].0;
        let slot = std::mem::replace(&mut self.slots[at].1, Slot::Gone);
        self.gone += 1;
        // However long the first call takes, what is gone behind it neither stays nor is looked through.
        if self.gone * 2 > self.slots.len() {
            self.slots.retain(|(_, slot)| !matches!(slot, Slot::Gone));
            self.gone = 0;
        }
        match slot {
            Slot::Ended { row, group } => {
                self.leave_line(group);
                Some(Due::Row(number, row))
            }
            Slot::Called { .. } | Slot::Gone | Slot::Frontier(_) => None,
        }
    }

    /// The first of a group is handed on.
    fn leave_line(&mut self, group: u64) {
        if self.order == Order::OfGroups
            && let Some(line) = self.lines.get_mut(&group)
        {
            line.pop_front();
            if line.is_empty() {
                self.lines.remove(&group);
            }
        }
    }

    /// Whether nothing stands before this slot that has to be handed on first.
    fn is_first(&self, number: u64, group: u64) -> bool {
        self.order != Order::OfGroups
            || self.lines.get(&group).and_then(|line| line.front()).is_some_and(|first| *first == number)
    }

    fn ended_before_frontier(&self) -> Option<usize> {
        let reach = self.slots.iter().take_while(|(_, slot)| !matches!(slot, Slot::Frontier(_)));
        reach.enumerate().find_map(|(at, (number, slot))| match slot {
            Slot::Ended { group, .. } => self.is_first(*number, *group).then_some(at),
            Slot::Called { .. } | Slot::Gone | Slot::Frontier(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::LogicalTime;

    fn rows(slots: &mut Slots<char, LogicalTime, ()>) -> String {
        std::iter::from_fn(|| slots.next_due())
            .map(|due| match due {
                Due::Row(_, row) => row.data,
                Due::Frontier(_) => '|',
            })
            .collect()
    }

    fn ended(order: Order, ends: &str) -> Vec<String> {
        ended_of("ab|c", order, ends)
    }

    /// What is handed on after each end; `a` and `A` are of one group.
    fn ended_of(rows_and_frontiers: &str, order: Order, ends: &str) -> Vec<String> {
        let mut slots = Slots::new(order);
        let t = LogicalTime(0);
        let numbers: Vec<(char, u64)> = rows_and_frontiers
            .chars()
            .filter_map(|name| match name {
                '|' => {
                    slots.advance(Frontier::at(t));
                    None
                }
                name => Some((name, slots.call(t, (), u64::from(name.to_ascii_lowercase())))),
            })
            .collect();
        let number = |name: char| numbers.iter().find(|(other, _)| *other == name).expect("it is called").1;
        ends.chars()
            .map(|name| {
                slots.end(number(name), name);
                assert_eq!(slots.is_due(), slots.is_due());
                rows(&mut slots)
            })
            .collect()
    }

    #[test]
    fn i1_in_order_of_rows() {
        assert_eq!(ended(Order::Rows, "bca"), ["", "", "ab|c"]);
        assert_eq!(ended(Order::Rows, "abc"), ["a", "b|", "c"]);
    }

    #[test]
    fn i2_in_order_of_ends_but_never_across_a_frontier() {
        assert_eq!(ended(Order::Ends, "bca"), ["b", "", "a|c"]);
        assert_eq!(ended(Order::Ends, "cba"), ["", "b", "a|c"]);
    }

    #[test]
    fn i7_in_order_of_the_rows_of_a_key_and_never_across_a_frontier() {
        let ended = |ends| ended_of("abAB|c", Order::OfGroups, ends);
        assert_eq!(ended_of("abAcB", Order::OfGroups, "AcBba"), ["", "c", "", "bB", "aA"]);
        assert_eq!(ended("ABcab"), ["", "", "", "aA", "bB|c"]);
        assert_eq!(ended_of("abA|B", Order::OfGroups, "BbAa"), ["", "b", "", "aA|B"]);
    }
}
