//! Folds by closures.

use serde::{Deserialize, Serialize};

use super::Aggregate;

/// A fold by a closure, as an aggregate.
///
/// What is saved of it is its state; loaded it folds again once it has [adopted](Aggregate::adopt) a closure.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "A: Serialize", deserialize = "A: Deserialize<'de>"), transparent)]
pub struct Folded<A, F> {
    state: A,
    #[serde(skip)]
    step: Option<F>,
}

impl<A, F> Folded<A, F> {
    /// Folds values into `state`, a `step` each.
    pub fn new(state: A, step: F) -> Self {
        Folded { state, step: Some(step) }
    }
}

impl<A: Clone, V, F: FnMut(&mut A, V)> Aggregate<V> for Folded<A, F> {
    type Output = A;

    #[inline(always)]
    fn add(&mut self, value: V) {
        if let Some(step) = &mut self.step {
            step(&mut self.state, value);
        } else {
            unreachable!("a fold that was loaded adopts its closure before the first row");
        }
    }

    #[inline(always)]
    fn output(&self) -> A {
        self.state.clone()
    }

    fn adopt(&mut self, new: Self) {
        self.step = new.step;
    }
}
