//! Rows under keys, written again where they come again.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use tokio_postgres::{Client, Config};

use super::PostgresError;
use super::connection::{Connection, copy, list, quoted};
use super::values::{Values, encode};
use crate::operator::IntoNode;
use crate::operator::asynchronous::Retry;
use crate::port::{Edge, NoPorts};
use crate::sink::idempotent::{IdempotentSink, ToIdempotentSink};

/// Where rows wait to be merged into the table: one for each connection.
const STAGED: &str = "streamweave_staged";

/// Writes each row under its key: it is inserted, or takes the place of the one that is there; yields the number of rows written.
///
/// The `key` is columns among the `columns` over which the table has a primary key or a unique index; which rows have the same
/// key has to follow from the text of their values. The rest is as with [`write`](super::write()), but that rows are seen as soon as they are written
/// and that nothing else is created in the database. After a crash the rows since the last checkpoint are written again, with the same end:
/// in between an older row may stand where there was a newer one.
///
/// A call that fails because the server is not there, or is busy, is made again on another connection, see
/// [`write_retry`](PostgresUpsert::write_retry).
///
/// # Errors
///
/// As [`write`](super::write()).
pub fn upsert<D, T, F>(
    _input: Edge<D, T>,
    config: Config,
    table: impl Into<String>,
    columns: impl IntoIterator<Item = impl Into<String>>,
    key: impl IntoIterator<Item = impl Into<String>>,
    values: F,
) -> PostgresUpsert<D, F>
where
    F: FnMut(&D, &mut Values<'_>) + Send + 'static,
{
    let table = quoted(&table.into());
    let columns: Vec<String> = columns.into_iter().map(Into::into).collect();
    let key: Vec<String> = key.into_iter().map(Into::into).collect();
    let names = list(&columns);
    let prepare = format!(
        "CREATE TEMPORARY TABLE {STAGED} ON COMMIT DELETE ROWS AS SELECT {names} FROM {table} WITH NO DATA"
    );
    let rest = columns.iter().filter(|column| !key.contains(column));
    let set: Vec<String> = rest.map(|column| format!("{0} = EXCLUDED.{0}", quoted(column))).collect();
    let conflict =
        if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) };
    let merge = format!(
        "INSERT INTO {table} ({names}) SELECT {names} FROM {STAGED} ON CONFLICT ({}) DO {conflict}",
        list(&key)
    );
    let upserts = Upserts {
        connection: Connection::new(config, prepare),
        key: key.iter().filter_map(|name| columns.iter().position(|column| column == name)).collect(),
        columns: columns.len(),
        merge,
        values,
        row: PhantomData,
    };
    PostgresUpsert { upserts, retry: None }
}

/// A sink that upserts before it is placed; see [`upsert`].
#[derive(Debug)]
pub struct PostgresUpsert<D, F> {
    upserts: Upserts<D, F>,
    retry: Option<Retry>,
}

impl<D, F> PostgresUpsert<D, F> {
    /// Makes a call that failed in passing again, so often and after so long: see [`to_idempotent_sink`](crate::sink::to_idempotent_sink).
    #[must_use]
    pub fn write_retry(self, retry: Retry) -> Self {
        PostgresUpsert { retry: Some(retry), ..self }
    }
}

impl<D, F, W> IntoNode<W> for PostgresUpsert<D, F>
where
    D: Send + 'static,
    F: FnMut(&D, &mut Values<'_>) + Send + 'static,
{
    type Operator = ToIdempotentSink<Upserts<D, F>, fn(&D)>;
    type Ports = NoPorts;

    fn into_node(self, _edge: W) -> (Self::Operator, NoPorts) {
        // The key is among the values.
        let sink = ToIdempotentSink::new((|_| ()) as fn(&D), self.upserts);
        (if let Some(retry) = self.retry { sink.retrying(retry) } else { sink }, NoPorts)
    }
}

/// Writes rows under their keys.
pub struct Upserts<D, F> {
    connection: Connection,
    /// Which of the columns are the key.
    key: Vec<usize>,
    columns: usize,
    merge: String,
    values: F,
    row: PhantomData<fn(D)>,
}

impl<D, F> fmt::Debug for Upserts<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upserts").field("merge", &self.merge).finish_non_exhaustive()
    }
}

impl<D, F: FnMut(&D, &mut Values<'_>)> Upserts<D, F> {
    /// The rows as `COPY` takes them, of each key the last alone: one statement changes a row of a table once.
    fn encode(&mut self, rows: &[((), D)]) -> Result<String, PostgresError> {
        let mut text = String::new();
        let mut last = HashMap::with_capacity(rows.len());
        for (at, ((), row)) in rows.iter().enumerate() {
            let (begin, ends) = encode(row, self.columns, &mut self.values, &mut text)?;
            let value = |column: usize| {
                let begin = if column == 0 { begin } else { ends[column - 1] + 1 };
                text[begin..ends[column]].to_owned()
            };
            let key: Vec<String> = self.key.iter().map(|&column| value(column)).collect();
            last.insert(key, (at, begin..text.len()));
        }
        let mut kept: Vec<_> = last.into_values().collect();
        kept.sort_unstable_by_key(|(at, _)| *at);
        Ok(kept.into_iter().map(|(_, row)| &text[row]).collect())
    }

    async fn merge(&mut self, client: &mut Client, rows: String) -> Result<(), tokio_postgres::Error> {
        let transaction = client.transaction().await?;
        copy(&transaction, STAGED, rows).await?;
        transaction.execute(&self.merge, &[]).await?;
        transaction.commit().await
    }
}

impl<D, F> IdempotentSink for Upserts<D, F>
where
    D: Send + 'static,
    F: FnMut(&D, &mut Values<'_>) + Send + 'static,
{
    type Id = ();
    type Row = D;
    type Error = PostgresError;

    fn upsert(&mut self, rows: &[((), D)]) -> impl Future<Output = Result<(), PostgresError>> + Send {
        let encoded = self.encode(rows);
        async move {
            let rows = encoded?;
            let mut client = self.connection.take().await?;
            self.merge(&mut client, rows).await.map_err(PostgresError::during("write rows"))?;
            self.connection.put_back(client);
            Ok(())
        }
    }

    fn is_transient(error: &PostgresError) -> bool {
        error.is_transient()
    }
}
