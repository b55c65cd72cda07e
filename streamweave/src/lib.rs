//! StreamWeave: functions annotated with `#[node]`, wired in `graph!`, compiled to one statically
//! typed state machine that runs inside your own process.
//!
//! ```
//! use streamweave::prelude::*;
//!
//! #[node]
//! fn parse(line: &str) -> Result<f64, std::num::ParseFloatError> {
//!     line.trim().parse()
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let result = graph! {
//!     lines  = from_iter(["1.5", "2.5", "two"]);
//!     parsed = parse();
//!     lines -> parsed -> running_sum() -> total;
//!     parsed.err -> map(|failed| failed.input) -> not_numbers;
//!     total = last();
//!     not_numbers = collect();
//! }
//! .run()
//! .await?;
//! assert_eq!(result.total, Some(4.0));
//! assert_eq!(result.not_numbers, ["two"]);
//! # Ok::<(), streamweave::Error>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The order of the modules
//!
//! A datum's way runs down this list; a module uses only those above it.

pub mod time;

pub mod envelope;

pub mod port;

pub mod state;

pub mod operator;

pub mod source;

pub mod sink;

pub mod graph;

pub mod executor;

pub mod prelude;

#[doc(hidden)]
pub mod private;

pub use graph::{Error, Graph, Running};
pub use streamweave_macros::node;

/// Wires nodes into a graph.
#[macro_export]
macro_rules! graph {
    ($($item:tt)*) => {
        $crate::private::graph! { [$crate] $($item)* }
    };
}
