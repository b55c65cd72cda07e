//! What a graph must satisfy before types are looked at: every check reads, none writes.

use super::ir::{Circle, Graph, Lane, Loop, Node, Operator};
use super::lengths::lengths;
use super::lower::distance;
use crate::diagnostics::Mistakes;
use proc_macro2::Span;

/// Checks the shape of a graph; gives its nodes in topological order.
pub(super) fn check(graph: &Graph) -> syn::Result<Vec<usize>> {
    let mut mistakes = Mistakes::none();
    if graph.nodes.is_empty() {
        mistakes.at(Span::call_site(), "a graph needs a node: `numbers = from_iter(0..10);`");
    }
    one_arrow_an_input(graph, &mut mistakes);
    every_node_is_wired(graph, &mut mistakes);
    loops(graph, &mut mistakes);
    circles(graph, &mut mistakes);
    policy_or_arrow(graph, &mut mistakes);
    lengths(graph, &mut mistakes);
    let order = topological(graph);
    if order.len() < graph.nodes.len() {
        no_cycle(graph, &order, &mut mistakes);
    }
    mistakes.gate()?;
    // The default stands behind every node.
    let is_default = |node: &usize| matches!(graph.nodes[*node].operator, Operator::Default(_));
    Ok(order
        .iter()
        .copied()
        .filter(|node| !is_default(node))
        .chain(order.iter().copied().filter(is_default))
        .collect())
}

fn one_arrow_an_input(graph: &Graph, mistakes: &mut Mistakes) {
    for (number, node) in graph.nodes.iter().enumerate() {
        if matches!(node.operator, Operator::Merge | Operator::Head(_)) {
            continue;
        }
        let entering: Vec<_> = graph.entering(number).collect();
        for (i, edge) in entering.iter().enumerate() {
            let into = &edge.to_words;
            if let Some(first) = entering[..i].iter().find(|first| first.inlet == edge.inlet) {
                let (first, second) = (&first.from_words, &edge.from_words);
                mistakes.at(
                    edge.to_span,
                    format!(
                        "`{into}` is fed by `{first}` already; to feed it from both write \
                         `[{first}, {second}] -> {into}`"
                    ),
                );
            } else if entering[0].inlet.is_some() != edge.inlet.is_some() {
                let other = &entering[0].to_words;
                mistakes.at(
                    edge.to_span,
                    format!("an arrow ends at `{other}` and another at `{into}`: name the port in both"),
                );
            }
        }
    }
}

/// What comes out of an `err` port follows a policy, or an arrow.
fn policy_or_arrow(graph: &Graph, mistakes: &mut Mistakes) {
    for (number, node) in graph.nodes.iter().enumerate() {
        let Operator::Policy(_, of) = &node.operator else { continue };
        let Some(policy) = graph.entering(number).next() else { continue };
        let arrow = graph.leaving(policy.from).find(|edge| edge.port == policy.port && edge.to != number);
        if let Some(arrow) = arrow {
            let message = match graph.nodes[arrow.to].operator {
                Operator::Policy(..) => format!("`{of}` has a policy already"),
                _ => format!("an arrow starts at `{of}.{}`: a policy stands in place of one", policy.port),
            };
            if arrow.to > number || !matches!(graph.nodes[arrow.to].operator, Operator::Policy(..)) {
                mistakes.at(node.span, message);
            }
        }
    }
}

fn every_node_is_wired(graph: &Graph, mistakes: &mut Mistakes) {
    for (number, node) in graph.nodes.iter().enumerate() {
        let starts = graph.leaving(number).next().is_some();
        match node.operator {
            Operator::Entry(_) if !starts => mistakes.at(
                node.span,
                format!(
                    "no arrow starts at the input `{}`; send it to `discard` if nobody wants it",
                    node.name
                ),
            ),
            Operator::Exit(_) if graph.entering(number).next().is_none() => {
                mistakes.at(node.span, format!("no arrow ends at the output `{}`", node.name));
            }
            Operator::Exit(_) if starts => mistakes.at(
                graph.leaving(number).next().map_or(node.span, |edge| edge.port.span()),
                format!("`{}` is an output of the graph: no arrow starts there", node.name),
            ),
            Operator::Entry(_) if !graph.is_source(number) => mistakes.at(
                graph.entering(number).next().map_or(node.span, |edge| edge.to_span),
                format!("`{}` is an input of the graph: no arrow ends there", node.name),
            ),
            _ if graph.is_source(number) && !starts => alone(graph, node, mistakes),
            _ => {}
        }
    }
}

/// What a loop takes, and what its variables are for.
fn loops(graph: &Graph, mistakes: &mut Mistakes) {
    for Loop { name, span, head, lanes, .. } in &graph.loops {
        if graph.entering(*head).next().is_none() {
            mistakes.at(
                *span,
                format!(
                    "nothing comes into the loop `{name}`: its body names a stream from outside, or a variable begins as \
                     one, as in `var x = stream;`"
                ),
            );
        }
        for (number, lane) in lanes.iter().enumerate() {
            let Lane::Variable { name, .. } = lane else { continue };
            if !graph.leaving(*head).any(|edge| edge.port == format!("lane{number}")) {
                mistakes.at(name.span(), format!("the variable `{name}` is never read"));
            }
        }
    }
    for (number, node) in graph.nodes.iter().enumerate() {
        if let Some(within) = node.within
            && matches!(node.operator, Operator::Written(_))
            && graph.is_source(number)
            && graph.leaving(number).next().is_some()
        {
            let (source, name) = (&node.name, &graph.loops[within].name);
            mistakes.at(
                node.span,
                format!("no arrow ends at `{source}`, and a source stands outside of the loop `{name}`, which can read it"),
            );
        }
    }
}

/// An arrow that goes back closes a circle.
fn circles(graph: &Graph, mistakes: &mut Mistakes) {
    for (number, Circle { setting, from, to, .. }) in graph.circles.iter().enumerate() {
        if graph.around(number).is_empty() {
            mistakes.at(
                *setting,
                format!(
                    "this arrow closes no circle: no way leads from `{to}` to `{from}`; leave out `feedback`"
                ),
            );
        }
    }
}

/// A node without arrows. Where a bare operator has a similar name, that is what is misspelt.
fn alone(graph: &Graph, node: &Node, mistakes: &mut Mistakes) {
    let name = &node.name;
    let similar = |bare: &&Node| bare.is_bare() && distance(&bare.name, name) <= 2;
    match graph.nodes.iter().find(similar) {
        Some(Node { name: misspelt, span, .. }) => mistakes.at(
            *span,
            format!("no node is called `{misspelt}`, and `{name}` stands alone; did you mean `{name}`?"),
        ),
        None => mistakes.at(node.span, format!("`{name}` stands alone: no arrow starts or ends at it")),
    }
}

/// The nodes, senders before receivers, otherwise as they are written; those on a cycle, and
/// behind one, are missing.
fn topological(graph: &Graph) -> Vec<usize> {
    let mut order = Vec::new();
    let mut waiting: Vec<usize> = (0..graph.nodes.len()).map(|node| graph.entering(node).count()).collect();
    loop {
        let next = (0..graph.nodes.len()).find(|node| waiting[*node] == 0 && !order.contains(node));
        let Some(node) = next else { return order };
        order.push(node);
        graph.leaving(node).for_each(|edge| waiting[edge.to] -= 1);
    }
}

fn no_cycle(graph: &Graph, order: &[usize], mistakes: &mut Mistakes) {
    // Every node left has a sender among those left: walking back from any runs into a cycle.
    let left = |node: &usize| !order.contains(node);
    let Some(start) = (0..graph.nodes.len()).find(left) else {
        return;
    };
    let mut path = vec![start];
    loop {
        let here = path[path.len() - 1];
        let back = graph.entering(here).map(|edge| edge.from).find(left);
        let Some(sender) = back else { return };
        if let Some(at) = path.iter().position(|node| *node == sender) {
            let mut cycle: Vec<&str> =
                path[at..].iter().rev().map(|n| graph.nodes[*n].name.as_str()).collect();
            cycle.push(cycle[0]);
            let span = graph.nodes[path[path.len() - 1]].span;
            mistakes.at(span, format!("the graph runs in a circle: {}", cycle.join(" -> ")));
            return;
        }
        path.push(sender);
    }
}
