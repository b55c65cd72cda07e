//! Values by their place in the order of arrival.

use super::{Aggregate, Merge};

macro_rules! one {
    ($(#[$doc:meta])* $name:ident, $into:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(bound(serialize = "V: serde::Serialize", deserialize = "V: serde::Deserialize<'de>"))]
        pub struct $name<V>(#[serde(with = "crate::state::maybe")] Option<V>);

        impl<V> $name<V> {
            /// None yet.
            pub fn new() -> Self {
                $name(None)
            }
        }

        impl<V> Default for $name<V> {
            fn default() -> Self {
                $name::new()
            }
        }

        impl<V: Clone> Aggregate<V> for $name<V> {
            type Output = V;

            #[inline(always)]
            fn add(&mut self, value: V) {
                self.0.$into(value);
            }

            #[inline(always)]
            fn output(&self) -> V {
                self.0.clone().expect("asked for only after a value")
            }
        }

        impl<V: Clone> Merge for $name<V> {
            fn merge(&mut self, later: &Self) {
                if let Some(value) = &later.0 {
                    self.0.$into(value.clone());
                }
            }
        }
    };
}

one! {
    /// The value that came first. By event time it is `fold` with the time, or [`Min`](super::Min) of pairs that begin
    /// with it.
    First, get_or_insert
}
one! {
    /// The value that came last; see [`First`].
    Last, replace
}

/// Every value, in order of arrival.
///
/// Keeps them all, and clones them for its output: for groups that are small.
///
/// # Examples
///
/// ```
/// use streamweave::operator::{Aggregate, Collect, First, Last};
///
/// let mut words = (First::new(), Last::new(), Collect::new());
/// ["warp", "weft", "yarn"].into_iter().for_each(|word| words.add(word));
/// assert_eq!(words.output(), ("warp", "yarn", vec!["warp", "weft", "yarn"]));
/// ```
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Collect<V>(Vec<V>);

impl<V> Collect<V> {
    /// None yet.
    pub fn new() -> Self {
        Collect(Vec::new())
    }
}

impl<V> Default for Collect<V> {
    fn default() -> Self {
        Collect::new()
    }
}

impl<V: Clone> Aggregate<V> for Collect<V> {
    type Output = Vec<V>;

    #[inline]
    fn add(&mut self, value: V) {
        self.0.push(value);
    }

    fn output(&self) -> Vec<V> {
        self.0.clone()
    }
}

impl<V: Clone> Merge for Collect<V> {
    fn merge(&mut self, later: &Self) {
        self.0.extend_from_slice(&later.0);
    }
}
