//! What the examples share: their data, their command line, their progress bar; and the Nexmark queries, which
//! tests run, too.

pub mod nexmark;
pub mod packages;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Deserializer};

/// A file of `examples/data`, whatever the working directory.
pub fn data(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "data", name].iter().collect()
}

/// A field that holds `NA` where the data has nothing: for `#[serde(deserialize_with = "known")]`.
///
/// # Errors
///
/// A text that is neither `NA` nor such a value.
pub fn known<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(field: D) -> Result<Option<T>, D::Error> {
    match &*String::deserialize(field)? {
        "NA" => Ok(None),
        text => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// The arguments of the command line, taken one by one.
#[derive(Debug)]
pub struct Arguments(Vec<String>);

impl Arguments {
    /// The arguments of this process.
    ///
    /// # Errors
    ///
    /// An argument that is not UTF-8.
    pub fn of_process() -> Result<Self, String> {
        let utf8 = |argument: std::ffi::OsString| {
            argument.into_string().map_err(|argument| format!("argument {argument:?} is not UTF-8"))
        };
        std::env::args_os().skip(1).map(utf8).collect::<Result<_, _>>().map(Arguments)
    }

    /// The value of `--name VALUE`, where it is given.
    ///
    /// # Errors
    ///
    /// A name without a value, or given twice.
    pub fn flag(&mut self, name: &str) -> Result<Option<String>, String> {
        let Some(at) = self.0.iter().position(|argument| argument == name) else { return Ok(None) };
        if at + 1 == self.0.len() {
            return Err(format!("{name} needs a value"));
        }
        let value = self.0.remove(at + 1);
        self.0.remove(at);
        if self.0.iter().any(|argument| argument == name) {
            return Err(format!("{name} is given twice"));
        }
        Ok(Some(value))
    }

    /// The value of `--name VALUE` as a number, or `default`.
    ///
    /// # Errors
    ///
    /// As [`flag`](Arguments::flag), or a value that is not such a number.
    pub fn number<N: FromStr>(&mut self, name: &str, default: N) -> Result<N, String> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// The value of `--name VALUE` as a number, if it is given.
    ///
    /// # Errors
    ///
    /// As [`number`](Arguments::number).
    pub fn optional<N: FromStr>(&mut self, name: &str) -> Result<Option<N>, String> {
        let Some(text) = self.flag(name)? else { return Ok(None) };
        let number = text.parse();
        number.map(Some).map_err(|_| format!("{name}: expected a whole number, not negative, found `{text}`"))
    }

    /// The next argument that is no flag.
    pub fn positional(&mut self) -> Option<String> {
        let at = self.0.iter().position(|argument| argument == "-" || !argument.starts_with('-'))?;
        Some(self.0.remove(at))
    }

    /// Nothing is left.
    ///
    /// # Errors
    ///
    /// Names what is left.
    pub fn done(self) -> Result<(), String> {
        self.0.first().map_or(Ok(()), |argument| Err(format!("unknown argument `{argument}`")))
    }
}

/// Says on stderr why a program failed; the exit code is 1.
pub fn failed(program: &str, error: impl Display) -> ExitCode {
    eprintln!("{program}: {error}");
    ExitCode::FAILURE
}

/// Says on stderr what is wrong with the arguments, and how the program is used; the exit code is 2.
pub fn misused(usage: &str, error: impl Display) -> ExitCode {
    eprintln!("{error}\nusage: {usage}");
    ExitCode::from(2)
}

/// Ready when the user presses ctrl-c; never, where that cannot be learnt.
pub async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Ready when the user presses ctrl-c, or the system asks the process to end; never, where that cannot be learnt.
pub async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        return tokio::select! {
            _ = terminated.recv() => (),
            () = ctrl_c() => (),
        };
    }
    ctrl_c().await;
}

/// Counts rows on a terminal at stderr while a graph runs; silent where there is none.
#[derive(Debug)]
pub struct Progress(ProgressBar);

/// The bar moves once in so many rows.
const ROWS_A_MOVE: u64 = 1_000;

impl Progress {
    /// Counts `what` up to some `expected`.
    ///
    /// # Panics
    ///
    /// Never: the template is fixed.
    pub fn new(what: &'static str, expected: u64) -> Self {
        let bar = ProgressBar::new(expected);
        let style = ProgressStyle::with_template("{bar:40} {pos} {msg} ({per_sec})");
        bar.set_style(style.expect("a well-formed template"));
        bar.set_message(what);
        Progress(bar)
    }

    /// Another row.
    pub fn row(&self, rows: &mut u64) {
        *rows += 1;
        if rows.is_multiple_of(ROWS_A_MOVE) {
            self.0.inc(ROWS_A_MOVE);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Roughly how many rows a text file holds, at so many bytes a row; 0 where it cannot be told.
pub fn rows_expected(path: &str, bytes_a_row: u64) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len() / bytes_a_row)
}
