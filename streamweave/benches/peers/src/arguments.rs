//! What is asked for on the command line.

use std::str::FromStr;

use crate::changes::{self, Pace, Size};
use crate::engine::Engine;
use crate::workload::Workload;

/// What `--help` says.
pub(crate) const USAGE: &str = "\
usage: peers table [WORKLOAD..]       compare all engines on these workloads, or on all of them
       peers run ENGINE WORKLOAD N    run one alone: its answer, and the CPU time it took
       peers changes [CHANGES..] [--nodes N] [--edges N] [--rounds N]
                                      compare those that keep an answer up under changes: N nodes,
                                      1,000,000 without a word, five times as many edges, three rounds
       peers run KEEPER CHANGES N [SIZE BATCHES]
                                      one of them alone, on N nodes: load, then edits of that size
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
KEEPER    streamweave, differential, hand; or none, which only makes the input
CHANGES   w5-reach      the nodes reached from one of N, while edges are replaced
          w5-components the components of the same graph, undirected
          w6            a count for each of N keys, joined with a second collection, while rows come and go
          g9            w5-reach with edits of one edge, from 1,000 nodes to N

Set-up costs what N costs, too: for the instructions of an engine take the slope between two N,
less that of `none`; for those of an edit the slope between two BATCHES, less that of `none`.";

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
    /// Have one engine keep an answer.
    RunChanges {
        /// The engine; `None` only makes the input.
        engine: Option<changes::engine::Engine>,
        /// The workload.
        workload: changes::Workload,
        /// On so many nodes, or keys.
        nodes: u32,
        /// How it is edited, if it is.
        pace: Option<Pace>,
    },
    /// Print the table of these workloads.
    Table(Vec<Workload>),
    /// Print the table over changes.
    Changes(changes::Request),
}

/// What was asked for cannot be done.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    /// Nothing was asked for.
    #[error("expected `table`, `changes`, `run` or `--help`, but there was no argument")]
    NoCommand,
    /// No such command.
    #[error("expected `table`, `changes`, `run` or `--help`, but got `{0}`")]
    UnknownCommand(String),
    /// No such engine.
    #[error("expected an engine ({expected} or none), but got `{0}`", expected = Engine::NAMES)]
    UnknownEngine(String),
    /// No such workload.
    #[error("expected a workload ({expected}), but got `{0}`", expected = Workload::NAMES)]
    UnknownWorkload(String),
    /// No engine that keeps an answer has this name.
    #[error("expected an engine over changes ({expected} or none), but got `{0}`", expected = changes::engine::Engine::NAMES)]
    UnknownKeeper(String),
    /// No workload over changes has this name.
    #[error("expected a workload over changes ({expected}), but got `{0}`", expected = changes::Workload::NAMES)]
    UnknownChanges(String),
    /// No such option.
    #[error("expected --nodes, --edges or --rounds, but got `{0}`")]
    UnknownOption(String),
    /// Not a size.
    #[error("expected N, a whole number from 1 on, but got `{0}`")]
    BadSize(String),
    /// Too few arguments, or too many.
    #[error("expected `run ENGINE WORKLOAD N`, but got {0} arguments after `run`")]
    WrongCount(usize),
    /// Too few arguments, or too many, for a workload over changes.
    #[error("expected `run ENGINE WORKLOAD N [SIZE BATCHES]`, but got {0} arguments after `run`")]
    WrongCountOfChanges(usize),
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
        "changes" => request(arguments.into_iter()).map(Command::Changes),
        "run" => match arguments.get(1).and_then(|name| changes::Workload::named(name)) {
            Some(workload) => run_changes(workload, &arguments),
            None => job(&arguments).map(Command::Run),
        },
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
    Ok(Job { engine, workload, size: whole(size)? })
}

fn run_changes(workload: changes::Workload, arguments: &[String]) -> Result<Command, UsageError> {
    let (engine, nodes, pace) = match arguments {
        [engine, _, nodes] => (engine, nodes, None),
        [engine, _, nodes, size, batches] => {
            let batches = whole(batches)?;
            (engine, nodes, Some(Pace { size: whole(size)?, batches, between: batches }))
        }
        _ => return Err(UsageError::WrongCountOfChanges(arguments.len())),
    };
    let engine = match &**engine {
        "none" => None,
        name => Some(
            changes::engine::Engine::named(name).ok_or_else(|| UsageError::UnknownKeeper(name.to_owned()))?,
        ),
    };
    Ok(Command::RunChanges { engine, workload, nodes: whole(nodes)?, pace })
}

fn request(mut arguments: impl Iterator<Item = String>) -> Result<changes::Request, UsageError> {
    let (mut workloads, mut nodes, mut edges, mut rounds) = (Vec::new(), 1_000_000, None, 3);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        match &*argument {
            "--nodes" => nodes = whole(&value())?,
            "--edges" => edges = Some(whole(&value())?),
            "--rounds" => rounds = whole(&value())?,
            option if option.starts_with('-') => return Err(UsageError::UnknownOption(argument)),
            name => workloads.push(
                changes::Workload::named(name).ok_or_else(|| UsageError::UnknownChanges(name.to_owned()))?,
            ),
        }
    }
    if workloads.is_empty() {
        workloads = changes::Workload::ALL.to_vec();
    }
    let size = Size { edges: edges.unwrap_or(Size::of(nodes).edges), nodes };
    Ok(changes::Request { workloads, size, rounds })
}

/// A whole number from 1 on.
fn whole<N: FromStr + Default + PartialEq>(text: &str) -> Result<N, UsageError> {
    text.parse()
        .ok()
        .filter(|number| *number != N::default())
        .ok_or_else(|| UsageError::BadSize(text.to_owned()))
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
        assert_eq!(refused("changes w1"), UsageError::UnknownChanges("w1".to_owned()));
        assert_eq!(refused("changes --keys 7"), UsageError::UnknownOption("--keys".to_owned()));
        assert_eq!(refused("changes --nodes"), UsageError::BadSize(String::new()));
        assert_eq!(refused("changes --nodes 4294967296"), UsageError::BadSize("4294967296".to_owned()));
        assert_eq!(refused("run timely w6 1"), UsageError::UnknownKeeper("timely".to_owned()));
        assert_eq!(refused("run hand w6 1 1"), UsageError::WrongCountOfChanges(4));
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
