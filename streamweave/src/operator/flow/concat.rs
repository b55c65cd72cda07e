//! One stream after another.

use crate::envelope::Update;
use crate::operator::{Cx, Input, Node, Operator, Outcome, Resume, durable};
use crate::port::{Edge, OnlyOut, Port, Push, inlets};
use crate::state::{Storable, Waiting};
use crate::time::{self, Frontier, Timestamp, TotalOrder};

/// Passes all rows that come in at `first`, and after them those that come in at `second`: history, and then
/// what is new.
///
/// Each keeps its order. A source that leads to `second` is not taken from until `first` has ended; what comes there
/// nevertheless, because it comes from a source that leads to `first` too, waits in memory. Where
/// `first` never ends nothing of `second` is ever seen: [`merge`](super::merge()) takes both as they come.
///
/// Times are passed through. The frontier is the least of both inputs' and of what waits, so that `second` may
/// begin before `first` ends: rows of one time do not meet, but none is late. One that is
/// [idle](crate::time::Inputs), and of which no row waits, does not hold it.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     header = from_iter(["name,born"]);
///     rows   = from_iter(["ada,1815", "grace,1906"]);
///     file   = concat();
///     header -> file.first;
///     rows -> file.second;
///     file -> lines;
///     lines = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.lines, ["name,born", "ada,1815", "grace,1906"]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "chain")]
pub fn concat<D, T: TotalOrder, R>(
    _first: Edge<D, T, R>,
    _second: Edge<D, T, R>,
) -> Node<Concat<D, T, R>, OnlyOut<D, T, R>> {
    with(inputs())
}

inlets! {
    /// The inputs of a [`concat()`].
    Inputs { first: A @ 0, second: B @ 1 }
}

/// The input ports, as arrows name them.
#[doc(hidden)]
pub fn inputs<D, T: TotalOrder, R>() -> Inputs<Edge<D, T, R>, Edge<D, T, R>> {
    Inputs::new()
}

/// As [`concat()`], of inputs that are fed by name.
#[doc(hidden)]
pub fn with<D, T: TotalOrder, R>(
    _inputs: Inputs<Edge<D, T, R>, Edge<D, T, R>>,
) -> Node<Concat<D, T, R>, OnlyOut<D, T, R>> {
    let (second, inputs) = (Frontier::start(), time::Inputs::new(2));
    Node::new(Concat { second, inputs, waiting: Waiting::new() }, OnlyOut::new())
}

/// See [`concat()`].
#[derive(Clone, Debug)]
pub struct Concat<D, T: Timestamp, R> {
    /// How far the second stream has come, without what waits.
    second: Frontier<T>,
    inputs: time::Inputs<T>,
    /// What has come of the second stream before its turn.
    waiting: Waiting<D, T, R>,
}

impl<D, T: TotalOrder, R> Concat<D, T, R> {
    fn is_first_over(&self) -> bool {
        self.inputs.of(0).is_end()
    }

    /// How far the second stream has come with what waits: while any does it is not idle.
    fn held(&self) -> Frontier<T> {
        self.second.meet(&self.waiting.frontier())
    }
}

impl<D, T: TotalOrder, R> Operator for Concat<D, T, R> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;

    fn ready(&mut self, port: usize) -> bool {
        port == 0 || self.is_first_over()
    }

    fn finish(&mut self) {}
}

durable!(
    Concat<D, T, R> where { D: Storable, T: TotalOrder + Storable, R: Storable } keeps { second, inputs, waiting }
);

impl<D, T: TotalOrder, R, Outs> Resume<Outs> for Concat<D, T, R> {}

impl<D, T: TotalOrder, R, S: Push<D, T, R>> Input<0, D, T, R, (Port<S>,)> for Concat<D, T, R> {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.push(row);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if frontier.is_end() {
            while let Some(row) = self.waiting.pop() {
                out.push(row);
            }
            // Its memory is not needed again.
            self.waiting.clear();
        }
        // With the second stream first: rows that waited hold the first one no more.
        let second = self.inputs.advance(1, self.held());
        if let Some(both) = self.inputs.advance(0, frontier).or(second) {
            out.advance(both);
        }
    }
}

impl<D, T: TotalOrder, R, S: Push<D, T, R>> Input<1, D, T, R, (Port<S>,)> for Concat<D, T, R> {
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if self.is_first_over() {
            out.push(row);
        } else {
            self.waiting.push(row);
        }
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        self.second = frontier;
        if let Some(both) = self.inputs.advance(1, self.held()) {
            out.advance(both);
        }
    }
}
