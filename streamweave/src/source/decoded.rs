//! Rows from a file or a pipe, through a format.

use std::collections::VecDeque;
use std::task::{Poll, ready};

use serde::{Deserialize, Serialize};

use crate::envelope::Update;
use crate::format::{Decoder, Fault, Malformed, Mark, Resumable};
use crate::io::read::{BlockReader, From, Input};
use crate::operator::{Cause, Cx, Durable, Operator, Outcome, Progress, Replays, Resume, Turn};
use crate::port::{OutErr, Port, Push};
use crate::state::{Fields, Mismatch};
use crate::time::Frontier;

/// The ports of a source that reads a format.
pub(super) type DecodedPorts<D> = OutErr<D, (), Malformed, (), ()>;

/// Reads blocks on a thread of its own, decodes them on the worker: a good record goes to `out`, a
/// bad one to `err`, with its place and its own bytes. A file that cannot be read ends the run.
#[derive(Debug)]
pub struct Decoded<C> {
    blocks: BlockReader,
    decoder: C,
    state: State,
    fatal: Option<Cause>,
    /// Whether the thread has been waited for.
    is_served: bool,
    /// Where a graph keeps its state: the blocks that were fed last, from the one on that holds what is not decoded.
    track: Option<Track>,
    /// How many of the bytes that come next were decoded before.
    skip: u64,
}

/// What was fed to a decoder, by its blocks.
#[derive(Debug, Default)]
struct Track {
    /// Where each begins: so many bytes behind the beginning, whose checksum is this.
    blocks: VecDeque<From>,
    /// Behind the last of them.
    end: From,
}

impl Track {
    fn fed(&mut self, block: &[u8]) {
        self.blocks.push_back(self.end.clone());
        let mut hasher = crc32fast::Hasher::new_with_initial(self.end.crc);
        hasher.update(block);
        self.end = From { offset: self.end.offset + block.len() as u64, crc: hasher.finalize() };
    }

    /// The beginning of the block in which the byte stands that so many are left from; what lies before is forgotten.
    fn behind(&mut self, left: usize) -> (From, u64) {
        let at = self.end.offset - left as u64;
        while self.blocks.get(1).is_some_and(|second| second.offset <= at) {
            self.blocks.pop_front();
        }
        let from = if at == self.end.offset { &self.end } else { self.blocks.front().unwrap_or(&self.end) };
        (from.clone(), at - from.offset)
    }
}

/// How far a file was read: the position of a source.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Position {
    /// From where it is read again.
    from: From,
    /// How many bytes of that have been decoded.
    decoded: u64,
    mark: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The decoder needs a block.
    Hungry,
    /// The decoder may have records.
    Fed,
    /// As `Fed`, and there is no further block.
    Finished,
}

impl<C: Decoder> Decoded<C> {
    pub(super) fn new(input: Input, decoder: C) -> Self {
        Decoded {
            blocks: BlockReader::new(input),
            decoder,
            state: State::Hungry,
            fatal: None,
            is_served: false,
            track: None,
            skip: 0,
        }
    }
}

impl<C: Decoder> Operator for Decoded<C> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    // Where the graph is durable, and nobody asks otherwise, the decoder is one that resumes.
    const REPLAYS: bool = true;

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if let Some(fatal) = self.fatal.take() {
            return Poll::Ready(Err(fatal));
        }
        if self.state == State::Hungry {
            let block = self.blocks.poll_block(turn.context());
            self.is_served = block.is_pending();
            match ready!(block) {
                Some(block) => {
                    let block = block?;
                    if let Some(track) = &mut self.track {
                        track.fed(&block);
                    }
                    let skipped =
                        usize::try_from(self.skip).map_or(block.len(), |skip| skip.min(block.len()));
                    self.skip -= skipped as u64;
                    self.decoder.feed(&block[skipped..]);
                    self.state = State::Fed;
                }
                None => {
                    self.decoder.finish();
                    self.state = State::Finished;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn is_served(&mut self) -> bool {
        self.is_served
    }

    fn finish(&mut self) {}
}

impl<C: Resumable> Durable for Decoded<C> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let track = self.track.get_or_insert_default();
        let (from, decoded) = track.behind(self.decoder.undecoded());
        let decoded = decoded + self.skip;
        let mut position = Position { from, decoded, mark: self.decoder.mark() };
        fields.value("position", &mut position)?;
        if fields.is_loading() && !fields.is_new() {
            let Position { from, decoded, mark } = position;
            self.decoder.resume(mark);
            self.skip = decoded;
            self.blocks.go_on_from(from.clone());
            *track = Track { blocks: VecDeque::new(), end: from };
        }
        Ok(())
    }
}

/// From a file; what comes from a pipe comes once, and a graph that reads it again finds that it is not the same.
impl<C: Resumable> Replays for Decoded<C> {}

impl<C, S, E> Resume<(Port<S>, Port<E>)> for Decoded<C>
where
    C: Decoder,
    S: Push<C::Item, (), ()>,
    E: Push<Malformed, (), ()>,
{
    fn resume(&mut self, (out, err): &mut (Port<S>, Port<E>), cx: &mut Cx) -> Progress {
        let budget = if cx.stopping() { 0 } else { cx.budget() };
        for _ in 0..budget {
            match self.decoder.decode() {
                Some(Ok(row)) => out.push(Update::from(row)),
                Some(Err(Fault::Malformed(record))) => err.push(Update::from(record)),
                Some(Err(Fault::Fatal(error))) => {
                    self.fatal = Some(error.into());
                    return Progress::More;
                }
                None if self.state == State::Finished => return end::<C::Item, _, _>(out, err),
                None => {
                    self.state = State::Hungry;
                    return Progress::More;
                }
            }
        }
        if cx.stopping() { end::<C::Item, _, _>(out, err) } else { Progress::More }
    }
}

fn end<D, S, E>(out: &mut Port<S>, err: &mut Port<E>) -> Progress
where
    S: Push<D, (), ()>,
    E: Push<Malformed, (), ()>,
{
    out.advance::<D, (), ()>(Frontier::end());
    err.advance(Frontier::end());
    Progress::Ended
}
