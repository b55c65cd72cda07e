//! A frontier that rows tell.

use super::{Strategy, Watermark};
use crate::time::EventTime;

/// The rows say how far the stream has come; see [`punctuated`].
#[derive(Clone, Debug)]
pub struct Punctuated<F> {
    mark: F,
    pub(crate) reached: EventTime,
}

/// Some rows say how far the stream has come: where `mark` gives a time, nothing before it is still to come.
///
/// The frontier stays at the start until the first mark; a mark before an earlier one changes nothing. The type of
/// the row has to be written, for it is not known here.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::time::Watermark;
///
/// /// A reading at so many seconds, or a mark: all until then have been sent.
/// struct Row {
///     secs: i64,
///     is_mark: bool,
/// }
///
/// let mut watermark = punctuated(|row: &Row| row.is_mark.then(|| EventTime::from_secs(row.secs)));
/// let seen = [(9, false), (5, true), (4, true), (8, true)].map(|(secs, is_mark)| {
///     watermark.observe(&Row { secs, is_mark }, EventTime::from_secs(secs))
/// });
/// assert_eq!(seen, [None, Some(EventTime::from_secs(5)), None, Some(EventTime::from_secs(8))]);
/// ```
pub fn punctuated<D, F: FnMut(&D) -> Option<EventTime>>(mark: F) -> Punctuated<F> {
    Punctuated { mark, reached: EventTime::MIN }
}

impl<F> Strategy for Punctuated<F> {}

impl<D, F: FnMut(&D) -> Option<EventTime>> Watermark<D> for Punctuated<F> {
    #[inline]
    fn observe(&mut self, row: &D, _time: EventTime) -> Option<EventTime> {
        let mark = (self.mark)(row).filter(|mark| *mark > self.reached)?;
        self.reached = mark;
        Some(mark)
    }
}
