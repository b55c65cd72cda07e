//! What windows do about late rows and frontiers, of whatever kind they are.

use crate::envelope::Update;
use crate::operator::Cx;
use crate::port::{Port, Push};
use crate::time::{EventTime, Frontier, TimeDelta};

use super::pane::{Late, Window};

/// The frontier as a number that window ends compare with; the end of the stream is the greatest.
///
/// A window whose end saturated stands for one that reaches beyond the greatest time: it fires at
/// the end only.
#[inline(always)]
pub(super) fn closed_before(frontier: &Frontier<EventTime>) -> i64 {
    frontier.time().map_or(i64::MAX, |time| time.micros().min(i64::MAX - 1))
}

/// Sends a row to the port for late ones.
#[cold]
pub(super) fn late<D, L: Push<Late<D>, (), ()>>(
    row: Update<D, EventTime, ()>,
    window: Window,
    frontier: i64,
    port: &mut Port<L>,
    cx: &mut Cx,
) {
    cx.late();
    let frontier = EventTime::from_micros(frontier);
    port.push(Update::from(Late { row: row.data, time: row.time, window, frontier }));
}

/// Hands a frontier on, held back by the allowed lateness (rule D8).
#[inline(always)]
pub(super) fn hand_on<O, L, D, R, X>(
    frontier: Frontier<EventTime>,
    lateness: i64,
    (out, late): &mut (Port<O>, Port<L>),
) where
    O: Push<D, EventTime, R>,
    L: Push<X, (), ()>,
{
    let is_end = frontier.is_end();
    out.advance(if lateness > 0 {
        frontier.map(|time| time - TimeDelta::from_micros(lateness))
    } else {
        frontier
    });
    if is_end {
        late.advance(Frontier::end());
    }
}
