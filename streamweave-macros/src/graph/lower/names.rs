//! Names by which the state of nodes is found again.
//!
//! What a node keeps is saved under its name, so in a durable graph no two nodes share one, and what stands between the nodes that are
//! written has a name that does not depend on what else there is: a merge is named after what it leads to, a buffer and the way out of a
//! loop after what they come from, and what stands in a loop after the loop, too. A number, as in `map#2`, is left to operators
//! that stand inline beside others of their kind.

use std::collections::HashMap;

use super::Lowering;
use crate::graph::ir::{Edge, Lane, Loop, Operator};

impl Lowering {
    /// Gives every node such a name.
    pub(super) fn name_durably(&mut self) {
        let mut names: Vec<Option<String>> = vec![None; self.graph.nodes.len()];
        for node in 0..names.len() {
            self.durable_name(node, &mut names);
        }
        let mut taken: HashMap<String, usize> = HashMap::new();
        // Those that are written keep theirs.
        let is_written = |node: &usize| self.is_written(*node);
        let (written, made): (Vec<_>, Vec<_>) = (0..names.len()).partition(is_written);
        for node in written.into_iter().chain(made) {
            let name = names[node].take().expect("each has been named");
            let count = taken.entry(name.clone()).or_insert(0);
            *count += 1;
            self.graph.nodes[node].name = if *count == 1 { name } else { format!("{name}#{count}") };
        }
    }

    fn is_written(&self, node: usize) -> bool {
        let node = &self.graph.nodes[node];
        let is_port = matches!(
            node.operator,
            Operator::Entry(_) | Operator::Exit(_) | Operator::Head(_) | Operator::Feedback(..)
        );
        is_port || node.named.is_some()
    }

    fn durable_name(&self, node: usize, names: &mut Vec<Option<String>>) -> String {
        if let Some(name) = &names[node] {
            return name.clone();
        }
        let at = &self.graph.nodes[node];
        // Until it is known better, lest two nodes are named after each other.
        names[node] = Some(self.path(at.within) + &at.name);
        let name = match &at.operator {
            _ if self.is_written(node) => self.path(at.within) + &at.name,
            Operator::Merge | Operator::Entrance(_) => {
                match self.graph.leaving(node).next().map(|edge| edge.to) {
                    Some(to) => format!("{}.merge", self.durable_name(to, names)),
                    None => self.path(at.within) + &at.name,
                }
            }
            Operator::Buffer(_) | Operator::Leave => {
                let what = if matches!(at.operator, Operator::Leave) { "leave" } else { "cap" };
                match self.graph.entering(node).next() {
                    Some(edge) => format!("{}.{what}", self.origin_name(edge, names)),
                    None => self.path(at.within) + &at.name,
                }
            }
            // Its number is given anew, among those of its loop.
            _ => self.path(at.within) + at.name.split('#').next().unwrap_or_default(),
        };
        names[node] = Some(name.clone());
        name
    }

    /// The name of the stream that an arrow carries.
    fn origin_name(&self, edge: &Edge, names: &mut Vec<Option<String>>) -> String {
        let (from, port) = (self.durable_name(edge.from, names), edge.port.to_string());
        match &self.graph.nodes[edge.from].operator {
            Operator::Head(in_loop) => {
                let lanes = &self.graph.loops[*in_loop].lanes;
                let lane = port.strip_prefix("lane").and_then(|lane| lane.parse::<usize>().ok());
                match lane.and_then(|lane| lanes.get(lane)) {
                    Some(Lane::Variable { name, .. }) => format!("{from}.{name}"),
                    _ => format!("{from}.{port}"),
                }
            }
            _ if port == "out" => from,
            _ => format!("{from}.{port}"),
        }
    }

    /// The loops around, each with a dot behind it.
    fn path(&self, within: Option<usize>) -> String {
        match within {
            None => String::new(),
            Some(number) => {
                let Loop { around, name, .. } = &self.graph.loops[number];
                self.path(*around) + name + "."
            }
        }
    }
}
