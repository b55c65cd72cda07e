//! The one envelope.

use static_assertions::{assert_eq_size, assert_impl_all, const_assert_eq};

use crate::time::EventTime;

/// A value, its time, and the change of its multiplicity: each absent where a stream has none.
///
/// `T` and `R` are `()` by default and then take no space: an `Update<u64>` is eight bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Update<D, T = (), R = ()> {
    /// The value.
    pub data: D,
    /// Its time.
    pub time: T,
    /// By how much its multiplicity changes.
    pub diff: R,
}

/// A value at a time: of the event unless it is said otherwise.
pub type Timed<D, T = EventTime> = Update<D, T>;

impl<D, T, R> Update<D, T, R> {
    /// The same envelope around another value: time and diff pass through a linear operator.
    #[inline(always)]
    pub fn map<B>(self, f: impl FnOnce(D) -> B) -> Update<B, T, R> {
        Update { data: f(self.data), time: self.time, diff: self.diff }
    }
}

impl<D> From<D> for Update<D> {
    /// A plain value in its envelope.
    #[inline(always)]
    fn from(data: D) -> Self {
        Update { data, time: (), diff: () }
    }
}

assert_eq_size!(Update<u64>, u64);
assert_eq_size!(Update<u64, EventTime>, (u64, i64));
const_assert_eq!(size_of::<Update<u64, EventTime, i64>>(), 24);
assert_impl_all!(Update<u64, EventTime, i64>: Send, Sync, Copy);
