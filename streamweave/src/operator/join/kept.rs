//! What a window join keeps of a window, by its shape, and what comes out of that.

use crate::operator::Key;

use super::partners::Partners;
use super::shape::{Anti, FullOuter, Inner, LeftOuter, RightOuter, Semi, Shape};
use super::sides::{Both, Rows, Sides, with_key};

/// What a join of this shape keeps of a window.
pub trait Keeps<K, L, R> {
    /// The rows of a window.
    type Kept;
}

/// A join of this shape at work.
pub trait Joins<K, L, R>: Shape<L, R> + Keeps<K, L, R, Kept: Default> {
    /// Keeps a row of the left side.
    fn push_left(kept: &mut Self::Kept, key: K, row: L);

    /// Keeps what matters of a row of the right side.
    fn push_right(kept: &mut Self::Kept, key: K, row: R);

    /// Takes what comes out of a window (rule E6), and empties it.
    fn drain(kept: &mut Self::Kept, emit: impl FnMut((K, Self::Row)));
}

/// Of which rows pairs come out, and rows without a partner.
macro_rules! pairs {
    ($($shape:ident),*) => {$(
        impl<K, L, R> Keeps<K, L, R> for $shape {
            type Kept = Sides<K, L, R>;
        }

        impl<K: Key, L: Clone, R: Clone> Joins<K, L, R> for $shape {
            #[inline]
            fn push_left(kept: &mut Sides<K, L, R>, key: K, row: L) {
                kept.push_left(key, row);
            }

            #[inline]
            fn push_right(kept: &mut Sides<K, L, R>, key: K, row: R) {
                kept.push_right(key, row);
            }

            #[inline]
            fn drain(kept: &mut Sides<K, L, R>, mut emit: impl FnMut((K, Self::Row))) {
                kept.drain(|key, both, lefts, rights| joined::<K, L, R, Self>(key, both, lefts, rights, &mut emit));
            }
        }
    )*};
}

/// Of which only left rows come out.
macro_rules! lefts {
    ($($shape:ident),*) => {$(
        impl<K, L, R> Keeps<K, L, R> for $shape {
            type Kept = Partners<K, L>;
        }

        impl<K: Key, L, R> Joins<K, L, R> for $shape {
            #[inline]
            fn push_left(kept: &mut Partners<K, L>, key: K, row: L) {
                kept.push_left(key, row);
            }

            #[inline]
            fn push_right(kept: &mut Partners<K, L>, key: K, _row: R) {
                kept.note_right(key);
            }

            #[inline]
            fn drain(kept: &mut Partners<K, L>, mut emit: impl FnMut((K, L))) {
                kept.drain(|key, row, has_partner| {
                    let row = if has_partner {
                        <Self as Shape<L, R>>::with_partner(row)
                    } else {
                        <Self as Shape<L, R>>::left(row)
                    };
                    row.into_iter().for_each(|row| emit((key.clone(), row)));
                });
            }
        }
    )*};
}

pairs!(Inner, LeftOuter, RightOuter, FullOuter);
lefts!(Semi, Anti);

/// What comes of the rows of one key in one window (rule E6).
#[inline]
fn joined<K: Clone, L, R, S: Shape<L, R>>(
    key: K,
    Both { lefts, rights }: Both,
    left_rows: &mut Rows<L>,
    right_rows: &mut Rows<R>,
    emit: impl FnMut((K, S::Row)),
) {
    if rights.is_empty() {
        let rows = left_rows.take(lefts).filter_map(S::left);
        with_key(key, lefts.len(), rows).for_each(emit);
    } else if lefts.is_empty() {
        let rows = right_rows.take(rights).filter_map(S::right);
        with_key(key, rights.len(), rows).for_each(emit);
    } else {
        let with = |left| right_rows.get(rights).filter_map(move |right| S::pair(left, right));
        let pairs = left_rows.get(lefts).flat_map(with);
        with_key(key, lefts.len() * rights.len(), pairs).for_each(emit);
    }
}
