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
//! # The guide
//!
//! In `docs/guide` of the repository; its programs are tests. A first graph, nodes, ports and errors, testing a graph; then
//! time, in pictures: watermarks, windows of every kind, late rows; why a window does not fire, and who holds it; joins,
//! and which for what; then rows that come and go: changes, and loops to a fixed point; state that survives, and graphs that are started again. For reference:
//! [windows](operator::window), [watermarks](time::Strategy), [joins](operator::join), [changes](differential),
//! [loops](differential::iterate), [what holds a graph](graph::Explanation::holder).
//!
//! # The order of the modules
//!
//! A datum's way runs down this list; a module uses only those above it.

pub mod time;

pub mod envelope;

pub mod port;

pub mod state;

pub mod operator;

pub mod differential;

pub mod format;

pub mod io;

pub mod source;

pub mod sink;

pub mod checkpoint;

pub mod graph;

pub mod executor;

pub mod supervision;

pub mod testing;

pub mod prelude;

/// Comma-separated values: `csv::read::<Row>(path)`, `csv::write(stdout())`.
#[cfg(feature = "csv")]
pub mod csv {
    pub use crate::sink::csv::{write, write_parts};
    pub use crate::source::csv::read;
}

/// JSON Lines: `jsonl::read::<Row>(path)`, `jsonl::write(path)`.
#[cfg(feature = "json")]
pub mod jsonl {
    pub use crate::sink::jsonl::{write, write_parts};
    pub use crate::source::jsonl::read;
}

/// Lines of text: `lines::read(path)`, `lines::write(stdout())`.
pub mod lines {
    pub use crate::sink::lines::{write, write_parts};
    pub use crate::source::lines::read;
}

/// PostgreSQL: `postgres::write(config, table, columns, values)`, `postgres::upsert(..)`.
#[cfg(feature = "postgres")]
pub mod postgres {
    pub use crate::sink::postgres::{Config, PostgresError, Value, Values, upsert, write};
}

#[doc(hidden)]
pub mod private;

pub use executor::{Graph, Running};
pub use graph::Error;
/// Makes a node of a function, or of a struct and its methods.
///
/// The signature is the shape, decided by the last segment of the return type as it is written:
///
/// | signature | node |
/// |---|---|
/// | `fn(A) -> B` | map |
/// | `fn(A) -> Option<B>` | filter-map |
/// | `fn(A) -> impl Iterator<Item = B>` or `impl IntoIterator` | flat-map (a `Vec<B>` is a value: a map) |
/// | `fn(A) -> Result<B, E>` | port `out` carries `B`, port `err` [`Failed<(), E>`](envelope::Failed) |
/// | `fn(A, &mut Out<B>, &mut Out<C>)` | a port for each [`Out`](operator::custom::Out), named after the parameter |
/// | `fn(A) -> E`, where `E` is an enum with `#[derive(Ports)]` | a map; `{ Variant => .. }` behind it routes by [variant](operator::custom::route) |
/// | `async fn(A) -> B` or `-> Result<B, E>` | the same, asynchronously |
/// | `#[node] impl Type` with methods `on_<port>(&mut self, A, ..)` | an input for each method, state in the fields |
///
/// **Borrowed input.** With `&A` in place of `A` the node takes any `D: Borrow<A>` (`&str` takes `String`), and
/// an `err` port carries the input along, `Failed<D, E>`. `#[node(keep_input)]` does the same for an input by
/// value, which it clones. `#[node(map)]`, `filter_map`, `flat_map` and `try_map` override the shape.
///
/// **Envelope and context.** A node that takes [`Timed<A>`](envelope::Timed) or
/// [`Update<A, T, R>`](envelope::Update) sees its row's time and diff; one that takes `&Cx` or `&Cx<T>`, too, its
/// [context](operator::custom::Cx): time, frontier, clock. What it returns keeps the time and the diff of the row.
///
/// **Parameters** marked `#[param]` configure the node; they are cloned for each call. The name of the
/// function is then a constructor, which `graph!` calls; the body stays callable, for tests, as
/// `name::call(..)`. A node may be generic, have any visibility, and stand in a function's body.
///
/// **Asynchronous nodes** have at most 64 calls in flight, or `#[node(in_flight = 8)]`; results come in the order
/// of the rows, or with `unordered` as the calls end, never across a frontier. `timeout = 2.secs()` gives a call
/// up, `retry = Retry::times(3).backoff(100.millis())` makes one again, `breaker = CircuitBreaker::after(5)` makes none for a while, `blocking` calls a plain `fn` on a thread that may
/// block. They take streams without diffs, unless they are `pure` (the same input always gives the same output), and
/// their calls have to be `Send`.
///
/// **State.** `#[node] impl Type` makes a node of a struct. Each method `on_<port>(&mut self, row, ..)` is an input of that
/// name, at which arrows end: `clicks -> joined.clicks`. What is sent to `&mut Out<B>` parameters goes out of the ports of
/// their names. `on_frontier(&mut self, ..)` is called when the least frontier of the inputs has moved, and
/// `on_timer(&mut self, at, ..)` when it has passed a time that was [set](operator::custom::Cx::set_timer);
/// `on_alarm(&mut self, at: ProcessingTime, ..)` when the clock has come to a time that was
/// [set](operator::custom::Cx::set_alarm), whether rows come or not, and not at the end. Where there is a
/// `fn new(..) -> Self` its parameters are those of the node, `joined = Joined(10);`, else a value is:
/// `joined = Joined(state);`. It takes streams without diffs.
///
/// A synchronous node without state works on plain streams, timed streams and streams of changes alike: time and diff
/// pass through.
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

/// Makes a struct the state of a node that survives: see [`state::State`].
///
/// The fields that say `#[state]` are kept under their names; `#[state(was = "old")]` finds what was kept under another one.
#[doc(inline)]
pub use streamweave_macros::State;

/// Wires nodes into a graph: an expression of type [`Graph`].
///
/// ```text
/// graph!    := #![on_error = policy]? item*
///            | visibility graph NAME <generics>? ( port: Type, .. ; param: Type, .. )? -> ( port: Type, .. )? where? { .. }
/// item      := attribute* NAME (: Type)? = operator(..) ;    a node; NAME is what reports and errors call it
///            | attribute* end (-> stage)* -> end ;           a chain of arrows
/// end       := NAME | NAME.port | [ end, .. ]                first in a chain: origins; last: targets
/// stage     := NAME | NAME.port | operator(..) | { Variant => stage (-> stage)*, .. }
/// attribute := #[name = ".."] | #[on_error(policy)]          on a node
///            | #[cap(rows, block | drop_newest | drop_oldest | conflate)]   on a chain of one arrow
///            | #[feedback(rows, drop_newest | drop_oldest | conflate)]      on an arrow that goes back
/// ```
///
/// - Statements stand in any order. A name that starts several arrows fans out (its rows are
///   cloned); `[a, b] -> n` merges, row by row in order of arrival. An input takes one arrow.
/// - An operator is any function whose first parameters are edges: the macro puts the incoming edge
///   before the arguments that are written, so that closures infer. An operator that no arrow enters is a
///   source. A bare name that is no node of the graph is an operator without arguments.
/// - Without a port an arrow starts at `out`. Every port goes somewhere, if only to `discard`; an `err` port may
///   follow a [policy](sink::on_error) instead, its node's or the graph's.
/// - A node with several inputs names them: `clicks -> joined.left;`. `{ Variant => .. }` sends each row on by its
///   [variant](operator::custom::route).
/// - The expressions are evaluated where the graph stands: they see its variables, and `?` works.
/// - The result of a run is a struct with one field for each named sink, and its books:
///   `report()` and `assert_conserved()`.
/// - `#[cap(..)]` lets rows wait in an arrow, or drop, so that what stands before it need not wait for what stands behind.
/// - `#[feedback(..)]` lets an arrow go back, so that rows go round in a circle; see below.
///
/// # Circles
///
/// An arrow may close a circle where `#[feedback(rows, policy)]` says how many rows may wait to go round, and which are dropped
/// where there are more (the books count them at the node `to.feedback`); there is no default, and none may `block`, which would be
/// for ever. It ends where another arrow ends already, and is merged with that one; what goes round goes first. With room for as many
/// rows as calls are in flight in the circle, and one, a retry drops none. The frontier waits for what is in the circle, so a row
/// that comes out after many rounds is not late; and so does the end, which `drain` waits for, too. What a node gives
/// up at its end, a last [`batch`](operator::sequence::batch) say, goes round no more and counts as late. Rows that come into
/// the circle elsewhere hold its end, but not its frontier. (For loops to a fixed point there is `iterate`.)
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     rows   = from_iter([(1, "a"), (3, "b"), (0, "c")]);
///     tried  = async_try_map(|(fails, name)| async move { if fails == 0 { Ok(name) } else { Err((fails - 1, name)) } }).in_flight(4);
///     failed = map(|failed| failed.error);
///     rows -> tried -> done;
///     tried.err -> failed;
///     #[feedback(5, drop_oldest)]
///     failed -> tried;
///     done = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.done.len(), 3);
/// result.assert_conserved();
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Graphs with a name
///
/// With a signature a graph is an item. Its ports are the ends of its arrows; a port carries plain values, or with
/// [`Timed<A>`](envelope::Timed) and [`Update<A, T, R>`](envelope::Update) times and diffs. It stands at a node of
/// another graph like an operator; [`name::open(..)`](executor::Sender) gives it with channels at its ports, to be driven by
/// hand, and [`name::harness(..)`](testing::Harness) puts it under test.
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     /// Lines that are numbers, and those that are not.
///     graph numbers(lines: String) -> (good: f64, bad: String) {
///         parsed = try_map(|line: String| line.trim().parse::<f64>().map_err(|_| line));
///         lines -> parsed -> good;
///         parsed.err -> map(|failed| failed.error) -> bad;
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     lines  = from_iter(["1.5", "two"].map(str::to_owned));
///     parsed = numbers();
///     lines -> parsed;
///     parsed.good -> running_sum() -> total;
///     parsed.bad -> rest;
///     total = last();
///     rest = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.total, Some(1.5));
/// assert_eq!(result.rest, ["two"]);
///
/// let (graph, inputs, mut outputs) = numbers::open();
/// let running = graph.spawn();
/// inputs.lines.send("2".to_owned()).await.expect("it runs");
/// assert_eq!(outputs.good.recv().await, Some(2.0));
/// # drop(running);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

    #[doc = include_str!("../../docs/guide/5-time.md")]
    struct Time;

    #[doc = include_str!("../../docs/guide/6-why-does-my-window-not-fire.md")]
    struct WhyDoesMyWindowNotFire;

    #[doc = include_str!("../../docs/guide/7-joins.md")]
    struct Joins;

    #[doc = include_str!("../../docs/guide/8-changes.md")]
    struct Changes;

    #[doc = include_str!("../../docs/guide/9-loops.md")]
    struct Loops;

    #[doc = include_str!("../../docs/guide/10-state-that-survives.md")]
    struct StateThatSurvives;

    #[doc = include_str!("../../docs/guide/11-when-a-graph-fails.md")]
    struct WhenAGraphFails;
}
