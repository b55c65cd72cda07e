//! The windows of two inputs, until they fire.
//!
//! # Layout
//!
//! Almost every row belongs to a slice of time to which a row went not long before. So the few slices that rows went to
//! last are remembered, with the windows that they are in: a row of one of them costs some compares, and no look at the
//! assigner. Rows out of order go to the last two of them in no order that a processor could foresee, so that which of the two it is
//! is calculated, and no branch. What a window kept is emptied and used again.

use std::collections::BTreeMap;

use crate::operator::Cx;
use crate::operator::window::{Assigner, Window};
use crate::state::{Divided, Fields, Mismatch, Owner, Rest, SameKey, Storable};
use crate::time::{EventTime, Frontier, Inputs};

use super::reach::{END, micros};
use super::sides::ByKey;

/// The windows that have not fired, each with a `C` that keeps its rows.
#[derive(Clone, Debug)]
pub(super) struct Windows<A, C> {
    pub(super) assigner: A,
    inputs: Inputs<EventTime>,
    /// How far both inputs together have come.
    come: i128,
    /// When the first of them fires; [`END`] and beyond where none is open.
    next_due: i128,
    /// By end, then by start.
    open: BTreeMap<(EventTime, EventTime), u32>,
    /// At the places that `open` says; the others are empty.
    kept: Vec<C>,
    free: Vec<u32>,
    /// The latest first.
    recent: [Slice; 4],
    /// Where the graph has checkpoints.
    saved: Option<Saved<C>>,
    /// What is left to be written of the rows of windows that have fired.
    rest: Vec<Rest>,
}

/// What is done with the rows of a window where they are saved.
#[derive(Clone, Debug)]
struct Saved<C> {
    /// See [`ByKey::saved`].
    open: fn() -> C,
    /// See [`ByKey::leave`].
    leave: fn(&mut C) -> Option<Rest>,
}

/// A slice of time, and the places of the windows that it is in and that have not fired: mostly there is one.
#[derive(Clone, Debug)]
struct Slice {
    start: EventTime,
    end: EventTime,
    window: u32,
    others: Vec<u32>,
}

impl Slice {
    fn none() -> Self {
        Slice { start: EventTime::MAX, end: EventTime::MIN, window: 0, others: Vec::new() }
    }

    /// Forgets what it was.
    fn clear(&mut self) {
        (self.start, self.end) = (EventTime::MAX, EventTime::MIN);
        self.others.clear();
    }

    /// Whether a time is known to be in it, without a branch. Of the greatest time it never is: the end may be cut off there, or not.
    #[inline(always)]
    fn holds(&self, time: EventTime) -> bool {
        (self.start <= time) & (time < self.end)
    }
}

/// How far a stream has come when a window fires that ends there. One that was cut off at the end of time reaches
/// beyond it, and fires when the stream ends.
#[inline]
fn fires_at(end: EventTime) -> i128 {
    if end == EventTime::MAX { END } else { end.micros().into() }
}

impl<A, C> Windows<A, C> {
    pub(super) fn new(assigner: A) -> Self {
        Windows {
            assigner,
            inputs: Inputs::new(2),
            come: i64::MIN.into(),
            next_due: END,
            open: BTreeMap::new(),
            kept: Vec::new(),
            free: Vec::new(),
            recent: std::array::from_fn(|_| Slice::none()),
            saved: None,
            rest: Vec::new(),
        }
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

    /// Whether a window has come to its end.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.next_due <= self.come
    }

    fn set_next_due(&mut self) {
        self.next_due = self.open.first_key_value().map_or(END, |((end, _), _)| fires_at(*end));
    }

    /// Takes the next window that has come to its end, with what it kept, which is to be emptied.
    pub(super) fn next_closed(&mut self) -> Option<(Window, &mut C)> {
        let first = self.open.first_entry().filter(|first| fires_at(first.key().0) <= self.come);
        let Some(first) = first else {
            self.set_next_due();
            return None;
        };
        let ((end, start), place) = first.remove_entry();
        self.recent.iter_mut().for_each(Slice::clear);
        self.free.push(place);
        let kept = &mut self.kept[place as usize];
        if let Some(saved) = &self.saved {
            self.rest.extend((saved.leave)(kept));
        }
        Some((Window { start, end }, kept))
    }
}

/// The slices that rows went to last are found anew.
impl<A, C> Divided for Windows<A, C>
where
    C: ByKey<Key: Storable>,
{
    /// How far the inputs have come, and the windows that have not fired.
    type Kept = (Inputs<EventTime>, BTreeMap<(EventTime, EventTime), C>);

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.saved = Some(Saved { open: C::saved, leave: C::leave });
        fields.rest(&mut self.rest);
        fields.value("inputs", &mut self.inputs)?;
        let mut windows: Vec<(EventTime, EventTime)> = self.open.keys().copied().collect();
        fields.value("windows", &mut windows)?;
        let Windows { open, kept, .. } = self;
        for window in windows {
            let (end, start) = window;
            let place = *open.entry(window).or_insert_with(|| append(kept, C::saved()));
            kept[place as usize].visit(&format!("open.{}.{}", end.micros(), start.micros()), fields)?;
        }
        if fields.is_loading() {
            self.come = micros(self.inputs.frontier());
            self.set_next_due();
        }
        Ok(())
    }

    fn retain(&mut self, owner: Owner) {
        for rows in &mut self.kept {
            let all = std::mem::take(rows);
            let kept = rows.absorb(all, |key| owner.owns(key));
            debug_assert!(kept.is_ok(), "each key of a window is there once");
        }
    }

    fn take(&mut self) -> Self::Kept {
        let inputs = std::mem::replace(&mut self.inputs, Inputs::new(2));
        let mut kept = std::mem::take(&mut self.kept);
        self.free.clear();
        let open = std::mem::take(&mut self.open).into_iter();
        let open = open.map(|(window, place)| (window, std::mem::take(&mut kept[place as usize])));
        (inputs, open.filter(|(_, rows)| !rows.is_empty()).collect())
    }

    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        self.inputs = Inputs::least(2, shards.iter().map(|(inputs, _)| inputs.clone()));
        for (window, rows) in shards.into_iter().flat_map(|(_, open)| open) {
            let kept = &mut self.kept;
            let place = *self.open.entry(window).or_insert_with(|| append(kept, C::default()));
            kept[place as usize].absorb(rows, |_| true)?;
        }
        self.come = micros(self.inputs.frontier());
        self.set_next_due();
        Ok(())
    }
}

/// Keeps rows at a new place, which it gives.
fn append<C>(kept: &mut Vec<C>, rows: C) -> u32 {
    kept.push(rows);
    u32::try_from(kept.len() - 1).expect("at most 2^32 windows are open")
}

impl<A: Assigner, C: Default> Windows<A, C> {
    /// Puts a row into the windows of its time that have not fired (rule D1), by `put`.
    #[inline]
    pub(super) fn insert<D: Clone>(&mut self, row: D, time: EventTime, put: impl Fn(&mut C, D), cx: &mut Cx) {
        let likely = usize::from(!self.recent[0].holds(time));
        let slice = if self.recent[likely].holds(time) {
            likely
        } else {
            let known = self.recent.iter().position(|slice| slice.holds(time));
            let Some(slice) = known.or_else(|| self.find(time, cx)) else { return };
            slice
        };
        cx.absorbed();
        let Slice { window, others, .. } = &self.recent[slice];
        for other in others {
            put(&mut self.kept[*other as usize], row.clone());
        }
        put(&mut self.kept[*window as usize], row);
    }

    /// Makes the slice of a time the latest, and opens its windows; `None` where there are none, or all have fired.
    #[inline(never)]
    fn find(&mut self, time: EventTime, cx: &mut Cx) -> Option<usize> {
        let Windows { assigner, come, next_due, open, kept, free, recent, saved, .. } = self;
        let slice = assigner.slice(time);
        let mut windows = assigner.windows(slice).peekable();
        if windows.peek().is_none() {
            cx.unassigned();
            return None;
        }
        let mut places = windows.filter(|window| fires_at(window.end) > *come).map(|window| {
            *open.entry((window.end, window.start)).or_insert_with(|| {
                *next_due = fires_at(window.end).min(*next_due);
                let new = || saved.as_ref().map_or_else(C::default, |saved| (saved.open)());
                free.pop().unwrap_or_else(|| append(kept, new()))
            })
        });
        let Some(window) = places.next() else {
            cx.late();
            return None;
        };
        let latest = recent.last_mut().expect("there are four");
        latest.others.clear();
        latest.others.extend(places);
        latest.window = window;
        (latest.start, latest.end) = (slice.start, slice.end);
        recent.rotate_right(1);
        Some(0)
    }
}
