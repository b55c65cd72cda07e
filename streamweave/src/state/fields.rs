//! What an operator keeps, field by field: one visit serves to save it and to load it.
//!
//! A visit walks the nodes of a graph and hands a [`Fields`] to each. Saving is a *cut*, in which every field is written as it is at that
//! instant or is frozen, followed by as many *slices* as it takes to write what is frozen while the graph goes on; loading is one visit.
//! Values are written as MessagePack with the names of their fields, so that a type can grow: what serde's `default`, `alias` and
//! `rename` say holds for state, too (rule H11).

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::Hash;

use super::codec::{Unreadable, decode, encode};
use super::in_slices::{ArrivalsVisit, InSlices, Reduced};
use super::list::Redistribution;
use super::loading::{Loading, NotLoaded, Piece, Saved, rename};
use super::mismatch::{At, Mismatch};
use super::part::{Content, Part, Saving};
use super::records::record;
use super::shard::Shard;
use super::storable::{State, Storable};
use super::{Arrivals, Bag, KeySlab, KeyedRows, Map, Rest};

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
        let mut arrivals = std::mem::take(&mut rows.arrivals);
        let write = |key: &K, place: u32, bytes: &mut Vec<u8>| {
            record(place, Some(key), &rows.rows[place as usize], bytes);
        };
        let visited = self.arrivals(name, &mut arrivals, || all(rows), write);
        rows.arrivals = arrivals;
        visited
    }

    /// Visits things that come and stay until all of them go: those that have come since the last cut are written, in slices. Where all are
    /// to be written `all` says where they are; `write` appends the [record] of one. Gives what was loaded, in its order, for the owner to
    /// put there.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub(crate) fn arrivals<E, K: Storable, V: Storable>(
        &mut self,
        name: &str,
        arrivals: &mut Arrivals<E>,
        all: impl FnOnce() -> Vec<E>,
        write: impl FnMut(&E, u32, &mut Vec<u8>),
    ) -> Result<Vec<(K, V)>, Mismatch> {
        let mut visit =
            ArrivalsVisit { arrivals, all: Some(all), write, loaded: Vec::new(), known: HashSet::new() };
        self.in_slices(name, &mut visit)?;
        let ArrivalsVisit { arrivals, loaded, .. } = visit;
        if self.is_loading() {
            arrivals.loaded(loaded.len());
        }
        Ok(loaded)
    }

    /// Visits what is left to be written of things that have gone since the cut at hand: the slice that follows writes all of it.
    pub(crate) fn rest(&mut self, rest: &mut Vec<Rest>) {
        match &mut self.pass {
            Pass::Slice(saving) => rest.drain(..).for_each(|rest| rest.write(saving)),
            // It belongs to the cut before, of which nothing comes any more.
            Pass::Cut(_) => rest.clear(),
            Pass::Seal(_) | Pass::Load(_) | Pass::Survey(_) => {}
        }
    }

    /// Visits a map whose entries have places: what has changed since the last cut is written, in slices.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub fn key_slab<K: Storable + Hash + Eq, V: Storable + Default>(
        &mut self,
        name: &str,
        slab: &mut KeySlab<K, V>,
    ) -> Result<(), Mismatch> {
        self.at(name, |fields| {
            fields.in_slices("", slab)?;
            fields.value("free", slab.next_free())?;
            if fields.is_loading() && !slab.is_whole() {
                return Err(fields.refused::<KeySlab<K, V>>("the free places are not those that are free"));
            }
            Ok(())
        })
    }

    /// Visits things at places: what has come and gone since the last cut is written, in slices.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub(crate) fn bag<D: Storable>(&mut self, name: &str, bag: &mut Bag<D>) -> Result<(), Mismatch> {
        self.at(name, |fields| {
            fields.in_slices("", bag)?;
            fields.value("free", bag.next_free())?;
            if fields.is_loading() && !bag.is_whole() {
                return Err(fields.refused::<Bag<D>>("the free places are not those that are free"));
            }
            Ok(())
        })
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

/// Writes a value, whole.
fn write<V: Storable>(value: &V, node: &str, field: &str, saving: &mut Saving) {
    let mut bytes = Vec::new();
    encode(value, &mut bytes);
    let (node, field, type_name) = (node.to_owned(), field.to_owned(), type_name::<V>().to_owned());
    saving.parts.push(Part { node, field, type_name, content: Content::Value, entries: 0, bytes });
}
