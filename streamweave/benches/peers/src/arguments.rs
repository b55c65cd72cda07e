//! What is asked for on the command line.

use crate::engine::Engine;
use crate::workload::Workload;

/// What `--help` says.
pub(crate) const USAGE: &str = "\
usage: peers table [WORKLOAD..]       compare all engines on these workloads, or on all of them
       peers run ENGINE WORKLOAD N    run one alone: its answer, and the CPU time it took
       peers --help

ENGINE    streamweave, hand, timely, dfir, renoir; or none, which only makes the input
WORKLOAD  w1            five cheap operators on N numbers
          w2-borrowed   words counted in N bytes of text, as slices of their lines
          w2-owned      the same, with each word a `String` of its own
          w3            N bids counted per auction in ten-second windows of event time
          w4            N persons and auctions joined by person
          w7            N records at 100,000 a second through three nodes, one at a time
          q1, q2        N bids: their prices converted; those on every 123rd auction
          q5, q7        N bids: the most bid on auctions of sliding windows; the highest bids of tumbling ones
          q8            N persons and auctions: who came and sold in the same window

Set-up costs what N costs, too: for the instructions of an engine take the slope between two N,
less that of `none`.";

/// One engine on one workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// The engine; `None` only makes the input.
    pub(crate) engine: Option<Engine>,
    /// The workload.
    pub(crate) workload: Workload,
    /// How much of it, in the unit of [`Workload::default_size`].
    pub(crate) size: usize,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Say how this is used.
    Help,
    /// Run one job.
    Run(Job),
    /// Print the table of these workloads.
    Table(Vec<Workload>),
}

/// What was asked for cannot be done.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    /// Nothing was asked for.
    #[error("expected `table`, `run` or `--help`, but there was no argument")]
    NoCommand,
    /// No such command.
    #[error("expected `table`, `run` or `--help`, but got `{0}`")]
    UnknownCommand(String),
    /// No such engine.
    #[error("expected an engine ({expected} or none), but got `{0}`", expected = Engine::NAMES)]
    UnknownEngine(String),
    /// No such workload.
    #[error("expected a workload ({expected}), but got `{0}`", expected = Workload::NAMES)]
    UnknownWorkload(String),
    /// Not a size.
    #[error("expected N, a whole number from 1 on, but got `{0}`")]
    BadSize(String),
    /// Too few arguments, or too many.
    #[error("expected `run ENGINE WORKLOAD N`, but got {0} arguments after `run`")]
    WrongCount(usize),
}

/// Reads the arguments, without the program's name.
///
/// # Errors
///
/// [`UsageError`] says what was expected and what came.
pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Command, UsageError> {
    let mut arguments: Vec<String> = arguments.collect();
    if arguments.is_empty() {
        return Err(UsageError::NoCommand);
    }
    let command = arguments.remove(0);
    match &*command {
        "--help" | "-h" | "help" => Ok(Command::Help),
        "table" if arguments.is_empty() => Ok(Command::Table(Workload::ALL.to_vec())),
        "table" => arguments.iter().map(|name| workload(name)).collect::<Result<_, _>>().map(Command::Table),
        "run" => job(&arguments).map(Command::Run),
        _ => Err(UsageError::UnknownCommand(command)),
    }
}

fn job(arguments: &[String]) -> Result<Job, UsageError> {
    let [engine, workload_name, size] = arguments else {
        return Err(UsageError::WrongCount(arguments.len()));
    };
    let engine = match &**engine {
        "none" => None,
        name => Some(Engine::named(name).ok_or_else(|| UsageError::UnknownEngine(name.to_owned()))?),
    };
    let workload = workload(workload_name)?;
    match size.parse() {
        Ok(size) if size > 0 => Ok(Job { engine, workload, size }),
        _ => Err(UsageError::BadSize(size.clone())),
    }
}

fn workload(name: &str) -> Result<Workload, UsageError> {
    Workload::named(name).ok_or_else(|| UsageError::UnknownWorkload(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> UsageError {
        parse(line.split_whitespace().map(str::to_owned)).expect_err(line)
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        assert_eq!(refused(""), UsageError::NoCommand);
        assert_eq!(refused("walk"), UsageError::UnknownCommand("walk".to_owned()));
        assert_eq!(refused("run hand w1"), UsageError::WrongCount(2));
        assert_eq!(refused("run flink w1 1"), UsageError::UnknownEngine("flink".to_owned()));
        assert_eq!(refused("run hand w9 1"), UsageError::UnknownWorkload("w9".to_owned()));
        assert_eq!(refused("table w9"), UsageError::UnknownWorkload("w9".to_owned()));
        assert_eq!(refused("run hand w1 0"), UsageError::BadSize("0".to_owned()));
        assert_eq!(refused("run hand w1 many"), UsageError::BadSize("many".to_owned()));
    }

    #[test]
    fn every_name_is_known() {
        for engine in Engine::ALL {
            for workload in Workload::ALL {
                let line =
                    ["run".to_owned(), engine.name().to_owned(), workload.name().to_owned(), "7".to_owned()];
                assert!(parse(line.into_iter()).is_ok());
            }
        }
    }
}
