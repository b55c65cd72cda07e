//! A map by key that need not fit into memory.
//!
//! Some entries are in memory, in slots that an index finds by key; all others are in a store on disk ([`Scratch`]). An entry is brought in
//! when it is asked for. Where there is no room others leave first, some hundred at a time in one write: those that were
//! not asked for since the hand of a clock last passed them (F. J. Corbató, A Paging Experiment with the Multics System, 1968). What
//! has changed in memory is written when it leaves, and not before. A key that was removed stays as a slot without a value until then.
//!
//! # Checkpoints
//!
//! A checkpoint holds a [log](super::keyed_log) of the keys that were written or removed since the one before. While the graph runs an
//! entry that has changed is either in memory, where a bit marks it, or has left, and then its record stands in a log on disk. A cut copies
//! nothing: it takes the marks and that log for itself, and the slices that follow write the log first, then what is marked. What is
//! marked and about to change, to leave or to move is appended to the log as it was. So every record is behind the older ones of its key.
//! A cut that is to hold everything begins with the entries of the store as they were at the cut, for a store of this kind can be read as
//! of an instant, and takes what differs from them in memory for changed. Who writes the checkpoint sorts the log, some megabytes at a
//! time: merging and loading take no more memory than that, however much there is.

mod scratch;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use serde::Serialize;

use self::scratch::{Batch, Log, Scan, Scratch, Unusable};
use super::bits::Bits;
use super::codec::{Unreadable, decode, encode};
use super::keyed_log::{self, Gathered, RUN};
use super::loading::{NotLoaded, Saved};
use super::part::{Content, Part, Saving};
use super::records::slots_of;
use super::saved_as::SavedAs;
use super::shard::Shard;
use super::stable_hash::stable_hash_of_bytes;
use super::storable::Storable;

/// At most so many entries leave memory at once: some tenths of a millisecond.
const LEAVING: usize = 512;

/// An entry that a slice reads from the store counts as so many.
const READ: usize = 8;

/// A value for each key, for the state of a node, of which only so many entries are in memory.
///
/// As [`Map`](super::Map), for state that is larger than memory; what a checkpoint holds of a `Map` of the same types is loaded into it, too.
/// Where everything fits a `Map` is the better one: an entry that is not in memory costs a read of the disk, or of what the system has
/// in memory of it, and in the long run a write.
///
/// Besides its entries a map that has more than fit needs some 40 MB for the store, and about 16 bytes a key. Checkpoints take another 35 MB,
/// whatever the number of keys: what waits to be written, what is sorted, and what is read of segments that are merged; of those at least
/// 128 KB for each 8 MB that changed and were not merged before. A restore takes some megabytes for what it reads at a time.
///
/// # Where the rest is
///
/// In a directory of its own: [the one that is given](LargeMap::in_directory), or a new one under that of the system for temporary files
/// (`TMPDIR`), which may be in memory itself. It is emptied when the map first needs it, and goes with the map; after a
/// crash it is left there and worth nothing. What is durable is the checkpoint.
///
/// # Panics
///
/// Any method that needs an entry which is not in memory, or room for it, panics where the directory cannot be read or written: the
/// message names it and says why. In a graph that is a failure of the node: the run ends with
/// [`Error::Panicked`](crate::Error::Panicked), and started again it goes on from the last checkpoint. So do keys of more than
/// 65,535 bytes as they are saved.
///
/// # Examples
///
/// ```
/// use streamweave::state::LargeMap;
///
/// let mut totals: LargeMap<String, u64> = LargeMap::holding(1_000);
/// for row in 0..10_000_u64 {
///     *totals.entry(format!("customer {}", row % 5_000), || 0) += row;
/// }
/// assert_eq!(totals.get("customer 7"), Some(&5_014));
/// assert_eq!(totals.len(), 5_000);
/// ```
pub struct LargeMap<K, V> {
    /// How many entries may be in memory.
    entries: usize,
    directory: Option<PathBuf>,
    /// None until an entry leaves memory.
    scratch: Option<Scratch>,
    index: HashTable<u32>,
    /// What is in memory; a key without a value was removed.
    slots: Vec<(K, Option<V>)>,
    /// Slots that were asked for since the hand passed.
    used: Bits,
    /// Slots that differ from the store.
    dirty: Bits,
    /// Slots that were written since the last cut.
    changed: Bits,
    hand: usize,
    hasher: FixedState,
    len: usize,
    /// Where the graph has checkpoints: what was written since the last cut and has left.
    left: Option<Log>,
    /// Whether the next cut has to hold everything.
    is_anew: bool,
    saved_as: SavedAs,
    cut: Option<Cut>,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// What a cut has frozen, and no slice has written yet.
struct Cut {
    /// All entries of the store, where everything is to be written.
    scan: Option<Scan>,
    /// What had changed and left, and what would have been changed since.
    log: Log,
    /// Slots that are as they were at the cut, and not written.
    frozen: Bits,
    full: bool,
    is_begun: bool,
}

impl<K, V> fmt::Debug for LargeMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LargeMap")
            .field("len", &self.len)
            .field("in_memory", &self.slots.len())
            .field("scratch", &self.scratch)
            .finish_non_exhaustive()
    }
}

#[cold]
#[inline(never)]
fn fail(unusable: &Unusable) -> ! {
    panic!("{unusable}")
}

/// There is no other way out of a method that gives a value: see the type's panics.
#[inline(always)]
fn worked<T>(result: Result<T, Unusable>) -> T {
    result.unwrap_or_else(|unusable| fail(&unusable))
}

impl<K, V> LargeMap<K, V> {
    /// An empty map that has at most so many entries in memory, and at least one.
    pub const fn holding(entries: usize) -> Self {
        LargeMap {
            entries: if entries == 0 { 1 } else { entries },
            directory: None,
            scratch: None,
            index: HashTable::new(),
            slots: Vec::new(),
            used: Bits::new(),
            dirty: Bits::new(),
            changed: Bits::new(),
            hand: 0,
            hasher: FixedState::with_seed(0),
            len: 0,
            left: None,
            is_anew: false,
            saved_as: SavedAs::new(),
            cut: None,
            key: Vec::new(),
            value: Vec::new(),
        }
    }

    /// Keeps the rest in this directory, which no other map may use: two folders in it, `entries` and `changes`, are emptied.
    #[must_use]
    pub fn in_directory(self, path: impl AsRef<Path>) -> Self {
        LargeMap { directory: Some(path.as_ref().to_owned()), ..self }
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many entries are in memory.
    pub fn in_memory(&self) -> usize {
        self.slots.len()
    }

    fn scratch(&mut self) -> &mut Scratch {
        if self.scratch.is_none() {
            let scratch = worked(Scratch::open(self.directory.as_deref()));
            // They began when there was no place for them.
            let logs = self.left.iter_mut().chain(self.cut.as_mut().map(|cut| &mut cut.log));
            logs.for_each(|log| log.may_go_to(&scratch));
            self.scratch = Some(scratch);
        }
        self.scratch.as_mut().expect("it was opened")
    }

    fn new_log(&self) -> Log {
        self.scratch.as_ref().map_or_else(Log::default, Scratch::log)
    }
}

impl<K: Storable + Hash + Eq, V: Storable> LargeMap<K, V> {
    /// The value of a key, which is brought in.
    ///
    /// Borrowed keys have to be saved as owned ones are: `str` is saved as `String` is.
    #[inline]
    pub fn get<Q: Hash + Eq + Serialize + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let place = self.bring(key)?;
        self.slots[place as usize].1.as_ref()
    }

    /// Whether there is such a key.
    pub fn contains_key<Q: Hash + Eq + Serialize + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        if let Some(place) = self.find(self.hasher.hash_one(key), key) {
            return self.slots[place as usize].1.is_some();
        }
        let Some(scratch) = &self.scratch else { return false };
        let mut bytes = Vec::new();
        encode(key, &mut bytes);
        worked(scratch.contains(&bytes))
    }

    /// The value of a key, which is brought in, to be changed.
    #[inline]
    pub fn get_mut<Q: Hash + Eq + Serialize + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.bring(key)?;
        self.slots[place as usize].1.as_ref()?;
        self.touch(place);
        self.slots[place as usize].1.as_mut()
    }

    /// The value of a key, which is brought in, or made by `init` where the key is new.
    #[inline]
    pub fn entry(&mut self, key: K, init: impl FnOnce() -> V) -> &mut V {
        let place = match self.bring(&key) {
            Some(place) => place,
            None => {
                let hash = self.hasher.hash_one(&key);
                self.settle(hash, key, None)
            }
        };
        if self.slots[place as usize].1.is_none() {
            let value = init();
            self.touch(place);
            self.len += 1;
            return self.slots[place as usize].1.insert(value);
        }
        self.touch(place);
        self.slots[place as usize].1.as_mut().expect("it has a value")
    }

    /// Sets the value of a key; gives the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let mut new = Some(value);
        let known = self.entry(key, || new.take().expect("it is made once"));
        new.map(|value| std::mem::replace(known, value))
    }

    /// Removes a key; gives its value.
    pub fn remove<Q: Hash + Eq + Serialize + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.bring(key)?;
        self.remove_at(place)
    }

    fn remove_at(&mut self, place: u32) -> Option<V> {
        self.slots[place as usize].1.as_ref()?;
        self.touch(place);
        self.len -= 1;
        self.slots[place as usize].1.take()
    }

    /// Every key with its value, in the order of the bytes as which keys are saved: numbers of one sign by size, texts by length and then
    /// by their bytes. Reads the whole of the store, and first writes there what has changed in memory.
    pub fn for_each(&mut self, mut visit: impl FnMut(&K, &V)) {
        for entry in self.all() {
            let (key, value) = worked(entry);
            visit(&stored(&key), &stored(&value));
        }
    }

    /// Keeps the entries of which `keep` says so, which may change their values; in the order, and at the cost, of
    /// [`for_each`](LargeMap::for_each).
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        for entry in self.all() {
            let (key, old) = worked(entry);
            let (key, mut value): (K, V) = (stored(&key), stored(&old));
            let is_kept = keep(&key, &mut value);
            let mut new = std::mem::take(&mut self.value);
            new.clear();
            encode(&value, &mut new);
            let has_changed = new[..] != old[..];
            self.value = new;
            if is_kept && !has_changed {
                continue;
            }
            let hash = self.hasher.hash_one(&key);
            let place = self.find(hash, &key).unwrap_or_else(|| self.settle(hash, key, Some(stored(&old))));
            if is_kept {
                self.touch(place);
                self.slots[place as usize].1 = Some(value);
            } else {
                drop(self.remove_at(place));
            }
        }
    }

    /// Removes every key.
    pub fn clear(&mut self) {
        self.thaw();
        (self.used, self.dirty, self.changed) = (Bits::new(), Bits::new(), Bits::new());
        self.index.clear();
        self.slots.clear();
        (self.hand, self.len) = (0, 0);
        if let Some(scratch) = &self.scratch {
            worked(scratch.clear());
        }
        // Of what there was the next cut says nothing.
        self.left = self.left.is_some().then(|| self.new_log());
        self.is_anew = true;
    }

    /// What is in the store once all is there.
    fn all(&mut self) -> Scan {
        self.scratch();
        let dirty: Vec<u32> = self.dirty.iter().collect();
        for some in dirty.chunks(LEAVING) {
            let scratch = self.scratch.as_mut().expect("it is open");
            let mut batch = scratch.batch(some.len());
            for &place in some {
                let (key, value) = &self.slots[place as usize];
                put(key, value.as_ref(), &mut self.key, &mut self.value, &mut batch);
            }
            worked(scratch.write(batch));
        }
        self.dirty = Bits::new();
        self.scratch().scan()
    }

    /// The slot of a key.
    #[inline]
    fn find<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        self.index.find(hash, |&place| self.slots[place as usize].0.borrow() == key).copied()
    }

    /// The slot of a key, which is brought in from the store if it is there.
    #[inline]
    fn bring<Q: Hash + Eq + Serialize + ?Sized>(&mut self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        if let Some(place) = self.find(hash, key) {
            self.used.mark(place);
            return Some(place);
        }
        self.bring_from_store(hash, key)
    }

    #[inline(never)]
    fn bring_from_store<Q: Serialize + ?Sized>(&mut self, hash: u64, key: &Q) -> Option<u32> {
        let scratch = self.scratch.as_ref()?;
        self.key.clear();
        encode(key, &mut self.key);
        let value = stored(&worked(scratch.get(&self.key))?);
        let key = stored(&self.key);
        Some(self.settle(hash, key, Some(value)))
    }

    /// Makes a slot of an entry that is in memory nowhere; what it says is what the store says.
    fn settle(&mut self, hash: u64, key: K, value: Option<V>) -> u32 {
        if self.slots.len() >= self.entries {
            self.make_room();
        }
        if self.slots.capacity() == 0 {
            // A table that grows later would stop the graph.
            let expected = self.entries.min(1 << 20);
            self.slots.reserve_exact(expected);
            self.index.reserve(expected, |_| unreachable!("the table is empty"));
        }
        let place = u32::try_from(self.slots.len()).expect("at most 2^32 entries in memory");
        self.slots.push((key, value));
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.index.insert_unique(hash, place, |&place| hasher.hash_one(&slots[place as usize].0));
        place
    }

    /// Lets some entries go that were not asked for lately.
    #[inline(never)]
    fn make_room(&mut self) {
        let leaving = (self.entries / 8).clamp(1, LEAVING);
        let mut batch = self.scratch().batch(leaving);
        for _ in 0..leaving {
            while {
                self.hand = if self.hand < self.slots.len() { self.hand } else { 0 };
                self.used.take(self.hand as u32)
            } {
                self.hand += 1;
            }
            self.let_go(self.hand as u32, &mut batch);
        }
        worked(self.scratch().write(batch));
    }

    /// Lets an entry go; the last one takes its place.
    fn let_go(&mut self, place: u32, batch: &mut Batch) {
        let last = u32::try_from(self.slots.len() - 1).expect("places are 32 bits wide");
        self.keep_as_it_was(place);
        self.keep_as_it_was(last);
        let (key, value) = &self.slots[place as usize];
        if self.dirty.take(place) {
            put(key, value.as_ref(), &mut self.key, &mut self.value, batch);
            if self.changed.take(place)
                && let Some(left) = &mut self.left
            {
                worked(left.append(&self.key, value.is_some().then_some(&self.value[..])));
            }
        } else if self.changed.take(place)
            && let Some(left) = &mut self.left
        {
            worked(append(left, key, value.as_ref(), &mut self.key, &mut self.value));
        }
        let hash = self.hasher.hash_one(key);
        let found = self.index.find_entry(hash, |&at| at == place);
        found.expect("every slot is indexed").remove();
        if last != place {
            let moved = self.hasher.hash_one(&self.slots[last as usize].0);
            *self.index.find_mut(moved, |&at| at == last).expect("every slot is indexed") = place;
            for marks in [&mut self.used, &mut self.dirty, &mut self.changed] {
                if marks.take(last) {
                    marks.mark(place);
                }
            }
        }
        self.slots.swap_remove(place as usize);
    }

    /// An entry is about to change.
    #[inline]
    fn touch(&mut self, place: u32) {
        if self.cut.is_some() {
            self.keep_as_it_was(place);
        }
        if self.left.is_some() {
            self.changed.mark(place);
        }
        self.dirty.mark(place);
    }

    /// Writes out an entry that a cut has frozen.
    #[inline]
    fn keep_as_it_was(&mut self, place: u32) {
        if let Some(cut) = &mut self.cut
            && cut.frozen.take(place)
        {
            let (key, value) = &self.slots[place as usize];
            worked(append(&mut cut.log, key, value.as_ref(), &mut self.key, &mut self.value));
        }
    }

    /// Writes out all that a cut has frozen.
    fn thaw(&mut self) {
        let frozen: Vec<u32> = self.cut.iter().flat_map(|cut| cut.frozen.iter()).collect();
        frozen.into_iter().for_each(|place| self.keep_as_it_was(place));
    }

    /// Freezes what has changed since the last cut, or everything; and writes as much of it as the budget allows.
    pub(super) fn cut(&mut self, node: &str, field: &str, saving: &mut Saving) {
        // One that was left unfinished is forgotten.
        self.cut = None;
        let log = self.new_log();
        let left = self.left.replace(log);
        let changed = std::mem::take(&mut self.changed);
        let is_known = self.saved_as.cut(node, field, saving);
        let full = saving.full || std::mem::take(&mut self.is_anew) || left.is_none() || !is_known;
        self.cut = Some(match left {
            Some(log) if !full => Cut { scan: None, log, frozen: changed, full, is_begun: false },
            _ => Cut {
                scan: self.scratch.as_ref().map(Scratch::scan),
                log: self.new_log(),
                frozen: self.dirty.clone(),
                full,
                is_begun: false,
            },
        });
        self.slice(saving);
    }

    /// What is here was loaded from this field as it was saved: the next cut goes on from there.
    pub(super) fn goes_on(&mut self, node: &str, field: &str, cut: u64) {
        self.saved_as.set(node, field, cut);
    }

    /// Writes more of what is frozen, as long as the budget lasts.
    pub(super) fn slice(&mut self, saving: &mut Saving) {
        let Some(saved_as) = self.saved_as.name() else { return };
        if self.cut.is_some() {
            saving.seen.insert(Arc::clone(&saved_as));
        }
        let (node, field) = &*saved_as;
        while let Some(cut) = &mut self.cut {
            if saving.budget == 0 {
                saving.unfinished.insert(saved_as);
                return;
            }
            let (mut bytes, mut entries) = (Vec::new(), 0);
            let mut is_done = false;
            let sorted = cut.scan.is_some();
            if let Some(scan) = &mut cut.scan {
                let most = saving.budget.div_ceil(READ);
                while entries < most
                    && let Some(entry) = scan.next()
                {
                    let (key, value) = worked(entry);
                    keyed_log::append(&key, Some(&value), &mut bytes);
                    entries += 1;
                }
                if entries < most {
                    cut.scan = None;
                }
                saving.budget = saving.budget.saturating_sub(entries * READ);
            } else if let Some((log, records)) = worked(cut.log.take()) {
                (bytes, entries) = (log, records);
                saving.budget = saving.budget.saturating_sub(records);
            } else {
                let some: Vec<u32> = cut.frozen.iter().take(saving.budget).collect();
                is_done = some.len() < saving.budget;
                for place in some {
                    cut.frozen.clear(place);
                    let (key, value) = &self.slots[place as usize];
                    let is_there = as_bytes(key, value.as_ref(), &mut self.key, &mut self.value);
                    keyed_log::append(&self.key, is_there.then_some(&self.value[..]), &mut bytes);
                    entries += 1;
                }
                saving.budget = saving.budget.saturating_sub(entries);
            }
            // A full one says that it is, even if nothing is there.
            let full = cut.full && !std::mem::replace(&mut cut.is_begun, true);
            if full || entries > 0 {
                saving.parts.push(Part {
                    node: node.clone(),
                    field: field.clone(),
                    type_name: format!("{} -> {}", std::any::type_name::<K>(), std::any::type_name::<V>()),
                    content: Content::Log { full, sorted, begins: full && sorted },
                    entries: entries as u64,
                    bytes,
                });
            }
            if is_done {
                self.cut = None;
            }
        }
    }

    /// Begins to note what changes: there are checkpoints.
    pub(super) fn track(&mut self) {
        if self.left.is_none() {
            self.left = Some(self.new_log());
        }
    }

    /// Loads what was saved; of several shards' what belongs to one, in addition to what is there.
    pub(super) fn load(&mut self, saved: Saved<'_>, shard: Option<Shard>) -> Result<(), NotLoaded> {
        if shard.is_none() {
            self.clear();
            self.is_anew = false;
        }
        let mut run = Gathered::default();
        for slot in slots_of(saved.stripes())?.iter().flat_map(|slots| slots.iter()) {
            let (key, value) = slot.ok_or_else(no_entries)?;
            // What is saved of it from now on is of another kind.
            self.is_anew = true;
            self.add(key, Some(value), shard, &mut run)?;
        }
        for log in saved.logs() {
            let log = log?;
            let mut bytes = &log[..];
            while !bytes.is_empty() {
                let (key, value) = keyed_log::read(&mut bytes).ok_or_else(no_entries)?;
                self.add(key, value, shard, &mut run)?;
            }
        }
        self.write_run(&mut run);
        self.is_anew |= shard.is_some();
        self.len = self.scratch.as_ref().map_or(0, |scratch| scratch.scan().map(worked).count());
        Ok(())
    }

    /// Adds a record to those that are to be written, if it can be read and belongs here.
    fn add(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        shard: Option<Shard>,
        run: &mut Gathered,
    ) -> Result<(), Unreadable> {
        if shard.is_some_and(|shard| !shard.owns(stable_hash_of_bytes(key))) {
            return Ok(());
        }
        // A type may have grown since, and is found by what it is saved as now.
        self.key.clear();
        encode(&decode::<K>(key)?, &mut self.key);
        value.map(decode::<V>).transpose()?;
        run.append(&self.key, value);
        if run.bytes() >= RUN {
            self.write_run(run);
        }
        Ok(())
    }

    /// Writes records to the store: of each key the last.
    fn write_run(&mut self, run: &mut Gathered) {
        if !run.is_empty() {
            worked(self.scratch().write_sorted(run.sorted()));
            run.clear();
        }
    }
}

fn no_entries() -> Unreadable {
    Unreadable::broken("the bytes are no entries of a map")
}

/// What the store says, which is what was written there.
fn stored<D: Storable>(bytes: &[u8]) -> D {
    decode(bytes).unwrap_or_else(|unreadable| {
        panic!(
            "a `{}` that was saved cannot be read again: {}: its `Serialize` and `Deserialize` do not agree",
            std::any::type_name::<D>(),
            unreadable.reason
        )
    })
}

/// Writes a key, and its value if there is one, over the bytes; says whether there is.
#[inline]
fn as_bytes<K: Serialize, V: Serialize>(
    key: &K,
    value: Option<&V>,
    key_bytes: &mut Vec<u8>,
    value_bytes: &mut Vec<u8>,
) -> bool {
    key_bytes.clear();
    encode(key, key_bytes);
    value_bytes.clear();
    if let Some(value) = value {
        encode(value, value_bytes);
    }
    value.is_some()
}

/// Puts an entry into a batch.
fn put<K: Serialize, V: Serialize>(
    key: &K,
    value: Option<&V>,
    key_bytes: &mut Vec<u8>,
    value_bytes: &mut Vec<u8>,
    batch: &mut Batch,
) {
    if as_bytes(key, value, key_bytes, value_bytes) {
        batch.insert(key_bytes, value_bytes);
    } else {
        batch.remove(key_bytes);
    }
}

/// Appends an entry to a log.
fn append<K: Serialize, V: Serialize>(
    log: &mut Log,
    key: &K,
    value: Option<&V>,
    key_bytes: &mut Vec<u8>,
    value_bytes: &mut Vec<u8>,
) -> Result<(), Unusable> {
    let is_there = as_bytes(key, value, key_bytes, value_bytes);
    log.append(key_bytes, is_there.then_some(&value_bytes[..]))
}

#[cfg(test)]
mod tests;
