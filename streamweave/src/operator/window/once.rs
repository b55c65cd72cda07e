//! Windows that do not overlap and fire once: the common case, and the fast one.
//!
//! # Layout
//!
//! Almost every row goes to the newest window or the one before it: which of the two it is, is calculated without a branch (`Line`). Maps are
//! recycled. A row costs three compares and a look-up, an advance of the frontier one compare.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::envelope::{Keyed, Update};
use crate::operator::aggregate::Aggregate;
use crate::operator::{Cause, Cx, Durable, Input, Operator, Outcome, Resume};
use crate::port::{Port, Push};
use crate::state::{Divided, Fields, Mismatch, OrderedMap, Owner, SameKey, Storable, WindowMap};
use crate::time::{EventTime, Frontier};

use super::assigner::{Assigner, last_time};
use super::begin::Begin;
use super::late::{closed_before, hand_on, late};
use super::line::{Line, Span};
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
        if fields.is_cut() {
            // What has fired since belongs to the cut before.
            windows.leaving.clear();
        }
        fields.value("frontier", &mut windows.frontier)?;
        windows.track();
        if fields.is_loading() {
            // As it was saved when windows were written whole.
            let (mut newest, mut older) = (Whole::default(), Vec::<Whole<K, A>>::new());
            fields.value("newest", &mut newest)?;
            fields.value("older", &mut older)?;
            for Whole { start, last, map } in
                older.into_iter().chain([newest]).filter(|whole| whole.start <= whole.last)
            {
                windows.open.insert(OpenWindow { start, last, map: WindowMap::Noted(map) });
            }
        }
        let mut spans: Vec<(i64, i64)> =
            windows.open.iter().map(|window| (window.start, window.last)).collect();
        fields.value("windows", &mut spans)?;
        for (start, last) in spans {
            if windows.open.find(start).is_none() {
                windows.open.insert(OpenWindow { start, last, map: WindowMap::default() });
            }
        }
        for window in windows.open.iter_mut().chain(&mut windows.leaving) {
            fields.map(&format!("open.{}", window.start), window.map.tracked())?;
        }
        windows.leaving.retain(|window| window.map.is_frozen());
        if fields.is_loading() {
            windows.set_next_due();
            let maps = windows.open.iter_mut().map(|window| &mut window.map);
            maps.for_each(|map| map.complete(|state| state.adopt(init.begin())));
        }
        Ok(())
    }

    fn retain(&mut self, owner: Owner) {
        self.windows.open.iter_mut().for_each(|window| window.map.retain(|key| owner.owns(key)));
    }

    fn take(&mut self) -> Self::Kept {
        let OpenWindows { open, frontier, .. } = &mut self.windows;
        (std::mem::replace(frontier, i64::MIN), std::mem::take(open).into_vec())
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
        self.windows.open = Line::from_vec(all.into_values().collect());
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
        operator.windows.leave(window, map);
    }
}

/// The open windows; times in microseconds.
#[derive(Clone, Debug)]
struct OpenWindows<K, A, G> {
    assigner: G,
    frontier: i64,
    /// The least end of an open window; `i64::MAX` where none is open.
    next_due: i64,
    open: Line<OpenWindow<K, A>, 1>,
    recycled: Vec<WindowMap<K, A>>,
    /// Those that have fired, and of which a cut has frozen what no slice has written yet.
    leaving: Vec<OpenWindow<K, A>>,
    /// Whether the graph has checkpoints.
    is_tracked: bool,
}

/// A window and the states of its keys; `last < start` says that there is none.
///
/// The last time stands in place of the end, because the window that holds the greatest time ends
/// after it.
#[derive(Clone, Debug)]
pub(crate) struct OpenWindow<K, A> {
    start: i64,
    last: i64,
    map: WindowMap<K, A>,
}

/// A window as it was saved whole.
#[derive(Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize, A: Serialize",
    deserialize = "K: Deserialize<'de> + Hash + Eq, A: Deserialize<'de>"
))]
struct Whole<K, A> {
    start: i64,
    last: i64,
    map: OrderedMap<K, A>,
}

impl<K, A> Default for Whole<K, A> {
    fn default() -> Self {
        Whole { start: i64::MAX, last: i64::MIN, map: OrderedMap::default() }
    }
}

impl<K, A> Default for OpenWindow<K, A> {
    fn default() -> Self {
        OpenWindow { start: i64::MAX, last: i64::MIN, map: WindowMap::default() }
    }
}

impl<K, A> Span for OpenWindow<K, A> {
    #[inline(always)]
    fn start(&self) -> i64 {
        self.start
    }

    #[inline(always)]
    fn last(&self) -> i64 {
        self.last
    }
}

impl<K, A> OpenWindow<K, A> {
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
            open: Line::default(),
            recycled: Vec::new(),
            leaving: Vec::new(),
            is_tracked: false,
        }
    }

    /// The states of a time's window; `Err` where it has fired.
    #[inline(always)]
    fn find(&mut self, time: i64) -> Result<&mut WindowMap<K, A>, Window>
    where
        G: Assigner,
    {
        match self.open.find_near(time) {
            Some(number) => Ok(&mut self.open.at(number).map),
            None => self.find_or_open(time),
        }
    }

    #[inline(never)]
    fn find_or_open(&mut self, time: i64) -> Result<&mut WindowMap<K, A>, Window>
    where
        G: Assigner,
    {
        if let Some(number) = self.open.find(time) {
            return Ok(&mut self.open.at(number).map);
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

    fn open(&mut self, start: i64, last: i64) -> &mut WindowMap<K, A> {
        let map = self.recycled.pop().unwrap_or_else(|| WindowMap::new(self.is_tracked));
        let number = self.open.insert(OpenWindow { start, last, map });
        &mut self.open.at(number).map
    }

    /// Takes the earliest window that the frontier has reached, and the states of its keys.
    fn next_closed(&mut self) -> Option<(Window, WindowMap<K, A>)> {
        if self.next_due > self.frontier {
            return None;
        }
        let closed = self.open.take_first()?;
        let (start, end) = (EventTime::from_micros(closed.start), EventTime::from_micros(closed.end()));
        self.set_next_due();
        Some((Window { start, end }, closed.map))
    }

    /// Windows are saved from now on.
    fn track(&mut self)
    where
        K: Hash + Eq,
    {
        self.is_tracked = true;
        for window in self.open.iter_mut() {
            window.map.tracked();
        }
    }

    /// A window has fired, and this is what is left of what it kept.
    fn leave(&mut self, window: Window, map: WindowMap<K, A>) {
        if map.is_frozen() {
            let (start, last) = (window.start.micros(), window.last().micros());
            self.leaving.push(OpenWindow { start, last, map });
        } else if !self.is_tracked {
            self.recycled.push(map);
        }
    }

    fn set_next_due(&mut self) {
        self.next_due = self.open.first().map_or(i64::MAX, OpenWindow::end);
    }
}
