//! Files and the standard streams, as blocks of bytes.
//!
//! Reading and writing block, and a pipe may block for ever, so each open input and output has a thread of its own. It
//! is a plain one: tasks of `spawn_blocking` are waited for when a runtime shuts down, and a terminal on which nobody
//! types would hang it. The task talks to the thread through bounded channels, which is the back-pressure.
//!
//! [`read`] goes from an [`Input`](read::Input) to blocks, [`mod@write`] from blocks to an [`Output`](write::Output).

pub mod read;
pub mod write;

use std::thread::JoinHandle;

/// Waits for a thread that has closed its channel, so that its panic is not taken for the end of the data.
fn join(thread: Option<JoinHandle<()>>) {
    if let Some(thread) = thread {
        thread.join().expect("the thread that reads or writes a file does not panic");
    }
}

/// Runs a future of a test to its end; threads may wake it.
#[cfg(test)]
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.build().expect("a runtime without drivers");
    runtime.block_on(future)
}

/// A name in the directory for temporary files, removed after the test.
#[cfg(test)]
#[derive(Debug)]
struct TempPath(std::path::PathBuf);

#[cfg(test)]
impl TempPath {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("io-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        TempPath(std::env::temp_dir().join(name))
    }
}

#[cfg(test)]
impl Drop for TempPath {
    fn drop(&mut self) {
        // Many tests remove it, or never create it.
        let _ = std::fs::remove_file(&self.0);
    }
}
