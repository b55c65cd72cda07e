//! What a join makes of rows that have partners, and of rows that have none.

/// Which rows come out of a join, and as what: an inner join, an outer one, a semi or an anti join.
pub trait Shape<L, R> {
    /// What comes out.
    type Row;

    /// Whether a left row without a partner comes out.
    const LEFT_ALONE: bool = false;

    /// Whether a right row without a partner comes out.
    const RIGHT_ALONE: bool = false;

    /// Whether it only matters that a left row has a partner: its first decides what becomes of it. Nothing comes out of a right row then.
    const ONCE: bool = false;

    /// What comes out of a pair.
    fn pair(_left: &L, _right: &R) -> Option<Self::Row> {
        None
    }

    /// What comes out of a left row that has a partner.
    fn with_partner(_left: L) -> Option<Self::Row> {
        None
    }

    /// What comes out of a left row that has none.
    fn left(_left: L) -> Option<Self::Row> {
        None
    }

    /// What comes out of a right row that has none.
    fn right(_right: R) -> Option<Self::Row> {
        None
    }
}

/// The pairs.
#[derive(Clone, Copy, Debug)]
pub struct Inner;

/// The pairs, and left rows without a partner.
#[derive(Clone, Copy, Debug)]
pub struct LeftOuter;

/// The pairs, and right rows without a partner.
#[derive(Clone, Copy, Debug)]
pub struct RightOuter;

/// The pairs, and rows of both sides without a partner.
#[derive(Clone, Copy, Debug)]
pub struct FullOuter;

/// Left rows that have a partner, each once.
#[derive(Clone, Copy, Debug)]
pub struct Semi;

/// Left rows that have none.
#[derive(Clone, Copy, Debug)]
pub struct Anti;

impl<L: Clone, R: Clone> Shape<L, R> for Inner {
    type Row = (L, R);

    #[inline(always)]
    fn pair(left: &L, right: &R) -> Option<(L, R)> {
        Some((left.clone(), right.clone()))
    }
}

impl<L: Clone, R: Clone> Shape<L, R> for LeftOuter {
    type Row = (L, Option<R>);
    const LEFT_ALONE: bool = true;

    #[inline(always)]
    fn pair(left: &L, right: &R) -> Option<(L, Option<R>)> {
        Some((left.clone(), Some(right.clone())))
    }

    fn left(left: L) -> Option<(L, Option<R>)> {
        Some((left, None))
    }
}

impl<L: Clone, R: Clone> Shape<L, R> for RightOuter {
    type Row = (Option<L>, R);
    const RIGHT_ALONE: bool = true;

    #[inline(always)]
    fn pair(left: &L, right: &R) -> Option<(Option<L>, R)> {
        Some((Some(left.clone()), right.clone()))
    }

    fn right(right: R) -> Option<(Option<L>, R)> {
        Some((None, right))
    }
}

impl<L: Clone, R: Clone> Shape<L, R> for FullOuter {
    type Row = (Option<L>, Option<R>);
    const LEFT_ALONE: bool = true;
    const RIGHT_ALONE: bool = true;

    #[inline(always)]
    fn pair(left: &L, right: &R) -> Option<(Option<L>, Option<R>)> {
        Some((Some(left.clone()), Some(right.clone())))
    }

    fn left(left: L) -> Option<(Option<L>, Option<R>)> {
        Some((Some(left), None))
    }

    fn right(right: R) -> Option<(Option<L>, Option<R>)> {
        Some((None, Some(right)))
    }
}

impl<L, R> Shape<L, R> for Semi {
    type Row = L;
    const ONCE: bool = true;

    #[inline(always)]
    fn with_partner(left: L) -> Option<L> {
        Some(left)
    }
}

impl<L, R> Shape<L, R> for Anti {
    type Row = L;
    const LEFT_ALONE: bool = true;
    const ONCE: bool = true;

    fn left(left: L) -> Option<L> {
        Some(left)
    }
}

/// Which probes of a table come out, and as what: [`Inner`] or [`LeftOuter`].
pub trait Lookup<L, R> {
    /// What comes out.
    type Row;

    /// What comes out of a probe, for which the table has a value or none.
    fn answer(probe: L, found: Option<&R>) -> Option<Self::Row>;
}

impl<L, R: Clone> Lookup<L, R> for Inner {
    type Row = (L, R);

    #[inline(always)]
    fn answer(probe: L, found: Option<&R>) -> Option<(L, R)> {
        found.map(|found| (probe, found.clone()))
    }
}

impl<L, R: Clone> Lookup<L, R> for LeftOuter {
    type Row = (L, Option<R>);

    #[inline(always)]
    fn answer(probe: L, found: Option<&R>) -> Option<(L, Option<R>)> {
        Some((probe, found.cloned()))
    }
}

/// The methods by which an inner join becomes another. `$rows<K, B>` is what a join emits whose shape makes a `B`.
macro_rules! shapes {
    ($join:ident<$($p:ident),*>, $rows:ident) => {
        impl<$($p),*> Node<$join<$($p,)* Inner>, OnlyOut<$rows<K, (L, R)>, EventTime, ()>> {
            /// Left rows that have no partner come out, too, each once.
            #[must_use]
            pub fn left_outer(
                self,
            ) -> Node<$join<$($p,)* LeftOuter>, OnlyOut<$rows<K, (L, Option<R>)>, EventTime, ()>> {
                Node { operator: self.operator.shaped(), ports: OnlyOut::new() }
            }

            /// Right rows that have no partner come out, too, each once.
            #[must_use]
            pub fn right_outer(
                self,
            ) -> Node<$join<$($p,)* RightOuter>, OnlyOut<$rows<K, (Option<L>, R)>, EventTime, ()>> {
                Node { operator: self.operator.shaped(), ports: OnlyOut::new() }
            }

            /// Rows of either side that have no partner come out, too, each once.
            #[must_use]
            pub fn full_outer(
                self,
            ) -> Node<$join<$($p,)* FullOuter>, OnlyOut<$rows<K, (Option<L>, Option<R>)>, EventTime, ()>>
            {
                Node { operator: self.operator.shaped(), ports: OnlyOut::new() }
            }

            /// Only left rows that have a partner come out, each once, and nothing of the right.
            #[must_use]
            pub fn semi(self) -> Node<$join<$($p,)* Semi>, OnlyOut<$rows<K, L>, EventTime, ()>> {
                Node { operator: self.operator.shaped(), ports: OnlyOut::new() }
            }

            /// Only left rows that have no partner come out, and nothing of the right.
            #[must_use]
            pub fn anti(self) -> Node<$join<$($p,)* Anti>, OnlyOut<$rows<K, L>, EventTime, ()>> {
                Node { operator: self.operator.shaped(), ports: OnlyOut::new() }
            }
        }
    };
}
pub(super) use shapes;
