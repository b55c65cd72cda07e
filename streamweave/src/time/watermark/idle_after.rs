//! A stream that is idle after a silence.

use super::{Strategy, Watermark};
use crate::time::{EventTime, Frontier, TimeDelta};

/// The stream is idle where nothing has come for a time; see [`Strategy::idle_after`].
#[derive(Clone, Debug)]
pub struct IdleAfter<W> {
    pub(crate) watermark: W,
    timeout: TimeDelta,
    /// How long nothing has come.
    pub(crate) silent: TimeDelta,
    pub(crate) frontier: EventTime,
    pub(crate) is_idle: bool,
}

impl<W> IdleAfter<W> {
    pub(super) fn new(watermark: W, timeout: TimeDelta) -> Self {
        let timeout = timeout.max(TimeDelta::from_micros(1));
        IdleAfter { watermark, timeout, silent: TimeDelta::ZERO, frontier: EventTime::MIN, is_idle: false }
    }
}

impl<W> Strategy for IdleAfter<W> {}

impl<D, W: Watermark<D>> Watermark<D> for IdleAfter<W> {
    const USES_CLOCK: bool = true;

    #[inline]
    fn observe(&mut self, row: &D, time: EventTime) -> Option<EventTime> {
        self.silent = TimeDelta::ZERO;
        self.is_idle = false;
        let advanced = self.watermark.observe(row, time)?;
        self.frontier = advanced;
        Some(advanced)
    }

    fn timeout(&self) -> Option<TimeDelta> {
        Some(self.watermark.timeout().map_or(self.timeout, |inner| inner.min(self.timeout)))
    }

    fn quiet(&mut self, by: TimeDelta) -> Option<Frontier<EventTime>> {
        let inner = self.watermark.quiet(by);
        if let Some(time) = inner.as_ref().and_then(Frontier::time) {
            self.frontier = *time;
        }
        self.silent = self.silent + by;
        let falls_idle = !self.is_idle && self.silent >= self.timeout;
        self.is_idle |= falls_idle;
        if falls_idle || (self.is_idle && inner.is_some()) {
            return Some(Frontier::at(self.frontier).idle());
        }
        inner
    }
}

#[cfg(test)]
mod tests {
    use super::super::bounded;
    use super::*;
    use crate::time::Units;

    #[test]
    fn it_is_idle_once_after_the_timeout_and_a_row_wakes_it() {
        let mut watermark = bounded(1.micros()).idle_after(4.micros());
        let at = EventTime::from_micros;
        assert_eq!(watermark.observe(&(), at(10)), Some(at(9)));
        let quiet = |watermark: &mut IdleAfter<_>| Watermark::<()>::quiet(watermark, 2.micros());
        assert_eq!(quiet(&mut watermark), None);
        assert_eq!(quiet(&mut watermark), Some(Frontier::at(at(9)).idle()));
        assert_eq!(quiet(&mut watermark), None);
        assert_eq!(watermark.observe(&(), at(5)), None);
        assert_eq!(quiet(&mut watermark), None);
        assert_eq!(quiet(&mut watermark), Some(Frontier::at(at(9)).idle()));
    }
}
