//! W5 and G9: a random graph, of which edges are replaced.
//!
//! An edge goes from any node to any node, and may be there twice. In an edit a random edge of those
//! present goes, and a random one comes. The first node is the root that reachability begins at; a
//! component's label is its least node, and every node has one, be it alone.

use super::script::{Change, Edits, Script};
use super::{Pace, Size};
use crate::workload::Random;

/// A node.
pub(crate) type Node = u32;

/// From one node to another; for components either way.
pub(crate) type Edge = (Node, Node);

/// Where reachability begins.
pub(crate) const ROOT: Node = 0;

/// Reachability: an edge and a reached node are a row each to keep.
pub(crate) fn reachability(size: Size, paces: &[Pace]) -> &'static Script<Edge> {
    script(size, paces, size.edges + size.nodes as usize)
}

/// Components: an edge is a row each way.
pub(crate) fn components(size: Size, paces: &[Pace]) -> &'static Script<Edge> {
    script(size, paces, 2 * size.edges + size.nodes as usize)
}

fn script(size: Size, paces: &[Pace], arranged: usize) -> &'static Script<Edge> {
    let Size { nodes, edges } = size;
    let mut random = Random::new();
    let mut present: Vec<Edge> = (0..edges).map(|_| edge(nodes, &mut random)).collect();
    let load = present.iter().map(|&edge| (edge, 1)).collect();
    let edits = paces.iter().map(|pace| Edits {
        batches: (0..pace.batches).map(|_| batch(nodes, pace.size, &mut present, &mut random)).collect(),
        between: pace.between,
    });
    Box::leak(Box::new(Script { nodes, arranged, load, edits: edits.collect() }))
}

/// Replaces so many edges.
fn batch(nodes: u32, size: usize, present: &mut [Edge], random: &mut Random) -> Vec<Change<Edge>> {
    let mut changes = Vec::with_capacity(2 * size);
    for _ in 0..size {
        let at = random.below(present.len() as u64) as usize;
        let gone = std::mem::replace(&mut present[at], edge(nodes, random));
        changes.extend([(gone, -1), (present[at], 1)]);
    }
    changes
}

fn edge(nodes: u32, random: &mut Random) -> Edge {
    let mut node = || random.below(u64::from(nodes)) as Node;
    (node(), node())
}
