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

pub mod format;

pub mod io;

pub mod source;

pub mod sink;

pub mod graph;

pub mod executor;

pub mod prelude;

/// Comma-separated values: `csv::read::<Row>(path)`, `csv::write(stdout())`.
#[cfg(feature = "csv")]
pub mod csv {
    pub use crate::sink::csv::write;
    pub use crate::source::csv::read;
}

/// JSON Lines: `jsonl::read::<Row>(path)`, `jsonl::write(path)`.
#[cfg(feature = "json")]
pub mod jsonl {
    pub use crate::sink::jsonl::write;
    pub use crate::source::jsonl::read;
}

/// Lines of text: `lines::read(path)`, `lines::write(stdout())`.
pub mod lines {
    pub use crate::sink::lines::write;
    pub use crate::source::lines::read;
}

#[doc(hidden)]
pub mod private;

pub use executor::{Graph, Running};
pub use graph::Error;
pub use streamweave_macros::node;

/// Wires nodes into a graph.
#[macro_export]
macro_rules! graph {
    ($($item:tt)*) => {
        $crate::private::graph! { [$crate] $($item)* }
    };
}
