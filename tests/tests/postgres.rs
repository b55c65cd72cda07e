//! Rows in tables of a real server, over connections that break, by processes that die.
//!
//! Where each of them breaks is drawn from a seed, or up to the machine; no verdict depends on it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde::{Deserialize, Serialize};
use streamweave::prelude::*;
use streamweave::{Error, csv, postgres};
use streamweave_tests::postgres::Server;
use streamweave_tests::random::Random;
use tokio::sync::Notify;

/// A folder that is removed after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("streamweave-rows-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary folder can be written");
        let mut rows = "id,text\n".to_owned();
        (1..=ROWS).for_each(|id| rows += &format!("{id},{}\n", text(id)));
        fs::write(path.join("rows.csv"), rows).expect("the temporary folder can be written");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

const ROWS: i64 = 400;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    id: i64,
    text: String,
}

fn text(id: i64) -> String {
    format!("\\{id}; it's")
}

/// What becomes of a commit that the proxy sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Passes,
    /// The connection breaks before the server has heard of it.
    IsLost,
    /// The connection breaks before the client hears that it is done.
    IsNotTold,
}

/// Stands between a client and the server, and breaks connections: over TCP on one side, a Unix socket on the other.
struct Proxy {
    port: u16,
    /// Fates of the commits to come; those behind them pass.
    fates: Arc<Mutex<Vec<Fate>>>,
    /// Notified when a connection was broken.
    broken: Arc<Notify>,
}

impl Proxy {
    fn before(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let port = listener.local_addr().expect("it is bound").port();
        let fates = Arc::new(Mutex::new(Vec::new()));
        let broken = Arc::new(Notify::new());
        let (theirs, told) = (Arc::clone(&fates), Arc::clone(&broken));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (fates, told) = (Arc::clone(&theirs), Arc::clone(&told));
                let (client, socket) = (client.expect("a connection"), socket.clone());
                thread::spawn(move || pass(&client, &socket, &fates, &told));
            }
        });
        Proxy { port, fates, broken }
    }

    fn config(&self) -> postgres::Config {
        let config = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.port);
        config.parse().expect("it is well formed")
    }

    fn set(&self, fates: impl IntoIterator<Item = Fate>) {
        let mut fates: Vec<_> = fates.into_iter().collect();
        fates.reverse();
        *self.fates.lock().expect("nobody panics with it") = fates;
    }
}

/// Passes on what client and server say to each other, until one goes away or the connection is to break.
fn pass(client: &TcpStream, socket: &Path, fates: &Mutex<Vec<Fate>>, broken: &Notify) {
    let Ok(server) = UnixStream::connect(socket) else { return };
    let is_told = Mutex::new(true);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = (&server).read(&mut bytes) {
                if !*is_told.lock().expect("nobody panics with it") {
                    // It is done: this is the answer.
                    broken.notify_one();
                    break;
                }
                if (&*client).write_all(&bytes[..length]).is_err() {
                    break;
                }
            }
            let _ = (client.shutdown(std::net::Shutdown::Both), server.shutdown(std::net::Shutdown::Both));
        });
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = (&*client).read(&mut bytes) {
            let is_commit = bytes[..length].windows(7).any(|word| word == b"COMMIT\0");
            let fate = match is_commit {
                true => fates.lock().expect("nobody panics with it").pop().unwrap_or(Fate::Passes),
                false => Fate::Passes,
            };
            match fate {
                Fate::Passes => {}
                Fate::IsLost => {
                    broken.notify_one();
                    break;
                }
                Fate::IsNotTold => *is_told.lock().expect("nobody panics with it") = false,
            }
            if (&server).write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        // The thread beside this one ends with it.
        if *is_told.lock().expect("nobody panics with it") {
            let _ = (client.shutdown(std::net::Shutdown::Both), server.shutdown(std::net::Shutdown::Both));
        }
    });
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// The name of a table that no other test has.
fn table(name: &str) -> String {
    format!("{name}_{}", std::process::id())
}

/// A life of the process; `false` where it dies because of `dies`.
async fn live(
    folder: &Folder,
    table: &str,
    config: postgres::Config,
    dies: impl Future<Output = ()>,
) -> bool {
    let run = graph! {
        #![durable = exactly_once]
        #![on_error = stop]
        rows = csv::read::<Row>(folder.0.join("rows.csv"));
        paced = rate_limit(4, 1.millis());
        rows -> paced -> written;
        written = postgres::write(config, table, ["id", "Text"], |row, values| {
            values.push(row.id).push(&row.text);
        })
        .prepared_by(format!("CREATE TABLE IF NOT EXISTS {table} (id bigint, \"Text\" text)"))
        .emptied()
        .commit_retry(Retry::times(1_000).backoff(2.millis()).at_most(50.millis()));
    }
    .batch(8)
    .checkpoints(Checkpoints::in_directory(folder.0.join("state")).every(2.millis()))
    .run();
    tokio::select! {
        biased;
        () = dies => false,
        ended = run => {
            let result = ended.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(result.written, ROWS.unsigned_abs());
            true
        }
    }
}

async fn assert_once(server: &Server, table: &str) {
    let found = server.ask(&format!("SELECT id, \"Text\" FROM {table} ORDER BY id")).await;
    let expected: Vec<_> = (1..=ROWS).map(|id| vec![Some(id.to_string()), Some(text(id))]).collect();
    assert!(
        found == expected,
        "{} rows, or other ones: {:?}",
        found.len(),
        found.iter().take(9).collect::<Vec<_>>()
    );
}

#[test]
fn h7_a_connection_that_breaks_before_or_behind_a_commit_leaves_each_row_once() {
    let Some(server) = Server::start() else { return };
    let Some(socket) = server.socket() else { return };
    for seed in 0..4 {
        let (folder, table) = (Folder::new(), table(&format!("broken{seed}")));
        let proxy = Proxy::before(socket.clone());
        let mut random = Random::new(seed);
        // The first commit is that of the preparation: a server that is not there at the start ends the run.
        let fates = (0..40).map(|_| random.pick(&[Fate::Passes, Fate::IsLost, Fate::IsNotTold]));
        proxy.set(std::iter::once(Fate::Passes).chain(fates));
        block_on(async {
            assert!(live(&folder, &table, proxy.config(), std::future::pending()).await);
            assert_once(&server, &table).await;
        });
    }
}

#[test]
fn h6_a_process_that_dies_before_or_behind_a_commit_leaves_each_row_once() {
    let Some(server) = Server::start() else { return };
    let Some(socket) = server.socket() else { return };
    for seed in 0..4 {
        let (folder, table) = (Folder::new(), table(&format!("died{seed}")));
        let mut random = Random::new(seed);
        let mut lives = 0;
        loop {
            // Each life has a runtime, and a proxy: its connections die with it.
            let proxy = Proxy::before(socket.clone());
            if lives < 12 {
                // That of the preparation, and perhaps one more.
                let passing = if lives == 0 { 1 } else { 1 + random.place(2) };
                let last = random.pick(&[Fate::IsLost, Fate::IsNotTold]);
                proxy.set(std::iter::repeat_n(Fate::Passes, passing).chain([last]));
            }
            lives += 1;
            if block_on(live(&folder, &table, proxy.config(), proxy.broken.notified())) {
                break;
            }
        }
        assert!(lives > 1, "it never died");
        block_on(assert_once(&server, &table));
        // Again, with nothing to do.
        assert!(block_on(live(
            &folder,
            &table,
            server.config().parse().expect("it is well formed"),
            std::future::pending()
        )));
        block_on(assert_once(&server, &table));
    }
}

#[test]
fn h7_a_server_that_is_restarted_in_the_middle_has_each_row_once() {
    let Some(server) = Server::start() else { return };
    if server.socket().is_none() {
        return;
    }
    let (folder, table) = (Folder::new(), table("restarted"));
    let config = || server.config().parse().expect("it is well formed");
    thread::scope(|scope| {
        let running = scope.spawn(|| block_on(live(&folder, &table, config(), std::future::pending())));
        let begun = format!("SELECT FROM streamweave_commits WHERE sink = '{table}' AND number > 0");
        let has_begun = || {
            block_on(async {
                let is_there = "SELECT FROM pg_tables WHERE tablename = 'streamweave_commits'";
                !server.ask(is_there).await.is_empty() && !server.ask(&begun).await.is_empty()
            })
        };
        while !has_begun() && !running.is_finished() {}
        for _ in 0..3 {
            server.restart();
        }
        assert!(running.join().expect("it does not panic"));
    });
    block_on(assert_once(&server, &table));
}

#[test]
fn rows_that_are_upserted_twice_are_there_once_and_of_each_key_the_last() {
    let Some(server) = Server::start() else { return };
    let table = table("upserted");
    block_on(async {
        server.ask(&format!("CREATE TABLE {table} (a bigint, b text, \"C\" text, PRIMARY KEY (a, b))")).await;
        for round in 0..2 {
            let rows = (0..3_000_i64).map(|n| (n % 100, "k\t", n + round));
            let config = server.config().parse().expect("it is well formed");
            let result = graph! {
                rows = from_iter(rows);
                rows -> written;
                written = postgres::upsert(config, &table, ["C", "a", "b"], ["a", "b"], |row: &(i64, &str, i64), values| {
                    values.push(row.2.to_string()).push(row.0).push(row.1);
                });
            }
            .run()
            .await;
            assert_eq!(result.unwrap_or_else(|error| panic!("{error}")).written, 3_000);
            let found = server.ask(&format!("SELECT a, b, \"C\" FROM {table} ORDER BY a")).await;
            let expected: Vec<_> = (0..100)
                .map(|a| {
                    [a.to_string(), "k\t".to_owned(), (2_900 + a + round).to_string()].map(Some).to_vec()
                })
                .collect();
            assert_eq!(found, expected, "round {round}");
        }
    });
}

#[test]
fn values_of_all_kinds_come_as_they_are() {
    let Some(server) = Server::start() else { return };
    let table = table("values");
    let texts = ["", "\\N", "a\\b", "tab\tline\nreturn\r", "über 🦀", "\"'"];
    block_on(async {
        server.ask(&format!("CREATE TABLE {table} (n serial, t text, f double precision, b bytea, at timestamptz, d numeric)")).await;
        let config = server.config().parse().expect("it is well formed");
        graph! {
            rows = from_iter(texts);
            rows -> written;
            written = postgres::write(config, &table, ["t", "f", "b", "at", "d"], |text: &&str, values| {
                values.push(text).push(f64::NAN).push(text.as_bytes()).push(EventTime::from_micros(1_500_000));
                values.push((!text.is_empty()).then_some(i128::MAX));
            });
        }
        .run()
        .await
        .unwrap_or_else(|error| panic!("{error}"));
        let asked = format!(
            "SELECT t, f, convert_from(b, 'UTF8'), extract(epoch FROM at), d FROM {table} ORDER BY n"
        );
        for (row, text) in server.ask(&asked).await.into_iter().zip(texts) {
            let text = Some(text.to_owned());
            let d = (text.as_deref() != Some("")).then(|| i128::MAX.to_string());
            assert_eq!(row, [text.clone(), Some("NaN".to_owned()), text, Some("1.500000".to_owned()), d]);
        }
    });
}

/// Why a run fails that cannot go well.
async fn failure(folder: &Folder, table: &str, server: &Server) -> String {
    let config: postgres::Config = server.config().parse().expect("it is well formed");
    let run = graph! {
        #![durable = exactly_once]
        #![on_error = stop]
        rows = csv::read::<Row>(folder.0.join("rows.csv"));
        paced = rate_limit(4, 1.millis());
        rows -> paced -> written;
        written = postgres::write(config, table, ["id", "Text"], |row, values| {
            values.push(row.id).push(&row.text);
        });
    }
    .checkpoints(Checkpoints::in_directory(folder.0.join("state")))
    .run();
    match run.await {
        Err(Error::Failed { node: "written", cause }) => {
            let source = cause.source().and_then(|source| source.source()).map(ToString::to_string);
            format!("{cause}: {}", source.unwrap_or_default())
        }
        other => panic!("it goes well, or fails otherwise: {:?}", other.err()),
    }
}

#[test]
fn a_table_and_a_checkpoint_that_do_not_go_together_are_refused() {
    let Some(server) = Server::start() else { return };
    let (folder, table) = (Folder::new(), table("other"));
    block_on(async {
        let error = failure(&folder, "no_such_table", &server).await;
        assert!(error.contains("relation \"no_such_table\" does not exist"), "{error}");
        fs::remove_dir_all(folder.0.join("state")).expect("it is there");
        let config = server.config().parse().expect("it is well formed");
        assert!(live(&folder, &table, config, std::future::pending()).await);
        server.ask("UPDATE streamweave_commits SET number = number + 1").await;
        let error = failure(&folder, &table, &server).await;
        assert!(error.contains("what is in the table is not taken back"), "{error}");
        server.ask("UPDATE streamweave_commits SET number = 0").await;
        let error = failure(&folder, &table, &server).await;
        assert!(error.contains("it is another table, or an older state of it"), "{error}");
    });
}

#[test]
fn a_server_that_is_not_there_ends_the_run_before_the_first_row() {
    let run = graph! {
        rows = from_iter([1]);
        rows -> written;
        written = postgres::write("host=/nowhere user=nobody".parse().expect("well formed"), "t", ["a"], |row, values| {
            values.push(*row);
        });
    };
    let error = block_on(run.run()).expect_err("there is no such server");
    assert!(error.to_string().starts_with("node `written`: cannot connect"), "{error}");
}
