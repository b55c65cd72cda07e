//! Rows in the order of their times.

use crate::envelope::Update;
use crate::operator::{Cx, Durable, Input, Node, Operator, Outcome, Resume, Sortable, View};
use crate::port::{Edge, OutLate, Port, Push};
use crate::state::{Divided, Fields, Mismatch, Owner, SameKey, SavedQueue, Storable, hash_of_key};
use crate::time::{Frontier, TotalOrder};

/// Puts rows in the order of their times; those at one time stay in order of arrival (rule F5).
///
/// A row waits until the frontier is beyond its time, so that those in front of it have come: a stream that is `bounded(d)`
/// out of order is held back by about `d`. Rows behind the frontier go to the port `late`, in their envelope. A stream
/// without time has no order to be put in but that of a [`sort_by_key`], once it ends. Changes keep their diffs.
///
/// Keeps the rows that wait, in a heap: `O(log waiting)` a row.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     events = from_iter([(3, "c"), (1, "a"), (3, "d"), (2, "b"), (9, "e"), (4, "late")]);
///     sorted = sort();
///     events -> event_time(|event| EventTime::from_secs(event.0), bounded(3.secs())) -> sorted
///         -> map(|event| event.1) -> names;
///     sorted.late -> map(|late| (late.data.1, late.time.to_string())) -> late;
///     names = collect();
///     late = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.names, ["a", "b", "c", "d", "e"]);
/// assert_eq!(result.late, [("late", "1970-01-01T00:00:04Z".to_owned())]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "order_by")]
pub fn sort<D, T: TotalOrder, R>(
    _input: Edge<D, T, R>,
) -> Node<Sort<D, T, R, (), fn(&D)>, OutLate<D, T, R, Update<D, T, R>, (), ()>> {
    Node::new(Sort::new(|_| ()), OutLate::new())
}

/// As [`sort`], with those at one time in the order of a key; equal keys stay in order of arrival.
///
/// Of a stream without time it sorts everything, once the stream ends. Keys are not saved: those of rows that were restored are asked for
/// anew.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     words = from_iter(["weft", "ply", "warp", "yarn"]);
///     sorted = sort_by_key(|word| word.len());
///     words -> sorted -> by_length;
///     sorted.late -> discard;
///     by_length = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.by_length, ["ply", "weft", "warp", "yarn"]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "order_by")]
pub fn sort_by_key<D, T: TotalOrder, R, K: Sortable, F>(
    _input: Edge<D, T, R>,
    key: F,
) -> F::Node<K::Node<Node<Sort<D, T, R, K, F>, OutLate<D, T, R, Update<D, T, R>, (), ()>>>>
where
    F: View<D, K>,
{
    F::node(K::node(Node::new(Sort::new(key), OutLate::new())))
}

/// See [`sort`].
#[derive(Clone, Debug)]
pub struct Sort<D, T: TotalOrder, R, K, F> {
    waiting: SavedQueue<(D, R), T, K>,
    key: F,
    frontier: Frontier<T>,
}

impl<D, T: TotalOrder, R, K: Ord, F> Sort<D, T, R, K, F> {
    fn new(key: F) -> Self {
        Sort { waiting: SavedQueue::new(), key, frontier: Frontier::start() }
    }
}

impl<D, T: TotalOrder, R, K, F> Operator for Sort<D, T, R, K, F> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn finish(&mut self) {}
}

impl<D, T, R, K, F> Durable for Sort<D, T, R, K, F>
where
    D: Storable,
    T: TotalOrder + Storable,
    R: Storable,
    K: Ord,
    F: FnMut(&D) -> K,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(self)
    }
}

/// Rows of a keyed stream follow their keys. Of others it is not known where they belong, so that as long as some of them wait they are not
/// divided.
impl<D, T, R, K, F> Divided for Sort<D, T, R, K, F>
where
    D: Storable,
    T: TotalOrder + Storable,
    R: Storable,
    K: Ord,
    F: FnMut(&D) -> K,
{
    /// The rows that wait, and how far the input has come.
    type Kept = (SavedQueue<(D, R), T, K>, Frontier<T>);

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.waiting.visit("waiting", fields, |(row, _)| (self.key)(row))?;
        fields.value("frontier", &mut self.frontier)
    }

    fn retain(&mut self, owner: Owner) {
        self.waiting.retain(|(row, _)| owner.owns_row(row));
    }

    fn take(&mut self) -> Self::Kept {
        (std::mem::take(&mut self.waiting), std::mem::replace(&mut self.frontier, Frontier::start()))
    }

    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        self.frontier = Frontier::least(shards.iter().map(|(_, frontier)| frontier));
        for (waiting, _) in shards {
            if waiting.iter().any(|(row, _)| hash_of_key(row).is_none()) {
                return Err(SameKey);
            }
            self.waiting.absorb(waiting);
        }
        Ok(())
    }
}

impl<D, T: TotalOrder, R, K, F, Outs> Resume<Outs> for Sort<D, T, R, K, F> {}

impl<D, T, R, K, F, S, L> Input<0, D, T, R, (Port<S>, Port<L>)> for Sort<D, T, R, K, F>
where
    T: TotalOrder,
    K: Ord,
    F: FnMut(&D) -> K,
    S: Push<D, T, R>,
    L: Push<Update<D, T, R>, (), ()>,
{
    #[inline]
    fn push(&mut self, row: Update<D, T, R>, (_, late): &mut (Port<S>, Port<L>), cx: &mut Cx) {
        if self.frontier.closes(&row.time) {
            cx.late();
            return late.push(Update::from(row));
        }
        cx.absorbed();
        let tie = (self.key)(&row.data);
        self.waiting.push(row.time, tie, (row.data, row.diff));
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<T>, (out, late): &mut (Port<S>, Port<L>), _cx: &mut Cx) {
        while let Some((time, (data, diff))) = self.waiting.pop_closed(&frontier) {
            out.push(Update { data, time, diff });
        }
        self.frontier = frontier.clone();
        if frontier.is_end() {
            late.advance(Frontier::end());
        }
        out.advance(frontier);
    }
}
