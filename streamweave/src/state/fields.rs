//! What an operator keeps, field by field: one visit serves to save it and to load it.
//!
//! A visit walks the nodes of a graph and hands a [`Fields`] to each. Saving is a *cut*, in which every field is written as it is at that
//! instant or is frozen, followed by as many *slices* as it takes to write what is frozen while the graph goes on; loading is one visit.
//! Values are written as MessagePack with the names of their fields, so that a type can grow: what serde's `default`, `alias` and
//! `rename` say holds for state, too (rule H11).

use std::any::type_name;
#[cfg(feature = "lsm")]
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::error::Error;
use std::fmt;
use std::hash::Hash;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::in_slices::{InSlices, Reduced, RowsVisit};
use super::list::Redistribution;
use super::stable_hash::{KEY_GROUPS, key_group};
use super::{KeyedRows, Map};

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

/// What was saved does not fit the type that it is to be loaded into (rule H11).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the state of node `{node}` does not fit: `{path}` was saved as `{stored}` and is to be `{expected}` now: {reason}; restore what can \
     be read by serde's `default`, `alias` or `deserialize_with`, or drop the state of the node"
)]
pub struct Mismatch {
    /// The node.
    pub node: String,
    /// The field, and what is in it down to where they differ.
    pub path: String,
    /// The type that was saved.
    pub stored: String,
    /// The type that is to be loaded.
    pub expected: &'static str,
    /// Where they differ.
    pub reason: String,
}

/// What stands among the fields of a node that begins with a checkpoint.
pub(crate) const BEGINNING: &str = "(beginning)";

/// A visit to the fields of a graph's state.
#[derive(Debug)]
pub struct Fields<'a> {
    pub(super) pass: Pass<'a>,
    node: String,
    field: String,
}

#[derive(Debug)]
pub(super) enum Pass<'a> {
    /// Write every value, freeze every map.
    Cut(&'a mut Saving),
    /// Write some of what is frozen.
    Slice(&'a mut Saving),
    /// Write what is known only now that sinks have brought out what they took before the cut.
    Seal(&'a mut Saving),
    Load(&'a mut Loading),
    Survey(&'a mut BTreeMap<String, BTreeSet<String>>),
}

/// What a visit has written.
#[derive(Debug, Default)]
pub struct Saving {
    /// Whether everything is to be written, and not only what has changed since the last cut.
    pub full: bool,
    /// The number of the cut, counted from 1 since the graph was started.
    pub number: u64,
    /// How many more entries a slice may write.
    pub budget: usize,
    /// The maps of which a slice was due, by node and field: one that was and is not any more was dropped while it was being saved.
    pub seen: BTreeSet<Arc<(String, String)>>,
    /// The maps of which entries are left for another slice.
    pub unfinished: BTreeSet<Arc<(String, String)>>,
    /// What has been written, to be taken away.
    pub parts: Vec<Part>,
    /// The maps that there are, by node and field, whether they have changed or not.
    pub maps: Vec<(String, String)>,
}

/// A piece of the state, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The node, and those around it, separated by dots.
    pub node: String,
    /// The field, and those around it, separated by dots.
    pub field: String,
    /// The type, for people.
    pub type_name: String,
    /// What the bytes are.
    pub content: Content,
    /// How many entries they are, of a map.
    pub entries: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What the bytes of a [`Part`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Content {
    /// A value, whole.
    Value,
    /// Entries of one stripe of a [`Map`] that were written since the last part of that stripe.
    Stripe {
        /// Which stripe.
        number: u16,
        /// How many slots it has: what lies behind was removed.
        slots: u32,
        /// Whether these are all of its entries.
        full: bool,
    },
    /// Keys of a map that were written or removed since the last part of it, each with its value or without.
    Log {
        /// Whether these and those that follow are all of its entries: what was written before counts no more.
        full: bool,
        /// Whether each key is there once and in order, and behind those of the sorted part before it in the same file, unless it
        /// begins a run.
        sorted: bool,
        /// Whether it begins a run, being sorted: its keys follow on none. Files of before there were runs do not say.
        #[serde(default)]
        begins: bool,
    },
}

impl Content {
    /// Whether it is of a map by key, which says in parts what has changed.
    pub(crate) fn is_of_map(self) -> bool {
        match self {
            Content::Value => false,
            Content::Stripe { .. } | Content::Log { .. } => true,
        }
    }
}

/// What was saved, to be loaded: what has been loaded is taken out.
///
/// It comes from one graph; or from the shards of one, to be divided among another number of shards (rule H9).
#[derive(Debug, Default)]
pub struct Loading {
    pub(super) origins: Vec<Origin>,
    pub(super) shard: Option<Shard>,
    /// The one of the origins that is looked at; else all are.
    pub(super) only: Option<usize>,
    visited: BTreeSet<String>,
    /// Why a file could not be read when it was to be loaded.
    unread: Option<Box<dyn Error + Send + Sync>>,
}

/// A file of logs, which may be larger than memory: it is read when it is loaded, and was read once before, to know that it is whole.
#[cfg_attr(not(feature = "lsm"), expect(dead_code, reason = "only a map with a store has logs"))]
pub(crate) trait Unread: fmt::Debug + Send + Sync {
    /// These bytes, as they were written: pieces that stand side by side.
    fn read(&self, pieces: Range<usize>) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;
}

#[derive(Debug)]
enum File {
    Held(Vec<u8>),
    /// Its pieces are parts of logs.
    #[cfg_attr(not(feature = "lsm"), expect(dead_code, reason = "only a map with a store has logs"))]
    Unread(Box<dyn Unread>),
}

/// What one graph has saved.
#[derive(Debug, Default)]
pub(super) struct Origin {
    files: Vec<File>,
    nodes: BTreeMap<String, BTreeMap<String, Stored>>,
}

impl Origin {
    /// The bytes of a piece that is in memory, as all are that are no part of a log.
    fn held(&self, piece: &Piece) -> &[u8] {
        match &self.files[piece.file] {
            File::Held(bytes) => &bytes[piece.bytes.clone()],
            File::Unread(_) => unreachable!("only logs are left where they are"),
        }
    }
}

/// One of the shards among which the keys of a graph are divided.
///
/// A key belongs to one of [`KEY_GROUPS`] groups by its [stable hash](super::stable_hash), and so many groups in a row to a shard: the
/// group `g` to shard `g * of / KEY_GROUPS`.
///
/// # Examples
///
/// ```
/// use streamweave::state::{Shard, stable_hash};
///
/// let hash = stable_hash("N14228");
/// let owners = (0..3).filter(|&number| Shard::new(number, 3).owns(hash));
/// assert_eq!(owners.count(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u16,
    of: u16,
}

impl Shard {
    /// Shard `number`, counted from 0, of so many.
    ///
    /// # Panics
    ///
    /// There is no such shard, or there are more shards than key groups.
    pub fn new(number: u16, of: u16) -> Self {
        assert!(
            number < of && of <= KEY_GROUPS,
            "there is no shard {number} of {of}; at most {KEY_GROUPS} there are"
        );
        Shard { number, of }
    }

    /// Whether a key of this [hash](super::stable_hash) belongs to it.
    pub fn owns(self, hash: u64) -> bool {
        let owner = u32::from(key_group(hash, KEY_GROUPS)) * u32::from(self.of) / u32::from(KEY_GROUPS);
        owner == u32::from(self.number)
    }
}

/// A field as it was saved.
#[derive(Debug)]
pub struct Stored {
    /// Under which node and field.
    saved_as: (String, String),
    type_name: String,
    pieces: Vec<Piece>,
}

/// Where a piece of a field is.
#[derive(Clone, Debug)]
struct Piece {
    file: usize,
    bytes: Range<usize>,
    content: Content,
}

impl Loading {
    /// What one graph has saved, to be filled in.
    pub fn of_one() -> Self {
        Loading { origins: vec![Origin::default()], ..Loading::default() }
    }

    /// What the shards of a graph have saved, for one shard of another number of them.
    pub fn rescaled(shards: impl IntoIterator<Item = Loading>, shard: Shard) -> Self {
        let origins = shards.into_iter().flat_map(|loading| loading.origins).collect();
        Loading { origins, shard: Some(shard), ..Loading::default() }
    }

    fn last(&mut self) -> &mut Origin {
        if self.origins.is_empty() {
            self.origins.push(Origin::default());
        }
        self.origins.last_mut().expect("there is one")
    }

    /// Adds a file; its pieces are named by the number that it gives.
    pub fn file(&mut self, bytes: Vec<u8>) -> usize {
        self.add(File::Held(bytes))
    }

    /// Adds a file of logs that is read when they are loaded.
    pub(crate) fn unread(&mut self, file: Box<dyn Unread>) -> usize {
        self.add(File::Unread(file))
    }

    fn add(&mut self, file: File) -> usize {
        let files = &mut self.last().files;
        files.push(file);
        files.len() - 1
    }

    /// Why a file could not be read, where that is why something was not loaded.
    pub(crate) fn why_unread(&mut self) -> Option<Box<dyn Error + Send + Sync>> {
        self.unread.take()
    }

    /// Adds a piece of a field; pieces come in the order in which they were written.
    pub fn piece(&mut self, part: &Part, file: usize, bytes: Range<usize>) {
        let fields = self.last().nodes.entry(part.node.clone()).or_default();
        let stored = fields.entry(part.field.clone()).or_insert_with(|| Stored {
            saved_as: (part.node.clone(), part.field.clone()),
            type_name: String::new(),
            pieces: Vec::new(),
        });
        stored.type_name.clone_from(&part.type_name);
        stored.pieces.push(Piece { file, bytes, content: part.content });
    }

    /// What was saved for the node `was` is for the node `now`, if nothing is.
    pub fn rename(&mut self, was: &str, now: &str) {
        self.origins.iter_mut().for_each(|origin| rename(&mut origin.nodes, was, now));
    }

    /// Forgets what was saved for a node, and for those in it.
    pub fn drop_node(&mut self, node: &str) {
        let inside = format!("{node}.");
        for origin in &mut self.origins {
            origin.nodes.retain(|name, _| name != node && !name.starts_with(&inside));
        }
    }

    /// The nodes of which something was saved besides the field `unless`, and which were not visited.
    pub fn lost(&self, unless: &str) -> Vec<String> {
        let is_lost = |(node, fields): &(&String, &BTreeMap<String, Stored>)| {
            !self.visited.contains(*node) && fields.keys().any(|field| field != unless)
        };
        let lost = self.origins.iter().flat_map(|origin| origin.nodes.iter().filter(is_lost));
        lost.map(|(node, _)| node.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Every field that was saved by one graph, all of whose files are in memory: the part without its bytes, and its pieces in the order in which they were written.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (Part, Vec<(Content, &[u8])>)> {
        let head = |node: &str, field: &str, stored: &Stored| Part {
            node: node.to_owned(),
            field: field.to_owned(),
            type_name: stored.type_name.clone(),
            content: Content::Value,
            entries: 0,
            bytes: Vec::new(),
        };
        self.origins.iter().flat_map(move |origin| {
            origin.nodes.iter().flat_map(move |(node, fields)| {
                fields.iter().map(move |(field, stored)| {
                    let pieces = stored.pieces.iter().map(|piece| (piece.content, origin.held(piece)));
                    (head(node, field, stored), pieces.collect())
                })
            })
        })
    }

    /// Takes what each origin has saved in a field.
    fn take(&mut self, node: &str, field: &str) -> Vec<(usize, Stored)> {
        let only = self.only;
        let origins = self.origins.iter_mut().enumerate();
        let seen = origins.filter(|(at, _)| only.is_none_or(|only| only == *at));
        seen.filter_map(|(at, origin)| Some((at, origin.nodes.get_mut(node)?.remove(field)?))).collect()
    }

    /// The bytes of a value.
    fn value<'s>(&'s self, origin: usize, stored: &Stored) -> Option<&'s [u8]> {
        let last = stored.pieces.last()?;
        (last.content == Content::Value).then(|| self.origins[origin].held(last))
    }
}

/// What is at `was`, and inside of it, goes to `now`, where nothing is yet.
fn rename<V>(names: &mut BTreeMap<String, V>, was: &str, now: &str) {
    let inside = format!("{was}.");
    let found: Vec<String> =
        names.keys().filter(|name| *name == was || name.starts_with(&inside)).cloned().collect();
    for name in found {
        let renamed = format!("{now}{}", &name[was.len()..]);
        if !names.contains_key(&renamed)
            && let Some(saved) = names.remove(&name)
        {
            names.insert(renamed, saved);
        }
    }
}

impl<'a> Fields<'a> {
    /// A visit that cuts.
    pub fn cut(saving: &'a mut Saving) -> Self {
        Fields::of(Pass::Cut(saving))
    }

    /// A visit that writes a slice of what is frozen.
    pub fn slice(saving: &'a mut Saving) -> Self {
        Fields::of(Pass::Slice(saving))
    }

    /// A visit that writes what is [sealed](Fields::sealed).
    pub fn seal(saving: &'a mut Saving) -> Self {
        Fields::of(Pass::Seal(saving))
    }

    /// A visit that loads.
    pub fn load(loading: &'a mut Loading) -> Self {
        Fields::of(Pass::Load(loading))
    }

    /// A visit that notes which nodes keep which fields.
    pub fn survey(nodes: &'a mut BTreeMap<String, BTreeSet<String>>) -> Self {
        Fields::of(Pass::Survey(nodes))
    }

    fn of(pass: Pass<'a>) -> Self {
        Fields { pass, node: String::new(), field: String::new() }
    }

    /// Whether this visit is a cut.
    pub fn is_cut(&self) -> bool {
        matches!(self.pass, Pass::Cut(_))
    }

    /// Whether this visit loads.
    pub fn is_loading(&self) -> bool {
        matches!(self.pass, Pass::Load(_))
    }

    /// Whether this visit loads, and nothing was saved for this node.
    pub fn is_new(&self) -> bool {
        matches!(&self.pass, Pass::Load(loading) if !loading.origins.iter().any(|origin| origin.nodes.contains_key(&self.node)))
    }

    /// The node whose fields are visited; empty outside of all.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Says that a checkpoint is to be taken before the first row: where the node began could not be told later. For a file that is written
    /// behind what was in it.
    pub fn begins_with_a_checkpoint(&mut self) {
        if let Pass::Survey(nodes) = &mut self.pass {
            nodes.entry(self.node.clone()).or_default().insert(BEGINNING.to_owned());
        }
    }

    /// Visits a node.
    ///
    /// # Errors
    ///
    /// What `visit` gives.
    pub fn inside<E>(&mut self, node: &str, visit: impl FnOnce(&mut Self) -> Result<(), E>) -> Result<(), E> {
        let (length, field) = (self.node.len(), std::mem::take(&mut self.field));
        if length > 0 {
            self.node.push('.');
        }
        self.node.push_str(node);
        if let Pass::Load(loading) = &mut self.pass {
            loading.visited.insert(self.node.clone());
        }
        let visited = visit(self);
        self.node.truncate(length);
        self.field = field;
        visited
    }

    /// Visits what is in a field.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub fn nested<S: State + ?Sized>(&mut self, name: &str, state: &mut S) -> Result<(), Mismatch> {
        self.at(name, |fields| state.fields(fields))
    }

    /// What was saved of the field `was`, or of what is in it, is for the field `now`, if nothing is.
    pub fn was(&mut self, was: &str, now: &str) {
        let Pass::Load(loading) = &mut self.pass else { return };
        let at = |name: &str| match self.field.is_empty() {
            true => name.to_owned(),
            false => format!("{}.{name}", self.field),
        };
        for origin in &mut loading.origins {
            if let Some(saved) = origin.nodes.get_mut(&self.node) {
                rename(saved, &at(was), &at(now));
            }
        }
    }

    /// Visits a value: it is written whole at each cut. For what grows there is [`map`](Fields::map).
    ///
    /// # Errors
    ///
    /// What was saved is of another type. A value of which nothing was saved stays as it is.
    pub fn value<V: Storable>(&mut self, name: &str, value: &mut V) -> Result<(), Mismatch> {
        self.value_and(name, value, |_, _| {})
    }

    /// As [`value`](Fields::value), for a value of which not everything is saved: once it has been loaded it `adopts` that from the one
    /// that was there.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub fn value_and<V: Storable>(
        &mut self,
        name: &str,
        value: &mut V,
        adopts: impl FnOnce(&mut V, V),
    ) -> Result<(), Mismatch> {
        self.merged(name, value, adopts, None::<fn(&mut V, V)>)
    }

    /// As [`value`](Fields::value), for a value that belongs to no key, which says what the values of several shards come to when the
    /// graph is divided anew: a frontier is their meet.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub fn shared<V: Storable>(
        &mut self,
        name: &str,
        value: &mut V,
        merge: impl FnMut(&mut V, V),
    ) -> Result<(), Mismatch> {
        self.merged(name, value, |_, _| {}, Some(merge))
    }

    fn merged<V: Storable>(
        &mut self,
        name: &str,
        value: &mut V,
        adopts: impl FnOnce(&mut V, V),
        merge: Option<impl FnMut(&mut V, V)>,
    ) -> Result<(), Mismatch> {
        self.at(name, |fields| match &mut fields.pass {
            Pass::Cut(saving) => {
                write(value, &fields.node, &fields.field, saving);
                Ok(())
            }
            Pass::Slice(_) | Pass::Seal(_) => Ok(()),
            Pass::Survey(nodes) => {
                nodes.entry(fields.node.clone()).or_default().insert(fields.field.clone());
                Ok(())
            }
            Pass::Load(loading) => {
                let mut all: Option<(V, &[u8])> = None;
                let mut merge = merge;
                let at = At { node: &fields.node, field: &fields.field };
                let taken = loading.take(at.node, at.field);
                for (origin, stored) in &taken {
                    let stored_type = &stored.type_name;
                    let Some(bytes) = loading.value(*origin, stored) else {
                        return Err(at.kind_differs::<V>(stored_type));
                    };
                    if all.as_ref().is_some_and(|(_, known)| *known == bytes) {
                        continue;
                    }
                    let loaded = decode(bytes).map_err(|why| at.mismatch::<V>(stored_type, why))?;
                    all = Some(match (all, &mut merge) {
                        (None, _) => (loaded, bytes),
                        (Some((mut all, _)), Some(merge)) => {
                            merge(&mut all, loaded);
                            (all, &[])
                        }
                        (Some(_), None) => return Err(at.indivisible::<V>(stored_type)),
                    });
                }
                if let Some((loaded, _)) = all {
                    let before = std::mem::replace(value, loaded);
                    adopts(value, before);
                }
                Ok(())
            }
        })
    }

    /// Visits the values of a [`List`](super::List).
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub fn list<V: Storable>(
        &mut self,
        values: &mut Vec<V>,
        redistribution: Redistribution,
    ) -> Result<(), Mismatch> {
        self.shared("", values, |all, more| all.extend(more))?;
        if let (Pass::Load(Loading { shard: Some(Shard { number, of }), .. }), Redistribution::Split) =
            (&self.pass, redistribution)
        {
            let mut turn = (0..*of).cycle();
            values.retain(|_| turn.next() == Some(*number));
        }
        Ok(())
    }

    /// Visits a value that may be missing. It is written as a list of one or none: `Some` of what is itself nothing, as in an
    /// `Option<Option<_>>` or an `Option<()>`, would come back as `None` from a [`value`](Fields::value).
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub fn optional<V: Storable>(&mut self, name: &str, value: &mut Option<V>) -> Result<(), Mismatch> {
        let mut listed = Vec::from_iter(value.take());
        let visited = self.value(name, &mut listed);
        *value = listed.pop();
        visited
    }

    /// Visits a value that is what it is to be only once [`poll_pre_commit`](crate::operator::Durable::poll_pre_commit) is ready: it is
    /// written then, whole, and not at the cut.
    ///
    /// # Errors
    ///
    /// What was saved is of another type. A value of which nothing was saved stays as it is.
    pub fn sealed<V: Storable>(&mut self, name: &str, value: &mut V) -> Result<(), Mismatch> {
        match &mut self.pass {
            Pass::Cut(_) | Pass::Slice(_) => return Ok(()),
            Pass::Load(_) | Pass::Survey(_) => return self.value(name, value),
            Pass::Seal(_) => {}
        }
        self.at(name, |fields| {
            if let Pass::Seal(saving) = &mut fields.pass {
                write(value, &fields.node, &fields.field, saving);
            }
        });
        Ok(())
    }

    /// Visits a map: what has changed since the last cut is written, in slices.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub fn map<K: Storable + Hash + Eq, V: Storable>(
        &mut self,
        name: &str,
        map: &mut Map<K, V>,
    ) -> Result<(), Mismatch> {
        self.in_slices(name, map)
    }

    /// Visits a map of which not everything is in memory: as [`map`](Fields::map).
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    #[cfg(feature = "lsm")]
    pub fn large_map<K: Storable + Hash + Eq, V: Storable>(
        &mut self,
        name: &str,
        map: &mut super::LargeMap<K, V>,
    ) -> Result<(), Mismatch> {
        self.in_slices(name, map)
    }

    /// Visits the field at hand, a map of which it is known what two values of a key come to.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub(super) fn reducing<K: Storable + Hash + Eq, V: Storable>(
        &mut self,
        values: &mut Map<K, V>,
        reduce: impl FnMut(&mut V, V),
    ) -> Result<(), Mismatch> {
        self.in_slices("", &mut Reduced { values, reduce })
    }

    /// Visits rows that come and stay: those that have come since the last cut are written, in slices. Where all are to be written `all` says
    /// whose they are. Gives what was loaded, in its order, for the owner to put there.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub(crate) fn keyed_rows<K: Storable, V: Storable>(
        &mut self,
        name: &str,
        rows: &mut KeyedRows<K, V>,
        all: impl FnOnce(&KeyedRows<K, V>) -> Vec<K>,
    ) -> Result<Vec<(K, V)>, Mismatch> {
        let mut visit = RowsVisit { rows, all: Some(all), loaded: Vec::new(), known: HashSet::new() };
        self.in_slices(name, &mut visit)?;
        Ok(visit.loaded)
    }

    fn in_slices<S: InSlices>(&mut self, name: &str, state: &mut S) -> Result<(), Mismatch> {
        self.at(name, |fields| {
            let (node, field) = (&fields.node, &fields.field);
            let at = At { node, field };
            match &mut fields.pass {
                Pass::Cut(saving) => {
                    saving.maps.push((node.clone(), field.clone()));
                    state.cut(node, field, saving);
                }
                Pass::Slice(saving) => state.slice(saving),
                Pass::Seal(_) => {}
                Pass::Survey(nodes) => {
                    nodes.entry(node.clone()).or_default().insert(field.clone());
                }
                Pass::Load(loading) => {
                    state.track();
                    for (origin, stored) in &loading.take(node, field) {
                        if !stored.pieces.iter().all(|piece| piece.content.is_of_map()) {
                            return Err(at.kind_differs::<S::Type>(&stored.type_name));
                        }
                        let is_log = |piece: &Piece| matches!(piece.content, Content::Log { .. });
                        if !S::READS_LOGS && stored.pieces.iter().any(is_log) {
                            return Err(at.is_large::<S::Type>(&stored.type_name));
                        }
                        let saved = Saved { origin: &loading.origins[*origin], pieces: &stored.pieces };
                        let loaded = state.load(saved, loading.shard).map_err(|why| match why {
                            NotLoaded::Unreadable(why) => why,
                            #[cfg(feature = "lsm")]
                            NotLoaded::Unread(why) => {
                                let unreadable = Unreadable::broken(&why.to_string());
                                loading.unread = Some(why);
                                unreadable
                            }
                        });
                        loaded.map_err(|why| at.mismatch::<S::Type>(&stored.type_name, why))?;
                        if loading.shard.is_none() && stored.saved_as == (node.clone(), field.clone()) {
                            state.goes_on(node, field);
                        }
                    }
                }
            }
            Ok(())
        })
    }

    /// Visits the whole of what the field at hand is, as a value: what a [`State`] does that has no fields of its own.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub fn whole<V: Storable>(&mut self, value: &mut V) -> Result<(), Mismatch> {
        self.value("", value)
    }

    /// What was saved for the field at hand is no state of this type.
    #[cold]
    pub(crate) fn refused<V>(&self, reason: &str) -> Mismatch {
        self.here().mismatch::<V>(type_name::<V>(), Unreadable::broken(reason))
    }

    /// The field at hand, for errors.
    pub(super) fn here(&self) -> At<'_> {
        At { node: &self.node, field: &self.field }
    }

    fn at<O>(&mut self, name: &str, visit: impl FnOnce(&mut Self) -> O) -> O {
        let length = self.field.len();
        if length > 0 && !name.is_empty() {
            self.field.push('.');
        }
        self.field.push_str(name);
        let visited = visit(self);
        self.field.truncate(length);
        visited
    }
}

/// The pieces of a map, in the order in which they were written.
#[derive(Clone, Copy)]
pub(super) struct Saved<'l> {
    origin: &'l Origin,
    pieces: &'l [Piece],
}

impl<'l> Saved<'l> {
    /// Of each piece of a stripe its number, how many slots there are, whether these are all, and the bytes.
    pub(super) fn stripes(self) -> impl Iterator<Item = (u16, u32, bool, &'l [u8])> {
        self.pieces.iter().filter_map(move |piece| match piece.content {
            Content::Stripe { number, slots, full } => Some((number, slots, full, self.origin.held(piece))),
            Content::Value | Content::Log { .. } => None,
        })
    }
}

#[cfg(feature = "lsm")]
impl<'l> Saved<'l> {
    /// What was saved since there was a log of everything.
    pub(super) fn since_full(self) -> Self {
        let is_full = |piece: &Piece| matches!(piece.content, Content::Log { full: true, .. });
        let full = self.pieces.iter().rposition(is_full);
        Saved { pieces: &self.pieces[full.unwrap_or(0)..], ..self }
    }

    /// The bytes of the logs, so many records at a time that they fit into memory.
    pub(super) fn logs(self) -> impl Iterator<Item = Result<Cow<'l, [u8]>, NotLoaded>> {
        let is_log = |piece: &&Piece| matches!(piece.content, Content::Log { .. });
        let mut logs = self.pieces.iter().filter(is_log).peekable();
        std::iter::from_fn(move || {
            let Piece { file, bytes: Range { start, mut end }, .. } = *logs.next()?;
            let file_of = |file| &self.origin.files[file];
            let unread = match file_of(file) {
                File::Held(bytes) => return Some(Ok(Cow::Borrowed(&bytes[start..end]))),
                File::Unread(unread) => unread,
            };
            // Those that stand side by side are read at once.
            while end - start < READ
                && let Some(next) = logs.next_if(|next| next.file == file && next.bytes.start == end)
            {
                end = next.bytes.end;
            }
            Some(unread.read(start..end).map(Cow::Owned).map_err(NotLoaded::Unread))
        })
    }
}

/// So many bytes of a log are read at a time when it is loaded.
#[cfg(feature = "lsm")]
const READ: usize = 1 << 20;

/// Why a map was not loaded.
pub(super) enum NotLoaded {
    /// What was saved is of another type.
    Unreadable(Unreadable),
    /// A file that was whole cannot be read any more.
    #[cfg(feature = "lsm")]
    Unread(Box<dyn Error + Send + Sync>),
}

impl From<Unreadable> for NotLoaded {
    fn from(unreadable: Unreadable) -> Self {
        NotLoaded::Unreadable(unreadable)
    }
}

/// A field of a node, for errors.
pub(super) struct At<'s> {
    node: &'s str,
    field: &'s str,
}

impl At<'_> {
    #[cold]
    pub(super) fn mismatch<V>(&self, stored: &str, Unreadable { path, reason }: Unreadable) -> Mismatch {
        let path = if path == "." { self.field.to_owned() } else { format!("{}.{path}", self.field) };
        let (node, stored) = (self.node.to_owned(), stored.to_owned());
        Mismatch { node, path, stored, expected: type_name::<V>(), reason }
    }

    #[cold]
    fn indivisible<V>(&self, stored: &str) -> Mismatch {
        let reason = "it belongs to no key, differs between the shards, and nothing says what it is to be in another number of them";
        self.mismatch::<V>(stored, Unreadable { path: ".".to_owned(), reason: reason.to_owned() })
    }

    #[cold]
    fn is_large<V>(&self, stored: &str) -> Mismatch {
        let reason = "it was saved as a `LargeMap`, which a `Map` is not loaded from".to_owned();
        self.mismatch::<V>(stored, Unreadable { path: ".".to_owned(), reason })
    }

    #[cold]
    fn kind_differs<V>(&self, stored: &str) -> Mismatch {
        let reason = "one is a map by key, and the other a value".to_owned();
        self.mismatch::<V>(stored, Unreadable { path: ".".to_owned(), reason })
    }
}

/// Writes a value, whole.
fn write<V: Storable>(value: &V, node: &str, field: &str, saving: &mut Saving) {
    let mut bytes = Vec::new();
    encode(value, &mut bytes);
    let (node, field, type_name) = (node.to_owned(), field.to_owned(), type_name::<V>().to_owned());
    saving.parts.push(Part { node, field, type_name, content: Content::Value, entries: 0, bytes });
}

/// Bytes that are no value of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Where in the value; `.` for the value itself.
    pub(crate) path: String,
    pub(crate) reason: String,
}

impl Unreadable {
    #[cold]
    pub(super) fn broken(reason: &str) -> Self {
        Unreadable { path: ".".to_owned(), reason: reason.to_owned() }
    }
}

/// Appends a value.
#[inline]
pub(crate) fn encode<V: Serialize + ?Sized>(value: &V, bytes: &mut Vec<u8>) {
    let mut serializer = rmp_serde::Serializer::new(bytes).with_struct_map();
    value.serialize(&mut serializer).expect("memory takes any value whose `Serialize` does not refuse it");
}

/// Reads a value, which is all of the bytes.
pub(crate) fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, Unreadable> {
    let mut rest = bytes;
    let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
    match V::deserialize(&mut deserializer) {
        Ok(value) if rest.is_empty() => Ok(value),
        Ok(_) => Err(Unreadable::broken("more was saved than is to be read")),
        Err(_) => Err(unreadable::<V>(bytes)),
    }
}

/// Why the bytes are no `V`: read once more, by a reader that knows where it is.
#[cold]
fn unreadable<V: DeserializeOwned>(bytes: &[u8]) -> Unreadable {
    let mut rest = bytes;
    let Ok(value) = rmpv::decode::read_value(&mut rest) else {
        return Unreadable::broken("the bytes are no MessagePack");
    };
    match serde_path_to_error::deserialize::<_, V>(value) {
        Ok(_) => Unreadable::broken("it could not be read"),
        Err(error) => Unreadable { path: error.path().to_string(), reason: error.inner().to_string() },
    }
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
