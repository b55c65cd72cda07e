//! A stretch of a stream once more.

use std::ops::Range;
use std::task::Poll;
use std::vec::IntoIter;

use crate::envelope::Message;
use crate::operator::{Cause, Cx, Durable, Node, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{OnlyOut, Port, Push};
use crate::state::{EventLog, Fields, Mismatch};
use crate::time::{EventTime, Frontier};

/// Emits the rows of a range of times, `[start, end)`, that a log [keeps](crate::operator::order::keep), in the order in which
/// they came and with the frontiers that came between them; then it ends.
///
/// What depends on rows of the range alone, such as a window inside it, thereby comes out as it did before, late rows
/// included. What depends on more, such as a running count, begins anew. So that the same nodes work on both, put them
/// into a graph with a name; [`Topology::downstream`](crate::graph::Topology::downstream) tells which nodes depend on
/// the one that is to be replayed.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::state::EventLog;
///
/// graph! {
///     graph per_minute(clicks: Timed<i64>) -> (counts: Timed<(i64, u64)>) {
///         counted = tumbling(1.minutes()).aggregate(Count::new);
///         clicks -> key_by(|_| ()) -> counted;
///         counted.late -> discard;
///         counted -> map(|pane| (pane.value.window.start.micros() / 60_000_000, pane.value.value)) -> counts;
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let log = EventLog::new(1.hours());
/// let result = graph! {
///     clicks = from_iter([10, 70, 65, 130, 190, 185]);
///     minutes = per_minute();
///     clicks -> event_time(|secs| EventTime::from_secs(*secs), bounded(10.secs())) -> keep(&log) -> minutes;
///     minutes.counts -> counts;
///     counts = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.counts, [(0, 1), (1, 2), (2, 1), (3, 2)]);
///
/// let again = graph! {
///     clicks = replay(&log, EventTime::from_secs(60)..EventTime::from_secs(180));
///     minutes = per_minute();
///     clicks -> minutes;
///     minutes.counts -> counts;
///     counts = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(again.counts, [(1, 2), (2, 1)]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The graph is refused where the log has dropped rows of the range, or where some may still come; see
/// [`NotInLog`](crate::state::NotInLog).
pub fn replay<D: Clone, R: Clone>(
    log: &EventLog<D, R>,
    times: Range<EventTime>,
) -> Node<Replay<D, R>, OnlyOut<D, EventTime, R>> {
    Node::new(Replay { log: log.clone(), times, all: 0, left: Vec::new().into_iter() }, OnlyOut::new())
}

/// See [`replay`].
#[derive(Clone, Debug)]
pub struct Replay<D, R> {
    log: EventLog<D, R>,
    times: Range<EventTime>,
    /// How many messages there are, and those of them that were not emitted yet.
    all: usize,
    left: IntoIter<Message<D, EventTime, R>>,
}

impl<D: Clone, R: Clone> Operator for Replay<D, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        self.left = self.log.range(&self.times)?.into_iter();
        self.all = self.left.len();
        Ok(())
    }

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) {}
}

/// How much was emitted is kept; the log is memory, and whoever starts the graph again fills it with the same rows.
impl<D: Clone, R: Clone> Durable for Replay<D, R> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let before = self.all - self.left.len();
        let mut emitted = before;
        fields.value("emitted", &mut emitted)?;
        if fields.is_loading() && emitted > before {
            self.left.nth(emitted - before - 1);
        }
        Ok(())
    }
}

impl<D: Clone, R: Clone, S: Push<D, EventTime, R>> Resume<(Port<S>,)> for Replay<D, R> {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        let mut left = if cx.stopping() { 0 } else { cx.budget() };
        while left > 0 {
            match self.left.next() {
                Some(Message::Row(row)) => {
                    out.push(row);
                    left -= 1;
                }
                Some(Message::Frontier(frontier)) if !frontier.is_end() => out.advance(frontier),
                Some(Message::Frontier(_)) | None => break,
            }
        }
        if left == 0 && !cx.stopping() {
            return Progress::More;
        }
        out.advance(Frontier::end());
        Progress::Ended
    }
}
