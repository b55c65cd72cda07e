//! Among whom keys are divided.

use super::stable_hash::{KEY_GROUPS, key_group};

/// One of the shards among which the keys of a graph are divided.
///
/// A key belongs to one of [`KEY_GROUPS`] groups by its [stable hash](super::stable_hash), and so many groups in a row to a shard: the
/// group `g` to shard `g * of / KEY_GROUPS`.
///
/// # Examples
///
/// ```
/// use streamweave::state::{Shard, stable_hash};
///
/// let hash = stable_hash("N14228");
/// let owners = (0..3).filter(|&number| Shard::new(number, 3).owns(hash));
/// assert_eq!(owners.count(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub(super) number: u16,
    pub(super) of: u16,
}

impl Shard {
    /// Shard `number`, counted from 0, of so many.
    ///
    /// # Panics
    ///
    /// There is no such shard, or there are more shards than key groups.
    pub fn new(number: u16, of: u16) -> Self {
        assert!(
            number < of && of <= KEY_GROUPS,
            "there is no shard {number} of {of}; at most {KEY_GROUPS} there are"
        );
        Shard { number, of }
    }

    /// Whether a key of this [hash](super::stable_hash) belongs to it.
    pub fn owns(self, hash: u64) -> bool {
        let owner = u32::from(key_group(hash, KEY_GROUPS)) * u32::from(self.of) / u32::from(KEY_GROUPS);
        owner == u32::from(self.number)
    }
}
