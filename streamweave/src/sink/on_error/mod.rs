//! What becomes of rows that a node could not take: policies for `err` ports.
//!
//! In a graph a policy stands on a node, `#[on_error(skip)] parsed = parse();`, or is the default for every
//! `err` port from which no arrow starts: `#![on_error = stop]`.
//!
//! | policy | what it does |
//! |---|---|
//! | `stop` | ends the run with [`Error::Rejected`](crate::Error::Rejected): the node, the input and the cause |
//! | `skip` | drops the row; the books count it |
//! | `dead_letter("file")` | appends the row to a file of JSON lines, with the node and the causes |
//! | `custom(f)` | asks a function: skip this one, or stop |
//! | `retry(..)` | calls an asynchronous node again; another policy may follow, for when that does not help |
//!
//! # Rows at which a node panics
//!
//! `#[on_panic(skip)] parsed = parse();`, with one of the same policies, sets a row aside at which the function of the node panics, and goes
//! on with the next; without it a panic ends the run. What comes to the policy is a [`Failed`] with a
//! [`Panic`](crate::operator::element::Panic) and the input, where the function borrows it. It stands on nodes that work on each row by
//! itself and keep nothing; the state of any other is not used again after a panic (rule K2), and a
//! [`Supervisor`](crate::supervision::Supervisor) starts its graph again from the checkpoint. Only such a node pays for it: some
//! nanoseconds a row. In a program that aborts on panic it has no effect. What the function itself has captured is as the panic left it.
//!
//! ```
//! use streamweave::prelude::*;
//!
//! #[node]
//! fn third(text: &str) -> char {
//!     text.chars().nth(2).expect("three letters")
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let result = graph! {
//!     words = from_iter(["warp", "up", "weft"]);
//!     #[on_panic(skip)]
//!     thirds = third();
//!     words -> thirds -> letters;
//!     letters = collect();
//! }
//! .run()
//! .await?;
//! assert_eq!(result.letters, ['r', 'f']);
//! assert_eq!(result.report().node("thirds.on_panic").expect("it is there").absorbed, 1);
//! # Ok::<(), streamweave::Error>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "json")]
mod dead_letter;

use std::fmt::Debug;
use std::task::Poll;

use crate::envelope::{Failed, Update};
use crate::format::Malformed;
use crate::operator::bounds;
use crate::operator::{Cause, Commits, Cx, Durable, Flush, Input, Node, Operator, Outcome, Resume, Turn};
use crate::port::{Conduct, Edge, NoPorts};
use crate::state::{Fields, Mismatch};
use crate::time::{Frontier, Timestamp};

#[cfg(feature = "json")]
pub use dead_letter::{DeadLetter, Letter, dead_letter};

/// A row that a node could not take, and which node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Of<D> {
    /// The node.
    pub node: &'static str,
    /// What came out of its `err` port.
    pub row: D,
}

/// What becomes of rows of type `D` that a node could not take.
pub trait Policy<D> {
    /// Takes the row.
    fn reject(&mut self, of: Of<D>);
}

bounds! {
    /// What a policy has to be where rows of type `D` come out of the `err` port.
    #[diagnostic::on_unimplemented(
        message = "this error policy cannot be told `{D}`",
        label = "this policy does not take what comes out of the `err` port",
        note = "`stop`, `custom` and `dead_letter` need an error that is an `Error` or text, `stop` and `custom` an input that is `Debug`, `dead_letter` one that is `Serialize`; `skip` takes anything. `map` the `err` port to a sink of its own where that will not do"
    )]
    Told<D>: (Policy<D> + Bring);
}

/// What a policy does when the sinks are flushed.
pub trait Bring {
    /// See [`Operator::poll_flush`].
    fn poll_flush(&mut self, _turn: &mut Turn<'_, '_>, _flush: Flush) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    /// See [`Operator::abandon`].
    fn abandon(&mut self) -> u64 {
        0
    }

    /// See [`Operator::is_served`].
    fn is_served(&mut self) -> bool {
        false
    }

    /// See [`Durable::fields`].
    ///
    /// # Errors
    ///
    /// What was saved does not fit.
    fn fields(&mut self, _fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        Ok(())
    }

    /// See [`Durable::cut`].
    fn cut(&mut self) {}

    /// See [`Durable::poll_pre_commit`].
    fn poll_pre_commit(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }
}

/// A row was refused and the policy was to stop: what [`Error::Rejected`](crate::Error::Rejected) is made of.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub(crate) struct Rejected {
    pub(crate) node: &'static str,
    pub(crate) input: String,
    pub(crate) cause: Cause,
}

/// What can be said of a row that was refused.
pub trait Refused {
    /// The input, as far as it is known.
    fn input(&self) -> String;

    /// Why.
    fn cause(self) -> Cause;
}

impl<A: Debug, E: Into<Cause>> Refused for Failed<A, E> {
    fn input(&self) -> String {
        let input = format!("{:?}", self.input);
        if input == "()" { String::new() } else { input }
    }

    fn cause(self) -> Cause {
        self.error.into()
    }
}

impl Refused for Malformed {
    fn input(&self) -> String {
        // The place and the text stand in the message.
        String::new()
    }

    fn cause(self) -> Cause {
        self.into()
    }
}

/// See [`stop`].
#[derive(Debug, Default)]
pub struct Stop(Option<Rejected>);

/// Ends the run at the first row that is refused, once its batch is done and what passed is written.
pub fn stop() -> Stop {
    Stop(None)
}

impl<D: Refused> Policy<D> for Stop {
    fn reject(&mut self, of: Of<D>) {
        if self.0.is_none() {
            self.0 = Some(Rejected { node: of.node, input: of.row.input(), cause: of.row.cause() });
        }
    }
}

impl Bring for Stop {
    fn poll_flush(&mut self, _turn: &mut Turn<'_, '_>, _flush: Flush) -> Poll<Result<(), Cause>> {
        Poll::Ready(self.0.take().map_or(Ok(()), |rejected| Err(rejected.into())))
    }
}

/// See [`skip`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Skip;

/// Drops rows that are refused; the books count them.
pub fn skip() -> Skip {
    Skip
}

impl<D> Policy<D> for Skip {
    fn reject(&mut self, _of: Of<D>) {}
}

impl Bring for Skip {}

/// What a policy of the user's own decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on without the row.
    Skip,
    /// End the run.
    Stop,
}

/// See [`custom`].
#[derive(Debug)]
pub struct Custom<F> {
    decide: F,
    stop: Stop,
}

/// Asks a function what is to be done about a row that is refused.
///
/// In a graph the way from the node comes first, as everywhere, and is not written.
pub fn custom<D, T, R, F: FnMut(&Of<D>) -> Verdict>(_input: Edge<D, T, R>, decide: F) -> Custom<F> {
    Custom { decide, stop: stop() }
}

impl<D: Refused, F: FnMut(&Of<D>) -> Verdict> Policy<D> for Custom<F> {
    fn reject(&mut self, of: Of<D>) {
        // Once is enough: what comes behind it in the batch is not decided on.
        if self.stop.0.is_none() && (self.decide)(&of) == Verdict::Stop {
            self.stop.reject(of);
        }
    }
}

impl<F> Bring for Custom<F> {
    fn poll_flush(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        self.stop.poll_flush(turn, flush)
    }
}

/// A sink that is a policy: for the `err` port of one node, or for those that are left open.
#[derive(Debug)]
pub struct OnError<P> {
    node: &'static str,
    policy: P,
}

/// The sink behind the `err` port of `node`.
pub fn on_error<D, T: Timestamp, R, P: Told<D>>(
    _input: Edge<D, T, R>,
    node: &'static str,
    policy: P,
) -> P::Node<Node<OnError<P>, NoPorts>> {
    P::node(Node::new(OnError { node, policy }, NoPorts))
}

/// The sink behind every `err` port that is left open.
pub fn by_default<P: Bring>(policy: P) -> Node<OnError<P>, NoPorts> {
    Node::new(OnError { node: "", policy }, NoPorts)
}

impl<P: Bring> Operator for OnError<P> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;
    // A graph whose results nobody sees any more does not go on for the sake of its errors.
    const LEADS_NOWHERE: bool = true;

    fn poll_flush(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        self.policy.poll_flush(turn, flush)
    }

    fn abandon(&mut self) -> u64 {
        self.policy.abandon()
    }

    fn is_served(&mut self) -> bool {
        self.policy.is_served()
    }

    fn finish(&mut self) {}
}

impl<P: Bring> Durable for OnError<P> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.policy.fields(fields)
    }

    fn cut(&mut self) {
        self.policy.cut();
    }

    fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.policy.poll_pre_commit(turn)
    }
}

impl<P: Bring> Commits for OnError<P> {}

impl<P: Bring, Outs> Resume<Outs> for OnError<P> {}

impl<D, T: Timestamp, R, P: Policy<D> + Bring, Outs> Input<0, D, T, R, Outs> for OnError<P> {
    fn push(&mut self, row: Update<D, T, R>, _outs: &mut Outs, cx: &mut Cx) {
        self.policy.reject(Of { node: self.node, row: row.data });
        cx.absorbed();
    }

    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}

/// Where a default stands behind the ports of many nodes: each row comes with the name of its node.
impl<D, T: Timestamp, R, P: Policy<D> + Bring, Outs> Input<1, Of<D>, T, R, Outs> for OnError<P> {
    fn push(&mut self, row: Update<Of<D>, T, R>, _outs: &mut Outs, cx: &mut Cx) {
        self.policy.reject(row.data);
        cx.absorbed();
    }

    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}

/// The way from an `err` port that is left open to the default: the name of the node goes along.
#[derive(Clone, Copy, Debug)]
pub struct From(pub &'static str);

impl<D, T: Timestamp, R> Conduct<D, T, R> for From {
    type Data = Of<D>;
    type Time = T;
    type Diff = R;

    fn row(self, row: Update<D, T, R>) -> Update<Of<D>, T, R> {
        let node = self.0;
        row.map(|row| Of { node, row })
    }

    fn frontier(self, frontier: Frontier<T>) -> Frontier<T> {
        frontier
    }
}
