//! Windows that do not overlap and fire once: the common case, and the fast one.
//!
//! # Layout
//!
//! Almost every row goes to the newest window or to one a little older. So the newest stands in a
//! field of its own, older ones in a queue in order of their starts; maps are recycled. A
//! row for the newest window costs two compares and a look-up, an advance of the frontier one
//! compare.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::envelope::{Keyed, Update};
use crate::operator::aggregate::Aggregate;
use crate::operator::{Cause, Cx, Durable, Input, Operator, Outcome, Resume};
use crate::port::{Port, Push};
use crate::state::{Divided, Fields, Mismatch, OrderedMap, Owner, SameKey, Storable};
use crate::time::{EventTime, Frontier};

use super::assigner::{Assigner, last_time};
use super::begin::Begin;
use super::late::{closed_before, hand_on, late};
use super::line::Line;
use super::order::PaneOrder;
use super::pane::{Late, Pane, Window};

/// Windows that do not overlap, with an aggregate, that fire once; see [`Windows`](super::Windows).
#[derive(Clone, Debug)]
pub struct Single<K, V, A, I, G, O> {
    windows: OpenWindows<K, A, G>,
    init: I,
    types: PhantomData<fn(V) -> O>,
}

impl<K, V, A, I, G, O> Single<K, V, A, I, G, O> {
    pub(super) fn new(assigner: G, init: I) -> Self {
        Single { windows: OpenWindows::new(assigner), init, types: PhantomData }
    }
}

impl<K, V, A, I, G: Assigner, O> Operator for Single<K, V, A, I, G, O> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        self.windows.assigner.validate()
    }

    fn finish(&mut self) {}
}

impl<K, V, A, I, G, O> Durable for Single<K, V, A, I, G, O>
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

impl<K, V, A, I, G, O> Divided for Single<K, V, A, I, G, O>
where
    K: Storable + Hash + Eq,
    A: Storable + Aggregate<V>,
    I: Begin<A>,
    G: Assigner,
{
    /// How far the frontier has come, and the windows by start.
    type Kept = (i64, Vec<OpenWindow<K, A>>);

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let Single { windows, init, .. } = self;
        fields.value("frontier", &mut windows.frontier)?;
        fields.value("newest", &mut windows.newest)?;
        fields.value("older", &mut windows.older)?;
        if fields.is_loading() {
            windows.set_next_due();
            let open = windows.older.iter_mut().chain([&mut windows.newest]);
            open.flat_map(|window| window.map.values_mut()).for_each(|state| state.adopt(init.begin()));
        }
        Ok(())
    }

    fn retain(&mut self, owner: Owner) {
        let OpenWindows { newest, older, .. } = &mut self.windows;
        older.iter_mut().chain([newest]).for_each(|window| window.map.retain(|key| owner.owns(key)));
    }

    fn take(&mut self) -> Self::Kept {
        let OpenWindows { newest, older, frontier, .. } = &mut self.windows;
        let mut open = std::mem::take(older).into_vec();
        open.extend(Some(std::mem::take(newest)).filter(|newest| !newest.is_none()));
        (std::mem::replace(frontier, i64::MIN), open)
    }

    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        let mut all = BTreeMap::<i64, OpenWindow<K, A>>::new();
        self.windows.frontier = shards.iter().map(|(frontier, _)| *frontier).min().unwrap_or(i64::MIN);
        for window in shards.into_iter().flat_map(|(_, open)| open).filter(|window| !window.map.is_empty()) {
            match all.entry(window.start) {
                Entry::Vacant(vacant) => drop(vacant.insert(window)),
                Entry::Occupied(known) => known.into_mut().map.absorb(window.map)?,
            }
        }
        self.windows.newest = all.pop_last().map(|(_, newest)| newest).unwrap_or_default();
        self.windows.older = Line::from_vec(all.into_values().collect());
        self.windows.set_next_due();
        Ok(())
    }
}

impl<K, V, A, I, G: Assigner, O, Outs> Resume<Outs> for Single<K, V, A, I, G, O> {}

impl<K, V, A, I, G, O, S, L> Input<0, Keyed<K, V>, EventTime, (), (Port<S>, Port<L>)>
    for Single<K, V, A, I, G, O>
where
    K: Hash + Eq,
    A: Aggregate<V>,
    I: Begin<A>,
    G: Assigner,
    O: PaneOrder<K>,
    S: Push<Keyed<K, Pane<A::Output>>, EventTime, ()>,
    L: Push<Late<Keyed<K, V>>, (), ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<Keyed<K, V>, EventTime, ()>, outs: &mut (Port<S>, Port<L>), cx: &mut Cx) {
        let time = row.time.micros();
        let map = match self.windows.find(time) {
            Ok(map) => map,
            Err(window) => return late(row, window, self.windows.frontier, &mut outs.1, cx),
        };
        cx.absorbed();
        map.entry(row.data.key, || self.init.begin()).add(row.data.value);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<EventTime>, outs: &mut (Port<S>, Port<L>), _cx: &mut Cx) {
        self.windows.frontier = closed_before(&frontier);
        if self.windows.frontier >= self.windows.next_due {
            fire(self, &mut outs.0);
        }
        hand_on(frontier, 0, outs);
    }
}

#[cold]
#[inline(never)]
fn fire<K, V, A, I, G, O, S>(operator: &mut Single<K, V, A, I, G, O>, out: &mut Port<S>)
where
    A: Aggregate<V>,
    O: PaneOrder<K>,
    S: Push<Keyed<K, Pane<A::Output>>, EventTime, ()>,
{
    while let Some((window, mut map)) = operator.windows.next_closed() {
        let emit = |(key, state): (K, A)| {
            let value = Pane::once(window, state.output());
            out.push(Update { data: Keyed { key, value }, time: window.last(), diff: () });
        };
        if O::SORTS {
            let mut panes: Vec<_> = map.drain().collect();
            panes.sort_unstable_by(|(a, _), (b, _)| O::compare(a, b));
            panes.into_iter().for_each(emit);
        } else {
            map.drain().for_each(emit);
        }
        operator.windows.recycled.push(map);
    }
}

/// The open windows; times in microseconds.
#[derive(Clone, Debug)]
struct OpenWindows<K, A, G> {
    assigner: G,
    frontier: i64,
    /// The least end of an open window; `i64::MAX` where none is open.
    next_due: i64,
    newest: OpenWindow<K, A>,
    /// By start, all before the newest.
    older: Line<OpenWindow<K, A>>,
    recycled: Vec<OrderedMap<K, A>>,
}

/// A window and the states of its keys; `last < start` says that there is none.
///
/// The last time stands in place of the end, because the window that holds the greatest time ends
/// after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize, A: Serialize",
    deserialize = "K: Deserialize<'de> + Hash + Eq, A: Deserialize<'de>"
))]
pub(crate) struct OpenWindow<K, A> {
    start: i64,
    last: i64,
    map: OrderedMap<K, A>,
}

impl<K, A> Default for OpenWindow<K, A> {
    fn default() -> Self {
        OpenWindow { start: i64::MAX, last: i64::MIN, map: OrderedMap::default() }
    }
}

impl<K, A> OpenWindow<K, A> {
    #[inline(always)]
    fn holds(&self, time: i64) -> bool {
        self.start <= time && time <= self.last
    }

    fn is_none(&self) -> bool {
        self.last < self.start
    }

    /// The end, cut off at the end of time.
    fn end(&self) -> i64 {
        end(self.last)
    }
}

/// The end of a window with this last time, cut off at the end of time.
fn end(last: i64) -> i64 {
    last.saturating_add(1)
}

impl<K, A, G> OpenWindows<K, A, G> {
    fn new(assigner: G) -> Self {
        OpenWindows {
            assigner,
            frontier: i64::MIN,
            next_due: i64::MAX,
            newest: OpenWindow::default(),
            older: Line::default(),
            recycled: Vec::new(),
        }
    }

    /// The states of a time's window; `Err` where it has fired.
    #[inline(always)]
    fn find(&mut self, time: i64) -> Result<&mut OrderedMap<K, A>, Window>
    where
        G: Assigner,
    {
        if self.newest.holds(time) {
            return Ok(&mut self.newest.map);
        }
        // Rows out of order mostly belong to the window before the newest.
        match self.older.last() {
            Some(last) if self.older.at(last).holds(time) => Ok(&mut self.older.at(last).map),
            _ => self.find_or_open(time),
        }
    }

    #[inline(never)]
    fn find_or_open(&mut self, time: i64) -> Result<&mut OrderedMap<K, A>, Window>
    where
        G: Assigner,
    {
        if let Some(at) = self.older.last_where(|window| window.start <= time)
            && self.older.at(at).holds(time)
        {
            return Ok(&mut self.older.at(at).map);
        }
        let window = self.assigner.slice(EventTime::from_micros(time));
        let end = window.end.micros();
        if end <= self.frontier {
            return Err(window);
        }
        self.next_due = self.next_due.min(end);
        let last = last_time(&self.assigner, window);
        Ok(self.open(window.start.micros(), last))
    }

    fn open(&mut self, start: i64, last: i64) -> &mut OrderedMap<K, A> {
        let window = OpenWindow { start, last, map: self.recycled.pop().unwrap_or_default() };
        if self.newest.is_none() || start > self.newest.start {
            let before = std::mem::replace(&mut self.newest, window);
            if !before.is_none() {
                self.older.push(before);
            }
            return &mut self.newest.map;
        }
        let at = self.older.insert(window, |older| older.start < start);
        &mut self.older.at(at).map
    }

    /// Takes the earliest window that the frontier has reached, and the states of its keys.
    fn next_closed(&mut self) -> Option<(Window, OrderedMap<K, A>)> {
        if self.next_due > self.frontier {
            return None;
        }
        let closed = match self.older.take_first() {
            Some(first) => first,
            None => std::mem::take(&mut self.newest),
        };
        if closed.is_none() {
            return None;
        }
        let (start, end) = (EventTime::from_micros(closed.start), EventTime::from_micros(closed.end()));
        self.set_next_due();
        Some((Window { start, end }, closed.map))
    }

    fn set_next_due(&mut self) {
        self.next_due = self.older.first().map_or_else(
            || {
                if self.newest.is_none() { i64::MAX } else { self.newest.end() }
            },
            OpenWindow::end,
        );
    }
}
