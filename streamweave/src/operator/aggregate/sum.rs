//! Sums and means.

use serde::{Deserialize, Serialize};

use std::marker::PhantomData;
use std::ops::Add;

use super::{Aggregate, Merge, Retract};

/// A number that can be summed without overflow, and averaged.
pub trait Addable: Copy {
    /// The type in which sums of it are exact: 128 bits for integers of up to 64, so that 2^63
    /// rows of the greatest value still fit; `f64` for floats, by the rules of IEEE 754.
    type Sum: Copy + Default + Add<Output = Self::Sum>;

    /// `sum + self`.
    fn add_to(self, sum: Self::Sum) -> Self::Sum;

    /// `sum / count`, rounded once.
    fn mean(sum: Self::Sum, count: u64) -> f64;

    /// `sum - part`, where sums are exact.
    fn without(_sum: Self::Sum, _part: Self::Sum) -> Option<Self::Sum> {
        None
    }
}

macro_rules! addable {
    ($without:expr; $($number:ty => $sum:ty),*) => {$(
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

            #[inline(always)]
            fn without(sum: $sum, part: $sum) -> Option<$sum> {
                let without: fn($sum, $sum) -> Option<$sum> = $without;
                without(sum, part)
            }
        }
    )*};
}

/// A number whose sums are exact, so that it can be taken out of one again: integers.
///
/// Sums of floats are rounded, and what rounding dropped does not come back: for floats that are taken back there is
/// [`ExactSum`](super::ExactSum).
#[diagnostic::on_unimplemented(
    message = "sums of `{Self}` are rounded: a value cannot be taken out of one exactly",
    label = "expected an integer of up to 64 bits",
    note = "for floats there are `ExactSum` and `ExactMean`"
)]
pub trait Subtractable: Addable {
    /// `sum - self`, where `self` is in it.
    fn take_from(self, sum: Self::Sum) -> Self::Sum;
}

macro_rules! subtractable {
    ($($number:ty => $sum:ty),*) => {$(
        impl Subtractable for $number {
            #[inline(always)]
            fn take_from(self, sum: $sum) -> $sum {
                sum - <$sum>::from(self)
            }
        }
    )*};
}

subtractable!(i8 => i128, i16 => i128, i32 => i128, i64 => i128, u8 => u128, u16 => u128, u32 => u128, u64 => u128);

addable!(|sum, part| Some(sum - part); i8 => i128, i16 => i128, i32 => i128, i64 => i128, u8 => u128, u16 => u128, u32 => u128, u64 => u128);
addable!(|_, _| None; f32 => f64, f64 => f64);

/// The sum of the values. Integers never overflow (see [`Addable`]); a NaN makes the sum NaN.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
pub struct Sum<V, S = <V as Addable>::Sum>(S, #[serde(skip)] PhantomData<fn(V)>);

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

/// Of floats: with the rounding of one addition more.
impl<V: Addable> Merge for Sum<V> {
    #[inline(always)]
    fn merge(&mut self, later: &Self) {
        self.0 = self.0 + later.0;
    }

    #[inline(always)]
    fn unmerge(&mut self, part: &Self) -> bool {
        V::without(self.0, part.0).inspect(|sum| self.0 = *sum).is_some()
    }
}

impl<V: Subtractable> Retract<V> for Sum<V> {
    #[inline(always)]
    fn retract(&mut self, value: V) {
        self.0 = value.take_from(self.0);
    }
}

/// The mean of the values: the exact sum (see [`Addable`]) divided once. A NaN makes it NaN.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
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

/// Of floats: with the rounding of one addition more.
impl<V: Addable> Merge for Mean<V> {
    #[inline(always)]
    fn merge(&mut self, later: &Self) {
        self.sum = self.sum + later.sum;
        self.count += later.count;
    }

    #[inline(always)]
    fn unmerge(&mut self, part: &Self) -> bool {
        let Some(sum) = V::without(self.sum, part.sum) else { return false };
        (self.sum, self.count) = (sum, self.count - part.count);
        true
    }
}

impl<V: Subtractable> Retract<V> for Mean<V> {
    #[inline(always)]
    fn retract(&mut self, value: V) {
        self.sum = value.take_from(self.sum);
        self.count -= 1;
    }
}
