//! What a graph is made of, and what a run of it reports.

mod error;
mod explanation;
mod holder;
mod picture;
mod report;
mod topology;

pub use crate::operator::NodeReport;
pub use error::{Error, FailureReport};
pub use explanation::{Explanation, InputState, NodeState};
pub use holder::Holder;
pub use report::Report;
pub use topology::{EdgeInfo, NodeInfo, Topology};
