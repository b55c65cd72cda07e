//! Ports and edges: what may feed what, the words of the errors, and how a row is handed on.
//!
//! An edge has no value at run time: [`Edge`] and [`Origin`] are witnesses, zero bytes long, from
//! which rustc infers the types of a graph left to right. How rows move is [`Push`]: the stages
//! of a graph are nested values that push into one another, built sinks first for each batch.
//!
//! # Contract
//!
//! - A stage is entered by one caller at a time: graphs have no cycle among direct edges.
//! - A frontier is handed on after every row that it covers, by the same path: it can neither
//!   overtake data nor be overtaken (rule A11).

mod edge;
mod fan;
mod inlet;
mod outputs;
mod push;

pub use edge::{Along, ByRef, ByValue, Conduct, Edge, EdgeRef, FanOut, Lends, Lent, NoInput, Origin, Slot};
pub use fan::{Cut, Tee, cut, deliver};
pub(crate) use inlet::inlets;
pub use inlet::{AllFed, Fed, Feed, Inlet, Inlets, LeftUnfed, Unfed};
pub use outputs::{
    At, Attach, Connected, Emitted, LeftRight, MAX_PORTS, MatchingRest, NoPorts, Nowhere, Nth, OnlyOut, Open,
    OrDefault, OutErr, OutErrFuture, OutErrPanics, OutFuture, OutLate, OutPanics, Outputs, PortName, Ports,
    SinkWithoutOutputs, To2, To2Rest, To3, To3Rest, To4, To4Rest, Wired, is_timed, name,
};
pub use push::{Chain, Port, Push};
