//! Checkpoints, as the worker drives them: see [`checkpoint`](crate::checkpoint) for the states and what a crash in each leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::oneshot;

use super::machine::{Command, Machine, Reply};
use super::worker::Failure;
use crate::checkpoint::{
    CheckpointError, Checkpoints, Job, Kind, Manifest, Published, Storage, Store, Writer,
};
use crate::graph::{Error, Topology};
use crate::operator::{BOOKS, Flush, Turn};
use crate::state::{BEGINNING, Fields, KEY_GROUPS, Loading, Mismatch, Part, Saving, Shard};
use crate::time::{ProcessingTime, TimeDelta};

/// As many bytes are handed to the writer together.
const TOGETHER: usize = 64 << 10;

/// Who asked for a savepoint, and hears what came of it.
pub(crate) type Answer = oneshot::Sender<Result<Published, CheckpointError>>;

/// A savepoint that was asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Its name; none for a checkpoint in passing.
    pub(crate) name: Option<String>,
    /// Whether the graph is to stop there.
    pub(crate) stop: bool,
    pub(crate) answer: Answer,
}

/// The checkpoints of a graph at work.
pub(crate) struct Checkpointing {
    writer: Writer,
    /// The nodes that keep something.
    nodes: BTreeSet<String>,
    every: Option<TimeDelta>,
    tolerated: u32,
    phase: Phase,
    /// The number of the next.
    number: u64,
    /// Whether one is to be taken before the first row.
    begins: bool,
    /// When the next is due.
    due: Option<ProcessingTime>,
    asked: Vec<Asked>,
    /// Whether the next has to hold everything: there was none before, or the one before failed.
    full: bool,
    failures: u32,
    /// How many entries of maps are written between two batches.
    slice: usize,
    /// How many cuts there were since the graph was started.
    cuts: u64,
    /// The maps of which the one at hand has not written everything.
    unfinished: BTreeSet<Arc<(String, String)>>,
    /// Whether the next is written at once: in the last one a map was dropped before it was.
    at_once: bool,
    /// How many batches had been run at the last one.
    covered: Option<u64>,
    /// Whether sinks were told to bring everything out before the cut.
    is_flushed: bool,
    /// The one at the end, once the graph has come to it.
    last: Option<Last>,
    /// How many batches had been run when the graph was last started.
    before: u64,
    observer: Option<Box<dyn FnMut(&Published) + Send>>,
    /// How many rows each source had taken at the last checkpoint that is durable.
    taken: BTreeMap<&'static str, u64>,
}

/// The checkpoint at the end of a run.
#[derive(Debug)]
enum Last {
    Due(Kind),
    Taken(Kind),
    /// There is to be none.
    No,
}

#[derive(Debug)]
enum Phase {
    Idle,
    Slicing(Draft),
    PreCommit(Draft),
    Publishing(Draft),
    Committing(Option<(Draft, Published)>),
}

/// A checkpoint under way.
#[derive(Debug)]
struct Draft {
    manifest: Box<Manifest>,
    full: bool,
    /// How many rows each source had taken.
    taken: BTreeMap<&'static str, u64>,
    /// Who asked for it.
    asked: Option<Asked>,
    /// What is written together with the next slice, so that the writer is not woken for each.
    parts: Vec<Part>,
}

/// Whether the worker may go on with batches.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It may, and need not wait for anything before it parks.
    Free,
    /// It may, and there is more to write before it parks.
    Busy,
    /// It may not: the sinks have to be flushed, or what was saved to be committed.
    Held,
    /// The graph is to stop here, with this savepoint.
    Stopped(String),
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Every source has ended.
    Finished,
    /// It was asked to drain (rule J7).
    Drained,
    /// Nobody was left who could see what its sinks do, and sources had not ended.
    Unseen,
}

/// What of the worker a checkpoint depends on.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) open: &'a [usize],
    pub(crate) batches: u64,
    pub(crate) draining: bool,
    pub(crate) flushing: &'a mut Option<Flush>,
}

/// Why a checkpoint ends the run.
#[derive(Debug)]
pub(crate) enum Broken {
    Node(Failure),
    Checkpoint(CheckpointError),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Broken::Node(failure)
    }
}

/// What a graph goes on with.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    /// The sources that have ended.
    pub(crate) ended: BTreeSet<String>,
    pub(crate) batches: u64,
}

impl std::fmt::Debug for Checkpointing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpointing").field("phase", &self.phase).finish_non_exhaustive()
    }
}

impl Checkpointing {
    /// Restores the last checkpoint, if there is one, and is ready for the next.
    pub(crate) fn begin<F, R>(
        checkpoints: Checkpoints,
        machine: &mut Machine<F, R>,
        topology: &Topology,
    ) -> Result<(Self, Restored), Error>
    where
        F: FnMut(Command<'_, '_, '_, R>) -> Reply,
    {
        let Checkpoints {
            storage,
            name,
            every,
            keep,
            tolerated,
            savepoint,
            dropped,
            rescaled,
            in_place,
            slice,
            observer,
        } = checkpoints;
        let failed = |error: CheckpointError| Error::from(Box::new(error));
        let mut kept = BTreeMap::new();
        machine.fields(&mut Fields::survey(&mut kept));
        let begins = kept.values().any(|fields| fields.contains(BEGINNING));
        kept.retain(|_, fields| fields.iter().any(|field| field != BOOKS && field != BEGINNING));
        if let Some(node) = kept.keys().find(|node| node.contains('#')) {
            return Err(failed(CheckpointError::Nameless { node: node.clone() }));
        }
        let nodes: BTreeSet<String> = kept.into_keys().collect();
        let mut store = Store::open(storage, name.clone(), keep).map_err(failed)?;
        let found = store.restore(savepoint.as_deref()).map_err(failed)?;
        let mut restored = Restored::default();
        let is_first = found.is_none();
        let found = match (found, rescaled) {
            (None, Some((shard, storages))) => divided(shard, storages).map_err(failed)?,
            (found, _) => found,
        };
        let is_new = found.is_none();
        if let Some((manifest, mut loading, fallen_back)) = found {
            if manifest.key_groups != KEY_GROUPS {
                let (number, found) = (manifest.number, manifest.key_groups);
                return Err(failed(CheckpointError::KeyGroups { number, found, expected: KEY_GROUPS }));
            }
            for damaged in fallen_back {
                tracing::warn!(%damaged, number = manifest.number, "an older checkpoint is restored");
            }
            if manifest.kind == Kind::Drained {
                return Err(failed(CheckpointError::Drained { number: manifest.number }));
            }
            for node in topology.nodes {
                node.was.iter().for_each(|was| loading.rename(was, node.name));
            }
            dropped.iter().for_each(|node| loading.drop_node(node));
            let number = manifest.number;
            if let Reply::Failed { cause, node } = machine.fields(&mut Fields::load(&mut loading)) {
                if let Some(Ok(unread)) = loading.why_unread().map(|why| why.downcast::<CheckpointError>()) {
                    return Err(Error::from(unread));
                }
                return Err(match cause.downcast::<Mismatch>() {
                    Ok(mismatch) => failed(CheckpointError::Mismatch { number, mismatch: *mismatch }),
                    Err(cause) => Error::Invalid { node: topology.nodes[node].name, cause },
                });
            }
            let lost = loading.lost(BOOKS);
            if !lost.is_empty() {
                let named = |nodes: &mut dyn Iterator<Item = &str>| {
                    let named: Vec<String> = nodes.map(|node| format!("`{node}`")).collect();
                    if named.is_empty() { "no others".to_owned() } else { named.join(", ") }
                };
                let mut new = nodes.difference(&manifest.nodes).map(String::as_str);
                let known = named(&mut new);
                let lost = named(&mut lost.iter().map(String::as_str));
                return Err(failed(CheckpointError::OtherGraph { number, lost, known }));
            }
            let mut ended = manifest.ended;
            for node in topology.nodes {
                if node.was.iter().any(|was| ended.contains(*was)) {
                    ended.insert(node.name.to_owned());
                }
            }
            restored = Restored { ended, batches: manifest.batches };
        }
        let number = store.next_number();
        let writer = if in_place {
            Writer::in_place(store)
        } else {
            Writer::on_thread(store).map_err(|source| {
                failed(CheckpointError::Storage {
                    action: "start the thread that writes",
                    name: "checkpoints".to_owned(),
                    storage: name,
                    source,
                })
            })?
        };
        let checkpointing = Checkpointing {
            writer,
            nodes,
            every,
            tolerated,
            // What was saved and perhaps not committed is committed before the first batch (rule H8).
            phase: if is_new { Phase::Idle } else { Phase::Committing(None) },
            number,
            begins: begins && is_new,
            due: None,
            asked: Vec::new(),
            full: is_first,
            failures: 0,
            slice,
            cuts: 0,
            unfinished: BTreeSet::new(),
            at_once: false,
            covered: (!is_first).then_some(0),
            is_flushed: false,
            last: None,
            before: restored.batches,
            observer,
            taken: taken(machine, topology),
        };
        Ok((checkpointing, restored))
    }

    /// How many rows a source had taken at the last checkpoint.
    pub(crate) fn saved(&self, source: &str) -> u64 {
        self.taken.get(source).copied().unwrap_or(0)
    }

    /// A savepoint, or a checkpoint, is asked for.
    pub(crate) fn ask(&mut self, asked: Asked) {
        self.asked.push(asked);
    }

    /// Goes on with the checkpoint at hand, or begins one that is due.
    pub(crate) fn go_on<F, R>(
        &mut self,
        machine: &mut Machine<F, R>,
        around: Surroundings<'_>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<Pace, Broken>
    where
        F: FnMut(Command<'_, '_, '_, R>) -> Reply,
    {
        loop {
            match std::mem::replace(&mut self.phase, Phase::Idle) {
                Phase::Idle => {
                    if !self.is_wanted(&around, turn) {
                        return Ok(Pace::Free);
                    }
                    if !std::mem::replace(&mut self.is_flushed, true) {
                        *around.flushing = (*around.flushing).max(Some(Flush::Idle));
                    }
                    if around.flushing.is_some() {
                        return Ok(Pace::Held);
                    }
                    self.is_flushed = false;
                    self.cut(machine, &around, turn)?;
                }
                Phase::Slicing(draft) => {
                    if self.writer.poll_room(turn.context()).is_pending() {
                        return Ok(self.pause(Phase::Slicing(draft)));
                    }
                    let mut saving = Saving { budget: self.slice, ..Saving::default() };
                    ready(machine.fields(&mut Fields::slice(&mut saving)))?;
                    if !self.unfinished.is_subset(&saving.seen) {
                        self.begin_again(draft);
                        continue;
                    }
                    let stops = draft.stops();
                    self.write(saving, draft);
                    if matches!(self.phase, Phase::Slicing(_)) && !stops {
                        return Ok(Pace::Busy);
                    }
                }
                Phase::PreCommit(draft) => {
                    if !ready(machine.poll_pre_commit(turn))? {
                        return Ok(self.pause(Phase::PreCommit(draft)));
                    }
                    let mut saving = Saving::default();
                    ready(machine.fields(&mut Fields::seal(&mut saving)))?;
                    self.writer.send(Job::Write(saving.parts));
                    self.writer.send(Job::Publish(draft.manifest.clone(), draft.full));
                    self.phase = Phase::Publishing(draft);
                }
                Phase::Publishing(draft) => match self.writer.poll_answer(turn.context()) {
                    Poll::Pending => return Ok(self.pause(Phase::Publishing(draft))),
                    Poll::Ready(Ok(published)) => {
                        self.taken.clone_from(&draft.taken);
                        (self.failures, self.full) = (0, false);
                        self.phase = Phase::Committing(Some((draft, published)));
                    }
                    Poll::Ready(Err(error)) => self.failed(draft, error)?,
                },
                Phase::Committing(done) => {
                    if !ready(machine.poll_commit(turn))? {
                        let is_restored = done.is_none();
                        let pace = self.pause(Phase::Committing(done));
                        return Ok(if is_restored { Pace::Held } else { pace });
                    }
                    if let Some((draft, published)) = done
                        && let Some(stopped) = self.done(draft, published)
                    {
                        return Ok(Pace::Stopped(stopped));
                    }
                }
            }
        }
    }

    /// Whether a checkpoint is to be begun.
    fn is_wanted(&mut self, around: &Surroundings<'_>, turn: &mut Turn<'_, '_>) -> bool {
        let batches = around.batches;
        if around.draining {
            // Sources are told to end, though they have not: nothing may go on from here (rule J7).
            for asked in self.asked.drain(..) {
                let _ = asked.answer.send(Err(CheckpointError::Draining));
            }
        }
        if !self.asked.is_empty() {
            return true;
        }
        if let Some(last) = &self.last {
            return matches!(last, Last::Due(_));
        }
        if around.draining {
            return false;
        }
        if self.begins {
            // Before the first row: it says where sinks began that are written behind what was there.
            return true;
        }
        let Some(every) = self.every else { return false };
        let due = *self.due.get_or_insert_with(|| turn.now() + every);
        if turn.until(due).is_pending() {
            return false;
        }
        if self.covered == Some(batches) {
            // Nothing has happened since the last one.
            let due = turn.now() + every;
            self.due = Some(due);
            return turn.until(due).is_ready();
        }
        true
    }

    fn cut<F, R>(
        &mut self,
        machine: &mut Machine<F, R>,
        around: &Surroundings<'_>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), Broken>
    where
        F: FnMut(Command<'_, '_, '_, R>) -> Reply,
    {
        let asked = (!self.asked.is_empty()).then(|| self.asked.remove(0));
        let mut kind = Kind::Periodic;
        if let Some(name) = asked.as_ref().and_then(|asked| asked.name.clone()) {
            kind = Kind::Savepoint(name);
        } else if let Some(Last::Due(last)) = &self.last {
            kind = last.clone();
            self.last = Some(Last::Taken(last.clone()));
        }
        self.due = self.every.map(|every| turn.now() + every);
        self.covered = Some(around.batches);
        self.cuts += 1;
        let budget = if std::mem::take(&mut self.at_once) { usize::MAX } else { self.slice };
        let mut saving = Saving { full: self.full, number: self.cuts, budget, ..Saving::default() };
        ready(machine.fields(&mut Fields::cut(&mut saving)))?;
        let mut sources = (0..around.topology.sources()).filter(|source| !around.open.contains(source));
        let name = |source| around.topology.nodes[around.topology.source(source)].name.to_owned();
        let manifest = Manifest {
            number: self.number,
            kind,
            graph: around.topology.name.map(str::to_owned),
            nodes: self.nodes.clone(),
            ended: sources.by_ref().map(name).collect(),
            maps: std::mem::take(&mut saving.maps),
            batches: self.before + around.batches,
            cut_at: turn.now(),
            key_groups: KEY_GROUPS,
            segments: Vec::new(),
        };
        self.number += 1;
        let taken = taken(machine, around.topology);
        let draft = Draft { manifest: Box::new(manifest), full: self.full, taken, asked, parts: Vec::new() };
        self.write(saving, draft);
        Ok(())
    }

    /// Hands over what a visit has written; on to the next phase where nothing is left.
    fn write(&mut self, mut saving: Saving, mut draft: Draft) {
        draft.parts.append(&mut saving.parts);
        self.unfinished = saving.unfinished;
        let bytes: usize = draft.parts.iter().map(|part| part.bytes.len()).sum();
        if bytes >= TOGETHER || self.unfinished.is_empty() && !draft.parts.is_empty() {
            self.writer.send(Job::Write(std::mem::take(&mut draft.parts)));
        }
        self.phase = if self.unfinished.is_empty() { Phase::PreCommit(draft) } else { Phase::Slicing(draft) };
    }

    /// A map was dropped before all of it was written, as by `std::mem::take`: what is missing is gone. The next attempt comes at once, and
    /// writes everything in one go.
    fn begin_again(&mut self, draft: Draft) {
        self.writer.send(Job::Discard);
        self.full = true;
        self.at_once = true;
        self.covered = None;
        self.due = self.due.map(|_| ProcessingTime::MIN);
        self.last_is_due_again();
        self.asked.splice(..0, draft.asked);
    }

    /// Waits in a phase: without batches where the graph stops or ends with this checkpoint.
    fn pause(&mut self, phase: Phase) -> Pace {
        let stops = match &phase {
            Phase::Slicing(draft)
            | Phase::PreCommit(draft)
            | Phase::Publishing(draft)
            | Phase::Committing(Some((draft, _))) => draft.stops(),
            _ => false,
        };
        self.phase = phase;
        if stops || self.begins || self.last.is_some() { Pace::Held } else { Pace::Free }
    }

    fn failed(&mut self, draft: Draft, error: CheckpointError) -> Result<(), Broken> {
        self.failures += 1;
        self.full = true;
        self.covered = None;
        self.writer.send(Job::Discard);
        tracing::warn!(%error, number = draft.manifest.number, "a checkpoint could not be taken");
        self.last_is_due_again();
        if let Some(asked) = draft.asked {
            // Who asked hears of it, and may ask again.
            let _ = asked.answer.send(Err(error));
            return Ok(());
        }
        if self.failures > self.tolerated {
            let (failures, last) = (self.failures, Box::new(error));
            return Err(Broken::Checkpoint(CheckpointError::Failing { failures, last }));
        }
        Ok(())
    }

    /// What was taken at the end has failed, or is to be taken anew.
    fn last_is_due_again(&mut self) {
        self.last = self.last.take().map(|last| match last {
            Last::Taken(kind) | Last::Due(kind) => Last::Due(kind),
            Last::No => Last::No,
        });
    }

    /// Tells of a checkpoint; gives the name of the savepoint with which the graph is to stop.
    fn done(&mut self, draft: Draft, published: Published) -> Option<String> {
        self.begins = false;
        let number = published.number;
        tracing::debug!(number, bytes = published.bytes, "checkpoint");
        if let Some(observer) = &mut self.observer {
            observer(&published);
        }
        let asked = draft.asked?;
        let stopped = asked.stop.then(|| asked.name.clone().unwrap_or_default());
        // Who asked may have gone.
        let _ = asked.answer.send(Ok(published));
        stopped
    }

    /// The graph has ended, or was drained: one more checkpoint says so, unless one did already.
    ///
    /// Where nobody saw the end it comes to none: windows have fired and rows were dropped that nobody asked for, so
    /// whoever goes on does so from the last checkpoint, as behind an abort (rule J7).
    pub(crate) fn end(&mut self, end: End, batches: u64) {
        if self.last.is_none() {
            let is_taken = self.covered == Some(batches) && self.before > 0 && batches == 0;
            self.last = Some(match end {
                End::Finished if is_taken => Last::Taken(Kind::Finished),
                End::Finished => Last::Due(Kind::Finished),
                End::Drained if is_taken => Last::Taken(Kind::Drained),
                End::Drained => Last::Due(Kind::Drained),
                End::Unseen => Last::No,
            });
        }
    }
}

/// What a checkpoint holds, and what was damaged that was newer.
type Found = (Manifest, Loading, Vec<CheckpointError>);

/// What belongs to a shard of what others kept.
fn divided(
    shard: Shard,
    storages: Vec<(Box<dyn Storage>, String)>,
) -> Result<Option<Found>, CheckpointError> {
    let mut all: Option<(Manifest, Vec<CheckpointError>)> = None;
    let mut loadings = Vec::new();
    for (storage, name) in storages {
        let Some((manifest, loading, fallen_back)) = Store::open(storage, name, 1)?.restore(None)? else {
            continue;
        };
        if manifest.kind == Kind::Drained {
            return Err(CheckpointError::Drained { number: manifest.number });
        }
        loadings.push(loading);
        all = Some(match all {
            None => (manifest, fallen_back),
            Some((mut all, mut damaged)) => {
                // A source has ended where it has in all.
                all.ended.retain(|source| manifest.ended.contains(source));
                all.nodes.extend(manifest.nodes);
                damaged.extend(fallen_back);
                (all, damaged)
            }
        });
    }
    Ok(all.map(|(manifest, damaged)| (manifest, Loading::rescaled(loadings, shard), damaged)))
}

impl Draft {
    /// Whether the graph is to stop with it.
    fn stops(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.stop)
    }
}

/// How many rows each source has taken.
fn taken<F, R>(machine: &mut Machine<F, R>, topology: &Topology) -> BTreeMap<&'static str, u64>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
{
    let report = machine.report();
    let sources = report.nodes().iter().zip(topology.nodes).filter(|(_, node)| node.is_source);
    sources.map(|(books, node)| (node.name, books.taken())).collect()
}

fn ready(reply: Reply) -> Result<bool, Failure> {
    match reply {
        Reply::Failed { node, cause } => Err((node, cause)),
        Reply::Pending => Ok(false),
        Reply::Ready | Reply::Ended => Ok(true),
    }
}
