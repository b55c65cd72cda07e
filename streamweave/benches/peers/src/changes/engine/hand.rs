//! What an engineer would write for just this work.
//!
//! A graph is lists of neighbours, searched from scratch: nothing that is kept up by an edit of one
//! edge is as short, or as fast for many. Joined counts are two hash tables, kept up row by row.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::{Keeps, Maintained};
use crate::changes::graph::{Edge, Node, ROOT};
use crate::changes::keyed::{Key, Row};
use crate::changes::play::Played;
use crate::changes::script::{Answer, Change, Script};

/// No engine.
pub(super) struct Hand;

impl Keeps for Hand {
    fn reachability(&self, script: &'static Script<Edge>) -> Played {
        script.play(&mut Searched::new(script.nodes, Search::new(script.nodes)))
    }

    fn components(&self, script: &'static Script<Edge>) -> Played {
        script.play(&mut Searched::new(script.nodes, Union::new(script.nodes)))
    }

    fn joined_counts(&self, script: &'static Script<Row>) -> Played {
        script.play(&mut JoinedCounts::default())
    }
}

/// The neighbours of each node.
type Neighbours = Vec<Vec<Node>>;

/// What goes through a whole graph.
trait FromScratch {
    fn answer(&mut self, neighbours: &Neighbours) -> Answer;
}

/// A graph, and what goes through it after each edit.
struct Searched<S> {
    neighbours: Neighbours,
    search: S,
    answer: Answer,
}

impl<S> Searched<S> {
    fn new(nodes: u32, search: S) -> Self {
        Searched { neighbours: vec![Vec::new(); nodes as usize], search, answer: Answer::default() }
    }
}

impl<S: FromScratch> Maintained<Edge> for Searched<S> {
    fn take(&mut self, batch: &[Change<Edge>]) {
        for &((from, to), diff) in batch {
            edit(&mut self.neighbours[from as usize], to, diff);
        }
    }

    fn settle(&mut self) {
        self.answer = self.search.answer(&self.neighbours);
    }

    fn answer(&self) -> Answer {
        self.answer
    }

    fn starts_over(&self) -> bool {
        true
    }
}

/// Has an entry come or go.
fn edit(entries: &mut Vec<u32>, entry: u32, diff: i64) {
    if diff > 0 {
        return entries.push(entry);
    }
    let at = entries.iter().position(|&other| other == entry).expect("what goes is there");
    entries.swap_remove(at);
}

/// Breadth-first search.
struct Search {
    is_reached: Vec<bool>,
    reached: Vec<Node>,
}

impl Search {
    fn new(nodes: u32) -> Self {
        Search { is_reached: vec![false; nodes as usize], reached: Vec::new() }
    }

    fn reach(&mut self, node: Node, answer: &mut Answer) {
        if !std::mem::replace(&mut self.is_reached[node as usize], true) {
            self.reached.push(node);
            answer.enter_node(node, 1);
        }
    }
}

impl FromScratch for Search {
    fn answer(&mut self, neighbours: &Neighbours) -> Answer {
        self.is_reached.fill(false);
        self.reached.clear();
        let mut answer = Answer::default();
        self.reach(ROOT, &mut answer);
        let mut at = 0;
        while let Some(&node) = self.reached.get(at) {
            neighbours[node as usize].iter().for_each(|&to| self.reach(to, &mut answer));
            at += 1;
        }
        answer
    }
}

/// Union and find, the root of a set being its least node.
struct Union {
    parents: Vec<Node>,
}

impl Union {
    fn new(nodes: u32) -> Self {
        Union { parents: (0..nodes).collect() }
    }

    /// The root of a node's set; the way there is halved.
    fn root(&mut self, mut node: Node) -> Node {
        while self.parents[node as usize] != node {
            let parent = self.parents[node as usize];
            self.parents[node as usize] = self.parents[parent as usize];
            node = self.parents[node as usize];
        }
        node
    }

    fn unite(&mut self, a: Node, b: Node) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b) as usize] = a.min(b);
    }
}

impl FromScratch for Union {
    fn answer(&mut self, neighbours: &Neighbours) -> Answer {
        let nodes = neighbours.len() as Node;
        self.parents.iter_mut().zip(0..).for_each(|(parent, node)| *parent = node);
        for (from, neighbours) in (0..nodes).zip(neighbours) {
            neighbours.iter().for_each(|&to| self.unite(from, to));
        }
        let mut answer = Answer::default();
        (0..nodes).for_each(|node| answer.enter_label(node, self.root(node), 1));
        answer
    }
}

/// The counts, and what they are joined with.
#[derive(Default)]
struct JoinedCounts {
    counts: HashMap<Key, i64, FixedState>,
    joined: HashMap<Key, Vec<u32>, FixedState>,
    answer: Answer,
}

impl JoinedCounts {
    fn count(&mut self, key: Key, diff: i64) {
        let count = self.counts.entry(key).or_insert(0);
        let (before, after) = (*count, *count + diff);
        *count = after;
        if after == 0 {
            self.counts.remove(&key);
        }
        for &value in self.joined.get(&key).into_iter().flatten() {
            if before != 0 {
                self.answer.enter_joined(key, before, value, -1);
            }
            if after != 0 {
                self.answer.enter_joined(key, after, value, 1);
            }
        }
    }

    fn join(&mut self, key: Key, value: u32, diff: i64) {
        let values = self.joined.entry(key).or_default();
        edit(values, value, diff);
        if values.is_empty() {
            self.joined.remove(&key);
        }
        if let Some(&count) = self.counts.get(&key) {
            self.answer.enter_joined(key, count, value, diff);
        }
    }
}

impl Maintained<Row> for JoinedCounts {
    fn take(&mut self, batch: &[Change<Row>]) {
        for &(row, diff) in batch {
            match row {
                Row::Counted(key, _) => self.count(key, diff),
                Row::Joined(key, value) => self.join(key, value, diff),
            }
        }
    }

    /// Nothing is put off.
    fn settle(&mut self) {}

    fn answer(&self) -> Answer {
        self.answer
    }
}
