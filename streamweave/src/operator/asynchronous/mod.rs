//! Operators that call asynchronous functions: a bounded number of calls is in flight.
//!
//! # Contract
//!
//! 1. At most [`in_flight`](AsyncCalls::in_flight) rows have been begun and not been handed on (rule I3); one
//!    that waits for its next attempt is among them, and one that waits behind a slow one in their order
//!    or for a slow sink. Rows of the batch at hand beyond that wait in the operator; while any row waits no source that reaches it is taken from.
//! 2. A frontier is handed on when every call that came before it has ended (rule A11). Within two
//!    frontiers results come in the order of their rows ([`Order::Rows`], rule I1) or of their
//!    ends ([`Order::Ends`], rule I2), or in the order of the rows of each key ([`Order::OfGroups`], rule I7).
//! 3. The stream ends when the last call has.
//! 4. A graph that drains waits for its calls, and for their retries; one that is aborted drops them.
//! 5. A row that has not been handed on is part of a checkpoint, as it came: after a restore it is called for again, at its place and
//!    from its first attempt, also where its call had ended (rules H4, I5, I6). So a call can be made more often than its row comes
//!    out. To call again the row has to be `Clone`; a graph that is not `#![durable]` keeps none for that.
//! 6. A row comes out exactly once, at `out` or at `err`, whatever its attempts do (rule I4). Time is that
//!    of the graph's clock.

mod blocking;
mod breaker;
mod calls;
mod guarded;
mod keep;
mod lookup;
mod operator;
mod plain;
mod read;
mod retry;
mod slots;

pub use blocking::{BlockingCall, blocking, blocking_map, blocking_try_map};
pub use breaker::{Circuit, CircuitBreaker, Pass, Refusal};
pub use calls::{
    AsyncCalls, Call, Order, OrderedBy, async_map, async_try_map, breaking, keeping_input, retried,
};
pub use guarded::{Always, Guarded, GuardedCalls, IntoGuarded, When};
pub use keep::{Again, AgainFrom, Holds, Keeps, Nothing, Repeatable};
pub use lookup::{Cache, Lookup, Lookups, Memory, NoCache, lookup};
pub use operator::{Asynchronous, UnderWay};
pub use plain::{Plain, PlainCalls};
pub use read::{CallError, CanBeRefused, CanFail, Reads, TimedOut};
pub use retry::Retry;
