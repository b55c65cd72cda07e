//! The table over changes: every engine on every script, compared before a time is printed.
//!
//! The engines play a script in turn, and each round begins with another one, as in the other
//! table. A row is the median over the rounds of what is said of a round: there the median and the
//! 99th percentile of its batches. Ratios are taken round by round, of CPU time.

use std::time::Duration;

use super::engine::Engine;
use super::play::{Input, Played, Step};
use super::{Pace, Size, Workload};
use crate::table::{Disagrees, median};

/// What is to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The workloads.
    pub(crate) workloads: Vec<Workload>,
    /// Of this size; the curve up to it.
    pub(crate) size: Size,
    /// How often each engine plays each script.
    pub(crate) rounds: usize,
}

/// Has all engines play, and prints what that took.
///
/// # Errors
///
/// Where an answer is wrong, before any time is printed.
pub(crate) fn print(request: &Request) -> Result<(), Disagrees> {
    let mut lines = Vec::new();
    for &workload in &request.workloads {
        for size in sizes(workload, request.size) {
            eprintln!("{}: {} nodes, {} rounds", workload.name(), size.nodes, request.rounds);
            let input = Input::of(workload, size, Pace::of(workload));
            let rounds = (0..request.rounds).map(|first| compared(workload, round(input, first)));
            let rounds = rounds.collect::<Result<Vec<Round>, _>>()?;
            lines.extend(rows(workload, size, input.arranged(), &rounds));
        }
    }
    println!(
        "| workload | step | engine | CPU time | to differential | median | p99 | changes a second | target |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// What each engine took, in the order of [`Engine::ALL`].
type Round = Vec<Played>;

/// The sizes at which a workload is played.
fn sizes(workload: Workload, size: Size) -> Vec<Size> {
    match workload {
        Workload::Curve => {
            let powers = (3..=6).map(|power| Size::of(10_u32.pow(power)));
            powers.filter(|at| at.nodes <= size.nodes).collect()
        }
        _ => vec![size],
    }
}

/// Has each engine play, beginning with the one in this place.
fn round(input: Input, first: usize) -> Round {
    let first = first % Engine::ALL.len();
    let (before, after) = Engine::ALL.split_at(first);
    let mut round: Round = after.iter().chain(before).map(|&engine| input.play(engine)).collect();
    round.rotate_right(first);
    round
}

/// The round, if all of its answers are the same.
fn compared(workload: Workload, round: Round) -> Result<Round, Disagrees> {
    let answers =
        |played: &Played| played.steps.iter().flat_map(|step| step.answers.clone()).collect::<Vec<_>>();
    let expected = answers(&round[place_of(Engine::Hand)]);
    for (engine, played) in Engine::ALL.iter().zip(&round) {
        let said = answers(played);
        assert_eq!(said.len(), expected.len(), "all engines play the same script");
        if let Some((said, expected)) = said.iter().zip(&expected).find(|(said, expected)| said != expected) {
            return Err(Disagrees::new(engine.name(), workload.name(), expected, said));
        }
    }
    Ok(round)
}

/// Where an engine stands in [`Engine::ALL`].
fn place_of(engine: Engine) -> usize {
    Engine::ALL.iter().position(|&other| other == engine).expect("all engines are in the list of all")
}

/// The table's rows for a workload: its steps, then its memory.
fn rows(workload: Workload, size: Size, arranged: usize, rounds: &[Round]) -> Vec<String> {
    let kinds = Pace::of(workload).iter().map(|pace| format!("edits of {}", thousands(pace.size)));
    let steps: Vec<String> = std::iter::once("load".to_owned()).chain(kinds).collect();
    let mut rows = Vec::new();
    let shown = match workload {
        Workload::Curve => 1..steps.len(),
        _ => 0..steps.len(),
    };
    for at in shown {
        let name = match workload {
            Workload::Curve => format!("{}, {} nodes", steps[at], thousands(size.nodes as usize)),
            _ => steps[at].clone(),
        };
        for engine in 0..Engine::ALL.len() {
            let over = |of: &dyn Fn(&Step) -> f64| {
                median(rounds.iter().map(|round| of(&round[engine].steps[at])).collect())
            };
            let ratio = ratio(rounds, engine, |played| cpu(&played.steps[at]));
            let [cpu, half, tail] = [over(&cpu), over(&|step| wall(step, 50)), over(&|step| wall(step, 99))];
            let rate = over(&rate);
            let measured = format!(
                "{} | {ratio:.2} | {} | {} | {}",
                time(cpu),
                time(half),
                time(tail),
                thousands(rate as usize)
            );
            let target = format!("at most {} of this", workload.target());
            rows.push(row(workload, &name, engine, &measured, &target));
        }
    }
    if workload == Workload::Curve {
        return rows;
    }
    for engine in 0..Engine::ALL.len() {
        let memory = |played: &Played| played.memory as f64;
        let bytes = median(rounds.iter().map(|round| memory(&round[engine])).collect());
        let ratio = ratio(rounds, engine, memory);
        let each = bytes / arranged as f64;
        let measured = format!("{each:.1} bytes a row, {:.0} MB | {ratio:.2} | | |", bytes / 1e6);
        rows.push(row(workload, "memory", engine, &measured, ""));
    }
    rows
}

/// A line of the table. The target is StreamWeave's, and stands beside what it is a part of.
fn row(workload: Workload, step: &str, engine: usize, measured: &str, target: &str) -> String {
    let engine = Engine::ALL[engine];
    let target = if engine == Engine::Differential { target } else { "" };
    format!("| {} | {step} | {} | {measured} | {target} |", workload.name(), engine.name())
}

/// What something is to differential's.
fn ratio(rounds: &[Round], engine: usize, of: impl Fn(&Played) -> f64) -> f64 {
    let differential = place_of(Engine::Differential);
    median(rounds.iter().map(|round| of(&round[engine]) / of(&round[differential])).collect())
}

/// The median CPU time of a batch, in seconds.
fn cpu(step: &Step) -> f64 {
    percentile(step.took.iter().map(|took| took.cpu), 50)
}

/// A percentile of a batch's time by the clock, in seconds.
fn wall(step: &Step, percent: usize) -> f64 {
    percentile(step.took.iter().map(|took| took.wall), percent)
}

/// Changes a second of CPU time, over all batches.
fn rate(step: &Step) -> f64 {
    step.changes as f64 / step.took.iter().map(|took| took.cpu).sum::<Duration>().as_secs_f64()
}

fn percentile(times: impl Iterator<Item = Duration>, percent: usize) -> f64 {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times[times.len() * percent / 100].as_secs_f64()
}

/// A time in the unit that suits it.
fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 1.0 => format!("{seconds:.2} s"),
        _ if seconds >= 1e-3 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{:.2} us", seconds * 1e6),
    }
}

/// A number with its thousands set apart.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::graph::ROOT;
    use crate::changes::script::Answer;

    fn played(rows: i64) -> Played {
        let mut answer = Answer::default();
        answer.enter_node(ROOT, rows);
        let step = Step { answers: vec![Answer::default(), answer], ..Step::default() };
        Played { steps: vec![step], memory: 0 }
    }

    #[test]
    fn an_answer_of_its_own_is_reported_with_its_engine() {
        let round = |differential| {
            let mut round = vec![played(1); Engine::ALL.len()];
            round[place_of(Engine::Differential)] = played(differential);
            compared(Workload::Reachability, round)
        };
        assert!(round(1).is_ok());
        let error = round(2).expect_err("2 is not 1").to_string();
        assert!(error.starts_with("differential disagrees on w5-reach: expected `1 rows, sum "), "{error}");
    }

    #[test]
    fn the_curve_goes_up_to_the_size_that_is_asked_for() {
        let nodes =
            |most| sizes(Workload::Curve, Size::of(most)).iter().map(|size| size.nodes).collect::<Vec<_>>();
        assert_eq!(nodes(1_000_000), [1_000, 10_000, 100_000, 1_000_000]);
        assert_eq!(nodes(20_000), [1_000, 10_000]);
    }

    #[test]
    fn numbers_and_times_are_readable() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([2.5, 0.0125, 0.000_003].map(time), ["2.50 s", "12.50 ms", "3.00 us"]);
    }
}
