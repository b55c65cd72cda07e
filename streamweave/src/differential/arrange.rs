//! Collections by key that several operators share.

use std::fmt::{self, Debug};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::pairs::prepare;
use super::trace::{Batch, Changes, Chunks, Cursor, Loaded, Spine, undivided};
use super::{AtTimes, Emit, Indexed, Later, NoKey, Sorted, Unary, Unsound};
use crate::envelope::{Abelian, Keyed, ToDiff};
use crate::operator::Node;
use crate::port::{Edge, OnlyOut};
use crate::state::codec::encode;
use crate::state::{Fields, Mismatch, SameKey, State, Storable};
use crate::time::Lattice;

/// Arranges a collection by key, once for all operators that read it: [`join_arranged`](super::join_arranged()).
///
/// Each join keeps its inputs by key. Where several keep the same one, `arrange` keeps it in their place, under a name that the
/// picture of the graph shows: the edges of a graph that two loops walk, the customers with whom everything is joined. It stands
/// outside of loops, and can be read in them.
///
/// # Time and order
///
/// At each closed time at which anything changes it gives one row: the changes, and the collection as of that time. Both are shares of the
/// same batches; that of a later time takes nothing away from one that is read still.
///
/// # State and cost
///
/// The rows that are there, sorted, and of operators that lag what has been merged since. A time costs the
/// sorting of its changes, and a copy of the latest few of those before it.
///
/// # Errors
///
/// The run ends with [`Unsound`] where there are more rows than can be counted (rule G4).
///
/// # Examples
///
/// Who can be reached from either of two places, along the same streets:
///
/// ```
/// use streamweave::prelude::*;
///
/// graph! {
///     graph reached(streets: Update<(u32, u32), LogicalTime, i64>, here: Update<u32, LogicalTime, i64>, there: Update<u32, LogicalTime, i64>)
///         -> (near: Update<u32, LogicalTime, i64>, far: Update<u32, LogicalTime, i64>)
///     {
///         by_corner = differential::arrange();
///         streets -> map(|(from, to)| Keyed { key: from, value: to }) -> by_corner;
///
///         iterate walk {
///             var corner: u32 = here;
///             step = differential::join_arranged(|_, (), next: &u32| *next);
///             corner -> map(|corner| Keyed { key: corner, value: () }) -> step.left;
///             by_corner -> step.right;
///             [here, step] -> differential::distinct() -> corner;
///         }
///         iterate ride {
///             var corner: u32 = there;
///             step = differential::join_arranged(|_, (), next: &u32| *next);
///             corner -> map(|corner| Keyed { key: corner, value: () }) -> step.left;
///             by_corner -> step.right;
///             [there, step] -> differential::distinct() -> corner;
///         }
///         walk.corner -> near;
///         ride.corner -> far;
///     }
/// }
///
/// let mut run = reached::harness();
/// let change = |data, time, diff| Update { data, time: LogicalTime(time), diff };
/// for street in [(1, 2), (2, 3), (7, 2)] {
///     run.inputs.streets.update(change(street, 0, 1));
/// }
/// run.inputs.streets.update(change((2, 3), 1, -1));
/// run.inputs.here.update(Update { data: 1, time: LogicalTime(0), diff: 1 });
/// run.inputs.there.update(Update { data: 7, time: LogicalTime(0), diff: 1 });
/// run.finish().expect("nothing fails").assert_conserved();
/// let near = run.outputs.near.updates().into_iter().map(|row| (row.time.0, row.data, row.diff));
/// assert_eq!(Vec::from_iter(near), [(0, 1, 1), (0, 2, 1), (0, 3, 1), (1, 3, -1)]);
/// let far = run.outputs.far.updates().into_iter().map(|row| (row.time.0, row.data, row.diff));
/// assert_eq!(Vec::from_iter(far), [(0, 2, 1), (0, 3, 1), (0, 7, 1), (1, 3, -1)]);
/// ```
#[doc(alias = "index")]
pub fn arrange<K: Indexed, V: Sorted, T: Lattice<Rounds = ()>, R: ToDiff>(
    _input: Edge<Keyed<K, V>, T, R>,
) -> K::Node<V::Node<Node<Arrange<K, V, T, R::Diff>, OnlyOut<Arrangement<K, V, R::Diff>, T, ()>>>> {
    K::node(V::node(Node::new(AtTimes::new(Arranges(Spine::default())), OnlyOut::new())))
}

/// See [`arrange`].
pub type Arrange<K, V, T, R> = AtTimes<Arranges<K, V, R>, Keyed<K, V>, T, R, NoKey>;

/// A collection by key as of a closed time, and what changed at that time.
///
/// A clone is a share.
pub struct Arrangement<K, V, R = i64>(Arc<Arranged<K, V, R>>);

/// Its batches.
struct Arranged<K, V, R> {
    changes: Arc<Batch<K, V, (), R>>,
    all: Vec<Arc<Batch<K, V, (), R>>>,
}

impl<K, V, R> Clone for Arrangement<K, V, R> {
    fn clone(&self) -> Self {
        Arrangement(Arc::clone(&self.0))
    }
}

impl<K, V, R> Debug for Arrangement<K, V, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrangement").field("changes", &self.0.changes.len()).finish_non_exhaustive()
    }
}

impl<K: Ord + Clone, V: Ord + Clone, R: Abelian> Arrangement<K, V, R> {
    /// What changed at the time.
    pub(super) fn changes(&self) -> &Batch<K, V, (), R> {
        &self.0.changes
    }

    /// All of the collection, to be saved.
    fn all(&self) -> Changes<'_, K, V, (), R> {
        Changes { batches: self.0.all.iter().map(|batch| &**batch).collect(), recent: &[] }
    }

    /// The collection as of the time, those changes included.
    pub(super) fn cursor(&self) -> Cursor<'_, K, V, (), R> {
        Cursor::of_batches(self.0.all.iter().map(|batch| &**batch))
    }
}

/// The arrangement that came last, with what was saved of it.
#[derive(Debug)]
pub(super) struct Held<K, V, R> {
    pub(super) last: Option<Arrangement<K, V, R>>,
    chunks: Option<Box<Chunks<K, V, (), R>>>,
}

impl<K, V, R> Default for Held<K, V, R> {
    fn default() -> Self {
        Held { last: None, chunks: None }
    }
}

/// Each batch is saved once. After a restore it shares no batch with the others of its collection until that changes; what it has then is
/// saved once more. What changed last is not saved: nobody asks for it again.
impl<K, V, R> State for Held<K, V, R>
where
    K: Storable + Ord + Clone,
    V: Storable + Ord + Clone,
    R: Storable + Abelian,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        if fields.is_loading() {
            // So it was before there were chunks.
            fields.optional("", &mut self.last)?;
        }
        let mut chunks = self.chunks.take().unwrap_or_default();
        let all = self.last.iter().flat_map(|last| &last.0.all).filter(|batch| !batch.is_empty());
        let mut numbers = if fields.is_cut() { chunks.cut(all) } else { Vec::new() };
        let mut is_loaded = false;
        fields.value_and("batches", &mut numbers, |_, _| is_loaded = true)?;
        chunks.visit(fields, "chunks")?;
        if is_loaded {
            let batches = chunks.load().map_err(|reason| fields.refused::<Self>(reason))?;
            if batches.len() != numbers.len() {
                return Err(fields.refused::<Self>("a batch is missing"));
            }
            let changes = Arc::new(Batch::at_time((), &mut Vec::new()));
            let all: Vec<_> = batches.into_values().collect();
            self.last = (!all.is_empty()).then(|| Arrangement(Arc::new(Arranged { changes, all })));
        }
        self.chunks = Some(chunks);
        Ok(())
    }
}

impl<K, V, R> Held<K, V, R>
where
    K: Storable + Ord + Clone,
    V: Storable + Ord + Clone,
    R: Storable + Abelian,
{
    /// Visits an arrangement that is not divided: all but one of the shards that have saved it have to be without, or have the same.
    pub(super) fn visit(&mut self, fields: &mut Fields<'_>, name: &str) -> Result<(), Mismatch> {
        let all = |last: &Arrangement<K, V, R>| {
            let mut bytes = Vec::new();
            encode(&last.all(), &mut bytes);
            bytes
        };
        let unite = |held: &mut Self, other: Self| match (&held.last, other.last) {
            (Some(one), Some(other)) if all(one) != all(&other) => Err(SameKey),
            (Some(_), _) => Ok(()),
            (None, last) => {
                held.last = last;
                Ok(())
            }
        };
        fields.state_by_key(name, self, |_, _| Ok(()), unite)
    }
}

/// What arranges a collection.
#[derive(Clone, Debug)]
pub struct Arranges<K, V, R>(Spine<K, V, (), R>);

impl<K, V, R> State for Arranges<K, V, R>
where
    K: Storable + Ord + Clone,
    V: Storable + Ord + Clone,
    R: Storable + Abelian,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        undivided(fields, "rows", &mut self.0)
    }
}

/// Saved whole; after a restore it shares nothing with the others of its collection until that changes.
impl<K, V, R> Serialize for Arrangement<K, V, R>
where
    K: Serialize + Ord + Clone,
    V: Serialize + Ord + Clone,
    R: Serialize + Abelian,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let changes = Changes { batches: vec![self.changes()], recent: &[] };
        (changes, self.all()).serialize(serializer)
    }
}

impl<'de, K, V, R> Deserialize<'de> for Arrangement<K, V, R>
where
    K: Deserialize<'de> + Ord + Clone,
    V: Deserialize<'de> + Ord + Clone,
    R: Deserialize<'de> + Abelian,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (Loaded(changes), Loaded(all)) = Deserialize::deserialize(deserializer)?;
        Ok(Arrangement(Arc::new(Arranged { changes: Arc::new(changes), all: vec![Arc::new(all)] })))
    }
}

impl<K, V, T, R> Unary<Keyed<K, V>, T, R> for Arranges<K, V, R>
where
    K: Ord + Clone + Debug,
    V: Ord + Clone,
    T: Lattice<Rounds = ()>,
    R: Abelian,
{
    type Row = Arrangement<K, V, R>;
    type Diff = ();
    type Key = NoKey;

    fn work(
        &mut self,
        time: &T,
        changes: &mut Vec<(Keyed<K, V>, R)>,
        _again: Vec<NoKey>,
        _later: &mut Later<T, NoKey>,
        mut emit: impl Emit<Arrangement<K, V, R>, T, ()>,
    ) -> Result<(), Unsound> {
        prepare(changes, time)?;
        if changes.is_empty() {
            return Ok(());
        }
        let changes = Arc::new(Batch::at_time((), changes));
        self.0.share(&changes).map_err(|key| Unsound::too_many(&key, time))?;
        emit(Arrangement(Arc::new(Arranged { changes, all: self.0.snapshot() })), *time, ());
        Ok(())
    }
}
