//! Calls in flight.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::stream::FuturesUnordered;

use super::slots::{Due, Slots};
use crate::envelope::{Failed, Update};
use crate::operator::element::ResultLike;
use crate::operator::flow::Discard;
use crate::operator::{
    Awaitable, Behind, Cause, Cx, Function, Gives, GivesOrFails, Input, IntoNode, Operator, Outcome,
    Progress, Resume, Turn,
};
use crate::port::{Edge, NoInput, Port, Push};
use crate::time::{Frontier, Timestamp};

/// How many calls are in flight unless [`AsyncCalls::in_flight`] says otherwise.
const IN_FLIGHT: usize = 64;

/// An asynchronous function of a row.
///
/// Implemented for every `FnMut(A) -> impl Future`; a bound of this kind can be written where the
/// future's type cannot.
pub trait Call<A> {
    /// What the call comes to.
    type Output;
    /// The call.
    type Future: Future<Output = Self::Output>;

    /// Begins a call.
    fn call(&mut self, row: A) -> Self::Future;
}

impl<A, F: Future, C: FnMut(A) -> F> Call<A> for C {
    type Output = F::Output;
    type Future = F;

    fn call(&mut self, row: A) -> F {
        self(row)
    }
}

/// In which order the results of calls come between two frontiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In the order of the rows: a slow call holds up those behind it.
    Rows,
    /// In the order in which the calls end. Where the frontier moves with every row that is the
    /// order of the rows, too.
    Ends,
}

/// An asynchronous node before it is placed: see [`async_map`].
#[derive(Clone, Debug)]
pub struct AsyncCalls<C, K> {
    call: C,
    carries: K,
    in_flight: usize,
    order: Order,
}

impl<C, K> AsyncCalls<C, K> {
    /// A node that calls `call`, and whose ports carry `K`.
    pub fn new(call: C, carries: K) -> Self {
        AsyncCalls { call, carries, in_flight: IN_FLIGHT, order: Order::Rows }
    }

    /// At most so many calls are in flight; at least one.
    #[must_use]
    pub fn in_flight(self, calls: usize) -> Self {
        AsyncCalls { in_flight: calls.max(1), ..self }
    }

    /// Results come as the calls end, never across a frontier.
    #[must_use]
    pub fn unordered(self) -> Self {
        AsyncCalls { order: Order::Ends, ..self }
    }
}

/// Calls an asynchronous function for each row; its results are the rows of the output.
///
/// Up to [`in_flight`](AsyncCalls::in_flight) calls are under way at a time, 64 unless it is said
/// otherwise; results come in the order of the rows, or [`unordered`](AsyncCalls::unordered). The
/// node takes streams without diffs: a call for a retraction could find another answer than the
/// call for its insertion did.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// async fn price(item: &'static str) -> u32 {
///     item.len() as u32
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     items = from_iter(["tea", "marmalade"]);
///     items -> async_map(price).in_flight(8) -> prices;
///     prices = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.prices, [3, 9]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn async_map<D, T, B, F, C>(_input: Edge<D, T>, call: C) -> C::Node<F::Node<AsyncCalls<C, Gives<B>>>>
where
    C: Function<D, F>,
    F: Awaitable<B>,
{
    C::node(F::node(AsyncCalls::new(call, Gives::new())))
}

/// As [`async_map`], for a function that can fail: what it gives goes to `out`, why it failed to
/// `err`, as `Failed<(), E>`.
pub fn async_try_map<D, T, Q, F, C>(
    _input: Edge<D, T>,
    call: C,
) -> C::Node<F::Node<AsyncCalls<C, GivesOrFails<Q::Ok, Q::Err>>>>
where
    C: Function<D, F>,
    F: Awaitable<Q>,
    Q: ResultLike,
{
    C::node(F::node(AsyncCalls::new(call, GivesOrFails::new())))
}

impl<D, T: Timestamp, B, C: Call<D, Output = B>> IntoNode<Edge<D, T>> for AsyncCalls<C, Gives<B>> {
    type Operator = AsyncMap<D, T, C>;
    type Ports = <Gives<B> as Behind<D, T, ()>>::Ports;

    fn into_node(self, _edge: Edge<D, T>) -> (Self::Operator, Self::Ports) {
        (AsyncMap(Calls::new(self.call, self.in_flight, self.order)), Behind::<D, T, ()>::ports(self.carries))
    }
}

impl<D, T: Timestamp, B, E, C> IntoNode<Edge<D, T>> for AsyncCalls<C, GivesOrFails<B, E>>
where
    C: Call<D>,
    C::Output: ResultLike<Ok = B, Err = E>,
{
    type Operator = AsyncTryMap<D, T, C>;
    type Ports = <GivesOrFails<B, E> as Behind<D, T, ()>>::Ports;

    fn into_node(self, _edge: Edge<D, T>) -> (Self::Operator, Self::Ports) {
        let calls = Calls::new(self.call, self.in_flight, self.order);
        (AsyncTryMap(calls), Behind::<D, T, ()>::ports(self.carries))
    }
}

/// Where the arrow into it was forgotten, which rustc says of its arguments: nothing is called.
impl<C, K: Behind<(), (), ()>> IntoNode<NoInput> for AsyncCalls<C, K> {
    type Operator = Discard;
    type Ports = K::Ports;

    fn into_node(self, _edge: NoInput) -> (Self::Operator, Self::Ports) {
        (Discard, self.carries.ports())
    }
}

/// The calls of one node.
struct Calls<D, T: Timestamp, C: Call<D>> {
    call: C,
    in_flight: usize,
    /// Rows of the batch at hand that wait for a place, and the frontiers among them.
    waiting: VecDeque<Arrived<D, T>>,
    under_way: FuturesUnordered<Numbered<C::Future>>,
    slots: Slots<C::Output, T>,
}

enum Arrived<D, T: Timestamp> {
    Row(D, T),
    Frontier(Frontier<T>),
}

impl<D, T: Timestamp, C: Call<D>> Calls<D, T, C> {
    fn new(call: C, in_flight: usize, order: Order) -> Self {
        Calls {
            call,
            in_flight,
            waiting: VecDeque::new(),
            under_way: FuturesUnordered::new(),
            slots: Slots::new(order),
        }
    }

    fn push(&mut self, row: D, time: T) {
        self.waiting.push_back(Arrived::Row(row, time));
        self.begin();
    }

    fn advance(&mut self, frontier: Frontier<T>) {
        self.waiting.push_back(Arrived::Frontier(frontier));
        self.begin();
    }

    /// Begins the calls for which there is a place.
    fn begin(&mut self) {
        while let Some(arrived) = self.waiting.pop_front() {
            match arrived {
                Arrived::Row(row, time) if self.under_way.len() >= self.in_flight => {
                    self.waiting.push_front(Arrived::Row(row, time));
                    return;
                }
                Arrived::Row(row, time) => {
                    let number = self.slots.call(time);
                    let future = Box::pin(self.call.call(row));
                    self.under_way.push(Numbered { number, future });
                }
                Arrived::Frontier(frontier) => self.slots.advance(frontier),
            }
        }
    }

    /// Ready when something can be handed on.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready(Some((number, data))) = Pin::new(&mut self.under_way).poll_next(context) {
            self.slots.end(number, data);
            self.begin();
        }
        if self.slots.is_due() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.slots.is_empty()
    }
}

/// A call and the number of its slot.
struct Numbered<F> {
    number: u64,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Numbered<F> {
    type Output = (u64, F::Output);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let output = ready!(self.future.as_mut().poll(context));
        Poll::Ready((self.number, output))
    }
}

macro_rules! asynchronous {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<D, T: Timestamp, C: Call<D>>(Calls<D, T, C>);

        impl<D, T: Timestamp, C: Call<D>> fmt::Debug for $name<D, T, C> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("under_way", &self.0.under_way.len())
                    .field("waiting", &self.0.waiting.len())
                    .finish_non_exhaustive()
            }
        }

        impl<D, T: Timestamp, C: Call<D>> Operator for $name<D, T, C> {
            type Yield = ();
            const OUTCOME: Outcome = Outcome::PassedOrFiltered;
            const ACTIVE: bool = true;

            fn ready(&mut self, _port: usize) -> bool {
                self.0.waiting.is_empty()
            }

            fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
                self.0.poll(turn.context()).map(Ok)
            }

            fn idle(&mut self) -> bool {
                self.0.is_idle()
            }

            fn finish(&mut self) {}
        }
    };
}

asynchronous! {
    /// See [`async_map`].
    AsyncMap
}
asynchronous! {
    /// See [`async_try_map`].
    AsyncTryMap
}

impl<D, T, C, S> Resume<(Port<S>,)> for AsyncMap<D, T, C>
where
    T: Timestamp,
    C: Call<D>,
    S: Push<C::Output, T, ()>,
{
    fn resume(&mut self, (out,): &mut (Port<S>,), _cx: &mut Cx) -> Progress {
        while let Some(due) = self.0.slots.next_due() {
            match due {
                Due::Row(row) => out.push(row),
                Due::Frontier(frontier) => out.advance(frontier),
            }
        }
        Progress::More
    }
}

impl<D, T, C, S, E> Resume<(Port<S>, Port<E>)> for AsyncTryMap<D, T, C>
where
    T: Timestamp,
    C: Call<D>,
    C::Output: ResultLike,
    S: Push<<C::Output as ResultLike>::Ok, T, ()>,
    E: Push<Failed<(), <C::Output as ResultLike>::Err>, T, ()>,
{
    fn resume(&mut self, (out, err): &mut (Port<S>, Port<E>), _cx: &mut Cx) -> Progress {
        while let Some(due) = self.0.slots.next_due() {
            match due {
                Due::Row(Update { data, time, diff }) => match data.into_result() {
                    Ok(data) => out.push(Update { data, time, diff }),
                    Err(error) => err.push(Update { data: Failed { input: (), error }, time, diff }),
                },
                Due::Frontier(frontier) => {
                    out.advance(frontier.clone());
                    err.advance(frontier);
                }
            }
        }
        Progress::More
    }
}

impl<D, T, C, S> Input<0, D, T, (), (Port<S>,)> for AsyncMap<D, T, C>
where
    T: Timestamp,
    C: Call<D>,
    S: Push<C::Output, T, ()>,
{
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut (Port<S>,), _cx: &mut Cx) {
        self.0.push(row.data, row.time);
    }

    fn advance(&mut self, frontier: Frontier<T>, _outs: &mut (Port<S>,), _cx: &mut Cx) {
        self.0.advance(frontier);
    }
}

impl<D, T, C, S, E> Input<0, D, T, (), (Port<S>, Port<E>)> for AsyncTryMap<D, T, C>
where
    T: Timestamp,
    C: Call<D>,
    C::Output: ResultLike,
    S: Push<<C::Output as ResultLike>::Ok, T, ()>,
    E: Push<Failed<(), <C::Output as ResultLike>::Err>, T, ()>,
{
    fn push(&mut self, row: Update<D, T, ()>, _outs: &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        self.0.push(row.data, row.time);
    }

    fn advance(&mut self, frontier: Frontier<T>, _outs: &mut (Port<S>, Port<E>), _cx: &mut Cx) {
        self.0.advance(frontier);
    }
}
