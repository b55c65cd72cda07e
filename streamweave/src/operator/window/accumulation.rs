//! What a window that fires several times says the second time.

use std::fmt::Debug;

use crate::envelope::{Diff, Update};
use crate::port::{Port, Push};
use crate::time::EventTime;

/// How the firings of one window of one key belong together.
///
/// On the values 1 and 2, and 4 after the first firing, a sum says (rule D3):
///
/// | | first | then | the output carries |
/// |---|---|---|---|
/// | [`Discarding`] | 3 | 4 | rows: what is new |
/// | [`Accumulating`] | 3 | 7 | rows: all so far |
/// | [`Retracting`] | +3 | -3 +7 | changes: all so far, and what no longer holds |
///
/// What the discarded panes add up to, the last accumulated one and what is left of the retracting ones are one and the same
/// (rule D6).
pub trait Accumulation: Debug {
    /// The diff of the output port.
    type Diff: Diff;

    /// What is kept of the last pane of a window.
    type Kept<P: Clone>: Clone + Default;

    /// Whether a firing leaves nothing for the next.
    const DISCARDS: bool;

    /// Emits a pane, in the row that `row` makes of it, and what it makes of the one before.
    fn emit<P: Clone, D, S: Push<D, EventTime, Self::Diff>>(
        kept: &mut Self::Kept<P>,
        pane: P,
        time: EventTime,
        row: impl Fn(P) -> D,
        out: &mut Port<S>,
    );

    /// Takes back the last pane.
    fn withdraw<P: Clone, D, S: Push<D, EventTime, Self::Diff>>(
        kept: &mut Self::Kept<P>,
        time: EventTime,
        row: impl Fn(P) -> D,
        out: &mut Port<S>,
    );
}

/// The window fires once, when the frontier reaches its end: nothing needs to be said.
#[derive(Clone, Copy, Debug)]
pub struct FiresOnce;

/// Each firing says what has come since the last.
#[derive(Clone, Copy, Debug)]
pub struct Discarding;

/// Each firing says what all rows so far come to.
#[derive(Clone, Copy, Debug)]
pub struct Accumulating;

/// Each firing takes back the one before and says what all rows so far come to: the output carries changes.
#[derive(Clone, Copy, Debug)]
pub struct Retracting;

macro_rules! appending {
    ($($mode:ty, $discards:literal;)*) => {$(
        impl Accumulation for $mode {
            type Diff = ();
            type Kept<P: Clone> = ();
            const DISCARDS: bool = $discards;

            #[inline(always)]
            fn emit<P: Clone, D, S: Push<D, EventTime, ()>>(
                _kept: &mut (),
                pane: P,
                time: EventTime,
                row: impl Fn(P) -> D,
                out: &mut Port<S>,
            ) {
                out.push(Update { data: row(pane), time, diff: () });
            }

            fn withdraw<P: Clone, D, S: Push<D, EventTime, ()>>(
                _kept: &mut (),
                _time: EventTime,
                _row: impl Fn(P) -> D,
                _out: &mut Port<S>,
            ) {
            }
        }
    )*};
}

appending! {
    FiresOnce, false;
    Discarding, true;
    Accumulating, false;
}

impl Accumulation for Retracting {
    type Diff = i64;
    type Kept<P: Clone> = Option<P>;
    const DISCARDS: bool = false;

    fn emit<P: Clone, D, S: Push<D, EventTime, i64>>(
        kept: &mut Option<P>,
        pane: P,
        time: EventTime,
        row: impl Fn(P) -> D,
        out: &mut Port<S>,
    ) {
        Self::withdraw(kept, time, &row, out);
        *kept = Some(pane.clone());
        out.push(Update { data: row(pane), time, diff: 1 });
    }

    fn withdraw<P: Clone, D, S: Push<D, EventTime, i64>>(
        kept: &mut Option<P>,
        time: EventTime,
        row: impl Fn(P) -> D,
        out: &mut Port<S>,
    ) {
        if let Some(pane) = kept.take() {
            out.push(Update { data: row(pane), time, diff: -1 });
        }
    }
}
