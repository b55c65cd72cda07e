//! The events, in the order in which they arrive.

use std::io::{self, Write};

use ::nexmark::EventGenerator;
use ::nexmark::config::NexmarkConfig;
use ::nexmark::event::Event;
use streamweave::time::{TimeDelta, Units};

/// When the first event happens unless it is said otherwise: 2015-07-15T00:00:00Z, in milliseconds since the
/// Unix epoch, as all times of the generator.
pub const START: u64 = 1_436_918_400_000;

/// How far the watermark stays behind the newest event.
pub fn allowed() -> TimeDelta {
    4.secs()
}

/// By how much later than an event that happened after it an event may arrive, in milliseconds: less than this,
/// so that none is ever behind the watermark.
const DISPLACEMENT: u64 = 4_000;

/// Which events.
#[derive(Clone, Copy, Debug)]
pub struct Events {
    /// How many.
    pub count: usize,
    /// What the order of arrival is drawn from.
    pub seed: u64,
    /// How many of them happen in a second.
    pub rate: usize,
    /// When the first happens.
    pub start: u64,
}

impl Events {
    /// So many events, at the generator's own ten thousand a second.
    pub fn new(count: usize, seed: u64) -> Self {
        Events { count, seed, rate: 10_000, start: START }
    }

    /// The events, in order of arrival: each is delayed by up to four seconds, drawn from the seed.
    ///
    /// # Panics
    ///
    /// If `rate` is 0.
    pub fn arrivals(self) -> Vec<Event> {
        assert!(self.rate > 0, "at no rate nothing ever happens");
        let config = NexmarkConfig {
            base_time: self.start,
            first_rate: self.rate,
            next_rate: self.rate,
            ..NexmarkConfig::default()
        };
        let mut random = SplitMix64(self.seed);
        let mut delayed = |event: Event| (event.timestamp() + random.next() % DISPLACEMENT, event);
        let generated = EventGenerator::new(config).take(self.count);
        let mut events: Vec<(u64, Event)> = generated.map(&mut delayed).collect();
        events.sort_by_key(|(arrival, _)| *arrival);
        events.into_iter().map(|(_, event)| event).collect()
    }
}

/// Writes events as JSON, one a line: `{"Bid":{"auction":1000,..}}`.
///
/// # Errors
///
/// Where `out` cannot be written.
pub fn dump(events: &[Event], mut out: impl Write) -> io::Result<()> {
    for event in events {
        serde_json::to_writer(&mut out, event)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Steele, Lea and Flood's generator: the same numbers from the same seed, everywhere.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_arrives_behind_the_watermark_and_many_arrive_out_of_order() {
        for seed in 0..4 {
            let events = Events { rate: 1_000, ..Events::new(20_000, seed) }.arrivals();
            let (mut newest, mut displaced) = (0, 0);
            for event in &events {
                newest = newest.max(event.timestamp());
                displaced += u64::from(event.timestamp() < newest);
                assert!(newest - event.timestamp() < allowed().micros() as u64 / 1_000);
            }
            assert!(displaced > 10_000, "{displaced}");
        }
    }

    #[test]
    fn the_order_of_arrival_is_the_seed_s() {
        let (first, second) = (Events::new(2_000, 1).arrivals(), Events::new(2_000, 2).arrivals());
        assert_eq!(first, Events::new(2_000, 1).arrivals());
        assert_ne!(first, second);
        let sorted = |mut events: Vec<Event>| {
            events.sort_by_key(|event| format!("{event:?}"));
            events
        };
        assert_eq!(sorted(first), sorted(second));
    }
}
