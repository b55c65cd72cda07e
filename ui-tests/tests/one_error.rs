//! One mistake gives one error, on the tokens that the user must change, in the user's words.
//!
//! Each file under `ui/<subject>/` holds one mistake, and opens with what its author expects:
//!
//! ```text
//! //! error at: `parse`
//! //! says: `lines` carries `u64`, but `parse` takes `str`
//! ```
//!
//! The first line is the text that rustc underlines, the second a part of the headline. The files
//! under `pass/` hold no mistake: they compile without so much as a warning.
//!
//! The files go to rustc directly, against the library as cargo has built it: a case takes a tenth
//! of a second. trybuild, in `words.rs`, compares what is printed to the letter, but does not count
//! the errors, and would take a second one for part of the expected text.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use serde_json::Value;

/// What no headline and no label may name: it is the macros' own.
const PRIVATE: [&str; 4] = ["streamweave::private", "__", "Stage<", "Flows"];

#[test]
fn a_mistake_gives_one_error_on_the_users_tokens() {
    let cases = cases("ui");
    assert!(cases.len() >= 60, "the cases under `ui/` were not found");
    complain(of_each(&cases, |rustc, case| one_error(case, &rustc.diagnostics(case)?)));
}

#[test]
fn what_is_right_gives_no_warning() {
    let cases = cases("pass");
    assert!(cases.len() >= 20, "the cases under `pass/` were not found");
    complain(of_each(&cases, |rustc, case| match &rustc.diagnostics(case)?[..] {
        [] => Ok(()),
        [first, ..] => Err(format!("expected silence, found\n{}", text(&first["rendered"]))),
    }));
}

/// Checks a case of `ui/` against what it expects.
fn one_error(case: &Path, diagnostics: &[Value]) -> Result<(), String> {
    let errors: Vec<&Value> =
        diagnostics.iter().filter(|diagnostic| text(&diagnostic["level"]).starts_with("error")).collect();
    let rendered: String = errors.iter().map(|error| text(&error["rendered"])).collect();
    let [error] = errors[..] else {
        return Err(format!("expected one error, found {}\n{rendered}", errors.len()));
    };
    check(&Expected::of(case)?, case, error).map_err(|wrong| format!("{wrong}\n{rendered}"))
}

fn check(expected: &Expected, case: &Path, error: &Value) -> Result<(), String> {
    let headline = text(&error["message"]);
    if !headline.contains(&expected.says) {
        return Err(format!("the headline does not say: {}", expected.says));
    }
    let spans = error["spans"].as_array().map_or(&[][..], Vec::as_slice);
    let primary: Vec<&Value> = spans.iter().filter(|span| span["is_primary"] == true).collect();
    let [primary] = primary[..] else {
        return Err(format!("expected one primary span, found {}", primary.len()));
    };
    let underlined = underlined(case, primary)?;
    if underlined != expected.at {
        return Err(format!("expected the error at `{}`, found it at `{underlined}`", expected.at));
    }
    let label = primary["label"].as_str().unwrap_or_default();
    match PRIVATE.iter().find(|private| headline.contains(*private) || label.contains(*private)) {
        Some(private) => Err(format!("the headline or the label names `{private}`")),
        None => Ok(()),
    }
}

/// The text under a span, which lies within one line of the case and is no whole invocation.
fn underlined(case: &Path, span: &Value) -> Result<String, String> {
    let file = text(&span["file_name"]);
    if Path::new(file) != case {
        return Err(format!("the error lies outside of the case, in {file}"));
    }
    let [line] = span["text"].as_array().map_or(&[][..], Vec::as_slice) else {
        return Err("the error lies on more than one line".to_owned());
    };
    let column = |name: &str| line[name].as_u64().map_or(0, |column| column as usize);
    let (start, end) = (column("highlight_start"), column("highlight_end"));
    let text: String = text(&line["text"]).chars().skip(start - 1).take(end - start).collect();
    if text.starts_with("graph!") {
        return Err("the error lies on the whole graph".to_owned());
    }
    Ok(text)
}

/// What a case says at its top.
struct Expected {
    at: String,
    says: String,
}

impl Expected {
    fn of(case: &Path) -> Result<Expected, String> {
        let source = fs::read_to_string(case).map_err(|error| error.to_string())?;
        let mut lines = source.lines();
        let mut after = |start: &str| {
            let line = lines.next().and_then(|line| line.strip_prefix(start));
            line.map(str::to_owned).ok_or(format!("the case does not open with `{start}`"))
        };
        let at = after("//! error at: ")?;
        let says = after("//! says: ")?;
        Ok(Expected { at: at.trim_matches('`').to_owned(), says })
    }
}

/// rustc, and the library as cargo has built it for these tests.
struct Rustc {
    library: PathBuf,
    dependencies: BTreeSet<PathBuf>,
}

impl Rustc {
    /// Asks cargo where the library stands; cargo builds it where it is not built yet.
    fn with_library() -> Rustc {
        // The directory that cargo gives to tests lies in the target directory, wherever that is.
        let target =
            Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target directory");
        let built = Command::new(variable("CARGO", "cargo"))
            .args(["build", "--quiet", "--offline", "--package", "streamweave", "--no-default-features"])
            .args(["--message-format=json", "--target-dir"])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs: it runs this test");
        let messages = String::from_utf8_lossy(&built.stdout);
        assert!(built.status.success(), "cargo build: {}", String::from_utf8_lossy(&built.stderr));
        let mut rustc = Rustc { library: PathBuf::new(), dependencies: BTreeSet::new() };
        for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            if message["reason"] == "compiler-artifact" {
                rustc.note(&message);
            }
        }
        assert!(rustc.library.is_file(), "cargo build named no metadata of the library");
        rustc
    }

    fn note(&mut self, artifact: &Value) {
        let files = artifact["filenames"].as_array().map_or(&[][..], Vec::as_slice);
        for file in files.iter().map(|file| Path::new(text(file))) {
            self.dependencies.extend(file.parent().map(Path::to_owned));
            let metadata = file.extension().is_some_and(|extension| extension == "rmeta");
            if metadata && artifact["target"]["name"] == "streamweave" {
                self.library = file.to_owned();
            }
        }
    }

    /// What rustc has to say about a case, but for the summary and the explanations at the end.
    fn diagnostics(&self, case: &Path) -> Result<Vec<Value>, String> {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(case.to_string_lossy().replace(['/', '\\'], "-"))
            .with_extension("rmeta");
        let mut library = std::ffi::OsString::from("streamweave=");
        library.push(&self.library);
        let mut rustc = Command::new(variable("RUSTC", "rustc"));
        rustc.args(["--edition=2024", "--crate-type=bin", "--crate-name=case", "--emit=metadata"]);
        rustc.args(["--error-format=json", "--extern"]).arg(library);
        for directory in &self.dependencies {
            rustc.arg("-L").arg(format!("dependency={}", directory.display()));
        }
        rustc.arg("-o").arg(out).arg(case).current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = rustc.output().map_err(|error| error.to_string())?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        let parsed: Result<Vec<Value>, _> = stderr.lines().map(serde_json::from_str).collect();
        let mut diagnostics = parsed.map_err(|error| format!("{error}: {stderr}"))?;
        diagnostics.retain(|diagnostic| {
            let message = text(&diagnostic["message"]);
            let summary = message.starts_with("aborting due to") || message.ends_with("warnings emitted");
            text(&diagnostic["level"]) != "failure-note" && !summary
        });
        Ok(diagnostics)
    }
}

/// The cases below a directory of this package, with their paths relative to it.
fn cases(directory: &str) -> Vec<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(directory)];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(package.join(&directory)).expect("the directory of the cases is there");
        for entry in entries {
            let path = directory.join(entry.expect("it can be listed").file_name());
            if package.join(&path).is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Runs a check over all cases, as many at a time as there are cores; gives what is wrong.
fn of_each(
    cases: &[PathBuf],
    check: impl Fn(&Rustc, &Path) -> Result<(), String> + Sync,
) -> Vec<(PathBuf, String)> {
    let rustc = Rustc::with_library();
    let next = Mutex::new(cases.iter());
    let wrong = Mutex::new(Vec::new());
    let (rustc, check) = (&rustc, &check);
    let worker = || {
        loop {
            let Some(case) = next.lock().expect("no worker panics").next() else { return };
            if let Err(what) = check(rustc, case) {
                wrong.lock().expect("no worker panics").push((case.clone(), what));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    let mut wrong = wrong.into_inner().expect("no worker panics");
    wrong.sort();
    wrong
}

fn complain(wrong: Vec<(PathBuf, String)>) {
    let report: String = wrong.iter().map(|(case, what)| format!("\n{}: {what}\n", case.display())).collect();
    assert!(wrong.is_empty(), "{} cases are wrong\n{report}", wrong.len());
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn variable(name: &str, otherwise: &str) -> std::ffi::OsString {
    std::env::var_os(name).unwrap_or_else(|| otherwise.into())
}
