//! Who needs a package, directly or not, kept up to date while the graph of packages is edited.
//!
//! `dependents [--edges FILE] --root NAME`: prints `NAME N`, then reads edits from stdin: `+ A B` (A now needs B), `- A B`, and
//! `commit`, at which it prints what has changed, as `+ P` and `- P`, and `= N`. What an edit costs depends on how much it
//! changes, not on how many packages there are.

use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::process::ExitCode;

use streamweave::prelude::*;
use streamweave_examples::packages::{Names, edges};
use streamweave_examples::{Arguments, data, failed, misused};

graph! {
    /// The packages that need `root`, directly or not.
    graph dependents(needs: Update<(u32, u32), LogicalTime, i64>; root: u32)
        -> (packages: Update<u32, LogicalTime, i64>)
    {
        iterate closure {
            var package: u32;
            direct   = filter_map(move |(package, needed)| (needed == root).then_some(package));
            indirect = differential::join_map(|_, package: &u32, ()| *package);
            needs -> direct;
            needs -> map(|(package, needed)| Keyed { key: needed, value: package }) -> indirect.left;
            package -> map(|package| Keyed { key: package, value: () }) -> indirect.right;
            [direct, indirect] -> differential::distinct() -> package;
        }
        closure.package -> packages;
    }
}

/// A line of stdin.
enum Command<'a> {
    Edit { is_there: bool, package: &'a str, needs: &'a str },
    Commit,
    Blank,
}

fn command(line: &[u8]) -> Result<Command<'_>, String> {
    let line = str::from_utf8(line).map_err(|error| error.to_string())?;
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        [] => Ok(Command::Blank),
        ["commit"] => Ok(Command::Commit),
        ["+", package, needs] => Ok(Command::Edit { is_there: true, package, needs }),
        ["-", package, needs] => Ok(Command::Edit { is_there: false, package, needs }),
        _ => Err(format!("expected `+ A B`, `- A B` or `commit`, found `{}`", line.trim())),
    }
}

async fn run(path: &str, root: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut names = Names::default();
    let mut present: HashSet<(u32, u32)> = edges(path, &mut names).await?.into_iter().collect();

    let (graph, inputs, mut outputs) = dependents::open(names.number(root));
    let running = graph.spawn();
    let first = present.iter().map(|&edge| Update { data: edge, time: LogicalTime(0), diff: 1 });
    inputs.needs.updates(first).await?;
    inputs.needs.advance_to(LogicalTime(1)).await?;
    let mut dependents = outputs.packages.closed(&LogicalTime(0)).await.len();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{root} {dependents}")?;
    out.flush()?;

    let (mut stdin, mut line, mut epoch) = (std::io::stdin().lock(), Vec::new(), LogicalTime(1));
    for number in 1.. {
        line.clear();
        if stdin.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        match command(&line) {
            Err(reason) => eprintln!("line {number}: {reason}: skipped"),
            Ok(Command::Blank) => {}
            Ok(Command::Edit { is_there, package, needs }) => {
                let edge = (names.number(package), names.number(needs));
                let has_changed = if is_there { present.insert(edge) } else { present.remove(&edge) };
                if has_changed {
                    let diff = if is_there { 1 } else { -1 };
                    inputs.needs.update(Update { data: edge, time: epoch, diff }).await?;
                }
            }
            Ok(Command::Commit) => {
                let next = LogicalTime(epoch.0 + 1);
                inputs.needs.advance_to(next).await?;
                let changes = outputs.packages.closed(&epoch).await.into_iter();
                let mut changes: Vec<_> = changes.map(|row| (row.diff < 0, names.name(row.data))).collect();
                changes.sort_unstable();
                for &(is_gone, name) in &changes {
                    writeln!(out, "{} {name}", if is_gone { '-' } else { '+' })?;
                    dependents = if is_gone { dependents - 1 } else { dependents + 1 };
                }
                writeln!(out, "= {dependents}")?;
                out.flush()?;
                epoch = next;
            }
        }
    }
    inputs.needs.close();
    drop(outputs);
    running.await?;
    Ok(())
}

fn arguments() -> Result<(String, String), String> {
    let mut arguments = Arguments::of_process()?;
    let edges = arguments.flag("--edges")?;
    let root = arguments.flag("--root")?.ok_or("--root NAME is missing")?;
    arguments.done()?;
    Ok((edges.unwrap_or_else(|| data("debian-depends.tsv.gz").display().to_string()), root))
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (edges, root) = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => return misused("dependents [--edges FILE[.gz]] --root NAME", error),
    };
    match run(&edges, &root).await {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody reads on.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => failed("dependents", error),
    }
}
