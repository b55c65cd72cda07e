//! What the rows of a key come to, or all rows, or each row for itself.
//!
//! Every operator here is a [`Reduction`]: a function of the rows of a group, which a [`Reducer`] works out at each time at which
//! they change.
//!
//! - Each row for itself: [`distinct`], [`threshold`].
//! - By key, added up: [`count`], [`sum`], [`average`]; of all rows: [`count_all`].
//! - By key, in order: [`min`], [`max`], [`top_n`].
//! - By key, whatever it be: [`reduce`](reduce()).
//!
//! # Order
//!
//! Of one time, results come in order of the first arrival of their keys among its changes; then, in a loop, those of keys that
//! an earlier time has changed. Of one key first those come whose multiplicity changes from what was there before, then new ones,
//! each in order of rows.
//!
//! # State and cost
//!
//! A change costs one look-up in a hash map. Keys whose rows are all gone are forgotten. Outside of loops what is added up is one number a
//! key, in place; in a loop it is as many as there are rounds in which the key has changed.

mod average;
mod count;
mod distinct;
mod extreme;
mod function;
mod group;
mod history;
mod reducer;
mod sum;
mod threshold;
mod top_n;

#[cfg(test)]
mod oracle;

pub use average::{Average, AverageByKey, average};
pub use count::{CountAll, CountByKey, count, count_all};
pub use distinct::{Distinct, distinct};
pub use extreme::{ExtremeByKey, max, min};
pub use function::{FunctionByKey, reduce};
pub use group::Group;
pub use reducer::{Reducer, Reduction};
pub use sum::{SumByKey, Total, sum};
pub use threshold::{Threshold, threshold};
pub use top_n::{TopByKey, top_n};

use super::AtTimes;
use crate::operator::Node;
use crate::port::OnlyOut;
use crate::time::Lattice;

/// A node that works out a reduction.
type Reduced<L, T, D, R, B, S> = Node<AtTimes<Reducer<L, T>, D, T, R, u32>, OnlyOut<B, T, S>>;

fn reduced<L, T>(reduction: L) -> Reduced<L, T, L::Data, L::By, L::Row, L::Diff>
where
    L: Reduction,
    T: Lattice,
{
    Node::new(AtTimes::new(Reducer::new(reduction)), OnlyOut::new())
}
