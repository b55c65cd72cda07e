//! Several aggregates of the same values.

use super::{Aggregate, Merge, Retract};

macro_rules! tuple {
    ($($name:ident $at:tt),* ; $last:ident $last_at:tt) => {
        /// Several aggregates of the same values, each of which is cloned for all but the last.
        impl<V: Clone, $($name: Aggregate<V>,)* $last: Aggregate<V>> Aggregate<V> for ($($name,)* $last,) {
            type Output = ($($name::Output,)* $last::Output,);

            #[inline(always)]
            fn add(&mut self, value: V) {
                $(self.$at.add(value.clone());)*
                self.$last_at.add(value);
            }

            #[inline(always)]
            fn output(&self) -> Self::Output {
                ($(self.$at.output(),)* self.$last_at.output(),)
            }

            fn adopt(&mut self, new: Self) {
                $(self.$at.adopt(new.$at);)*
                self.$last_at.adopt(new.$last_at);
            }
        }

        impl<$($name: Merge,)* $last: Merge> Merge for ($($name,)* $last,) {
            #[inline(always)]
            fn merge(&mut self, later: &Self) {
                $(self.$at.merge(&later.$at);)*
                self.$last_at.merge(&later.$last_at);
            }
        }

        impl<V: Clone, $($name: Retract<V>,)* $last: Retract<V>> Retract<V> for ($($name,)* $last,) {
            #[inline(always)]
            fn retract(&mut self, value: V) {
                $(self.$at.retract(value.clone());)*
                self.$last_at.retract(value);
            }
        }
    };
}

tuple!(A 0; B 1);
tuple!(A 0, B 1; C 2);
tuple!(A 0, B 1, C 2; D 3);
tuple!(A 0, B 1, C 2, D 3; E 4);
tuple!(A 0, B 1, C 2, D 3, E 4; F 5);
