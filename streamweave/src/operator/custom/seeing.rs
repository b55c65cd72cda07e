//! Lets a function see the envelope of its row, and the context.

use std::marker::PhantomData;

use super::Cx;
use crate::envelope::Update;
use crate::operator::{self, Durable, Input, Operator, Outcome, Resume};
use crate::state::{Fields, Mismatch, Storable};
use crate::time::{Frontier, Timestamp};

/// An operator on values, made one that sees more: the value that it takes is what `V` makes of the row, with the
/// context.
#[derive(Clone, Debug)]
pub struct Seeing<O, T: Timestamp, V> {
    operator: O,
    frontier: Frontier<T>,
    seen: PhantomData<V>,
}

impl<O, T: Timestamp, V> Seeing<O, T, V> {
    /// Around this operator.
    pub fn new(operator: O) -> Self {
        Seeing { operator, frontier: Frontier::start(), seen: PhantomData }
    }
}

/// What is seen of a row.
pub trait See<D, T, R> {
    /// What is seen.
    type Seen;

    /// Looks at a row.
    fn see(row: Update<D, T, R>) -> Self::Seen;
}

/// The value of a row is seen.
#[derive(Clone, Copy, Debug)]
pub struct Value;

/// The value in its envelope is seen.
#[derive(Clone, Copy, Debug)]
pub struct Whole;

impl<D, T, R> See<D, T, R> for Value {
    type Seen = D;

    #[inline(always)]
    fn see(row: Update<D, T, R>) -> D {
        row.data
    }
}

impl<D, T, R> See<D, T, R> for Whole {
    type Seen = Update<D, T, R>;

    #[inline(always)]
    fn see(row: Update<D, T, R>) -> Update<D, T, R> {
        row
    }
}

impl<O: Operator<Yield = ()>, T: Timestamp, V> Operator for Seeing<O, T, V> {
    type Yield = ();
    const OUTCOME: Outcome = O::OUTCOME;
    const USES_CLOCK: bool = true;

    fn finish(&mut self) {}
}

impl<O: Durable + Operator<Yield = ()>, T: Timestamp + Storable, V> Durable for Seeing<O, T, V> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.shared("frontier", &mut self.frontier, |all, more| *all = all.meet(&more))?;
        self.operator.fields(fields)
    }
}

impl<O: Operator<Yield = ()>, T: Timestamp, V, Outs> Resume<Outs> for Seeing<O, T, V> {}

impl<O, D, T, R, V, Outs> Input<0, D, T, R, Outs> for Seeing<O, T, V>
where
    T: Timestamp,
    R: Clone,
    V: See<D, T, R>,
    O: Input<0, (V::Seen, Cx<T>), T, R, Outs> + Operator<Yield = ()>,
{
    #[inline(always)]
    fn push(&mut self, row: Update<D, T, R>, outs: &mut Outs, cx: &mut operator::Cx) {
        let (time, diff) = (row.time.clone(), row.diff.clone());
        let context = Cx::new(time.clone(), self.frontier.clone(), cx.now());
        self.operator.push(Update { data: (V::see(row), context), time, diff }, outs, cx);
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, outs: &mut Outs, cx: &mut operator::Cx) {
        self.frontier = frontier.clone();
        self.operator.advance(frontier, outs, cx);
    }
}
