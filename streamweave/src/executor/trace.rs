//! What `tracing` is told of a batch, at the level of debugging: a span, and in it a span for each node
//! that rows came to or went from.

use super::machine::{Command, Machine, Reply};
use crate::graph::{NodeReport, Topology};
use crate::operator::Batch;

const TARGET: &str = "streamweave";

/// Runs a batch, in a span where anybody looks.
#[inline]
pub(super) fn batch<F, R>(
    machine: &mut Machine<F, R>,
    topology: &Topology,
    number: u64,
    source: Option<usize>,
    batch: Batch,
) -> Reply
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    if !tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
        return machine.run(source, batch);
    }
    traced(machine, topology, number, source, batch)
}

#[cold]
fn traced<F, R>(
    machine: &mut Machine<F, R>,
    topology: &Topology,
    number: u64,
    source: Option<usize>,
    batch: Batch,
) -> Reply
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    let graph = topology.name.unwrap_or("graph");
    let source_name = source.map_or("woken", |source| topology.nodes[topology.source(source)].name);
    let span = tracing::debug_span!(target: TARGET, "batch", graph, number, source = source_name);
    let _entered = span.enter();
    let before = machine.report().into_nodes();
    let reply = machine.run(source, batch);
    for (node, before) in machine.report().nodes().iter().zip(&before) {
        stage(node, before);
    }
    reply
}

/// The span of a node that had anything to do. Its nodes are fused: it tells what happened, not how long it took.
fn stage(node: &NodeReport, before: &NodeReport) {
    let sum = |node: &NodeReport| node.emitted.iter().map(|(_, rows)| rows).sum::<u64>();
    let (received, emitted) = (node.received - before.received, sum(node) - sum(before));
    if received == 0 && emitted == 0 {
        return;
    }
    let late = node.late - before.late;
    let filtered = node.filtered - before.filtered;
    tracing::debug_span!(target: TARGET, "stage", node = &*node.name, received, emitted, filtered, late)
        .in_scope(|| {});
}
