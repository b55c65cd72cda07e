//! What can be saved: values that serde knows, and state that knows its fields.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Map;
use super::fields::Fields;
use super::mismatch::Mismatch;

/// What can be saved and loaded: any type with serde's `Serialize` and `Deserialize`.
///
/// One thing is not told apart: `Some` of what is itself nothing, as in an `Option<Option<_>>` or an `Option<()>`, comes back as `None`.
/// Give such a value a type of its own, an enum.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be saved, and the graph is `#![durable]`",
    label = "not serialisable",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it"
)]
pub trait Storable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<D: Serialize + DeserializeOwned> Storable for D {}

/// State that knows its fields: what a `#[node]` of a graph that is `#![durable]` has to be.
///
/// `#[derive(State)]` implements it: the fields that say `#[state]` are kept, under their names; the others are what the node was
/// made with. A field that is kept is a `State` itself: a [`Map`] by key, a number, a text, a collection of serde's types, or a
/// [`Value`] of any such type.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::state::Map;
///
/// /// The sum of each account, refused beyond a limit.
/// #[derive(State)]
/// struct Accounts {
///     limit: i64,
///     #[state]
///     sums: Map<String, i64>,
///     #[state]
///     refused: u64,
/// }
///
/// #[node]
/// impl Accounts {
///     fn new(limit: i64) -> Self {
///         Accounts { limit, sums: Map::new(), refused: 0 }
///     }
///
///     fn on_booking(&mut self, (account, amount): (String, i64), out: &mut Out<(String, i64)>) {
///         let sum = self.sums.entry(account.clone(), || 0);
///         if *sum + amount > self.limit {
///             self.refused += 1;
///             return;
///         }
///         *sum += amount;
///         out.send((account, *sum));
///     }
/// }
///
/// graph! {
///     graph booked(bookings: (String, i64)) -> (sums: (String, i64)) {
///         #![durable]
///         accounts = Accounts(100);
///         bookings -> accounts.booking;
///         accounts -> sums;
///     }
/// }
///
/// let mut before = booked::harness();
/// before.inputs.bookings.send(("ann".into(), 60));
/// before.settle();
/// let mut after = booked::harness();
/// after.restore(&before.save()).expect("the same graph");
/// after.inputs.bookings.send(("ann".into(), 50));
/// after.inputs.bookings.send(("ann".into(), 40));
/// after.settle();
/// assert_eq!(after.outputs.sums.take(), [("ann".to_owned(), 100)]);
/// ```
///
/// # Contract
///
/// 1. The same fields are visited under the same names, whatever is in them.
/// 2. Loading what was saved gives the state that it was saved from, in the order in which it gives its entries back, too: what
///    a graph does after a restore is what it would have done (rule Z1).
#[diagnostic::on_unimplemented(
    message = "the state of this node, `{Self}`, cannot be saved, and the graph is `#![durable]`",
    label = "not a `State`",
    note = "say `#[derive(State)]` on the struct and `#[state]` on the fields that are to survive; a field of a type of your own is a \
            `Value<..>` of it"
)]
pub trait State {
    /// Visits every field.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch>;
}

/// A value of any type that serde knows, as a field of a node's state; it is written whole at each checkpoint. `value.clone()`
/// is a clone of what is in it.
///
/// # Examples
///
/// ```
/// use streamweave::state::Value;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Range { low: i64, high: i64 }
///
/// let mut range = Value::new(Range { low: 1, high: 2 });
/// range.high = 9;
/// assert_eq!(range.into_inner().high, 9);
/// ```
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value<V>(V);

impl<V> Value<V> {
    /// The value.
    pub const fn new(value: V) -> Self {
        Value(value)
    }

    /// The value itself.
    pub fn into_inner(self) -> V {
        self.0
    }
}

impl<V> Deref for Value<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.0
    }
}

impl<V> DerefMut for Value<V> {
    fn deref_mut(&mut self) -> &mut V {
        &mut self.0
    }
}

impl<V: Storable> State for Value<V> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.whole(&mut self.0)
    }
}

impl<K: Storable + Hash + Eq, V: Storable> State for Map<K, V> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.map("", self)
    }
}

#[cfg(feature = "lsm")]
impl<K: Storable + Hash + Eq, V: Storable> State for super::LargeMap<K, V> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.large_map("", self)
    }
}

macro_rules! whole {
    ($($({$($bounds:tt)*})? $type:ty),* $(,)?) => {$(
        impl $(<$($bounds)*>)? State for $type {
            fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
                fields.whole(self)
            }
        }
    )*};
}

whole! {
    (), bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, String,
    {V: Storable} Option<V>,
    {V: Storable} Vec<V>,
    {V: Storable} VecDeque<V>,
    {V: Storable + Ord} BTreeSet<V>,
    {V: Storable + Ord} BinaryHeap<V>,
    {V: Storable + Hash + Eq} HashSet<V>,
    {K: Storable + Ord, V: Storable} BTreeMap<K, V>,
    {K: Storable + Hash + Eq, V: Storable} HashMap<K, V>,
    {A: Storable, B: Storable} (A, B),
    {A: Storable, B: Storable, C: Storable} (A, B, C),
    crate::time::EventTime, crate::time::LogicalTime, crate::time::ProcessingTime, crate::time::TimeDelta,
}
