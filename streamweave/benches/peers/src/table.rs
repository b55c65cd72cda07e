//! The table: every engine on every workload, compared before a time is printed.
//!
//! Each run is a process of its own, so that no engine works in memory or beside threads that
//! another left behind. The engines take turns, round after round, for what disturbs a machine
//! comes and goes; a row's ratio is the median of the ratios round by round.

use std::process::Command;

use crate::arguments::AS_CHILD;
use crate::engine::Engine;
use crate::measure::{Measured, NotMeasured};
use crate::workload::{Target, Workload};

/// How many rounds are measured, after one that only compares the answers.
const ROUNDS: usize = 7;

/// The table cannot be printed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// This program cannot be started again.
    #[error("cannot start a run in a process of its own: {0}")]
    NotStarted(#[from] std::io::Error),
    /// A run failed.
    #[error("{engine} failed on {workload}: {said}")]
    Failed {
        /// Who.
        engine: &'static str,
        /// On what.
        workload: &'static str,
        /// What it said.
        said: String,
    },
    /// A run printed something else than a measurement.
    #[error("{engine} on {workload}: {cause}")]
    NotMeasured {
        /// Who.
        engine: &'static str,
        /// On what.
        workload: &'static str,
        /// What it printed.
        cause: NotMeasured,
    },
    /// An engine's answer is not that of the loop by hand.
    #[error(
        "{engine} disagrees on {workload}: expected `{expected}`, as by hand, but got `{said}`; no time is printed"
    )]
    Disagrees {
        /// Who.
        engine: &'static str,
        /// On what.
        workload: &'static str,
        /// The loop's answer.
        expected: String,
        /// The engine's.
        said: String,
    },
}

/// Runs all engines on these workloads, and prints what that took.
///
/// # Errors
///
/// [`TableError`]; where an answer is wrong, before any time is printed.
pub(crate) fn print(workloads: &[Workload]) -> Result<(), TableError> {
    for &workload in workloads {
        eprintln!("{}: comparing the answers", workload.name());
        round(workload)?;
    }
    let mut measured = Vec::new();
    for &workload in workloads {
        eprintln!("{}: {ROUNDS} rounds", workload.name());
        let rounds = (0..ROUNDS).map(|_| round(workload)).collect::<Result<Vec<_>, _>>()?;
        measured.push((workload, rounds));
    }
    println!(
        "| workload | engine | CPU time a row | to the loop | median latency | p99 (bare clock) | target |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (workload, rounds) in measured {
        for at in 0..Engine::ALL.len() {
            println!("{}", line(workload, at, &rounds));
        }
    }
    Ok(())
}

/// What each engine of [`Engine::ALL`] came to.
type Round = Vec<Measured>;

/// One run of each engine, all of whose answers are the same.
fn round(workload: Workload) -> Result<Round, TableError> {
    let round = Engine::ALL.iter().map(|&engine| run(engine, workload)).collect::<Result<Round, _>>()?;
    let expected = &round[place_of(Engine::Hand)].answer;
    for (engine, measured) in Engine::ALL.iter().zip(&round) {
        if measured.answer != *expected {
            return Err(TableError::Disagrees {
                engine: engine.name(),
                workload: workload.name(),
                expected: expected.clone(),
                said: measured.answer.clone(),
            });
        }
    }
    Ok(round)
}

/// Where an engine stands in [`Engine::ALL`], and so in a [`Round`].
fn place_of(engine: Engine) -> usize {
    Engine::ALL.iter().position(|&other| other == engine).expect("all engines are in the list of all")
}

/// Runs an engine in a process of its own.
fn run(engine: Engine, workload: Workload) -> Result<Measured, TableError> {
    let (engine, size) = (engine.name(), workload.default_size().to_string());
    let workload = workload.name();
    let child =
        Command::new(std::env::current_exe()?).args(["run", AS_CHILD, engine, workload, &size]).output()?;
    if !child.status.success() {
        let said = String::from_utf8_lossy(&child.stderr).trim().to_owned();
        return Err(TableError::Failed { engine, workload, said });
    }
    let printed = String::from_utf8_lossy(&child.stdout);
    printed.parse().map_err(|cause| TableError::NotMeasured { engine, workload, cause })
}

/// A line of the table: the engine at a place, over all rounds.
fn line(workload: Workload, at: usize, rounds: &[Round]) -> String {
    let over = |of: &dyn Fn(&Round) -> f64| median(rounds.iter().map(of).collect());
    let hand = place_of(Engine::Hand);
    let ratio = over(&|round| round[at].nanos_per_row() / round[hand].nanos_per_row());
    let latency = over(&|round| round[at].latency.median);
    let (times, latencies, verdict) = match workload.target() {
        // The load generator spins, so that CPU time says nothing about an engine.
        Target::Median(most) => {
            let [tail, bare] = [over(&|round| round[at].latency.tail), over(&|round| round[at].bare.tail)];
            let latencies = format!("{latency:.0} ns | {:.1} us ({:.1} us)", tail / 1e3, bare / 1e3);
            ("- | -".to_owned(), latencies, verdict(latency, most, &format!("{most:.0} ns")))
        }
        Target::Ratio(most) => {
            let times = format!("{:.2} ns | {ratio:.2}", over(&|round| round[at].nanos_per_row()));
            (times, "- | -".to_owned(), verdict(ratio, most, &format!("{most}")))
        }
    };
    let verdict = if Engine::ALL[at] == Engine::StreamWeave { verdict } else { String::new() };
    format!("| {} | {} | {times} | {latencies} | {verdict} |", workload.name(), Engine::ALL[at].name())
}

fn verdict(is: f64, most: f64, target: &str) -> String {
    if is <= most { format!("at most {target}") } else { format!("at most {target}: MISSED") }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_missed_is_marked() {
        assert_eq!(verdict(1.0, 1.0, "1"), "at most 1");
        assert_eq!(verdict(1.01, 1.0, "1"), "at most 1: MISSED");
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
