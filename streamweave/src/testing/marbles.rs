//! Streams in a line of text.

use std::fmt::Write;

use super::{Feed, Tap};
use crate::envelope::{Diff, Message, Update};
use crate::time::{EventTime, Frontier, LogicalTime, TimeDelta, TotalOrder};

/// Rows, times and frontiers in one line, to feed the inputs of a graph under test by, and to compare its outputs with.
///
/// | word | means |
/// |---|---|
/// | `a@5` | the row `a` at time 5 |
/// | `a` | the same, in a stream without time |
/// | `+2:a@5`, `-1:a@5` | the change of the multiplicity of `a` by 2, or by -1, in a stream of changes |
/// | `^5` | the frontier: nothing before 5 is still to come |
/// | `~5` | the same, and the stream is idle |
/// | `\|` | the end |
///
/// Words are separated by blanks; what a row is called has none. Event times are counted in a unit of one's choice;
/// those that lie between two are written with a fraction, or in `us` where the unit is no power of ten of these.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
/// use streamweave::testing::Marbles;
///
/// graph! {
///     graph counts(clicks: Timed<String>) -> (counts: Timed<u64>) {
///         windows = tumbling(10.secs()).aggregate(Count::new);
///         clicks -> key_by(|_| ()) -> windows -> map(|pane| pane.value.value) -> counts;
///         windows.late -> discard;
///     }
/// }
///
/// let seconds = Marbles::counting(1.secs());
/// let mut graph = counts::harness();
/// seconds.play(&mut graph.inputs.clicks, "a@1 b@4 ^10 c@12 |", str::to_owned);
/// graph.finish().expect("nothing fails");
/// assert_eq!(seconds.seen(&mut graph.outputs.counts, u64::to_string), "2@9.999999 ^10 1@19.999999 |");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Marbles {
    unit: TimeDelta,
}

/// A time that marbles can write: a number of units.
pub trait Ticks: TotalOrder {
    /// The time so many units after zero; `None` where there is no such time.
    fn from_ticks(ticks: i64, unit: TimeDelta) -> Option<Self>;

    /// Its word, in these units; the least time is `-inf`, a stream without time has no word.
    fn word(&self, unit: TimeDelta) -> Option<String>;
}

impl Ticks for EventTime {
    fn from_ticks(ticks: i64, unit: TimeDelta) -> Option<Self> {
        ticks.checked_mul(unit.micros()).map(EventTime::from_micros)
    }

    fn word(&self, unit: TimeDelta) -> Option<String> {
        if *self == EventTime::MIN {
            return Some("-inf".to_owned());
        }
        let (whole, part) = (self.micros() / unit.micros(), (self.micros() % unit.micros()).unsigned_abs());
        let sign = if self.micros() < 0 && whole == 0 { "-" } else { "" };
        if part == 0 {
            return Some(whole.to_string());
        }
        let digits = unit.micros().ilog10() as usize;
        if 10_i64.pow(digits as u32) != unit.micros() {
            return Some(format!("{}us", self.micros()));
        }
        let fraction = format!("{part:0digits$}");
        Some(format!("{sign}{whole}.{}", fraction.trim_end_matches('0')))
    }
}

impl Ticks for LogicalTime {
    fn from_ticks(ticks: i64, _unit: TimeDelta) -> Option<Self> {
        ticks.try_into().ok().map(LogicalTime)
    }

    fn word(&self, _unit: TimeDelta) -> Option<String> {
        Some(self.to_string())
    }
}

impl Ticks for () {
    fn from_ticks(_ticks: i64, _unit: TimeDelta) -> Option<Self> {
        None
    }

    fn word(&self, _unit: TimeDelta) -> Option<String> {
        None
    }
}

/// A multiplicity that marbles can write.
pub trait Multiplicity: Diff {
    /// The one of a word before the colon; `None` where there can be none, or has to be one.
    fn from_number(number: Option<i64>) -> Option<Self>;

    /// What stands before the row.
    fn prefix(&self) -> String;
}

impl Multiplicity for () {
    fn from_number(number: Option<i64>) -> Option<Self> {
        number.is_none().then_some(())
    }

    fn prefix(&self) -> String {
        String::new()
    }
}

impl Multiplicity for i64 {
    fn from_number(number: Option<i64>) -> Option<Self> {
        number
    }

    fn prefix(&self) -> String {
        format!("{self:+}:")
    }
}

impl Marbles {
    /// Event times are counted in this unit, such as `1.secs()`.
    ///
    /// # Panics
    ///
    /// Where it is not above zero.
    #[track_caller]
    pub fn counting(unit: TimeDelta) -> Self {
        assert!(unit > TimeDelta::ZERO, "the unit of time must be above zero");
        Marbles { unit }
    }

    /// Sends what a line says into an input; `row` makes a row of its name.
    ///
    /// # Panics
    ///
    /// Where a word cannot be read, the input is closed, or the graph has ended.
    #[track_caller]
    pub fn play<D, T: Ticks, R: Multiplicity>(
        &self,
        feed: &mut Feed<D, T, R>,
        line: &str,
        row: impl Fn(&str) -> D,
    ) {
        for word in line.split_whitespace() {
            match self.read(word, &row) {
                Some(Message::Frontier(frontier)) if frontier.is_end() => feed.close(),
                Some(message) => feed.message(message),
                None => panic!("`{word}` is no word for this stream: see `streamweave::testing::Marbles`"),
            }
        }
    }

    /// What has come out of an output since it was asked last; `row` gives the name of a row.
    pub fn seen<D, T: Ticks, R: Multiplicity>(
        &self,
        tap: &mut Tap<D, T, R>,
        row: impl Fn(&D) -> String,
    ) -> String {
        let mut line = String::new();
        for message in tap.messages() {
            let word = match message {
                Message::Row(Update { data, time, diff }) => {
                    let at = time.word(self.unit).map_or_else(String::new, |time| format!("@{time}"));
                    format!("{}{}{at}", diff.prefix(), row(&data))
                }
                Message::Frontier(frontier) => self.frontier(&frontier),
            };
            let blank = if line.is_empty() { "" } else { " " };
            write!(line, "{blank}{word}").expect("a `String` takes everything");
        }
        line
    }

    fn frontier<T: Ticks>(&self, frontier: &Frontier<T>) -> String {
        let sign = if frontier.is_idle() { '~' } else { '^' };
        match frontier.time() {
            Some(time) => format!("{sign}{}", time.word(self.unit).unwrap_or_default()),
            None => "|".to_owned(),
        }
    }

    fn read<D, T: Ticks, R: Multiplicity>(
        &self,
        word: &str,
        row: impl Fn(&str) -> D,
    ) -> Option<Message<D, T, R>> {
        if word == "|" {
            return Some(Message::Frontier(Frontier::end()));
        }
        if let Some(time) = word.strip_prefix('^') {
            return Some(Message::Frontier(Frontier::at(self.time(time)?)));
        }
        if let Some(time) = word.strip_prefix('~') {
            return Some(Message::Frontier(Frontier::at(self.time(time)?).idle()));
        }
        let (row_and_diff, time) = match word.rsplit_once('@') {
            Some((rest, time)) => (rest, self.time(time)?),
            None => (word, T::minimum().word(self.unit).is_none().then(T::minimum)?),
        };
        let (number, name) = match row_and_diff.split_once(':') {
            Some((number, name)) if R::from_number(None).is_none() => (Some(number.parse().ok()?), name),
            _ => (None, row_and_diff),
        };
        Some(Message::Row(Update { data: row(name), time, diff: R::from_number(number)? }))
    }

    fn time<T: Ticks>(&self, word: &str) -> Option<T> {
        T::from_ticks(word.parse().ok()?, self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Units;

    fn word<T: Ticks>(time: T, unit: TimeDelta) -> String {
        time.word(unit).unwrap_or_default()
    }

    #[test]
    fn times_are_written_in_units() {
        let micros = EventTime::from_micros;
        assert_eq!(word(micros(5_000_000), 1.secs()), "5");
        assert_eq!(word(micros(4_999_999), 1.secs()), "4.999999");
        assert_eq!(word(micros(-1), 1.secs()), "-0.000001");
        assert_eq!(word(micros(-2_500_000), 1.secs()), "-2.5");
        assert_eq!(word(micros(-3), 1.micros()), "-3");
        assert_eq!(word(micros(120_000_000), 1.minutes()), "2");
        assert_eq!(word(micros(90_000_000), 1.minutes()), "90000000us");
        assert_eq!(word(EventTime::MIN, 1.secs()), "-inf");
        assert_eq!(word(LogicalTime(7), 1.secs()), "7");
    }

    #[test]
    fn words_are_read() {
        let marbles = Marbles::counting(1.secs());
        let read = |word: &str| marbles.read::<_, EventTime, i64>(word, str::to_owned);
        let row = Update { data: "a".to_owned(), time: EventTime::from_secs(5), diff: -1 };
        assert_eq!(read("-1:a@5"), Some(Message::Row(row)));
        assert_eq!(read("^-2"), Some(Message::Frontier(Frontier::at(EventTime::from_secs(-2)))));
        assert_eq!(read("~3"), Some(Message::Frontier(Frontier::at(EventTime::from_secs(3)).idle())));
        assert_eq!(read("|"), Some(Message::Frontier(Frontier::end())));
        for wrong in ["a@5", "-1:a", "^", "-1:a@x", "x:a@5"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let plain = marbles.read::<_, (), ()>("a:b", str::to_owned);
        assert_eq!(plain, Some(Message::Row(Update::from("a:b".to_owned()))));
    }
}
