//! Collections that are edited: edits at random, how they are played into a graph, and what comes of it.

use std::collections::BTreeMap;

use streamweave::envelope::Update;
use streamweave::operator::{Cx, Input, Node, Operator, Outcome, Resume};
use streamweave::port::{Edge, OnlyOut, Port, Push};
use streamweave::time::{Frontier, LogicalTime};

use crate::random::Random;
use crate::record::Seen;

/// How often each row is there: none of them zero times.
pub type Collection<D> = BTreeMap<D, i64>;

/// The changes of each outer time, from 0 on.
pub type Edits<D> = Vec<Vec<(D, i64)>>;

/// Adds a change to a collection.
pub fn add<D: Ord>(collection: &mut Collection<D>, row: D, diff: i64) {
    match collection.entry(row) {
        std::collections::btree_map::Entry::Occupied(mut entry) => {
            *entry.get_mut() += diff;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        std::collections::btree_map::Entry::Vacant(entry) if diff != 0 => {
            entry.insert(diff);
        }
        std::collections::btree_map::Entry::Vacant(_) => {}
    }
}

/// The collection that changes add up to.
pub fn collection<D: Ord>(changes: impl IntoIterator<Item = (D, i64)>) -> Collection<D> {
    let mut collection = Collection::new();
    changes.into_iter().for_each(|(row, diff)| add(&mut collection, row, diff));
    collection
}

/// What the collection is at each time.
pub fn at_each_time<D: Ord + Clone>(edits: &[Vec<(D, i64)>]) -> Vec<Collection<D>> {
    let mut now = Collection::new();
    let at = edits.iter().map(|changes| {
        changes.iter().for_each(|(row, diff)| add(&mut now, row.clone(), *diff));
        now.clone()
    });
    at.collect()
}

/// Edits of rows drawn by `draw`: no row is there less than zero times at the end of a time, and within one it may be.
pub fn edits<D: Ord + Clone>(
    random: &mut Random,
    (times, changes): (usize, usize),
    mut draw: impl FnMut(&mut Random) -> D,
) -> Edits<D> {
    let (mut there, mut rows) = (Collection::new(), Vec::new());
    let mut at_a_time = |random: &mut Random| {
        let mut edits = Vec::new();
        for _ in 0..changes {
            // What is there already is as likely to change as what is not.
            let row = match random.percent(50) && !rows.is_empty() {
                true => D::clone(&rows[random.place(rows.len())]),
                false => draw(random),
            };
            let weight = there.get(&row).copied().unwrap_or(0);
            let diff = match random.below(10) {
                0..4 if weight > 0 => -weight,
                4..6 if weight > 0 => -1,
                6 => random.between(2, 4),
                _ => 1,
            };
            add(&mut there, row.clone(), diff);
            rows.push(row.clone());
            edits.push((row, diff));
        }
        random.shuffle(&mut edits);
        edits
    };
    (0..times).map(|_| at_a_time(random)).collect()
}

/// A change, and how far the stream has come before it.
#[derive(Clone, Debug)]
pub struct Change<D> {
    /// Nothing before this is to come.
    pub frontier: u64,
    /// The change itself.
    pub update: Update<D, LogicalTime, i64>,
}

/// The edits in an order in which they may arrive: up to `together` times are open at once, and close together.
pub fn script<D: Clone>(random: &mut Random, edits: &[Vec<(D, i64)>], together: usize) -> Vec<Change<D>> {
    let (mut script, mut frontier) = (Vec::new(), 0);
    while frontier < edits.len() {
        let end = (frontier + 1 + random.place(together)).min(edits.len());
        let first = script.len();
        for (time, changes) in edits.iter().enumerate().take(end).skip(frontier) {
            script.extend(changes.iter().map(|(row, diff)| Change {
                frontier: frontier as u64,
                update: Update { data: row.clone(), time: LogicalTime(time as u64), diff: *diff },
            }));
        }
        random.shuffle(&mut script[first..]);
        frontier = end;
    }
    script
}

/// Plays changes with their times and frontiers.
pub fn scripted<D>(_input: Edge<Change<D>>) -> Node<Scripted, OnlyOut<D, LogicalTime, i64>> {
    Node::new(Scripted(0), OnlyOut::new())
}

/// See [`scripted`].
#[derive(Clone, Debug)]
pub struct Scripted(u64);

impl Operator for Scripted {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Passed;

    fn finish(&mut self) {}
}

impl<Outs> Resume<Outs> for Scripted {}

impl<D, S: Push<D, LogicalTime, i64>> Input<0, Change<D>, (), (), (Port<S>,)> for Scripted {
    fn push(&mut self, row: Update<Change<D>>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        let Change { frontier, update } = row.data;
        if frontier > self.0 {
            self.0 = frontier;
            out.advance(Frontier::at(LogicalTime(frontier)));
        }
        out.pass(update);
    }

    fn advance(&mut self, frontier: Frontier<()>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            out.advance(Frontier::end());
        }
    }
}

/// What came out, time by time.
pub type Emitted<B> = Vec<(u64, B, i64)>;

/// The changes that a log holds, in their order; the end comes last.
///
/// # Panics
///
/// Where that is not so.
#[track_caller]
pub fn emitted<B: Clone>(log: &[Seen<Update<B, LogicalTime, i64>, LogicalTime>]) -> Emitted<B> {
    assert!(matches!(log.last(), Some(Seen::End)), "the end comes last");
    let rows = log.iter().filter_map(|seen| match seen {
        Seen::Row(row, _) => Some((row.time.0, row.data.clone(), row.diff)),
        _ => None,
    });
    rows.collect()
}

/// What has been emitted up to each of so many times.
pub fn summed<B: Ord + Clone>(emitted: &[(u64, B, i64)], times: usize) -> Vec<Collection<B>> {
    let mut by_time = vec![Vec::new(); times];
    for (time, row, diff) in emitted {
        by_time[usize::try_from(*time).expect("few times")].push((row.clone(), *diff));
    }
    at_each_time(&by_time)
}
