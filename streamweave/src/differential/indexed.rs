//! What traces ask of keys, rows and multiplicities, each a bound of its own.

use std::fmt::Debug;

use crate::envelope::{Multiply, ToDiff};
use crate::operator::bounds;

bounds! {
    /// What changes are kept by: anything that is `Ord + Clone`, and that an error can name.
    #[diagnostic::on_unimplemented(
        message = "changes cannot be kept by `{Self}`",
        label = "a key of changes is `Ord + Clone + Debug`",
        note = "derive `Clone, PartialEq, Eq, PartialOrd, Ord, Debug` for it, or name another key: `key_by(|row| ..)`; for a float `x.to_bits()`, or `x.round() as i64`"
    )]
    Indexed: (Ord + Clone + Debug);
    /// What changes are changes of: rows that can be told apart, so that what is taken back is found.
    #[diagnostic::on_unimplemented(
        message = "changes of `{Self}` cannot be added up",
        label = "what is put in and taken back is `Ord + Clone`",
        note = "derive `Clone, PartialEq, Eq, PartialOrd, Ord` for it; floats are ordered by a type that compares by `f64::total_cmp`"
    )]
    Sorted: (Ord + Clone);
    /// A function of a key and a row of each side.
    #[diagnostic::on_unimplemented(
        message = "expected a function that takes `&{K}`, `&{L}` and `&{R}`",
        label = "this does not take a key and a row of each side",
        note = "a closure need not say the types: `|key, left, right| ..`"
    )]
    Merges<K, L, R, B>: (FnMut(&K, &L, &R) -> B);
    /// A multiplicity that counts rows.
    #[diagnostic::on_unimplemented(
        message = "rows with multiplicity `{Self}` are not counted",
        label = "expected a stream without multiplicities, or one of changes (`i64`)"
    )]
    Counted: (ToDiff<Diff = i64>);
}

/// What pairs of rows with these multiplicities have.
pub(super) type Product<P, Q> = <<P as ToDiff>::Diff as Multiply<<Q as ToDiff>::Diff>>::Product;
