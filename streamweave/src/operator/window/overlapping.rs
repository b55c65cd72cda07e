//! Windows that overlap and fire once.
//!
//! # Layout
//!
//! A row is added up in its slice, by key, at the cost of windows that do not overlap. When the first window that a slice is in fires, the slice is *closed*: what it holds goes to its keys, as the newest
//! *part* of each. A window that fires puts the parts of its keys together. It is spared that where the aggregate
//! [takes back](Merge::unmerge): then each key keeps a total, into which parts go when they come and out of which when they have been
//! in their last window. A row behind the frontier, for a slice that is closed and is in windows that are open, opens it again.
//!
//! # What is saved
//!
//! The keys of open slices and those with parts, as they change, in slices of a checkpoint. Whose parts a closed slice has is found again from
//! the keys; totals are added up again.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::envelope::{Keyed, Update};
use crate::operator::aggregate::{Aggregate, Merge};
use crate::operator::{Cause, Cx, Durable, Input, Operator, Outcome, Resume};
use crate::port::{Port, Push};
use crate::state::{Divided, Fields, KeySlab, Mismatch, Owner, SameKey, Storable, WindowMap};
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
    recycled: Vec<WindowMap<K, Arrived<A>>>,
    /// Slices that were closed, and of which a cut has frozen what no slice of its checkpoint has written yet.
    leaving: Vec<Open<K, A>>,
    /// By start.
    closed: Vec<Closed>,
    /// Windows with rows, by end.
    due: BTreeSet<(EventTime, EventTime)>,
    keys: KeySlab<K, OfKey<A>>,
    /// Keys whose windows have fired that are due for others.
    ahead: Ahead,
    /// How many parts there have been.
    arrivals: u64,
    /// How many windows have fired since the graph began.
    firings: u64,
    /// Whether the graph has checkpoints.
    is_tracked: bool,
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

/// A slice with rows.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Slice {
    span: Window,
    /// The end of the last window that it is in.
    expires: i64,
}

/// A slice that takes rows; `last < start` says that there is none.
#[derive(Clone, Debug)]
struct Open<K, A> {
    start: i64,
    /// The last time in it, in place of its end: the slice that holds the greatest time ends after it.
    last: i64,
    slice: Slice,
    map: WindowMap<K, Arrived<A>>,
}

impl<K, A> Default for Open<K, A> {
    fn default() -> Self {
        let span = Window { start: EventTime::MAX, end: EventTime::MIN };
        let slice = Slice { span, expires: i64::MAX };
        Open { start: i64::MAX, last: i64::MIN, slice, map: WindowMap::default() }
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
#[derive(Clone, Debug)]
struct Closed {
    slice: Slice,
    /// The arrivals of its parts, in their order, and the keys.
    parts: Vec<(u64, u32)>,
}

/// Without its parts, which are found by their keys.
impl From<Slice> for Closed {
    fn from(slice: Slice) -> Self {
        Closed { slice, parts: Vec::new() }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "A: Serialize", deserialize = "A: Deserialize<'de>"))]
struct OfKey<A> {
    /// By start.
    parts: Vec<Part<A>>,
    /// What they come to together, where that is known. It is not saved: added up again it is the same to the bit, for out of it nothing was
    /// taken but exactly.
    #[serde(skip)]
    total: Option<A>,
    /// The number of the firing that it was last in, since the graph began.
    #[serde(skip)]
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
    arrival: u64,
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

    /// Forgets what the slice that begins at `start` has brought.
    fn leave(&mut self, start: EventTime) {
        let OfKey { parts, total, .. } = self;
        parts.retain(|part| {
            let stays = part.span.start != start;
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
            leaving: Vec::new(),
            closed: Vec::new(),
            due: BTreeSet::new(),
            keys: KeySlab::default(),
            ahead: Ahead::default(),
            arrivals: 0,
            firings: 0,
            is_tracked: false,
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
        Ok(self.open(Slice { span, expires: last.end.micros() }))
    }

    fn open(&mut self, slice: Slice) -> usize {
        let start = slice.span.start.micros();
        let last = last_time(&self.assigner, slice.span);
        let map = self.recycled.pop().unwrap_or_else(|| WindowMap::new(self.is_tracked));
        self.open.insert(Open { start, last, slice, map })
    }

    fn set_next_due(&mut self) {
        self.next_due = self.due.first().map_or(i64::MAX, |(end, _)| end.micros());
    }

    /// Takes the first slice that ends at or before a time.
    fn take_until(&mut self, end: EventTime) -> Option<Open<K, A>> {
        let is_over = self.open.first().is_some_and(|first| first.slice.span.end <= end);
        if is_over { self.open.take_first() } else { None }
    }

    /// A slice has been closed, and its map is empty.
    fn leave(&mut self, open: Open<K, A>) {
        if open.map.is_frozen() {
            self.leaving.push(open);
        } else {
            self.recycled.push(open.map);
        }
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
        while let Some(mut open) = self.take_until(end) {
            let (slice, mut parts) = (open.slice, Vec::with_capacity(open.map.len()));
            open.map.drain().for_each(|(key, Arrived { arrival, aggregate })| {
                let place = self.keys.place(key);
                self.keys[place].enter(Part { span: slice.span, arrival, aggregate });
                parts.push((arrival, place));
            });
            self.leave(open);
            match self.closed.binary_search_by_key(&slice.span.start, |closed| closed.slice.span.start) {
                // It was opened again; or of two shards that were united one had closed it, and it may be either whose keys arrived first.
                Ok(at) => {
                    let known = &mut self.closed[at].parts;
                    known.append(&mut parts);
                    known.sort_unstable();
                }
                Err(at) => self.closed.insert(at, Closed { slice, parts }),
            }
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
            keys.at_unsaved(place).1.fired = *firings;
        }
        let inside = closed.iter().filter(|closed| is_in(closed.slice.span, window));
        let parts = by_arrival.merge(inside.map(|closed| &closed.parts[..]));
        // Of the parts of a key the first counts.
        let is_first = |of_key: &mut OfKey<A>| std::mem::replace(&mut of_key.fired, *firings) != *firings;
        let mut emit = |key: &K, of_key: &mut OfKey<A>| {
            let value = Pane::once(window, of_key.output(window, init));
            out.push(Update { data: Keyed { key: key.clone(), value }, time: window.last(), diff: () });
        };
        if O::SORTS {
            ready.clear();
            ready.extend(parts.filter(|place| is_first(keys.at_unsaved(*place).1)));
            ready.sort_by(|a, b| O::compare(keys.key(*a), keys.key(*b)));
            for &place in &*ready {
                let (key, of_key) = keys.at_unsaved(place);
                emit(key, of_key);
            }
        } else {
            for place in parts {
                let (key, of_key) = keys.at_unsaved(place);
                if is_first(of_key) {
                    emit(key, of_key);
                }
            }
        }
    }

    /// Forgets the slices that have been in their last window.
    fn forget(&mut self, passed: i64) {
        for Closed { slice, parts } in self.closed.extract_if(.., |closed| closed.slice.expires <= passed) {
            for (_, place) in parts {
                // A key is there twice where the slice was opened again.
                let Some((_, of_key)) = self.keys.get(place) else { continue };
                of_key.leave(slice.span.start);
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
    closed: Vec<Slice>,
    due: BTreeSet<(EventTime, EventTime)>,
    keys: KeySlab<K, OfKey<A>>,
    ahead: Ahead,
}

impl<K: Hash + Eq, A> Kept<K, A> {
    /// The numbers of all parts.
    fn arrivals(&mut self) -> impl Iterator<Item = &mut u64> {
        let open = self.open.iter_mut().flat_map(|open| open.map.tracked().iter_mut());
        let open = open.map(|(_, (_, arrived))| &mut arrived.arrival);
        let parts = self.keys.values_mut().flat_map(|of_key| &mut of_key.parts);
        open.chain(parts.map(|part| &mut part.arrival))
    }
}

impl<K: Hash + Eq, V, A, I, G: Assigner, O> OverlappingOnce<K, V, A, I, G, O> {
    /// State is saved from now on.
    fn track(&mut self) {
        self.is_tracked = true;
        for open in self.open.iter_mut() {
            open.map.tracked();
        }
    }

    /// Finds the parts of closed slices by the keys whose they are; says whether each is of one of these slices.
    fn find_parts(&mut self) -> bool {
        let Self { closed, keys, .. } = self;
        for (place, _, of_key) in keys.iter() {
            for Part { span, arrival, .. } in &of_key.parts {
                let Ok(at) = closed.binary_search_by_key(&span.start, |closed| closed.slice.span.start)
                else {
                    return false;
                };
                closed[at].parts.push((*arrival, place));
            }
        }
        closed.retain(|closed| !closed.parts.is_empty());
        closed.iter_mut().for_each(|closed| closed.parts.sort_unstable());
        true
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
        if fields.is_cut() {
            // What was closed since belongs to the cut before.
            self.leaving.clear();
        }
        fields.value("frontier", &mut self.frontier)?;
        self.track();
        let mut open: Vec<Slice> = self.open.iter().map(|open| open.slice).collect();
        fields.value("open", &mut open)?;
        let mut closed: Vec<Slice> = self.closed.iter().map(|closed| closed.slice).collect();
        fields.value("closed", &mut closed)?;
        if fields.is_loading() {
            open.into_iter().for_each(|slice| _ = self.open(slice));
            self.closed = closed.into_iter().map(Closed::from).collect();
        }
        for open in self.open.iter_mut().chain(&mut self.leaving) {
            fields.map(&format!("open.{}", open.start), open.map.tracked())?;
        }
        self.leaving.retain(|open| open.map.is_frozen());
        fields.value("due", &mut self.due)?;
        fields.key_slab("keys", &mut self.keys)?;
        fields.value("ahead", &mut self.ahead)?;
        fields.value("arrivals", &mut self.arrivals)?;
        if fields.is_loading() {
            let Self { open, keys, init, .. } = self;
            let maps = open.iter_mut().map(|open| &mut open.map);
            maps.for_each(|map| map.complete(|arrived| arrived.aggregate.adopt(init.begin())));
            keys.complete(|OfKey { parts, .. }| {
                parts.iter_mut().for_each(|part| part.aggregate.adopt(init.begin()));
            });
            if !self.find_parts() {
                return Err(fields.refused::<KeySlab<K, OfKey<A>>>("a part is in no slice that was closed"));
            }
            self.set_next_due();
        }
        Ok(())
    }

    fn retain(&mut self, owner: Owner) {
        let Self { open, keys, .. } = self;
        open.iter_mut().for_each(|open| open.map.retain(|key| owner.owns(key)));
        keys.retain(|key| owner.owns(key));
    }

    fn take(&mut self) -> Kept<K, A> {
        let open = std::mem::take(&mut self.open).into_vec();
        (self.arrivals, self.next_due) = (0, i64::MAX);
        Kept {
            frontier: std::mem::replace(&mut self.frontier, i64::MIN),
            open,
            closed: self.closed.drain(..).map(|closed| closed.slice).collect(),
            due: std::mem::take(&mut self.due),
            keys: std::mem::take(&mut self.keys),
            ahead: std::mem::take(&mut self.ahead),
        }
    }

    fn unite(&mut self, shards: Vec<Kept<K, A>>) -> Result<(), SameKey> {
        self.frontier = shards.iter().map(|shard| shard.frontier).min().unwrap_or(i64::MIN);
        let (mut open, mut closed) = (BTreeMap::<i64, Open<K, A>>::new(), BTreeMap::new());
        for mut shard in shards {
            self.arrivals = number_anew(self.arrivals, shard.arrivals());
            let places = self.keys.absorb(shard.keys, |_| true)?;
            self.ahead.absorb(shard.ahead, shard.frontier, &places);
            self.due.extend(shard.due);
            for other in shard.open.into_iter().filter(|open| !open.map.is_empty()) {
                match open.entry(other.start) {
                    Entry::Vacant(vacant) => drop(vacant.insert(other)),
                    Entry::Occupied(known) => known.into_mut().map.absorb(other.map)?,
                }
            }
            closed.extend(shard.closed.into_iter().map(|slice| (slice.span.start, slice)));
        }
        self.closed = closed.into_values().map(Closed::from).collect();
        let are_found = self.find_parts();
        debug_assert!(are_found, "each shard was refused that had others");
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
        let Keyed { key, value } = row.data;
        open.at(number).map.change(key, begin, |arrived| arrived.aggregate.add(value));
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
