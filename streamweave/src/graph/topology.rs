//! What a graph is made of, known before it runs.

/// The nodes of a graph in topological order, and the edges between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The name of a graph that has one.
    pub name: Option<&'static str>,
    /// The nodes; sources, too, stand here in topological order.
    pub nodes: &'static [NodeInfo],
    /// The edges.
    pub edges: &'static [EdgeInfo],
}

/// One node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its name: as the graph gives it, or made from the operator that stands inline.
    pub name: &'static str,
    /// Whether no edge enters it.
    pub is_source: bool,
    /// What it was called before: its state is found under these names, too (rule H12).
    pub was: &'static [&'static str],
}

/// One edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeInfo {
    /// The number of the node where it starts.
    pub from: usize,
    /// The output port where it starts.
    pub port: &'static str,
    /// The number of the node where it ends.
    pub to: usize,
    /// Whether it is the way to the graph's default for what fails, which leads there from every `err` port
    /// that is left open.
    pub by_default: bool,
}

impl Topology {
    /// The number of the node that is source number `source`.
    pub(crate) fn source(&self, source: usize) -> usize {
        let mut sources = self.nodes.iter().enumerate().filter(|(_, node)| node.is_source);
        sources.nth(source).expect("a source of the graph").0
    }

    /// Which nodes a source leads to, by number.
    pub(crate) fn reached_from(&self, source: usize) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        reached[self.source(source)] = true;
        for node in 0..self.nodes.len() {
            if reached[node] {
                self.edges.iter().filter(|edge| edge.from == node).for_each(|edge| reached[edge.to] = true);
            }
        }
        reached
    }

    /// The nodes that depend on a node of this name, in topological order, itself not among them: those that an arrow
    /// leads to from it, or from one of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::prelude::*;
    ///
    /// let graph = graph! {
    ///     numbers = from_iter(0..10);
    ///     words = from_iter(["a", "b"]);
    ///     numbers -> map(|n| n * 2) -> doubled;
    ///     words -> shouted;
    ///     doubled = collect();
    ///     shouted = collect();
    /// };
    /// assert_eq!(graph.topology().downstream("numbers"), ["map", "doubled"]);
    /// assert_eq!(graph.topology().upstream("doubled"), ["numbers", "map"]);
    /// ```
    pub fn downstream(&self, name: &str) -> Vec<&'static str> {
        let mut reached = self.named(name);
        // Every edge leads to a later node.
        for to in 0..self.nodes.len() {
            reached[to] |= self.edges.iter().any(|edge| edge.to == to && reached[edge.from]);
        }
        self.others(&reached, name)
    }

    /// The nodes that a node of this name depends on, in topological order, itself not among them.
    pub fn upstream(&self, name: &str) -> Vec<&'static str> {
        let mut reached = self.named(name);
        for from in (0..self.nodes.len()).rev() {
            reached[from] |= self.edges.iter().any(|edge| edge.from == from && reached[edge.to]);
        }
        self.others(&reached, name)
    }

    fn named(&self, name: &str) -> Vec<bool> {
        self.nodes.iter().map(|node| node.name == name).collect()
    }

    fn others(&self, reached: &[bool], name: &str) -> Vec<&'static str> {
        let nodes = self.nodes.iter().zip(reached);
        nodes.filter(|(node, reached)| **reached && node.name != name).map(|(node, _)| node.name).collect()
    }

    /// How many sources there are.
    pub fn sources(&self) -> usize {
        self.nodes.iter().filter(|node| node.is_source).count()
    }
}
