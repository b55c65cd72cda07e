//! Folds by closures.

use super::Aggregate;

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
