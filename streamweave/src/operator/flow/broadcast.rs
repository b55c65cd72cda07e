//! The same rows to several nodes.

use crate::operator::element::Map;
use crate::operator::{Gives, Linear};
use crate::port::Edge;

/// Passes every row on as it is: a place and a name for a stream that goes several ways.
///
/// Any name that starts several arrows fans out, its rows cloned, all but the last time; this operator only
/// gives that a place of its own in pictures and books. Each branch gets every row and every frontier, in order, and
/// the slowest holds all (rule J2). Keeps nothing, and costs nothing.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     words = broadcast();
///     from_iter(["warp", "weft"]) -> map(str::to_uppercase) -> words;
///     words -> all;
///     words -> map(|word| word.len()) -> lengths;
///     all = collect();
///     lengths = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.all, ["WARP", "WEFT"]);
/// assert_eq!(result.lengths, [4, 4]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "tee")]
#[doc(alias = "fan_out")]
pub fn broadcast<D, T, R>(_input: Edge<D, T, R>) -> Linear<Map<impl FnMut(D) -> D>, Gives<D>> {
    Linear::new(Map(std::convert::identity), Gives::new())
}
