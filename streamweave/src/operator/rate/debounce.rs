//! The last row of a flurry.

use super::latest::{Due, Latest};
use crate::operator::Node;
use crate::port::{Edge, OnlyOut};
use crate::time::{ProcessingTime, TimeDelta, Timestamp};

/// Passes a row once nothing else has come for as long as `quiet`; a row after which another one comes sooner is
/// filtered out.
///
/// While rows keep coming nothing is emitted, however long that goes on: [`sample`](super::sample()) gives some
/// of a stream without pauses. At the end of the stream the last row is emitted at once. It holds the
/// frontier meanwhile. Keeps a row.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph search(typed: &'static str) -> (queries: &'static str) {
///         typed -> debounce(300.millis()) -> settled;
///         settled = inspect(|_| ());
///         settled -> queries;
///     }
/// }
///
/// let mut search = search::harness();
/// for typed in ["w", "we", "wea"] {
///     search.inputs.typed.send(typed);
///     search.advance(100.millis());
/// }
/// assert!(search.outputs.queries.take().is_empty());
/// search.advance(200.millis());
/// assert_eq!(search.outputs.queries.take(), ["wea"]);
/// search.inputs.typed.send("weave");
/// search.finish().expect("nothing fails").assert_conserved();
/// assert_eq!(search.outputs.queries.take(), ["weave"]);
/// ```
///
/// # Errors
///
/// The graph is refused where `quiet` is not above zero.
pub fn debounce<D, T: Timestamp>(
    _input: Edge<D, T>,
    quiet: TimeDelta,
) -> Node<Latest<D, T, AfterQuiet>, OnlyOut<D, T, ()>> {
    Node::new(Latest::new(AfterQuiet(quiet)), OnlyOut::new())
}

/// A row is due so long after it came: see [`debounce`].
#[derive(Clone, Copy, Debug)]
pub struct AfterQuiet(TimeDelta);

impl Due for AfterQuiet {
    const WHAT: &'static str = "the quiet of a debounce";

    fn length(&self) -> TimeDelta {
        self.0
    }

    #[inline]
    fn due(&self, now: ProcessingTime) -> ProcessingTime {
        now + self.0
    }
}
