//! What changes add up to, compared with an oracle at every closed time.

use std::collections::BTreeMap;
use std::fmt::Debug;

use streamweave::envelope::Update;
use streamweave::time::EventTime;

use crate::record::Seen;

/// The changes among what was seen.
pub fn updates<D: Clone, T, R: Clone>(seen: &[Seen<Update<D, T, R>, T>]) -> Vec<Update<D, T, R>>
where
    T: Clone,
{
    let update = |seen: &Seen<Update<D, T, R>, T>| match seen {
        Seen::Row(update, _) => Some(update.clone()),
        Seen::Frontier(_) | Seen::Idle(_) | Seen::End => None,
    };
    seen.iter().filter_map(update).collect()
}

/// What changes up to and including a time add up to.
fn as_of<D: Clone + Ord>(changes: &[Update<D, EventTime, i64>], time: i64) -> BTreeMap<D, i64> {
    let mut rows = BTreeMap::new();
    for change in changes.iter().filter(|change| change.time <= EventTime::from_micros(time)) {
        *rows.entry(change.data.clone()).or_insert(0) += change.diff;
    }
    rows.retain(|_, count| *count != 0);
    rows
}

/// At every frontier the changes before it add up to what the oracle says of the time before it, and in the end for
/// every time.
///
/// # Panics
///
/// Where they do not.
pub fn holds_at_closed_times<D: Clone + Ord + Debug>(
    seen: &[Seen<Update<D, EventTime, i64>, EventTime>],
    oracle: impl Fn(i64) -> BTreeMap<D, i64>,
) {
    for (place, message) in seen.iter().enumerate() {
        if let Seen::Frontier(frontier) = message
            && *frontier > EventTime::MIN
        {
            let time = frontier.micros() - 1;
            assert_eq!(as_of(&updates(&seen[..place]), time), oracle(time), "as of {time}");
        }
    }
    assert_eq!(seen.last(), Some(&Seen::End));
    let all = updates(seen);
    let frontiers = seen.iter().filter_map(|seen| match seen {
        Seen::Frontier(frontier) => Some(frontier.micros()),
        Seen::Row(..) | Seen::Idle(_) | Seen::End => None,
    });
    let end = frontiers.max().unwrap_or(0).max(0) + 10;
    (-40..end).for_each(|time| assert_eq!(as_of(&all, time), oracle(time), "as of {time}, in the end"));
}
