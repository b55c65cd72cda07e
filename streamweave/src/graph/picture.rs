//! Pictures of a graph, as text that other programs draw.

use std::fmt::Write;

use super::{EdgeInfo, Topology};

impl Topology {
    /// The graph as a Mermaid flowchart, for Markdown.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::prelude::*;
    ///
    /// let graph = graph! {
    ///     numbers = from_iter(0..10);
    ///     numbers -> map(|n| n * 2) -> doubled;
    ///     doubled = collect();
    /// };
    /// assert_eq!(
    ///     graph.topology().to_mermaid(),
    ///     "flowchart LR\n    n0([\"numbers\"])\n    n1[\"map\"]\n    n2[[\"doubled\"]]\n    n0 --> n1\n    n1 --> n2\n",
    /// );
    /// ```
    pub fn to_mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for (number, node) in self.nodes.iter().enumerate() {
            let (open, close) = match (node.is_source, self.is_sink(number)) {
                (true, _) => ("([", "])"),
                (false, true) => ("[[", "]]"),
                (false, false) => ("[", "]"),
            };
            line(&mut text, format_args!("    n{number}{open}\"{}\"{close}", node.name));
        }
        for edge in self.drawn() {
            let label = label(edge.port).map_or_else(String::new, |port| format!("|{port}|"));
            line(&mut text, format_args!("    n{} -->{label} n{}", edge.from, edge.to));
        }
        text
    }

    /// The graph in the language of Graphviz.
    pub fn to_dot(&self) -> String {
        let mut text = "digraph {\n    rankdir=LR;\n    node [shape=box];\n".to_owned();
        for (number, node) in self.nodes.iter().enumerate() {
            line(&mut text, format_args!("    n{number} [label=\"{}\"];", node.name));
        }
        for edge in self.drawn() {
            let label = label(edge.port).map_or_else(String::new, |port| format!(" [label=\"{port}\"]"));
            line(&mut text, format_args!("    n{} -> n{}{label};", edge.from, edge.to));
        }
        text.push_str("}\n");
        text
    }

    /// The graph as JSON: `{"nodes":[{"name":..}],"edges":[{"from":..,"port":..,"to":..}]}`, edges
    /// by the numbers of their nodes.
    pub fn to_json(&self) -> String {
        let nodes = self.nodes.iter().map(|node| format!("{{\"name\":\"{}\"}}", node.name));
        let edges = self
            .drawn()
            .map(|edge| format!("{{\"from\":{},\"port\":\"{}\",\"to\":{}}}", edge.from, edge.port, edge.to));
        let (nodes, edges): (Vec<String>, Vec<String>) = (nodes.collect(), edges.collect());
        format!("{{\"nodes\":[{}],\"edges\":[{}]}}", nodes.join(","), edges.join(","))
    }

    /// The edges that are drawn: a default would lead to one node from all.
    fn drawn(&self) -> impl Iterator<Item = &EdgeInfo> {
        self.edges.iter().filter(|edge| !edge.by_default)
    }

    fn is_sink(&self, node: usize) -> bool {
        self.drawn().all(|edge| edge.from != node)
    }
}

/// What an edge says of its port: nothing where it is `out`.
fn label(port: &str) -> Option<&str> {
    (port != "out").then_some(port)
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Names are Rust identifiers and operators' names: nothing in them needs an escape.
    writeln!(text, "{line}").expect("a `String` takes everything");
}

#[cfg(test)]
mod tests {
    use super::super::NodeInfo;
    use super::*;

    const GRAPH: Topology = Topology {
        name: None,
        nodes: &[
            NodeInfo { name: "lines", is_source: true, was: &[] },
            NodeInfo { name: "parse", is_source: false, was: &[] },
            NodeInfo { name: "good", is_source: false, was: &[] },
            NodeInfo { name: "bad", is_source: false, was: &[] },
        ],
        edges: &[
            EdgeInfo { from: 0, port: "out", to: 1, by_default: false },
            EdgeInfo { from: 1, port: "out", to: 2, by_default: false },
            EdgeInfo { from: 1, port: "err", to: 3, by_default: false },
        ],
    };

    #[test]
    fn every_picture_names_nodes_edges_and_side_ports() {
        assert!(GRAPH.to_mermaid().ends_with("    n0 --> n1\n    n1 --> n2\n    n1 -->|err| n3\n"));
        assert!(GRAPH.to_dot().ends_with("    n1 -> n2;\n    n1 -> n3 [label=\"err\"];\n}\n"));
        assert_eq!(
            GRAPH.to_json(),
            "{\"nodes\":[{\"name\":\"lines\"},{\"name\":\"parse\"},{\"name\":\"good\"},{\"name\":\"bad\"}],\
             \"edges\":[{\"from\":0,\"port\":\"out\",\"to\":1},{\"from\":1,\"port\":\"out\",\"to\":2},\
             {\"from\":1,\"port\":\"err\",\"to\":3}]}"
        );
    }
}
