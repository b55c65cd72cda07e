//! The table: every engine on every workload, compared before a time is printed.
//!
//! The engines work in turn on the same input, in one process that does nothing else meanwhile: what
//! disturbs a machine comes and goes, and disturbs neighbours alike. Each round begins with another
//! engine, so that none always works in the memory that the same other one has left. A row's ratio
//! is the median of the ratios round by round.

use crate::engine::Engine;
use crate::measure::{Input, Measured};
use crate::workload::paced::{self, Latency};
use crate::workload::{Target, Workload};

/// An engine's answer is not that of the loop by hand.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{engine} disagrees on {workload}: expected `{expected}`, as by hand, but got `{said}`; no time is printed"
)]
pub(crate) struct Disagrees {
    engine: &'static str,
    workload: &'static str,
    expected: String,
    said: String,
}

impl Disagrees {
    /// What an engine said where another answer was expected.
    pub(crate) fn new(
        engine: &'static str,
        workload: &'static str,
        expected: &impl ToString,
        said: &impl ToString,
    ) -> Self {
        Disagrees { engine, workload, expected: expected.to_string(), said: said.to_string() }
    }
}

/// Runs all engines on these workloads, and prints what that took.
///
/// # Errors
///
/// Where an answer is wrong, before any time is printed.
pub(crate) fn print(workloads: &[Workload]) -> Result<(), Disagrees> {
    let inputs: Vec<(Workload, Input)> =
        workloads.iter().map(|&workload| (workload, Input::of(workload, workload.default_size()))).collect();
    for &(workload, input) in &inputs {
        eprintln!("{}: comparing the answers", workload.name());
        compared(workload, Round::run(input, 0))?;
    }
    let mut lines = Vec::new();
    for (workload, input) in inputs {
        eprintln!("{}: {} rounds", workload.name(), workload.rounds());
        let rounds = (0..workload.rounds()).map(|first| compared(workload, Round::run(input, first)));
        let rounds = rounds.collect::<Result<Vec<Round>, _>>()?;
        lines.extend((0..Engine::ALL.len()).map(|at| line(workload, input, at, &rounds)));
    }
    println!(
        "| workload | engine | CPU time a row | to the loop | median latency | p99 (bare clock) | target |"
    );
    println!("|---|---|---|---|---|---|---|");
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// A run of each engine.
struct Round {
    /// What each engine came to, in the order of [`Engine::ALL`].
    measured: Vec<Measured>,
    /// The latency of a bare clock loop, where records are paced.
    bare: Latency,
}

impl Round {
    /// Runs all engines, beginning with another one for each `first`.
    fn run(input: Input, first: usize) -> Round {
        let bare = match input {
            Input::Paced(count) => paced::bare(count),
            _ => Latency::default(),
        };
        let first = first % Engine::ALL.len();
        let turns = Engine::ALL.iter().cycle().skip(first).take(Engine::ALL.len());
        let mut measured: Vec<Measured> = turns.map(|&engine| input.run(engine)).collect();
        measured.rotate_right(first);
        Round { measured, bare }
    }
}

/// The round, if all of its answers are the same.
fn compared(workload: Workload, round: Round) -> Result<Round, Disagrees> {
    let expected = &round.measured[place_of(Engine::Hand)].answer;
    match Engine::ALL.iter().zip(&round.measured).find(|(_, measured)| measured.answer != *expected) {
        None => Ok(round),
        Some((engine, measured)) => {
            Err(Disagrees::new(engine.name(), workload.name(), expected, &measured.answer))
        }
    }
}

/// Where an engine stands in [`Engine::ALL`].
fn place_of(engine: Engine) -> usize {
    Engine::ALL.iter().position(|&other| other == engine).expect("all engines are in the list of all")
}

/// A line of the table: the engine at a place, over all rounds.
fn line(workload: Workload, input: Input, at: usize, rounds: &[Round]) -> String {
    let over = |of: &dyn Fn(&Round) -> f64| median(rounds.iter().map(of).collect());
    let cpu = |round: &Round, at: usize| round.measured[at].cpu.as_secs_f64();
    let (measured, verdict) = match workload.target() {
        // The load generator spins, so that CPU time says nothing about an engine.
        Target::Median(most) => {
            let latency = over(&|round| round.measured[at].latency.median);
            let tail = over(&|round| round.measured[at].latency.tail) / 1e3;
            let bare = over(&|round| round.bare.tail) / 1e3;
            let verdict = verdict(latency, most, &format!("{most:.0} ns"));
            (format!("| | {latency:.0} ns | {tail:.1} us ({bare:.1} us)"), verdict)
        }
        target @ (Target::Ratio(_) | Target::None) => {
            let nanos = over(&|round| cpu(round, at)) * 1e9 / input.rows() as f64;
            let ratio = over(&|round| cpu(round, at) / cpu(round, place_of(Engine::Hand)));
            let verdict = match target {
                Target::Ratio(most) => verdict(ratio, most, &most.to_string()),
                _ => String::new(),
            };
            (format!("{nanos:.2} ns | {ratio:.2} | |"), verdict)
        }
    };
    let engine = Engine::ALL[at];
    let verdict = if engine == Engine::StreamWeave { &verdict } else { "" };
    format!("| {} | {} | {measured} | {verdict} |", workload.name(), engine.name())
}

fn verdict(is: f64, most: f64, target: &str) -> String {
    if is <= most { format!("at most {target}: met") } else { format!("at most {target}: MISSED") }
}

/// The value in the middle.
pub(crate) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_answer_of_its_own_is_reported_with_its_engine() {
        let measured = |answer: &str| Measured {
            answer: answer.to_owned(),
            cpu: Duration::ZERO,
            latency: Latency::default(),
        };
        let round =
            |answers: [&str; 5]| Round { measured: answers.map(measured).to_vec(), bare: Latency::default() };
        assert!(compared(Workload::W3, round(["7"; 5])).is_ok());
        let error =
            compared(Workload::W3, round(["7", "7", "7", "7", "8"])).err().map(|error| error.to_string());
        let expected = "renoir disagrees on w3: expected `7`, as by hand, but got `8`; no time is printed";
        assert_eq!(error.as_deref(), Some(expected));
    }

    #[test]
    fn a_round_gives_its_runs_in_the_order_of_the_engines() {
        let numbers: &[u64] = &[1, 2, 3];
        let rounds = [0, 3].map(|first| Round::run(Input::Numbers(numbers), first));
        assert_eq!(rounds[0].measured.len(), rounds[1].measured.len());
        assert!(rounds.into_iter().all(|round| compared(Workload::W1, round).is_ok()));
    }

    #[test]
    fn a_target_missed_is_marked() {
        assert_eq!(verdict(1.0, 1.0, "1"), "at most 1: met");
        assert_eq!(verdict(1.01, 1.0, "1"), "at most 1: MISSED");
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
