//! Calls that are made once, and waited for as long as they take.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::stream::FuturesUnordered;

use super::calls::Call;
use super::keep::Holds;
use super::operator::UnderWay;
use super::read::Reads;
use crate::envelope::Failed;
use crate::operator::Turn;

/// Nothing is done about calls that take too long or fail.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

/// Calls under way that are made once.
#[derive(Debug)]
pub struct PlainCalls<D, C: Call<D>, K, H: Holds<D>> {
    holds: H,
    calls: FuturesUnordered<Numbered<H::Held, C::Future>>,
    reads: PhantomData<fn() -> K>,
}

impl<D, C: Call<D>, K, H: Holds<D>> PlainCalls<D, C, K, H> {
    pub(super) fn new(holds: H) -> Self {
        PlainCalls { holds, calls: FuturesUnordered::new(), reads: PhantomData }
    }
}

impl<D, C, K, H> UnderWay<D, C> for PlainCalls<D, C, K, H>
where
    C: Call<D>,
    K: Reads<C::Output>,
    H: Holds<D>,
{
    type Ok = K::Ok;
    type Fails = Failed<H::Kept, K::Fault>;

    fn begin(&mut self, number: u64, row: D, call: &mut C) {
        let held = self.holds.hold(&row);
        let future = Box::pin(call.call(row));
        self.calls.push(Numbered(Some((number, held, future))));
    }

    #[inline(always)]
    fn group(&self, row: &D, call: &mut C) -> u64 {
        call.group(row)
    }

    fn rows(&self) -> usize {
        self.calls.len()
    }

    fn poll_next(
        &mut self,
        _call: &mut C,
        turn: &mut Turn<'_, '_>,
    ) -> Poll<(u64, Result<Self::Ok, Self::Fails>)> {
        match ready!(Pin::new(&mut self.calls).poll_next(turn.context())) {
            Some((number, held, output)) => {
                let done = K::read(output).map_err(|error| Failed { input: H::kept(held), error });
                Poll::Ready((number, done))
            }
            None => Poll::Pending,
        }
    }
}

/// The number of a call's slot, what is held of its row, and the call itself; `None` once it has ended.
#[derive(Debug)]
struct Numbered<L, F>(Option<(u64, L, Pin<Box<F>>)>);

// What is held is never pinned.
impl<L, F> Unpin for Numbered<L, F> {}

// What is not held takes no room.
static_assertions::const_assert_eq!(size_of::<Numbered<(), u8>>(), 2 * size_of::<u64>());

impl<L, F: Future> Future for Numbered<L, F> {
    type Output = (u64, L, F::Output);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (_, _, call) = self.0.as_mut().expect("a call ends once");
        let output = ready!(call.as_mut().poll(context));
        let (number, held, _) = self.0.take().expect("it was there just now");
        Poll::Ready((number, held, output))
    }
}
