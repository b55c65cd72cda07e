//! The mean of the values of each key.

use std::cmp::Ordering;
use std::fmt::{self, Debug, Display};
use std::hash::Hash;
use std::marker::PhantomData;

use super::sum::Total;
use super::{Group, Reduced, Reduction, reduced};
use crate::differential::bound::{Accumulates, Integral, Shown};
use crate::envelope::{Keyed, ToDiff};
use crate::operator::Key;
use crate::port::Edge;
use crate::time::Lattice;

/// The mean of the values of each key, each as often as it is there; where the last row of a key has gone, so has its mean
/// (rules F3, F4).
///
/// It is an [`Average`], a fraction: exact whatever came and went, equal where the means are equal, and ordered.
/// [`to_f64`](Average::to_f64) rounds it. Values are as for [`sum`](super::sum()).
///
/// See [`differential`](crate::differential) for when it emits. Keeps each key that has rows, with two numbers.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::differential::Average;
///
/// graph! {
///     graph grades(marks: Update<Keyed<&'static str, u8>, LogicalTime, i64>)
///         -> (mean: Update<Keyed<&'static str, Average>, LogicalTime, i64>)
///     {
///         marks -> differential::average() -> mean;
///     }
/// }
///
/// let mut graph = grades::harness();
/// for (value, time, diff) in [(1, 0, 1), (2, 0, 1), (3, 1, 1), (1, 1, -1), (2, 2, 1), (3, 2, 1)] {
///     graph.inputs.marks.update(Update { data: Keyed { key: "ada", value }, time: LogicalTime(time), diff });
/// }
/// graph.finish().expect("nothing fails").assert_conserved();
/// let changes = graph.outputs.mean.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data.value.to_f64(), change.diff));
/// // At time 2 the rows have changed, and their mean has not.
/// assert_eq!(Vec::from_iter(changes), [(0, 1.5, 1), (1, 1.5, -1), (1, 2.5, 1)]);
/// ```
///
/// # Errors
///
/// As [`sum`](super::sum()) has.
#[doc(alias = "mean")]
pub fn average<K: Key + Shown, V: Integral, T: Accumulates, R: ToDiff<Diff = i64>>(
    _input: Edge<Keyed<K, V>, T, R>,
) -> <K as Key>::Node<
    <K as Shown>::Node<
        V::Node<T::Node<Reduced<AverageByKey<K, V>, T, Keyed<K, V>, i64, Keyed<K, Average>, i64>>>,
    >,
> {
    <K as Key>::node(<K as Shown>::node(V::node(T::node(reduced(AverageByKey::new())))))
}

/// A mean of integers: a fraction in its lowest terms.
///
/// # Examples
///
/// ```
/// use streamweave::differential::Average;
///
/// let third = Average::of(2, 6).unwrap();
/// assert_eq!((third.numerator(), third.denominator()), (1, 3));
/// assert!(third < Average::of(1, 2).unwrap() && third > Average::of(-1, 2).unwrap());
/// assert_eq!((third.to_string(), third.to_f64()), ("1/3".to_owned(), 1.0 / 3.0));
/// assert_eq!(Average::of(1, 0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Average {
    numerator: i128,
    denominator: u64,
}

impl Average {
    /// `sum / rows`; there is none of no rows.
    pub fn of(sum: i128, rows: u64) -> Option<Self> {
        let whole = u128::from(rows);
        let common =
            greatest_common_divisor(rows, u64::try_from(sum.unsigned_abs().checked_rem(whole)?).ok()?);
        Some(Average { numerator: sum / i128::from(common), denominator: rows / common })
    }

    /// What is divided.
    pub fn numerator(self) -> i128 {
        self.numerator
    }

    /// By what.
    pub fn denominator(self) -> u64 {
        self.denominator
    }

    /// The nearest whole number below it, and what is left of the numerator.
    fn parts(self) -> (i128, u128) {
        let denominator = i128::from(self.denominator);
        (self.numerator.div_euclid(denominator), self.numerator.rem_euclid(denominator).unsigned_abs())
    }

    /// The float beside it: numerator and denominator are rounded, and divided.
    pub fn to_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

fn greatest_common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

impl From<Average> for f64 {
    fn from(average: Average) -> f64 {
        average.to_f64()
    }
}

impl Ord for Average {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((whole, left), (other_whole, other_left)) = (self.parts(), other.parts());
        // Both remainders and both denominators are below 2^64.
        let fractions =
            || (left * u128::from(other.denominator)).cmp(&(other_left * u128::from(self.denominator)));
        whole.cmp(&other_whole).then_with(fractions)
    }
}

impl PartialOrd for Average {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Display for Average {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

/// See [`average`].
#[derive(Clone, Copy, Debug)]
pub struct AverageByKey<K, V>(PhantomData<fn(K, V)>);

impl<K, V> AverageByKey<K, V> {
    pub(super) fn new() -> Self {
        AverageByKey(PhantomData)
    }
}

impl<K: Hash + Eq + Clone + Debug, V: Into<i128>> Reduction for AverageByKey<K, V> {
    type Data = Keyed<K, V>;
    type By = i64;
    type Key = K;
    type Value = ();
    type Weight = Total;
    type Output = Average;
    type Diff = i64;
    type Row = Keyed<K, Average>;

    #[inline]
    fn take(&mut self, row: Keyed<K, V>, by: i64) -> (K, (), Option<Total>) {
        (row.key, (), Total::of(row.value, by))
    }

    fn is_sound(total: &Total) -> bool {
        total.is_sound()
    }

    #[inline]
    fn results<T: Lattice>(
        &mut self,
        _key: &K,
        rows: &Group<'_, Self, T>,
        results: &mut Vec<(Average, i64)>,
    ) {
        let mean = |total: Total| Average::of(total.sum, total.rows.unsigned_abs());
        results.extend(rows.sum().and_then(mean).map(|mean| (mean, 1)));
    }

    #[inline]
    fn row(key: &K, value: Average) -> Keyed<K, Average> {
        Keyed { key: key.clone(), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_in_the_order_of_their_values() {
        let numbers = [i128::MIN, -7, -3, -1, 0, 1, 2, 3, 6, 7, i128::MAX];
        let counts = [1, 2, 3, 7, 1 << 40];
        let all = numbers.iter().flat_map(|sum| counts.iter().filter_map(|rows| Average::of(*sum, *rows)));
        let all = Vec::from_iter(all);
        assert_eq!(all.len(), 55);
        for one in &all {
            for other in &all {
                assert_eq!(one.cmp(other), other.cmp(one).reverse());
                assert_eq!(one == other, one.cmp(other).is_eq());
                if one.to_f64() < other.to_f64() {
                    assert!(one < other, "{one} {other}");
                }
            }
        }
    }
}
