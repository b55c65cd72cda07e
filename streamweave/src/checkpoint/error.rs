//! What goes wrong with checkpoints.

use std::io;

use crate::state::Mismatch;

/// A file is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It ends too early.
    #[error("it is shorter than it was written")]
    Truncated,
    /// Its bytes are others.
    #[error("its checksum does not match: its bytes have changed")]
    Checksum,
    /// It is something else.
    #[error("it is no file of a checkpoint")]
    Foreign,
    /// It was written by a newer version of this library.
    #[error(
        "it has version {version} of the format, and this library reads up to {}: use the newer one",
        super::manifest::VERSION
    )]
    Newer {
        /// The version.
        version: u8,
    },
    /// It was written as it is, and makes no sense.
    #[error("it cannot be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
}

/// Why a checkpoint could not be taken, found or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Another process, or another graph of this one, works on the same state.
    #[error(
        "`{storage}` is in use: another graph keeps its checkpoints there; give each graph a directory of its own"
    )]
    Locked {
        /// The storage.
        storage: String,
    },
    /// The storage cannot be read or written.
    #[error("cannot {action} `{name}` in `{storage}`: {source}")]
    Storage {
        /// What was to be done.
        action: &'static str,
        /// The object, or the folder.
        name: String,
        /// The storage.
        storage: String,
        /// Why it could not be.
        source: io::Error,
    },
    /// A file is damaged, and there is no older checkpoint that is whole.
    #[error("`{name}` in `{storage}` is damaged: {damage}")]
    Damaged {
        /// The file.
        name: String,
        /// The storage.
        storage: String,
        /// What is wrong with it.
        damage: Damage,
    },
    /// There is no such checkpoint or savepoint.
    #[error("there is no savepoint `{name}` in `{storage}`; there are: {known}")]
    NoSuchSavepoint {
        /// What was asked for.
        name: String,
        /// The storage.
        storage: String,
        /// What there is.
        known: String,
    },
    /// The graph was drained (rule J7).
    #[error(
        "the graph was drained: its windows have fired before their time, so nothing can go on from checkpoint {number}; restore a \
         savepoint, or begin with an empty directory"
    )]
    Drained {
        /// The last checkpoint.
        number: u64,
    },
    /// The checkpoint holds the state of nodes that the graph does not have (rule H12).
    #[error(
        "checkpoint {number} holds state of {lost}, which the graph does not have; it has {known}. Say `#[was = \"old\"]` at a node that has \
         another name now, or `Checkpoints::drop_node(..)` for state that is to be forgotten"
    )]
    OtherGraph {
        /// The checkpoint.
        number: u64,
        /// The nodes that are not there.
        lost: String,
        /// The nodes that are there and that the checkpoint does not know.
        known: String,
    },
    /// A node keeps state and has no name under which it would be found again.
    #[error(
        "node `{node}` keeps state and stands inline beside others of its kind: give it a name, by which it is found again when the graph          changes, as in `counted = count();`"
    )]
    Nameless {
        /// The name that was made for it.
        node: String,
    },
    /// The keys were divided among another number of groups (rule H9).
    #[error(
        "checkpoint {number} divides its keys among {found} groups, and this library among {expected}: it cannot be read"
    )]
    KeyGroups {
        /// The checkpoint.
        number: u64,
        /// Its groups.
        found: u16,
        /// The library's.
        expected: u16,
    },
    /// The state does not fit the graph.
    #[error("checkpoint {number}: {mismatch}")]
    Mismatch {
        /// The checkpoint.
        number: u64,
        /// What does not fit.
        #[source]
        mismatch: Mismatch,
    },
    /// The graph was given no checkpoints.
    #[error("the graph was given no checkpoints: say `.checkpoints(..)` before it is run")]
    NotKept,
    /// The graph drains: windows may have fired before their time, and what is saved now is not to be gone on from.
    #[error("the graph drains, and takes no more savepoints: its last checkpoint comes at its end")]
    Draining,
    /// Checkpoints failed, one after the other (rule H5).
    #[error("{failures} checkpoints in a row could not be taken; the last because of: {last}")]
    Failing {
        /// How many.
        failures: u32,
        /// Why the last one failed.
        #[source]
        last: Box<CheckpointError>,
    },
}
