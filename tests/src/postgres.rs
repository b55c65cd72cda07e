//! A server of PostgreSQL for tests: a private one, or the one that `STREAMWEAVE_TEST_POSTGRES` names.

use std::env;
use std::fmt;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable that names a server: `host=/run/postgresql user=me dbname=test`, or `postgres://me@host/test`.
pub const VARIABLE: &str = "STREAMWEAVE_TEST_POSTGRES";

/// Who runs the server where the tests run as root, for whom it would not: nobody.
const NOBODY: u32 = 65_534;

/// A server, which is stopped and removed in the end where it is private.
#[derive(Debug)]
pub struct Server {
    config: String,
    private: Option<Private>,
}

#[derive(Debug)]
struct Private {
    programs: PathBuf,
    folder: PathBuf,
    is_root: bool,
}

impl Server {
    /// The server that is named; else a new one that listens to a Unix socket alone. `None`, and a word on stderr, where PostgreSQL is not
    /// installed: then the test that asks for it is to end, without a verdict.
    ///
    /// # Panics
    ///
    /// Where it is installed and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        if let Ok(config) = env::var(VARIABLE) {
            return Some(Server { config, private: None });
        }
        let Some(private) = Private::new() else {
            skipped(format_args!("PostgreSQL is not installed here, and {VARIABLE} does not name a server"));
            return None;
        };
        private.create();
        private.start();
        let config = format!("host={} user=postgres dbname=postgres", private.folder.display());
        Some(Server { config, private: Some(private) })
    }

    /// How to connect to it: names and values.
    #[must_use]
    pub fn config(&self) -> &str {
        &self.config
    }

    /// Runs statements, and gives the rows of them all as text.
    ///
    /// # Panics
    ///
    /// Where they cannot be run.
    pub async fn ask(&self, statements: &str) -> Vec<Vec<Option<String>>> {
        let connected = tokio_postgres::connect(&self.config, tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("the server is there");
        let connection = tokio::spawn(connection);
        let answers = client.simple_query(statements).await.expect("the statements are well formed");
        drop(client);
        connection.await.expect("it does not panic").expect("it ends well");
        let row = |answer: tokio_postgres::SimpleQueryMessage| match answer {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        };
        answers.into_iter().filter_map(row).collect()
    }

    /// The Unix socket of a private server. `None`, and a word on stderr, for one that is not.
    #[must_use]
    pub fn socket(&self) -> Option<PathBuf> {
        let Some(private) = &self.private else {
            skipped("it needs a server of its own");
            return None;
        };
        Some(private.folder.join(".s.PGSQL.5432"))
    }

    /// Stops a private server as if its power were cut, and starts it again.
    ///
    /// # Panics
    ///
    /// Where it is not private, or does not start again.
    pub fn restart(&self) {
        let private = self.private.as_ref().expect("a private server");
        private.stop();
        private.start();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(private) = &self.private {
            private.stop();
            // Nothing depends on it.
            let _ = fs::remove_dir_all(&private.folder);
        }
    }
}

fn skipped(why: impl fmt::Display) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test").to_owned();
    // Around the test harness, which keeps what passes to itself.
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{test} was skipped: {why}\n"));
}

/// Where the programs of PostgreSQL are, the newest first where there are several.
fn programs() -> Option<PathBuf> {
    let on_path =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut debian: Vec<PathBuf> = debian.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    debian.sort_by_key(|path| std::cmp::Reverse(path.clone()));
    on_path
        .into_iter()
        .chain(debian)
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
}

impl Private {
    fn new() -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let programs = programs()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("streamweave-postgres-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        // Only root may give a folder away.
        let is_root = chown(&folder, Some(NOBODY), Some(NOBODY)).is_ok();
        Some(Private { programs, folder, is_root })
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let program = self.programs.join(program);
        let mut command = match self.is_root {
            false => Command::new(program),
            true => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
                command.arg("--clear-groups").arg(program);
                command
            }
        };
        // What the server inherits of ours it would hold open.
        let log = fs::File::create(self.folder.join("out")).expect("the folder can be written");
        let streams = (log.try_clone().expect("a file"), log);
        command.arg("-D").arg(self.data()).args(arguments).current_dir(Path::new("/"));
        let status = command.stdin(std::process::Stdio::null()).stdout(streams.0).stderr(streams.1).status();
        let stdout = fs::read(self.folder.join("out")).unwrap_or_default();
        Output { status: status.expect("the program starts"), stdout, stderr: Vec::new() }
    }

    fn assert_done(output: &Output) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    fn create(&self) {
        Self::assert_done(
            &self.run("initdb", &["-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"]),
        );
    }

    fn start(&self) {
        let options = format!(
            "-F -k {} -c listen_addresses='' -c max_connections=20 -c shared_buffers=16MB",
            self.folder.display()
        );
        let log = self.folder.join("log");
        let log = log.to_str().expect("the temporary folder has a name in UTF-8");
        Self::assert_done(&self.run("pg_ctl", &["-w", "-s", "-l", log, "-o", &options, "start"]));
    }

    fn stop(&self) {
        Self::assert_done(&self.run("pg_ctl", &["-w", "-s", "-m", "immediate", "stop"]));
    }
}
