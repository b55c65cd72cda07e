//! Sums of floats without rounding.
//!
//! The sum is a number of 2,240 bits in two's complement, of which the lowest stands for 2^-1074, the least float above
//! zero: each float is 53 of its bits (Kulisch's accumulator). Adding and taking back are exact, whatever their order, and
//! 2^63 of the greatest floats still fit.

use super::{Aggregate, Merge, Retract};

const WORDS: usize = 35;

/// The exact sum of floats, rounded once, when it is asked for.
///
/// Unlike a [`Sum`](super::Sum) it does not depend on the order of the values, and what was added and taken back leaves
/// nothing behind (rule F3). It keeps 35 words instead of one, and costs several times as much. Infinities
/// and NaNs are counted apart, and can be taken back as well.
///
/// # Examples
///
/// ```
/// use streamweave::operator::{Aggregate, ExactSum, Retract};
///
/// let mut sum = ExactSum::new();
/// for value in [0.1, 1e100, 1.0, -1e100] {
///     sum.add(value);
/// }
/// assert_eq!(Aggregate::<f64>::output(&sum), 1.1);
/// sum.retract(0.1);
/// sum.retract(1.0);
/// assert_eq!(Aggregate::<f64>::output(&sum), 0.0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExactSum {
    /// The lowest first.
    #[serde(with = "words")]
    words: [u64; WORDS],
    nans: u64,
    above: u64,
    below: u64,
}

/// The words as they are saved: serde has no arrays of this length.
mod words {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::WORDS;

    pub(super) fn serialize<S: Serializer>(words: &[u64; WORDS], serializer: S) -> Result<S::Ok, S::Error> {
        words[..].serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u64; WORDS], D::Error> {
        let words = Vec::<u64>::deserialize(deserializer)?;
        let expected = |words: Vec<u64>| serde::de::Error::invalid_length(words.len(), &"35 words");
        words.try_into().map_err(expected)
    }
}

impl ExactSum {
    /// Nothing yet.
    pub fn new() -> Self {
        ExactSum { words: [0; WORDS], nans: 0, above: 0, below: 0 }
    }

    /// Counts a value that is not finite; `None` where it is.
    fn special(&mut self, value: f64) -> Option<&mut u64> {
        match value {
            _ if value.is_nan() => Some(&mut self.nans),
            f64::INFINITY => Some(&mut self.above),
            f64::NEG_INFINITY => Some(&mut self.below),
            _ => None,
        }
    }

    fn add_finite(&mut self, value: f64) {
        let exponent = (value.to_bits() >> 52) & 0x7ff;
        let fraction = value.to_bits() & ((1 << 52) - 1);
        let significand = if exponent == 0 { fraction } else { fraction | (1 << 52) };
        let shift = exponent.saturating_sub(1) as usize;
        let wide = u128::from(significand) << (shift % 64);
        let parts = [wide as u64, (wide >> 64) as u64];
        if value.is_sign_negative() {
            carry(&mut self.words[shift / 64..], parts, u64::overflowing_sub);
        } else {
            carry(&mut self.words[shift / 64..], parts, u64::overflowing_add);
        }
    }

    fn rounded(&self) -> f64 {
        let is_negative = self.words[WORDS - 1] >> 63 == 1;
        let magnitude = if is_negative { negated(&self.words) } else { self.words };
        let rounded = nearest(&magnitude);
        if is_negative { -rounded } else { rounded }
    }
}

impl Default for ExactSum {
    fn default() -> Self {
        ExactSum::new()
    }
}

/// Adds or subtracts two words at the lowest place, and carries as far as it goes.
#[inline]
fn carry(words: &mut [u64], parts: [u64; 2], step: impl Fn(u64, u64) -> (u64, bool)) {
    let mut carried = false;
    for (at, word) in words.iter_mut().enumerate() {
        let part = parts.get(at).copied().unwrap_or(0);
        if at >= parts.len() && !carried {
            return;
        }
        let (stepped, first) = step(*word, part);
        let (stepped, second) = step(stepped, u64::from(carried));
        *word = stepped;
        carried = first | second;
    }
}

fn negated(words: &[u64; WORDS]) -> [u64; WORDS] {
    let mut negated = words.map(|word| !word);
    carry(&mut negated, [1, 0], u64::overflowing_add);
    negated
}

/// The nearest float; of two the even one.
fn nearest(words: &[u64; WORDS]) -> f64 {
    let Some(top) = words.iter().rposition(|word| *word != 0) else { return 0.0 };
    let highest = top * 64 + 63 - words[top].leading_zeros() as usize;
    // Up to 53 bits are their own float, below the least normal one too.
    let Some(lowest) = highest.checked_sub(52) else { return f64::from_bits(words[0]) };
    let bit = |at: usize| words[at / 64] >> (at % 64) & 1;
    let above = words.get(lowest / 64 + 1).copied().unwrap_or(0);
    let wide = (u128::from(above) << 64) | u128::from(words[lowest / 64]);
    let significand = (wide >> (lowest % 64)) as u64 & ((1 << 53) - 1);
    let half = lowest.checked_sub(1).is_some_and(|at| bit(at) == 1);
    let more = half && (0..lowest - 1).any(|at| bit(at) == 1);
    let up = half && (more || significand & 1 == 1);
    // A carry out of the significand is one into the exponent.
    let exponent = lowest as u64 + 1;
    if exponent >= 0x7ff {
        return f64::INFINITY;
    }
    f64::from_bits((exponent << 52) + (significand - (1 << 52)) + u64::from(up))
}

impl<V: Into<f64>> Aggregate<V> for ExactSum {
    type Output = f64;

    #[inline]
    fn add(&mut self, value: V) {
        let value = value.into();
        match self.special(value) {
            Some(count) => *count += 1,
            None => self.add_finite(value),
        }
    }

    fn output(&self) -> f64 {
        match (self.nans, self.above, self.below) {
            (0, 0, 0) => self.rounded(),
            (0, _, 0) => f64::INFINITY,
            (0, 0, _) => f64::NEG_INFINITY,
            _ => f64::NAN,
        }
    }
}

impl<V: Into<f64>> Retract<V> for ExactSum {
    fn retract(&mut self, value: V) {
        let value = value.into();
        match self.special(value) {
            Some(count) => *count -= 1,
            None => self.add_finite(-value),
        }
    }
}

impl Merge for ExactSum {
    fn merge(&mut self, later: &Self) {
        for (at, word) in later.words.iter().enumerate() {
            carry(&mut self.words[at..], [*word, 0], u64::overflowing_add);
        }
        self.nans += later.nans;
        self.above += later.above;
        self.below += later.below;
    }
}

/// The mean of floats: their [`ExactSum`], rounded, divided by their number.
///
/// Where every value has been taken back there is no mean: it is NaN.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExactMean {
    sum: ExactSum,
    count: u64,
}

impl ExactMean {
    /// Nothing yet.
    pub fn new() -> Self {
        ExactMean::default()
    }
}

impl<V: Into<f64>> Aggregate<V> for ExactMean {
    type Output = f64;

    #[inline]
    fn add(&mut self, value: V) {
        self.sum.add(value.into());
        self.count += 1;
    }

    fn output(&self) -> f64 {
        Aggregate::<f64>::output(&self.sum) / self.count as f64
    }
}

impl<V: Into<f64>> Retract<V> for ExactMean {
    fn retract(&mut self, value: V) {
        self.sum.retract(value.into());
        self.count -= 1;
    }
}

impl Merge for ExactMean {
    fn merge(&mut self, later: &Self) {
        self.sum.merge(&later.sum);
        self.count += later.count;
    }
}
