//! Graphs: what `graph!` makes, what it is made of, and what a run of it reports.

mod error;
mod report;
mod running;
mod topology;

pub use error::Error;
pub use report::{NodeReport, Report};
pub use running::{Graph, Running, Yielded};
pub use topology::{EdgeInfo, NodeInfo, Topology};
