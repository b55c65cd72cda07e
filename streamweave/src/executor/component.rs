//! A named graph before anybody runs it, and as a node of another graph.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::task::Poll;

use super::machine::{Command, Reply};
use super::running::{ExactlyOnce, Guarantee, Volatile};
use crate::envelope::{Message, Update};
use crate::graph::{Explanation, Report, Topology};
use crate::operator::{
    Agenda, Batch, Cause, Commits, Cx, Durable, Flush, Input, NodeReport, Operator, Outcome, Progress, Queue,
    Replays, Resume, Turn, inside,
};
use crate::port::{Port, Push};
use crate::sink::on_error::Rejected;
use crate::state::{Fields, Mismatch};
use crate::time::{Frontier, Timestamp};

/// The queues at the ports of a named graph.
#[derive(Debug, Default)]
pub struct Io<Ins, Outs> {
    /// At its inputs.
    pub ins: Ins,
    /// At its outputs.
    pub outs: Outs,
}

/// A named graph with its parameters: its machine, and the queues at its ports.
#[derive(Debug)]
pub struct Component<F, Ins, Outs, G = Volatile> {
    pub(super) topology: Topology,
    pub(super) obey: F,
    pub(super) io: Io<Ins, Outs>,
    guarantee: PhantomData<fn() -> G>,
}

impl<F, Ins: Default, Outs: Default, G> Component<F, Ins, Outs, G>
where
    F: FnMut(Command<'_, '_, '_, Report>, &mut Io<Ins, Outs>) -> Reply,
{
    /// The machine of this topology.
    pub fn new(topology: Topology, obey: F) -> Self {
        let io = Io { ins: Ins::default(), outs: Outs::default() };
        Component { topology, obey, io, guarantee: PhantomData }
    }

    /// The graph as a node of another one.
    pub fn nested(mut self) -> Nested<F, Ins, Outs, G> {
        let uses_clock = matches!((self.obey)(Command::UsesClock, &mut self.io), Reply::Ready);
        let open = vec![true; self.topology.sources()];
        Nested { component: self, uses_clock, open, taken: None, is_open: false }
    }
}

/// A queue at the port number `PORT`.
pub trait QueueAt<const PORT: usize> {
    /// The value of a row.
    type Data;
    /// Its time.
    type Time: Timestamp;
    /// Its multiplicity.
    type Diff;

    /// The queue.
    fn queue(&mut self) -> &mut Queue<Self::Data, Self::Time, Self::Diff>;
}

/// The queues at the ports of a graph, taken together.
pub trait Queues {
    /// How many there are.
    const PORTS: usize;
    /// What is there now stays.
    fn settle(&mut self);
    /// Forgets what has come since; gives how many rows.
    fn abandon(&mut self) -> u64;
}

/// The queues at the outputs of a graph inside a node whose outputs are `Outs`.
pub trait Drain<Outs> {
    /// Hands on all that waits.
    fn drain(&mut self, outs: &mut Outs);
}

macro_rules! queue_at {
    ([$($all:ident $n:tt $t:ident $r:ident)*] ) => {};
    ([$($all:ident $n:tt $t:ident $r:ident)*] $d:ident $field:tt $time:ident $diff:ident $($more:tt)*) => {
        impl<$($all, $t: Timestamp, $r),*> QueueAt<$field> for ($(Queue<$all, $t, $r>,)*) {
            type Data = $d;
            type Time = $time;
            type Diff = $diff;

            #[inline(always)]
            fn queue(&mut self) -> &mut Queue<$d, $time, $diff> {
                &mut self.$field
            }
        }

        queue_at! { [$($all $n $t $r)*] $($more)* }
    };
}

macro_rules! queues {
    ($(($($d:ident $field:tt $t:ident $r:ident $s:ident),*))*) => {$(
        impl<$($d, $t: Timestamp, $r),*> Queues for ($(Queue<$d, $t, $r>,)*) {
            const PORTS: usize = 0 $(+ { let _ = $field; 1 })*;

            fn settle(&mut self) {
                $(self.$field.settle();)*
            }

            fn abandon(&mut self) -> u64 {
                0 $(+ self.$field.abandon())*
            }
        }

        impl<$($d, $t: Timestamp, $r, $s: Push<$d, $t, $r>),*> Drain<($(Port<$s>,)*)>
            for ($(Queue<$d, $t, $r>,)*)
        {
            #[inline(always)]
            #[allow(unused_variables)]
            fn drain(&mut self, outs: &mut ($(Port<$s>,)*)) {
                $(
                    while let Some(message) = self.$field.pop() {
                        match message {
                            Message::Row(row) => outs.$field.push(row),
                            Message::Frontier(frontier) => outs.$field.advance(frontier),
                        }
                    }
                )*
            }
        }

        queue_at! { [$($d $field $t $r)*] $($d $field $t $r)* }
    )*};
}

queues! {
    ()
    (A 0 AT AR AS)
    (A 0 AT AR AS, B 1 BT BR BS)
    (A 0 AT AR AS, B 1 BT BR BS, C 2 CT CR CS)
    (A 0 AT AR AS, B 1 BT BR BS, C 2 CT CR CS, D 3 DT DR DS)
    (A 0 AT AR AS, B 1 BT BR BS, C 2 CT CR CS, D 3 DT DR DS, E 4 ET ER ES)
    (A 0 AT AR AS, B 1 BT BR BS, C 2 CT CR CS, D 3 DT DR DS, E 4 ET ER ES, G 5 GT GR GS)
    (A 0 AT AR AS, B 1 BT BR BS, C 2 CT CR CS, D 3 DT DR DS, E 4 ET ER ES, G 5 GT GR GS, H 6 HT HR HS)
    (A 0 AT AR AS, B 1 BT BR BS, C 2 CT CR CS, D 3 DT DR DS, E 4 ET ER ES, G 5 GT GR GS, H 6 HT HR HS, J 7 JT JR JS)
}

/// A named graph at a node of another graph.
///
/// Each row and each frontier that comes in runs the graph to quiescence, and what that makes goes on at
/// once: a graph in a node gives what its nodes would give in its place, wherever a batch is cut (rule
/// Z1). That costs a queue at each port, and one entry into the graph for each row.
#[derive(Debug)]
pub struct Nested<F, Ins, Outs, G = Volatile> {
    component: Component<F, Ins, Outs, G>,
    uses_clock: bool,
    /// Its sources that have not ended, its inputs first.
    open: Vec<bool>,
    /// What there is to run: what woke up, or a batch of a source of its own.
    taken: Option<Option<usize>>,
    /// Whether there is room behind for that.
    is_open: bool,
}

/// What a node of a graph inside a node says.
#[derive(Debug, thiserror::Error)]
#[error("node `{node}` in there: {cause}")]
struct Within {
    node: &'static str,
    #[source]
    cause: Cause,
}

impl<F, Ins: Queues, Outs: Queues, G> Nested<F, Ins, Outs, G>
where
    F: FnMut(Command<'_, '_, '_, Report>, &mut Io<Ins, Outs>) -> Reply,
{
    #[inline(always)]
    fn obey(&mut self, command: Command<'_, '_, '_, Report>) -> Reply {
        let Component { topology, obey, io, .. } = &mut self.component;
        let nodes = topology.nodes;
        inside(|node| nodes[node].name, || obey(command, io))
    }

    #[inline(always)]
    fn run(&mut self, source: Option<usize>, batch: Batch) {
        if let (Reply::Ended, Some(source)) = (self.obey(Command::Run { source, batch }), source) {
            self.open[source] = false;
        }
    }

    /// Runs on what has come in at a port. It ends with its stream, and not where the graph around drains.
    #[inline(always)]
    fn feed(&mut self, port: usize, cx: &Cx) {
        self.run(Some(port), Batch { stopping: false, ..cx.batch() });
    }

    fn polled(&self, reply: Reply) -> Poll<Result<(), Cause>> {
        match reply {
            Reply::Ready | Reply::Ended => Poll::Ready(Ok(())),
            Reply::Pending => Poll::Pending,
            Reply::Failed { node, cause } => {
                // Which row of which node was refused is for whoever looks at the error.
                if cause.is::<Rejected>() {
                    return Poll::Ready(Err(cause));
                }
                Poll::Ready(Err(Within { node: self.component.topology.nodes[node].name, cause }.into()))
            }
        }
    }

    /// The sources of the graph that are no inputs.
    fn own_sources(&self) -> std::ops::Range<usize> {
        Ins::PORTS..self.open.len()
    }

    fn answers(&mut self, command: Command<'_, '_, '_, Report>) -> bool {
        matches!(self.obey(command), Reply::Ready)
    }
}

impl<F, Ins: Queues, Outs: Queues, G> Operator for Nested<F, Ins, Outs, G>
where
    F: FnMut(Command<'_, '_, '_, Report>, &mut Io<Ins, Outs>) -> Reply,
{
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;
    const ACTIVE: bool = true;
    const NESTS: bool = true;

    fn validate(&mut self) -> Result<(), Cause> {
        let reply = self.obey(Command::Validate);
        match self.polled(reply) {
            Poll::Ready(valid) => valid,
            Poll::Pending => Ok(()),
        }
    }

    fn enters_loop(&mut self, agenda: &Agenda) {
        self.obey(Command::EnterLoop(agenda));
    }

    fn uses_clock(&self) -> bool {
        self.uses_clock
    }

    fn ready(&mut self, port: usize) -> bool {
        self.answers(Command::Room { source: port })
    }

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        let woken = self.obey(Command::PollWake(turn));
        if let Poll::Ready(woken) = self.polled(woken) {
            self.taken = Some(None);
            return Poll::Ready(woken);
        }
        for source in self.own_sources() {
            if !self.open[source] || !self.answers(Command::Room { source }) {
                continue;
            }
            // A source that is to end is not waited for.
            if turn.is_stopping() {
                self.taken = Some(Some(source));
                return Poll::Ready(Ok(()));
            }
            let ready = self.obey(Command::PollSource { source, turn });
            if let Poll::Ready(ready) = self.polled(ready) {
                self.taken = Some(Some(source));
                return Poll::Ready(ready);
            }
        }
        Poll::Pending
    }

    fn opened(&mut self) {
        self.is_open = true;
    }

    fn poll_flush(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        let reply = self.obey(Command::PollFlush(flush, turn));
        self.polled(reply)
    }

    fn abandon(&mut self) -> u64 {
        let mut rows = 0;
        self.obey(Command::Abandon(&mut rows));
        rows
    }

    fn inside(&mut self) -> Vec<NodeReport> {
        let mut report = Report::default();
        self.obey(Command::Report(&mut report));
        report.into_nodes()
    }

    fn is_served(&mut self) -> bool {
        let mut explanation = Explanation::default();
        self.obey(Command::Explain(&mut explanation));
        explanation.nodes().iter().any(|node| node.is_served)
    }

    fn waits_for(&mut self) -> Option<Cow<'static, str>> {
        let mut explanation = Explanation::default();
        self.obey(Command::Explain(&mut explanation));
        let busy = explanation.nodes().iter().filter(|node| node.is_busy || node.is_flushing);
        let names: Vec<&str> = busy.map(|node| node.name).collect();
        (!names.is_empty()).then(|| format!("its nodes {}", names.join(", ")).into())
    }

    fn is_gone(&mut self) -> bool {
        self.answers(Command::Gone)
    }

    fn idle(&mut self) -> bool {
        let ended = self.own_sources().all(|source| !self.open[source]);
        ended && self.answers(Command::Idle)
    }

    fn finish(&mut self) {
        self.obey(Command::Finish(&mut None));
    }
}

/// Its nodes are visited as nodes inside of this one; where a graph inside is to keep its state it says so itself.
impl<F, Ins: Queues, Outs: Queues, G: Guarantee> Durable for Nested<F, Ins, Outs, G>
where
    F: FnMut(Command<'_, '_, '_, Report>, &mut Io<Ins, Outs>) -> Reply,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let mut open = std::mem::take(&mut self.open);
        let visited = fields.value("(open)", &mut open);
        self.open = open;
        visited?;
        match self.obey(Command::Fields(fields)) {
            Reply::Failed { cause, .. } => {
                Err(*cause.downcast::<Mismatch>().expect("a visit fails where what was saved does not fit"))
            }
            _ => Ok(()),
        }
    }

    fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        let reply = self.obey(Command::PollPreCommit(turn));
        self.polled(reply)
    }

    fn poll_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        let reply = self.obey(Command::PollCommit(turn));
        self.polled(reply)
    }
}

impl<F, Ins: Queues, Outs: Queues> Replays for Nested<F, Ins, Outs, ExactlyOnce> where
    F: FnMut(Command<'_, '_, '_, Report>, &mut Io<Ins, Outs>) -> Reply
{
}

impl<F, Ins: Queues, Outs: Queues> Commits for Nested<F, Ins, Outs, ExactlyOnce> where
    F: FnMut(Command<'_, '_, '_, Report>, &mut Io<Ins, Outs>) -> Reply
{
}

impl<F, Ins: Queues, Outs: Queues + Drain<O>, O, G> Resume<O> for Nested<F, Ins, Outs, G>
where
    F: FnMut(Command<'_, '_, '_, Report>, &mut Io<Ins, Outs>) -> Reply,
{
    fn resume(&mut self, outs: &mut O, cx: &mut Cx) -> Progress {
        // Woken for the sake of another node: there may be no room.
        if std::mem::take(&mut self.is_open) {
            let taken = self.taken.take();
            if let Some(source) = taken.filter(|source| source.is_none_or(|source| self.open[source])) {
                self.run(source, cx.batch());
            }
            self.component.io.outs.drain(outs);
        }
        // Asked of a node that is a source of the graph around; calls in there may still be under way.
        if self.open.iter().any(|open| *open) { Progress::More } else { Progress::Ended }
    }
}

impl<const PORT: usize, F, Ins, Outs, O, G> Input<PORT, Ins::Data, Ins::Time, Ins::Diff, O>
    for Nested<F, Ins, Outs, G>
where
    F: FnMut(Command<'_, '_, '_, Report>, &mut Io<Ins, Outs>) -> Reply,
    Ins: Queues + QueueAt<PORT>,
    Outs: Queues + Drain<O>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Ins::Data, Ins::Time, Ins::Diff>, outs: &mut O, cx: &mut Cx) {
        self.component.io.ins.queue().push(Message::Row(row));
        self.feed(PORT, cx);
        self.component.io.outs.drain(outs);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<Ins::Time>, outs: &mut O, cx: &mut Cx) {
        self.component.io.ins.queue().push(Message::Frontier(frontier));
        self.feed(PORT, cx);
        self.component.io.outs.drain(outs);
    }
}
