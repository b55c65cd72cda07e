//! What the values of each key add up to.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use super::{Group, Reduced, Reduction, reduced};
use crate::differential::bound::{Accumulates, Integral, Shown};
use crate::envelope::{Abelian, Diff, Keyed, ToDiff};
use crate::operator::Key;
use crate::port::Edge;
use crate::time::Lattice;

/// The sum of the values of each key, each as often as it is there; where the last row of a key has gone, so has its sum (rule F4).
///
/// Sums are exact, in 128 bits: what was added and taken back leaves nothing behind (rule F3). Values are integers, or what
/// else is an [`i128`], too. Where nothing is taken back there is [`operator::keyed::sum`](crate::operator::keyed::sum()), also of floats.
///
/// See [`differential`](crate::differential) for when it emits. Keeps each key that has rows, with two numbers.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph balances(payments: Update<Keyed<&'static str, i64>, LogicalTime, i64>)
///         -> (balance: Update<Keyed<&'static str, i128>, LogicalTime, i64>)
///     {
///         payments -> differential::sum() -> balance;
///     }
/// }
///
/// let mut graph = balances::harness();
/// for (value, time, diff) in [(40, 0, 1), (-15, 1, 2), (40, 2, -1), (-30, 2, 1), (-15, 3, -2), (-30, 3, -1)] {
///     graph.inputs.payments.update(Update { data: Keyed { key: "ada", value }, time: LogicalTime(time), diff });
/// }
/// graph.finish().expect("nothing fails").assert_conserved();
/// let changes = graph.outputs.balance.updates().into_iter();
/// let changes = changes.map(|change| (change.time.0, change.data.value, change.diff));
/// assert_eq!(Vec::from_iter(changes), [(0, 40, 1), (1, 40, -1), (1, 10, 1), (2, 10, -1), (2, -60, 1), (3, -60, -1)]);
/// ```
///
/// # Errors
///
/// The run ends with [`Unsound`](crate::differential::Unsound), which names the key, where more of its rows were taken back than there were,
/// where its values do not add up to zero once it has none, or where a sum needs more than 127 bits.
pub fn sum<K: Key + Shown, V: Integral, T: Accumulates, R: ToDiff<Diff = i64>>(
    _input: Edge<Keyed<K, V>, T, R>,
) -> <K as Key>::Node<
    <K as Shown>::Node<V::Node<T::Node<Reduced<SumByKey<K, V>, T, Keyed<K, V>, i64, Keyed<K, i128>, i64>>>>,
> {
    <K as Key>::node(<K as Shown>::node(V::node(T::node(reduced(SumByKey::new())))))
}

/// So many rows, and what their values add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Total {
    /// The sum.
    pub sum: i128,
    /// The number of rows.
    pub rows: i64,
}

impl Total {
    /// So many rows of a value; `None` where there is no room.
    #[inline]
    pub(super) fn of(value: impl Into<i128>, rows: i64) -> Option<Self> {
        value.into().checked_mul(rows.into()).map(|sum| Total { sum, rows })
    }

    /// Whether rows can add up to that.
    #[inline]
    pub(super) fn is_sound(&self) -> bool {
        self.rows > 0 || *self == Total::default()
    }
}

impl Diff for Total {}

impl ToDiff for Total {
    type Diff = Total;

    fn to_diff(self) -> Total {
        self
    }
}

impl Abelian for Total {
    fn zero() -> Self {
        Total::default()
    }

    #[inline]
    fn is_zero(&self) -> bool {
        *self == Total::default()
    }

    #[inline]
    fn add(&mut self, other: &Self) -> bool {
        let (sum, overflows) = self.sum.overflowing_add(other.sum);
        self.sum = sum;
        self.rows.add(&other.rows) && !overflows
    }

    fn negated(&self) -> Option<Self> {
        Some(Total { sum: self.sum.checked_neg()?, rows: self.rows.checked_neg()? })
    }
}

/// See [`sum`].
#[derive(Clone, Copy, Debug)]
pub struct SumByKey<K, V>(PhantomData<fn(K, V)>);

impl<K, V> SumByKey<K, V> {
    pub(super) fn new() -> Self {
        SumByKey(PhantomData)
    }
}

impl<K: Hash + Eq + Clone + Debug, V: Into<i128>> Reduction for SumByKey<K, V> {
    type Data = Keyed<K, V>;
    type By = i64;
    type Key = K;
    type Value = ();
    type Weight = Total;
    type Output = i128;
    type Diff = i64;
    type Row = Keyed<K, i128>;

    #[inline]
    fn take(&mut self, row: Keyed<K, V>, by: i64) -> (K, (), Option<Total>) {
        (row.key, (), Total::of(row.value, by))
    }

    fn is_sound(total: &Total) -> bool {
        total.is_sound()
    }

    #[inline]
    fn results<T: Lattice>(&mut self, _key: &K, rows: &Group<'_, Self, T>, results: &mut Vec<(i128, i64)>) {
        results.extend(rows.sum().map(|total| (total.sum, 1)));
    }

    #[inline]
    fn row(key: &K, value: i128) -> Keyed<K, i128> {
        Keyed { key: key.clone(), value }
    }
}
