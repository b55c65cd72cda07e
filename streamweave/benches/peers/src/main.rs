//! The same work on StreamWeave, by hand, and on its peers.
//!
//! `peers table` compares them, `peers changes` those that keep an answer up under changes; `peers
//! run ENGINE WORKLOAD N` runs one alone. The README says what each workload is, and how each engine
//! is used.
//!
//! A record's way: [`workload`] makes the input and says what the answer looks like, [`engine`]
//! turns the one into the other, [`measure`] says what that took, and [`table`] has the engines work
//! in turn, and compares. [`changes`] is the same path for changes.

mod arguments;
mod changes;
mod engine;
mod measure;
mod table;
mod workload;

use std::process::ExitCode;

use arguments::{Command, Job, USAGE};
use measure::Input;
use table::Disagrees;

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("peers: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match command {
        Command::Help => println!("{USAGE}"),
        Command::Run(job) => run(job),
        Command::RunChanges { engine, workload, nodes, pace } => {
            changes::play_alone(engine, workload, nodes, pace);
        }
        Command::Table(workloads) => return exit(table::print(&workloads)),
        Command::Changes(request) => return exit(changes::print(&request)),
    }
    ExitCode::SUCCESS
}

fn exit(compared: Result<(), Disagrees>) -> ExitCode {
    let Err(error) = compared else { return ExitCode::SUCCESS };
    eprintln!("peers: {error}");
    ExitCode::FAILURE
}

/// Prints an engine's answer, and what it took on the other stream; without an engine, how much
/// input was made.
fn run(job: Job) {
    let input = Input::of(job.workload, job.size);
    let Some(engine) = job.engine else { return println!("{} rows", input.rows()) };
    let measured = input.run(engine);
    println!("{}", measured.answer);
    eprintln!("{:.2} ns a row", measured.cpu.as_secs_f64() * 1e9 / input.rows() as f64);
}
