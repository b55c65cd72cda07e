//! What a graph is made of, and what a run of it reports.

mod error;
mod picture;
mod report;
mod topology;

pub use error::Error;
pub use report::{NodeReport, Report};
pub use topology::{EdgeInfo, NodeInfo, Topology};
