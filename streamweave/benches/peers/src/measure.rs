//! What a run took.
//!
//! Time is the process's CPU time, of all its threads: a machine that is busy elsewhere lengthens
//! it less than the clock's, and a peer that works on two threads is not let off half its work. It
//! is read around the engine alone, so that making the input does not count.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use cpu_time::ProcessTime;

use crate::arguments::Job;
use crate::engine::{Engine, Work};
use crate::workload::paced::{self, Latency};
use crate::workload::{Workload, numbers, windows, words};

/// What one run came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    /// The answer.
    pub(crate) answer: String,
    /// The rows that the time is divided by: numbers, words, bids, records.
    pub(crate) rows: usize,
    /// The CPU time of the engine at work.
    pub(crate) cpu: Duration,
    /// The CPU time of making the input.
    pub(crate) set_up: Duration,
    /// The latency of the records, where they are paced.
    pub(crate) latency: Latency,
    /// The latency of a bare clock loop in the same process, where records are paced.
    pub(crate) bare: Latency,
}

impl Measured {
    /// Does a job.
    pub(crate) fn of(job: Job) -> Measured {
        let begun = ProcessTime::now();
        let size = job.size;
        match job.workload {
            Workload::W1 => {
                let input = numbers::input(size);
                Timing::since(begun, size).of(job.engine, |engine| engine.five_operators(input).to_string())
            }
            Workload::W2Borrowed => {
                let lines = words::input(size);
                Timing::since(begun, words::count(lines))
                    .of(job.engine, |engine| engine.borrowed_words(lines).to_string())
            }
            Workload::W2Owned => {
                let lines = words::input(size);
                Timing::since(begun, words::count(lines))
                    .of(job.engine, |engine| engine.owned_words(lines).to_string())
            }
            Workload::W3 => {
                let bids = windows::input(size);
                Timing::since(begun, size).of(job.engine, |engine| engine.windowed_count(bids).to_string())
            }
            Workload::W7 => {
                let bare = paced::bare(size);
                let mut latency = Latency::default();
                let measured = Timing::since(begun, size).of(job.engine, |engine| {
                    let arrivals = engine.paced_records(size);
                    latency = arrivals.latency();
                    arrivals.to_string()
                });
                Measured { latency, bare, ..measured }
            }
        }
    }

    /// The CPU time of a row, in nanoseconds.
    pub(crate) fn nanos_per_row(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e9 / self.rows as f64
    }
}

/// A job whose input is made.
struct Timing {
    rows: usize,
    set_up: Duration,
}

impl Timing {
    fn since(begun: ProcessTime, rows: usize) -> Self {
        Timing { rows, set_up: begun.elapsed() }
    }

    fn of(self, engine: Option<Engine>, work: impl FnOnce(&dyn Work) -> String) -> Measured {
        let begun = ProcessTime::now();
        let answer = engine.map_or_else(|| format!("{} rows", self.rows), |engine| work(engine.work()));
        let (cpu, none) = (begun.elapsed(), Latency::default());
        Measured { answer, rows: self.rows, cpu, set_up: self.set_up, latency: none, bare: none }
    }
}

/// The form in which a child hands it to the process that prints the table: a line a field.
impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.answer)?;
        writeln!(f, "{} {} {}", self.rows, self.cpu.as_secs_f64(), self.set_up.as_secs_f64())?;
        let Measured { latency, bare, .. } = self;
        writeln!(f, "{} {} {} {}", latency.median, latency.tail, bare.median, bare.tail)
    }
}

/// What a child printed is not a measurement.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an answer and seven numbers, but got `{0}`")]
pub(crate) struct NotMeasured(String);

impl FromStr for Measured {
    type Err = NotMeasured;

    fn from_str(text: &str) -> Result<Self, NotMeasured> {
        let error = || NotMeasured(text.to_owned());
        let (answer, rest) = text.split_once('\n').ok_or_else(error)?;
        let parsed: Result<Vec<f64>, _> = rest.split_whitespace().map(str::parse).collect();
        let [rows, cpu, set_up, median, tail, bare_median, bare_tail] = *parsed.map_err(|_| error())? else {
            return Err(error());
        };
        Ok(Measured {
            answer: answer.to_owned(),
            rows: rows as usize,
            cpu: Duration::try_from_secs_f64(cpu).map_err(|_| error())?,
            set_up: Duration::try_from_secs_f64(set_up).map_err(|_| error())?,
            latency: Latency { median, tail },
            bare: Latency { median: bare_median, tail: bare_tail },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_prints_is_read_back() {
        let measured = Measured {
            answer: "3 panes, sum 7".to_owned(),
            rows: 20_000_000,
            cpu: Duration::from_millis(1_250),
            set_up: Duration::from_millis(3),
            latency: Latency { median: 512.0, tail: 9_000.5 },
            bare: Latency { median: 40.0, tail: 8_000.0 },
        };
        assert_eq!(measured.to_string().parse(), Ok(measured));
        assert!("a panic, say".parse::<Measured>().is_err());
    }
}
