//! Windows of any assigner, which may overlap, fire early and late, and correct themselves.
//!
//! # Layout
//!
//! What the rows of a key come to is kept by slice, in a short vector by time: a row costs a look-up and an addition, however
//! many windows it is in, and a window that fires puts its slices together, one after another in memory. Only where firings
//! discard what they have said is it kept by window.
//!
//! A window is *due* from its first row until the frontier reaches its end; then it *lingers* until the allowed lateness has passed,
//! too. The operator acts at the ends of both ([`Sliced::next_due`]), in order of time, and at alarms of triggers.
//!
//! # What is not saved
//!
//! The alarms follow from the keys, and are made anew when those have been loaded. A window of a key stands among them at what is due of its
//! trigger if a row has come since it fired last. Others, of windows that are gone, of keys whose place another one has, at what was due
//! before, do nothing: the trigger is not asked. It may be asked once more, behind a restart, at what was due when it was asked in vain.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::Range;
use std::task::Poll;

use serde::{Deserialize, Serialize};

use crate::envelope::{Keyed, Update};
use crate::operator::aggregate::Aggregate;
use crate::operator::{Cause, Cx, Durable, Input, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{Port, Push};
use crate::state::{Divided, Fields, KeySlab, Mismatch, Owner, SameKey, Storable};
use crate::time::{EventTime, Frontier, ProcessingTime};

use super::accumulation::Accumulation;
use super::ahead::Ahead;
use super::assigner::{Assigner, last_time};
use super::begin::Begin;
use super::late::{closed_before, hand_on, late};
use super::order::{Arrivals, PaneOrder, number_anew};
use super::pane::{Pane, Timing, Window};
use super::sharing::Sharing;
use super::trigger::Trigger;
use super::windows::Firing;

/// Windows with an aggregate that share slices, and may fire several times; see [`Windows`](super::Windows).
///
/// `S` is the shape of the windows, `M` the mode of accumulation, `E` and `L` are the triggers, early and late.
pub struct Sliced<K, V, A, B, I, G, S, M, E, L, O>
where
    B: Clone,
    M: Accumulation,
    E: Trigger,
    L: Trigger,
{
    assigner: G,
    init: I,
    firing: Firing<E, L>,
    frontier: i64,
    /// The least time at which a window fires or is forgotten.
    next_due: i64,
    /// Those with rows that are not forgotten, by start.
    slices: Vec<Slice>,
    /// The one that the last row was in.
    last_hit: usize,
    /// Windows that have not fired on time, by end.
    due: BTreeSet<(EventTime, EventTime)>,
    /// Windows that have, by end.
    lingering: BTreeSet<(EventTime, EventTime)>,
    keys: KeySlab<K, OfKey<A, Fired<B, M, E, L>>>,
    /// Keys of which windows are forgotten that are not for others.
    ahead: Ahead,
    /// How many parts there have been.
    arrivals: u64,
    /// When triggers want to be asked, of which key and window; more than is in `keys` it does not say.
    alarms: BTreeSet<(ProcessingTime, u32, EventTime, EventTime)>,
    /// The keys of the window that fires, with their arrivals.
    ready: Vec<(u64, u32)>,
    by_arrival: Arrivals,
    /// The keys of windows that have passed and end together.
    passed: Vec<u32>,
    rows: PhantomData<fn(V) -> (S, O)>,
}

impl<K, V, A, B, I, G, S, M, E, L, O> fmt::Debug for Sliced<K, V, A, B, I, G, S, M, E, L, O>
where
    B: Clone,
    G: fmt::Debug,
    M: Accumulation,
    E: Trigger,
    L: Trigger,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sliced { assigner, frontier, keys, .. } = self;
        let mut shown = f.debug_struct("Sliced");
        shown.field("assigner", assigner).field("frontier", frontier).field("keys", &keys.len());
        shown.finish_non_exhaustive()
    }
}

/// A slice with rows; times in microseconds.
#[derive(Clone, Copy, Debug)]
struct Slice {
    span: Window,
    /// The last time in it.
    last: i64,
    /// Where the first of its windows ends.
    first_end: i64,
    /// Until when rows are taken for the last one.
    expires: i64,
}

impl Slice {
    #[inline(always)]
    fn holds(&self, time: EventTime) -> bool {
        self.span.start <= time && time.micros() <= self.last
    }
}

/// What the rows of one key come to, and the firings of its windows.
#[derive(Serialize, Deserialize)]
pub(crate) struct OfKey<A, F> {
    /// By start, then by end.
    parts: VecDeque<Part<A>>,
    /// Of windows that have fired, or may before their ends; by window.
    fired: Vec<F>,
}

/// What the rows in a slice come to, or in a window where firings discard.
#[derive(Serialize, Deserialize)]
struct Part<A> {
    span: Window,
    expires: i64,
    arrival: u64,
    /// Whether it has rows that no firing has discarded.
    is_fresh: bool,
    aggregate: A,
}

/// The firings of one window of one key.
#[derive(Serialize, Deserialize)]
#[serde(bound(
    serialize = "M::Kept<Pane<B>>: Serialize, E::State: Serialize, L::State: Serialize",
    deserialize = "M::Kept<Pane<B>>: Deserialize<'de>, E::State: Deserialize<'de>, L::State: Deserialize<'de>"
))]
pub(crate) struct Fired<B: Clone, M: Accumulation, E: Trigger, L: Trigger> {
    window: Window,
    firings: u32,
    /// Whether rows have come since the last.
    is_behind: bool,
    kept: M::Kept<Pane<B>>,
    early: E::State,
    late: L::State,
}

impl<B: Clone, M: Accumulation, E: Trigger, L: Trigger> Fired<B, M, E, L> {
    /// When the trigger is to be asked that counts now: the late one behind the window's end.
    fn alarm(&self, firing: &Firing<E, L>, is_late: bool) -> Option<ProcessingTime> {
        let due = if is_late { firing.late.due(&self.late) } else { firing.early.due(&self.early) };
        due.filter(|_| self.is_behind)
    }

    /// Those of a window.
    fn of(all: &mut Vec<Self>, window: Window) -> &mut Self {
        let at = all.binary_search_by(|fired| fired.window.cmp(&window)).unwrap_or_else(|at| {
            let fired = Fired {
                window,
                firings: 0,
                is_behind: false,
                kept: Default::default(),
                early: E::State::default(),
                late: L::State::default(),
            };
            all.insert(at, fired);
            at
        });
        &mut all[at]
    }
}

impl<A, F> Default for OfKey<A, F> {
    fn default() -> Self {
        OfKey { parts: VecDeque::new(), fired: Vec::new() }
    }
}

impl<A, F> OfKey<A, F> {
    /// Where the parts of a window stand.
    #[inline]
    fn inside<M: Accumulation>(&self, window: Window) -> Range<usize> {
        if M::DISCARDS {
            let at = self.parts.partition_point(|part| part.span < window);
            let is_there = self.parts.get(at).is_some_and(|part| part.span == window);
            return at..at + usize::from(is_there);
        }
        let from = self.parts.partition_point(|part| part.span.start < window.start);
        // The slice that begins at the greatest time is a window of its own.
        from..self.parts.partition_point(|part| part.span.start < window.end || part.span == window)
    }

    /// What is summed up of a span, begun where it is new.
    #[inline(always)]
    fn part(
        &mut self,
        span: Window,
        expires: i64,
        arrivals: &mut u64,
        init: &mut impl Begin<A>,
    ) -> &mut Part<A> {
        let at = match self.parts.len().checked_sub(1) {
            Some(newest) if self.parts[newest].span == span => newest,
            _ => self.find_or_begin(span, expires, arrivals, init),
        };
        &mut self.parts[at]
    }

    #[inline(never)]
    fn find_or_begin(
        &mut self,
        span: Window,
        expires: i64,
        arrivals: &mut u64,
        init: &mut impl Begin<A>,
    ) -> usize {
        let at = self.parts.partition_point(|part| part.span < span);
        if self.parts.get(at).is_none_or(|part| part.span != span) {
            *arrivals += 1;
            let part = Part { span, expires, arrival: *arrivals, is_fresh: false, aggregate: init.begin() };
            self.parts.insert(at, part);
        }
        at
    }
}

/// The window of a key in one of the sets.
fn window_of((end, start): (EventTime, EventTime)) -> Window {
    Window { start, end }
}

impl<K, V, A, B, I, G, S, M, E, L, O> Sliced<K, V, A, B, I, G, S, M, E, L, O>
where
    B: Clone,
    G: Assigner,
    M: Accumulation,
    E: Trigger,
    L: Trigger,
{
    pub(super) fn new(assigner: G, init: I, firing: Firing<E, L>) -> Self {
        Sliced {
            assigner,
            init,
            firing,
            frontier: i64::MIN,
            next_due: i64::MAX,
            slices: Vec::new(),
            last_hit: 0,
            due: BTreeSet::new(),
            lingering: BTreeSet::new(),
            keys: KeySlab::default(),
            ahead: Ahead::default(),
            arrivals: 0,
            alarms: BTreeSet::new(),
            ready: Vec::new(),
            by_arrival: Arrivals::default(),
            passed: Vec::new(),
            rows: PhantomData,
        }
    }

    /// Until when rows are taken for a window.
    #[inline]
    fn expiry(&self, end: EventTime) -> i64 {
        end.micros().saturating_add(self.firing.lateness)
    }

    /// The slice of a time; `Err` where its last window has passed, or where it is in none.
    #[inline(always)]
    fn find(&mut self, time: EventTime) -> Result<Slice, Option<Window>> {
        match self.slices.get(self.last_hit) {
            Some(hit) if hit.holds(time) => Ok(*hit),
            _ => self.find_or_open(time),
        }
    }

    #[inline(never)]
    fn find_or_open(&mut self, time: EventTime) -> Result<Slice, Option<Window>> {
        let after = self.slices.partition_point(|slice| slice.span.start <= time);
        if let Some(at) = after.checked_sub(1)
            && self.slices[at].holds(time)
        {
            self.last_hit = at;
            return Ok(self.slices[at]);
        }
        let span = self.assigner.slice(time);
        let (mut first, mut last) = (None, None);
        for window in self.assigner.windows(span) {
            first = first.or(Some(window));
            last = Some(window);
        }
        let (first, newest) = first.zip(last).ok_or(None)?;
        let expires = self.expiry(newest.end);
        if expires <= self.frontier {
            return Err(Some(newest));
        }
        let last = last_time(&self.assigner, span);
        let slice = Slice { span, last, first_end: first.end.micros(), expires };
        self.open(slice);
        self.slices.insert(after, slice);
        self.last_hit = after;
        Ok(slice)
    }

    /// Notes the windows of a slice.
    fn open(&mut self, slice: Slice) {
        for window in self.assigner.windows(slice.span) {
            let key = (window.end, window.start);
            if window.end.micros() > self.frontier {
                self.due.insert(key);
            } else if self.expiry(window.end) > self.frontier {
                self.lingering.insert(key);
            }
        }
        self.set_next_due();
    }

    fn set_next_due(&mut self) {
        let fires = self.due.first().map_or(i64::MAX, |(end, _)| end.micros());
        let expires = self.lingering.first().map_or(i64::MAX, |(end, _)| self.expiry(*end));
        self.next_due = fires.min(expires);
    }

    /// Makes the alarms of what is kept by key.
    fn set_alarms(&mut self) {
        let Self { firing, frontier, .. } = &*self;
        let mut alarms = Vec::new();
        for (place, _, OfKey { fired, .. }) in self.keys.iter() {
            for fired in fired {
                let Window { start, end } = fired.window;
                // Of a key that is ahead of others the window fires on time once more, with what was late.
                let due = fired.alarm(firing, end.micros() <= *frontier);
                alarms.extend(due.map(|due| (due, place, end, start)));
            }
        }
        self.alarms = BTreeSet::from_iter(alarms);
    }

    /// Fills `ready` with the keys that have rows in a window, in the order of their panes.
    fn gather(&mut self, window: Window)
    where
        K: Hash + Eq,
        O: PaneOrder<K>,
    {
        self.ready.clear();
        for (place, _, of_key) in self.keys.iter() {
            let inside = of_key.parts.range(of_key.inside::<M>(window));
            self.ready.extend(inside.map(|part| part.arrival).min().map(|arrival| (arrival, place)));
        }
        self.by_arrival.order(&mut self.ready);
        if O::SORTS {
            self.ready.sort_by(|(_, a), (_, b)| O::compare(self.keys.key(*a), self.keys.key(*b)));
        }
    }

    /// Forgets, of the keys in `ready`, a window, and what is in no later one, unless another one that ends with it is still to
    /// come.
    fn forget(&mut self, window: Window, others_follow: bool)
    where
        K: Hash + Eq,
    {
        self.passed.extend(self.ready.iter().map(|(_, place)| *place));
        for (_, place) in self.ready.drain(..) {
            let Some((_, OfKey { fired, .. })) = self.keys.get(place) else { continue };
            if let Ok(at) = fired.binary_search_by(|fired| fired.window.cmp(&window)) {
                fired.remove(at);
            }
        }
        if others_follow {
            return;
        }
        let passed = self.expiry(window.end);
        for place in self.passed.drain(..) {
            let Some((_, of_key)) = self.keys.get(place) else { continue };
            if M::DISCARDS {
                of_key.parts.retain(|part| part.expires > passed);
            }
            while of_key.parts.front().is_some_and(|part| part.expires <= passed) {
                of_key.parts.pop_front();
            }
            if of_key.parts.is_empty() {
                of_key.fired.clear();
                self.keys.release(place);
                self.ahead.forget(place);
            }
        }
    }
}

impl<K, V, A, B, I, G, S, M, E, L, O> Sliced<K, V, A, B, I, G, S, M, E, L, O>
where
    K: Hash + Eq + Clone,
    A: Aggregate<V, Output = B>,
    B: Clone,
    I: Begin<A>,
    G: Assigner + Clone,
    S: Sharing<A, V>,
    M: Accumulation,
    E: Trigger,
    L: Trigger,
    O: PaneOrder<K>,
{
    /// Adds a value to each of its windows that is open.
    fn add_by_window(&mut self, place: u32, slice: Slice, value: V) {
        let Some((_, of_key)) = self.keys.get(place) else { return };
        let mut one = S::one(value, &mut self.init);
        for window in self.assigner.windows(slice.span) {
            let expires = window.end.micros().saturating_add(self.firing.lateness);
            if expires > self.frontier {
                let part = of_key.part(window, expires, &mut self.arrivals, &mut self.init);
                part.is_fresh = true;
                S::add(&mut part.aggregate, &mut one);
            }
        }
    }

    /// Shows a row of a key to the triggers of its windows.
    #[inline(never)]
    fn trigger<Out>(&mut self, place: u32, slice: Slice, out: &mut Port<Out>, now: ProcessingTime)
    where
        Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    {
        let assigner = self.assigner.clone();
        for window in assigner.windows(slice.span) {
            let is_late = window.end.micros() <= self.frontier;
            if is_late && self.expiry(window.end) <= self.frontier || !is_late && E::IS_NEVER {
                continue;
            }
            let Some((_, of_key)) = self.keys.get(place) else { return };
            let fired = Fired::of(&mut of_key.fired, window);
            fired.is_behind = true;
            let Firing { early, late, .. } = &self.firing;
            let (fires, due) = if is_late {
                (late.on_row(&mut fired.late, now), late.due(&fired.late))
            } else {
                (early.on_row(&mut fired.early, now), early.due(&fired.early))
            };
            if fires {
                self.fire(place, window, if is_late { Timing::Late } else { Timing::Early }, out);
            } else if let Some(at) = due {
                self.alarms.insert((at, place, window.end, window.start));
            }
        }
    }

    /// Asks the triggers whose alarms are due.
    fn alarm<Out>(&mut self, out: &mut Port<Out>, now: ProcessingTime)
    where
        Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    {
        while let Some(&(at, place, end, start)) = self.alarms.first().filter(|(at, ..)| *at <= now) {
            self.alarms.pop_first();
            let (window, is_late) = (Window { start, end }, end.micros() <= self.frontier);
            // What only looks changes nothing that would have to be saved. A place that is free has none of these.
            let all = &self.keys[place].fired;
            let Ok(number) = all.binary_search_by(|fired| fired.window.cmp(&window)) else { continue };
            // The place may have been given to another key, and the trigger have fired meanwhile.
            if all[number].alarm(&self.firing, is_late) != Some(at) {
                continue;
            }
            let Some((_, OfKey { fired, .. })) = self.keys.get(place) else { continue };
            let (fired, Firing { early, late, .. }) = (&mut fired[number], &self.firing);
            let (fires, timing) = if is_late {
                (late.on_clock(&mut fired.late, now), Timing::Late)
            } else {
                (early.on_clock(&mut fired.early, now), Timing::Early)
            };
            if fires {
                self.fire(place, window, timing, out);
            } else if let Some(next) = fired.alarm(&self.firing, is_late).filter(|next| *next != at) {
                self.alarms.insert((next, place, end, start));
            }
        }
    }

    /// Fires and forgets the windows that the frontier has passed, in order of time.
    #[cold]
    #[inline(never)]
    fn pass<Out>(&mut self, out: &mut Port<Out>)
    where
        Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    {
        while self.next_due <= self.frontier {
            let fires = self.due.first().copied().filter(|(end, _)| end.micros() == self.next_due);
            match fires {
                Some(key) => {
                    self.due.remove(&key);
                    self.fire_on_time(window_of(key), out);
                }
                None => match self.lingering.pop_first() {
                    Some(key) => self.expire(window_of(key), out),
                    None => break,
                },
            }
            self.set_next_due();
        }
        self.ahead.catch_up(self.frontier);
        self.slices.retain(|slice| slice.expires > self.frontier);
        self.last_hit = self.slices.len().saturating_sub(1);
    }

    fn fire_on_time<Out>(&mut self, window: Window, out: &mut Port<Out>)
    where
        Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    {
        self.gather(window);
        let ready = std::mem::take(&mut self.ready);
        let expiry = self.expiry(window.end);
        for &(_, place) in &ready {
            if !self.ahead.has_passed(place, expiry) {
                self.fire(place, window, Timing::OnTime, out);
            }
        }
        self.ready = ready;
        if self.firing.lateness > 0 {
            self.lingering.insert((window.end, window.start));
        } else {
            self.forget(window, self.due.first().is_some_and(|(end, _)| *end == window.end));
        }
    }

    /// Fires for rows that no trigger has fired for, and forgets the window.
    fn expire<Out>(&mut self, window: Window, out: &mut Port<Out>)
    where
        Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    {
        self.gather(window);
        let expiry = self.expiry(window.end);
        let ready = std::mem::take(&mut self.ready);
        for &(_, place) in &ready {
            let Some((_, of_key)) = self.keys.get(place) else { continue };
            if self.ahead.has_passed(place, expiry) {
                continue;
            }
            if of_key.fired.iter().any(|fired| fired.window == window && fired.is_behind) {
                self.fire(place, window, Timing::Late, out);
            }
        }
        self.ready = ready;
        self.forget(window, self.lingering.first().is_some_and(|(end, _)| *end == window.end));
    }

    /// Fires a window of one key.
    #[inline]
    fn fire<Out>(&mut self, place: u32, window: Window, timing: Timing, out: &mut Port<Out>)
    where
        Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    {
        let is_last = self.expiry(window.end) <= self.frontier;
        let Some((key, of_key)) = self.keys.get(place) else { return };
        let inside = of_key.inside::<M>(window);
        let OfKey { parts, fired } = of_key;
        let fresh = parts.range(inside.clone()).filter(|part| part.is_fresh);
        let value = S::output(fresh.map(|part| &part.aggregate), &mut self.init);
        let Some(value) = value else { return };
        if M::DISCARDS {
            for part in parts.range_mut(inside) {
                part.is_fresh = false;
                part.aggregate = self.init.begin();
            }
        }
        let row = |pane| Keyed { key: key.clone(), value: pane };
        let mut pane = Pane { window, value, timing, index: 0, is_last };
        if E::IS_NEVER && self.firing.lateness == 0 {
            return M::emit(&mut Default::default(), pane, window.last(), row, out);
        }
        let fired = Fired::<_, M, E, L>::of(fired, window);
        pane.index = fired.firings;
        fired.firings += 1;
        fired.is_behind = false;
        match timing {
            Timing::Early | Timing::OnTime => self.firing.early.fired(&mut fired.early),
            Timing::Late => self.firing.late.fired(&mut fired.late),
        }
        M::emit(&mut fired.kept, pane, window.last(), row, out);
    }
}

impl<K, V, A, B, I, G, S, M, E, L, O> Operator for Sliced<K, V, A, B, I, G, S, M, E, L, O>
where
    B: Clone,
    G: Assigner,
    M: Accumulation,
    E: Trigger,
    L: Trigger,
{
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    const ACTIVE: bool = E::USES_CLOCK || L::USES_CLOCK;
    const USES_CLOCK: bool = E::USES_CLOCK || L::USES_CLOCK;

    fn validate(&mut self) -> Result<(), Cause> {
        self.assigner.validate()?;
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

/// The slices are found anew, by the rows that come for them.
impl<K, V, A, B, I, G, S, M, E, L, O> Durable for Sliced<K, V, A, B, I, G, S, M, E, L, O>
where
    K: Storable + Hash + Eq,
    A: Storable + Aggregate<V>,
    B: Clone,
    I: Begin<A>,
    G: Assigner,
    M: Accumulation,
    M::Kept<Pane<B>>: Storable,
    E: Trigger,
    E::State: Storable,
    L: Trigger,
    L::State: Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(self)
    }
}

/// What one shard has kept: of each key `S`.
pub(crate) struct Kept<K, S> {
    frontier: i64,
    due: BTreeSet<(EventTime, EventTime)>,
    lingering: BTreeSet<(EventTime, EventTime)>,
    keys: KeySlab<K, S>,
    ahead: Ahead,
}

impl<K, V, A, B, I, G, S, M, E, L, O> Divided for Sliced<K, V, A, B, I, G, S, M, E, L, O>
where
    K: Storable + Hash + Eq,
    A: Storable + Aggregate<V>,
    B: Clone,
    I: Begin<A>,
    G: Assigner,
    M: Accumulation,
    M::Kept<Pane<B>>: Storable,
    E: Trigger,
    E::State: Storable,
    L: Trigger,
    L::State: Storable,
{
    type Kept = Kept<K, OfKey<A, Fired<B, M, E, L>>>;

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("frontier", &mut self.frontier)?;
        fields.value("due", &mut self.due)?;
        fields.value("lingering", &mut self.lingering)?;
        fields.key_slab("keys", &mut self.keys)?;
        fields.value("ahead", &mut self.ahead)?;
        fields.value("arrivals", &mut self.arrivals)?;
        if fields.is_loading() {
            let init = &mut self.init;
            self.keys.complete(|OfKey { parts, .. }| {
                parts.iter_mut().for_each(|part| part.aggregate.adopt(init.begin()));
            });
            self.set_next_due();
            self.set_alarms();
        }
        Ok(())
    }

    fn retain(&mut self, owner: Owner) {
        self.keys.retain(|key| owner.owns(key));
    }

    fn take(&mut self) -> Self::Kept {
        (self.arrivals, self.next_due) = (0, i64::MAX);
        self.alarms.clear();
        Kept {
            frontier: std::mem::replace(&mut self.frontier, i64::MIN),
            due: std::mem::take(&mut self.due),
            lingering: std::mem::take(&mut self.lingering),
            keys: std::mem::take(&mut self.keys),
            ahead: std::mem::take(&mut self.ahead),
        }
    }

    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        self.frontier = shards.iter().map(|shard| shard.frontier).min().unwrap_or(i64::MIN);
        for mut shard in shards {
            let parts = shard.keys.values_mut().flat_map(|of_key| &mut of_key.parts);
            self.arrivals = number_anew(self.arrivals, parts.map(|part| &mut part.arrival));
            let places = self.keys.absorb(shard.keys, |_| true)?;
            self.ahead.absorb(shard.ahead, shard.frontier, &places);
            self.due.extend(shard.due);
            self.lingering.extend(shard.lingering);
        }
        self.ahead.catch_up(self.frontier);
        self.set_next_due();
        self.set_alarms();
        Ok(())
    }
}

impl<K, V, A, B, I, G, S, M, E, L, O, Out, Late> Input<0, Keyed<K, V>, EventTime, (), (Port<Out>, Port<Late>)>
    for Sliced<K, V, A, B, I, G, S, M, E, L, O>
where
    K: Hash + Eq + Clone,
    A: Aggregate<V, Output = B>,
    B: Clone,
    I: Begin<A>,
    G: Assigner + Clone,
    S: Sharing<A, V>,
    M: Accumulation,
    E: Trigger,
    L: Trigger,
    O: PaneOrder<K>,
    Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
    Late: Push<super::Late<Keyed<K, V>>, (), ()>,
{
    #[inline(always)]
    fn push(
        &mut self,
        row: Update<Keyed<K, V>, EventTime, ()>,
        outs: &mut (Port<Out>, Port<Late>),
        cx: &mut Cx,
    ) {
        let slice = match self.find(row.time) {
            Ok(slice) => slice,
            Err(Some(window)) => return late(row, window, self.frontier, &mut outs.1, cx),
            Err(None) => return cx.unassigned(),
        };
        cx.absorbed();
        let Keyed { key, value } = row.data;
        let place = self.keys.place(key);
        if M::DISCARDS {
            self.add_by_window(place, slice, value);
        } else {
            let (_, of_key) = self.keys.at(place);
            let part = of_key.part(slice.span, slice.expires, &mut self.arrivals, &mut self.init);
            part.is_fresh = true;
            part.aggregate.add(value);
        }
        if !E::IS_NEVER || self.frontier >= slice.first_end {
            self.trigger(place, slice, &mut outs.0, cx.now());
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<EventTime>, outs: &mut (Port<Out>, Port<Late>), _cx: &mut Cx) {
        self.frontier = closed_before(&frontier);
        if self.frontier >= self.next_due {
            self.pass(&mut outs.0);
        }
        hand_on(frontier, self.firing.lateness, outs);
    }
}

impl<K, V, A, B, I, G, S, M, E, L, O, Out, Late> Resume<(Port<Out>, Port<Late>)>
    for Sliced<K, V, A, B, I, G, S, M, E, L, O>
where
    K: Hash + Eq + Clone,
    A: Aggregate<V, Output = B>,
    B: Clone,
    I: Begin<A>,
    G: Assigner + Clone,
    S: Sharing<A, V>,
    M: Accumulation,
    E: Trigger,
    L: Trigger,
    O: PaneOrder<K>,
    Out: Push<Keyed<K, Pane<B>>, EventTime, M::Diff>,
{
    fn resume(&mut self, (out, _): &mut (Port<Out>, Port<Late>), cx: &mut Cx) -> Progress {
        self.alarm(out, cx.now());
        Progress::More
    }
}
