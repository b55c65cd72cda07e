//! Rows joined with what a service knows of their keys.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::Poll;

use foldhash::fast::FixedState;

use super::calls::{AsyncCalls, Call};
use super::guarded::{Always, Guarded, GuardedCalls, IntoGuarded, When};
use super::keep::{AgainFrom, Holds, Nothing, Repeatable};
use super::operator::{Asynchronous, UnderWay};
use super::plain::{Plain, PlainCalls};
use super::read::{CallError, Length};
use super::retry::Retry;
use crate::envelope::{Failed, Keyed};
use crate::operator::element::ResultLike;
use crate::operator::flow::Discard;
use crate::operator::{Awaitable, Cause, Function, GivesOrFails, IntoNode, Key, Turn};
use crate::port::{Edge, NoInput, OutErr};
use crate::state::Lru;
use crate::time::{ProcessingTime, TimeDelta, Timestamp};

/// Joins each row with what a service says of its key: `Keyed<K, (V, Option<W>)>`, and `None` where it knows nothing.
///
/// `call` gives `Ok(Some(..))`, `Ok(None)` or an error; rows for which there was one go to the port `err`, as
/// `Failed<Keyed<K, V>, Arc<E>>`. Rows of a key that is being asked for wait for that answer, good or bad: there is one
/// call for all of them. Everything else is as with [`async_try_map`](super::async_try_map): rows come in their order
/// unless [`unordered`](Lookup::unordered), at most [`in_flight`](Lookup::in_flight) of them wait, the frontier waits with
/// them, and calls may have a [`timeout`](Lookup::timeout) and a [`retry`](Lookup::retry).
///
/// Answers are remembered only with a [`cache`](Lookup::cache); errors never are.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// async fn city(code: u32) -> Result<Option<&'static str>, String> {
///     match code {
///         0 => Err("the service is down".to_owned()),
///         1100 => Ok(Some("Wien")),
///         _ => Ok(None),
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     letters = from_iter([(1100, "bill"), (9999, "card"), (0, "note")]);
///     joined  = lookup(city).cache(1_000).ttl(10.minutes()).negative_ttl(5.secs());
///     letters -> key_by(|letter| letter.0) -> joined
///         -> map(|row| { let ((_, what), city) = row.value; (what, city) }) -> out;
///     joined.err -> map(|failed| (failed.input.key, failed.error.to_string())) -> rest;
///     out = collect();
///     rest = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.out, [("bill", Some("Wien")), ("card", None)]);
/// assert_eq!(result.rest, [(0, "the service is down".to_owned())]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "enrich")]
pub fn lookup<K, V, T, W, Q, F, C>(
    _input: Edge<Keyed<K, V>, T>,
    call: C,
) -> K::Node<W::Node<C::Node<F::Node<Lookup<K, V, W, Q::Err, C>>>>>
where
    K: Key,
    W: crate::operator::Repeatable,
    C: Function<K, F>,
    F: Awaitable<Q>,
    Q: ResultLike<Ok = Option<W>>,
{
    let calls = AsyncCalls::new(call, GivesOrFails::new());
    K::node(W::node(C::node(F::node(Lookup { calls, memory: NoCache, rows: PhantomData }))))
}

type Calls<K, W, E, C, G, H> = AsyncCalls<K, C, GivesOrFails<Option<W>, E>, G, H>;

/// A lookup before it is placed: see [`lookup`].
///
/// `G` and `H` are those of [`AsyncCalls`]; `M` says what is remembered of answers.
#[derive(Clone, Debug)]
pub struct Lookup<K, V, W, E, C, G = Plain, H = Nothing, M = NoCache> {
    calls: Calls<K, W, E, C, G, H>,
    memory: M,
    rows: PhantomData<fn(V)>,
}

impl<K, V, W, E, C, G, H, M> Lookup<K, V, W, E, C, G, H, M> {
    fn with<P, L>(
        self,
        f: impl FnOnce(Calls<K, W, E, C, G, H>) -> Calls<K, W, E, C, P, L>,
    ) -> Lookup<K, V, W, E, C, P, L, M> {
        Lookup { calls: f(self.calls), memory: self.memory, rows: PhantomData }
    }

    /// At most so many rows wait for answers; see [`AsyncCalls::in_flight`].
    #[must_use]
    pub fn in_flight(self, rows: usize) -> Self {
        self.with(|calls| calls.in_flight(rows))
    }

    /// Rows come as they are answered, never across a frontier.
    #[must_use]
    pub fn unordered(self) -> Self {
        self.with(AsyncCalls::unordered)
    }

    /// Gives up on a call that has not ended after so much time; see [`AsyncCalls::timeout`].
    #[must_use]
    pub fn timeout(self, after: TimeDelta) -> Lookup<K, V, W, E, C, Guarded<G::When>, H, M>
    where
        G: IntoGuarded,
    {
        self.with(|calls| calls.timeout(after))
    }

    /// Makes a call that failed, or took too long, again; see [`AsyncCalls::retry`].
    #[must_use]
    pub fn retry(self, retry: Retry) -> Lookup<K, V, W, E, C, Guarded<G::When>, H::Again, M>
    where
        K: Repeatable,
        G: IntoGuarded,
        H: AgainFrom<K>,
        GivesOrFails<Option<W>, E>: super::read::CanFail<G>,
    {
        self.with(|calls| calls.retry(retry))
    }
}

impl<K, V, W, E, C, H, M> Lookup<K, V, W, E, C, Guarded<Always>, H, M> {
    /// Only these failures are worth another call; see [`AsyncCalls::retry_if`].
    #[must_use]
    pub fn retry_if<P: FnMut(&E) -> bool>(self, worth_it: P) -> Lookup<K, V, W, E, C, Guarded<P>, H, M> {
        self.with(|calls| calls.retry_if(worth_it))
    }
}

impl<K, V, W, E, C, G, H> Lookup<K, V, W, E, C, G, H> {
    /// Remembers the answers of so many keys, those that were asked for most recently, and does not ask for them again.
    ///
    /// Forever, unless there is a [`ttl`](Lookup::ttl). That a key is not known is an answer, too. Errors are not remembered.
    /// A graph in which `answers` is 0 is refused.
    #[must_use]
    pub fn cache(self, answers: usize) -> Lookup<K, V, W, E, C, G, H, Cache<K, W>>
    where
        K: Key,
    {
        let memory = Cache { answers: Lru::new(answers), ttl: None, negative_ttl: None };
        Lookup { calls: self.calls, memory, rows: PhantomData }
    }
}

impl<K, V, W, E, C, G, H> Lookup<K, V, W, E, C, G, H, Cache<K, W>> {
    /// An answer is used for less than so much time on the clock of the graph, counted from when it came.
    #[must_use]
    pub fn ttl(mut self, time: TimeDelta) -> Self {
        self.memory.ttl = Some(time);
        self
    }

    /// The same for answers of `None`, in place of [`ttl`](Lookup::ttl).
    #[must_use]
    pub fn negative_ttl(mut self, time: TimeDelta) -> Self {
        self.memory.negative_ttl = Some(time);
        self
    }
}

/// What is remembered of answers.
pub trait Memory<K, W> {
    /// Refuses settings that cannot work.
    ///
    /// # Errors
    ///
    /// Says what is wrong with which.
    fn validate(&self) -> Result<(), Cause> {
        Ok(())
    }

    /// The answer for a key, where it is remembered and not too old.
    fn recall(&mut self, key: &K, turn: &mut Turn<'_, '_>) -> Option<Option<W>>;

    /// Remembers an answer that has just come.
    fn remember(&mut self, key: &K, answer: &Option<W>, turn: &mut Turn<'_, '_>);
}

/// Nothing is remembered.
#[derive(Clone, Copy, Debug)]
pub struct NoCache;

impl<K, W> Memory<K, W> for NoCache {
    fn recall(&mut self, _key: &K, _turn: &mut Turn<'_, '_>) -> Option<Option<W>> {
        None
    }

    fn remember(&mut self, _key: &K, _answer: &Option<W>, _turn: &mut Turn<'_, '_>) {}
}

/// The answers for the keys that were asked for most recently; see [`Lookup::cache`].
#[derive(Clone, Debug)]
pub struct Cache<K, W> {
    /// Each with the time from which on it is too old.
    answers: Lru<K, (Option<W>, Option<ProcessingTime>)>,
    ttl: Option<TimeDelta>,
    negative_ttl: Option<TimeDelta>,
}

impl<K: Hash + Eq + Clone, W: Clone> Memory<K, W> for Cache<K, W> {
    fn validate(&self) -> Result<(), Cause> {
        if self.answers.capacity() == 0 {
            return Err("the number of answers that are remembered must be above zero, found 0".into());
        }
        for (what, time) in [("ttl", self.ttl), ("negative ttl", self.negative_ttl)] {
            if let Some(time) = time.filter(|time| *time <= TimeDelta::ZERO) {
                return Err(
                    format!("the {what} of a cache must be above zero, found {}", Length(time)).into()
                );
            }
        }
        Ok(())
    }

    fn recall(&mut self, key: &K, turn: &mut Turn<'_, '_>) -> Option<Option<W>> {
        let (answer, until) = self.answers.get(key)?;
        let is_fresh = until.is_none_or(|until| turn.now() < until);
        is_fresh.then(|| answer.clone())
    }

    fn remember(&mut self, key: &K, answer: &Option<W>, turn: &mut Turn<'_, '_>) {
        let ttl = if answer.is_none() { self.negative_ttl.or(self.ttl) } else { self.ttl };
        let until = ttl.map(|ttl| turn.now() + ttl);
        self.answers.insert(key.clone(), (answer.clone(), until));
    }
}

/// Rows that wait for answers: those of one key for one call.
pub struct Lookups<K, V, W, X, U, M> {
    /// The calls, each under a number of its own.
    calls: U,
    memory: M,
    /// Rows for which nothing has been done: what is remembered depends on the time, which is known when the worker polls.
    fresh: VecDeque<(u64, Keyed<K, V>)>,
    /// The keys that are being asked for, by the numbers of their calls.
    asked: HashMap<u64, K, FixedState>,
    /// Their rows, in order of arrival.
    waiting: HashMap<K, Vec<(u64, V)>, FixedState>,
    answered: VecDeque<Answered<K, V, W, X>>,
    next: u64,
}

/// A row by its number, and what came of it.
type Answered<K, V, W, X> = (u64, Result<Keyed<K, (V, Option<W>)>, Failed<Keyed<K, V>, Arc<X>>>);

impl<K, V, W, X, U, M> Lookups<K, V, W, X, U, M> {
    fn new(calls: U, memory: M) -> Self {
        let (fresh, answered) = (VecDeque::new(), VecDeque::new());
        let (asked, waiting) = (HashMap::default(), HashMap::default());
        Lookups { calls, memory, fresh, asked, waiting, answered, next: 0 }
    }
}

impl<K, V, W, X, U, M> fmt::Debug for Lookups<K, V, W, X, U, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups").field("asked", &self.asked.len()).finish_non_exhaustive()
    }
}

impl<K, V, W, X, U, M> Lookups<K, V, W, X, U, M>
where
    K: Hash + Eq + Clone,
    W: Clone,
    M: Memory<K, W>,
{
    /// Answers a row from memory, lets it wait, or asks for its key.
    fn look_up<C>(&mut self, number: u64, row: Keyed<K, V>, call: &mut C, turn: &mut Turn<'_, '_>)
    where
        U: UnderWay<K, C>,
    {
        let Keyed { key, value } = row;
        if let Some(waiting) = self.waiting.get_mut(&key) {
            return waiting.push((number, value));
        }
        if let Some(answer) = self.memory.recall(&key, turn) {
            return self.answered.push_back((number, Ok(Keyed { key, value: (value, answer) })));
        }
        self.calls.begin(self.next, key.clone(), call);
        self.asked.insert(self.next, key.clone());
        self.waiting.insert(key, vec![(number, value)]);
        self.next += 1;
    }

    /// A call has ended: its answer is that of all rows that wait for it.
    fn answer(&mut self, call: u64, answer: Result<Option<W>, X>, turn: &mut Turn<'_, '_>) {
        let key = self.asked.remove(&call).expect("each call ends once");
        if let Ok(answer) = &answer {
            self.memory.remember(&key, answer, turn);
        }
        let answer = answer.map_err(Arc::new);
        for (number, value) in self.waiting.remove(&key).expect("a key that is asked for has rows") {
            let key = key.clone();
            let row = match &answer {
                Ok(answer) => Ok(Keyed { key, value: (value, answer.clone()) }),
                Err(error) => Err(Failed { input: Keyed { key, value }, error: Arc::clone(error) }),
            };
            self.answered.push_back((number, row));
        }
    }
}

impl<K, V, W, X, C, U, M> UnderWay<Keyed<K, V>, C> for Lookups<K, V, W, X, U, M>
where
    K: Hash + Eq + Clone,
    W: Clone,
    U: UnderWay<K, C, Ok = Option<W>, Fails = Failed<(), X>>,
    M: Memory<K, W>,
{
    type Ok = Keyed<K, (V, Option<W>)>;
    type Fails = Failed<Keyed<K, V>, Arc<X>>;

    fn validate(&self) -> Result<(), Cause> {
        self.memory.validate()?;
        self.calls.validate()
    }

    fn begin(&mut self, number: u64, row: Keyed<K, V>, _call: &mut C) {
        self.fresh.push_back((number, row));
    }

    /// How many calls are under way: who asks wants to know what it waits for.
    fn rows(&self) -> usize {
        self.calls.rows()
    }

    fn pausing(&self) -> usize {
        self.calls.pausing()
    }

    fn poll_next(
        &mut self,
        call: &mut C,
        turn: &mut Turn<'_, '_>,
    ) -> Poll<(u64, Result<Self::Ok, Self::Fails>)> {
        loop {
            if let Some(answered) = self.answered.pop_front() {
                return Poll::Ready(answered);
            }
            // What has been answered before these rows came counts for them.
            if let Poll::Ready((number, answer)) = self.calls.poll_next(call, turn) {
                self.answer(number, answer.map_err(|failed| failed.error), turn);
                continue;
            }
            if self.fresh.is_empty() {
                return Poll::Pending;
            }
            while let Some((number, row)) = self.fresh.pop_front() {
                self.look_up(number, row, call, turn);
            }
        }
    }
}

/// A lookup at its place.
type Placed<K, V, T, W, X, C, U, M> = Asynchronous<Keyed<K, V>, T, (), C, Lookups<K, V, W, X, U, M>>;
type Ports<K, V, T, W, X> = OutErr<Keyed<K, (V, Option<W>)>, T, Failed<Keyed<K, V>, Arc<X>>, T, ()>;

impl<K, V, T, W, E, C, M> IntoNode<Edge<Keyed<K, V>, T>> for Lookup<K, V, W, E, C, Plain, Nothing, M>
where
    K: Hash + Eq + Clone,
    W: Clone,
    T: Timestamp,
    C: Call<K>,
    C::Output: ResultLike<Ok = Option<W>, Err = E>,
    M: Memory<K, W>,
{
    type Operator = Placed<K, V, T, W, E, C, PlainCalls<K, C, GivesOrFails<Option<W>, E>, Nothing>, M>;
    type Ports = Ports<K, V, T, W, E>;

    fn into_node(self, _edge: Edge<Keyed<K, V>, T>) -> (Self::Operator, Self::Ports) {
        let AsyncCalls { call, in_flight, order, holds, .. } = self.calls;
        let lookups = Lookups::new(PlainCalls::new(holds), self.memory);
        (Asynchronous::new(call, in_flight, order, lookups), OutErr::new())
    }
}

impl<K, V, T, W, E, C, P, H, M> IntoNode<Edge<Keyed<K, V>, T>> for Lookup<K, V, W, E, C, Guarded<P>, H, M>
where
    K: Hash + Eq + Clone,
    W: Clone,
    T: Timestamp,
    C: Call<K>,
    C::Output: ResultLike<Ok = Option<W>, Err = E>,
    P: When<E>,
    H: Holds<K, Kept = ()>,
    M: Memory<K, W>,
{
    type Operator =
        Placed<K, V, T, W, CallError<E>, C, GuardedCalls<K, C, GivesOrFails<Option<W>, E>, P, H>, M>;
    type Ports = Ports<K, V, T, W, CallError<E>>;

    fn into_node(self, _edge: Edge<Keyed<K, V>, T>) -> (Self::Operator, Self::Ports) {
        let AsyncCalls { call, in_flight, order, guards, holds, .. } = self.calls;
        let lookups = Lookups::new(GuardedCalls::new(guards, holds), self.memory);
        (Asynchronous::new(call, in_flight, order, lookups), OutErr::new())
    }
}

/// Where the arrow into it was forgotten, which rustc says of its arguments: nothing is called.
impl<K, V, W, E, C, G, H, M> IntoNode<NoInput> for Lookup<K, V, W, E, C, G, H, M> {
    type Operator = Discard;
    type Ports = OutErr<Keyed<K, (V, Option<W>)>, (), Failed<Keyed<K, V>, Arc<E>>, (), ()>;

    fn into_node(self, _edge: NoInput) -> (Self::Operator, Self::Ports) {
        (Discard, OutErr::new())
    }
}
