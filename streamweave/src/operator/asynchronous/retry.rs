//! How often a call is made again, and when.

use super::read::Length;
use crate::operator::Cause;
use crate::time::{TimeDelta, Units};

/// How often a call that failed is made again, and after which time.
///
/// The first retry waits for [`backoff`](Retry::backoff), each further one [`factor`](Retry::factor) times
/// as long as the one before, but never longer than [`at_most`](Retry::at_most). Unless it is said
/// otherwise that is 100 ms, 200 ms, 400 ms, and so on, up to 30 s. The time is that of the graph's clock.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// let retry = Retry::times(4).backoff(1.secs()).factor(3).at_most(10.secs());
/// let delays = [1, 2, 3, 4].map(|attempt| retry.delay(0, attempt));
/// assert_eq!(delays, [1.secs(), 3.secs(), 9.secs(), 10.secs()]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    backoff: TimeDelta,
    factor: u32,
    at_most: TimeDelta,
    jitter: Option<u64>,
}

impl Retry {
    /// A call that failed is made again at most so many times: `times + 1` calls in all.
    pub fn times(times: u32) -> Self {
        Retry { times, backoff: 100.millis(), factor: 2, at_most: 30.secs(), jitter: None }
    }

    /// How long the first retry waits; zero is allowed.
    #[must_use]
    pub fn backoff(self, first: TimeDelta) -> Self {
        Retry { backoff: first, ..self }
    }

    /// How many times longer each further retry waits; at least 1, which is always the same.
    #[must_use]
    pub fn factor(self, factor: u32) -> Self {
        Retry { factor, ..self }
    }

    /// No retry waits longer.
    #[must_use]
    pub fn at_most(self, longest: TimeDelta) -> Self {
        Retry { at_most: longest, ..self }
    }

    /// Each retry waits for a part of its time only, from a half to the whole, so that rows which failed
    /// together do not come back together.
    ///
    /// The part is drawn from the seed, the number of the row and that of the attempt, and from nothing
    /// else: the same rows wait for the same time in every run. Give each graph that calls the same
    /// service a seed of its own.
    #[must_use]
    pub fn jitter(self, seed: u64) -> Self {
        Retry { jitter: Some(seed), ..self }
    }

    /// How long row number `row` waits after attempt number `attempt`; rows are counted from 0, attempts
    /// from 1.
    pub fn delay(&self, row: u64, attempt: u32) -> TimeDelta {
        let factor = i64::from(self.factor).saturating_pow(attempt.saturating_sub(1));
        let delay = (self.backoff * factor).min(self.at_most);
        let Some(seed) = self.jitter else { return delay };
        let half = delay.micros() / 2;
        let drawn = mixed(mixed(seed ^ mixed(row)) ^ u64::from(attempt));
        let part = (u128::from(drawn) * u128::from(half.unsigned_abs() + 1)) >> 64;
        TimeDelta::from_micros(delay.micros() - i64::try_from(part).expect("at most a half"))
    }

    /// Whether another call is left after so many.
    pub(crate) fn is_left(&self, attempts: u32) -> bool {
        attempts <= self.times
    }

    pub(crate) fn validate(&self) -> Result<(), Cause> {
        if self.factor == 0 {
            return Err("the factor of a retry must be above zero, found 0".into());
        }
        for (what, length) in [("backoff", self.backoff), ("longest wait", self.at_most)] {
            if length.is_negative() {
                return Err(format!(
                    "the {what} of a retry must not be below zero, found {}",
                    Length(length)
                )
                .into());
            }
        }
        Ok(())
    }
}

/// Steele, Lea and Flood's SplitMix64, at one place of its sequence.
fn mixed(x: u64) -> u64 {
    let z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_up_to_the_longest_and_do_not_overflow() {
        let retry = Retry::times(u32::MAX).backoff(3.millis()).factor(10).at_most(1.hours());
        assert_eq!(retry.delay(0, 1), 3.millis());
        assert_eq!(retry.delay(0, 4), 3.secs());
        assert_eq!(retry.delay(9, 40), 1.hours());
        assert_eq!(retry.delay(9, u32::MAX), 1.hours());
        assert_eq!(retry.factor(1).delay(0, 77), 3.millis());
    }

    #[test]
    fn jitter_takes_up_to_half_away_and_is_the_same_for_the_same_seed() {
        let retry = Retry::times(9).backoff(1.secs()).factor(1).jitter(5);
        let delays: Vec<_> = (0..1_000).map(|row| retry.delay(row, 1)).collect();
        assert_eq!(delays, Vec::from_iter((0..1_000).map(|row| retry.delay(row, 1))));
        assert!(delays.iter().all(|delay| (500.millis()..=1.secs()).contains(delay)));
        // Spread over the whole of it.
        let below = |limit: TimeDelta| delays.iter().filter(|delay| **delay < limit).count();
        assert!((200..300).contains(&below(625.millis())), "{}", below(625.millis()));
        assert!((450..550).contains(&below(750.millis())), "{}", below(750.millis()));
        assert_ne!(retry.delay(0, 1), retry.delay(0, 2));
        assert_ne!(retry.delay(0, 1), retry.jitter(6).delay(0, 1));
        assert_eq!(retry.backoff(0.secs()).delay(0, 1), 0.secs());
    }

    #[test]
    fn three_times_are_four_calls() {
        let retry = Retry::times(3);
        assert!([1, 2, 3].into_iter().all(|attempts| retry.is_left(attempts)));
        assert!(!retry.is_left(4));
    }
}
