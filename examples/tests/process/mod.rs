//! Programs as processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The path of a built example, beside this test's own.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its path");
    let target = test.parent().and_then(Path::parent).expect("a test stands in `deps`");
    let program = target.join("examples").join(name);
    assert!(program.exists(), "{} is not built: run `cargo test -p streamweave-examples`", program.display());
    program
}

pub(crate) fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(program(name)).args(arguments).output().expect("the program starts")
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("stdout is text")
}

/// The last line of stderr.
pub(crate) fn last_word(output: &Output) -> &str {
    let stderr = std::str::from_utf8(&output.stderr).expect("stderr is text");
    stderr.trim_end().lines().last().unwrap_or("")
}

/// A file that is removed after the test.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    pub(crate) fn holding(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("streamweave-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).expect("the temporary folder can be written");
        Temporary(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("the temporary folder has a name in UTF-8")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = std::fs::remove_file(&self.0);
    }
}
