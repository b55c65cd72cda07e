//! Rows into tables of PostgreSQL.
//!
//! [`write`](write()) inserts each row once: the rows between two checkpoints are kept in the checkpoint, and once it is durable they are
//! inserted in one transaction of the database, together with the number of the transaction. [`upsert`] writes rows under a key, again perhaps,
//! and keeps no books.
//!
//! # Who knows what
//!
//! | moment | checkpoint | table `streamweave_commits` | a crash here |
//! |---|---|---|---|
//! | rows come | transactions up to n | n | they come again |
//! | the checkpoint is durable | up to n + 1, with its rows | n | the restart inserts them |
//! | the database has committed | up to n + 1, with its rows | n + 1 | the restart finds n + 1 and inserts nothing |
//!
//! The row of the table that holds the number is locked by whoever commits: of a process that was killed in the middle of it the
//! transaction is either done, or undone, before another one looks.
//!
//! Connections go over TCP or a Unix socket, without TLS as yet. They need a tokio runtime with input and output enabled.

mod connection;
mod upsert;
mod values;

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use self::connection::{Connection, copy, is_transient, list, quoted};
use self::values::encode;
use super::transactional::{Known, ToSink, TransactionalSink};
use crate::operator::IntoNode;
use crate::operator::asynchronous::Retry;
use crate::port::{Edge, NoPorts};

pub use tokio_postgres::Config;

pub use self::upsert::{PostgresUpsert, Upserts, upsert};
pub use self::values::{Value, Values};

/// Where it is written which transactions are in the tables.
const COMMITS: &str =
    "CREATE TABLE IF NOT EXISTS streamweave_commits (sink text PRIMARY KEY, number bigint NOT NULL)";

/// Why rows could not be written to a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The database refused, or could not be reached.
    #[error("cannot {action}")]
    Database {
        /// What was to be done.
        action: &'static str,
        /// Why it could not be.
        source: tokio_postgres::Error,
    },
    /// A row has too few values, or too many.
    #[error("expected a value for each of {expected} columns, found {found}")]
    Columns {
        /// How many columns there are.
        expected: usize,
        /// How many values were given.
        found: usize,
    },
    /// PostgreSQL has no texts with a NUL in them.
    #[error("a text has a NUL in it, which PostgreSQL cannot hold")]
    Nul,
    /// The table holds rows that the checkpoint does not know: an older one was restored than the last.
    #[error(
        "the table holds the transactions of `{sink}` up to {committed}, and the checkpoint knows those up to {known} only: what is in the \
         table is not taken back; restore the last checkpoint, or begin anew with an empty table and an empty state"
    )]
    Ahead {
        /// The name of the sink.
        sink: String,
        /// The last transaction in the table.
        committed: u64,
        /// The last transaction in the checkpoint.
        known: u64,
    },
    /// The table lacks rows that were committed: it is another one, or an older state of it.
    #[error(
        "the table holds the transactions of `{sink}` up to {committed}, and all up to {known} were committed: it is another table, or an \
         older state of it"
    )]
    Behind {
        /// The name of the sink.
        sink: String,
        /// The last transaction in the table.
        committed: u64,
        /// The last transaction that was committed.
        known: u64,
    },
    /// The graph runs outside of tokio.
    #[error(
        "a connection to PostgreSQL needs a tokio runtime: run the graph in one, with input and output enabled"
    )]
    NoRuntime,
}

impl PostgresError {
    fn during(action: &'static str) -> impl FnOnce(tokio_postgres::Error) -> PostgresError {
        move |source| PostgresError::Database { action, source }
    }

    fn is_transient(&self) -> bool {
        matches!(self, PostgresError::Database { source, .. } if is_transient(source))
    }
}

/// Inserts each row into a table, once; yields the number of rows.
///
/// `values` gives the values of a row, one for each of the columns, in their order. Names are those of the catalogue, case included;
/// `schema.table` is a table in a schema. The table has to be there, but for [`prepared_by`](PostgresWrite::prepared_by).
///
/// In a graph that keeps its state the rows between two checkpoints are a part of the second one, so it is as large as they are, and are
/// inserted in one transaction once it is durable. A table `streamweave_commits`, which is created where it is not there, holds the number of
/// the last transaction of each sink. Where the graph keeps no state rows are inserted whenever no input is at hand, at the latest
/// after 32 batches.
///
/// A commit that fails because the server is not there, or is busy, is tried again on another connection, see
/// [`commit_retry`](PostgresWrite::commit_retry).
///
/// # Errors
///
/// The run ends where the database cannot be reached at the start, where a row has other values than there are columns, where the
/// database refuses a row, and where the table and the checkpoint do not go together.
///
/// # Examples
///
/// ```no_run
/// use streamweave::postgres;
/// use streamweave::prelude::*;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let config: postgres::Config = "postgres://me@localhost/words".parse()?;
/// graph! {
///     words = from_iter(["warp", "weft"]);
///     words -> lengths;
///     lengths = postgres::write(config, "lengths", ["word", "length"], |word, values| {
///         values.push(word).push(word.len());
///     });
/// }
/// .run()
/// .await?;
/// # Ok(()) }
/// ```
pub fn write<D, T, F>(
    _input: Edge<D, T>,
    config: Config,
    table: impl Into<String>,
    columns: impl IntoIterator<Item = impl Into<String>>,
    values: F,
) -> PostgresWrite<D, F>
where
    F: FnMut(&D, &mut Values<'_>) + Send + 'static,
{
    let table = table.into();
    let columns = columns.into_iter().map(Into::into).collect();
    let inserts = Inserts {
        connection: Connection::new(config, String::new()),
        name: table.clone(),
        table,
        columns,
        prepare: String::new(),
        is_emptied: false,
        number: 0,
        rows: String::new(),
        values,
        row: PhantomData,
    };
    PostgresWrite { inserts, retry: None }
}

/// A sink that inserts before it is placed; see [`write`](write()).
#[derive(Debug)]
pub struct PostgresWrite<D, F> {
    inserts: Inserts<D, F>,
    retry: Option<Retry>,
}

impl<D, F> PostgresWrite<D, F> {
    /// Keeps the books under this name; the table's, if nothing is said. Two sinks of one database need two names.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.inserts.name = name.into();
        self
    }

    /// Runs these statements before the first row, whenever the graph is started: `CREATE TABLE IF NOT EXISTS ..`.
    #[must_use]
    pub fn prepared_by(mut self, statements: impl Into<String>) -> Self {
        self.inserts.prepare = statements.into();
        self
    }

    /// Empties the table where the graph begins anew, without a checkpoint. If nothing is said rows go beside those that are there.
    #[must_use]
    pub fn emptied(mut self) -> Self {
        self.inserts.is_emptied = true;
        self
    }

    /// Tries a commit that failed in passing again, so often and after so long: see [`to_sink`](super::to_sink).
    #[must_use]
    pub fn commit_retry(self, retry: Retry) -> Self {
        PostgresWrite { retry: Some(retry), ..self }
    }
}

impl<D, F, W> IntoNode<W> for PostgresWrite<D, F>
where
    D: Send + 'static,
    F: FnMut(&D, &mut Values<'_>) + Send + 'static,
{
    type Operator = ToSink<Inserts<D, F>>;
    type Ports = NoPorts;

    fn into_node(self, _edge: W) -> (Self::Operator, NoPorts) {
        let sink = ToSink::new(self.inserts);
        (if let Some(retry) = self.retry { sink.retrying(retry) } else { sink }, NoPorts)
    }
}

/// Inserts the rows of a transaction together with its number.
pub struct Inserts<D, F> {
    connection: Connection,
    name: String,
    table: String,
    columns: Vec<String>,
    prepare: String,
    is_emptied: bool,
    number: u64,
    rows: String,
    values: F,
    row: PhantomData<fn(D)>,
}

impl<D, F> fmt::Debug for Inserts<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inserts")
            .field("table", &self.table)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Rows that are to be inserted, as `COPY` takes them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Staged {
    number: u64,
    rows: String,
}

impl<D, F> Inserts<D, F> {
    /// Finds out which transactions are in the table, and whether they are those that the graph knows; gives the last.
    async fn open(&mut self, client: &mut Client, known: &Known<'_, Staged>) -> Result<u64, PostgresError> {
        let failed = || PostgresError::during("open the table");
        let transaction = client.transaction().await.map_err(failed())?;
        transaction.batch_execute(COMMITS).await.map_err(failed())?;
        transaction.batch_execute(&self.prepare).await.map_err(failed())?;
        let last = if known.is_new {
            if self.is_emptied {
                let empty = format!("TRUNCATE {}", quoted(&self.table));
                transaction.batch_execute(&empty).await.map_err(failed())?;
            }
            let begin =
                "INSERT INTO streamweave_commits VALUES ($1, 0) ON CONFLICT (sink) DO UPDATE SET number = 0";
            transaction.execute(begin, &[&self.name]).await.map_err(failed())?;
            0
        } else {
            let committed = committed(&transaction, &self.name).await.map_err(failed())?;
            self.check(committed, known)?;
            committed
        };
        transaction.commit().await.map_err(failed())?;
        Ok(last)
    }

    fn check(&self, committed: u64, known: &Known<'_, Staged>) -> Result<(), PostgresError> {
        let sink = self.name.clone();
        let last = known.next - 1;
        let first = known.pending.first().map_or(last, |pending| pending.number - 1);
        match committed {
            committed if committed > last => Err(PostgresError::Ahead { sink, committed, known: last }),
            committed if committed < first => Err(PostgresError::Behind { sink, committed, known: first }),
            _ => Ok(()),
        }
    }

    async fn insert(&mut self, client: &mut Client, staged: &Staged) -> Result<(), PostgresError> {
        let failed = || PostgresError::during("insert rows");
        let transaction = client.transaction().await.map_err(failed())?;
        if committed(&transaction, &self.name).await.map_err(failed())? >= staged.number {
            return Ok(());
        }
        let into = format!("{} ({})", quoted(&self.table), list(&self.columns));
        copy(&transaction, &into, staged.rows.clone()).await.map_err(failed())?;
        let number = i64::try_from(staged.number).expect("fewer transactions than that");
        let note =
            "INSERT INTO streamweave_commits VALUES ($1, $2) ON CONFLICT (sink) DO UPDATE SET number = $2";
        transaction.execute(note, &[&self.name, &number]).await.map_err(failed())?;
        transaction.commit().await.map_err(failed())
    }
}

/// The last transaction of a sink that is in its table; nobody else commits one until this transaction is over.
async fn committed(
    transaction: &tokio_postgres::Transaction<'_>,
    sink: &str,
) -> Result<u64, tokio_postgres::Error> {
    let ask = "SELECT number FROM streamweave_commits WHERE sink = $1 FOR UPDATE";
    let found = transaction.query_opt(ask, &[&sink]).await?;
    Ok(found.map_or(0, |row| u64::try_from(row.get::<_, i64>(0)).unwrap_or(0)))
}

impl<D, F> TransactionalSink for Inserts<D, F>
where
    D: Send + 'static,
    F: FnMut(&D, &mut Values<'_>) + Send + 'static,
{
    type Row = D;
    type Transaction = Staged;
    type Error = PostgresError;

    async fn abort_unknown(&mut self, known: Known<'_, Staged>) -> Result<u64, PostgresError> {
        let mut client = self.connection.take().await?;
        let last = self.open(&mut client, &known).await?;
        self.connection.put_back(client);
        Ok(last)
    }

    async fn begin(&mut self, number: u64) -> Result<(), PostgresError> {
        self.number = number;
        Ok(())
    }

    async fn write(&mut self, rows: Vec<D>) -> Result<(), PostgresError> {
        for row in &rows {
            encode(row, self.columns.len(), &mut self.values, &mut self.rows)?;
        }
        Ok(())
    }

    async fn pre_commit(&mut self) -> Result<Staged, PostgresError> {
        Ok(Staged { number: self.number, rows: std::mem::take(&mut self.rows) })
    }

    async fn commit(&mut self, staged: &Staged) -> Result<(), PostgresError> {
        let mut client = self.connection.take().await?;
        self.insert(&mut client, staged).await?;
        self.connection.put_back(client);
        Ok(())
    }

    fn is_transient(error: &PostgresError) -> bool {
        error.is_transient()
    }
}
