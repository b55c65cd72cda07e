//! Joins with a collection that others share.

use std::fmt::Debug;

use super::arrange::Held;
use super::indexed::Product;
use super::join::Inputs;
use super::pairs::{prepare, take_key};
use super::trace::{Spine, undivided};
use super::{Arrangement, Binary, BinaryAtTimes, Emit, Indexed, Later, Merges, NoKey, Sorted, Unsound};
use crate::envelope::{Abelian, Keyed, Multiply, ToDiff};
use crate::operator::Node;
use crate::port::{Edge, OnlyOut};
use crate::state::{Fields, Mismatch, State, Storable};
use crate::time::{Lattice, Rounds};

/// As [`join_map`](super::join_map()), where the right side is an [`arrange`](super::arrange())ment, which other operators can read,
/// too, and which is not kept a second time.
///
/// In a loop an arrangement from outside is there from round 0 on, like every stream that enters.
///
/// # Time and order
///
/// A pair is at the least time at which both rows are there. At a time comes first what the rows of the left change, then what those of
/// the arrangement do, each in order of the keys and the rows; a pair can come there once more and once less.
///
/// # State and cost
///
/// The rows of the left that are there. Otherwise as of a [`join`](super::join()).
///
/// # Errors
///
/// The run ends with [`Unsound`] where there are more rows or pairs than can be counted (rule G4).
///
/// # Examples
///
/// At [`arrange`](super::arrange()).
pub fn join_arranged<K: Indexed, L: Sorted, V: Sorted, T: Lattice, P: ToDiff, R, Q: ToDiff, F, B>(
    _left: Edge<Keyed<K, L>, T, P>,
    _right: Edge<Arrangement<K, V, R>, T, Q>,
    function: F,
) -> K::Node<L::Node<F::Node<Node<Joined<K, L, V, T, P, R, Q, F>, OnlyOut<B, T, Product<P, R>>>>>>
where
    R: ToDiff<Diff = R> + Abelian,
    P::Diff: Multiply<R>,
    F: Merges<K, L, V, B>,
{
    with::<K, L, V, T, P, R, Q, F, B>(inputs(), function)
}

/// The input ports, as arrows name them.
#[doc(hidden)]
pub fn inputs<K, L, V, T: Lattice, P, R, Q>()
-> Inputs<Edge<Keyed<K, L>, T, P>, Edge<Arrangement<K, V, R>, T, Q>> {
    Inputs::new()
}

/// As [`join_arranged`](super::join_arranged()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Indexed, L: Sorted, V: Sorted, T: Lattice, P: ToDiff, R, Q: ToDiff, F, B>(
    _inputs: Inputs<Edge<Keyed<K, L>, T, P>, Edge<Arrangement<K, V, R>, T, Q>>,
    function: F,
) -> K::Node<L::Node<F::Node<Node<Joined<K, L, V, T, P, R, Q, F>, OnlyOut<B, T, Product<P, R>>>>>>
where
    R: ToDiff<Diff = R> + Abelian,
    P::Diff: Multiply<R>,
    F: Merges<K, L, V, B>,
{
    let pairs = ArrangedPairs { left: Spine::default(), right: Held::default(), function };
    K::node(L::node(F::node(Node::new(BinaryAtTimes::new(pairs), OnlyOut::new()))))
}

/// See [`join_arranged`](super::join_arranged()).
pub type Joined<K, L, V, T, P, R, Q, F> = BinaryAtTimes<
    ArrangedPairs<K, L, V, <T as Lattice>::Rounds, <P as ToDiff>::Diff, R, F>,
    Keyed<K, L>,
    Arrangement<K, V, R>,
    T,
    <P as ToDiff>::Diff,
    <Q as ToDiff>::Diff,
    NoKey,
>;

/// Makes the changes of all pairs of rows with rows of an arrangement.
#[derive(Debug)]
pub struct ArrangedPairs<K, L, V, P, A, R, F> {
    left: Spine<K, L, P, A>,
    right: Held<K, V, R>,
    function: F,
}

impl<K, L, V, P, A, R, F> State for ArrangedPairs<K, L, V, P, A, R, F>
where
    K: Storable + Ord + Clone,
    L: Storable + Ord + Clone,
    V: Storable + Ord + Clone,
    P: Rounds,
    A: Storable + Abelian,
    R: Storable + Abelian,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        undivided(fields, "left", &mut self.left)?;
        self.right.visit(fields, "right")
    }
}

impl<K, L, V, T, A, R, Q, F, B> Binary<Keyed<K, L>, Arrangement<K, V, R>, T, A, Q>
    for ArrangedPairs<K, L, V, T::Rounds, A, R, F>
where
    K: Ord + Clone + Debug,
    L: Ord + Clone,
    V: Ord + Clone,
    T: Lattice,
    A: Multiply<R> + Abelian,
    R: Abelian,
    F: FnMut(&K, &L, &V) -> B,
{
    type Row = B;
    type Diff = A::Product;
    type Key = NoKey;

    fn work(
        &mut self,
        time: &T,
        left: &mut Vec<(Keyed<K, L>, A)>,
        right: &mut Vec<(Arrangement<K, V, R>, Q)>,
        _again: Vec<NoKey>,
        _later: &mut Later<T, NoKey>,
        mut emit: impl Emit<B, T, A::Product>,
    ) -> Result<(), Unsound> {
        prepare(left, time)?;
        // There is one a time; of several the last is the newest.
        let came = right.drain(..).next_back().map(|(arrangement, _)| arrangement);
        if came.is_some() {
            self.right.last.clone_from(&came);
        }
        let function = &mut self.function;
        if let Some(after) = &self.right.last {
            let mut after = after.cursor();
            let mut rest = &left[..];
            while let Some((Keyed { key, .. }, _)) = rest.first() {
                let lefts = take_key(&mut rest, key);
                let too_many = || Unsound::too_many(key, time);
                let kept = after.seek_all(key).map_err(|_| too_many())?;
                for (Keyed { value: one, .. }, by) in lefts {
                    kept.try_each(|other, (), diff| {
                        emit(function(key, one, other), *time, by.times(diff)?);
                        Some(())
                    })
                    .ok_or_else(too_many)?;
                }
            }
        }
        if let Some(came) = &came {
            let (changes, mut before) = (came.changes(), self.left.cursor());
            for (number, key) in changes.keys().iter().enumerate() {
                let too_many = || Unsound::too_many(key, time);
                let kept = before.seek(key, time).map_err(|_| too_many())?;
                for place in changes.changes(number) {
                    let (other, diff) = (changes.value(place), changes.diff(place));
                    kept.try_each(|one, rounds, by| {
                        emit(function(key, one, other), time.at_rounds(rounds), by.times(diff)?);
                        Some(())
                    })
                    .ok_or_else(too_many)?;
                }
            }
        }
        self.left.insert(time.rounds(), left).map_err(|key| Unsound::too_many(&key, time))
    }
}
