//! An asynchronous node before it is placed, and the operators that make one.

use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use foldhash::fast::FixedState;

use super::breaker::CircuitBreaker;
use super::guarded::{Always, Guarded, GuardedCalls, IntoGuarded};
use super::keep::{AgainFrom, Holds, Keeps, Nothing, Repeatable};
use super::operator::Asynchronous;
use super::plain::{Plain, PlainCalls};
use super::read::{CanBeRefused, CanFail, Reads};
use super::retry::Retry;
use crate::envelope::Failed;
use crate::operator::element::ResultLike;
use crate::operator::flow::Discard;
use crate::operator::{Awaitable, Behind, Function, Gives, GivesOrFails, IntoNode, View};
use crate::port::{Edge, NoInput, OnlyOut, OutErr};
use crate::time::{TimeDelta, Timestamp};

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

    /// Among which rows this one keeps its order, where the order is that [of groups](Order::OfGroups).
    #[inline(always)]
    fn group(&mut self, _row: &A) -> u64 {
        0
    }
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
    /// Rows of one group in their order, those of different ones in that in which their calls end: a slow call holds up
    /// those of its group behind it.
    OfGroups,
}

/// Calls of rows that keep their order among those of one key: see [`AsyncCalls::ordered_by`].
#[derive(Clone, Debug)]
pub struct OrderedBy<C, Q> {
    call: C,
    key: Q,
    hasher: FixedState,
}

impl<A, C: Call<A>, Q: FnMut(&A) -> K, K: Hash> Call<A> for OrderedBy<C, Q> {
    type Output = C::Output;
    type Future = C::Future;

    fn call(&mut self, row: A) -> C::Future {
        self.call.call(row)
    }

    fn group(&mut self, row: &A) -> u64 {
        // Keys that collide, one in 2^64, wait for each other.
        self.hasher.hash_one((self.key)(row))
    }
}

/// An asynchronous node before it is placed: see [`async_map`].
///
/// `K` says what its ports carry, `G` what is done about calls that take too long or fail, and `H` what
/// is held of a row while its call is under way.
#[derive(Clone, Debug)]
pub struct AsyncCalls<A, C, K, G = Plain, H = Nothing> {
    pub(super) call: C,
    pub(super) in_flight: usize,
    pub(super) order: Order,
    pub(super) guards: G,
    pub(super) holds: H,
    carries: PhantomData<fn(A) -> K>,
}

impl<A, C, K> AsyncCalls<A, C, K> {
    /// A node that calls `call`, and whose ports carry `K`.
    pub fn new(call: C, _carries: K) -> Self {
        AsyncCalls {
            call,
            in_flight: IN_FLIGHT,
            order: Order::Rows,
            guards: Plain,
            holds: Nothing,
            carries: PhantomData,
        }
    }
}

impl<A, C, K, G, H> AsyncCalls<A, C, K, G, H> {
    /// At most so many calls are in flight. A graph in which that is 0 is refused before its first row.
    ///
    /// A row that waits to be called [again](AsyncCalls::retry) keeps its place among them.
    #[must_use]
    pub fn in_flight(self, calls: usize) -> Self {
        AsyncCalls { in_flight: calls, ..self }
    }

    /// Results come as the calls end, never across a frontier.
    #[must_use]
    pub fn unordered(self) -> Self {
        AsyncCalls { order: Order::Ends, ..self }
    }

    /// Results of rows of one key come in the order of these rows, others as the calls end; none across a frontier (rule I7).
    ///
    /// A slow call holds up those of its key, and no others. Calls of one key are under way at the same time: it is what comes of them that
    /// is in order. Between [in order](Order::Rows), which is the rule, and [`unordered`](AsyncCalls::unordered).
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::prelude::*;
    /// use streamweave::testing;
    /// use streamweave::time::ManualClock;
    ///
    /// let clock = ManualClock::new();
    /// let hours = clock.clone();
    /// let graph = graph! {
    ///     naps = from_iter([("ann", 9), ("ann", 1), ("bob", 3)]);
    ///     slept = async_map(move |nap: (&'static str, i64)| {
    ///         let until = hours.sleep(nap.1.hours());
    ///         async move { until.await; nap }
    ///     }).ordered_by(|nap| nap.0);
    ///     naps -> slept -> awake;
    ///     awake = collect();
    /// };
    /// let result = testing::run(graph, clock, 7).expect("nothing fails");
    /// assert_eq!(result.awake, [("bob", 3), ("ann", 9), ("ann", 1)]);
    /// ```
    #[must_use]
    pub fn ordered_by<Q, L>(self, key: Q) -> AsyncCalls<A, OrderedBy<C, Q>, K, G, H>
    where
        Q: View<A, L>,
        L: Hash,
    {
        let call = OrderedBy { call: self.call, key, hasher: FixedState::with_seed(0) };
        AsyncCalls::with(call, self.in_flight, Order::OfGroups, self.guards, self.holds)
    }

    /// Gives up on a call that has not ended after so much time on the clock of the graph.
    ///
    /// The call is dropped where it stands: what it has done to the outside is not undone. Its row goes
    /// to the port `err`, unless a [`retry`](AsyncCalls::retry) is left: with [`TimedOut`], or with
    /// [`CallError`] where the function can fail itself. A call that has ended when the graph comes to
    /// look counts as ended, however late that is. `after` has to be above zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::prelude::*;
    /// use streamweave::testing;
    /// use streamweave::time::ManualClock;
    ///
    /// let clock = ManualClock::new();
    /// let hours = clock.clone();
    /// let graph = graph! {
    ///     naps = from_iter([1, 9, 3]);
    ///     slept = async_map(move |n: i64| {
    ///         let nap = hours.sleep(n.hours());
    ///         async move { nap.await; n }
    ///     }).timeout(8.hours());
    ///     naps -> slept -> awake;
    ///     slept.err -> map(|failed| failed.error.to_string()) -> asleep;
    ///     awake = collect();
    ///     asleep = collect();
    /// };
    /// let result = testing::run(graph, clock, 7).expect("nothing fails");
    /// assert_eq!(result.awake, [1, 3]);
    /// assert_eq!(result.asleep, ["the call had not ended after 28800 s"]);
    /// ```
    ///
    /// [`TimedOut`]: super::TimedOut
    /// [`CallError`]: super::CallError
    #[must_use]
    pub fn timeout(self, after: TimeDelta) -> AsyncCalls<A, C, K, Guarded<G::When>, H>
    where
        G: IntoGuarded,
    {
        let guards = Guarded { timeout: Some(after), ..self.guards.into_guarded() };
        AsyncCalls::with(self.call, self.in_flight, self.order, guards, self.holds)
    }

    /// Makes a call that failed, or that [took too long](AsyncCalls::timeout), again.
    ///
    /// The input is cloned for every call. While a row waits for its next call it keeps its place in the
    /// order and among the calls [in flight](AsyncCalls::in_flight), so a service that is down slows the
    /// graph instead of filling its memory; a graph that drains waits for it. Once no attempt is left
    /// the row goes to the port `err`, which says how many there were. Whatever the attempts do, a row
    /// comes out exactly once (rule I4).
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::prelude::*;
    /// use streamweave::testing;
    /// use streamweave::time::{Clock, ManualClock};
    ///
    /// let mut calls = 0;
    /// let graph = graph! {
    ///     names = from_iter(["ann", "bob"]);
    ///     greeted = async_try_map(|name: &'static str| {
    ///         calls += 1;
    ///         std::future::ready(if calls % 2 == 0 { Ok(format!("hello {name}")) } else { Err("busy") })
    ///     }).in_flight(1).retry(Retry::times(1).backoff(50.millis()));
    ///     names -> greeted -> greetings;
    ///     greeted.err -> discard;
    ///     greetings = collect();
    /// };
    /// let mut clock = ManualClock::new();
    /// let result = testing::run(graph, clock.clone(), 7).expect("nothing fails");
    /// assert_eq!(result.greetings, ["hello ann", "hello bob"]);
    /// assert_eq!(clock.now().micros(), 100_000);
    /// ```
    #[must_use]
    pub fn retry(self, retry: Retry) -> AsyncCalls<A, C, K, Guarded<G::When>, H::Again>
    where
        A: Repeatable,
        G: IntoGuarded,
        K: CanFail<G>,
        H: AgainFrom<A>,
    {
        let guards = Guarded { retry: Some(retry), ..self.guards.into_guarded() };
        AsyncCalls::with(self.call, self.in_flight, self.order, guards, self.holds.again_from(A::repeat))
    }

    /// Makes no calls for a while once so many have failed: those for which the function gave an `Err`, or which took too long.
    ///
    /// While the circuit is open rows wait, in their order and among those [in flight](AsyncCalls::in_flight), so that nothing is lost and the
    /// graph stands still, or go to `err` at once where the breaker [refuses](CircuitBreaker::refuse); a row that waits to be called
    /// [again](AsyncCalls::retry) does likewise when its time has come. Then one call is made, and no other before its end is known (rule
    /// K9): if it succeeds calls are made again. Failures that a [`retry_if`](AsyncCalls::retry_if) finds not worth another call are answers,
    /// and count as such. The time is that of the graph's clock. A graph that is started again begins with a closed circuit.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamweave::operator::asynchronous::CircuitBreaker;
    /// use streamweave::prelude::*;
    /// use streamweave::testing;
    /// use streamweave::time::ManualClock;
    ///
    /// let graph = graph! {
    ///     numbers = from_iter(0..5);
    ///     called  = async_try_map(|n: u32| std::future::ready(if n < 2 { Err("down") } else { Ok(n) }))
    ///         .in_flight(1)
    ///         .breaker(CircuitBreaker::after(2).open_for(1.hours()).refuse());
    ///     numbers -> called -> done;
    ///     called.err -> map(|failed| failed.error.to_string()) -> errors;
    ///     done = collect();
    ///     errors = collect();
    /// };
    /// let result = testing::run(graph, ManualClock::new(), 7).expect("nothing fails");
    /// assert!(result.done.is_empty());
    /// assert_eq!(result.errors[1..3], ["the call failed", "the circuit was open: no call was made"]);
    /// ```
    #[must_use]
    pub fn breaker(self, breaker: CircuitBreaker) -> AsyncCalls<A, C, K, Guarded<G::When>, H>
    where
        G: IntoGuarded,
        K: CanBeRefused,
    {
        let guards = Guarded { breaker: Some(breaker), ..self.guards.into_guarded() };
        AsyncCalls::with(self.call, self.in_flight, self.order, guards, self.holds)
    }

    /// The port `err` carries the input along, `Failed<A, E>`: a clone, made before the call.
    #[must_use]
    pub fn keep_input(self) -> AsyncCalls<A, C, K, G, Keeps<A>>
    where
        A: Repeatable,
        K: CanFail<G>,
    {
        AsyncCalls::with(self.call, self.in_flight, self.order, self.guards, Keeps(A::repeat))
    }

    fn with(call: C, in_flight: usize, order: Order, guards: G, holds: H) -> Self {
        AsyncCalls { call, in_flight, order, guards, holds, carries: PhantomData }
    }
}

/// [`AsyncCalls::retry`] as a function, whose types can be written where an error is to stand.
pub fn retried<A, K, C, G, H>(
    calls: AsyncCalls<A, C, K, G, H>,
    retry: Retry,
) -> AsyncCalls<A, C, K, Guarded<G::When>, H::Again>
where
    A: Repeatable,
    K: CanFail<G>,
    G: IntoGuarded,
    H: AgainFrom<A>,
{
    calls.retry(retry)
}

/// [`AsyncCalls::keep_input`] as a function, likewise.
pub fn keeping_input<A, K, C, G, H>(calls: AsyncCalls<A, C, K, G, H>) -> AsyncCalls<A, C, K, G, Keeps<A>>
where
    A: Repeatable,
    K: CanFail<G>,
{
    calls.keep_input()
}

/// [`AsyncCalls::breaker`] as a function, likewise.
pub fn breaking<A, K, C, G, H>(
    calls: AsyncCalls<A, C, K, G, H>,
    breaker: CircuitBreaker,
) -> AsyncCalls<A, C, K, Guarded<G::When>, H>
where
    G: IntoGuarded,
    K: CanBeRefused,
{
    calls.breaker(breaker)
}

impl<A, C, B, E, H> AsyncCalls<A, C, GivesOrFails<B, E>, Guarded<Always>, H> {
    /// Only these failures are worth another call; a call that took too long always is.
    ///
    /// Any other failure goes to `err` at once.
    #[must_use]
    pub fn retry_if<P>(self, worth_it: P) -> AsyncCalls<A, C, GivesOrFails<B, E>, Guarded<P>, H>
    where
        P: FnMut(&E) -> bool,
    {
        let guards = self.guards.when(worth_it);
        AsyncCalls::with(self.call, self.in_flight, self.order, guards, self.holds)
    }
}

/// Calls an asynchronous function for each row; its results are the rows of the output.
///
/// Up to [`in_flight`](AsyncCalls::in_flight) calls are under way at a time, 64 unless it is said
/// otherwise; results come in the order of the rows, or [`unordered`](AsyncCalls::unordered). With a
/// [`timeout`](AsyncCalls::timeout) there is a port `err`. The node takes streams without diffs: a call
/// for a retraction could find another answer than the call for its insertion did.
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
pub fn async_map<D, T, B, F, C>(_input: Edge<D, T>, call: C) -> C::Node<F::Node<AsyncCalls<D, C, Gives<B>>>>
where
    C: Function<D, F>,
    F: Awaitable<B>,
{
    C::node(F::node(AsyncCalls::new(call, Gives::new())))
}

/// As [`async_map`], for a function that can fail: what it gives goes to `out`, why it failed to
/// `err`, as `Failed<(), E>`.
///
/// With a [`timeout`](AsyncCalls::timeout) or a [`retry`](AsyncCalls::retry) the reason is a
/// [`CallError<E>`](super::CallError); with [`keep_input`](AsyncCalls::keep_input) the input goes along.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// async fn halve(n: u32) -> Result<u32, &'static str> {
///     if n % 2 == 0 { Ok(n / 2) } else { Err("odd") }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     numbers = from_iter([4, 7]);
///     halved  = async_try_map(halve).keep_input();
///     numbers -> halved -> halves;
///     halved.err -> map(|failed| (failed.input, failed.error)) -> rest;
///     halves = collect();
///     rest = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.halves, [2]);
/// assert_eq!(result.rest, [(7, "odd")]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn async_try_map<D, T, Q, F, C>(
    _input: Edge<D, T>,
    call: C,
) -> C::Node<F::Node<AsyncCalls<D, C, GivesOrFails<Q::Ok, Q::Err>>>>
where
    C: Function<D, F>,
    F: Awaitable<Q>,
    Q: ResultLike,
{
    C::node(F::node(AsyncCalls::new(call, GivesOrFails::new())))
}

// The nodes carry any diff; that only pure functions are given changes is up to the functions that make
// them, by the edges that they take.

impl<D, T, R, B, C> IntoNode<Edge<D, T, R>> for AsyncCalls<D, C, Gives<B>>
where
    T: Timestamp,
    C: Call<D, Output = B>,
{
    type Operator = Asynchronous<D, T, R, C, PlainCalls<D, C, Gives<B>, Nothing>>;
    type Ports = OnlyOut<B, T, R>;

    fn into_node(self, _edge: Edge<D, T, R>) -> (Self::Operator, Self::Ports) {
        let under_way = PlainCalls::new(self.holds);
        (Asynchronous::new(self.call, self.in_flight, self.order, under_way), OnlyOut::new())
    }
}

impl<D, T, R, B, E, C, H> IntoNode<Edge<D, T, R>> for AsyncCalls<D, C, GivesOrFails<B, E>, Plain, H>
where
    T: Timestamp,
    C: Call<D>,
    C::Output: ResultLike<Ok = B, Err = E>,
    H: Holds<D>,
{
    type Operator = Asynchronous<D, T, R, C, PlainCalls<D, C, GivesOrFails<B, E>, H>>;
    type Ports = OutErr<B, T, Failed<H::Kept, E>, T, R>;

    fn into_node(self, _edge: Edge<D, T, R>) -> (Self::Operator, Self::Ports) {
        let under_way = PlainCalls::new(self.holds);
        (Asynchronous::new(self.call, self.in_flight, self.order, under_way), OutErr::new())
    }
}

/// Where the arrow into it was forgotten, which rustc says of its arguments: nothing is called.
impl<A, C, K: Behind<(), (), ()> + Default, G, H> IntoNode<NoInput> for AsyncCalls<A, C, K, G, H> {
    type Operator = Discard;
    type Ports = K::Ports;

    fn into_node(self, _edge: NoInput) -> (Self::Operator, Self::Ports) {
        (Discard, K::default().ports())
    }
}

impl<D, T, R, C, K, P, H> IntoNode<Edge<D, T, R>> for AsyncCalls<D, C, K, Guarded<P>, H>
where
    T: Timestamp,
    C: Call<D>,
    K: Reads<C::Output>,
    P: super::guarded::When<K::Fault>,
    H: Holds<D>,
{
    type Operator = Asynchronous<D, T, R, C, GuardedCalls<D, C, K, P, H>>;
    type Ports = OutErr<K::Ok, T, Failed<H::Kept, K::Error>, T, R>;

    fn into_node(self, _edge: Edge<D, T, R>) -> (Self::Operator, Self::Ports) {
        let under_way = GuardedCalls::new(self.guards, self.holds);
        (Asynchronous::new(self.call, self.in_flight, self.order, under_way), OutErr::new())
    }
}
