//! The frontiers of the inputs of one operator, taken together.

use serde::{Deserialize, Serialize};

use super::{Frontier, Timestamp};

/// How far the inputs of an operator have come: each by itself, and all together.
///
/// All together are as far as the least of them, with these rules about those that are [idle](Frontier::idle):
///
/// - An input that was never heard from is at the start and holds the others (rule A2); one that has ended
///   holds nobody (rule A13).
/// - One that is idle does not hold the others. When it brings something again and is behind them, they do not
///   go back, and do not wait until it has caught up; its rows may be late then (rule A4). What it says of its frontier while
///   it is idle changes nothing for the others (rule A6).
/// - Where no active input has caught up, all together stay where they are (rule A6).
/// - Where all are idle, all together have come as far as the furthest of them, and are idle, in whichever order they
///   went idle (rule A5).
///
/// # Examples
///
/// ```
/// use streamweave::time::{Frontier, Inputs, LogicalTime};
///
/// let at = |t| Frontier::at(LogicalTime(t));
/// let mut inputs = Inputs::new(2);
/// assert_eq!(inputs.advance(0, at(5)), None);
/// assert_eq!(inputs.advance(1, at(4)), Some(at(4)));
/// assert_eq!(inputs.advance(1, at(4).idle()), Some(at(5)));
/// assert_eq!(inputs.advance(1, at(4)), None);
/// assert_eq!(inputs.advance(0, at(7)), Some(at(7)));
/// assert_eq!(inputs.advance(0, Frontier::end()), None);
/// assert_eq!(inputs.advance(1, at(8)), Some(at(8)));
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
pub struct Inputs<T: Timestamp> {
    inputs: Vec<Input<T>>,
    all: Frontier<T>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
struct Input<T: Timestamp> {
    frontier: Frontier<T>,
    /// Whether it is active and, since it last became so, was as far as all together.
    is_counted: bool,
}

impl<T: Timestamp> Inputs<T> {
    /// So many inputs, all at the start.
    pub fn new(inputs: usize) -> Self {
        let input = Input { frontier: Frontier::start(), is_counted: true };
        Inputs { inputs: vec![input; inputs], all: Frontier::start() }
    }

    /// One more input, at the start: its number. It holds the others where they are until it has caught up.
    pub fn join(&mut self) -> usize {
        self.inputs.push(Input { frontier: Frontier::start(), is_counted: true });
        self.inputs.len() - 1
    }

    /// How far all together have come.
    #[inline]
    pub fn frontier(&self) -> &Frontier<T> {
        &self.all
    }

    /// How far one input has come.
    #[inline]
    pub fn of(&self, input: usize) -> &Frontier<T> {
        &self.inputs[input].frontier
    }

    /// Learns how far an input has come; gives how far all together have, where that has changed.
    ///
    /// # Panics
    ///
    /// Where there is no such input.
    #[inline]
    pub fn advance(&mut self, input: usize, frontier: Frontier<T>) -> Option<Frontier<T>> {
        let input = &mut self.inputs[input];
        if frontier.is_idle() {
            input.is_counted = false;
        } else if !input.is_counted {
            input.is_counted = frontier.reaches(&self.all);
        }
        input.frontier = frontier;
        let all = self.together();
        if all == self.all {
            return None;
        }
        self.all = all.clone();
        Some(all)
    }

    /// Of the same inputs in several places: each is as far as in all of them; at the start where there is no place.
    pub(crate) fn least(inputs: usize, places: impl Iterator<Item = Self>) -> Self {
        let least = places.reduce(|mut least, other| {
            least.meet(&other);
            least
        });
        least.unwrap_or_else(|| Inputs::new(inputs))
    }

    /// Of the same inputs somewhere else, too: each is as far as in both.
    pub(crate) fn meet(&mut self, other: &Self) {
        for (input, other) in self.inputs.iter_mut().zip(&other.inputs) {
            input.frontier = input.frontier.meet(&other.frontier);
            input.is_counted &= other.is_counted;
        }
        self.all = self.all.meet(&other.all);
    }

    #[inline]
    fn together(&self) -> Frontier<T> {
        let counted = self.inputs.iter().filter(|input| input.is_counted && !input.frontier.is_end());
        let least = counted.fold(Frontier::end(), |least, input| least.meet(&input.frontier));
        if !least.is_end() {
            return self.not_before(least);
        }
        self.without_counted()
    }

    /// Where no active input has caught up.
    #[cold]
    fn without_counted(&self) -> Frontier<T> {
        let open = || self.inputs.iter().map(|input| &input.frontier).filter(|frontier| !frontier.is_end());
        if open().next().is_none() {
            return Frontier::end();
        }
        if open().any(|frontier| !frontier.is_idle()) {
            return self.all.clone().active();
        }
        let furthest = open().fold(self.all.clone().idle(), |furthest, frontier| {
            if frontier.is_beyond(&furthest) { frontier.clone() } else { furthest }
        });
        self.not_before(furthest)
    }

    /// A frontier, or how far all together have come already.
    #[inline]
    fn not_before(&self, frontier: Frontier<T>) -> Frontier<T> {
        if frontier.reaches(&self.all) {
            return frontier;
        }
        let all = self.all.clone();
        if frontier.is_idle() { all.idle() } else { all.active() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::LogicalTime;
    use super::*;

    fn at(t: u64) -> Frontier<LogicalTime> {
        Frontier::at(LogicalTime(t))
    }

    #[test]
    fn a2_the_least_input_counts_and_one_never_heard_from_holds_all() {
        let mut inputs = Inputs::new(3);
        assert_eq!(inputs.advance(0, at(9)), None);
        assert_eq!(inputs.advance(1, at(7)), None);
        assert_eq!(inputs.advance(2, at(3)), Some(at(3)));
        assert_eq!(inputs.advance(2, at(8)), Some(at(7)));
    }

    #[test]
    fn h10_inputs_in_several_places_are_as_far_as_the_least() {
        let place = |one, other| {
            let mut inputs = Inputs::new(2);
            inputs.advance(0, at(one));
            inputs.advance(1, at(other));
            inputs
        };
        for places in [[place(5, 9), place(7, 4)], [place(7, 4), place(5, 9)]] {
            let least = Inputs::least(2, places.into_iter());
            assert_eq!((least.of(0), least.of(1), least.frontier()), (&at(5), &at(4), &at(4)));
        }
        assert_eq!(*Inputs::<LogicalTime>::least(2, std::iter::empty()).frontier(), Frontier::start());
        for places in [[at(3), Frontier::end(), at(8)], [Frontier::end(), at(8), at(3)]] {
            assert_eq!(Frontier::least(places.iter()), at(3));
        }
    }

    #[test]
    fn a4_an_idle_input_does_not_hold_and_does_not_regress_when_it_wakes() {
        let mut inputs = Inputs::new(2);
        inputs.advance(0, at(2));
        inputs.advance(1, at(2));
        assert_eq!(inputs.advance(0, at(2).idle()), None);
        assert_eq!(inputs.advance(1, at(10)), Some(at(10)));
        // Awake, but behind: it neither regresses nor holds.
        assert_eq!(inputs.advance(0, at(4)), None);
        assert_eq!(inputs.advance(1, at(12)), Some(at(12)));
        // Caught up: it counts again.
        assert_eq!(inputs.advance(0, at(12)), None);
        assert_eq!(inputs.advance(1, at(20)), None);
        assert_eq!(inputs.advance(0, at(15)), Some(at(15)));
    }

    #[test]
    fn a5_all_idle_gives_the_furthest_in_every_order() {
        for order in [[0, 1], [1, 0]] {
            let mut inputs = Inputs::new(2);
            inputs.advance(0, at(5));
            inputs.advance(1, at(4));
            for input in order {
                let idle = inputs.of(input).idle();
                inputs.advance(input, idle);
            }
            assert_eq!(*inputs.frontier(), at(5).idle());
        }
    }

    #[test]
    fn a6_what_an_idle_input_says_changes_nothing_and_none_caught_up_holds_still() {
        let mut inputs = Inputs::new(2);
        inputs.advance(0, at(5));
        inputs.advance(1, at(5));
        inputs.advance(0, at(5).idle());
        inputs.advance(1, at(8));
        assert_eq!(inputs.advance(0, at(6).idle()), None);
        assert_eq!(inputs.advance(1, at(8).idle()), Some(at(8).idle()));
        // Awake, but behind: never the end.
        assert_eq!(inputs.advance(0, at(7)), Some(at(8)));
        assert_eq!(inputs.advance(0, at(8)), None);
        assert_eq!(inputs.advance(0, at(9)), Some(at(9)));
    }

    #[test]
    fn a13_an_ended_input_holds_nobody() {
        let mut inputs = Inputs::new(2);
        assert_eq!(inputs.advance(1, Frontier::end()), None);
        assert_eq!(inputs.advance(0, at(3)), Some(at(3)));
        assert_eq!(inputs.advance(0, at(3).idle()), Some(at(3).idle()));
        assert_eq!(inputs.advance(0, Frontier::end()), Some(Frontier::end()));
    }
}
