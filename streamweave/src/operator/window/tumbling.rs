//! TumblingWindows windows: time cut into equal lengths, each row in exactly one.
//!
//! # Layout
//!
//! Almost every row goes to the newest window or to one a little older. So the newest stands in a
//! field of its own, older ones in a short vector in order of their starts; maps are recycled. A
//! row for the newest window costs two compares and a look-up, an advance of the frontier one
//! compare.

use std::hash::Hash;
use std::marker::PhantomData;

use crate::envelope::{Keyed, Update};
use crate::operator::aggregate::{Aggregate, Folded};
use crate::operator::{Aggregates, Cause, Cx, Input, Key, Node, Operator, Outcome, Resume, Step};
use crate::port::{Edge, OutLate, Port, Push};
use crate::state::OrderedMap;
use crate::time::{EventTime, Frontier, TimeDelta};

use super::pane::{Late, Pane, Window};

/// Cuts event time into windows of equal size, for each key: finish with
/// [`aggregate`](TumblingWindows::aggregate) or [`fold`](TumblingWindows::fold).
///
/// Windows are aligned to the Unix epoch, or to [`offset`](TumblingWindows::offset): never to the first
/// row (rules B1, B2). A window without a row emits nothing. Panes come by window end, then by
/// first arrival of the key, or [`by_key`](TumblingWindows::by_key). Late rows go to the port `late`.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     clicks  = from_iter([(1, "a"), (4, "b"), (3, "a"), (12, "a"), (2, "b")]);
///     per_10s = tumbling(10.secs()).aggregate(Count::new);
///     clicks -> event_time(|&(secs, _)| EventTime::from_secs(secs), bounded(2.secs()))
///         -> key_by(|&(_, user)| user) -> per_10s
///         -> map(|pane| (pane.value.window.start.micros() / 1_000_000, pane.key, pane.value.value))
///         -> counts;
///     per_10s.late -> map(|late| late.row.value) -> late;
///     counts = collect();
///     late = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.counts, [(0, "a", 2), (0, "b", 1), (10, "a", 1)]);
/// assert_eq!(result.late, [(2, "b")]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "window")]
#[doc(alias = "tumble")]
#[doc(alias = "fixed_window")]
pub fn tumbling<K: Key, V>(
    _input: Edge<Keyed<K, V>, EventTime>,
    size: TimeDelta,
) -> K::Node<TumblingWindows<K, V>> {
    K::node(TumblingWindows { size, offset: TimeDelta::ZERO, order: ByArrival, row: PhantomData })
}

/// A tumbling window without an aggregate yet; see [`tumbling`].
#[derive(Clone, Debug)]
pub struct TumblingWindows<K, V, O = ByArrival> {
    size: TimeDelta,
    offset: TimeDelta,
    order: O,
    row: PhantomData<fn(K, V)>,
}

type Ports<K, V, A> = OutLate<Keyed<K, Pane<A>>, EventTime, (), Late<Keyed<K, V>>, (), ()>;

impl<K, V, O> TumblingWindows<K, V, O> {
    /// Windows start at this distance from multiples of the size; it is taken modulo the size.
    #[must_use]
    pub fn offset(self, offset: TimeDelta) -> Self {
        TumblingWindows { offset, ..self }
    }

    /// The panes of one window come in the order of their keys. Costs a sort of the keys at firing.
    #[must_use]
    pub fn by_key(self) -> TumblingWindows<K, V, ByKey>
    where
        K: Ord,
    {
        TumblingWindows { size: self.size, offset: self.offset, order: ByKey, row: PhantomData }
    }

    /// Sums up the rows of each window and key with an [`Aggregate`], begun by `init`.
    pub fn aggregate<A, B, I>(self, init: I) -> A::Node<Node<TumblingAggregate<K, A, I, O>, Ports<K, V, B>>>
    where
        K: Hash + Eq,
        A: Aggregates<V, B>,
        I: FnMut() -> A,
        O: PaneOrder<K>,
    {
        let windows = Windows::new(self.size, self.offset);
        A::node(Node::new(TumblingAggregate { windows, init, order: self.order }, OutLate::new()))
    }

    /// Folds the rows of each window and key into a state, begun by `init`.
    pub fn fold<A, F>(
        self,
        mut init: impl FnMut() -> A,
        step: F,
    ) -> F::Node<Node<TumblingAggregate<K, Folded<A, F>, impl FnMut() -> Folded<A, F>, O>, Ports<K, V, A>>>
    where
        K: Hash + Eq,
        A: Clone,
        F: Step<A, V, ()> + Clone,
        O: PaneOrder<K>,
    {
        F::node(self.aggregate(move || Folded::new(init(), step.clone())))
    }
}

/// In which order the panes of one window come.
pub trait PaneOrder<K> {
    /// Orders the panes, which stand in order of first arrival.
    fn order<A>(&self, panes: &mut [(K, A)]);
}

/// By first arrival of the key.
#[derive(Clone, Copy, Debug)]
pub struct ByArrival;

/// By key.
#[derive(Clone, Copy, Debug)]
pub struct ByKey;

impl<K> PaneOrder<K> for ByArrival {
    fn order<A>(&self, _panes: &mut [(K, A)]) {}
}

impl<K: Ord> PaneOrder<K> for ByKey {
    fn order<A>(&self, panes: &mut [(K, A)]) {
        panes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    }
}

/// TumblingWindows windows with an aggregate; see [`tumbling`].
#[derive(Clone, Debug)]
pub struct TumblingAggregate<K, A, I, O> {
    windows: Windows<K, A>,
    init: I,
    order: O,
}

impl<K, A, I, O> Operator for TumblingAggregate<K, A, I, O> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.windows.size <= 0 {
            return Err(
                format!("the size of a window must be above zero, found {} us", self.windows.size).into()
            );
        }
        Ok(())
    }

    fn finish(&mut self) {}
}

impl<K, A, I, O, Outs> Resume<Outs> for TumblingAggregate<K, A, I, O> {}

impl<K, V, A, I, O, S, L> Input<0, Keyed<K, V>, EventTime, (), (Port<S>, Port<L>)>
    for TumblingAggregate<K, A, I, O>
where
    K: Hash + Eq,
    A: Aggregate<V>,
    I: FnMut() -> A,
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
        map.entry(row.data.key, &mut self.init).add(row.data.value);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<EventTime>, outs: &mut (Port<S>, Port<L>), _cx: &mut Cx) {
        self.windows.frontier = closed_before(&frontier);
        if self.windows.frontier >= self.windows.next_due {
            fire(self, &mut outs.0);
        }
        outs.0.advance(frontier);
        if frontier.is_end() {
            outs.1.advance(Frontier::end());
        }
    }
}

/// The frontier as a number that window ends compare with; the end of the stream is the greatest.
///
/// A window whose end saturated stands for one that reaches beyond the greatest time: it fires at
/// the end only.
#[inline(always)]
fn closed_before(frontier: &Frontier<EventTime>) -> i64 {
    frontier.time().map_or(i64::MAX, |time| time.micros().min(i64::MAX - 1))
}

#[cold]
fn late<K, V, L: Push<Late<Keyed<K, V>>, (), ()>>(
    row: Update<Keyed<K, V>, EventTime, ()>,
    window: Window,
    frontier: i64,
    port: &mut Port<L>,
    cx: &mut Cx,
) {
    cx.late();
    let frontier = EventTime::from_micros(frontier);
    port.push(Update::from(Late { row: row.data, time: row.time, window, frontier }));
}

#[cold]
#[inline(never)]
fn fire<K, V, A, I, O, S>(operator: &mut TumblingAggregate<K, A, I, O>, out: &mut Port<S>)
where
    A: Aggregate<V>,
    O: PaneOrder<K>,
    S: Push<Keyed<K, Pane<A::Output>>, EventTime, ()>,
{
    while let Some((window, mut panes)) = operator.windows.next_closed() {
        operator.order.order(&mut panes);
        let time = EventTime::from_micros(window.end.micros().saturating_sub(1));
        for (key, state) in panes {
            let value = Pane { window, value: state.output() };
            out.push(Update { data: Keyed { key, value }, time, diff: () });
        }
    }
}

/// The open windows; times in microseconds.
#[derive(Clone, Debug)]
struct Windows<K, A> {
    size: i64,
    /// In `[0, size)`.
    offset: i64,
    frontier: i64,
    /// The least end of an open window; `i64::MAX` where none is open.
    next_due: i64,
    newest: OpenWindow<K, A>,
    /// By start, all before the newest.
    older: Vec<OpenWindow<K, A>>,
    recycled: Vec<OrderedMap<K, A>>,
}

/// A window and the states of its keys; `last < start` says that there is none.
///
/// The last time stands in place of the end, because the window that holds the greatest time ends
/// after it.
#[derive(Clone, Debug)]
struct OpenWindow<K, A> {
    start: i64,
    last: i64,
    map: OrderedMap<K, A>,
}

impl<K, A> OpenWindow<K, A> {
    fn none() -> Self {
        OpenWindow { start: i64::MAX, last: i64::MIN, map: OrderedMap::default() }
    }

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

impl<K, A> Windows<K, A> {
    fn new(size: TimeDelta, offset: TimeDelta) -> Self {
        let size = size.micros();
        let offset = offset.micros().checked_rem_euclid(size).unwrap_or(0);
        Windows {
            size,
            offset,
            frontier: i64::MIN,
            next_due: i64::MAX,
            newest: OpenWindow::none(),
            older: Vec::new(),
            recycled: Vec::new(),
        }
    }

    /// The first and the last time of a time's window (rule B1), cut off at the ends of time.
    fn assign(&self, time: i64) -> (i64, i64) {
        let (size, offset) = (i128::from(self.size), i128::from(self.offset));
        let start = (i128::from(time) - offset).div_euclid(size) * size + offset;
        let cut_off = |time: i128| time.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        (cut_off(start), cut_off(start + size - 1))
    }

    /// The states of a time's window; `Err` where it has fired.
    #[inline(always)]
    fn find(&mut self, time: i64) -> Result<&mut OrderedMap<K, A>, Window> {
        if self.newest.holds(time) {
            return Ok(&mut self.newest.map);
        }
        // Rows out of order mostly belong to the window before the newest.
        match self.older.len().checked_sub(1) {
            Some(last) if self.older[last].holds(time) => Ok(&mut self.older[last].map),
            _ => self.find_or_open(time),
        }
    }

    #[inline(never)]
    fn find_or_open(&mut self, time: i64) -> Result<&mut OrderedMap<K, A>, Window> {
        if let Some(i) = self.older.iter().rposition(|window| window.holds(time)) {
            return Ok(&mut self.older[i].map);
        }
        let (start, last) = self.assign(time);
        if end(last) <= self.frontier {
            let (start, end) = (EventTime::from_micros(start), EventTime::from_micros(end(last)));
            return Err(Window { start, end });
        }
        self.next_due = self.next_due.min(end(last));
        Ok(self.open(start, last))
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
        let i = self.older.partition_point(|older| older.start < start);
        self.older.insert(i, window);
        &mut self.older[i].map
    }

    /// Takes the earliest window that the frontier has reached, and its panes by first arrival.
    fn next_closed(&mut self) -> Option<(Window, Vec<(K, A)>)> {
        if self.next_due > self.frontier {
            return None;
        }
        let mut closed = if self.older.is_empty() {
            std::mem::replace(&mut self.newest, OpenWindow::none())
        } else {
            self.older.remove(0)
        };
        if closed.is_none() {
            return None;
        }
        let (start, end) = (EventTime::from_micros(closed.start), EventTime::from_micros(closed.end()));
        let panes = closed.map.drain();
        self.recycled.push(closed.map);
        self.next_due = self.older.first().map_or_else(
            || {
                if self.newest.is_none() { i64::MAX } else { self.newest.end() }
            },
            OpenWindow::end,
        );
        Some((Window { start, end }, panes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(size: i64, offset: i64, time: i64) -> (i64, i64) {
        let windows = Windows::<(), ()>::new(TimeDelta::from_micros(size), TimeDelta::from_micros(offset));
        let (start, last) = windows.assign(time);
        (start, end(last))
    }

    #[test]
    fn b1_windows_are_aligned_below_zero_too() {
        assert_eq!(assigned(10, 0, -1), (-10, 0));
        assert_eq!(assigned(10, 0, -10), (-10, 0));
        assert_eq!(assigned(10, 0, -11), (-20, -10));
        assert_eq!(assigned(10, 3, -1), (-7, 3));
        assert_eq!(assigned(10, -3, -1), (-3, 7));
        assert_eq!(assigned(10, 13, -1), (-7, 3));
        assert_eq!(assigned(10, -13, -1), (-3, 7));
    }

    #[test]
    fn windows_at_the_ends_of_time_are_cut_off() {
        let (start, end) = assigned(10, 3, i64::MIN);
        assert!(start == i64::MIN && end > start && end < i64::MIN + 20);
        let (start, end) = assigned(10, 0, i64::MAX);
        assert!(start > i64::MAX - 10 && end == i64::MAX);
    }
}
