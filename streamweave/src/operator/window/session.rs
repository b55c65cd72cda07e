//! Session windows: cut by the rows themselves, where a key is silent for a while.

use std::marker::PhantomData;

use crate::envelope::Keyed;
use crate::operator::{self, Aggregates, Key, Node};
use crate::port::{Edge, OutLate};
use crate::time::{EventTime, TimeDelta};

use super::accumulation::{Accumulation, FiresOnce, Retracting};
use super::assigner::Overlapping;
use super::merging::Merging;
use super::pane::Window;
use super::sharing::Shares;
use super::trigger::{Never, Rows, Trigger, Triggers, rows};
use super::windows::{Firing, Mode, Ports};

/// Cuts the rows of each key into sessions: a session ends where no row of the key follows for `gap`.
///
/// A row at `t` is in `[t, t + gap)`; of one key, windows that overlap or touch are one (rule C1), in whichever order their rows
/// come (C2). A session fires when the frontier reaches its end. The aggregate has to be a [`Merge`](crate::operator::Merge).
///
/// A row is late, and goes to the port `late`, where the session that it would be in has passed; and where that would overlap
/// one that has passed already, so that sessions of a key never overlap (C4). What has passed is remembered until the frontier is
/// two gaps further: a row that would make a session begin earlier than that is late, too.
///
/// With an [allowed lateness](Sessions::allowed_lateness) a late row can make one session of two that have fired; these are taken back,
/// so the output carries changes, and [`retracting`](Sessions::retracting) has to say so (C3, C7).
///
/// The panes of a frontier come by end, then by first arrival. State: what the rows of each open session come to, and the
/// bounds of passed ones for two gaps.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     clicks   = from_iter([("ada", 0), ("ada", 8), ("bob", 7), ("ada", 4), ("bob", 30)]);
///     sessions = session(5.secs()).aggregate(Count::new);
///     clicks -> event_time(|click| EventTime::from_secs(click.1), bounded(10.secs()))
///         -> key_by(|click| click.0) -> sessions
///         -> map(|pane| (pane.key, pane.value.window.end.micros() / 1_000_000, pane.value.value)) -> counts;
///     sessions.late -> discard;
///     counts = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.counts, [("bob", 12, 1), ("ada", 13, 3), ("bob", 35, 1)]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The graph is refused where the gap or the greatest length is not above zero, or an allowed lateness is below it.
pub fn session<K: Key, V>(_input: Edge<Keyed<K, V>, EventTime>, gap: TimeDelta) -> K::Node<Sessions<K, V>> {
    let firing = Firing { lateness: 0, early: Never, late: rows(1) };
    K::node(Sessions { bounds: Bounds { gap, max_length: None }, firing, types: PhantomData })
}

/// Session windows, before it is said what their rows come to; see [`session`].
#[derive(Clone, Debug)]
pub struct Sessions<K, V, M = FiresOnce, E = Never> {
    bounds: Bounds,
    firing: Firing<E, Rows>,
    types: PhantomData<fn(K, V) -> M>,
}

/// What makes a session end.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub(super) gap: TimeDelta,
    pub(super) max_length: Option<TimeDelta>,
}

impl Bounds {
    /// How far back a row can make a session begin earlier, where what ends before `passed` has passed: what was before that is not
    /// remembered.
    pub(super) fn reach(self, passed: i64) -> EventTime {
        EventTime::from_micros(passed) - self.gap - self.gap
    }

    /// When a session that is gone cannot be reached any more.
    pub(super) fn forgotten(self, gone: Window) -> i64 {
        (gone.end + self.gap + self.gap).micros()
    }
}

impl<K, V, M, E> Sessions<K, V, M, E> {
    fn with<N, P>(self, firing: Firing<P, Rows>) -> Sessions<K, V, N, P> {
        Sessions { bounds: self.bounds, firing, types: PhantomData }
    }

    /// Lets no session be longer than this: a row that would make it so begins another one (rule C8).
    ///
    /// Which rows those are depends on the order in which they come.
    #[must_use]
    pub fn max_length(self, length: TimeDelta) -> Self {
        let bounds = Bounds { max_length: Some(length), ..self.bounds };
        Sessions { bounds, ..self }
    }

    /// Takes rows until the frontier is so far beyond a session's end; what has fired and changes is taken back. The mode
    /// has to be named.
    #[must_use]
    pub fn allowed_lateness(self, lateness: TimeDelta) -> Sessions<K, V, M::Repeated, E>
    where
        M: Mode,
        E: Clone,
    {
        let firing = Firing { lateness: lateness.micros(), ..self.firing.clone() };
        self.with(firing)
    }

    /// Lets sessions fire before their ends, too, whenever the trigger says so; a session that was made of several begins
    /// its trigger anew. The mode has to be named.
    #[must_use]
    pub fn early<T: Triggers>(self, trigger: T) -> T::Node<Sessions<K, V, M::Repeated, T>>
    where
        M: Mode,
    {
        let Firing { lateness, late, .. } = self.firing;
        T::node(self.with(Firing { lateness, early: trigger, late }))
    }

    /// Each firing takes back those before it that no longer hold: the output carries changes.
    #[must_use]
    pub fn retracting(self) -> Sessions<K, V, Retracting, E>
    where
        E: Clone,
    {
        let firing = self.firing.clone();
        self.with(firing)
    }

    /// Sums up the rows of each session with an [`Aggregate`](crate::operator::Aggregate) that is a [`Merge`](crate::operator::Merge), begun by `init`.
    pub fn aggregate<A, B, I>(
        self,
        init: I,
    ) -> <A as Aggregates<V, B>>::Node<
        <A as Shares<Overlapping>>::Node<
            Node<
                <A as InSessions<K, V, B, I, M, E>>::Operator,
                Ports<K, V, B, <A as InSessions<K, V, B, I, M, E>>::Diff>,
            >,
        >,
    >
    where
        A: Aggregates<V, B> + Shares<Overlapping> + InSessions<K, V, B, I, M, E>,
        I: FnMut() -> A,
    {
        let operator = A::operator(self.bounds, init, self.firing);
        A::node(A::in_shape(Node::new(operator, OutLate::new())))
    }
}

/// An aggregate that can stand in sessions that fire in the mode `M`.
#[diagnostic::on_unimplemented(
    message = "these sessions can change after they have fired, and do not say that they take back what they said",
    label = "name it before the aggregate: `.retracting()`",
    note = "a late row can make one session of two that have fired: so the output carries changes"
)]
pub trait InSessions<K, V, B, I, M, E> {
    /// The diff of what comes out.
    type Diff;
    /// The operator.
    type Operator: operator::Operator;

    /// The operator.
    fn operator(bounds: Bounds, init: I, firing: Firing<E, Rows>) -> Self::Operator;
}

macro_rules! closes {
    ($($mode:ty),*) => {$(
        impl<K, V, A, B, I, E> InSessions<K, V, B, I, $mode, E> for A
        where
            B: Clone,
            E: Trigger,
        {
            type Diff = <$mode as Accumulation>::Diff;
            type Operator = Merging<K, V, A, B, I, $mode, E>;

            fn operator(bounds: Bounds, init: I, firing: Firing<E, Rows>) -> Self::Operator {
                Merging::new(bounds, init, firing)
            }
        }
    )*};
}

closes!(FiresOnce, Retracting);
