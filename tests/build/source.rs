//! The text of the graphs.

use std::fmt::Write;

use crate::description::{Kind, Port, Times, Tumbling};
use crate::shape::{Chain, Output, Shape};

/// The functions that run the graphs, and the table of them.
pub(crate) fn module(cases: &[(String, Shape)]) -> String {
    let mut text = String::new();
    let mut table = String::new();
    for (name, shape) in cases {
        text += &function(name, shape);
        let description = shape.description();
        let (nodes, arrows) = (description.nodes, description.arrows);
        writeln!(
            table,
            "Case {{ name: \"{name}\", run: {name}, graph: Description {{ nodes: vec!{nodes:?}, arrows: vec!{arrows:?} }} }},"
        )
        .expect("a String can be written to");
    }
    format!("{text}\n/// Every graph.\npub(super) fn cases() -> Vec<Case> {{\n vec![\n{table}]\n}}\n")
}

fn function(name: &str, shape: &Shape) -> String {
    let mut lines: Vec<String> = Vec::new();
    let inlined = inlined(shape);
    for (node, &kind) in shape.nodes.iter().enumerate() {
        if !inlined.contains(&node) {
            lines.extend(definitions(node, kind));
        }
        lines.extend(wires(node, kind));
    }
    // Half of the statements before the definitions: a node may be used before it is defined.
    let chains: Vec<String> = shape.chains.iter().map(|chain| statement(shape, chain, &inlined)).collect();
    let (before, behind) = chains.split_at(chains.len() / 2);
    let text = [before, &lines, behind].concat().join("\n            ");
    let sinks = shape.nodes.iter().enumerate().filter(|(_, kind)| **kind == Kind::Sink);
    let sinks: Vec<String> = sinks.map(|(node, _)| format!("({node}, result.n{node})")).collect();
    let sinks = sinks.join(", ");
    format!(
        "
fn {name}(batch: usize, inputs: &[Vec<Row>]) -> Ran {{
    finish(async move {{
        let result = graph! {{
            {text}
        }}
        .batch(batch)
        .run()
        .await?;
        result.assert_conserved();
        let report = result.report().clone();
        Ok(Ran {{ report, sinks: vec![{sinks}] }})
    }})
}}
"
    )
}

/// The nodes that stand inside a chain without a name.
fn inlined(shape: &Shape) -> Vec<usize> {
    let arrows = shape.description().arrows;
    let inside = |chain: &Chain| {
        let last = chain.nodes.len() - usize::from(chain.ends.is_empty());
        chain.nodes.get(..last).unwrap_or_default().to_vec()
    };
    let fit = |node: &usize| {
        let leaves = arrows.iter().filter(|arrow| arrow.from == *node).count();
        // Some keep their names, so that both ways of writing are met.
        leaves == 1
            && !shape.nodes[*node].has_side()
            && single(shape.nodes[*node]).is_some()
            && !node.is_multiple_of(3)
    };
    shape.chains.iter().flat_map(inside).filter(fit).collect()
}

fn statement(shape: &Shape, chain: &Chain, inlined: &[usize]) -> String {
    let origins: Vec<String> = chain.origins.iter().map(|&output| origin(shape, output)).collect();
    let mut text = list(&origins);
    for (place, &node) in chain.nodes.iter().enumerate() {
        let is_last = place + 1 == chain.nodes.len() && chain.ends.is_empty();
        let stage = match single(shape.nodes[node]) {
            Some(call) if inlined.contains(&node) => call,
            Some(_) => format!("n{node}"),
            // A chain that goes on leaves the composite by its own name.
            None if is_last => format!("n{node}_in"),
            None => format!("n{node}_in; n{node}_out"),
        };
        text += &format!(" -> {stage}");
    }
    if !chain.ends.is_empty() {
        let ends: Vec<String> = chain.ends.iter().map(|&node| entry(shape, node)).collect();
        text += &format!(" -> {}", list(&ends));
    }
    text + ";"
}

fn list(names: &[String]) -> String {
    match names {
        [name] => name.clone(),
        names => format!("[{}]", names.join(", ")),
    }
}

/// How an output is named: behind the node that makes rows of what an operator gives.
fn origin(shape: &Shape, (node, port): Output) -> String {
    match (port, single(shape.nodes[node])) {
        (Port::Side, _) => format!("n{node}_side"),
        (Port::Out, Some(_)) => format!("n{node}"),
        (Port::Out, None) => format!("n{node}_out"),
    }
}

fn entry(shape: &Shape, node: usize) -> String {
    match single(shape.nodes[node]) {
        Some(_) => format!("n{node}"),
        None => format!("n{node}_in"),
    }
}

/// The call of a node that is one operator.
fn single(kind: Kind) -> Option<String> {
    Some(match kind {
        Kind::Source(input) => format!("from_iter(inputs[{input}].clone())"),
        Kind::Map(salt) => format!("map(|row: Row| row.step({salt}))"),
        Kind::Filter(modulus, residue) => format!("filter(|row| row.keep({modulus}, {residue}))"),
        Kind::FilterMap(modulus) => format!("filter_map(|row| row.some({modulus}))"),
        Kind::FlatMap(salt) => format!("flat_map(|row| row.several({salt}))"),
        Kind::TryMap(modulus) => format!("try_map(|row| row.attempt({modulus}))"),
        Kind::TryNode => "attempt_borrowed()".to_owned(),
        Kind::Inspect => "inspect(|_| ())".to_owned(),
        Kind::AssignTime(bound, times) => {
            let extract = match times {
                Times::All => "|row| EventTime::from_micros(row.time)".to_owned(),
                Times::OrNone(modulus) => format!("|row| row.time_or_none({modulus})"),
                Times::OrError(modulus) => format!("|row| row.time_or_error({modulus})"),
            };
            format!("event_time({extract}, bounded({bound}.micros()))")
        }
        Kind::Sink => "collect()".to_owned(),
        Kind::Discard => "discard()".to_owned(),
        Kind::RunningCount
        | Kind::RunningFold
        | Kind::CountByKey(_)
        | Kind::FoldByKey(_)
        | Kind::Window(_) => return None,
    })
}

fn definitions(node: usize, kind: Kind) -> Vec<String> {
    if let Some(call) = single(kind) {
        return vec![format!("n{node} = {call};")];
    }
    let key_by = |keys: u64| format!("key_by(|row| row.key({keys}))");
    let summarise = "(Summary::default, |summary, row| summary.add(row))";
    let (before, call, behind) = match kind {
        Kind::RunningCount => {
            ("inspect(|_| ())".to_owned(), "running_count()".to_owned(), "map(Row::of_count)".to_owned())
        }
        Kind::RunningFold => (
            "inspect(|_| ())".to_owned(),
            "running_fold(Summary::default(), |summary, row| summary.add(row))".to_owned(),
            "map(Summary::row)".to_owned(),
        ),
        Kind::CountByKey(keys) => (
            key_by(keys),
            "count()".to_owned(),
            "map(|counted| Row::of_key_count(counted.key, counted.value))".to_owned(),
        ),
        Kind::FoldByKey(keys) => (
            key_by(keys),
            format!("fold{summarise}"),
            "map(|folded| Row::of_key_summary(folded.key, folded.value))".to_owned(),
        ),
        Kind::Window(Tumbling { size, offset, keys, by_key: sorted, folds }) => {
            let sorted = if sorted { ".by_key()" } else { "" };
            let (sum_up, row) = if folds {
                (format!("fold{summarise}"), "pane.value.value.row()")
            } else {
                ("aggregate(Count::new)".to_owned(), "Row::of_count(pane.value.value)")
            };
            let micros = "pane.value.window.start.micros(), pane.value.window.end.micros()";
            (
                key_by(keys),
                format!(
                    "tumbling({size}.micros()).offset(TimeDelta::from_micros({offset})){sorted}.{sum_up}"
                ),
                format!("map(|pane| Row::of_pane(pane.key, {micros}, {row}))"),
            )
        }
        _ => unreachable!("every other node is one operator"),
    };
    vec![format!("n{node}_in = {before};"), format!("n{node} = {call};"), format!("n{node}_out = {behind};")]
}

/// The arrows inside a node of several operators, and from its second port.
fn wires(node: usize, kind: Kind) -> Vec<String> {
    let mut lines = Vec::new();
    if single(kind).is_none() {
        lines.push(format!("n{node}_in -> n{node} -> n{node}_out;"));
    }
    let side = match kind {
        Kind::TryMap(_) => "n{}.err -> n{}_side; n{}_side = map(|failed| failed.error);",
        Kind::TryNode => "n{}.err -> n{}_side; n{}_side = map(|failed| failed.input);",
        Kind::AssignTime(_, Times::OrNone(_) | Times::OrError(_)) => {
            "n{}_side = map(|failed| failed.input); n{}.err -> n{}_side;"
        }
        Kind::Window(_) => {
            "n{}.late -> n{}_side; n{}_side = map(|late| Row::of_late(late.row.value, \
             (late.window.start.micros(), late.window.end.micros()), late.frontier.micros()));"
        }
        _ => return lines,
    };
    lines.push(side.replace("{}", &node.to_string()));
    lines
}
