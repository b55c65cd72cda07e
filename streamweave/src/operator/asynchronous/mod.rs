//! Operators that call asynchronous functions: a bounded number of calls is in flight.
//!
//! # Contract
//!
//! 1. At most [`in_flight`](AsyncCalls::in_flight) calls have begun and not ended (rule I3). Rows
//!    of the batch at hand beyond that wait in the operator; while any row waits no source that
//!    reaches it is taken from.
//! 2. A frontier is handed on when every call that came before it has ended (rule A11). Within two
//!    frontiers results come in the order of their rows ([`Order::Rows`], rule I1) or of their
//!    ends ([`Order::Ends`], rule I2).
//! 3. The stream ends when the last call has.
//! 4. A graph that drains waits for its calls; one that is aborted drops them.

mod calls;
mod slots;

pub use calls::{AsyncCalls, AsyncMap, AsyncTryMap, Call, Order, async_map, async_try_map};
