//! Sessions at work.
//!
//! # States
//!
//! A session is *open* until the frontier reaches its end, when it fires; then it *lingers* until the allowed lateness has passed; then it
//! is *gone*, and only its bounds are kept, as long as a row could touch them. A row can join open and lingering sessions to one,
//! which is open again, or fires at once.
//!
//! # What is not saved
//!
//! The queue and the alarms follow from the keys, and are made anew when those have been loaded. They are by time, number and place, so that
//! it does not matter when an entry came; and one of which its session knows nothing says nothing:
//!
//! - In the queue a session stands once at its `queued`, which is not after its next move: whoever is taken out too early is put back, so
//!   that each move is made at its own time wherever the session stood before. One that is gone stands at the time at which it is
//!   forgotten. Entries at other times, and of sessions that have become part of others, do nothing.
//! - Among the alarms a session stands at what is due of its trigger if a row has come since it fired last. Others do nothing: the trigger
//!   is not asked. It may be asked once more, behind a restart, at what was due when it was asked in vain.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::task::Poll;

use serde::{Deserialize, Serialize};

use crate::envelope::{Keyed, Update};
use crate::operator::aggregate::{Aggregate, Merge};
use crate::operator::{Cause, Cx, Durable, Input, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{Port, Push};
use crate::state::{Divided, Fields, KeySlab, Mismatch, Owner, SameKey, Storable};
use crate::time::{EventTime, Frontier, ProcessingTime, TimeDelta};

use super::accumulation::Accumulation;
use super::assigner::above_zero;
use super::begin::Begin;
use super::late::{closed_before, hand_on, late};
use super::pane::{Pane, Timing, Window};
use super::session::Bounds;
use super::trigger::{Rows, Trigger};
use super::windows::Firing;

/// Session windows with an aggregate; see [`session`](super::session()).
pub struct Merging<K, V, A, B, I, M, E>
where
    B: Clone,
    M: Accumulation,
    E: Trigger,
{
    bounds: Bounds,
    init: I,
    firing: Firing<E, Rows>,
    frontier: i64,
    keys: KeySlab<K, OfKey<Session<A, B, M, E>>>,
    /// When which session is to be looked at, at which place; more than is in `keys` it does not say.
    queue: BinaryHeap<Reverse<(i64, u64, u32)>>,
    /// How many sessions there have been.
    arrivals: u64,
    /// When triggers want to be asked, of which session, at which place; likewise.
    alarms: BTreeSet<(ProcessingTime, u64, u32)>,
    rows: PhantomData<fn(V)>,
}

/// The sessions of one key, all disjoint.
#[derive(Serialize, Deserialize)]
struct OfKey<S> {
    /// Open or lingering, by start.
    sessions: Vec<S>,
    /// Gone: their numbers and bounds.
    gone: Vec<(u64, Window)>,
}

impl<S> Default for OfKey<S> {
    fn default() -> Self {
        OfKey { sessions: Vec::new(), gone: Vec::new() }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(bound(
    serialize = "A: Serialize, M::Kept<Pane<B>>: Serialize, E::State: Serialize",
    deserialize = "A: Deserialize<'de>, M::Kept<Pane<B>>: Deserialize<'de>, E::State: Deserialize<'de>"
))]
pub(crate) struct Session<A, B: Clone, M: Accumulation, E: Trigger> {
    /// Its number, by arrival of its first row.
    id: u64,
    /// Where it stands in the queue; in one that was loaded, at its next move.
    #[serde(skip)]
    queued: Option<i64>,
    window: Window,
    aggregate: A,
    /// Whether it has fired on time, or after.
    is_lingering: bool,
    firings: u32,
    /// Whether a row has come since the last.
    is_behind: bool,
    kept: M::Kept<Pane<B>>,
    early: E::State,
}

impl<A, B: Clone, M: Accumulation, E: Trigger> Session<A, B, M, E> {
    /// When it fires, or is gone.
    fn due(&self, lateness: i64) -> i64 {
        let end = self.window.end.micros();
        if self.is_lingering { end.saturating_add(lateness) } else { end }
    }

    /// When the trigger is to be asked.
    fn alarm(&self, early: &E) -> Option<ProcessingTime> {
        early.due(&self.early).filter(|_| self.is_behind)
    }
}

/// What becomes of a row.
enum Place {
    /// It comes too late for the session that it would be in.
    Late(Window),
    /// It joins these sessions, which make one with these bounds; none: it is one by itself.
    Joins(std::ops::Range<usize>, Window),
}

impl<A, B: Clone, M: Accumulation, E: Trigger> OfKey<Session<A, B, M, E>> {
    /// Where a row at `time` belongs, if what ends before `passed` has passed.
    fn place(&self, time: EventTime, bounds: Bounds, passed: i64) -> Place {
        let own = Window { start: time, end: time + bounds.gap };
        let from = self.sessions.partition_point(|session| session.window.end < own.start);
        let touching = self.sessions[from..].iter().take_while(|session| session.window.start <= own.end);
        let (mut joined, mut to) = (own, from);
        for session in touching {
            joined.start = joined.start.min(session.window.start);
            joined.end = joined.end.max(session.window.end);
            to += 1;
        }
        let (joins, window) = match bounds.max_length {
            Some(max) if joined.end > joined.start + max => self.cut(own, from..to, max),
            _ => (from..to, joined),
        };
        let overlaps = |(_, gone): &(u64, Window)| window.start < gone.end && gone.start < window.end;
        let is_longer =
            self.sessions[joins.clone()].first().is_none_or(|first| window.start < first.window.start);
        let is_too_far_back = is_longer && window.start < bounds.reach(passed);
        if window.end.micros() <= passed || is_too_far_back || self.gone.iter().any(overlaps) {
            return Place::Late(window);
        }
        Place::Joins(joins, window)
    }

    /// Where a row belongs that would make a session too long: to the one that it is in, or to none.
    fn cut(
        &self,
        own: Window,
        touching: std::ops::Range<usize>,
        max: TimeDelta,
    ) -> (std::ops::Range<usize>, Window) {
        let after = self.sessions.partition_point(|session| session.window.start <= own.start);
        let next = self.sessions.get(after).map_or(EventTime::MAX, |session| session.window.start);
        if let Some(at) = after.checked_sub(1).filter(|at| touching.contains(at)) {
            let Window { start, end } = self.sessions[at].window;
            if own.start < end {
                return (at..at + 1, Window { start, end: end.max(own.end.min(start + max).min(next)) });
            }
        }
        (after..after, Window { start: own.start, end: own.end.min(own.start + max).min(next) })
    }
}

impl<K, V, A, B, I, M, E> Merging<K, V, A, B, I, M, E>
where
    B: Clone,
    M: Accumulation,
    E: Trigger,
{
    pub(super) fn new(bounds: Bounds, init: I, firing: Firing<E, Rows>) -> Self {
        Merging {
            bounds,
            init,
            firing,
            frontier: i64::MIN,
            keys: KeySlab::default(),
            queue: BinaryHeap::new(),
            arrivals: 0,
            alarms: BTreeSet::new(),
            rows: PhantomData,
        }
    }

    /// Windows that end at or before this are gone.
    fn passed(&self) -> i64 {
        if self.frontier == i64::MAX { i64::MAX } else { self.frontier.saturating_sub(self.firing.lateness) }
    }

    /// When the bounds of a session that is gone are forgotten.
    fn forgotten(&self, gone: Window) -> i64 {
        self.bounds.forgotten(gone).saturating_add(self.firing.lateness)
    }

    /// Makes the queue and the alarms of what is kept by key.
    fn enqueue_all(&mut self) {
        let lateness = self.firing.lateness;
        self.keys.complete(|OfKey { sessions, .. }| {
            sessions.iter_mut().for_each(|session| session.queued = Some(session.due(lateness)));
        });
        let (mut queue, mut alarms) = (Vec::new(), Vec::new());
        for (place, _, OfKey { sessions, gone }) in self.keys.iter() {
            queue.extend(sessions.iter().map(|session| Reverse((session.due(lateness), session.id, place))));
            queue.extend(gone.iter().map(|(id, window)| Reverse((self.forgotten(*window), *id, place))));
            let set =
                |session: &Session<_, _, _, E>| Some((session.alarm(&self.firing.early)?, session.id, place));
            alarms.extend(sessions.iter().filter_map(set));
        }
        self.queue = BinaryHeap::from(queue);
        self.alarms = BTreeSet::from_iter(alarms);
    }
}

impl<K, V, A, B, I, M, E> Merging<K, V, A, B, I, M, E>
where
    K: Hash + Eq + Clone,
    A: Aggregate<V, Output = B> + Merge,
    B: Clone,
    I: Begin<A>,
    M: Accumulation,
    E: Trigger,
{
    /// Adds a value to the session that it makes of those numbered.
    fn join<Out>(
        &mut self,
        place: u32,
        joins: std::ops::Range<usize>,
        window: Window,
        value: V,
        out: &mut Port<Out>,
        now: ProcessingTime,
    ) where
        Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    {
        let Some((key, OfKey { sessions, .. })) = self.keys.get(place) else { return };
        let at = joins.start;
        if joins.is_empty() {
            self.arrivals += 1;
            let mut aggregate = self.init.begin();
            aggregate.add(value);
            let (id, queued) = (self.arrivals, None);
            let session = Session {
                id,
                queued,
                window,
                aggregate,
                is_lingering: false,
                firings: 0,
                is_behind: false,
                kept: Default::default(),
                early: E::State::default(),
            };
            sessions.insert(at, session);
        } else {
            let row = |pane| Keyed { key: key.clone(), value: pane };
            let is_changed = joins.len() > 1 || sessions[at].window != window;
            if is_changed && (!E::IS_NEVER || self.firing.lateness > 0) {
                for session in &mut sessions[joins.clone()] {
                    M::withdraw(&mut session.kept, session.window.last(), row, out);
                }
            }
            let (first, others) = sessions[joins.clone()].split_first_mut().expect("there is one");
            for other in others {
                first.aggregate.merge(&other.aggregate);
                first.firings += other.firings;
                first.early = E::State::default();
                if other.id < first.id {
                    (first.id, first.queued) = (other.id, other.queued);
                }
            }
            first.aggregate.add(value);
            first.window = window;
            sessions.drain(at + 1..joins.end);
        }
        let session = &mut sessions[at];
        let is_late = session.window.end.micros() <= self.frontier;
        session.is_lingering &= is_late;
        session.is_behind = true;
        let fires = is_late || self.firing.early.on_row(&mut session.early, now);
        if fires {
            session.is_lingering = is_late;
            self.fire(place, at, if is_late { Timing::Late } else { Timing::Early }, out);
        } else if let Some(due) = session.alarm(&self.firing.early) {
            self.alarms.insert((due, session.id, place));
        }
        self.enqueue(place, at);
    }

    /// Sees to it that a session stands in the queue no later than its next move.
    fn enqueue(&mut self, place: u32, at: usize) {
        let Some((_, OfKey { sessions, .. })) = self.keys.get(place) else { return };
        let session = &mut sessions[at];
        let due = session.due(self.firing.lateness);
        if session.queued.is_none_or(|queued| queued > due) {
            session.queued = Some(due);
            self.queue.push(Reverse((due, session.id, place)));
        }
    }

    /// Fires a session.
    fn fire<Out>(&mut self, place: u32, at: usize, timing: Timing, out: &mut Port<Out>)
    where
        Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    {
        let passed = self.passed();
        let Some((key, OfKey { sessions, .. })) = self.keys.get(place) else { return };
        let session = &mut sessions[at];
        let (window, value) = (session.window, session.aggregate.output());
        let is_last = window.end.micros() <= passed;
        let pane = Pane { window, value, timing, index: session.firings, is_last };
        session.firings += 1;
        session.is_behind = false;
        self.firing.early.fired(&mut session.early);
        M::emit(&mut session.kept, pane, window.last(), |pane| Keyed { key: key.clone(), value: pane }, out);
    }

    /// Moves the sessions on that the frontier has passed, in order of time.
    #[cold]
    #[inline(never)]
    fn pass<Out>(&mut self, out: &mut Port<Out>)
    where
        Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    {
        while let Some(&Reverse((time, id, place))) = self.queue.peek()
            && time <= self.frontier
        {
            self.queue.pop();
            // What only looks changes nothing that would have to be saved. A place that is free has none of either.
            let of_key = &self.keys[place];
            if let Some(at) = of_key.sessions.iter().position(|session| session.id == id) {
                if of_key.sessions[at].queued == Some(time) {
                    self.move_on(place, at, time, out);
                }
            } else if let Some(at) = of_key.gone.iter().position(|(gone, _)| *gone == id) {
                let window = of_key.gone[at].1;
                if self.forgotten(window) == time {
                    self.forget(place, at);
                }
            }
        }
    }

    /// A session's time has come, or it has grown meanwhile.
    fn move_on<Out>(&mut self, place: u32, at: usize, time: i64, out: &mut Port<Out>)
    where
        Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    {
        let Some((_, OfKey { sessions, .. })) = self.keys.get(place) else { return };
        let session = &mut sessions[at];
        session.queued = None;
        if session.due(self.firing.lateness) > time {
            return self.enqueue(place, at);
        }
        if !std::mem::replace(&mut session.is_lingering, true) {
            self.fire(place, at, Timing::OnTime, out);
            if self.firing.lateness > 0 {
                return self.enqueue(place, at);
            }
        }
        self.go(place, at);
    }

    /// A session is gone.
    fn go(&mut self, place: u32, at: usize) {
        let Some((_, OfKey { sessions, gone })) = self.keys.get(place) else { return };
        let session = sessions.remove(at);
        // No row can touch it any more once the stream has ended.
        if self.frontier < i64::MAX {
            gone.push((session.id, session.window));
            let until = self.forgotten(session.window);
            self.queue.push(Reverse((until, session.id, place)));
        } else if sessions.is_empty() && gone.is_empty() {
            self.keys.release(place);
        }
    }

    /// Forgets the bounds of a session that is gone.
    fn forget(&mut self, place: u32, at: usize) {
        let Some((_, OfKey { sessions, gone })) = self.keys.get(place) else { return };
        gone.remove(at);
        if sessions.is_empty() && gone.is_empty() {
            self.keys.release(place);
        }
    }

    /// Asks the triggers whose alarms are due.
    fn alarm<Out>(&mut self, out: &mut Port<Out>, now: ProcessingTime)
    where
        Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    {
        while let Some(&(due, id, place)) = self.alarms.first().filter(|(due, ..)| *due <= now) {
            self.alarms.pop_first();
            let early = &self.firing.early;
            let is_due =
                |session: &Session<_, _, _, E>| session.id == id && session.alarm(early) == Some(due);
            let Some(at) = self.keys[place].sessions.iter().position(is_due) else { continue };
            let Some((_, OfKey { sessions, .. })) = self.keys.get(place) else { continue };
            let session = &mut sessions[at];
            if early.on_clock(&mut session.early, now) {
                self.fire(place, at, Timing::Early, out);
            } else if let Some(next) = session.alarm(early).filter(|next| *next != due) {
                self.alarms.insert((next, id, place));
            }
        }
    }
}

impl<K, V, A, B, I, M, E> Operator for Merging<K, V, A, B, I, M, E>
where
    B: Clone,
    M: Accumulation,
    E: Trigger,
{
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    const ACTIVE: bool = E::USES_CLOCK;
    const USES_CLOCK: bool = E::USES_CLOCK;

    fn validate(&mut self) -> Result<(), Cause> {
        above_zero("the gap of a session", self.bounds.gap)?;
        if let Some(length) = self.bounds.max_length {
            above_zero("the greatest length of a session", length)?;
        }
        self.firing.validate()
    }

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        match self.alarms.first() {
            Some((at, ..)) => turn.until(*at).map(Ok),
            None => Poll::Pending,
        }
    }

    fn finish(&mut self) {}
}

impl<K, V, A, B, I, M, E> Durable for Merging<K, V, A, B, I, M, E>
where
    K: Storable + Hash + Eq,
    A: Storable + Aggregate<V>,
    B: Clone,
    I: Begin<A>,
    M: Accumulation,
    M::Kept<Pane<B>>: Storable,
    E: Trigger,
    E::State: Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(self)
    }
}

/// What one shard has kept: of each session `S`.
pub(crate) struct Kept<K, S> {
    frontier: i64,
    keys: KeySlab<K, OfKey<S>>,
    arrivals: u64,
}

impl<K, V, A, B, I, M, E> Divided for Merging<K, V, A, B, I, M, E>
where
    K: Storable + Hash + Eq,
    A: Storable + Aggregate<V>,
    B: Clone,
    I: Begin<A>,
    M: Accumulation,
    M::Kept<Pane<B>>: Storable,
    E: Trigger,
    E::State: Storable,
{
    type Kept = Kept<K, Session<A, B, M, E>>;

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("frontier", &mut self.frontier)?;
        fields.key_slab("keys", &mut self.keys)?;
        fields.value("arrivals", &mut self.arrivals)?;
        if fields.is_loading() {
            let init = &mut self.init;
            self.keys.complete(|OfKey { sessions, .. }| {
                sessions.iter_mut().for_each(|session| session.aggregate.adopt(init.begin()));
            });
            self.enqueue_all();
        }
        Ok(())
    }

    fn retain(&mut self, owner: Owner) {
        self.keys.retain(|key| owner.owns(key));
    }

    fn take(&mut self) -> Self::Kept {
        (self.queue, self.alarms) = Default::default();
        Kept {
            frontier: std::mem::replace(&mut self.frontier, i64::MIN),
            keys: std::mem::take(&mut self.keys),
            arrivals: std::mem::take(&mut self.arrivals),
        }
    }

    /// Sessions keep their numbers, which have to differ only where their places do not: those of several shards are interleaved.
    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        self.frontier = shards.iter().map(|shard| shard.frontier).min().unwrap_or(i64::MIN);
        for shard in shards {
            self.keys.absorb(shard.keys, |_| true)?;
            self.arrivals = self.arrivals.max(shard.arrivals);
        }
        self.enqueue_all();
        Ok(())
    }
}

impl<K, V, A, B, I, M, E, Out, Late> Input<0, Keyed<K, V>, EventTime, (), (Port<Out>, Port<Late>)>
    for Merging<K, V, A, B, I, M, E>
where
    K: Hash + Eq + Clone,
    A: Aggregate<V, Output = B> + Merge,
    B: Clone,
    I: Begin<A>,
    M: Accumulation,
    E: Trigger,
    Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    Late: Push<super::Late<Keyed<K, V>>, (), ()>,
{
    #[inline]
    fn push(
        &mut self,
        row: Update<Keyed<K, V>, EventTime, ()>,
        (out, refused): &mut (Port<Out>, Port<Late>),
        cx: &mut Cx,
    ) {
        let passed = self.passed();
        let Update { data: Keyed { key, value }, time, diff } = row;
        let place = self.keys.place(key);
        let (_, of_key) = self.keys.at(place);
        match of_key.place(time, self.bounds, passed) {
            Place::Joins(joins, window) => {
                cx.absorbed();
                self.join(place, joins, window, value, out, cx.now());
            }
            Place::Late(window) => {
                let is_new = of_key.sessions.is_empty() && of_key.gone.is_empty();
                let data = Keyed { key: self.keys.key(place).clone(), value };
                if is_new {
                    self.keys.release(place);
                }
                late(Update { data, time, diff }, window, self.frontier, refused, cx);
            }
        }
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<EventTime>, outs: &mut (Port<Out>, Port<Late>), _cx: &mut Cx) {
        self.frontier = closed_before(&frontier);
        if self.queue.peek().is_some_and(|Reverse((time, ..))| *time <= self.frontier) {
            self.pass(&mut outs.0);
        }
        hand_on(frontier, self.firing.lateness, outs);
    }
}

impl<K, V, A, B, I, M, E, Out, Late> Resume<(Port<Out>, Port<Late>)> for Merging<K, V, A, B, I, M, E>
where
    K: Hash + Eq + Clone,
    A: Aggregate<V, Output = B> + Merge,
    B: Clone,
    I: Begin<A>,
    M: Accumulation,
    E: Trigger,
    Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
{
    fn resume(&mut self, (out, _): &mut (Port<Out>, Port<Late>), cx: &mut Cx) -> Progress {
        self.alarm(out, cx.now());
        Progress::More
    }
}

impl<K, V, A, B, I, M, E> fmt::Debug for Merging<K, V, A, B, I, M, E>
where
    B: Clone,
    M: Accumulation,
    E: Trigger,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Merging { bounds, frontier, keys, .. } = self;
        let mut shown = f.debug_struct("Merging");
        shown.field("bounds", bounds).field("frontier", frontier).field("keys", &keys.len());
        shown.finish_non_exhaustive()
    }
}
