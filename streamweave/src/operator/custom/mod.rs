//! What the nodes that users write with `#[node]` are made of: outputs to send to, the context of a row,
//! state, and routes by variant.

mod cx;
mod out;
mod routes;
mod seeing;
mod sends;
mod stateful;

pub use cx::Cx;
pub use out::{Emit, Out, Same, Stamp};
pub use routes::{Route, RouteInto, Routes, RoutesTo, route};
pub use seeing::{See, Seeing, Value, Whole};
pub use sends::{Sends, SendsRef};
pub use stateful::{
    ByAlarm, ContextOf, Handle, Handlers, HasAlarms, NoAlarm, NoContext, NoFrontier, NoTimer, OnAlarm,
    OnFrontier, OnTimer, OnUpdate, OnValue, Stateful, Timers, TimersAndAlarms,
};
