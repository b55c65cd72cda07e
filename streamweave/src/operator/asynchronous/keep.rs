//! What is held of a row while its call is under way.

/// What is held of a row while its call is under way, and what of that an `err` port carries.
pub trait Holds<A> {
    /// What is held.
    type Held;
    /// What the `err` port carries.
    type Kept;

    /// Holds it, before the call takes the row.
    fn hold(&self, row: &A) -> Self::Held;

    /// The row once more, for another call.
    fn again(&self, held: &Self::Held) -> Option<A>;

    /// For the `err` port.
    fn kept(held: Self::Held) -> Self::Kept;
}

/// Nothing is held: a row is called for once, and is gone.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

/// A clone is held, for another call.
#[derive(Debug)]
pub struct Again<A>(pub(super) fn(&A) -> A);

/// A clone is held, for another call and for the `err` port.
#[derive(Debug)]
pub struct Keeps<A>(pub(super) fn(&A) -> A);

impl<A> Clone for Again<A> {
    fn clone(&self) -> Self {
        Again(self.0)
    }
}

impl<A> Clone for Keeps<A> {
    fn clone(&self) -> Self {
        Keeps(self.0)
    }
}

impl<A> Holds<A> for Nothing {
    type Held = ();
    type Kept = ();

    fn hold(&self, _row: &A) {}

    fn again(&self, _held: &()) -> Option<A> {
        None
    }

    fn kept(_held: ()) {}
}

impl<A> Holds<A> for Again<A> {
    type Held = A;
    type Kept = ();

    fn hold(&self, row: &A) -> A {
        (self.0)(row)
    }

    fn again(&self, held: &A) -> Option<A> {
        Some((self.0)(held))
    }

    fn kept(_held: A) {}
}

impl<A> Holds<A> for Keeps<A> {
    type Held = A;
    type Kept = A;

    fn hold(&self, row: &A) -> A {
        (self.0)(row)
    }

    fn again(&self, held: &A) -> Option<A> {
        Some((self.0)(held))
    }

    fn kept(held: A) -> A {
        held
    }
}

/// What is held once calls are made again.
pub trait AgainFrom<A> {
    /// What is held then.
    type Again;

    /// From how a row is cloned.
    fn again_from(self, repeat: fn(&A) -> A) -> Self::Again;
}

impl<A> AgainFrom<A> for Nothing {
    type Again = Again<A>;

    fn again_from(self, repeat: fn(&A) -> A) -> Again<A> {
        Again(repeat)
    }
}

impl<A> AgainFrom<A> for Again<A> {
    type Again = Self;

    fn again_from(self, _repeat: fn(&A) -> A) -> Self {
        self
    }
}

impl<A> AgainFrom<A> for Keeps<A> {
    type Again = Self;

    fn again_from(self, _repeat: fn(&A) -> A) -> Self {
        self
    }
}

/// An input of which there can be another: every `Clone`.
#[diagnostic::on_unimplemented(
    message = "a call takes its input, and `{Self}` cannot be cloned to be called with again or to be kept",
    label = "needs `{Self}: Clone`",
    note = "derive `Clone` for it, or put it into an `Arc`"
)]
pub trait Repeatable {
    /// Another one.
    fn repeat(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<A: Clone> Repeatable for A {
    fn repeat(&self) -> A {
        self.clone()
    }
}
