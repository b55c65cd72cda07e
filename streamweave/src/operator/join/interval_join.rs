//! Rows of one key whose times are near to each other.

use std::hash::Hash;
use std::marker::PhantomData;

use crate::envelope::{Keyed, Update};
use crate::operator::window::number_anew;
use crate::operator::{Cause, Cx, Durable, Input, Key, Node, Operator, Outcome, Repeatable, Resume};
use crate::port::{Edge, OnlyOut, Port, Push, inlets};
use crate::state::{Divided, Due, Fields, KeySlab, Mismatch, Owner, SameKey, Storable};
use crate::time::{EventTime, Frontier, Inputs as Frontiers, TimeDelta};

use super::group::{Group, Row, Rows};
use super::reach::{END, PairTime, Reach, frontier, micros};
use super::shape::{Anti, FullOuter, Inner, LeftOuter, RightOuter, Semi, Shape, shapes};

/// Pairs each row of `left` with the rows of `right` that have its key and whose times lie between `left + lower` and
/// `left + upper`, both included; `lower` may be negative.
///
/// Clicks and the impressions of the ten minutes before, orders and their payments within a day: rows whose time says which belong
/// together. Where all of an hour belong together a [`window_join`](super::window_join()) is what is wanted; for the value
/// that held at a time, [`as_of`](super::as_of()).
///
/// By itself the join is inner. [`left_outer`](Node::left_outer), `right_outer` and `full_outer` give rows without a partner as well,
/// `semi` and `anti` only the left rows that have one, or none. The output is `Keyed<K, B>`, where `B` is `(L, R)`, `(L, Option<R>)`,
/// `(Option<L>, R)`, `(Option<L>, Option<R>)`, or `L`.
///
/// # Time and order
///
/// A pair comes out when the second of its rows arrives; of several at once by the time of the row that was there, then by its arrival.
/// Its time is the later of both, or [that of the left](Node::time_of_left), or [the earlier](Node::time_of_earlier) (rule
/// E5). A row without a partner comes out at its own time, once no partner can come any more: never a null row for what
/// meets somebody later (rule E4). Until then the output frontier is held at it, so that it is not late further down.
/// Of a semi join the time is that of the pair with the partner that was found first.
///
/// # State, and what is late
///
/// A row is kept until the *opposite* frontier has passed its last possible partner, and then goes, whether its key is
/// seen again or not (rule E2): for as long as frontiers move the state is bounded, also where one side is idle or has
/// ended (rule E3). Rows that come out of order are taken for as long as they are not behind the frontier of their own input;
/// those that are, are counted as late and dropped. (Of an input that was idle the frontier is that of both together.)
///
/// A row costs one look-up of its key, two binary searches among the rows of the other side, and what it emits.
///
/// A checkpoint writes the keys of which a row has come or gone since the one before, each with all of its rows: of few keys with very many
/// rows it writes all that is there, and one such key is written in one go, however many rows it has.
///
/// # Errors
///
/// The graph is refused where `lower` is above `upper`.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let seconds = |row: &(i64, &str, &str)| EventTime::from_secs(row.0);
/// let result = graph! {
///     orders   = from_iter([(10, "ada", "loom"), (12, "bob", "yarn"), (90, "ada", "warp")]);
///     payments = from_iter([(15, "ada", "cash"), (80, "bob", "card"), (91, "ada", "card")]);
///     paid     = interval_join(0.secs(), 60.secs()).left_outer();
///     orders -> event_time(seconds, bounded(0.secs())) -> key_by(|order| order.1) -> paid.left;
///     payments -> event_time(seconds, bounded(0.secs())) -> key_by(|payment| payment.1) -> paid.right;
///     paid -> map(|row| (row.value.0.2, row.value.1.map(|payment| payment.2))) -> rows;
///     rows = collect();
/// }
/// .run()
/// .await?;
/// // What was ordered, and how it was paid for within a minute.
/// assert_eq!(result.rows, [("loom", Some("cash")), ("yarn", None), ("warp", Some("card"))]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "range_join")]
#[doc(alias = "time_bounded_join")]
pub fn interval_join<K: Key, L: Repeatable, R: Repeatable>(
    _left: Edge<Keyed<K, L>, EventTime>,
    _right: Edge<Keyed<K, R>, EventTime>,
    lower: TimeDelta,
    upper: TimeDelta,
) -> K::Node<L::Node<R::Node<Node<IntervalJoin<K, L, R, Inner>, OnlyOut<Keyed<K, (L, R)>, EventTime, ()>>>>> {
    with::<K, L, R>(inputs(), lower, upper)
}

inlets! {
    /// The inputs of an [`interval_join`](super::interval_join()).
    Inputs { left: A @ 0, right: B @ 1 }
}

/// The input ports, as arrows name them.
#[doc(hidden)]
pub fn inputs<K, L, R>() -> Inputs<Edge<Keyed<K, L>, EventTime>, Edge<Keyed<K, R>, EventTime>> {
    Inputs::new()
}

/// As [`interval_join`](super::interval_join()), of inputs that are fed by name.
#[doc(hidden)]
pub fn with<K: Key, L: Repeatable, R: Repeatable>(
    _inputs: Inputs<Edge<Keyed<K, L>, EventTime>, Edge<Keyed<K, R>, EventTime>>,
    lower: TimeDelta,
    upper: TimeDelta,
) -> K::Node<L::Node<R::Node<Node<IntervalJoin<K, L, R, Inner>, OnlyOut<Keyed<K, (L, R)>, EventTime, ()>>>>> {
    let join = IntervalJoin {
        reach: Reach::new(lower, upper),
        time: PairTime::Later,
        groups: KeySlab::default(),
        left: Noted::default(),
        right: Noted::default(),
        inputs: Frontiers::new(2),
        come: [i64::MIN.into(); 2],
        output: Frontier::start(),
        shape: PhantomData,
    };
    K::node(L::node(R::node(Node::new(join, OnlyOut::new()))))
}

shapes! { IntervalJoin<K, L, R>, Keyed }

impl<K, L, R, S, P> Node<IntervalJoin<K, L, R, S>, P> {
    /// A pair is at the time of its left row, however much earlier that is than the right one: the output frontier stays
    /// behind the right input's by `upper` (rule E5).
    #[must_use]
    pub fn time_of_left(self) -> Self {
        Node { operator: IntervalJoin { time: PairTime::Left, ..self.operator }, ..self }
    }

    /// A pair is at the earlier of the times of its rows: the output frontier stays behind the right input's by `upper`,
    /// and behind the left one's by as much as `lower` is below zero (rule E5).
    #[must_use]
    pub fn time_of_earlier(self) -> Self {
        Node { operator: IntervalJoin { time: PairTime::Earlier, ..self.operator }, ..self }
    }
}

/// See [`interval_join`](super::interval_join()).
#[derive(Clone, Debug)]
pub struct IntervalJoin<K, L, R, S> {
    reach: Reach,
    time: PairTime,
    groups: KeySlab<K, Group<L, R>>,
    left: Noted,
    right: Noted,
    inputs: Frontiers<EventTime>,
    /// How far each input has come; one that others need not wait for is not behind them.
    come: [i128; 2],
    output: Frontier<EventTime>,
    shape: PhantomData<fn() -> S>,
}

/// What is noted of the keys of one side.
///
/// It follows from the rows, and is made anew when those have been loaded: an entry of which the rows of its key know nothing says nothing,
/// be its place another key's by now.
#[derive(Clone, Debug, Default)]
struct Noted {
    /// When the first row of a key is: it is the first that goes. Rows of several keys at one time go in the order of these entries, so that
    /// one counts by its number, too ([`Rows::due`]).
    due: Due<EventTime, u32>,
    /// When the first row of a key without a partner is: the output frontier waits for it. Only the least time is asked for; one that
    /// stands here twice says the same ([`Rows::held`]).
    held: Due<EventTime, u32>,
}

impl Noted {
    /// What the rows of one side say, where there have been so many entries.
    fn of<K, G, D>(groups: &KeySlab<K, G>, arrivals: u64, side: impl Fn(&G) -> &Rows<D>) -> Self {
        let rows = || groups.iter().map(|(place, _, group)| (place, side(group)));
        let due = rows().filter_map(|(place, rows)| rows.due.map(|(time, number)| (time, number, place)));
        let held = rows().filter_map(|(place, rows)| Some((rows.held?, place)));
        let mut held: Vec<_> = held.collect();
        held.sort_unstable();
        let mut noted = Noted { due: Due::of(due, arrivals), held: Due::default() };
        held.into_iter().for_each(|(time, place)| noted.held.push(time, place));
        noted
    }

    /// Notes a row that is kept; `waits` where it will come out unless it finds a partner.
    #[inline]
    fn note<D>(&mut self, place: u32, rows: &mut Rows<D>, time: EventTime, waits: bool) {
        if rows.due.is_none_or(|(due, _)| time < due) {
            self.look_at(place, rows, time);
        }
        if waits && rows.held.is_none_or(|held| time < held) {
            rows.held = Some(time);
            self.held.push(time, place);
        }
    }

    /// Notes when the first row of a key is.
    #[inline]
    fn look_at<D>(&mut self, place: u32, rows: &mut Rows<D>, time: EventTime) {
        rows.due = Some((time, self.due.arrivals()));
        self.due.push(time, place);
    }

    /// The next key of which a row is before the limit.
    #[inline]
    fn next_before(&mut self, limit: i128) -> Option<(EventTime, u64, u32)> {
        self.due.time().filter(|time| i128::from(time.micros()) < limit)?;
        self.due.pop_numbered()
    }

    /// The least time of a row that waits for a partner (rule E4).
    fn least_held<K, G, D>(
        &mut self,
        groups: &mut KeySlab<K, G>,
        side: impl Fn(&G) -> &Rows<D>,
        side_mut: impl Fn(&mut G) -> &mut Rows<D>,
    ) -> i128 {
        while let Some((&time, &place)) = self.held.peek() {
            // What only looks changes nothing that would have to be saved.
            let rows = side(&groups[place]);
            if rows.held == Some(time) {
                let held = rows.unmatched_from(time);
                if held == Some(time) {
                    return time.micros().into();
                }
                side_mut(&mut groups[place]).held = held;
                if let Some(later) = held {
                    self.held.push(later, place);
                }
            }
            self.held.pop();
        }
        END
    }
}

impl<K, L, R, S> IntervalJoin<K, L, R, S> {
    fn shaped<Z>(self) -> IntervalJoin<K, L, R, Z> {
        let IntervalJoin { reach, time, groups, left, right, inputs, come, output, .. } = self;
        IntervalJoin { reach, time, groups, left, right, inputs, come, output, shape: PhantomData }
    }

    /// Notes of each side what its rows say, where there have been so many entries.
    fn note_all(&mut self, [left, right]: [u64; 2]) {
        self.left = Noted::of(&self.groups, left, |group| &group.left);
        self.right = Noted::of(&self.groups, right, |group| &group.right);
    }
}

impl<K: Key, L, R, S: Shape<L, R>> IntervalJoin<K, L, R, S> {
    /// What comes out of a row by itself, if anything.
    fn single<P>(key: K, row: Option<S::Row>, time: EventTime, out: &mut Port<P>, cx: &mut Cx)
    where
        P: Push<Keyed<K, S::Row>, EventTime, ()>,
    {
        match row {
            Some(value) => {
                cx.passed();
                out.push(Update { data: Keyed { key, value }, time, diff: () });
            }
            None => cx.filtered(),
        }
    }

    /// Learns how far an input has come: rows go that have no partner to come, and the output follows.
    fn advance_to<P>(&mut self, port: usize, frontier: Frontier<EventTime>, out: &mut Port<P>)
    where
        P: Push<Keyed<K, S::Row>, EventTime, ()>,
    {
        self.inputs.advance(port, frontier);
        self.come = come(&self.inputs);
        let [left, right] = self.come;
        let expired = Expired { groups: &mut self.groups, out };
        expired.of(
            &mut self.left,
            self.reach.left_limit(right),
            S::LEFT_ALONE,
            |group| &group.left,
            |group| &mut group.left,
            S::left,
        );
        let expired = Expired { groups: &mut self.groups, out };
        expired.of(
            &mut self.right,
            self.reach.right_limit(left),
            S::RIGHT_ALONE,
            |group| &group.right,
            |group| &mut group.right,
            S::right,
        );
        self.release(out);
    }

    /// Advances the output as far as what may come and what waits allow.
    fn release<P>(&mut self, out: &mut Port<P>)
    where
        P: Push<Keyed<K, S::Row>, EventTime, ()>,
    {
        let to_come = self.reach.pairs_to_come(self.time, self.come[0], self.come[1]);
        let groups = &mut self.groups;
        let left = self.left.least_held(groups, |group| &group.left, |group| &mut group.left);
        let right = self.right.least_held(groups, |group| &group.right, |group| &mut group.right);
        let held = left.min(right);
        let mut allowed = frontier(to_come.min(held));
        if self.inputs.frontier().is_idle() && to_come <= held {
            allowed = allowed.idle();
        }
        if allowed.is_beyond(&self.output) {
            self.output = allowed;
            out.advance(allowed);
        }
    }
}

/// The rows of a side that have no partner to come, at the moment that they go.
struct Expired<'a, K, L, R, P> {
    groups: &'a mut KeySlab<K, Group<L, R>>,
    out: &'a mut Port<P>,
}

impl<K: Key, L, R, P> Expired<'_, K, L, R, P> {
    /// Drops those before the limit, and emits those of them that had none (rule E4) where such `come_out`: by time then.
    #[inline]
    fn of<D, B>(
        self,
        noted: &mut Noted,
        limit: i128,
        come_out: bool,
        side: impl Fn(&Group<L, R>) -> &Rows<D>,
        side_mut: impl Fn(&mut Group<L, R>) -> &mut Rows<D>,
        row: impl Fn(D) -> Option<B>,
    ) where
        P: Push<Keyed<K, B>, EventTime, ()>,
    {
        while let Some((time, number, place)) = noted.next_before(limit) {
            if side(&self.groups[place]).due != Some((time, number)) {
                continue;
            }
            let (key, group) = self.groups.at(place);
            let rows = side_mut(group);
            // Where nothing comes out the order is of no account: all of the key at once.
            let until = if come_out { time } else { last_before(limit) };
            while let Some(Row { time, data, is_matched }) = rows.pop_until(until) {
                if let Some(value) = (!is_matched).then(|| row(data)).flatten() {
                    self.out.push(Update { data: Keyed { key: key.clone(), value }, time, diff: () });
                }
            }
            if let Some(next) = rows.first() {
                noted.look_at(place, rows, next);
                continue;
            }
            rows.due = None;
            if group.is_over() {
                self.groups.release(place);
            }
        }
    }
}

/// The last time before a limit that is above the least.
#[inline]
fn last_before(limit: i128) -> EventTime {
    EventTime::from_micros((limit - 1).min(i64::MAX.into()) as i64)
}

/// How far each input has come, or both together where that is further.
fn come(inputs: &Frontiers<EventTime>) -> [i128; 2] {
    let all = micros(inputs.frontier());
    [0, 1].map(|input| micros(inputs.of(input)).max(all))
}

impl<K, L, R, S> Operator for IntervalJoin<K, L, R, S> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn validate(&mut self) -> Result<(), Cause> {
        self.reach.validate()
    }

    fn finish(&mut self) {}
}

impl<K, L, R, S> Durable for IntervalJoin<K, L, R, S>
where
    K: Storable + Hash + Eq,
    L: Storable,
    R: Storable,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.divided(self)
    }
}

/// How far the inputs and the output have come.
type Come = (Frontiers<EventTime>, Frontier<EventTime>);

impl<K, L, R, S> Divided for IntervalJoin<K, L, R, S>
where
    K: Storable + Hash + Eq,
    L: Storable,
    R: Storable,
{
    type Kept = (KeySlab<K, Group<L, R>>, Come);

    fn visit(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.key_slab("groups", &mut self.groups)?;
        let mut arrivals = [&self.left, &self.right].map(|noted| noted.due.arrivals());
        fields.value("arrivals", &mut arrivals)?;
        fields.value("inputs", &mut self.inputs)?;
        fields.value("output", &mut self.output)?;
        self.come = come(&self.inputs);
        if fields.is_loading() {
            self.note_all(arrivals);
        }
        Ok(())
    }

    fn retain(&mut self, owner: Owner) {
        self.groups.retain(|key| owner.owns(key));
    }

    fn take(&mut self) -> Self::Kept {
        let inputs = std::mem::replace(&mut self.inputs, Frontiers::new(2));
        let output = std::mem::replace(&mut self.output, Frontier::start());
        (self.left, self.right) = Default::default();
        (std::mem::take(&mut self.groups), (inputs, output))
    }

    fn unite(&mut self, shards: Vec<Self::Kept>) -> Result<(), SameKey> {
        self.inputs = Frontiers::least(2, shards.iter().map(|(.., (inputs, _))| inputs.clone()));
        self.come = come(&self.inputs);
        self.output = Frontier::least(shards.iter().map(|(.., (_, output))| output));
        let [mut left, mut right] = [0; 2];
        for (mut groups, _) in shards {
            let lefts = groups.values_mut().filter_map(|group| group.left.due.as_mut());
            left = number_anew(left, lefts.map(|(_, number)| number));
            let rights = groups.values_mut().filter_map(|group| group.right.due.as_mut());
            right = number_anew(right, rights.map(|(_, number)| number));
            self.groups.absorb(groups, |_| true)?;
        }
        // The next ones come behind the last of these.
        self.note_all([left + 1, right + 1]);
        Ok(())
    }
}

impl<K, L, R, S, Outs> Resume<Outs> for IntervalJoin<K, L, R, S> {}

impl<K, L, R, S, P> Input<0, Keyed<K, L>, EventTime, (), (Port<P>,)> for IntervalJoin<K, L, R, S>
where
    K: Key + Hash,
    S: Shape<L, R>,
    P: Push<Keyed<K, S::Row>, EventTime, ()>,
{
    #[inline]
    fn push(&mut self, row: Update<Keyed<K, L>, EventTime, ()>, (out,): &mut (Port<P>,), cx: &mut Cx) {
        let Update { data: Keyed { key, value }, time, .. } = row;
        let at = i128::from(time.micros());
        if at < self.come[0] {
            return cx.late();
        }
        if super::is_null(&key) {
            return Self::single(key, S::left(value), time, out, cx);
        }
        let place = self.groups.place(key);
        let (key, group) = self.groups.at(place);
        let partners = group.right.range(self.reach.of_left(time));
        let is_matched = !partners.is_empty();
        if S::ONCE && is_matched {
            let partner = group.right.get(partners).next().map_or(time, |partner| partner.time);
            let time = self.time.of(time, partner);
            return Self::single(key.clone(), S::with_partner(value), time, out, cx);
        }
        let pair = |partner: &Row<R>| {
            if let Some(row) = S::pair(&value, &partner.data) {
                let time = self.time.of(time, partner.time);
                out.push(Update { data: Keyed { key: key.clone(), value: row }, time, diff: () });
            }
        };
        if S::RIGHT_ALONE {
            group.right.matched(partners).for_each(pair);
        } else {
            group.right.get(partners).for_each(pair);
        }
        if at >= self.reach.left_limit(self.come[1]) {
            if is_matched {
                cx.passed()
            } else {
                cx.absorbed()
            }
            self.left.note(place, &mut group.left, time, S::LEFT_ALONE && !is_matched);
            return group.left.insert(Row { time, data: value, is_matched });
        }
        if is_matched {
            cx.passed();
        } else {
            Self::single(key.clone(), S::left(value), time, out, cx);
        }
        if group.is_over() {
            self.groups.release(place);
        }
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<EventTime>, (out,): &mut (Port<P>,), _cx: &mut Cx) {
        self.advance_to(0, frontier, out);
    }
}

impl<K, L, R, S, P> Input<1, Keyed<K, R>, EventTime, (), (Port<P>,)> for IntervalJoin<K, L, R, S>
where
    K: Key + Hash,
    S: Shape<L, R>,
    P: Push<Keyed<K, S::Row>, EventTime, ()>,
{
    #[inline]
    fn push(&mut self, row: Update<Keyed<K, R>, EventTime, ()>, (out,): &mut (Port<P>,), cx: &mut Cx) {
        let Update { data: Keyed { key, value }, time, .. } = row;
        let at = i128::from(time.micros());
        if at < self.come[1] {
            return cx.late();
        }
        if super::is_null(&key) {
            return Self::single(key, S::right(value), time, out, cx);
        }
        let place = self.groups.place(key);
        let (key, group) = self.groups.at(place);
        let partners = group.left.range(self.reach.of_right(time));
        let is_matched = !partners.is_empty();
        let emit = |partner: EventTime, row: Option<S::Row>, out: &mut Port<P>| {
            if let Some(row) = row {
                let time = self.time.of(partner, time);
                out.push(Update { data: Keyed { key: key.clone(), value: row }, time, diff: () });
            }
        };
        if S::ONCE {
            group.left.take(partners).for_each(|left| emit(left.time, S::with_partner(left.data), out));
        } else if S::LEFT_ALONE {
            let partners = group.left.matched(partners);
            partners.for_each(|left| emit(left.time, S::pair(&left.data, &value), out));
        } else {
            let partners = group.left.get(partners);
            partners.for_each(|left| emit(left.time, S::pair(&left.data, &value), out));
        }
        // Of an anti join a row on the right only takes from what comes out.
        let is_matched = is_matched && !(S::ONCE && S::LEFT_ALONE);
        if at >= self.reach.right_limit(self.come[0]) {
            if is_matched {
                cx.passed()
            } else {
                cx.absorbed()
            }
            self.right.note(place, &mut group.right, time, S::RIGHT_ALONE && !is_matched);
            return group.right.insert(Row { time, data: value, is_matched });
        }
        if is_matched {
            cx.passed();
        } else {
            Self::single(key.clone(), S::right(value), time, out, cx);
        }
        if group.is_over() {
            self.groups.release(place);
        }
    }

    #[inline]
    fn advance(&mut self, frontier: Frontier<EventTime>, (out,): &mut (Port<P>,), _cx: &mut Cx) {
        self.advance_to(1, frontier, out);
    }
}
