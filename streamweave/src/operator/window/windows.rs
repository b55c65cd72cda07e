//! What windows are made of: an assigner, what they come to, and when they fire.

use std::marker::PhantomData;

use crate::envelope::Keyed;
use crate::operator::aggregate::Folded;
use crate::operator::{self, Aggregates, Cause, Key, Node, Step};
use crate::port::{Edge, OutLate};
use crate::time::{EventTime, TimeDelta};

use super::accumulation::{Accumulating, Accumulation, Discarding, FiresOnce, Retracting};
use super::assigner::{Assigner, Assigns, Cumulative, Disjoint, Global, Overlapping, Sliding, Tumbling};
use super::begin::FoldFrom;
use super::once::Single;
use super::order::{ByArrival, ByKey};
use super::overlapping::OverlappingOnce;
use super::pane::{Late, Pane};
use super::sharing::Shares;
use super::sliced::Sliced;
use super::trigger::{Never, Rows, Trigger, Triggers, rows};

/// Cuts event time into windows of equal size, for each key: finish with
/// [`aggregate`](Windows::aggregate) or [`fold`](Windows::fold).
///
/// Windows are aligned to the Unix epoch, or to [`offset`](Windows::offset): never to the first
/// row (rules B1, B2). What holds for all windows, lateness and early firings among it, is told at [`Windows`].
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     clicks  = from_iter([(1, "a"), (4, "b"), (3, "a"), (12, "a"), (2, "b")]);
///     per_10s = tumbling(10.secs()).aggregate(Count::new);
///     clicks -> event_time(|&(secs, _)| EventTime::from_secs(secs), bounded(2.secs()))
///         -> key_by(|&(_, user)| user) -> per_10s
///         -> map(|pane| (pane.value.window.start.micros() / 1_000_000, pane.key, pane.value.value))
///         -> counts;
///     per_10s.late -> map(|late| late.row.value) -> late;
///     counts = collect();
///     late = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.counts, [(0, "a", 2), (0, "b", 1), (10, "a", 1)]);
/// assert_eq!(result.late, [(2, "b")]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "window")]
#[doc(alias = "tumble")]
#[doc(alias = "fixed_window")]
pub fn tumbling<K: Key, V>(
    _input: Edge<Keyed<K, V>, EventTime>,
    size: TimeDelta,
) -> K::Node<Windows<K, V, Tumbling>> {
    K::node(Windows::new(Tumbling::new(size)))
}

/// Windows of one size that start a slide apart, for each key: they overlap where the slide is less than the size.
///
/// A row is in `size / slide` windows, but is added up once, in a *slice* of time that these windows share; a window that
/// fires puts its slices together. So a row costs the same whatever the slide, and a firing `size / slide` merges a key.
/// The aggregate has to be a [`Merge`](crate::operator::Merge). Where the slide is greater than the size rows in the gaps are counted as unassigned
/// (rule B4). What holds for all windows is told at [`Windows`].
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     bids  = from_iter([1, 4, 6, 11]);
///     hot   = sliding(10.secs(), 5.secs()).aggregate(Count::new);
///     bids -> event_time(|&secs| EventTime::from_secs(secs), bounded(0.secs())) -> key_by(|_| "lot 7") -> hot
///         -> map(|pane| (pane.value.window.end.micros() / 1_000_000, pane.value.value)) -> counts;
///     hot.late -> discard;
///     counts = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.counts, [(5, 2), (10, 3), (15, 2), (20, 1)]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "hopping")]
#[doc(alias = "hop")]
pub fn sliding<K: Key, V>(
    _input: Edge<Keyed<K, V>, EventTime>,
    size: TimeDelta,
    slide: TimeDelta,
) -> K::Node<Windows<K, V, Sliding, Overlapping>> {
    K::node(Windows::new(Sliding::new(size, slide)))
}

/// Windows that begin together, each a step longer than the one before, until `size`: then the next begin.
///
/// For a total of the day so far at each full hour: `cumulative(1.days(), 1.hours())`. The step has to divide the size, and
/// the aggregate to be a [`Merge`](crate::operator::Merge): a row is added up once. What holds for all windows is told at [`Windows`].
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     sales  = from_iter([1, 2, 7, 13]);
///     so_far = cumulative(12.secs(), 4.secs()).aggregate(Count::new);
///     sales -> event_time(|&secs| EventTime::from_secs(secs), bounded(0.secs())) -> key_by(|_| "shop") -> so_far
///         -> map(|pane| (pane.value.window.to_string(), pane.value.value)) -> counts;
///     so_far.late -> discard;
///     counts = collect();
/// }
/// .run()
/// .await?;
/// let counts: Vec<_> = result.counts.iter().map(|(window, count)| (&window[12..20], &window[34..42], *count)).collect();
/// let first = [("00:00:00", "00:00:04", 2), ("00:00:00", "00:00:08", 3), ("00:00:00", "00:00:12", 3)];
/// assert_eq!(counts[..3], first);
/// assert_eq!(counts[3], ("00:00:12", "00:00:16", 1));
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "cumulate")]
pub fn cumulative<K: Key, V>(
    _input: Edge<Keyed<K, V>, EventTime>,
    size: TimeDelta,
    step: TimeDelta,
) -> K::Node<Windows<K, V, Cumulative, Overlapping>> {
    K::node(Windows::new(Cumulative::new(size, step)))
}

/// One window of all time, for each key: it fires at the end of the stream, and before where a
/// [trigger](Windows::early) says so.
///
/// # Examples
///
/// A count per user after each two clicks, and what is left at the end:
///
/// ```
/// use streamweave::operator::window::rows;
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     clicks = from_iter([1, 2, 3, 4, 5]);
///     pairs  = global().early(rows(2)).discarding().aggregate(Sum::new);
///     clicks -> event_time(|&secs| EventTime::from_secs(secs), bounded(0.secs())) -> key_by(|_| "ada") -> pairs
///         -> map(|pane| pane.value.value) -> sums;
///     pairs.late -> discard;
///     sums = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.sums, [3, 7, 5]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn global<K: Key, V>(_input: Edge<Keyed<K, V>, EventTime>) -> K::Node<Windows<K, V, Global>> {
    K::node(Windows::new(Global))
}

/// Windows of any [`Assigner`], for each key: calendar days, or a type of one's own.
///
/// What holds for all windows is told at [`Windows`].
///
/// # Examples
///
/// ```
/// use streamweave::operator::window::Tumbling;
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     clicks = from_iter([1, 4, 12]);
///     counts = windows(Tumbling::new(10.secs())).aggregate(Count::new);
///     clicks -> event_time(|&secs| EventTime::from_secs(secs), bounded(0.secs())) -> key_by(|_| ()) -> counts
///         -> map(|pane| pane.value.value) -> seen;
///     counts.late -> discard;
///     seen = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.seen, [2, 1]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn windows<K: Key, V, G: Assigns<S>, S>(
    _input: Edge<Keyed<K, V>, EventTime>,
    assigner: G,
) -> K::Node<G::Node<Windows<K, V, G, S>>> {
    K::node(G::node(Windows::new(assigner)))
}

/// Windows over event time, before it is said what their rows come to.
///
/// A window is half-open, `[start, end)`. For each key with rows in it, it fires when the frontier reaches its end, and not before
/// (rule B6); a window without a row emits nothing. Panes come by window end, then by first arrival of the key in the window, or
/// [by key](Windows::by_key), at the last time of their window.
///
/// # Lateness
///
/// A row that is behind the frontier is late only if each of its windows has fired (rule D1): it goes to the port `late`. With an
/// [allowed lateness](Windows::allowed_lateness) a window takes rows for that much longer, and fires again for each. Rows
/// that come after that are late. The frontier behind the windows trails by as much, so that corrections are not late there (rule D8).
///
/// # Firing more than once
///
/// A window that fires [early](Windows::early), or again after its end, has to say how its firings belong together:
/// [`discarding`](Windows::discarding), [`accumulating`](Windows::accumulating) or [`retracting`](Windows::retracting), see
/// [`Accumulation`]. What fires on time, before or after, says the pane's [`timing`](Pane::timing). At the end of the stream every
/// window fires (rule D7).
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     values = from_iter([(0, 1), (1, 2), (12, 0), (3, 4), (40, 0), (4, 9)]);
///     sums   = tumbling(10.secs()).allowed_lateness(5.secs()).retracting().aggregate(Sum::new);
///     values -> event_time(|row| EventTime::from_secs(row.0), bounded(0.secs())) -> map(|row| row.1) -> key_by(|_| ())
///         -> sums -> changes;
///     sums.late -> late;
///     changes = for_each_update(|update| println!("{:+} {}", update.diff, update.data.value.value));
///     late = collect();
/// }
/// .run()
/// .await?;
/// // +3, then -3 +7 for the 4 that came late; the 9 came after the allowed lateness.
/// assert_eq!(result.late[0].row.value, 9);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # State
///
/// What the rows of a key and slice come to, for as long as a window of the slice is open. A key is forgotten with its last window.
///
/// # Errors
///
/// A graph is refused where a size, slide or step is not above zero, or an allowed lateness is below it (rule B5).
#[derive(Clone, Debug)]
pub struct Windows<K, V, G, S = Disjoint, M = FiresOnce, E = Never, L = Rows, O = ByArrival> {
    assigner: G,
    firing: Firing<E, L>,
    types: Types<K, V, S, M, O>,
}

type Types<K, V, S, M, O> = PhantomData<fn(K, V) -> (S, M, O)>;

/// When windows fire, besides on time.
#[derive(Clone, Copy, Debug)]
pub struct Firing<E, L> {
    /// In microseconds.
    pub(super) lateness: i64,
    pub(super) early: E,
    pub(super) late: L,
}

impl<E: Trigger, L: Trigger> Firing<E, L> {
    pub(super) fn validate(&self) -> Result<(), Cause> {
        if self.lateness < 0 {
            return Err(
                format!("an allowed lateness must not be below zero, found {} us", self.lateness).into()
            );
        }
        self.early.validate()?;
        self.late.validate()
    }
}

/// The firings need a name that they do not have yet: see [`Windows`].
#[derive(Clone, Copy, Debug)]
pub struct Unnamed;

/// What a mode of accumulation becomes when windows are to fire more than once.
pub trait Mode {
    /// That mode.
    type Repeated;
}

impl Mode for FiresOnce {
    type Repeated = Unnamed;
}

macro_rules! modes {
    ($($mode:ty),*) => {$(
        impl Mode for $mode {
            type Repeated = $mode;
        }
    )*};
}

modes!(Unnamed, Discarding, Accumulating, Retracting);

macro_rules! offset {
    ($($assigner:ty: $of:literal),*) => {$(
        impl<K, V, S, M, E, L, O> Windows<K, V, $assigner, S, M, E, L, O> {
            #[doc = concat!("Windows start at this distance from multiples of the ", $of, ", modulo the ", $of, ".")]
            #[must_use]
            pub fn offset(self, offset: TimeDelta) -> Self {
                Windows { assigner: self.assigner.offset(offset), ..self }
            }
        }
    )*};
}

offset!(Tumbling: "size", Sliding: "slide", Cumulative: "size");

impl<K, V, G, S> Windows<K, V, G, S> {
    fn new(assigner: G) -> Self {
        let firing = Firing { lateness: 0, early: Never, late: rows(1) };
        Windows { assigner, firing, types: PhantomData }
    }
}

impl<K, V, G, S, M, E, L, O> Windows<K, V, G, S, M, E, L, O> {
    /// The same windows, of another mode and order.
    fn named<N, U>(self) -> Windows<K, V, G, S, N, E, L, U> {
        Windows { assigner: self.assigner, firing: self.firing, types: PhantomData }
    }

    /// The panes of one window that fire together come in the order of their keys. Costs a sort of the keys at firing.
    #[must_use]
    pub fn by_key(self) -> Windows<K, V, G, S, M, E, L, ByKey>
    where
        K: Ord,
    {
        self.named()
    }

    /// Takes rows until the frontier is so far beyond a window's end; a window that has fired fires again for each, or
    /// [less often](Windows::late). Its mode has to be named.
    #[must_use]
    pub fn allowed_lateness(self, lateness: TimeDelta) -> Windows<K, V, G, S, M::Repeated, E, L, O>
    where
        M: Mode,
    {
        let firing = Firing { lateness: lateness.micros(), ..self.firing };
        Windows { firing, ..self }.named()
    }

    /// Lets windows fire before their ends, too, whenever the trigger says so; on time they fire in any case. The
    /// mode has to be named.
    #[must_use]
    pub fn early<T: Triggers>(self, trigger: T) -> T::Node<Windows<K, V, G, S, M::Repeated, T, L, O>>
    where
        M: Mode,
    {
        let Firing { lateness, late, .. } = self.firing;
        let firing = Firing { lateness, early: trigger, late };
        T::node(Windows { assigner: self.assigner, firing, types: PhantomData })
    }

    /// Lets windows that have fired on time fire again whenever the trigger says so, instead of at each late row; and once more,
    /// when the allowed lateness is over, for rows that it has not fired for.
    #[must_use]
    pub fn late<T: Triggers>(self, trigger: T) -> T::Node<Windows<K, V, G, S, M::Repeated, E, T, O>>
    where
        M: Mode,
    {
        let Firing { lateness, early, .. } = self.firing;
        let firing = Firing { lateness, early, late: trigger };
        T::node(Windows { assigner: self.assigner, firing, types: PhantomData })
    }

    /// Each firing says what has come since the last; where nothing has, a window does not fire.
    #[must_use]
    pub fn discarding(self) -> Windows<K, V, G, S, Discarding, E, L, O> {
        self.named()
    }

    /// Each firing says what all rows of the window so far come to.
    #[must_use]
    pub fn accumulating(self) -> Windows<K, V, G, S, Accumulating, E, L, O> {
        self.named()
    }

    /// Each firing takes back the one before and says what all rows of the window so far come to: the output carries
    /// changes.
    #[must_use]
    pub fn retracting(self) -> Windows<K, V, G, S, Retracting, E, L, O> {
        self.named()
    }

    /// Sums up the rows of each window and key with an [`Aggregate`](crate::operator::Aggregate), begun by `init`.
    ///
    /// Windows that overlap need one that is a [`Merge`](crate::operator::Merge).
    pub fn aggregate<A, B, I>(
        self,
        init: I,
    ) -> <A as Aggregates<V, B>>::Node<
        <A as Shares<S>>::Node<
            Node<
                Operator<A, K, V, B, I, G, S, M, E, L, O>,
                Ports<K, V, B, Diff<A, K, V, B, I, G, S, M, E, L, O>>,
            >,
        >,
    >
    where
        A: Aggregates<V, B> + Shares<S> + InWindows<K, V, B, I, G, S, M, E, L, O>,
        I: FnMut() -> A,
    {
        let operator = A::operator(self.assigner, init, self.firing);
        A::node(A::in_shape(Node::new(operator, OutLate::new())))
    }

    /// Folds the rows of each window and key into a state, begun by `init`; for windows that do not overlap.
    ///
    /// The row comes by value: `.fold(|| 0, |total, sale: Sale| *total += sale.amount)`.
    pub fn fold<A, F, I>(
        self,
        init: I,
        step: F,
    ) -> F::Node<
        Node<
            <F as FoldInWindows<A, K, V, I, G, S, M, E, L, O>>::Operator,
            Ports<K, V, A, <F as FoldInWindows<A, K, V, I, G, S, M, E, L, O>>::Diff>,
        >,
    >
    where
        A: Clone,
        I: FnMut() -> A,
        F: Step<A, V, ()> + FoldInWindows<A, K, V, I, G, S, M, E, L, O> + Clone,
    {
        let init = FoldFrom::new(init, step);
        let operator = F::folding(self.assigner, init, self.firing);
        F::node(Node::new(operator, OutLate::new()))
    }
}

/// The ports of windows.
pub type Ports<K, V, B, R> = OutLate<Keyed<K, Pane<B>>, EventTime, R, Late<Keyed<K, V>>, (), ()>;

/// The operator that windows with an aggregate `A` are.
type Operator<A, K, V, B, I, G, S, M, E, L, O> = <A as InWindows<K, V, B, I, G, S, M, E, L, O>>::Operator;

/// The diff of what comes out of them.
type Diff<A, K, V, B, I, G, S, M, E, L, O> = <A as InWindows<K, V, B, I, G, S, M, E, L, O>>::Diff;

/// An aggregate that can stand in windows of shape `S` that fire in the mode `M`.
#[diagnostic::on_unimplemented(
    message = "these windows fire more than once, and do not say how their firings belong together",
    label = "name it before the aggregate: `.discarding()`, `.accumulating()` or `.retracting()`",
    note = "discarding: each firing says what is new; accumulating: what all rows so far come to; retracting: the same, and takes back the firing before, as changes"
)]
pub trait InWindows<K, V, B, I, G, S, M, E, L, O> {
    /// The diff of what comes out.
    type Diff;
    /// The operator.
    type Operator: operator::Operator;

    /// The operator.
    fn operator(assigner: G, init: I, firing: Firing<E, L>) -> Self::Operator;
}

/// The step of a fold that can stand in windows of shape `S`: asked of the step, so that `fold` is found, and rustc says
/// once why it cannot be.
#[diagnostic::on_unimplemented(
    message = "a fold cannot stand in windows that overlap",
    label = "a fold by closures says how a row is added, but not how two states are put together",
    note = "windows that overlap share their rows: write the fold as an `Aggregate` that is a `Merge`, for `.aggregate(..)`"
)]
pub trait FoldInWindows<A, K, V, I, G, S, M, E, L, O>: Sized {
    /// The diff of what comes out.
    type Diff;
    /// The operator.
    type Operator: operator::Operator;

    /// The operator.
    fn folding(assigner: G, init: FoldFrom<I, Self>, firing: Firing<E, L>) -> Self::Operator;
}

impl<F, A, K, V, I, G, M, E, L, O> FoldInWindows<A, K, V, I, G, Disjoint, M, E, L, O> for F
where
    Folded<A, F>: InWindows<K, V, A, FoldFrom<I, F>, G, Disjoint, M, E, L, O>,
{
    type Diff = Diff<Folded<A, F>, K, V, A, FoldFrom<I, F>, G, Disjoint, M, E, L, O>;
    type Operator = Operator<Folded<A, F>, K, V, A, FoldFrom<I, F>, G, Disjoint, M, E, L, O>;

    fn folding(assigner: G, init: FoldFrom<I, F>, firing: Firing<E, L>) -> Self::Operator {
        Folded::operator(assigner, init, firing)
    }
}

impl<K, V, A, B, I, G: Assigner, O> InWindows<K, V, B, I, G, Disjoint, FiresOnce, Never, Rows, O> for A {
    type Diff = ();
    type Operator = Single<K, V, A, I, G, O>;

    fn operator(assigner: G, init: I, _firing: Firing<Never, Rows>) -> Self::Operator {
        Single::new(assigner, init)
    }
}

impl<K, V, A, B, I, G: Assigner, O> InWindows<K, V, B, I, G, Overlapping, FiresOnce, Never, Rows, O> for A {
    type Diff = ();
    type Operator = OverlappingOnce<K, V, A, I, G, O>;

    fn operator(assigner: G, init: I, _firing: Firing<Never, Rows>) -> Self::Operator {
        OverlappingOnce::new(assigner, init)
    }
}

macro_rules! fires {
    ($($mode:ty),*) => {$(
        impl<K, V, A, B, I, G, S, E, L, O> InWindows<K, V, B, I, G, S, $mode, E, L, O> for A
        where
            B: Clone,
            G: Assigner,
            E: Trigger,
            L: Trigger,
        {
            type Diff = <$mode as Accumulation>::Diff;
            type Operator = Sliced<K, V, A, B, I, G, S, $mode, E, L, O>;

            fn operator(assigner: G, init: I, firing: Firing<E, L>) -> Self::Operator {
                Sliced::new(assigner, init, firing)
            }
        }
    )*};
}

fires!(Discarding, Accumulating, Retracting);
