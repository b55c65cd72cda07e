//! What is done about a failure.

use super::failure::{Failure, FailureKind};
use crate::checkpoint::CheckpointError;
use crate::graph::Error;

/// What a supervisor does about a child that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Directive {
    /// Start it again, and with it those that its supervisor's [`Strategy`] says.
    Restart,
    /// Start all children of its supervisor again, whatever the strategy.
    RestartGroup,
    /// Leave it where it is; its siblings go on.
    Stop,
    /// Its supervisor has failed, and all of its children stop: the supervisor above decides, and above the last one the tree ends.
    Escalate,
}

/// Which children are started again where one has failed, as in Erlang/OTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// That one.
    #[default]
    OneForOne,
    /// All of them: they depend on each other.
    OneForAll,
    /// That one and those behind it, in the order in which they were given: they depend on those before.
    RestForOne,
}

impl Directive {
    /// What is done where nobody says anything: another start helps, unless the graph is wrong, or was told to stop.
    pub(super) fn by_default(failure: &Failure) -> Directive {
        match failure.kind {
            FailureKind::Panic
            | FailureKind::Source
            | FailureKind::Sink
            | FailureKind::Node
            | FailureKind::Stuck
            | FailureKind::Stopped => Directive::Restart,
            FailureKind::Invalid | FailureKind::Rejected => Directive::Escalate,
            FailureKind::Checkpoint => match &*failure.error {
                Error::Checkpoint(error) if is_passing(error) => Directive::Restart,
                _ => Directive::Escalate,
            },
        }
    }
}

/// Whether what is wrong with checkpoints may be over by the next start.
fn is_passing(error: &CheckpointError) -> bool {
    matches!(
        error,
        CheckpointError::Failing { .. } | CheckpointError::Storage { .. } | CheckpointError::Locked { .. }
    )
}
