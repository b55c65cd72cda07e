//! The least and the greatest.

use super::{Aggregate, Merge};

macro_rules! extreme {
    ($(#[$doc:meta])* $name:ident, $order:tt) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(bound(serialize = "V: serde::Serialize", deserialize = "V: serde::Deserialize<'de>"))]
        pub struct $name<V>(#[serde(with = "crate::state::maybe")] Option<V>);

        impl<V> $name<V> {
            /// Nothing yet.
            pub fn new() -> Self {
                $name(None)
            }
        }

        impl<V> Default for $name<V> {
            fn default() -> Self {
                $name::new()
            }
        }

        impl<V: PartialOrd + Clone> Aggregate<V> for $name<V> {
            type Output = V;

            #[inline(always)]
            fn add(&mut self, value: V) {
                let replace = match &self.0 {
                    None => true,
                    Some(best) => value $order *best || is_unordered(best),
                };
                if replace {
                    self.0 = Some(value);
                }
            }

            #[inline(always)]
            fn output(&self) -> V {
                self.0.clone().expect("asked for only after a value")
            }
        }

        impl<V: PartialOrd + Clone> Merge for $name<V> {
            fn merge(&mut self, later: &Self) {
                if let Some(value) = &later.0 {
                    self.add(value.clone());
                }
            }
        }
    };
}

/// Whether a value (a NaN) does not compare even with itself.
#[inline(always)]
fn is_unordered<V: PartialOrd>(value: &V) -> bool {
    value.partial_cmp(value).is_none()
}

extreme! {
    /// The least value; of equal ones the first. A NaN counts only where there is nothing else.
    Min, <
}
extreme! {
    /// The greatest value; of equal ones the first. A NaN counts only where there is nothing else.
    Max, >
}
