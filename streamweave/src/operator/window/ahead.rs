//! Keys that have come further than their operator has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How far the shards of keys had come, where they were beyond the least of those that were united: what was over for such a key is not
/// over once more because it is still to come for others (rule H10).
///
/// It is empty but for a while behind a restore in another number of shards.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ahead(BTreeMap<u32, i64>);

impl Ahead {
    /// The places of the keys for which what is over at this time was over before.
    pub(super) fn passed(&self, time: i64) -> impl Iterator<Item = u32> {
        self.0.iter().filter(move |(_, came)| time <= **came).map(|(place, _)| *place)
    }

    /// Whether what is over at this time was over before for the key at a place.
    #[inline]
    pub(super) fn has_passed(&self, place: u32, time: i64) -> bool {
        !self.0.is_empty() && self.0.get(&place).is_some_and(|came| time <= *came)
    }

    /// The key at a place has gone.
    pub(super) fn forget(&mut self, place: u32) {
        self.0.remove(&place);
    }

    /// All have come as far as this.
    pub(super) fn catch_up(&mut self, frontier: i64) {
        if !self.0.is_empty() {
            self.0.retain(|_, came| *came > frontier);
        }
    }

    /// Takes over the keys of a shard, which have gone to these places, and how far they had come: at least as far as the shard.
    pub(super) fn absorb(&mut self, shard: Self, came: i64, places: &[Option<u32>]) {
        for (old, new) in (0..).zip(places) {
            if let Some(new) = new {
                self.0.insert(*new, shard.0.get(&old).map_or(came, |further| came.max(*further)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_ahead_until_the_others_have_come_as_far() {
        let (mut slow, mut all) = (Ahead::default(), Ahead::default());
        slow.absorb(Ahead::default(), 30, &[None, Some(1)]);
        all.absorb(slow, 10, &[Some(0), Some(4)]);
        all.absorb(Ahead::default(), 20, &[Some(2), None, Some(3)]);
        assert!(all.passed(11).eq([2, 3, 4]));
        assert!(all.passed(20).eq([2, 3, 4]));
        assert!(all.has_passed(4, 30) && !all.has_passed(4, 31) && !all.has_passed(0, 11));
        all.forget(2);
        all.catch_up(10);
        assert!(all.passed(10).eq([3, 4]));
        all.catch_up(20);
        assert!(all.passed(10).eq([4]));
        all.catch_up(30);
        assert_eq!(all.passed(10).count(), 0);
    }
}
