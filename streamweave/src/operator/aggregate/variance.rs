//! Variances.

use super::{Addable, Aggregate, Merge};

/// How far values are spread: the mean square of their distances from their mean.
///
/// By Welford's recurrence, which loses nothing where values are large and their distances small; two are put together
/// by the formula of Chan, Golub and LeVeque (1979). A NaN makes it NaN. The standard deviation is its square root.
///
/// # Examples
///
/// ```
/// use streamweave::operator::{Aggregate, Variance};
///
/// let mut of_all = Variance::population();
/// let mut of_some = Variance::sample();
/// for value in [2, 4, 4, 4, 5, 5, 7, 9] {
///     of_all.add(value);
///     of_some.add(value);
/// }
/// assert_eq!(Aggregate::<i32>::output(&of_all), 4.0);
/// assert_eq!(Aggregate::<i32>::output(&of_some), 32.0 / 7.0);
/// ```
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct Variance {
    count: u64,
    mean: f64,
    /// The sum of the squares of the distances from the mean.
    squares: f64,
    /// By how much the divisor is less than the count.
    fewer: u64,
}

impl Variance {
    /// Of values that are a sample of more: divides by one less than their number (Bessel's correction).
    ///
    /// One value says nothing about the spread of the others: it gives NaN.
    pub fn sample() -> Self {
        Variance { count: 0, mean: 0.0, squares: 0.0, fewer: 1 }
    }

    /// Of values that are all there are: divides by their number. One value gives 0.
    pub fn population() -> Self {
        Variance { fewer: 0, ..Variance::sample() }
    }
}

impl<V: Addable> Aggregate<V> for Variance {
    type Output = f64;

    #[inline]
    fn add(&mut self, value: V) {
        let value = V::mean(value.add_to(V::Sum::default()), 1);
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
    }

    fn output(&self) -> f64 {
        // Of one value that is a sample: 0 / 0.
        self.squares / (self.count - self.fewer) as f64
    }
}

impl Merge for Variance {
    fn merge(&mut self, later: &Self) {
        if later.count == 0 {
            return;
        }
        let (ours, theirs) = (self.count as f64, later.count as f64);
        let apart = later.mean - self.mean;
        self.mean += apart * theirs / (ours + theirs);
        self.squares += later.squares + apart * apart * ours * theirs / (ours + theirs);
        self.count += later.count;
    }
}
