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

pub mod testing;

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
/// Makes a node of a function.
///
/// The signature is the shape, decided by the last segment of the return type as it is written:
///
/// | signature | node |
/// |---|---|
/// | `fn(A) -> B` | map |
/// | `fn(A) -> Option<B>` | filter-map |
/// | `fn(A) -> impl Iterator<Item = B>` or `impl IntoIterator` | flat-map (a `Vec<B>` is a value: a map) |
/// | `fn(A) -> Result<B, E>` | port `out` carries `B`, port `err` [`Failed<(), E>`](envelope::Failed) |
/// | `async fn(A) -> B` or `-> Result<B, E>` | the same, asynchronously |
///
/// With `&A` in place of `A` the node borrows its input: it takes any `D: Borrow<A>` (`&str` takes
/// `String`), and an `err` port carries the input along, `Failed<D, E>`. `#[node(map)]`,
/// `filter_map`, `flat_map` and `try_map` override the shape.
///
/// An asynchronous node has at most 64 calls in flight, or `#[node(in_flight = 8)]`; its results
/// come in the order of the rows, or with `#[node(unordered)]` as the calls end, never across a
/// frontier. It takes streams without diffs, and its calls have to be `Send`. With
/// `#[node(timeout = 2.secs())]` a call that takes too long is given up; with
/// `#[node(retry = Retry::times(3).backoff(100.millis()))]` one that failed or took too long is made again,
/// by clones of its input, where `retry_if = |error| ..` finds that worth it. Then `err` carries
/// [`CallError<E>`](operator::asynchronous::CallError), or
/// [`TimedOut`](operator::asynchronous::TimedOut) where the function gives no `Result`. With
/// `#[node(keep_input)]` it carries a clone of the input along. See
/// [`AsyncCalls`](operator::asynchronous::AsyncCalls) for what each means.
///
/// `#[node(blocking)] fn` is such a node, too: the function is called on a
/// [thread](operator::asynchronous::blocking_map) that may block. `#[node(pure)] async fn` says that the
/// same input always gives the same output, and takes streams of changes; time and diff pass through.
///
/// A node that is not asynchronous works on plain streams, timed streams and streams of changes alike: time and diff
/// pass through.
///
/// Parameters marked `#[param]` configure the node; they are cloned for each call. The name of the
/// function is then a constructor, which `graph!` calls; the body stays callable, for tests, as
/// `name::call(..)`. A node may be generic, have any visibility, and stand in a function's body. Like
/// any item it hides a crate of its name from the paths beside it; those then begin with `::`.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// #[node]
/// fn parse<T: std::str::FromStr>(text: &str) -> Result<T, T::Err> {
///     text.parse()
/// }
///
/// #[node]
/// fn scale(x: f64, #[param] by: f64) -> f64 {
///     x * by
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     texts = from_iter(["1", "2.5", "three"]);
///     numbers = parse::<f64>();
///     texts -> numbers -> scale(2.0) -> scaled;
///     numbers.err -> map(|failed| failed.input) -> rest;
///     scaled = collect();
///     rest = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.scaled, [2.0, 5.0]);
/// assert_eq!(result.rest, ["three"]);
/// assert_eq!(scale::call(3.0, 2.0), 6.0);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(inline)]
pub use streamweave_macros::node;

/// Makes the variants of an enum ports: for [`route`](operator::custom::route).
///
/// A variant has one unnamed field, which its port carries, or none; a port is called as its variant is
/// written. At most 12 variants.
#[doc(inline)]
pub use streamweave_macros::Ports;

/// Wires nodes into a graph: an expression of type [`Graph`].
///
/// ```text
/// graph! := item*
/// item   := NAME (: Type)? = operator(..) ;    a node; NAME is what reports and errors call it
///         | end (-> stage)* -> end ;           a chain of arrows
/// end    := NAME | NAME.port | [ end, .. ]     first in a chain: origins; last: targets
/// stage  := NAME | operator(..)
/// ```
///
/// - Statements stand in any order. A name that starts several arrows fans out (its rows are
///   cloned); `[a, b] -> n` merges, row by row in order of arrival. An input takes one arrow.
/// - An operator is any function whose first parameters are edges: the macro puts the incoming edge
///   before the arguments that are written, so that closures infer. An operator that no arrow enters is a
///   source. A bare name that is no node of the graph is an operator without arguments.
/// - Without a port an arrow starts at `out`. Every port goes somewhere, if only to `discard`.
/// - The expressions are evaluated where the graph stands: they see its variables, and `?` works.
/// - The names of nodes are the graph's own: a node may be called like a variable, a keyword (`r#in`) or
///   a crate in use (`std`, `serde`), and hides none of them.
/// - The result of a run is a struct with one field for each named sink, and its books:
///   `report()` and `assert_conserved()`.
///
/// # Examples
///
/// A diamond, and statements out of order:
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     [halved, tripled] -> both;
///     numbers -> filter(|n| n % 2 == 0) -> map(|n| n / 2) -> halved;
///     numbers -> map(|n| n * 3) -> tripled;
///
///     numbers = from_iter(1..=4);
///     halved  = inspect(|_| ());
///     tripled = inspect(|_| ());
///     both    = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.both, [3, 1, 6, 9, 2, 12]);
/// result.assert_conserved();
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! graph {
    ($($item:tt)*) => {
        $crate::private::graph! { [$crate] $($item)* }
    };
}

/// The programs of the README run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// And those of the guide.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../docs/guide/1-first-graph.md")]
    struct FirstGraph;

    #[doc = include_str!("../../docs/guide/2-nodes.md")]
    struct Nodes;

    #[doc = include_str!("../../docs/guide/3-ports-and-errors.md")]
    struct PortsAndErrors;

    #[doc = include_str!("../../docs/guide/4-testing-a-graph.md")]
    struct TestingAGraph;
}
