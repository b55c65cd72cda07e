//! The operator: rows that wait for a place, calls under way, and the order of what comes of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::task::Poll;

use super::calls::Order;
use super::keep::Repeatable;
use super::slots::{Due, Held, Slots};
use crate::envelope::{Failed, Message, Update};
use crate::operator::{Cause, Cx, Durable, Input, Mark, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{Port, Push};
use crate::state::{Divided, Fields, Mismatch, Owner, SameKey, Storable, hash_of_key};
use crate::time::{Frontier, Timestamp};

/// Calls under way.
pub trait UnderWay<D, C> {
    /// What goes to `out`.
    type Ok;
    /// What goes to `err`.
    type Fails;

    /// Refuses settings that cannot work.
    ///
    /// # Errors
    ///
    /// Says what is wrong with which.
    fn validate(&self) -> Result<(), Cause> {
        Ok(())
    }

    /// Takes a row, under a number by which what comes of it is known.
    fn begin(&mut self, number: u64, row: D, call: &mut C);

    /// Among which rows this one keeps its order, see [`Call::group`](super::Call::group).
    fn group(&self, _row: &D, _call: &mut C) -> u64 {
        0
    }

    /// How many rows it has taken and not given back.
    fn rows(&self) -> usize;

    /// How many of them wait for their next call.
    fn pausing(&self) -> usize {
        0
    }

    /// Gives a row back; pending where none is done, and then the waker or the clock will call.
    fn poll_next(
        &mut self,
        call: &mut C,
        turn: &mut Turn<'_, '_>,
    ) -> Poll<(u64, Result<Self::Ok, Self::Fails>)>;
}

/// See [`async_map`](super::async_map).
pub struct Asynchronous<D, T: Timestamp, R, C, U: UnderWay<D, C>> {
    call: C,
    in_flight: usize,
    /// Rows of the batch at hand that wait for a place, and the frontiers among them.
    waiting: VecDeque<Message<D, T, R>>,
    under_way: U,
    slots: Slots<Result<U::Ok, U::Fails>, T, R>,
    /// How far the input has come, of what has been handed on and of what has not.
    come: Frontier<T>,
    /// In a durable graph: the rows that were called for and not handed on.
    called: Option<Called<D>>,
}

/// Rows as they came, by the numbers of their slots.
struct Called<D> {
    rows: BTreeMap<u64, D>,
    repeat: fn(&D) -> D,
}

impl<D, T: Timestamp, R, C, U: UnderWay<D, C>> Asynchronous<D, T, R, C, U> {
    pub(super) fn new(call: C, in_flight: usize, order: Order, under_way: U) -> Self {
        let (waiting, slots) = (VecDeque::new(), Slots::new(order));
        Asynchronous { call, in_flight, waiting, under_way, slots, come: Frontier::start(), called: None }
    }

    fn arrive(&mut self, arrived: Message<D, T, R>) {
        self.waiting.push_back(arrived);
        self.begin();
    }

    /// A row is handed on.
    #[inline(always)]
    fn handed_on<X>(&mut self, number: u64, done: X) -> X {
        if let Some(called) = &mut self.called {
            called.rows.remove(&number);
        }
        done
    }

    /// Begins the calls for which there is a place; one that has ended keeps its place until it is handed on.
    fn begin(&mut self) {
        while let Some(arrived) = self.waiting.pop_front() {
            match arrived {
                row @ Message::Row(_) if self.slots.rows() >= self.in_flight => {
                    self.waiting.push_front(row);
                    return;
                }
                Message::Row(Update { data, time, diff }) => {
                    let group = self.under_way.group(&data, &mut self.call);
                    let number = self.slots.call(time, diff, group);
                    if let Some(Called { rows, repeat }) = &mut self.called {
                        rows.insert(number, repeat(&data));
                    }
                    self.under_way.begin(number, data, &mut self.call);
                }
                Message::Frontier(frontier) => self.slots.advance(frontier),
            }
        }
    }
}

impl<D, T: Timestamp, R, C, U: UnderWay<D, C>> fmt::Debug for Asynchronous<D, T, R, C, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asynchronous")
            .field("under_way", &self.under_way.rows())
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

impl<D, T: Timestamp, R, C, U: UnderWay<D, C>> Operator for Asynchronous<D, T, R, C, U> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;
    const ACTIVE: bool = true;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.in_flight == 0 {
            return Err("the number of calls in flight must be above zero, found 0".into());
        }
        self.under_way.validate()
    }

    fn ready(&mut self, _port: usize) -> bool {
        self.waiting.is_empty()
    }

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if !self.waiting.is_empty() {
            // What was restored has not been called for.
            self.begin();
        }
        while let Poll::Ready((number, done)) = self.under_way.poll_next(&mut self.call, turn) {
            self.slots.end(number, done);
        }
        if self.slots.is_due() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn waits_for(&mut self) -> Option<Cow<'static, str>> {
        let retries = self.under_way.pausing();
        let calls = self.under_way.rows() - retries;
        let calls = (calls > 0).then(|| counted(calls, "call in flight", "calls in flight"));
        let retries = (retries > 0).then(|| counted(retries, "retry", "retries"));
        match (calls, retries) {
            (Some(calls), Some(retries)) => Some(format!("{calls}, {retries}").into()),
            (one, other) => one.or(other).map(Cow::Owned),
        }
    }

    fn idle(&mut self) -> bool {
        self.waiting.is_empty() && self.slots.is_empty()
    }

    fn has_passed(&mut self, mark: &mut Mark) -> bool {
        // What waits has no number yet.
        if mark.is_none() && self.waiting.is_empty() {
            *mark = Some(self.slots.next());
        }
        mark.is_some_and(|mark| self.slots.are_gone_before(mark))
    }

    fn finish(&mut self) {}
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

impl<D, T, R, C, U> Durable for Asynchronous<D, T, R, C, U>
where
    D: Storable + Repeatable,
    T: Timestamp + Storable,
    R: Storable + Clone,
    U: UnderWay<D, C>,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(self)
    }
}

/// Rows of a keyed stream follow their keys, and are called for where they go. Of others it is not known where they belong, so that as
/// long as some of them are held they are not divided.
impl<D, T, R, C, U> Divided for Asynchronous<D, T, R, C, U>
where
    D: Storable + Repeatable,
    T: Timestamp + Storable,
    R: Storable + Clone,
    U: UnderWay<D, C>,
{
    /// The number of the next row, what is held, and how far the input has come.
    type Kept = (u64, VecDeque<Message<D, T, R>>, Frontier<T>);

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        // The first visit is before the first row.
        let called = self.called.get_or_insert_with(|| Called { rows: BTreeMap::new(), repeat: D::repeat });
        let (mut first, mut held) = (self.slots.first(), VecDeque::new());
        if fields.is_cut() {
            let begun = self.slots.held().map(|held| match held {
                Held::Frontier(frontier) => Message::Frontier(frontier.clone()),
                Held::Row(number, time, diff) => {
                    let data =
                        called.rows.get(&number).expect("a row is kept until it is handed on").repeat();
                    Message::Row(Update { data, time: time.clone(), diff: diff.clone() })
                }
            });
            let waiting = self.waiting.iter().map(|message| match message {
                Message::Row(Update { data, time, diff }) => {
                    Message::Row(Update { data: data.repeat(), time: time.clone(), diff: diff.clone() })
                }
                Message::Frontier(frontier) => Message::Frontier(frontier.clone()),
            });
            held = begun.chain(waiting).collect();
        }
        fields.value("first", &mut first)?;
        fields.value("held", &mut held)?;
        if fields.is_loading() {
            // They are called for when the graph runs.
            self.slots.begin_at(first);
            self.waiting = held;
        }
        fields.value("come", &mut self.come)
    }

    fn retain(&mut self, owner: Owner) {
        self.waiting.retain(|message| match message {
            Message::Row(row) => owner.owns_row(&row.data),
            Message::Frontier(_) => true,
        });
    }

    fn take(&mut self) -> Self::Kept {
        let next = self.slots.next();
        self.slots.begin_at(0);
        (next, std::mem::take(&mut self.waiting), std::mem::replace(&mut self.come, Frontier::start()))
    }

    /// The frontiers among the rows of one shard say nothing of the rows of another: one stands behind them all in their place.
    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        self.come = Frontier::least(shards.iter().map(|(.., come)| come));
        self.slots.begin_at(shards.iter().map(|(next, ..)| *next).max().unwrap_or(0));
        let mut is_held = false;
        for message in shards.into_iter().flat_map(|(_, held, _)| held) {
            match message {
                Message::Row(row) if hash_of_key(&row.data).is_none() => return Err(SameKey),
                row @ Message::Row(_) => self.waiting.push_back(row),
                Message::Frontier(_) => is_held = true,
            }
        }
        if is_held && self.come.is_beyond(&Frontier::start()) {
            self.waiting.push_back(Message::Frontier(self.come.clone()));
        }
        Ok(())
    }
}

impl<D, T, R, B, C, U, I, S> Resume<(Port<S>,)> for Asynchronous<D, T, R, C, U>
where
    T: Timestamp,
    U: UnderWay<D, C, Ok = B, Fails = Failed<I, Infallible>>,
    S: Push<B, T, R>,
{
    fn resume(&mut self, (out,): &mut (Port<S>,), _cx: &mut Cx) -> Progress {
        while let Some(due) = self.slots.next_due() {
            match due {
                Due::Row(number, Update { data, time, diff }) => match self.handed_on(number, data) {
                    Ok(data) => out.push(Update { data, time, diff }),
                    Err(failed) => match failed.error {},
                },
                Due::Frontier(frontier) => out.advance(frontier),
            }
        }
        self.begin();
        Progress::More
    }
}

impl<D, T, R, B, F, C, U, S, E> Resume<(Port<S>, Port<E>)> for Asynchronous<D, T, R, C, U>
where
    T: Timestamp,
    U: UnderWay<D, C, Ok = B, Fails = F>,
    S: Push<B, T, R>,
    E: Push<F, T, R>,
{
    fn resume(&mut self, (out, err): &mut (Port<S>, Port<E>), _cx: &mut Cx) -> Progress {
        while let Some(due) = self.slots.next_due() {
            match due {
                Due::Row(number, Update { data, time, diff }) => match self.handed_on(number, data) {
                    Ok(data) => out.push(Update { data, time, diff }),
                    Err(failed) => err.push(Update { data: failed, time, diff }),
                },
                Due::Frontier(frontier) => {
                    out.advance(frontier.clone());
                    err.advance(frontier);
                }
            }
        }
        self.begin();
        Progress::More
    }
}

impl<D, T, R, C, U, Outs> Input<0, D, T, R, Outs> for Asynchronous<D, T, R, C, U>
where
    T: Timestamp,
    U: UnderWay<D, C>,
{
    fn push(&mut self, row: Update<D, T, R>, _outs: &mut Outs, _cx: &mut Cx) {
        self.arrive(Message::Row(row));
    }

    fn advance(&mut self, frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {
        self.come = frontier.clone();
        self.arrive(Message::Frontier(frontier));
    }
}
