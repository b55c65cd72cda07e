//! What operators over changes ask of rows, keys and functions, each a bound of its own; see [`Key`](crate::operator::Key).

use std::fmt::Debug;
use std::hash::Hash;

use crate::operator::bounds;
use crate::time::Lattice;

bounds! {
    /// What an error can name.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be shown",
        label = "an error has to name this key: it must be `Debug`",
        note = "derive `Debug` for it"
    )]
    Shown: (Debug);
    /// Rows that can be counted, each for itself.
    #[diagnostic::on_unimplemented(
        message = "rows of type `{Self}` cannot be counted",
        label = "which rows are equal is told by `Hash + Eq + Clone`, and an error names one by `Debug`",
        note = "derive `Clone, Debug, PartialEq, Eq, Hash` for it; for a float take `x.to_bits()`, or `x.round() as i64`"
    )]
    Countable: (Hash + Eq + Clone + Debug);
    /// A number of which sums are exact: what is an `i128`, too.
    #[diagnostic::on_unimplemented(
        message = "sums of `{Self}` over changes are not exact",
        label = "expected an integer, so that what is taken back leaves nothing behind",
        note = "count floats in whole units, `map(|x| (x * 100.0).round() as i64)`; for a number of your own implement `From<{Self}> for i128`"
    )]
    Integral: (Into<i128>);
    /// A time at which changes accumulate; see [`Lattice`].
    #[diagnostic::on_unimplemented(
        message = "a stream whose time is `{Self}` cannot be worked on time by time",
        label = "the time is missing on the arrow into this",
        note = "a stream gets a time by a named operator: `event_time(|row| .., bounded(..))` reads it from the data, `epochs(..)` numbers the input, `from_start()` says that all of it is there at the first time"
    )]
    Accumulates: (Lattice);
    /// What a row and its multiplicity come to.
    #[diagnostic::on_unimplemented(
        message = "expected a function that takes `&{D}` and `&{R}`",
        label = "this does not take a row and how often it is there",
        note = "a closure need not say the types: `|row, weight| ..`"
    )]
    Weighs<D, R, S>: (FnMut(&D, &R) -> S);
    /// What a group comes to.
    #[diagnostic::on_unimplemented(
        message = "expected a function that takes `&{K}`, `&[({V}, {R})]` and `&mut Vec<({B}, {S})>`",
        label = "this does not take a key, its rows, and where the results go",
        note = "a closure need not say the types: `|key, rows, out| ..`"
    )]
    Reduces<K, V, R, B, S>: (FnMut(&K, &[(V, R)], &mut Vec<(B, S)>));
}
