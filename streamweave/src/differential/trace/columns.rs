//! Columns that take no room where there is nothing to say.

use std::ops::Range;

/// Where the changes of each key begin: not written down while each key has one.
#[derive(Clone, Debug, Default)]
pub(super) enum Starts {
    #[default]
    AtEach,
    At(Vec<u32>),
}

impl Starts {
    /// Notes that the next key, number `key`, begins at `start`.
    #[inline]
    pub(super) fn push(&mut self, key: usize, start: usize, room: usize) {
        match self {
            Starts::AtEach if key == start => {}
            Starts::AtEach => {
                let mut starts = Vec::with_capacity(room);
                starts.extend((0..key).map(place));
                starts.push(place(start));
                *self = Starts::At(starts);
            }
            Starts::At(starts) => starts.push(place(start)),
        }
    }

    /// Where a key begins.
    #[inline]
    pub(super) fn of(&self, key: usize) -> usize {
        match self {
            Starts::AtEach => key,
            Starts::At(starts) => starts[key] as usize,
        }
    }

    /// The number of the key that a change, number `change`, belongs to.
    pub(super) fn key_at(&self, change: usize) -> usize {
        match self {
            Starts::AtEach => change,
            Starts::At(starts) => starts.partition_point(|&start| start as usize <= change) - 1,
        }
    }

    /// Notes that the next keys, from number `key` on, begin as those of another batch do; `start` is the first's.
    pub(super) fn extend(
        &mut self,
        key: usize,
        start: usize,
        others: &Starts,
        range: Range<usize>,
        room: usize,
    ) {
        let base = others.of(range.start);
        if let (Starts::At(starts), Starts::At(others)) = (&mut *self, others) {
            // All of them are below the number of changes, of which `place` has been asked.
            let (start, base) = (place(start), base as u32);
            starts.extend(others[range].iter().map(|other| other - base + start));
            return;
        }
        for (nth, other) in range.enumerate() {
            self.push(key + nth, others.of(other) - base + start, room);
        }
    }

    pub(super) fn shrink(&mut self) {
        if let Starts::At(starts) = self {
            shrink(starts);
        }
    }
}

/// The place of a change.
#[inline]
fn place(place: usize) -> u32 {
    u32::try_from(place).expect("at most 2^32 changes in a batch")
}

/// Multiplicities: written down once while all are the same.
#[derive(Clone, Debug)]
pub(super) enum Diffs<R> {
    Same(Option<R>),
    Each(Vec<R>),
}

impl<R: Clone + PartialEq> Diffs<R> {
    /// Adds that of change number `place`.
    #[inline]
    pub(super) fn push(&mut self, place: usize, diff: R, room: usize) {
        match self {
            Diffs::Same(Some(same)) if *same == diff => {}
            Diffs::Same(same @ None) => *same = Some(diff),
            Diffs::Same(Some(same)) => {
                let mut each = Vec::with_capacity(room);
                each.resize(place, same.clone());
                each.push(diff);
                *self = Diffs::Each(each);
            }
            Diffs::Each(each) => each.push(diff),
        }
    }

    /// That of a change.
    #[inline]
    pub(super) fn of(&self, place: usize) -> &R {
        match self {
            Diffs::Same(same) => same.as_ref().expect("there is a change, and so its multiplicity"),
            Diffs::Each(each) => &each[place],
        }
    }

    /// Adds those of changes of another batch.
    pub(super) fn extend(&mut self, place: usize, others: &Diffs<R>, range: Range<usize>, room: usize) {
        match (&mut *self, others) {
            (Diffs::Same(Some(same)), Diffs::Same(Some(other))) if same == other => {}
            (Diffs::Each(each), Diffs::Each(others)) => each.extend_from_slice(&others[range]),
            (Diffs::Each(each), Diffs::Same(Some(other))) => {
                each.resize(place + range.len(), other.clone());
            }
            _ => {
                for (nth, other) in range.enumerate() {
                    self.push(place + nth, others.of(other).clone(), room);
                }
            }
        }
    }

    pub(super) fn shrink(&mut self) {
        if let Diffs::Each(each) = self {
            shrink(each);
        }
    }
}

/// Gives back room that was taken for more than came.
pub(super) fn shrink<X>(column: &mut Vec<X>) {
    if column.len() < column.capacity() / 8 * 7 {
        column.shrink_to_fit();
    }
}
