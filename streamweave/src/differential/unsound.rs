//! What ends a run over changes.

use std::fmt::{self, Debug, Display};

/// There is no such collection: something is there less than zero times, or more often than can be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsound {
    what: What,
    key: String,
    time: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Negative,
    TooMany,
}

impl Unsound {
    /// More was taken back than there was (rule G2).
    #[cold]
    pub fn negative(key: &impl Debug, time: &impl Display) -> Self {
        Unsound { what: What::Negative, key: format!("{key:?}"), time: time.to_string() }
    }

    /// There is more than can be counted (rule G4).
    #[cold]
    pub fn too_many(key: &impl Debug, time: &impl Display) -> Self {
        Unsound { what: What::TooMany, key: format!("{key:?}"), time: time.to_string() }
    }
}

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unsound { what, key, time } = self;
        match what {
            What::Negative => {
                write!(f, "more rows of key {key} were taken back than there were, at time {time}")
            }
            What::TooMany => {
                write!(f, "there are more rows of key {key} than can be counted, at time {time}")
            }
        }
    }
}

impl std::error::Error for Unsound {}

#[cfg(test)]
mod tests {
    use super::Unsound;
    use crate::time::{EventTime, LogicalTime, Nested};

    #[test]
    fn times_are_shown_as_they_are_written_and_rounds_behind_them() {
        let at = Nested { outer: Nested { outer: LogicalTime(4), round: 2 }, round: 3 };
        for (unsound, expected) in [
            (Unsound::negative(&"k", &LogicalTime(4)), "at time 4"),
            (Unsound::negative(&"k", &EventTime::from_secs(0)), "at time 1970-01-01T00:00:00Z"),
            (Unsound::too_many(&"k", &at.outer), "at time 4, round 2"),
            (Unsound::too_many(&"k", &at), "at time 4, round 2, round 3"),
        ] {
            assert!(unsound.to_string().ends_with(&format!(", {expected}")), "{unsound}");
        }
    }
}
