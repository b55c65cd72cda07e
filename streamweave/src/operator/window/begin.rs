//! How an aggregate of a window is begun.

use crate::operator::aggregate::Folded;

/// Begins an aggregate for each window, slice and key: a closure, or the beginning of a fold.
pub trait Begin<A> {
    /// An aggregate of nothing yet.
    fn begin(&mut self) -> A;
}

impl<A, F: FnMut() -> A> Begin<A> for F {
    #[inline(always)]
    fn begin(&mut self) -> A {
        self()
    }
}

/// The beginning of a fold: a state from `I`, a step `F`.
#[derive(Clone, Copy, Debug)]
pub struct FoldFrom<I, F> {
    init: I,
    step: F,
}

impl<I, F> FoldFrom<I, F> {
    pub(super) fn new(init: I, step: F) -> Self {
        FoldFrom { init, step }
    }
}

impl<A, I: FnMut() -> A, F: Clone> Begin<Folded<A, F>> for FoldFrom<I, F> {
    #[inline(always)]
    fn begin(&mut self) -> Folded<A, F> {
        Folded::new((self.init)(), self.step.clone())
    }
}
