//! Frontiers: the lower bound on the times still possible in a stream.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::timestamp::{EventTime, LogicalTime, Timestamp, TotalOrder};

/// The set of least times still possible in a stream; the empty set once it has ended.
///
/// `Frontier::at(t)` promises that every update still to come has a time at or after `t`. A
/// frontier never regresses. Rows *behind* the frontier can still arrive where a source's
/// watermark was too eager; what happens to them is the business of the operator that they reach
/// (a window sends them to its `late` port).
///
/// A frontier can be [idle](Frontier::idle): for now nothing more is expected of the stream, and who takes
/// several streams need not wait for this one (see [`Inputs`](super::Inputs)). It says nothing else
/// about what may come.
///
/// # Examples
///
/// ```
/// use streamweave::time::{EventTime, Frontier};
///
/// let noon = EventTime::from_secs(43_200);
/// let frontier = Frontier::at(noon);
/// assert!(!frontier.closes(&noon));
/// assert!(frontier.closes(&EventTime::from_micros(noon.micros() - 1)));
/// assert!(Frontier::<EventTime>::end().closes(&EventTime::MAX));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frontier<T: Timestamp>(T::Antichain);

impl<T: Timestamp> Frontier<T> {
    /// The frontier before anything is known: every time is possible.
    pub fn start() -> Self {
        Frontier::at(T::minimum())
    }

    /// Every update still to come is at `time` or after it.
    #[inline]
    pub fn at(time: T) -> Self {
        Frontier(T::Antichain::of(time))
    }

    /// No update is to come: the stream has ended.
    #[inline]
    pub fn end() -> Self {
        Frontier(T::Antichain::empty())
    }

    /// Whether the stream has ended.
    #[inline]
    pub fn is_end(&self) -> bool {
        self.0.elements().is_empty()
    }

    /// The same frontier, of a stream of which nothing more is expected for now.
    ///
    /// An ended stream stays as it is, and so does one whose times are ordered partially.
    #[must_use]
    pub fn idle(self) -> Self {
        Frontier(self.0.marked(true))
    }

    /// The same frontier, of a stream of which more is expected.
    #[must_use]
    pub fn active(self) -> Self {
        Frontier(self.0.marked(false))
    }

    /// Whether nothing more is expected of the stream for now.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.0.is_marked()
    }

    /// Whether no update at `time` is still to come.
    #[inline]
    pub fn closes(&self, time: &T) -> bool {
        !self.0.elements().iter().any(|least| least.less_equal(time))
    }

    /// The frontier of another stream, whose times are made from this one's; the end stays the end, and idle stays
    /// idle. `f` keeps the order.
    pub(crate) fn map_to<U: Timestamp>(&self, f: impl Fn(&T) -> U) -> Frontier<U> {
        let mut times = U::Antichain::empty();
        self.elements().iter().for_each(|time| times.insert(f(time)));
        Frontier(times.marked(self.is_idle()))
    }

    /// The least times still possible.
    pub fn elements(&self) -> &[T] {
        self.0.elements()
    }

    /// The frontier of two streams taken together: what is possible in either. It is idle where neither is
    /// active.
    pub fn meet(&self, other: &Self) -> Self {
        let is_idle = |one: &Self, other: &Self| one.is_idle() && (other.is_idle() || other.is_end());
        let mut both = self.0.clone();
        for time in other.0.elements() {
            both.insert(time.clone());
        }
        Frontier(both.marked(is_idle(self, other) || is_idle(other, self)))
    }

    /// The [meet](Frontier::meet) of streams taken together; the start where there is none.
    pub(crate) fn least<'a>(mut streams: impl Iterator<Item = &'a Self>) -> Self
    where
        T: 'a,
    {
        let Some(first) = streams.next() else { return Frontier::start() };
        streams.fold(first.clone(), |least, other| least.meet(other))
    }

    /// Whether everything that `self` still allows is allowed by `other` too.
    pub fn reaches(&self, other: &Self) -> bool {
        self.0.elements().iter().all(|time| !other.closes(time))
    }

    /// Whether `self` [reaches](Frontier::reaches) `other`, and they differ: in their times, or in that one is idle.
    pub fn is_beyond(&self, other: &Self) -> bool {
        self != other && self.reaches(other)
    }
}

impl<T: TotalOrder> Frontier<T> {
    /// The one least time, or `None` at the end.
    #[inline]
    pub fn time(&self) -> Option<&T> {
        self.0.elements().first()
    }

    /// The same frontier at another time; the end stays the end.
    #[inline]
    #[must_use]
    pub fn map(self, f: impl FnOnce(T) -> T) -> Self {
        let is_idle = self.is_idle();
        self.time()
            .map_or_else(Frontier::end, |time| Frontier(T::Antichain::of(f(time.clone())).marked(is_idle)))
    }
}

/// As its least times, and whether it is idle.
impl<T: Timestamp + Serialize> Serialize for Frontier<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.elements(), self.is_idle()).serialize(serializer)
    }
}

impl<'de, T: Timestamp + Deserialize<'de>> Deserialize<'de> for Frontier<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (elements, is_idle) = <(Vec<T>, bool)>::deserialize(deserializer)?;
        let mut times = T::Antichain::empty();
        elements.into_iter().for_each(|time| times.insert(time));
        Ok(Frontier(times.marked(is_idle)))
    }
}

/// A time, whatever its type, as reports show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Moment {
    /// Event time.
    Event(EventTime),
    /// An epoch or version.
    Logical(LogicalTime),
    /// A time of a type of the user's own, or none.
    Unnamed,
}

impl From<EventTime> for Moment {
    fn from(time: EventTime) -> Self {
        Moment::Event(time)
    }
}

impl From<LogicalTime> for Moment {
    fn from(time: LogicalTime) -> Self {
        Moment::Logical(time)
    }
}

/// How far a stream has come, whatever the type of its time: a frontier as reports show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Reached {
    /// Every time is possible still.
    #[default]
    Start,
    /// Nothing before this is still to come.
    At(Moment),
    /// The stream has ended.
    End,
}

/// A frontier as a port notes it: two words, which are read when somebody asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted {
    bits: u64,
    read: fn(u64) -> (Reached, bool),
}

impl Noted {
    /// Of several least times the first is noted.
    #[inline(always)]
    pub(crate) fn of<T: Timestamp>(frontier: &Frontier<T>) -> Self {
        match frontier.elements() {
            [] => Noted { bits: 0, read: |_| (Reached::End, false) },
            [least, ..] if frontier.is_idle() => {
                Noted { bits: least.to_bits(), read: |bits| (T::of_bits(bits), true) }
            }
            [least, ..] => Noted { bits: least.to_bits(), read: |bits| (T::of_bits(bits), false) },
        }
    }

    /// How far the port has come, and whether it is idle.
    pub(crate) fn read(self) -> (Reached, bool) {
        (self.read)(self.bits)
    }
}

impl Reached {
    /// Where this frontier is; of several least times the first is shown.
    #[inline]
    pub fn of<T: Timestamp>(frontier: &Frontier<T>) -> Self {
        match frontier.elements() {
            [] => Reached::End,
            [least, ..] if *least == T::minimum() => Reached::Start,
            [least, ..] => Reached::At(least.moment()),
        }
    }

    /// The event time that the stream has come to, if that is its kind and it has begun.
    pub fn event_time(self) -> Option<EventTime> {
        match self {
            Reached::At(Moment::Event(time)) => Some(time),
            _ => None,
        }
    }

    /// Whether nothing before `moment` is still to come: never of times of another type, always at the end.
    pub fn has_come_to(self, moment: Moment) -> bool {
        match (self, moment) {
            (Reached::End, _) => true,
            (Reached::At(Moment::Event(time)), Moment::Event(moment)) => time >= moment,
            (Reached::At(Moment::Logical(time)), Moment::Logical(moment)) => time >= moment,
            (Reached::Start, moment) => {
                matches!(moment, Moment::Event(EventTime::MIN) | Moment::Logical(LogicalTime(0)))
            }
            (Reached::At(_), _) => false,
        }
    }

    /// Whether this one is before the other; streams with times of different types have no order.
    pub fn is_before(self, other: Reached) -> bool {
        match (self, other) {
            (Reached::Start, Reached::At(_) | Reached::End) | (Reached::At(_), Reached::End) => true,
            (Reached::At(Moment::Event(time)), Reached::At(Moment::Event(other))) => time < other,
            (Reached::At(Moment::Logical(time)), Reached::At(Moment::Logical(other))) => time < other,
            _ => false,
        }
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reached::Start => f.write_str("the start"),
            Reached::At(Moment::Event(time)) => write!(f, "{time}"),
            Reached::At(Moment::Logical(time)) => write!(f, "{time}"),
            Reached::At(Moment::Unnamed) => f.write_str("some time"),
            Reached::End => f.write_str("the end"),
        }
    }
}

/// How a frontier's mutually incomparable times are stored.
pub trait Antichain<T>: Clone + Eq + std::fmt::Debug + Send + 'static {
    /// No time at all.
    fn empty() -> Self;
    /// One time.
    fn of(time: T) -> Self;
    /// The times.
    fn elements(&self) -> &[T];
    /// Adds a time, unless one at or before it is there; drops those that it precedes, and the mark.
    fn insert(&mut self, time: T);

    /// The same with or without the mark that says idle; where there can be none, as it was.
    fn marked(self, _mark: bool) -> Self {
        self
    }

    /// Whether it is marked as idle.
    #[inline]
    fn is_marked(&self) -> bool {
        false
    }
}

/// The antichain of a total order: one time or none, without an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtMostOne<T> {
    /// No time.
    None,
    /// One.
    One(T),
    /// One, marked as idle.
    Idle(T),
}

impl<T: Timestamp> Antichain<T> for AtMostOne<T> {
    #[inline]
    fn empty() -> Self {
        AtMostOne::None
    }

    #[inline]
    fn of(time: T) -> Self {
        AtMostOne::One(time)
    }

    #[inline]
    fn elements(&self) -> &[T] {
        match self {
            AtMostOne::None => &[],
            AtMostOne::One(time) | AtMostOne::Idle(time) => std::slice::from_ref(time),
        }
    }

    #[inline]
    fn insert(&mut self, time: T) {
        let known = self.elements().first().is_some_and(|least| least.less_equal(&time));
        if !known {
            *self = AtMostOne::One(time);
        }
    }

    fn marked(self, mark: bool) -> Self {
        match self {
            AtMostOne::None => AtMostOne::None,
            AtMostOne::One(time) | AtMostOne::Idle(time) if mark => AtMostOne::Idle(time),
            AtMostOne::One(time) | AtMostOne::Idle(time) => AtMostOne::One(time),
        }
    }

    #[inline]
    fn is_marked(&self) -> bool {
        matches!(self, AtMostOne::Idle(_))
    }
}

#[cfg(test)]
mod tests {
    use super::super::LogicalTime;
    use super::*;

    fn at(t: u64) -> Frontier<LogicalTime> {
        Frontier::at(LogicalTime(t))
    }

    #[test]
    fn the_meet_is_the_earlier_and_the_end_gives_way() {
        assert_eq!(at(3).meet(&at(5)), at(3));
        assert_eq!(at(5).meet(&at(3)), at(3));
        assert_eq!(at(5).meet(&Frontier::end()), at(5));
        assert_eq!(Frontier::<LogicalTime>::end().meet(&Frontier::end()), Frontier::end());
    }

    #[test]
    fn beyond_is_strict() {
        assert!(at(5).is_beyond(&at(3)));
        assert!(!at(3).is_beyond(&at(3)));
        assert!(!at(3).is_beyond(&at(5)));
        assert!(Frontier::end().is_beyond(&at(3)));
        assert!(!at(3).is_beyond(&Frontier::end()));
    }

    #[test]
    fn a_frontier_of_one_time_is_no_larger_than_an_option() {
        assert_eq!(size_of::<Frontier<super::super::EventTime>>(), 16);
    }
}
