//! The checkpoints in a storage, to be looked at.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::{CheckpointError, Damage};
use super::manifest::{Kind, Manifest};
use super::storage::{LocalDirectory, Storage};
use super::store::{Published, Store};
use crate::state::keyed_log::Merged;
use crate::state::records::Slots;
use crate::state::{Content, Part};

/// The checkpoints in a storage, read while no graph runs or while one does.
///
/// # Examples
///
/// ```no_run
/// use streamweave::checkpoint::{Archive, Kept};
///
/// let mut archive = Archive::in_directory("state")?;
/// for manifest in archive.checkpoints()? {
///     println!("{} {:?}", manifest.number, manifest.kind);
///     for (node, fields) in archive.contents(&manifest)? {
///         for (field, kept) in fields {
///             if let Kept::Map(entries) = kept {
///                 println!("{node} {field}: {} entries", entries.len());
///             }
///         }
///     }
/// }
/// # Ok::<(), streamweave::checkpoint::CheckpointError>(())
/// ```
#[derive(Debug)]
pub struct Archive {
    store: Store,
    name: String,
}

/// What a field holds, as MessagePack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A value.
    Value(Vec<u8>),
    /// Keys with their values, in the order in which the map gives them.
    Map(Vec<(Vec<u8>, Vec<u8>)>),
}

/// What a checkpoint holds: by node, then by field.
pub type Contents = BTreeMap<String, BTreeMap<String, Kept>>;

impl Archive {
    /// What is in a directory.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn in_directory(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let directory = LocalDirectory::new(path);
        let name = directory.to_string();
        Archive::in_storage(directory, name)
    }

    /// What is in another storage, which errors call by this name.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn in_storage(
        storage: impl Storage + 'static,
        name: impl Into<String>,
    ) -> Result<Self, CheckpointError> {
        let name = name.into();
        Ok(Archive { store: Store::unlocked(Box::new(storage), name.clone(), usize::MAX)?, name })
    }

    /// The checkpoints and savepoints whose manifests can be read, the oldest first.
    ///
    /// # Errors
    ///
    /// The storage cannot be read, or holds what a newer version has written.
    pub fn checkpoints(&mut self) -> Result<Vec<Manifest>, CheckpointError> {
        self.store.manifests()
    }

    /// Reads every byte of a checkpoint and compares it with its checksum.
    ///
    /// # Errors
    ///
    /// What is damaged first, and how.
    pub fn verify(&self, manifest: &Manifest) -> Result<(), CheckpointError> {
        self.contents(manifest).map(drop)
    }

    /// What a checkpoint holds.
    ///
    /// # Errors
    ///
    /// It is damaged.
    pub fn contents(&self, manifest: &Manifest) -> Result<Contents, CheckpointError> {
        let mut contents = Contents::new();
        for (head, pieces) in self.store.load(manifest)?.fields() {
            let kept = kept(&pieces).ok_or_else(|| self.unreadable(&head.node))?;
            contents.entry(head.node).or_default().insert(head.field, kept);
        }
        Ok(contents)
    }

    fn unreadable(&self, node: &str) -> CheckpointError {
        let reason = format!("the state of node `{node}` is no map");
        let (name, storage) = ("checkpoint".to_owned(), self.name.clone());
        CheckpointError::Damaged { name, storage, damage: Damage::Unreadable { reason } }
    }

    /// Writes a checkpoint like this one without the state of a node, and of those in it: the newest then, from which a graph goes on.
    ///
    /// # Errors
    ///
    /// A graph is using the storage; the checkpoint is damaged; the new one cannot be written.
    pub fn drop_node(
        &mut self,
        storage: impl Storage + 'static,
        manifest: &Manifest,
        node: &str,
    ) -> Result<Published, CheckpointError> {
        let mut store = Store::open(Box::new(storage), self.name.clone(), usize::MAX)?;
        let mut loading = store.load(manifest)?;
        loading.drop_node(node);
        let mut new = manifest.clone();
        let is_of_node =
            |name: &str| name == node || name.strip_prefix(node).is_some_and(|in_it| in_it.starts_with('.'));
        new.number = store.next_number();
        new.kind = match &manifest.kind {
            Kind::Savepoint(name) => Kind::Savepoint(name.clone()),
            _ => Kind::Periodic,
        };
        new.nodes.retain(|kept| !is_of_node(kept));
        new.maps.retain(|(kept, _)| !is_of_node(kept));
        for (head, pieces) in loading.fields() {
            for (content, bytes) in pieces {
                // Runs of several segments are one behind the other now, and have to be sorted anew.
                let content = match content {
                    Content::Log { full, .. } => Content::Log { full, sorted: false, begins: false },
                    Content::Value | Content::Stripe { .. } => content,
                };
                store.write(&Part { content, bytes: bytes.to_vec(), ..head.clone() })?;
            }
        }
        store.publish(new, true)
    }
}

/// What the pieces of a field come to.
fn kept(pieces: &[(Content, &[u8])]) -> Option<Kept> {
    let mut stripes: BTreeMap<u16, Slots<'_>> = BTreeMap::new();
    let mut log = Merged::default();
    for (content, bytes) in pieces {
        match *content {
            Content::Value => return Some(Kept::Value(bytes.to_vec())),
            Content::Stripe { number, slots, full } => {
                stripes.entry(number).or_default().add(slots, full, bytes)?;
            }
            Content::Log { full, .. } => {
                if full {
                    stripes.clear();
                }
                log.add(full, bytes)?;
            }
        }
    }
    let entries = stripes.values().flat_map(Slots::iter).chain(log.entries().map(Some));
    entries
        .map(|slot| slot.map(|(key, value)| (key.to_vec(), value.to_vec())))
        .collect::<Option<_>>()
        .map(Kept::Map)
}
