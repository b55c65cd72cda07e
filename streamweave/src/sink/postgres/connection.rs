//! A connection that is made when it is needed, and made again once it is lost.

use std::error::Error;
use std::io::{self, Cursor};

use futures::SinkExt;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls, Transaction};

use super::PostgresError;

/// A database, and the connection to it where there is one.
#[derive(Debug)]
pub(super) struct Connection {
    config: Config,
    /// What is done whenever it has been made.
    prepare: String,
    client: Option<Client>,
}

impl Connection {
    pub(super) fn new(config: Config, prepare: String) -> Self {
        Connection { config, prepare, client: None }
    }

    /// The connection, which is made where there is none.
    ///
    /// It is taken: who does not [give it back](Connection::put_back) because something went wrong makes the next one begin anew.
    pub(super) async fn take(&mut self) -> Result<Client, PostgresError> {
        if let Some(client) = self.client.take().filter(|client| !client.is_closed()) {
            return Ok(client);
        }
        let tokio = tokio::runtime::Handle::try_current().map_err(|_| PostgresError::NoRuntime)?;
        let (client, connection) =
            self.config.connect(NoTls).await.map_err(PostgresError::during("connect"))?;
        tokio.spawn(async move {
            if let Err(error) = connection.await {
                // Who uses the connection hears of it, too.
                tracing::debug!(%error, "a connection to PostgreSQL was lost");
            }
        });
        if !self.prepare.is_empty() {
            client
                .batch_execute(&self.prepare)
                .await
                .map_err(PostgresError::during("prepare the connection"))?;
        }
        Ok(client)
    }

    pub(super) fn put_back(&mut self, client: Client) {
        self.client = Some(client);
    }
}

/// Copies rows into a table, in a transaction; gives how many.
pub(super) async fn copy(
    transaction: &Transaction<'_>,
    into: &str,
    rows: String,
) -> Result<u64, tokio_postgres::Error> {
    let copy = transaction.copy_in(&format!("COPY {into} FROM STDIN")).await?;
    let mut copy = std::pin::pin!(copy);
    copy.send(Cursor::new(rows)).await?;
    copy.finish().await
}

/// A name as SQL has it: `schema.table` is a table in a schema.
pub(super) fn quoted(name: &str) -> String {
    let part = |part: &str| format!("\"{}\"", part.replace('"', "\"\""));
    name.split('.').map(part).collect::<Vec<_>>().join(".")
}

/// Names of columns, separated by commas.
pub(super) fn list(columns: &[String]) -> String {
    columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
}

/// Whether the same may succeed later: the server is not there, goes down, comes up, is too busy, or has taken back the transaction for
/// the sake of another one.
pub(super) fn is_transient(error: &tokio_postgres::Error) -> bool {
    let Some(code) = error.code() else {
        let is_io = error.source().is_some_and(|source| source.is::<io::Error>());
        return error.is_closed() || is_io;
    };
    let classes = ["08", "40", "53"];
    let states = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
    ];
    classes.iter().any(|class| code.code().starts_with(class)) || states.contains(code)
}
