//! What ends a run over changes.

use std::fmt::{self, Debug};

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
    pub fn negative(key: &impl Debug, time: &impl Debug) -> Self {
        Unsound { what: What::Negative, key: format!("{key:?}"), time: format!("{time:?}") }
    }

    /// There is more than can be counted (rule G4).
    #[cold]
    pub fn too_many(key: &impl Debug, time: &impl Debug) -> Self {
        Unsound { what: What::TooMany, key: format!("{key:?}"), time: format!("{time:?}") }
    }
}

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unsound { what, key, time } = self;
        match what {
            What::Negative => write!(f, "more rows of key {key} were taken back than there were, at {time}"),
            What::TooMany => write!(f, "there are more rows of key {key} than can be counted, at {time}"),
        }
    }
}

impl std::error::Error for Unsound {}
