//! Things that wait for their time, and are saved where the graph has checkpoints.

use super::{Bag, Fields, Mismatch, Storable, TimeQueue};
use crate::time::{Frontier, TotalOrder};

/// Things that wait until the frontier closes their time, given back by time, then by a tie key, then in order of arrival.
///
/// Where nothing is saved it is a [`TimeQueue`] of them; where something is they stand in a [`Bag`], so that a checkpoint writes what has
/// come and gone, in slices, and the queue holds their places. Which of them is known before the first one comes: the visits of a durable
/// graph begin before that.
#[derive(Clone, Debug)]
pub(crate) enum SavedQueue<D, T, K = ()> {
    Noted(TimeQueue<D, T, K>),
    Tracked(Box<Tracked<D, T, K>>),
}

#[derive(Clone, Debug)]
pub(crate) struct Tracked<D, T, K> {
    places: TimeQueue<u32, T, K>,
    /// Each with its time and the number of its arrival: what is saved, out of which the queue is made again.
    things: Bag<(T, u64, D)>,
}

impl<D, T: TotalOrder, K: Ord> Default for SavedQueue<D, T, K> {
    fn default() -> Self {
        SavedQueue::Noted(TimeQueue::new())
    }
}

impl<D, T: TotalOrder, K: Ord> SavedQueue<D, T, K> {
    /// Nothing waits.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    #[inline]
    pub(crate) fn push(&mut self, time: T, tie: K, data: D) {
        match self {
            SavedQueue::Noted(noted) => noted.push(time, tie, data),
            SavedQueue::Tracked(tracked) => {
                let Tracked { places, things } = &mut **tracked;
                let place = things.put((time.clone(), places.next_arrival(), data));
                places.push(time, tie, place);
            }
        }
    }

    /// Takes the first thing whose time the frontier closes.
    #[inline]
    pub(crate) fn pop_closed(&mut self, frontier: &Frontier<T>) -> Option<(T, D)> {
        match self {
            SavedQueue::Noted(noted) => noted.pop_closed(frontier),
            SavedQueue::Tracked(tracked) => {
                let (_, place) = tracked.places.pop_closed(frontier)?;
                let (time, _, data) = tracked.things.take(place);
                Some((time, data))
            }
        }
    }

    /// What waits, in no order that is promised.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &D> {
        let (noted, tracked) = match self {
            SavedQueue::Noted(noted) => (Some(noted.iter()), None),
            SavedQueue::Tracked(tracked) => (None, Some(tracked.things.iter().map(|(_, (_, _, data))| data))),
        };
        noted.into_iter().flatten().chain(tracked.into_iter().flatten())
    }

    /// Forgets what waits and is not to be kept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&D) -> bool) {
        match self {
            SavedQueue::Noted(noted) => noted.retain(keep),
            SavedQueue::Tracked(tracked) => {
                let Tracked { places, things } = &mut **tracked;
                places.retain(|&place| {
                    let is_kept = keep(&things[place].2);
                    if !is_kept {
                        things.take(place);
                    }
                    is_kept
                });
            }
        }
    }

    /// Takes over what waits in another, as if it had arrived behind its own.
    pub(crate) fn absorb(&mut self, other: Self) {
        match other {
            SavedQueue::Noted(noted) => {
                noted.into_arrivals().for_each(|(time, tie, _, data)| self.push(time, tie, data));
            }
            SavedQueue::Tracked(tracked) => {
                let Tracked { places, mut things } = *tracked;
                for (time, tie, _, place) in places.into_arrivals() {
                    self.push(time, tie, things.take(place).2);
                }
            }
        }
    }
}

impl<D: Storable, T: TotalOrder + Storable, K: Ord> SavedQueue<D, T, K> {
    /// Visits what waits: what has come and gone since the last cut is written, in slices. Of what is loaded `tie` gives the tie keys anew.
    ///
    /// # Errors
    ///
    /// What was saved is of another type.
    pub(crate) fn visit(
        &mut self,
        name: &str,
        fields: &mut Fields<'_>,
        mut tie: impl FnMut(&D) -> K,
    ) -> Result<(), Mismatch> {
        let Tracked { places, things } = self.tracked();
        fields.bag(name, things)?;
        let mut arrived = places.next_arrival();
        fields.value(&format!("{name}.arrived"), &mut arrived)?;
        if fields.is_loading() {
            *places = TimeQueue::behind(arrived);
            for (place, (time, arrival, data)) in things.iter() {
                places.push_arrived(time.clone(), tie(data), *arrival, place);
            }
        }
        Ok(())
    }

    /// The queue that is visited; the first visit makes it one.
    fn tracked(&mut self) -> &mut Tracked<D, T, K> {
        if let SavedQueue::Noted(noted) = self {
            let (mut places, mut things) = (TimeQueue::behind(noted.next_arrival()), Bag::new());
            for (time, tie, arrival, data) in std::mem::take(noted).into_arrivals() {
                let place = things.put((time.clone(), arrival, data));
                places.push_arrived(time, tie, arrival, place);
            }
            *self = SavedQueue::Tracked(Box::new(Tracked { places, things }));
        }
        match self {
            SavedQueue::Tracked(tracked) => tracked,
            SavedQueue::Noted(_) => unreachable!("it was made so"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::loading::Loading;
    use super::super::{Chance, Part, Saving};
    use super::*;
    use crate::time::LogicalTime;

    type Tested = SavedQueue<(u64, u64), LogicalTime, u64>;

    fn tie(data: &(u64, u64)) -> u64 {
        data.0
    }

    fn push(queue: &mut Tested, time: u64, data: (u64, u64)) {
        queue.push(LogicalTime(time), tie(&data), data);
    }

    fn taken(queue: &mut Tested, until: u64) -> Vec<(u64, u64)> {
        let frontier = Frontier::at(LogicalTime(until));
        std::iter::from_fn(|| queue.pop_closed(&frontier)).map(|(_, data)| data).collect()
    }

    fn loaded(parts: &[Part]) -> Tested {
        let mut loading = Loading::of_one();
        for part in parts {
            let file = loading.file(part.bytes.clone());
            loading.piece(part, file, 0..part.bytes.len());
        }
        let mut queue = Tested::new();
        queue.visit("waiting", &mut Fields::load(&mut loading), tie).expect("the same type");
        queue
    }

    /// Some come, and then some may go.
    fn change(queues: [&mut Tested; 2], chance: &mut Chance, now: &mut u64) {
        *now += chance.below(3) as u64;
        let (time, data) =
            (*now + chance.below(30) as u64, (chance.below(3) as u64, chance.below(9_999) as u64));
        let until = (chance.below(4) == 0).then_some(*now);
        let [one, other] = queues.map(|queue| {
            push(queue, time, data);
            until.map(|until| taken(queue, until))
        });
        assert_eq!(one, other);
    }

    #[test]
    fn one_that_is_saved_and_loaded_between_gives_the_same_as_one_that_is_not() {
        for seed in 0..40 {
            let (mut chance, mut now) = (Chance(seed), 0);
            let (mut plain, mut queue) = (Tested::new(), Tested::new());
            let (mut parts, mut number) = (Vec::new(), 0);
            for _ in 0..8 {
                for _ in 0..chance.below(120) {
                    change([&mut plain, &mut queue], &mut chance, &mut now);
                }
                assert!(matches!(plain, SavedQueue::Noted(_)));
                let (at_cut, now_at_cut) = (plain.clone(), now);
                number += 1;
                let full = parts.is_empty();
                let mut saving = Saving { full, number, budget: chance.below(40), ..Saving::default() };
                queue.visit("waiting", &mut Fields::cut(&mut saving), tie).expect("nothing is loaded");
                let mut unfinished = !saving.unfinished.is_empty();
                parts.append(&mut saving.parts);
                while unfinished {
                    for _ in 0..chance.below(9) {
                        change([&mut plain, &mut queue], &mut chance, &mut now);
                    }
                    let mut saving = Saving { budget: 1 + chance.below(40), ..Saving::default() };
                    queue.visit("waiting", &mut Fields::slice(&mut saving), tie).expect("nothing is loaded");
                    unfinished = !saving.unfinished.is_empty();
                    parts.append(&mut saving.parts);
                }
                if chance.below(2) == 0 {
                    (plain, now, queue, number) = (at_cut, now_at_cut, loaded(&parts), 0);
                }
            }
            assert_eq!(taken(&mut queue, u64::MAX), taken(&mut plain, u64::MAX), "seed {seed}");
        }
    }

    #[test]
    fn it_is_the_same_queue_tracked_or_not() {
        let queues = [false, true].map(|is_tracked| {
            let mut chance = Chance(5);
            let mut queues = [Tested::new(), Tested::new()];
            for queue in &mut queues {
                for arrival in 0..400 {
                    if is_tracked && arrival == 150 {
                        queue.tracked();
                    }
                    push(queue, chance.below(20) as u64, (chance.below(3) as u64, arrival));
                }
            }
            let [mut queue, other] = queues;
            queue.absorb(other);
            queue.retain(|(_, arrival)| arrival % 3 > 0);
            push(&mut queue, 7, (1, 1_000));
            assert_eq!(queue.iter().count(), 533);
            taken(&mut queue, u64::MAX)
        });
        assert_eq!(queues[0], queues[1]);
        assert_eq!(queues[0].len(), 533);
    }
}
