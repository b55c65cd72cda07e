//! What happens to a collection, and what is to come of it.

use std::fmt;

/// A row that comes (1) or goes (-1). One that goes is there.
pub(crate) type Change<R> = (R, i64);

/// What is loaded, and what changes then. It is written before the clock is read, and lies in
/// memory as long as the process lives.
#[derive(Debug)]
pub(crate) struct Script<R> {
    /// How many nodes, or keys, there are: all below this number.
    pub(crate) nodes: u32,
    /// The rows that an engine has to keep, to keep the answer: its memory is divided by them.
    pub(crate) arranged: usize,
    /// The rows at first.
    pub(crate) load: Vec<Change<R>>,
    /// The edits, one kind after another.
    pub(crate) edits: Vec<Edits<R>>,
}

/// Batches of one size.
#[derive(Debug)]
pub(crate) struct Edits<R> {
    /// The batches, in the order in which they are to be taken.
    pub(crate) batches: Vec<Vec<Change<R>>>,
    /// How many batches there are from one comparison of the answers to the next.
    pub(crate) between: usize,
}

/// What a collection comes to: how many rows it has, and a sum over their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    rows: i64,
    sum: u64,
}

impl Answer {
    /// Enters a node that is reached.
    #[inline(always)]
    pub(crate) fn enter_node(&mut self, node: u32, diff: i64) {
        self.enter(mixed(u64::from(node)), diff);
    }

    /// Enters a node with the label of its component.
    #[inline(always)]
    pub(crate) fn enter_label(&mut self, node: u32, label: u32, diff: i64) {
        self.enter(mixed(pair(node, label)), diff);
    }

    /// Enters a key with its count, and what it is joined with.
    #[inline(always)]
    pub(crate) fn enter_joined(&mut self, key: u32, count: i64, value: u32, diff: i64) {
        self.enter(mixed(mixed(pair(key, value)) ^ count as u64), diff);
    }

    #[inline(always)]
    fn enter(&mut self, hash: u64, diff: i64) {
        self.rows += diff;
        self.sum = self.sum.wrapping_add(hash.wrapping_mul(diff as u64));
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, sum {:016x}", self.rows, self.sum)
    }
}

fn pair(a: u32, b: u32) -> u64 {
    u64::from(a) << 32 | u64::from(b)
}

/// SplitMix64's last step: each bit of the number moves half of the bits of the result.
#[inline(always)]
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ number >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ number >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_depends_on_what_is_left_and_not_on_how_it_came_about() {
        let mut straight = Answer::default();
        straight.enter_label(1, 2, 1);
        let mut detour = Answer::default();
        [(3, -1), (2, 1), (3, 1)].iter().for_each(|&(label, diff)| detour.enter_label(1, label, diff));
        assert_eq!(straight, detour);
        detour.enter_label(2, 1, 1);
        detour.enter_label(1, 2, -1);
        assert_ne!(straight, detour);
    }
}
