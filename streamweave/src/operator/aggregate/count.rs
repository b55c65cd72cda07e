//! Counts.

use super::{Aggregate, Merge, Retract};

/// How many values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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

    #[inline(always)]
    fn unmerge(&mut self, part: &Self) -> bool {
        self.0 -= part.0;
        true
    }
}

impl<V> Retract<V> for Count {
    #[inline(always)]
    fn retract(&mut self, _value: V) {
        self.0 -= 1;
    }
}
