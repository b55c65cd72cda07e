//! What waits for its time.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::operator::Agenda;
use crate::time::{Frontier, Lattice};

/// Things that wait until the frontier closes their time, given back a time at once, each time's in order of arrival.
///
/// Adding to the time added to last is a push.
#[derive(Clone, Debug)]
pub struct Pending<T, X> {
    /// The time added to last.
    newest: Option<(T, Vec<X>)>,
    others: BTreeMap<T, Vec<X>>,
    spare: Vec<X>,
    agenda: Agenda,
}

impl<T, X> Default for Pending<T, X> {
    fn default() -> Self {
        Pending { newest: None, others: BTreeMap::new(), spare: Vec::new(), agenda: Agenda::default() }
    }
}

impl<T: Lattice, X> Pending<T, X> {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.newest.is_none() && self.others.is_empty()
    }

    /// Notes from now on in `agenda` for which times anything waits.
    pub fn enters_loop(&mut self, agenda: &Agenda) {
        self.agenda = agenda.clone();
        let newest = self.newest.iter().map(|(time, _)| time);
        newest.chain(self.others.keys()).for_each(|time| agenda.note(time));
    }

    /// Takes the place of one that was emptied, in its loop.
    pub(super) fn adopt(&mut self, before: Self) {
        self.enters_loop(&before.agenda);
    }

    /// Adds one.
    #[inline]
    pub fn push(&mut self, time: T, x: X) {
        match &mut self.newest {
            Some((newest, waiting)) if *newest == time => waiting.push(x),
            _ => self.push_elsewhere(time, x),
        }
    }

    #[inline(never)]
    fn push_elsewhere(&mut self, time: T, x: X) {
        let mut waiting = self.others.remove(&time).unwrap_or_else(|| {
            self.agenda.note(&time);
            std::mem::take(&mut self.spare)
        });
        waiting.push(x);
        if let Some((time, waiting)) = self.newest.replace((time, waiting)) {
            self.others.insert(time, waiting);
        }
    }

    /// Forgets what is not to be kept.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&X) -> bool) {
        self.others.extend(self.newest.take());
        self.others.retain(|_, waiting| {
            waiting.retain(&mut keep);
            !waiting.is_empty()
        });
    }

    /// Takes over what waits in another, each time's behind its own.
    pub(super) fn absorb(&mut self, other: Self) {
        for (time, waiting) in other.others.into_iter().chain(other.newest) {
            waiting.into_iter().for_each(|x| self.push(time, x));
        }
    }

    /// The least time for which anything waits.
    #[inline]
    pub fn next_time(&self) -> Option<T> {
        let newest = self.newest.as_ref().map(|(time, _)| *time);
        match self.others.first_key_value() {
            None => newest,
            Some((least, _)) => Some(newest.map_or(*least, |newest| newest.min(*least))),
        }
    }

    /// The least time that the frontier closes.
    #[inline]
    pub fn next_closed(&self, frontier: &Frontier<T>) -> Option<T> {
        self.next_time().filter(|time| frontier.closes(time))
    }

    /// Takes what waits for a time.
    pub fn take(&mut self, time: &T) -> Vec<X> {
        match &self.newest {
            Some((newest, _)) if newest == time => self.newest.take().map(|(_, waiting)| waiting),
            _ => self.others.remove(time),
        }
        .unwrap_or_default()
    }

    /// Gives back the memory of what was taken, to be used again.
    pub fn recycle(&mut self, mut taken: Vec<X>) {
        // What one large time needed is not kept for the small ones after it.
        if taken.capacity() <= 4_096 && taken.capacity() > self.spare.capacity() {
            taken.clear();
            self.spare = taken;
        }
    }
}

/// Saved time by time.
impl<T: Serialize, X: Serialize> Serialize for Pending<T, X> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let newest = self.newest.iter().map(|(time, waiting)| (time, waiting));
        serializer.collect_seq(self.others.iter().chain(newest))
    }
}

impl<'de, T: Deserialize<'de> + Ord, X: Deserialize<'de>> Deserialize<'de> for Pending<T, X> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let others = Vec::<(T, Vec<X>)>::deserialize(deserializer)?.into_iter().collect();
        Ok(Pending { newest: None, others, spare: Vec::new(), agenda: Agenda::default() })
    }
}
