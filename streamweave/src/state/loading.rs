//! What was saved, until it is loaded.

#[cfg(feature = "lsm")]
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;
use std::ops::Range;

use super::codec::Unreadable;
use super::part::{Content, Part};
use super::shard::Shard;

/// What was saved, to be loaded: what has been loaded is taken out.
///
/// It comes from one graph; or from the shards of one, to be divided among another number of shards (rule H9).
#[derive(Debug, Default)]
pub struct Loading {
    pub(super) origins: Vec<Origin>,
    pub(super) shard: Option<Shard>,
    /// The one of the origins that is looked at; else all are.
    pub(super) only: Option<usize>,
    pub(super) visited: BTreeSet<String>,
    /// Why a file could not be read when it was to be loaded.
    pub(super) unread: Option<Box<dyn Error + Send + Sync>>,
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
    pub(super) nodes: BTreeMap<String, BTreeMap<String, Stored>>,
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

/// A field as it was saved.
#[derive(Debug)]
pub struct Stored {
    /// Under which node and field.
    pub(super) saved_as: (String, String),
    pub(super) type_name: String,
    pub(super) pieces: Vec<Piece>,
}

/// Where a piece of a field is.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    file: usize,
    bytes: Range<usize>,
    pub(super) content: Content,
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
    pub(super) fn take(&mut self, node: &str, field: &str) -> Vec<(usize, Stored)> {
        let only = self.only;
        let origins = self.origins.iter_mut().enumerate();
        let seen = origins.filter(|(at, _)| only.is_none_or(|only| only == *at));
        seen.filter_map(|(at, origin)| Some((at, origin.nodes.get_mut(node)?.remove(field)?))).collect()
    }

    /// The bytes of a value.
    pub(super) fn value<'s>(&'s self, origin: usize, stored: &Stored) -> Option<&'s [u8]> {
        let last = stored.pieces.last()?;
        (last.content == Content::Value).then(|| self.origins[origin].held(last))
    }
}

/// What is at `was`, and inside of it, goes to `now`, where nothing is yet.
pub(super) fn rename<V>(names: &mut BTreeMap<String, V>, was: &str, now: &str) {
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

/// The pieces of a map, in the order in which they were written.
#[derive(Clone, Copy)]
pub(super) struct Saved<'l> {
    pub(super) origin: &'l Origin,
    pub(super) pieces: &'l [Piece],
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
