//! Operators whose state survives: what a graph that is `#![durable]` asks of its nodes.

use std::task::Poll;

use super::{Cause, Operator, Turn};
use crate::state::{Fields, Mismatch};

/// An operator whose state can be saved between two batches and loaded before the first.
///
/// # Contract
///
/// 1. [`fields`](Durable::fields) visits all that the operator's further output depends on: after it has been loaded the operator does what
///    it would have done (rule H4).
/// 2. What a sink took before a [`cut`](Durable::cut) belongs to the checkpoint of that cut. It survives a crash once
///    [`poll_pre_commit`](Durable::poll_pre_commit) is ready; it is seen by others at the latest once
///    [`poll_commit`](Durable::poll_commit) is. Between the two the checkpoint becomes durable.
/// 3. What a sink took and has not committed is either undone when it is loaded, or in its fields; then it is
///    committed, again perhaps, by the `poll_commit` that follows the loading (rules H7, H8). A sink of which nothing is loaded, as when a
///    graph is started that never came to a checkpoint, undoes what it finds when it is polled first.
/// 4. A checkpoint may fail between `poll_pre_commit` and `poll_commit`: then the next `cut` comes without a `poll_commit`, and what was
///    taken before both belongs to the next checkpoint. It may have become durable all the same, and be what is loaded after a crash.
/// 5. `poll_pre_commit` and `poll_commit` are polled until they are ready, once for each cut; after the loading `poll_commit` alone.
///
/// | event | who | what a crash right behind it leaves |
/// |---|---|---|
/// | `cut`, `fields` | the worker, between two batches | the checkpoint before; rows behind that are undone and come again |
/// | `poll_pre_commit` | the worker, with the graph going on | the same |
/// | `fields`, of what is [sealed](Fields::sealed) | the worker, between two batches | the same |
/// | the manifest is durable | the writer's thread | this checkpoint; what it holds is committed after the restore |
/// | `poll_commit` | the worker, with the graph going on | this checkpoint; committing again changes nothing |
#[diagnostic::on_unimplemented(
    message = "what stands here cannot be saved, and the graph is `#![durable]`",
    label = "it keeps something that is lost in a crash",
    note = "`{Self}` does not implement `streamweave::operator::Durable`"
)]
pub trait Durable: Operator {
    /// Visits what the operator keeps.
    ///
    /// # Errors
    ///
    /// What was saved does not fit.
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch>;

    /// A checkpoint is cut: what was taken so far belongs to it, what comes to the next. Called before
    /// [`fields`](Durable::fields), once all that was taken has been flushed.
    fn cut(&mut self) {}

    /// Ready once what was taken before the last cut survives a crash. It is asked again until every sink is ready.
    ///
    /// # Errors
    ///
    /// It cannot be brought out; the checkpoint fails, and the run with it.
    fn poll_pre_commit(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    /// The checkpoint of the last cut is durable, or what was loaded is what counts: ready once others see what belongs to it. It is asked
    /// again until every sink is ready.
    ///
    /// # Errors
    ///
    /// It cannot be committed, for good; the run ends, and a restart commits it again.
    fn poll_commit(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }
}

/// A source that goes on behind what was taken from it, at the position that a checkpoint holds.
#[diagnostic::on_unimplemented(
    message = "a graph that is `#![durable = exactly_once]` cannot read from this source: it does not replay",
    label = "rows that came from here since the last checkpoint are lost in a crash",
    note = "read from what can be read again (`csv::read`, `jsonl::read`, `lines::read`, `from_source`), or make the graph `#![durable]`, \
            which does not promise that every row counts once"
)]
pub trait Replays: Durable {}

/// A sink that shows each row once: it commits with the checkpoint, or tells a row that it has seen.
#[diagnostic::on_unimplemented(
    message = "a graph that is `#![durable = exactly_once]` cannot write to this sink: it can neither commit nor deduplicate",
    label = "rows written here since the last checkpoint are written again after a crash",
    note = "write to a file, or to a sink with transactions (`to_sink`), or make the graph `#![durable]`, which does not promise that \
            every row counts once"
)]
pub trait Commits: Durable {}

/// Visits fields under their names, and then those that may be missing.
macro_rules! visit_each {
    ($this:ident, $fields:ident, { $($field:ident),* } $({ $($optional:ident),* })?) => {{
        let _ = &$fields;
        $($fields.value(stringify!($field), &mut $this.$field)?;)*
        $($($fields.optional(stringify!($optional), &mut $this.$optional)?;)*)?
        Ok(())
    }};
}
pub(crate) use visit_each;

/// Implements [`Durable`] by the names of the fields that are kept.
///
/// `durable!(Running<G> where { G: Storable } keeps { state })`; `keeps {}` for what keeps nothing. Those that may be missing come
/// last: `keeps { rows } and perhaps { latest }`.
macro_rules! durable {
    (
        $name:ident $(<$($p:ident $(: ?$unsized:ident)?),*>)? $(where { $($bounds:tt)* })?
        keeps { $($field:ident),* $(,)? } $(and perhaps { $($optional:ident),* })?
    ) => {
        impl $(<$($p $(: ?$unsized)?),*>)? $crate::operator::Durable for $name $(<$($p),*>)?
        where
            Self: $crate::operator::Operator,
            $($($bounds)*)?
        {
            fn fields(
                &mut self,
                fields: &mut $crate::state::Fields<'_>,
            ) -> Result<(), $crate::state::Mismatch> {
                $crate::operator::visit_each!(self, fields, { $($field),* } $({ $($optional),* })?)
            }
        }
    };
}
pub(crate) use durable;

/// Implements [`State`](crate::state::State) likewise, for a part of an operator.
macro_rules! state {
    (
        $name:ident $(<$($p:ident),*>)? $(where { $($bounds:tt)* })?
        keeps { $($field:ident),* $(,)? } $(and perhaps { $($optional:ident),* })?
    ) => {
        impl $(<$($p),*>)? $crate::state::State for $name $(<$($p),*>)?
        $(where $($bounds)*)?
        {
            fn fields(
                &mut self,
                fields: &mut $crate::state::Fields<'_>,
            ) -> Result<(), $crate::state::Mismatch> {
                $crate::operator::visit_each!(self, fields, { $($field),* } $({ $($optional),* })?)
            }
        }
    };
}
pub(crate) use state;
