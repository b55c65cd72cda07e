//! Aggregates: many values made one, a value at a time.

use std::marker::PhantomData;

/// What sums up the values of a window, or of a key so far.
///
/// # Examples
///
/// ```
/// use streamweave::operator::Aggregate;
///
/// #[derive(Default)]
/// struct Span {
///     ends: Option<(i64, i64)>,
/// }
///
/// impl Aggregate<i64> for Span {
///     type Output = i64;
///
///     fn add(&mut self, value: i64) {
///         let (low, high) = self.ends.unwrap_or((value, value));
///         self.ends = Some((low.min(value), high.max(value)));
///     }
///
///     fn output(&self) -> i64 {
///         self.ends.map_or(0, |(low, high)| high - low)
///     }
/// }
///
/// let mut span = Span::default();
/// [3, 9, 5].into_iter().for_each(|value| span.add(value));
/// assert_eq!(span.output(), 6);
/// ```
pub trait Aggregate<V> {
    /// What it comes to.
    type Output;

    /// Takes a value in.
    fn add(&mut self, value: V);

    /// What the values so far come to; asked for only after at least one.
    fn output(&self) -> Self::Output;
}

/// An aggregate of which two can be put together: what windows that share their rows, or that merge, ask for.
///
/// # Contract
///
/// `merge` gives what adding the values of `self`, then those of `later`, to a new aggregate would have given.
#[diagnostic::on_unimplemented(
    message = "two of `{Self}` cannot be put together",
    label = "these windows share their rows, or merge: their aggregate has to be a `Merge`",
    note = "implement `streamweave::operator::Merge` for it; a fold by closures says how a row is added, but not how two states are put together: write it as an `Aggregate`"
)]
pub trait Merge {
    /// Takes in what another one has summed up, of values that come after those of this one.
    fn merge(&mut self, later: &Self);
}

/// An aggregate that can take back a value: what windows over changes ask for.
///
/// # Contract
///
/// `add(value)`, later `retract(value)`, leaves `output` what it would be without either.
pub trait Retract<V>: Aggregate<V> {
    /// Takes back a value that was added before.
    fn retract(&mut self, value: V);
}

/// A fold by a closure, as an aggregate.
#[derive(Clone, Debug)]
pub struct Folded<A, F> {
    state: A,
    step: F,
}

impl<A, F> Folded<A, F> {
    /// Folds values into `state`, a `step` each.
    pub fn new(state: A, step: F) -> Self {
        Folded { state, step }
    }
}

impl<A: Clone, V, F: FnMut(&mut A, V)> Aggregate<V> for Folded<A, F> {
    type Output = A;

    #[inline(always)]
    fn add(&mut self, value: V) {
        (self.step)(&mut self.state, value);
    }

    #[inline(always)]
    fn output(&self) -> A {
        self.state.clone()
    }
}

/// How many values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count(u64);

impl Count {
    /// None yet.
    pub fn new() -> Self {
        Count::default()
    }
}

impl<V> Aggregate<V> for Count {
    type Output = u64;

    #[inline(always)]
    fn add(&mut self, _value: V) {
        self.0 += 1;
    }

    #[inline(always)]
    fn output(&self) -> u64 {
        self.0
    }
}

impl Merge for Count {
    #[inline(always)]
    fn merge(&mut self, later: &Self) {
        self.0 += later.0;
    }
}

impl<V> Retract<V> for Count {
    #[inline(always)]
    fn retract(&mut self, _value: V) {
        self.0 -= 1;
    }
}

/// A number that can be summed without overflow, and averaged.
pub trait Addable: Copy {
    /// The type in which sums of it are exact: 128 bits for integers of up to 64, so that 2^63
    /// rows of the greatest value still fit; `f64` for floats, by the rules of IEEE 754.
    type Sum: Copy + Default;

    /// `sum + self`.
    fn add_to(self, sum: Self::Sum) -> Self::Sum;

    /// `sum / count`, rounded once.
    fn mean(sum: Self::Sum, count: u64) -> f64;
}

macro_rules! addable {
    ($($number:ty => $sum:ty),*) => {$(
        impl Addable for $number {
            type Sum = $sum;

            #[inline(always)]
            fn add_to(self, sum: $sum) -> $sum {
                sum + <$sum>::from(self)
            }

            #[inline(always)]
            fn mean(sum: $sum, count: u64) -> f64 {
                sum as f64 / count as f64
            }
        }
    )*};
}

addable!(i8 => i128, i16 => i128, i32 => i128, i64 => i128, u8 => u128, u16 => u128, u32 => u128, u64 => u128, f32 => f64, f64 => f64);

/// The sum of the values. Integers never overflow (see [`Addable`]); a NaN makes the sum NaN.
#[derive(Clone, Copy, Debug)]
pub struct Sum<V, S = <V as Addable>::Sum>(S, PhantomData<fn(V)>);

impl<V, S: Default> Sum<V, S> {
    /// Nothing yet.
    pub fn new() -> Self {
        Sum(S::default(), PhantomData)
    }
}

impl<V, S: Default> Default for Sum<V, S> {
    fn default() -> Self {
        Sum::new()
    }
}

impl<V: Addable> Aggregate<V> for Sum<V> {
    type Output = V::Sum;

    #[inline(always)]
    fn add(&mut self, value: V) {
        self.0 = value.add_to(self.0);
    }

    #[inline(always)]
    fn output(&self) -> V::Sum {
        self.0
    }
}

/// The mean of the values: the exact sum (see [`Addable`]) divided once. A NaN makes it NaN.
#[derive(Clone, Copy, Debug)]
pub struct Mean<V, S = <V as Addable>::Sum> {
    sum: S,
    count: u64,
    values: PhantomData<fn(V)>,
}

impl<V, S: Default> Mean<V, S> {
    /// Nothing yet.
    pub fn new() -> Self {
        Mean { sum: S::default(), count: 0, values: PhantomData }
    }
}

impl<V, S: Default> Default for Mean<V, S> {
    fn default() -> Self {
        Mean::new()
    }
}

impl<V: Addable> Aggregate<V> for Mean<V> {
    type Output = f64;

    #[inline(always)]
    fn add(&mut self, value: V) {
        self.sum = value.add_to(self.sum);
        self.count += 1;
    }

    #[inline(always)]
    fn output(&self) -> f64 {
        V::mean(self.sum, self.count)
    }
}

macro_rules! extreme {
    ($(#[$doc:meta])* $name:ident, $order:tt) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<V>(Option<V>);

        impl<V> $name<V> {
            /// Nothing yet.
            pub fn new() -> Self {
                $name(None)
            }
        }

        impl<V> Default for $name<V> {
            fn default() -> Self {
                $name::new()
            }
        }

        impl<V: PartialOrd + Clone> Aggregate<V> for $name<V> {
            type Output = V;

            #[inline(always)]
            fn add(&mut self, value: V) {
                let replace = match &self.0 {
                    None => true,
                    Some(best) => value $order *best || is_unordered(best),
                };
                if replace {
                    self.0 = Some(value);
                }
            }

            #[inline(always)]
            fn output(&self) -> V {
                self.0.clone().expect("asked for only after a value")
            }
        }
    };
}

/// Whether a value (a NaN) does not compare even with itself.
#[inline(always)]
fn is_unordered<V: PartialOrd>(value: &V) -> bool {
    value.partial_cmp(value).is_none()
}

extreme! {
    /// The least value; of equal ones the first. A NaN counts only where there is nothing else.
    Min, <
}
extreme! {
    /// The greatest value; of equal ones the first. A NaN counts only where there is nothing else.
    Max, >
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over<V, A: Aggregate<V> + Default>(values: impl IntoIterator<Item = V>) -> A::Output {
        let mut aggregate = A::default();
        values.into_iter().for_each(|value| aggregate.add(value));
        aggregate.output()
    }

    #[test]
    fn integer_sums_do_not_overflow() {
        assert_eq!(over::<_, Sum<i64>>([i64::MAX, i64::MAX]), 2 * i128::from(i64::MAX));
        assert_eq!(over::<_, Sum<i64>>([i64::MIN, i64::MIN]), 2 * i128::from(i64::MIN));
        assert_eq!(over::<_, Mean<u64>>([u64::MAX, u64::MAX]), u64::MAX as f64);
    }

    #[test]
    fn a_nan_spreads_through_sums_and_means() {
        assert!(over::<_, Sum<f64>>([1.0, f64::NAN]).is_nan());
        assert!(over::<_, Mean<f64>>([f64::NAN, 1.0]).is_nan());
    }

    #[test]
    fn a_nan_counts_as_extreme_only_where_there_is_nothing_else() {
        assert_eq!(over::<_, Min<f64>>([f64::NAN, 2.0, 1.0, f64::NAN]), 1.0);
        assert_eq!(over::<_, Max<f64>>([1.0, f64::NAN, 2.0]), 2.0);
        assert!(over::<_, Max<f64>>([f64::NAN]).is_nan());
    }

    #[test]
    fn of_equal_extremes_the_first_is_kept() {
        let zeros = [0.0_f64, -0.0];
        assert!(over::<_, Min<f64>>(zeros).is_sign_positive());
        assert!(over::<_, Max<f64>>(zeros).is_sign_positive());
    }
}
