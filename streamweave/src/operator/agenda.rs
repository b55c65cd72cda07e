//! When the operators of a loop have work.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::state::{Fields, Mismatch};
use crate::time::{Lattice, Path, Rounds};

/// The rounds in which the operators of a loop have work, beside what comes around in it.
///
/// A loop asks for the next one instead of going through all rounds: an edit costs the rounds in which it changes
/// something. Outside of loops there is none, and nothing is noted.
#[derive(Clone, Debug, Default)]
pub struct Agenda(Option<Arc<Mutex<BTreeSet<Path>>>>);

impl Agenda {
    /// The agenda of a loop.
    pub fn of_loop() -> Self {
        Agenda(Some(Arc::default()))
    }

    /// Notes that there is work at this time.
    #[inline]
    pub fn note<T: Lattice>(&self, time: &T) {
        if let Some(mut rounds) = self.rounds() {
            rounds.insert(time.rounds().path());
        }
    }

    /// The first rounds noted.
    pub(crate) fn first(&self) -> Option<Path> {
        self.rounds()?.first().copied()
    }

    /// Forgets these rounds.
    pub(crate) fn done(&self, path: &Path) {
        if let Some(mut rounds) = self.rounds() {
            rounds.remove(path);
        }
    }

    /// Visits what is noted.
    pub(crate) fn fields(&self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        match self.rounds() {
            Some(mut rounds) => fields.value("agenda", &mut *rounds),
            None => Ok(()),
        }
    }

    fn rounds(&self) -> Option<MutexGuard<'_, BTreeSet<Path>>> {
        self.0.as_ref().map(|rounds| rounds.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
