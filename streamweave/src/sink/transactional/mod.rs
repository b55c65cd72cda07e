//! Sinks of one's own that commit.
//!
//! # The states of a transaction
//!
//! | state | what it holds | who moves on | a crash here leaves |
//! |---|---|---|---|
//! | none | nothing: no row has come since the last cut | the first row begins one | nothing to be undone |
//! | open | the rows since the last cut | the cut of the next checkpoint ends it | rows that nobody sees; [`abort_unknown`](TransactionalSink::abort_unknown) undoes them, and they come again |
//! | pre-committed | the rows between two cuts, durable and not seen | the manifest of its checkpoint is durable | the same, for the checkpoint does not know it |
//! | pending | the same, and the checkpoint holds its [`Transaction`](TransactionalSink::Transaction) | [`commit`](TransactionalSink::commit) | the transaction in the checkpoint: the restart commits it before the first row |
//! | committed | rows that all may see | nobody | the same: it is perhaps committed again, which changes nothing |
//!
//! A checkpoint that fails behind the pre-commit leaves its transaction pre-committed. The next cut comes without a commit in between;
//! its checkpoint holds both transactions, and both are committed once it is durable, the older one first.
//!
//! Transactions are numbered from 1. A number belongs to one transaction, but for those that a crash took back: they are aborted
//! before their numbers come again.

mod operator;

use std::error::Error;
use std::future::Future;

use crate::state::Storable;

pub use operator::{ToSink, to_sink};

/// What can be written to in transactions: rows that are seen all together, once the checkpoint that counts them is durable.
///
/// # Contract
///
/// 1. Calls come one at a time, and each is polled to its end. [`abort_unknown`](TransactionalSink::abort_unknown) is the first;
///    [`begin`](TransactionalSink::begin), [`write`](TransactionalSink::write) and [`pre_commit`](TransactionalSink::pre_commit) follow
///    one another, each transaction with at least one row; [`commit`](TransactionalSink::commit) of an older one may come between them.
/// 2. What was written is not seen before its commit has begun, and survives a crash of the process once `pre_commit` has returned.
/// 3. `commit` may come again, for the same transaction and from another process: then it changes nothing. One that was asked for comes
///    until it has succeeded, in this run or in one that is restarted (rule H7).
/// 4. Calls do not block: they run on the graph's worker, which goes on with other things while they wait. Nothing in them may depend on
///    being polled for its progress outside.
///
/// # Examples
///
/// A store in memory, as if it were far away:
///
/// ```
/// use std::convert::Infallible;
/// use std::sync::{Arc, Mutex};
///
/// use streamweave::prelude::*;
/// use streamweave::lines;
/// use streamweave::sink::{Known, TransactionalSink};
///
/// /// What others see, and the number of the transaction that it came with last.
/// type Store = Arc<Mutex<(Vec<i64>, u64)>>;
///
/// struct Staged {
///     store: Store,
///     number: u64,
///     rows: Vec<i64>,
/// }
///
/// impl TransactionalSink for Staged {
///     type Row = i64;
///     type Transaction = (u64, Vec<i64>);
///     type Error = Infallible;
///
///     async fn abort_unknown(&mut self, known: Known<'_, (u64, Vec<i64>)>) -> Result<u64, Infallible> {
///         // Nothing is outside before it is committed.
///         let (_, last) = &mut *self.store.lock().expect("nobody panics with it");
///         if known.is_new {
///             *last = 0;
///         }
///         Ok(*last)
///     }
///
///     async fn begin(&mut self, number: u64) -> Result<(), Infallible> {
///         self.number = number;
///         Ok(())
///     }
///
///     async fn write(&mut self, rows: Vec<i64>) -> Result<(), Infallible> {
///         self.rows.extend(rows);
///         Ok(())
///     }
///
///     async fn pre_commit(&mut self) -> Result<(u64, Vec<i64>), Infallible> {
///         Ok((self.number, std::mem::take(&mut self.rows)))
///     }
///
///     async fn commit(&mut self, (number, rows): &(u64, Vec<i64>)) -> Result<(), Infallible> {
///         let (seen, last) = &mut *self.store.lock().expect("nobody panics with it");
///         if number > last {
///             seen.extend(rows);
///             *last = *number;
///         }
///         Ok(())
///     }
/// }
///
/// # let directory = std::env::temp_dir().join(format!("streamweave-to-sink-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # std::fs::write(directory.join("numbers.txt"), "1\n2\n3\n")?;
/// # let numbers = directory.join("numbers.txt");
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let store = Store::default();
/// let staged = Staged { store: store.clone(), number: 0, rows: Vec::new() };
/// let result = graph! {
///     #![durable = exactly_once]
///     #![on_error = stop]
///     numbers = lines::read(&numbers);
///     numbers -> try_map(|line: String| line.parse::<i64>()) -> stored;
///     stored = to_sink(staged);
/// }
/// .checkpoints(Checkpoints::in_directory(directory.join("state")))
/// .run()
/// .await?;
/// assert_eq!(result.stored, 3);
/// assert_eq!(store.lock().expect("nobody panics with it").0, [1, 2, 3]);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait TransactionalSink: Send + 'static {
    /// What is written.
    type Row: Send + 'static;
    /// By what a transaction is found again to be committed, from another process if need be. It is kept in the checkpoint; a sink
    /// that has nowhere to stage rows may keep the rows themselves in it.
    type Transaction: Storable + Send + Sync + 'static;
    /// Why it cannot go on.
    type Error: Error + Send + Sync + 'static;

    /// Undoes what a run that is no more has left and that is not [known](Known): transactions that were open or pre-committed. Comes
    /// once, before everything else, and where the graph begins anew, too.
    ///
    /// Gives the number of the last transaction that all may see, 0 where there is none. One that is not known was committed behind
    /// the checkpoint: that is an older one than the last, by [`from_savepoint`](crate::checkpoint::Checkpoints::from_savepoint) or
    /// because a newer one was damaged, and its rows will come again. A sink that can take such a transaction back does so here, and gives
    /// the number of the last one that is left; otherwise the run ends with [`Ahead`], before the first row. A sink whose commits put their
    /// number beside their rows knows it from there. It is not looked at where the graph begins anew: then numbers begin anew, too.
    ///
    /// # Errors
    ///
    /// The run ends with it, before the first row.
    fn abort_unknown(
        &mut self,
        known: Known<'_, Self::Transaction>,
    ) -> impl Future<Output = Result<u64, Self::Error>> + Send;

    /// Begins the transaction of this number; a row follows.
    ///
    /// # Errors
    ///
    /// The run ends with it.
    fn begin(&mut self, number: u64) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Writes rows into the transaction that is open.
    ///
    /// # Errors
    ///
    /// The run ends with it.
    fn write(&mut self, rows: Vec<Self::Row>) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Ends the transaction that is open: it can be committed, whatever becomes of this process.
    ///
    /// # Errors
    ///
    /// The run ends with it, and with it the checkpoint.
    fn pre_commit(&mut self) -> impl Future<Output = Result<Self::Transaction, Self::Error>> + Send;

    /// Lets everybody see what is in a transaction, unless they do already.
    ///
    /// # Errors
    ///
    /// It is tried again where the error [is transient](TransactionalSink::is_transient), as often as the
    /// [retry](crate::operator::Node::commit_retry) says; then the run ends with it, and a restart commits it.
    fn commit(
        &mut self,
        transaction: &Self::Transaction,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether a commit that failed in this way may succeed later. If nothing is said it always may.
    fn is_transient(_error: &Self::Error) -> bool {
        true
    }
}

/// A sink holds transactions that the checkpoint does not know: an older one was restored than the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the transactions up to {committed} are committed, and the checkpoint knows those up to {known} only: their rows would come again; \
     restore the last checkpoint, or let the sink take them back"
)]
pub struct Ahead {
    /// The last transaction that was committed.
    pub committed: u64,
    /// The last transaction that the checkpoint knows.
    pub known: u64,
}

/// What a graph knows of its transactions when it starts.
#[derive(Debug)]
pub struct Known<'a, X> {
    /// Whether the graph begins anew, without a checkpoint that knows this sink: then nothing that was ever written is its own.
    pub is_new: bool,
    /// The number of the next transaction. What has this number or a higher one was taken back.
    pub next: u64,
    /// Those that will be committed now, the oldest first: perhaps they were already.
    pub pending: &'a [X],
}
