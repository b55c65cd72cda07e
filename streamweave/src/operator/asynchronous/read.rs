//! How what a call gives is read, and what an `err` port says of calls that gave nothing.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use super::guarded::Guarded;
use super::plain::Plain;
use crate::operator::element::ResultLike;
use crate::operator::{Gives, GivesOrFails};
use crate::time::TimeDelta;

/// How what a call gives is read.
pub trait Reads<O> {
    /// What goes to `out`.
    type Ok;
    /// How the function itself fails.
    type Fault;
    /// Why a row goes to `err` where calls may take too long, or are made again.
    type Error;

    /// What the function gave, or how it failed.
    fn read(output: O) -> Result<Self::Ok, Self::Fault>;

    /// The function failed, so many times.
    fn failed(error: Self::Fault, attempts: u32) -> Self::Error;

    /// The last call took too long.
    fn timed_out(timed_out: TimedOut) -> Self::Error;

    /// The circuit is open, after so many calls for the row.
    fn refused(attempts: u32) -> Self::Error;
}

impl<B> Reads<B> for Gives<B> {
    type Ok = B;
    type Fault = Infallible;
    type Error = TimedOut;

    #[inline]
    fn read(output: B) -> Result<B, Infallible> {
        Ok(output)
    }

    fn failed(error: Infallible, _attempts: u32) -> TimedOut {
        match error {}
    }

    fn timed_out(timed_out: TimedOut) -> TimedOut {
        timed_out
    }

    fn refused(_attempts: u32) -> TimedOut {
        unreachable!("a circuit breaker asks for calls that can be refused")
    }
}

impl<B, E, O: ResultLike<Ok = B, Err = E>> Reads<O> for GivesOrFails<B, E> {
    type Ok = B;
    type Fault = E;
    type Error = CallError<E>;

    #[inline]
    fn read(output: O) -> Result<B, E> {
        output.into_result()
    }

    fn failed(error: E, attempts: u32) -> CallError<E> {
        CallError::Failed { error, attempts }
    }

    fn timed_out(timed_out: TimedOut) -> CallError<E> {
        timed_out.into()
    }

    fn refused(attempts: u32) -> CallError<E> {
        CallError::Refused { attempts }
    }
}

/// Calls that can be refused, because the `err` port can say so.
#[diagnostic::on_unimplemented(
    message = "a circuit breaker needs calls that can fail",
    label = "the function gives no `Result`",
    note = "let the function return a `Result`: its `Err` is what the breaker counts, beside calls that time out"
)]
pub trait CanBeRefused {}

impl<B, E> CanBeRefused for GivesOrFails<B, E> {}

/// Calls that may come to nothing, under the guards `G`: there is an `err` port.
#[diagnostic::on_unimplemented(
    message = "these calls cannot fail: there is no `err` port, and nothing to make again",
    label = "the function gives no `Result`, and has no `timeout`",
    note = "let the function return a `Result`, or put `.timeout(..)` before this"
)]
pub trait CanFail<G> {}

impl<B, E> CanFail<Plain> for GivesOrFails<B, E> {}

#[diagnostic::do_not_recommend]
impl<K, P> CanFail<Guarded<P>> for K {}

/// Why the calls for a row came to nothing, where they have a timeout or are made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError<E> {
    /// The function failed.
    #[non_exhaustive]
    Failed {
        /// Why, at the last attempt.
        error: E,
        /// How many calls were made.
        attempts: u32,
    },
    /// The call had not ended in time.
    #[non_exhaustive]
    TimedOut {
        /// How much time each call had.
        after: TimeDelta,
        /// How many calls were made.
        attempts: u32,
    },
    /// No call was made: the circuit was open, see [`CircuitBreaker`](super::CircuitBreaker).
    #[non_exhaustive]
    Refused {
        /// How many calls were made before; none where it was open when the row came.
        attempts: u32,
    },
}

impl<E> CallError<E> {
    /// How many calls were made for the row.
    pub fn attempts(&self) -> u32 {
        match self {
            CallError::Failed { attempts, .. }
            | CallError::TimedOut { attempts, .. }
            | CallError::Refused { attempts } => *attempts,
        }
    }

    /// How the function failed; `None` where the last call took too long, or was refused.
    pub fn into_failed(self) -> Option<E> {
        match self {
            CallError::Failed { error, .. } => Some(error),
            CallError::TimedOut { .. } | CallError::Refused { .. } => None,
        }
    }
}

impl<E> From<TimedOut> for CallError<E> {
    fn from(TimedOut { after, attempts }: TimedOut) -> Self {
        CallError::TimedOut { after, attempts }
    }
}

impl<E> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            CallError::Failed { attempts, .. } => {
                write!(f, "the call failed{}", Attempts(attempts))
            }
            CallError::TimedOut { after, attempts } => TimedOut { after, attempts }.fmt(f),
            CallError::Refused { attempts: 0 } => f.write_str("the circuit was open: no call was made"),
            CallError::Refused { attempts } => {
                write!(f, "the circuit was open: no further call was made{}", Attempts(attempts))
            }
        }
    }
}

impl<E: Error + 'static> Error for CallError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CallError::Failed { error, .. } => Some(error),
            CallError::TimedOut { .. } | CallError::Refused { .. } => None,
        }
    }
}

/// A call had not ended in time, and was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimedOut {
    /// How much time each call had.
    pub after: TimeDelta,
    /// How many calls were made.
    pub attempts: u32,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the call had not ended after {}{}", Length(self.after), Attempts(self.attempts))
    }
}

impl Error for TimedOut {}

/// How many attempts there were, where it was not one.
struct Attempts(u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 1 { Ok(()) } else { write!(f, " ({} attempts)", self.0) }
    }
}

/// A length in the largest unit, up to seconds, that leaves no rest.
pub(super) struct Length(pub(super) TimeDelta);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.micros() {
            micros if micros % 1_000_000 == 0 => write!(f, "{} s", micros / 1_000_000),
            micros if micros % 1_000 == 0 => write!(f, "{} ms", micros / 1_000),
            micros => write!(f, "{micros} us"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Units;

    #[test]
    fn an_error_says_what_was_expected_and_how_often_it_was_tried() {
        let failed = CallError::Failed { error: "x".parse::<u8>().expect_err("no number"), attempts: 3 };
        assert_eq!(failed.to_string(), "the call failed (3 attempts)");
        assert_eq!(failed.source().expect("it has one").to_string(), "invalid digit found in string");
        let late = |after, attempts| CallError::<String>::from(TimedOut { after, attempts }).to_string();
        assert_eq!(late(2.secs(), 1), "the call had not ended after 2 s");
        assert_eq!(late(1_500.millis(), 2), "the call had not ended after 1500 ms (2 attempts)");
        assert_eq!(late(7.micros(), 1), "the call had not ended after 7 us");
    }
}
