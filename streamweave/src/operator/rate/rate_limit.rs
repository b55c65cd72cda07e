//! So many rows in so long a time, and none lost.

use std::borrow::Cow;
use std::task::Poll;

use super::above_zero;
use crate::envelope::Update;
use crate::operator::{Cause, Cx, Durable, Input, Node, Operator, Outcome, Progress, Resume, Turn};
use crate::port::{Edge, OnlyOut, Port, Push};
use crate::state::{Fields, Mismatch, Storable, Waiting};
use crate::time::{Frontier, ProcessingTime, TimeDelta, Timestamp, TotalOrder};

/// Passes `rows` rows in each `per` of time on the clock, in order; what is too fast waits.
///
/// A bucket of `rows` tokens that is full at first: a row takes one, and each `per / rows` brings one
/// back. So after a pause up to `rows` pass at once, then one each `per / rows`: fewer than `2 * rows` in any
/// stretch of `per`, and no more than `rows` per `per` in the long run.
///
/// No row is lost. While any waits no source that leads here is taken from (rule J1), so that no more than a
/// batch does; the first that waits holds the frontier. At the end of the stream, too, rows wait for their turn.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph requests(urls: &'static str) -> (sent: &'static str) {
///         urls -> rate_limit(2, 1.secs()) -> slowly;
///         slowly = inspect(|_| ());
///         slowly -> sent;
///     }
/// }
///
/// let mut requests = requests::harness();
/// for url in ["/a", "/b", "/c", "/d"] {
///     requests.inputs.urls.send(url);
/// }
/// requests.settle();
/// assert_eq!(requests.outputs.sent.take(), ["/a", "/b"]);
/// requests.advance(500.millis());
/// assert_eq!(requests.outputs.sent.take(), ["/c"]);
/// requests.advance(500.millis());
/// assert_eq!(requests.outputs.sent.take(), ["/d"]);
/// requests.finish().expect("nothing fails").assert_conserved();
/// ```
///
/// # Errors
///
/// The graph is refused where `rows` or `per` is not above zero.
pub fn rate_limit<D, T: TotalOrder, R>(
    _input: Edge<D, T, R>,
    rows: u32,
    per: TimeDelta,
) -> Node<RateLimit<D, T, R>, OnlyOut<D, T, R>> {
    let bucket = Bucket { rows: rows.into(), per: per.micros().into(), full: i128::MIN };
    let (input, output) = (Frontier::start(), Frontier::start());
    Node::new(RateLimit { bucket, per, waiting: Waiting::new(), input, output }, OnlyOut::new())
}

/// See [`rate_limit`].
#[derive(Clone, Debug)]
pub struct RateLimit<D, T: Timestamp, R> {
    bucket: Bucket,
    per: TimeDelta,
    waiting: Waiting<D, T, R>,
    input: Frontier<T>,
    output: Frontier<T>,
}

/// A bucket of tokens, known by the time at which it will be full again: the generic cell rate algorithm
/// of ATM networks (ITU-T I.371).
///
/// Times are in `rows`-ths of a microsecond, so that nothing is rounded.
#[derive(Clone, Debug)]
struct Bucket {
    /// How many tokens it holds.
    rows: i128,
    /// How long a token takes.
    per: i128,
    /// When it is full.
    full: i128,
}

impl Bucket {
    /// When there is a token.
    fn next(&self) -> i128 {
        self.full.saturating_sub((self.rows - 1) * self.per)
    }

    /// Takes a token, if there is one.
    #[inline]
    fn take(&mut self, now: ProcessingTime) -> bool {
        let now = i128::from(now.micros()) * self.rows;
        let there = now >= self.next();
        if there {
            self.full = self.full.max(now) + self.per;
        }
        there
    }

    /// The first time on the clock at which there is a token.
    fn due(&self) -> ProcessingTime {
        let next = self.next();
        let micros = next.div_euclid(self.rows) + i128::from(next.rem_euclid(self.rows) > 0);
        // Before the first row that took one, long ago.
        let range = i128::from(i64::MIN)..=i128::from(i64::MAX);
        ProcessingTime::from_micros(micros.clamp(*range.start(), *range.end()) as i64)
    }
}

impl<D, T: TotalOrder, R> RateLimit<D, T, R> {
    /// Advances the output as far as the rows that wait allow.
    #[inline]
    fn release<S: Push<D, T, R>>(&mut self, out: &mut Port<S>) {
        let allowed = self.input.meet(&self.waiting.frontier());
        if allowed.is_beyond(&self.output) {
            self.output = allowed.clone();
            out.advance(allowed);
        }
    }
}

impl<D, T: TotalOrder, R> Operator for RateLimit<D, T, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;
    const ACTIVE: bool = true;
    const USES_CLOCK: bool = true;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.bucket.rows == 0 {
            return Err("the rows of a rate must be above zero, found 0".into());
        }
        above_zero("the time of a rate", self.per)
    }

    fn ready(&mut self, _port: usize) -> bool {
        self.waiting.is_empty()
    }

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if self.waiting.is_empty() { Poll::Pending } else { turn.until(self.bucket.due()).map(Ok) }
    }

    fn waits_for(&mut self) -> Option<Cow<'static, str>> {
        (!self.waiting.is_empty()).then(|| format!("the turn of {} rows", self.waiting.len()).into())
    }

    fn idle(&mut self) -> bool {
        self.waiting.is_empty()
    }

    fn finish(&mut self) {}
}

/// How many tokens there were is forgotten: the rate may be another one when the graph is started again.
impl<D: Storable, T: TotalOrder + Storable, R: Storable> Durable for RateLimit<D, T, R> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value("waiting", &mut self.waiting)?;
        fields.value("input", &mut self.input)?;
        fields.value("output", &mut self.output)
    }
}

impl<D, T: TotalOrder, R, S: Push<D, T, R>> Resume<(Port<S>,)> for RateLimit<D, T, R> {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        while !self.waiting.is_empty() && self.bucket.take(cx.now()) {
            if let Some(row) = self.waiting.pop() {
                out.push(row);
            }
        }
        self.release(out);
        Progress::More
    }
}

impl<D, T: TotalOrder, R, S: Push<D, T, R>> Input<0, D, T, R, (Port<S>,)> for RateLimit<D, T, R> {
    #[inline]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        if self.waiting.is_empty() && self.bucket.take(cx.now()) {
            out.push(row);
        } else {
            self.waiting.push(row);
        }
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        self.input = frontier;
        self.release(out);
    }
}
