//! How long a graph of 100 operators takes to compile, against the same program written by hand.
//!
//! `cargo bench -p streamweave --bench compile` writes two programs into the target folder, builds what they depend on,
//! and then times `cargo check` and `cargo build --release` of each alone, from a touched source; it prints the
//! median of five. Both programs are run, and their answers compared, before a time is printed.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const OPERATORS: usize = 100;
const ROUNDS: usize = 5;
const ROWS: u64 = 100_000;

fn main() -> io::Result<()> {
    // `cargo test --benches` only asks whether it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let graph = Program::write("graph", &graph())?;
    let hand = Program::write("hand", &by_hand())?;
    let programs = [("graph!", &graph), ("by hand", &hand)];
    let mut answers = Vec::new();
    for (name, program) in programs {
        program.cargo(&["check"])?;
        program.cargo(&["build", "--release"])?;
        answers.push((name, program.run()?));
    }
    let (_, expected) = &answers[1];
    for (name, answer) in &answers {
        assert_eq!(answer, expected, "`{name}` gives another answer");
    }
    println!("| {OPERATORS} operators | check | build --release |");
    println!("|---|---|---|");
    for (name, program) in programs {
        let (check, build) = (program.time(&["check"])?, program.time(&["build", "--release"])?);
        println!("| {name} | {:.2} s | {:.2} s |", check.as_secs_f64(), build.as_secs_f64());
    }
    Ok(())
}

/// What the operator number `i` does: a multiplication, or a test that few rows fail.
fn operator(i: usize) -> (bool, u64) {
    (i % 4 == 3, 2 * i as u64 + 3)
}

fn graph() -> String {
    let mut chain = String::new();
    for i in 0..OPERATORS {
        match operator(i) {
            (true, k) => write!(chain, " -> filter(|x| x % {} != 1)", 1_000 + k),
            (false, k) => write!(chain, " -> map(|x| x.wrapping_mul({k}) ^ (x >> 7))"),
        }
        .expect("a `String` takes everything");
    }
    format!(
        "use streamweave::prelude::*;

fn main() {{
    let mut sum = 0_u64;
    let graph = graph! {{
        numbers = from_iter(0..{ROWS}_u64);
        numbers{chain} -> total;
        total = for_each(|x: u64| sum = sum.wrapping_add(x));
    }};
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(graph.run()).unwrap();
    println!(\"{{sum}}\");
}}
"
    )
}

fn by_hand() -> String {
    let mut body = String::new();
    for i in 0..OPERATORS {
        match operator(i) {
            (true, k) => writeln!(body, "        if x % {} == 1 {{ continue }}", 1_000 + k),
            (false, k) => writeln!(body, "        let x = x.wrapping_mul({k}) ^ (x >> 7);"),
        }
        .expect("a `String` takes everything");
    }
    format!(
        "fn main() {{
    let mut sum = 0_u64;
    for x in 0..{ROWS}_u64 {{
{body}        sum = sum.wrapping_add(x);
    }}
    println!(\"{{sum}}\");
}}
"
    )
}

/// A program in a package of its own.
struct Program {
    folder: PathBuf,
    target: PathBuf,
}

impl Program {
    fn write(name: &str, source: &str) -> io::Result<Self> {
        let library = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compile");
        let folder = target.join(name);
        fs::create_dir_all(folder.join("src"))?;
        let manifest = format!(
            "[package]
name = \"{name}\"
version = \"0.0.0\"
edition = \"2024\"

[dependencies]
streamweave = {{ path = {library:?}, default-features = false }}
tokio = {{ version = \"1\", default-features = false, features = [\"rt\"] }}

[workspace]
"
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::write(folder.join("src/main.rs"), source)?;
        // The versions of the workspace, so that nothing is looked up.
        fs::copy(library.join("../Cargo.lock"), folder.join("Cargo.lock"))?;
        Ok(Program { folder, target: target.join("target") })
    }

    fn cargo(&self, arguments: &[&str]) -> io::Result<()> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).arg("--quiet").current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        let output = cargo.output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(())
    }

    fn run(&self) -> io::Result<String> {
        let name = self.folder.file_name().expect("a folder of its own");
        let output = Command::new(self.target.join("release").join(name)).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The median time that cargo takes once the source has been touched.
    fn time(&self, arguments: &[&str]) -> io::Result<Duration> {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let source = self.folder.join("src/main.rs");
            fs::write(&source, fs::read(&source)?)?;
            let start = Instant::now();
            self.cargo(arguments)?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        Ok(times[ROUNDS / 2])
    }
}
