//! What a graph is made of, known before it runs.

/// The nodes of a graph in topological order, and the edges between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
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
}

impl Topology {
    /// How many sources there are.
    pub fn sources(&self) -> usize {
        self.nodes.iter().filter(|node| node.is_source).count()
    }
}
