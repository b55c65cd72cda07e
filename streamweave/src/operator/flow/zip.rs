//! Two streams made one of pairs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::envelope::Update;
use crate::operator::{Cause, Cx, Input, Node, Operator, Outcome, Resume, durable};
use crate::port::{Edge, OnlyOut, Port, Push, inlets};
use crate::state::{Storable, Waiting};
use crate::time::{self, Frontier, Timestamp, TotalOrder};

/// How many rows of one side wait for partners, unless [`Node::capacity`] says otherwise.
const CAPACITY: usize = 1_024;

/// Pairs the n-th row that comes in at `left` with the n-th row that comes in at `right`, in order.
///
/// Which row meets which depends on the rows of each side alone, not on which side is faster. A pair is at the
/// later time of its two rows. The frontier is the least of what may come of either side, rows that wait
/// for a partner included: what was on time stays on time. A side that is [idle](crate::time::Inputs), and of which
/// no row waits, does not hold it. Where rows belong together by a key or by
/// their time, and not by their number, a join is what is wanted.
///
/// The stream ends once either side has ended and each of its rows has its partner; what is left on the other side
/// has none, and is dropped. In the books the row of a pair that waits is absorbed and the one that finds it
/// waiting passed; what comes after the end is filtered out.
///
/// # Back-pressure
///
/// A source is not taken from while 1,024 rows that it brought, or [so many](Node::capacity), wait for a
/// partner, so that a stalled side holds the other (rule J3). Where both sides come from one source nothing is
/// held, for that source has to bring the partners, too; rows then wait for as long as the sides differ.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     names  = from_iter(["ada", "grace", "edsger"]);
///     years  = from_iter([1815, 1906]);
///     people = zip();
///     names -> people.left;
///     years -> people.right;
///     people -> born;
///     born = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.born, [("ada", 1815), ("grace", 1906)]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn zip<L, R, T: TotalOrder>(
    _left: Edge<L, T>,
    _right: Edge<R, T>,
) -> Node<Zip<L, R, T>, OnlyOut<(L, R), T, ()>> {
    with(inputs())
}

inlets! {
    /// The inputs of a [`zip`].
    Inputs { left: A @ 0, right: B @ 1 }
}

/// The input ports, as arrows name them.
#[doc(hidden)]
pub fn inputs<L, R, T: TotalOrder>() -> Inputs<Edge<L, T>, Edge<R, T>> {
    Inputs::new()
}

/// As [`zip`], of inputs that are fed by name.
#[doc(hidden)]
pub fn with<L, R, T: TotalOrder>(
    _inputs: Inputs<Edge<L, T>, Edge<R, T>>,
) -> Node<Zip<L, R, T>, OnlyOut<(L, R), T, ()>> {
    let zip = Zip {
        left: Side::new(),
        right: Side::new(),
        capacity: CAPACITY,
        inputs: time::Inputs::new(2),
        output: Frontier::start(),
    };
    Node::new(zip, OnlyOut::new())
}

impl<L, R, T: TotalOrder> Node<Zip<L, R, T>, OnlyOut<(L, R), T, ()>> {
    /// Lets a side wait once so many of its rows have no partner; a batch may go beyond it.
    ///
    /// # Errors
    ///
    /// The graph is refused where `rows` is zero.
    #[must_use]
    pub fn capacity(self, rows: usize) -> Self {
        self.map_operator(|zip| Zip { capacity: rows, ..zip })
    }
}

/// See [`zip`].
#[derive(Clone, Debug)]
pub struct Zip<L, R, T: Timestamp> {
    /// At most one of both has rows that wait.
    left: Side<L, T>,
    right: Side<R, T>,
    capacity: usize,
    /// What a pair can still bring, side by side.
    inputs: time::Inputs<T>,
    output: Frontier<T>,
}

/// One input.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "D: Serialize, T: Timestamp + Serialize",
    deserialize = "D: Deserialize<'de>, T: Timestamp + Deserialize<'de>"
))]
struct Side<D, T: Timestamp> {
    /// Those without a partner.
    waiting: Waiting<D, T>,
    frontier: Frontier<T>,
}

impl<D, T: TotalOrder> Side<D, T> {
    fn new() -> Self {
        Side { waiting: Waiting::new(), frontier: Frontier::start() }
    }

    /// What a pair can still bring of this side.
    #[inline]
    fn open(&self) -> Frontier<T> {
        self.frontier.meet(&self.waiting.frontier())
    }

    /// Takes a row for which there is no partner, where one can come.
    #[inline]
    fn wait(&mut self, row: Update<D, T>, partners: &Frontier<T>, cx: &mut Cx) {
        if partners.is_end() {
            cx.filtered();
        } else {
            cx.absorbed();
            self.waiting.push(row);
        }
    }
}

impl<L, R, T: TotalOrder> Zip<L, R, T> {
    #[inline(always)]
    fn pair<S: Push<(L, R), T, ()>>(
        &mut self,
        left: Update<L, T>,
        right: Update<R, T>,
        out: &mut Port<S>,
        cx: &mut Cx,
    ) {
        cx.passed();
        out.push(Update { data: (left.data, right.data), time: left.time.max(right.time), diff: () });
        self.release(out);
    }

    /// Advances the output as far as both sides allow.
    #[inline]
    fn release<S: Push<(L, R), T, ()>>(&mut self, out: &mut Port<S>) {
        let (left, right) = (self.left.open(), self.right.open());
        let is_over = left.is_end() || right.is_end();
        let allowed = if is_over { Frontier::end() } else { self.together(left, right) };
        if allowed != self.output {
            if is_over {
                self.left.waiting.clear();
                self.right.waiting.clear();
            }
            self.output = allowed.clone();
            out.advance(allowed);
        }
    }

    #[inline]
    fn together(&mut self, left: Frontier<T>, right: Frontier<T>) -> Frontier<T> {
        for (side, open) in [left, right].into_iter().enumerate() {
            if open != *self.inputs.of(side) {
                self.inputs.advance(side, open);
            }
        }
        self.inputs.frontier().clone()
    }

    /// How many rows wait at a port.
    fn waiting(&self, port: usize) -> usize {
        if port == 0 { self.left.waiting.len() } else { self.right.waiting.len() }
    }
}

impl<L, R, T: TotalOrder> Operator for Zip<L, R, T> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.capacity == 0 {
            Err("the capacity of a zip must be above zero, found 0".into())
        } else {
            Ok(())
        }
    }

    fn ready(&mut self, port: usize) -> bool {
        self.waiting(port) < self.capacity
    }

    fn waits_for(&mut self) -> Option<Cow<'static, str>> {
        match (self.waiting(0), self.waiting(1)) {
            (0, 0) => None,
            (0, rows) => Some(format!("partners on `left` for {rows} rows").into()),
            (rows, _) => Some(format!("partners on `right` for {rows} rows").into()),
        }
    }

    fn finish(&mut self) {}
}

durable!(
    Zip<L, R, T> where { L: Storable, R: Storable, T: TotalOrder + Storable } keeps { left, right, inputs, output }
);

impl<L, R, T: TotalOrder, Outs> Resume<Outs> for Zip<L, R, T> {}

impl<L, R, T, S> Input<0, L, T, (), (Port<S>,)> for Zip<L, R, T>
where
    T: TotalOrder,
    S: Push<(L, R), T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<L, T, ()>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        match self.right.waiting.pop() {
            Some(partner) => self.pair(row, partner, out, cx),
            None => self.left.wait(row, &self.right.frontier, cx),
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        self.left.frontier = frontier;
        self.release(out);
    }
}

impl<L, R, T, S> Input<1, R, T, (), (Port<S>,)> for Zip<L, R, T>
where
    T: TotalOrder,
    S: Push<(L, R), T, ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<R, T, ()>, (out,): &mut (Port<S>,), cx: &mut Cx) {
        match self.left.waiting.pop() {
            Some(partner) => self.pair(partner, row, out, cx),
            None => self.right.wait(row, &self.left.frontier, cx),
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        self.right.frontier = frontier;
        self.release(out);
    }
}
