//! Which windows a time is in.

use std::iter::once;

use crate::operator::{Cause, bounds};
use crate::time::{EventTime, TimeDelta};

use super::pane::Window;

/// Cuts event time into windows, by the time alone: the same for every key, and whatever came before.
///
/// Windows that overlap share what is summed up of their rows, so an assigner cuts time into *slices* first: pieces
/// of time such that each window is made of whole ones. Where windows do not overlap a slice is a window, and
/// [`slice`](Assigner::slice) is all that there is to say.
///
/// # Contract
///
/// 1. Slices do not overlap, and every time is in one: `slice(t)` contains `t`, and is the same for all that it contains.
/// 2. A window is made of whole slices, one after another; `windows(slice)` gives those that a slice is in, by their
///    ends, then by their starts; finitely many.
/// 3. The answers depend on the arguments alone.
///
/// # Examples
///
/// Working shifts, which begin at 06:00, 14:00 and 22:00, UTC:
///
/// ```
/// use streamweave::operator::window::{Assigner, Disjoint, Tumbling, Window};
/// use streamweave::prelude::*;
///
/// #[derive(Clone, Debug)]
/// struct Shifts;
///
/// impl Assigner for Shifts {
///     type Shape = Disjoint;
///
///     fn slice(&self, time: EventTime) -> Window {
///         Tumbling::new(8.hours()).offset(6.hours()).slice(time)
///     }
/// }
///
/// let five = EventTime::utc(2013, 1, 2, 5, 0).unwrap();
/// assert_eq!(Shifts.slice(five).to_string(), "[2013-01-01T22:00:00Z, 2013-01-02T06:00:00Z)");
/// ```
pub trait Assigner {
    /// [`Disjoint`] where a slice is a window, else [`Overlapping`].
    type Shape;

    /// The slice that a time is in.
    fn slice(&self, time: EventTime) -> Window;

    /// The windows that a slice is in; where there is none its rows are counted as unassigned.
    fn windows(&self, slice: Window) -> impl Iterator<Item = Window> {
        once(slice)
    }

    /// Refuses a configuration that cannot work.
    ///
    /// # Errors
    ///
    /// Says what is wrong with which length.
    fn validate(&self) -> Result<(), Cause> {
        Ok(())
    }
}

bounds! {
    /// What cuts time into windows; see [`Assigner`].
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not an assigner of windows",
        label = "expected an assigner, such as `Tumbling::new(10.secs())`",
        note = "for windows of one size write `tumbling(10.secs())`; an assigner of your own implements `streamweave::operator::window::Assigner`"
    )]
    Assigns<S>: (Assigner<Shape = S>);
}

/// The windows do not overlap: each time is in one.
#[derive(Clone, Copy, Debug)]
pub struct Disjoint;

/// A time can be in several windows, or in none.
#[derive(Clone, Copy, Debug)]
pub struct Overlapping;

/// Says that a length is above zero.
pub(crate) fn above_zero(what: &str, length: TimeDelta) -> Result<(), Cause> {
    if length > TimeDelta::ZERO {
        return Ok(());
    }
    Err(format!("{what} must be above zero, found {} us", length.micros()).into())
}

/// The last time in a slice. One that ends at the greatest time may go beyond, and then holds it.
pub(super) fn last_time(assigner: &impl Assigner, slice: Window) -> i64 {
    if slice.end < EventTime::MAX {
        return slice.end.micros() - 1;
    }
    if assigner.slice(EventTime::MAX) == slice { i64::MAX } else { i64::MAX - 1 }
}

/// Cuts off what lies beyond the ends of time.
pub(super) fn window(start: i128, end: i128) -> Window {
    let cut_off = |time: i128| EventTime::from_micros(time.clamp(i64::MIN.into(), i64::MAX.into()) as i64);
    Window { start: cut_off(start), end: cut_off(end) }
}

/// The greatest multiple of `size`, shifted by `offset`, at or before `time` (rule B1).
fn floor(time: EventTime, size: TimeDelta, offset: TimeDelta) -> i128 {
    // Of a size that `validate` refuses anything may be said.
    let (size, offset) = (i128::from(size.micros()).max(1), i128::from(offset.micros()));
    (i128::from(time.micros()) - offset).div_euclid(size) * size + offset
}

/// Windows of one size, one after another; see [`tumbling`](super::tumbling()).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tumbling {
    size: TimeDelta,
    offset: TimeDelta,
}

impl Tumbling {
    /// Windows of this size, aligned to the Unix epoch.
    pub const fn new(size: TimeDelta) -> Self {
        Tumbling { size, offset: TimeDelta::ZERO }
    }

    /// Windows start at this distance from multiples of the size.
    #[must_use]
    pub const fn offset(self, offset: TimeDelta) -> Self {
        Tumbling { offset, ..self }
    }
}

impl Assigner for Tumbling {
    type Shape = Disjoint;

    #[inline]
    fn slice(&self, time: EventTime) -> Window {
        let start = floor(time, self.size, self.offset);
        window(start, start + i128::from(self.size.micros()))
    }

    fn validate(&self) -> Result<(), Cause> {
        above_zero("the size of a window", self.size)
    }
}

/// Windows of one size, a slide apart; see [`sliding`](super::sliding()).
///
/// Slices lie between one start or end of a window and the next: two to a slide, or one where the slide divides the size
/// (the *paired windows* of Krishnamurthy et al., SIGMOD 2006).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    size: TimeDelta,
    slide: TimeDelta,
    offset: TimeDelta,
}

impl Sliding {
    /// Windows of this size, which start at multiples of the slide.
    pub const fn new(size: TimeDelta, slide: TimeDelta) -> Self {
        Sliding { size, slide, offset: TimeDelta::ZERO }
    }

    /// Windows start at this distance from multiples of the slide.
    #[must_use]
    pub const fn offset(self, offset: TimeDelta) -> Self {
        Sliding { offset, ..self }
    }
}

impl Assigner for Sliding {
    type Shape = Overlapping;

    fn slice(&self, time: EventTime) -> Window {
        let slide = i128::from(self.slide.micros()).max(1);
        let start = floor(time, self.slide, self.offset);
        // Where in a slide a window ends that began some slides before.
        let end = start + i128::from(self.size.micros()).rem_euclid(slide);
        if i128::from(time.micros()) < end { window(start, end) } else { window(end, start + slide) }
    }

    fn windows(&self, slice: Window) -> impl Iterator<Item = Window> {
        let (size, slide) = (i128::from(self.size.micros()), i128::from(self.slide.micros()).max(1));
        // The end is in no other slice: of one that was cut off at the least time the start says little.
        let last = EventTime::from_micros(slice.end.micros().saturating_sub(1).max(slice.start.micros()));
        let (newest, last) = (floor(last, self.slide, self.offset), i128::from(last.micros()));
        let older = (size - 1 - (last - newest)).div_euclid(slide);
        (0..=older).rev().map(move |back| window(newest - back * slide, newest - back * slide + size))
    }

    fn validate(&self) -> Result<(), Cause> {
        above_zero("the size of a window", self.size)?;
        above_zero("the slide of a window", self.slide)
    }
}

/// Windows that grow by a step until they have their size; see [`cumulative`](super::cumulative()).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cumulative {
    size: TimeDelta,
    step: TimeDelta,
    offset: TimeDelta,
}

impl Cumulative {
    /// Windows that start at multiples of the size, and end at each step until the size.
    pub const fn new(size: TimeDelta, step: TimeDelta) -> Self {
        Cumulative { size, step, offset: TimeDelta::ZERO }
    }

    /// Windows start at this distance from multiples of the size.
    #[must_use]
    pub const fn offset(self, offset: TimeDelta) -> Self {
        Cumulative { offset, ..self }
    }
}

impl Assigner for Cumulative {
    type Shape = Overlapping;

    fn slice(&self, time: EventTime) -> Window {
        let step = i128::from(self.step.micros()).max(1);
        let start = floor(time, self.size, self.offset);
        let from = start + (i128::from(time.micros()) - start).div_euclid(step) * step;
        window(from, from + step)
    }

    fn windows(&self, slice: Window) -> impl Iterator<Item = Window> {
        let (size, step) = (i128::from(self.size.micros()), i128::from(self.step.micros()).max(1));
        let last = EventTime::from_micros(slice.end.micros().saturating_sub(1).max(slice.start.micros()));
        let start = floor(last, self.size, self.offset);
        let first = (i128::from(last.micros()) - start).div_euclid(step) + 1;
        (first..=size / step).map(move |steps| window(start, start + steps * step))
    }

    fn validate(&self) -> Result<(), Cause> {
        above_zero("the size of a window", self.size)?;
        above_zero("the step of a window", self.step)?;
        if self.size.micros() % self.step.micros() != 0 {
            return Err(format!(
                "the step of a cumulative window must divide its size, found a step of {} us and a size of {} us",
                self.step.micros(),
                self.size.micros()
            )
            .into());
        }
        Ok(())
    }
}

/// One window that holds all of time; see [`global`](super::global()).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Global;

impl Assigner for Global {
    type Shape = Disjoint;

    fn slice(&self, _time: EventTime) -> Window {
        Window { start: EventTime::MIN, end: EventTime::MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Units;

    fn at(time: i64) -> EventTime {
        EventTime::from_micros(time)
    }

    fn windows(assigner: &impl Assigner, time: i64) -> Vec<(i64, i64)> {
        let slice = assigner.slice(at(time));
        assert!(slice.contains(at(time)), "{slice} has no {time}");
        let windows = assigner.windows(slice);
        windows.map(|window| (window.start.micros(), window.end.micros())).collect()
    }

    #[test]
    fn b1_windows_are_aligned_below_zero_too() {
        let assigned = |offset: i64, time| windows(&Tumbling::new(10.micros()).offset(offset.micros()), time);
        for (offset, time, window) in [
            (0, -1, (-10, 0)),
            (0, -10, (-10, 0)),
            (0, -11, (-20, -10)),
            (3, -1, (-7, 3)),
            (-3, -1, (-3, 7)),
            (13, -1, (-7, 3)),
            (-13, -1, (-3, 7)),
        ] {
            assert_eq!(assigned(offset, time), [window]);
        }
    }

    #[test]
    fn b3_sliding_windows_that_do_not_divide() {
        let sliding = Sliding::new(10.micros(), 3.micros());
        assert_eq!(windows(&sliding, 10), [(3, 13), (6, 16), (9, 19)]);
        assert_eq!(windows(&sliding, 12), [(3, 13), (6, 16), (9, 19), (12, 22)]);
        assert_eq!(windows(&sliding, 2), [(-6, 4), (-3, 7), (0, 10)]);
    }

    #[test]
    fn b4_a_slide_above_the_size_leaves_gaps() {
        let sliding = Sliding::new(3.micros(), 5.micros());
        assert_eq!(windows(&sliding, 4), []);
        assert_eq!(windows(&sliding, 5), [(5, 8)]);
    }

    /// Every time is in the windows that contain it, and in no others.
    #[test]
    fn slices_are_in_the_windows_that_contain_their_times() {
        for size in 1..12_i64 {
            for slide in 1..14_i64 {
                for offset in [-5_i64, 0, 2] {
                    let sliding = Sliding::new(size.micros(), slide.micros()).offset(offset.micros());
                    for time in -30..30 {
                        let starts = (time - size + 1..=time).filter(|s| (s - offset).rem_euclid(slide) == 0);
                        let naive: Vec<_> = starts.map(|start| (start, start + size)).collect();
                        assert_eq!(windows(&sliding, time), naive, "{size} by {slide} at {time}");
                        let slice = sliding.slice(at(time));
                        for other in slice.start.micros()..slice.end.micros() {
                            assert_eq!(sliding.slice(at(other)), slice);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn cumulative_windows_grow_from_one_start() {
        let cumulative = Cumulative::new(12.micros(), 4.micros());
        assert_eq!(windows(&cumulative, 0), [(0, 4), (0, 8), (0, 12)]);
        assert_eq!(windows(&cumulative, 7), [(0, 8), (0, 12)]);
        assert_eq!(windows(&cumulative, -1), [(-12, 0)]);
    }

    #[test]
    fn windows_at_the_ends_of_time_are_cut_off() {
        for time in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            assert!(!windows(&Tumbling::new(10.micros()).offset(3.micros()), time).is_empty());
            assert!(!windows(&Sliding::new(10.micros(), 3.micros()), time).is_empty());
            assert!(!windows(&Cumulative::new(12.micros(), 4.micros()), time).is_empty());
            assert!(!windows(&Global, time).is_empty());
        }
    }
}
