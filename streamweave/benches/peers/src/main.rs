//! The same work on StreamWeave, by hand, and on its peers.
//!
//! `peers table` compares them; `peers run ENGINE WORKLOAD N` runs one alone. The README says what
//! each workload is, and how each engine is used.
//!
//! A record's way: [`workload`] makes the input and says what the answer looks like, [`engine`]
//! turns the one into the other, [`measure`] says what that took, and [`table`] runs engine after
//! engine, each in a process of its own, and compares.

mod arguments;
mod engine;
mod measure;
mod table;
mod workload;

use std::process::ExitCode;

use arguments::{Command, USAGE};
use measure::Measured;

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
        Command::Run { job, as_child: false } => println!("{}", Measured::of(job).answer),
        Command::Run { job, as_child: true } => print!("{}", Measured::of(job)),
        Command::Table(workloads) => {
            if let Err(error) = table::print(&workloads) {
                eprintln!("peers: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
