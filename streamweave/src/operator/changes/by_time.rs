//! Groups of rows that change, time by time.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::hash::Hash;
use std::task::Poll;

use foldhash::fast::FixedState;

use crate::envelope::{Keyed, ToDiff, Update};
use crate::operator::{Cause, Cx, Input, Operator, Outcome, Progress, Resume, Turn, bounds};
use crate::port::{Port, Push};
use crate::state::{OrderedMap, TimeQueue};
use crate::time::{Frontier, TotalOrder};

bounds! {
    /// What an error can name.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be shown",
        label = "an error has to name this key: it must be `Debug`",
        note = "derive `Debug` for it"
    )]
    Shown: (Debug);
}

/// What is known of the rows of a group, and what it comes to.
pub trait Group<V> {
    /// What it comes to is rows of this type, each so many times.
    type Row: Ord;

    /// Changes the multiplicity of a row; false where it has no room for that.
    #[must_use]
    fn change(&mut self, row: V, by: i64) -> bool;

    /// Whether no row's multiplicity is below zero.
    fn is_sound(&self) -> bool;

    /// Whether there is no row.
    fn is_empty(&self) -> bool;

    /// What it comes to, the greatest first; none of them 0 times.
    fn rows(&self) -> Vec<(Self::Row, i64)>;
}

/// There is no such collection: a multiplicity is below zero at a closed time, or too large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsound {
    key: String,
    time: String,
    is_too_large: bool,
}

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unsound { key, time, is_too_large } = self;
        match is_too_large {
            false => write!(f, "more rows of key {key} were taken back than there were, at {time}"),
            true => write!(f, "there are more rows of key {key} than can be counted, at {time}"),
        }
    }
}

impl std::error::Error for Unsound {}

/// Groups of rows by key, and the changes of times that are open.
#[derive(Clone, Debug)]
pub struct ByTime<K, V, T: TotalOrder, G, I> {
    waiting: TimeQueue<(K, V, i64), T>,
    groups: HashMap<K, G, FixedState>,
    init: I,
    frontier: Frontier<T>,
    /// Why it cannot go on, and whether that has been said.
    failed: Option<Option<Unsound>>,
}

impl<K, V, T: TotalOrder, G, I> ByTime<K, V, T, G, I> {
    pub(super) fn new(init: I) -> Self {
        let (waiting, groups) = (TimeQueue::new(), HashMap::default());
        ByTime { waiting, groups, init, frontier: Frontier::start(), failed: None }
    }

    fn poll_failed(&mut self) -> Poll<Result<(), Cause>> {
        let failed = self.failed.as_mut().and_then(Option::take);
        failed.map_or(Poll::Pending, |unsound| Poll::Ready(Err(unsound.into())))
    }
}

impl<K, V, T, G, I> ByTime<K, V, T, G, I>
where
    K: Hash + Eq + Clone + Debug,
    T: TotalOrder,
    G: Group<V>,
    I: FnMut() -> G,
{
    /// Works on the times that the frontier closes, and emits what has changed; false where it cannot go on.
    fn close(&mut self, frontier: &Frontier<T>, mut emit: impl FnMut(&K, G::Row, T, i64)) -> bool {
        let mut touched = OrderedMap::default();
        while self.failed.is_none()
            && let Some((time, (key, row, diff))) = self.waiting.pop_closed(frontier)
        {
            touched.entry(key, Vec::new).push((row, diff));
            if self.waiting.next_time() != Some(&time) {
                self.work(&time, touched.drain(), &mut emit);
            }
        }
        self.frontier = frontier.clone();
        self.failed.is_none()
    }

    /// Works on the changes of one time.
    fn work(
        &mut self,
        time: &T,
        touched: impl Iterator<Item = (K, Vec<(V, i64)>)>,
        emit: &mut impl FnMut(&K, G::Row, T, i64),
    ) {
        let mut changed = Vec::new();
        for (key, changes) in touched {
            let group = self.groups.entry(key.clone()).or_insert_with(&mut self.init);
            let before = group.rows();
            let has_room = changes.into_iter().all(|(row, by)| group.change(row, by));
            if !has_room || !group.is_sound() {
                let (key, time) = (format!("{key:?}"), format!("{time:?}"));
                self.failed = Some(Some(Unsound { key, time, is_too_large: !has_room }));
                return;
            }
            let after = group.rows();
            if group.is_empty() {
                self.groups.remove(&key);
            }
            changed.push((key, difference(before, after)));
        }
        for (key, changes) in changed {
            changes.into_iter().for_each(|(row, diff)| emit(&key, row, time.clone(), diff));
        }
    }
}

/// What has to be taken back, and then what has to be put in, each with the greatest first; both lists stand in that order.
fn difference<D: Ord>(before: Vec<(D, i64)>, after: Vec<(D, i64)>) -> Vec<(D, i64)> {
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
    loop {
        let (row, diff) = match (before.peek(), after.peek()) {
            (None, None) => break,
            (Some((old, _)), Some((row, _))) if old == row => {
                let (_, old) = before.next().expect("it was there just now");
                let (row, now) = after.next().expect("it was there just now");
                (row, now - old)
            }
            (Some((old, _)), row) if row.is_none_or(|(row, _)| old > row) => {
                let (row, old) = before.next().expect("it was there just now");
                (row, -old)
            }
            _ => after.next().expect("one of both is there"),
        };
        match diff {
            0 => {}
            ..0 => gone.push((row, diff)),
            _ => new.push((row, diff)),
        }
    }
    gone.append(&mut new);
    gone
}

impl<K, V, T: TotalOrder, G, I> Operator for ByTime<K, V, T, G, I> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    const ACTIVE: bool = true;

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.poll_failed()
    }

    fn idle(&mut self) -> bool {
        !matches!(self.failed, Some(Some(_)))
    }

    fn finish(&mut self) {}
}

impl<K, V, T: TotalOrder, G, I, Outs> Resume<Outs> for ByTime<K, V, T, G, I> {
    fn resume(&mut self, _outs: &mut Outs, _cx: &mut Cx) -> Progress {
        Progress::More
    }
}

impl<K, V, T, R, G, I, S, L> Input<0, Keyed<K, V>, T, R, (Port<S>, Port<L>)> for ByTime<K, V, T, G, I>
where
    K: Hash + Eq + Clone + Debug,
    T: TotalOrder,
    R: ToDiff<Diff = i64>,
    G: Group<V>,
    I: FnMut() -> G,
    S: Push<Keyed<K, G::Row>, T, i64>,
    L: Push<Update<Keyed<K, V>, T, R>, (), ()>,
{
    fn push(&mut self, row: Update<Keyed<K, V>, T, R>, (_, late): &mut (Port<S>, Port<L>), cx: &mut Cx) {
        if self.frontier.closes(&row.time) {
            cx.late();
            return late.push(Update::from(row));
        }
        cx.absorbed();
        self.waiting.push(row.time, (), (row.data.key, row.data.value, row.diff.to_diff()));
    }

    fn advance(&mut self, frontier: Frontier<T>, (out, late): &mut (Port<S>, Port<L>), _cx: &mut Cx) {
        let goes_on = self.close(&frontier, |key, value, time, diff| {
            out.push(Update { data: Keyed { key: key.clone(), value }, time, diff });
        });
        if goes_on {
            if frontier.is_end() {
                late.advance(Frontier::end());
            }
            out.advance(frontier);
        }
    }
}

/// The rows of a stream as one group, that is there from the first time on.
#[derive(Clone, Debug)]
pub struct Whole<V, T: TotalOrder, G, I> {
    group: ByTime<(), V, T, G, I>,
    has_begun: bool,
}

impl<V, T: TotalOrder, G, I> Whole<V, T, G, I> {
    pub(super) fn new(init: I) -> Self {
        Whole { group: ByTime::new(init), has_begun: false }
    }
}

impl<V, T: TotalOrder, G, I> Operator for Whole<V, T, G, I> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    const ACTIVE: bool = true;

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.group.poll_failed()
    }

    fn idle(&mut self) -> bool {
        self.group.idle()
    }

    fn finish(&mut self) {}
}

impl<V, T: TotalOrder, G, I, Outs> Resume<Outs> for Whole<V, T, G, I> {
    fn resume(&mut self, _outs: &mut Outs, _cx: &mut Cx) -> Progress {
        Progress::More
    }
}

impl<V, T, R, G, I, S, L> Input<0, V, T, R, (Port<S>, Port<L>)> for Whole<V, T, G, I>
where
    T: TotalOrder,
    R: ToDiff<Diff = i64>,
    G: Group<V>,
    I: FnMut() -> G,
    S: Push<G::Row, T, i64>,
    L: Push<Update<V, T, R>, (), ()>,
{
    fn push(&mut self, row: Update<V, T, R>, (_, late): &mut (Port<S>, Port<L>), cx: &mut Cx) {
        if self.group.frontier.closes(&row.time) {
            cx.late();
            return late.push(Update::from(row));
        }
        cx.absorbed();
        self.group.waiting.push(row.time, (), ((), row.data, row.diff.to_diff()));
    }

    fn advance(&mut self, frontier: Frontier<T>, (out, late): &mut (Port<S>, Port<L>), _cx: &mut Cx) {
        if !std::mem::replace(&mut self.has_begun, true) {
            for (row, count) in (self.group.init)().rows() {
                out.push(Update { data: row, time: T::minimum(), diff: count });
            }
        }
        let goes_on = self.group.close(&frontier, |(), row, time, diff| {
            out.push(Update { data: row, time, diff });
        });
        if goes_on {
            if frontier.is_end() {
                late.advance(Frontier::end());
            }
            out.advance(frontier);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_changed_is_no_difference() {
        let before = vec![(9, 1), (7, 2), (5, 1), (1, 1)];
        let after = vec![(8, 1), (7, 3), (5, 1), (2, 1)];
        assert_eq!(difference(before.clone(), after), [(9, -1), (1, -1), (8, 1), (7, 1), (2, 1)]);
        assert_eq!(difference(before.clone(), before), []);
    }
}
