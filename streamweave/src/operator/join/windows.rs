//! Rows of two inputs, by window and key, until their windows fire.

use std::collections::BTreeMap;
use std::hash::Hash;

use crate::operator::Cx;
use crate::operator::window::{Assigner, Window};
use crate::state::OrderedMap;
use crate::time::{EventTime, Frontier, Inputs};

use super::reach::{END, micros};

/// The rows of one key in one window, each side by arrival.
#[derive(Clone, Debug)]
pub(super) struct Both<L, R> {
    pub(super) lefts: Vec<L>,
    pub(super) rights: Vec<R>,
}

impl<L, R> Default for Both<L, R> {
    fn default() -> Self {
        Both { lefts: Vec::new(), rights: Vec::new() }
    }
}

/// The windows that have not fired.
#[derive(Clone, Debug)]
pub(super) struct Windows<K, L, R, A> {
    pub(super) assigner: A,
    inputs: Inputs<EventTime>,
    /// How far both inputs together have come.
    come: i128,
    /// By end, then by start.
    open: BTreeMap<(EventTime, EventTime), Keys<K, L, R>>,
    spare: Vec<Keys<K, L, R>>,
}

/// The keys of a window.
#[derive(Clone, Debug)]
struct Keys<K, L, R> {
    rows: OrderedMap<K, Both<L, R>>,
    /// Rows of null keys: each is by itself.
    nulls: Vec<(K, Both<L, R>)>,
}

impl<K, L, R> Default for Keys<K, L, R> {
    fn default() -> Self {
        Keys { rows: OrderedMap::default(), nulls: Vec::new() }
    }
}

impl<K: Hash + Eq, L, R> Keys<K, L, R> {
    #[inline]
    fn of(&mut self, key: K) -> &mut Both<L, R> {
        if super::is_null(&key) {
            &mut self.nulls.push_mut((key, Both::default())).1
        } else {
            self.rows.entry(key, Both::default)
        }
    }
}

/// How far a stream has come when a window fires that ends there. One that was cut off at the end of time reaches
/// beyond it, and fires when the stream ends.
#[inline]
fn fires_at(end: EventTime) -> i128 {
    if end == EventTime::MAX { END } else { end.micros().into() }
}

impl<K, L, R, A> Windows<K, L, R, A> {
    pub(super) fn new(assigner: A) -> Self {
        let come = i64::MIN.into();
        Windows { assigner, inputs: Inputs::new(2), come, open: BTreeMap::new(), spare: Vec::new() }
    }

    /// Learns how far an input has come; gives how far both together have, where that has changed.
    #[inline]
    pub(super) fn advance(
        &mut self,
        input: usize,
        frontier: Frontier<EventTime>,
    ) -> Option<Frontier<EventTime>> {
        let both = self.inputs.advance(input, frontier)?;
        self.come = micros(&both);
        Some(both)
    }

    /// Takes the next window that has come to its end: its keys by first arrival, and then what has a null key.
    pub(super) fn next_closed(&mut self) -> Option<(Window, Vec<(K, Both<L, R>)>)> {
        let first = self.open.first_entry()?;
        let (end, start) = *first.key();
        if fires_at(end) > self.come {
            return None;
        }
        let mut keys = first.remove();
        let mut rows = keys.rows.drain();
        rows.append(&mut keys.nulls);
        self.spare.push(keys);
        Some((Window { start, end }, rows))
    }
}

impl<K: Hash + Eq + Clone, L, R, A: Assigner> Windows<K, L, R, A> {
    /// Puts a row into the windows of its time that have not fired (rule D1), by `put`.
    #[inline]
    pub(super) fn insert<D: Clone>(
        &mut self,
        (key, row): (K, D),
        time: EventTime,
        put: impl Fn(&mut Both<L, R>, D),
        cx: &mut Cx,
    ) {
        let Windows { assigner, come, open, spare, .. } = self;
        let mut windows = assigner.windows(assigner.slice(time)).peekable();
        if windows.peek().is_none() {
            return cx.filtered();
        }
        let mut windows = windows.filter(|window| fires_at(window.end) > *come).peekable();
        if windows.peek().is_none() {
            return cx.late();
        }
        cx.absorbed();
        while let Some(window) = windows.next() {
            let keys = open.entry((window.end, window.start));
            let keys = keys.or_insert_with(|| spare.pop().unwrap_or_default());
            if windows.peek().is_none() {
                return put(keys.of(key), row);
            }
            put(keys.of(key.clone()), row.clone());
        }
    }
}
