//! Windows that overlap and fire once.
//!
//! # Layout
//!
//! A row is added up in its slice, by key, at the cost of windows that do not overlap. When the first window that a slice is in fires, the slice is *closed*: what it holds goes to its keys, as the newest
//! *part* of each. A window that fires puts the parts of its keys together. It is spared that where the aggregate
//! [takes back](Merge::unmerge): then each key keeps a total, into which parts go when they come and out of which when they have been
//! in their last window. A row behind the frontier, for a slice that is closed and is in windows that are open, opens it again.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::envelope::{Keyed, Update};
use crate::operator::aggregate::{Aggregate, Merge};
use crate::operator::{Cause, Cx, Durable, Input, Operator, Outcome, Resume};
use crate::port::{Port, Push};
use crate::state::{Divided, Fields, KeySlab, Mismatch, OrderedMap, Owner, SameKey, Storable};
use crate::time::{EventTime, Frontier};

use super::ahead::Ahead;
use super::assigner::{Assigner, last_time};
use super::begin::Begin;
use super::late::{closed_before, hand_on, late};
use super::line::{Line, Span};
use super::order::{Arrivals, PaneOrder, number_anew};
use super::pane::{Late, Pane, Window};

/// Windows that overlap, with an aggregate, that fire once; see [`Windows`](super::Windows).
#[derive(Clone, Debug)]
pub struct OverlappingOnce<K, V, A, I, G, O> {
    assigner: G,
    init: I,
    frontier: i64,
    /// The least end of a window with rows.
    next_due: i64,
    /// By start.
    open: Line<Open<K, A>, 3>,
    recycled: Vec<OrderedMap<K, Arrived<A>>>,
    closed: Vec<Closed>,
    /// Windows with rows, by end.
    due: BTreeSet<(EventTime, EventTime)>,
    keys: KeySlab<K, OfKey<A>>,
    /// Keys whose windows have fired that are due for others.
    ahead: Ahead,
    /// How many parts there have been.
    arrivals: u64,
    /// How many windows have fired.
    firings: u64,
    /// The keys of the window that fires, where their panes are sorted.
    ready: Vec<u32>,
    by_arrival: Arrivals,
    types: PhantomData<fn(V) -> O>,
}

/// An aggregate, and the number of its first row.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Arrived<A> {
    arrival: u64,
    aggregate: A,
}

/// A slice that takes rows; `last < start` says that there is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize, A: Serialize",
    deserialize = "K: Deserialize<'de> + Hash + Eq, A: Deserialize<'de>"
))]
struct Open<K, A> {
    start: i64,
    /// The last time in it, in place of its end: the slice that holds the greatest time ends after it.
    last: i64,
    span: Window,
    /// The end of the last window that it is in.
    expires: i64,
    map: OrderedMap<K, Arrived<A>>,
}

impl<K, A> Default for Open<K, A> {
    fn default() -> Self {
        let span = Window { start: EventTime::MAX, end: EventTime::MIN };
        Open { start: i64::MAX, last: i64::MIN, span, expires: i64::MAX, map: OrderedMap::default() }
    }
}

impl<K, A> Span for Open<K, A> {
    #[inline(always)]
    fn start(&self) -> i64 {
        self.start
    }

    #[inline(always)]
    fn last(&self) -> i64 {
        self.last
    }
}

/// A slice that has been closed.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Closed {
    span: Window,
    expires: i64,
    /// The arrivals of its parts, in their order, and the keys.
    parts: Vec<(u64, u32)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "A: Serialize", deserialize = "A: Deserialize<'de>"))]
struct OfKey<A> {
    /// By start.
    parts: Vec<Part<A>>,
    /// What they come to together, where that is known.
    #[serde(with = "crate::state::maybe")]
    total: Option<A>,
    /// The number of the firing that it was last in.
    fired: u64,
}

impl<A> Default for OfKey<A> {
    fn default() -> Self {
        OfKey { parts: Vec::new(), total: None, fired: 0 }
    }
}

/// What the rows of one key in one slice come to.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Part<A> {
    span: Window,
    expires: i64,
    aggregate: A,
}

impl<A: Merge> OfKey<A> {
    /// Takes a part in.
    fn enter(&mut self, part: Part<A>) {
        let at = self.parts.partition_point(|other| other.span.start <= part.span.start);
        match &mut self.total {
            Some(total) if at == self.parts.len() => total.merge(&part.aggregate),
            total => *total = None,
        }
        self.parts.insert(at, part);
    }

    /// Forgets the parts that have been in their last window.
    fn leave(&mut self, passed: i64) {
        let OfKey { parts, total, .. } = self;
        parts.retain(|part| {
            let stays = part.expires > passed;
            if !stays && !total.as_mut().is_some_and(|total| total.unmerge(&part.aggregate)) {
                *total = None;
            }
            stays
        });
    }

    /// What the rows of a window come to, of which there are some.
    #[inline]
    fn output<V>(&mut self, window: Window, init: &mut impl Begin<A>) -> A::Output
    where
        A: Aggregate<V>,
    {
        let OfKey { parts, total, .. } = self;
        if let [part] = &parts[..] {
            return part.aggregate.output();
        }
        let is_whole = parts.first().is_some_and(|part| is_in(part.span, window))
            && parts.last().is_some_and(|part| is_in(part.span, window));
        if is_whole && let Some(total) = total {
            return total.output();
        }
        let mut all = init.begin();
        let inside = parts.iter().filter(|part| is_in(part.span, window));
        inside.for_each(|part| all.merge(&part.aggregate));
        let output = all.output();
        if is_whole {
            *total = Some(all);
        }
        output
    }
}

/// Whether a slice is in a window.
#[inline(always)]
fn is_in(slice: Window, window: Window) -> bool {
    window.start <= slice.start && slice.end <= window.end
}

impl<K, V, A, I, G: Assigner, O> OverlappingOnce<K, V, A, I, G, O> {
    pub(super) fn new(assigner: G, init: I) -> Self {
        OverlappingOnce {
            assigner,
            init,
            frontier: i64::MIN,
            next_due: i64::MAX,
            open: Line::default(),
            recycled: Vec::new(),
            closed: Vec::new(),
            due: BTreeSet::new(),
            keys: KeySlab::default(),
            ahead: Ahead::default(),
            arrivals: 0,
            firings: 0,
            ready: Vec::new(),
            by_arrival: Arrivals::default(),
            types: PhantomData,
        }
    }

    /// The number of the slice of a time; `Err` where its last window has fired, or where it is in none.
    #[inline(always)]
    fn find(&mut self, time: i64) -> Result<usize, Option<Window>> {
        match self.open.find_near(time) {
            Some(number) => Ok(number),
            None => self.find_or_open(time),
        }
    }

    #[inline(never)]
    fn find_or_open(&mut self, time: i64) -> Result<usize, Option<Window>> {
        if let Some(number) = self.open.find(time) {
            return Ok(number);
        }
        let span = self.assigner.slice(EventTime::from_micros(time));
        let last = self.assigner.windows(span).last().ok_or(None)?;
        if last.end.micros() <= self.frontier {
            return Err(Some(last));
        }
        for window in self.assigner.windows(span).filter(|window| window.end.micros() > self.frontier) {
            self.due.insert((window.end, window.start));
            self.next_due = self.next_due.min(window.end.micros());
        }
        Ok(self.open(span, last.end.micros()))
    }

    fn open(&mut self, span: Window, expires: i64) -> usize {
        let start = span.start.micros();
        let last = last_time(&self.assigner, span);
        self.open.insert(Open { start, last, span, expires, map: self.recycled.pop().unwrap_or_default() })
    }

    fn set_next_due(&mut self) {
        self.next_due = self.due.first().map_or(i64::MAX, |(end, _)| end.micros());
    }

    /// Takes the first slice that ends at or before a time.
    fn take_until(&mut self, end: EventTime) -> Option<Open<K, A>> {
        let is_over = self.open.first().is_some_and(|first| first.span.end <= end);
        if is_over { self.open.take_first() } else { None }
    }
}

impl<K, V, A, I, G: Assigner, O> OverlappingOnce<K, V, A, I, G, O>
where
    K: Hash + Eq + Clone,
    A: Aggregate<V> + Merge,
    I: Begin<A>,
    O: PaneOrder<K>,
{
    #[cold]
    #[inline(never)]
    fn fire<S>(&mut self, out: &mut Port<S>)
    where
        S: Push<Keyed<K, Pane<A::Output>>, EventTime, ()>,
    {
        while let Some((end, start)) =
            self.due.first().copied().filter(|(end, _)| end.micros() <= self.frontier)
        {
            self.due.pop_first();
            let window = Window { start, end };
            self.close(end);
            self.fire_window(window, out);
            // Windows that end together need the same slices.
            if self.due.first().is_none_or(|(next, _)| *next > end) {
                self.forget(end.micros());
            }
        }
        self.ahead.catch_up(self.frontier);
        self.set_next_due();
    }

    /// Gives what the slices before a time hold to their keys.
    fn close(&mut self, end: EventTime) {
        while let Some(mut slice) = self.take_until(end) {
            let (span, expires) = (slice.span, slice.expires);
            let parts = slice.map.drain().map(|(key, Arrived { arrival, aggregate })| {
                let place = self.keys.place(key);
                self.keys[place].enter(Part { span, expires, aggregate });
                (arrival, place)
            });
            let parts = parts.collect();
            self.recycled.push(slice.map);
            self.closed.push(Closed { span, expires, parts });
        }
    }

    #[inline(always)]
    fn fire_window<S>(&mut self, window: Window, out: &mut Port<S>)
    where
        S: Push<Keyed<K, Pane<A::Output>>, EventTime, ()>,
    {
        self.firings += 1;
        let Self { closed, keys, ahead, firings, ready, by_arrival, init, .. } = self;
        for place in ahead.passed(window.end.micros()) {
            keys[place].fired = *firings;
        }
        let inside = closed.iter().filter(|slice| is_in(slice.span, window));
        let parts = by_arrival.merge(inside.map(|slice| &slice.parts[..]));
        // Of the parts of a key the first counts.
        let is_first = |of_key: &mut OfKey<A>| std::mem::replace(&mut of_key.fired, *firings) != *firings;
        let mut emit = |key: &K, of_key: &mut OfKey<A>| {
            let value = Pane::once(window, of_key.output(window, init));
            out.push(Update { data: Keyed { key: key.clone(), value }, time: window.last(), diff: () });
        };
        if O::SORTS {
            ready.clear();
            ready.extend(parts.filter(|place| is_first(&mut keys[*place])));
            ready.sort_by(|a, b| O::compare(keys.key(*a), keys.key(*b)));
            for &place in &*ready {
                let (key, of_key) = keys.at(place);
                emit(key, of_key);
            }
        } else {
            for place in parts {
                let (key, of_key) = keys.at(place);
                if is_first(of_key) {
                    emit(key, of_key);
                }
            }
        }
    }

    /// Forgets the slices that have been in their last window.
    fn forget(&mut self, passed: i64) {
        for slice in self.closed.extract_if(.., |slice| slice.expires <= passed) {
            for (_, place) in slice.parts {
                // A slice that was opened again has been there twice.
                let Some((_, of_key)) = self.keys.get(place) else { continue };
                of_key.leave(passed);
                if of_key.parts.is_empty() {
                    of_key.total = None;
                    self.keys.release(place);
                    self.ahead.forget(place);
                }
            }
        }
    }
}

impl<K, V, A, I, G: Assigner, O> Operator for OverlappingOnce<K, V, A, I, G, O> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        self.assigner.validate()
    }

    fn finish(&mut self) {}
}

impl<K, V, A, I, G, O> Durable for OverlappingOnce<K, V, A, I, G, O>
where
    K: Storable + Hash + Eq,
    A: Storable + Aggregate<V>,
    I: Begin<A>,
    G: Assigner,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(self)
    }
}

/// What one shard has kept.
pub(crate) struct Kept<K, A> {
    frontier: i64,
    /// By start.
    open: Vec<Open<K, A>>,
    closed: Vec<Closed>,
    due: BTreeSet<(EventTime, EventTime)>,
    keys: KeySlab<K, OfKey<A>>,
    ahead: Ahead,
    firings: u64,
}

impl<K, A> Kept<K, A> {
    /// The numbers of all parts.
    fn arrivals(&mut self) -> impl Iterator<Item = &mut u64> {
        let open = self.open.iter_mut().flat_map(|slice| slice.map.values_mut());
        let closed = self.closed.iter_mut().flat_map(|slice| &mut slice.parts);
        open.map(|arrived| &mut arrived.arrival).chain(closed.map(|(arrival, _)| arrival))
    }
}

impl<K, V, A, I, G, O> Divided for OverlappingOnce<K, V, A, I, G, O>
where
    K: Storable + Hash + Eq,
    A: Storable + Aggregate<V>,
    I: Begin<A>,
    G: Assigner,
{
    type Kept = Kept<K, A>;

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let Self { open, keys, init, .. } = self;
        fields.value("frontier", &mut self.frontier)?;
        fields.value("open", open)?;
        fields.value("closed", &mut self.closed)?;
        fields.value("due", &mut self.due)?;
        fields.key_slab("keys", keys)?;
        fields.value("ahead", &mut self.ahead)?;
        fields.value("arrivals", &mut self.arrivals)?;
        fields.value("firings", &mut self.firings)?;
        if fields.is_loading() {
            let open = open.iter_mut().flat_map(|slice| slice.map.values_mut());
            open.for_each(|arrived| arrived.aggregate.adopt(init.begin()));
            keys.complete(|OfKey { parts, total, .. }| {
                let parts = parts.iter_mut().map(|part| &mut part.aggregate);
                parts.chain(total).for_each(|aggregate| aggregate.adopt(init.begin()));
            });
            self.set_next_due();
        }
        Ok(())
    }

    fn retain(&mut self, owner: Owner) {
        let Self { open, closed, keys, .. } = self;
        open.iter_mut().for_each(|slice| slice.map.retain(|key| owner.owns(key)));
        keys.retain(|key| owner.owns(key));
        closed.iter_mut().for_each(|slice| slice.parts.retain(|(_, place)| keys.is_taken(*place)));
    }

    fn take(&mut self) -> Kept<K, A> {
        let open = std::mem::take(&mut self.open).into_vec();
        (self.arrivals, self.next_due) = (0, i64::MAX);
        Kept {
            frontier: std::mem::replace(&mut self.frontier, i64::MIN),
            open,
            closed: std::mem::take(&mut self.closed),
            due: std::mem::take(&mut self.due),
            keys: std::mem::take(&mut self.keys),
            ahead: std::mem::take(&mut self.ahead),
            firings: std::mem::take(&mut self.firings),
        }
    }

    fn unite(&mut self, shards: Vec<Kept<K, A>>) -> Result<(), SameKey> {
        self.frontier = shards.iter().map(|shard| shard.frontier).min().unwrap_or(i64::MIN);
        let mut open = BTreeMap::<i64, Open<K, A>>::new();
        for mut shard in shards {
            self.arrivals = number_anew(self.arrivals, shard.arrivals());
            let places = self.keys.absorb(shard.keys, |_| true)?;
            self.ahead.absorb(shard.ahead, shard.frontier, &places);
            self.firings = self.firings.max(shard.firings);
            self.due.extend(shard.due);
            for slice in shard.open.into_iter().filter(|slice| !slice.map.is_empty()) {
                match open.entry(slice.start) {
                    Entry::Vacant(vacant) => drop(vacant.insert(slice)),
                    Entry::Occupied(known) => known.into_mut().map.absorb(slice.map)?,
                }
            }
            for mut slice in shard.closed.into_iter().filter(|slice| !slice.parts.is_empty()) {
                for (_, place) in &mut slice.parts {
                    *place = places[*place as usize].expect("its key was kept");
                }
                self.closed.push(slice);
            }
        }
        self.ahead.catch_up(self.frontier);
        self.open = Line::from_vec(open.into_values().collect());
        self.set_next_due();
        Ok(())
    }
}

impl<K, V, A, I, G: Assigner, O, Outs> Resume<Outs> for OverlappingOnce<K, V, A, I, G, O> {}

impl<K, V, A, I, G, O, S, L> Input<0, Keyed<K, V>, EventTime, (), (Port<S>, Port<L>)>
    for OverlappingOnce<K, V, A, I, G, O>
where
    K: Hash + Eq + Clone,
    A: Aggregate<V> + Merge,
    I: Begin<A>,
    G: Assigner,
    O: PaneOrder<K>,
    S: Push<Keyed<K, Pane<A::Output>>, EventTime, ()>,
    L: Push<Late<Keyed<K, V>>, (), ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, V>, EventTime, ()>, outs: &mut (Port<S>, Port<L>), cx: &mut Cx) {
        let number = match self.find(row.time.micros()) {
            Ok(number) => number,
            Err(Some(window)) => return late(row, window, self.frontier, &mut outs.1, cx),
            Err(None) => return cx.unassigned(),
        };
        cx.absorbed();
        let Self { open, arrivals, init, .. } = self;
        let begin = || {
            *arrivals += 1;
            Arrived { arrival: *arrivals, aggregate: init.begin() }
        };
        open.at(number).map.entry(row.data.key, begin).aggregate.add(row.data.value);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<EventTime>, outs: &mut (Port<S>, Port<L>), _cx: &mut Cx) {
        self.frontier = closed_before(&frontier);
        if self.frontier >= self.next_due {
            self.fire(&mut outs.0);
        }
        hand_on(frontier, 0, outs);
    }
}
