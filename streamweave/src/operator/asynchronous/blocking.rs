//! Functions that block, on threads that may.

use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::calls::{AsyncCalls, Call};
use crate::operator::blame::{Carried, carried};
use crate::operator::element::ResultLike;
use crate::operator::{Gives, GivesOrFails};
use crate::port::Edge;

/// Calls a function that blocks, for each row, on the blocking threads of tokio.
///
/// For what waits without `await` or computes for long: file systems, drivers, compression. All of
/// [`AsyncCalls`] holds: results come in the order of the rows, and at most
/// [`in_flight`](AsyncCalls::in_flight) calls are under way. The function is shared by the threads that
/// are at it.
///
/// A thread cannot be stopped: a call that took longer than its [`timeout`](AsyncCalls::timeout), or
/// whose graph was aborted, goes on to its end, and what it gives is dropped; then more threads can be at
/// work than calls are in flight. A call that no thread has begun is not made any more.
///
/// Outside a tokio runtime, such as under [`testing::run`](crate::testing::run), there are no such
/// threads: the call is made at once, and everything else waits for it.
///
/// # Panics
///
/// A panic of the function is one of the node, and ends the graph (rule K1).
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// fn digits_of_factorial(n: u64) -> usize {
///     (1..=n).map(|i| (i as f64).log10()).sum::<f64>() as usize + 1
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     numbers = from_iter([3, 100_000, 10]);
///     numbers -> blocking_map(digits_of_factorial).in_flight(2) -> digits;
///     digits = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.digits, [1, 456_574, 7]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn blocking_map<D, T, B, F>(
    _input: Edge<D, T>,
    f: F,
) -> AsyncCalls<D, impl Call<D, Output = B, Future = BlockingCall<B>>, Gives<B>>
where
    D: Send + 'static,
    B: Send + 'static,
    F: Fn(D) -> B + Send + Sync + 'static,
{
    AsyncCalls::new(blocking(f), Gives::new())
}

/// As [`blocking_map`], for a function that can fail: what it gives goes to `out`, why it failed to `err`.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     paths = from_iter(["/", "/there/is/no/such/path"]);
///     sizes = blocking_try_map(std::fs::metadata::<&str>).keep_input();
///     paths -> sizes -> map(|metadata| metadata.is_dir()) -> found;
///     sizes.err -> map(|failed| failed.input) -> missing;
///     found = collect();
///     missing = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.found, [true]);
/// assert_eq!(result.missing, ["/there/is/no/such/path"]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn blocking_try_map<D, T, Q, F>(
    _input: Edge<D, T>,
    f: F,
) -> AsyncCalls<D, impl Call<D, Output = Q, Future = BlockingCall<Q>>, GivesOrFails<Q::Ok, Q::Err>>
where
    D: Send + 'static,
    Q: ResultLike + Send + 'static,
    F: Fn(D) -> Q + Send + Sync + 'static,
{
    AsyncCalls::new(blocking(f), GivesOrFails::new())
}

/// Makes calls of a function that blocks.
pub fn blocking<A, B, F>(f: F) -> impl Call<A, Output = B, Future = BlockingCall<B>>
where
    A: Send + 'static,
    B: Send + 'static,
    F: Fn(A) -> B + Send + Sync + 'static,
{
    let f = Arc::new(f);
    move |row| match Handle::try_current() {
        Ok(tokio) => {
            let f = Arc::clone(&f);
            BlockingCall(Made::Elsewhere(tokio.spawn_blocking(move || carried(|| f(row)))))
        }
        Err(_) => BlockingCall(Made::Here(Some(f(row)))),
    }
}

/// A call of a function that blocks.
#[derive(Debug)]
pub struct BlockingCall<B>(Made<B>);

#[derive(Debug)]
enum Made<B> {
    /// On a thread of its own.
    Elsewhere(JoinHandle<Result<B, Carried>>),
    /// On the spot; what it gave, until that is taken.
    Here(Option<B>),
}

// What a call gave is never pinned.
impl<B> Unpin for BlockingCall<B> {}

impl<B> Future for BlockingCall<B> {
    type Output = B;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<B> {
        let joined = match &mut self.0 {
            Made::Elsewhere(thread) => ready!(Pin::new(thread).poll(context)),
            Made::Here(made) => return Poll::Ready(made.take().expect("a call ends once")),
        };
        match joined {
            Ok(Ok(output)) => Poll::Ready(output),
            Ok(Err(panic)) => panic.resume(),
            Err(error) => match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                Err(_) => panic!("the tokio runtime was shut down before the call had begun"),
            },
        }
    }
}

impl<B> Drop for BlockingCall<B> {
    fn drop(&mut self) {
        if let Made::Elsewhere(thread) = &self.0 {
            // Helps only where no thread has begun it.
            thread.abort();
        }
    }
}
