//! Rows from a file or a pipe, through a format.

use std::task::{Poll, ready};

use crate::envelope::Update;
use crate::format::{Decoder, Fault, Malformed};
use crate::io::read::{BlockReader, Input};
use crate::operator::{Cause, Cx, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{OutErr, Port, Push};
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
        }
    }
}

impl<C: Decoder> Operator for Decoded<C> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if let Some(fatal) = self.fatal.take() {
            return Poll::Ready(Err(fatal));
        }
        if self.state == State::Hungry {
            let block = self.blocks.poll_block(turn.context());
            self.is_served = block.is_pending();
            match ready!(block) {
                Some(block) => {
                    self.decoder.feed(&block?);
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
