//! Several ways for the rows of one stream: how many, and how their ports are called.
//!
//! How many ways an operator has is a type, for each way is a port with a name: `Ways::<3>` is written where the
//! operator is. (A `round_robin::<3>()` cannot be: it would have to name the types of the rows, too.) The
//! ports are called `to_0`, `to_1`, .. by the number that an index counts from.

use crate::envelope::Update;
use crate::port::{Port, Ports, Push, To2, To2Rest, To3, To3Rest, To4, To4Rest};
use crate::time::{Frontier, Timestamp};

/// So many ways, two to four: with the ports `to_0`, `to_1` and so on.
///
/// `Ways::<3>` is a value; see [`route_by`](crate::operator::element::route_by()), [`round_robin`](super::round_robin()) and
/// [`balance`](super::balance()).
#[derive(Clone, Copy, Debug)]
pub struct Ways<const N: usize>;

/// The output ports of an operator with [`Ways`], for rows `Update<D, T, R>`.
#[diagnostic::on_unimplemented(
    message = "an operator has two, three or four ways, not `{Self}`",
    label = "no ports for so many ways",
    note = "the ports are `to_0`, `to_1`, .., as many as the ways; for more of them deal out twice"
)]
pub trait WaysOf<D, T, R> {
    /// One port for each way.
    type Each: Ports;
    /// The same, and `rest`.
    type EachAndRest: Ports;

    /// The witnesses.
    fn each() -> Self::Each;

    /// The witnesses.
    fn each_and_rest() -> Self::EachAndRest;
}

/// The ways themselves, at work: output ports that all carry the same.
pub trait Branches<D, T: Timestamp, R> {
    /// Emits a row on the port with this number, or on the last.
    fn push(&mut self, number: usize, row: Update<D, T, R>);

    /// Advances the frontier of every port.
    fn advance(&mut self, frontier: Frontier<T>);
}

macro_rules! ways {
    ($($n:literal: $each:ident, $rest:ident;)*) => {$(
        impl<D, T, R> WaysOf<D, T, R> for Ways<$n> {
            type Each = $each<D, T, R>;
            type EachAndRest = $rest<D, T, R>;

            fn each() -> Self::Each {
                $each::new()
            }

            fn each_and_rest() -> Self::EachAndRest {
                $rest::new()
            }
        }
    )*};
}

ways! {
    2: To2, To2Rest;
    3: To3, To3Rest;
    4: To4, To4Rest;
}

macro_rules! branches {
    ($(($($way:ident . $n:tt,)* ; $last:ident . $end:tt))*) => {$(
        impl<D, T, R, $($way,)* $last> Branches<D, T, R> for ($(Port<$way>,)* Port<$last>,)
        where
            T: Timestamp,
            $($way: Push<D, T, R>,)*
            $last: Push<D, T, R>,
        {
            #[inline(always)]
            fn push(&mut self, number: usize, row: Update<D, T, R>) {
                match number {
                    $($n => self.$n.push(row),)*
                    _ => self.$end.push(row),
                }
            }

            #[inline(always)]
            fn advance(&mut self, frontier: Frontier<T>) {
                $(self.$n.advance(frontier.clone());)*
                self.$end.advance(frontier);
            }
        }
    )*};
}

branches! {
    (A.0, ; B.1)
    (A.0, B.1, ; C.2)
    (A.0, B.1, C.2, ; E.3)
    (A.0, B.1, C.2, E.3, ; G.4)
}
