//! What the departure board is made of and what it shows.

use serde::{Deserialize, Serialize};
use streamweave::prelude::*;
use streamweave_examples::known;

/// A flight, as far as the board needs to know it.
#[derive(Deserialize)]
#[serde(try_from = "Columns")]
pub(crate) struct Flight {
    /// Scheduled departure, taken as UTC.
    pub scheduled: EventTime,
    pub origin: String,
    cancelled: bool,
    /// In minutes; `None` where the flight did not depart.
    delay: Option<i32>,
}

/// The columns of the file; times are hours and minutes as `hhmm`.
#[derive(Deserialize)]
struct Columns {
    year: i32,
    month: u32,
    day: u32,
    #[serde(deserialize_with = "known")]
    dep_time: Option<u32>,
    sched_dep_time: u32,
    #[serde(deserialize_with = "known")]
    dep_delay: Option<i32>,
    origin: String,
}

impl TryFrom<Columns> for Flight {
    type Error = String;

    fn try_from(columns: Columns) -> Result<Self, String> {
        let Columns { year, month, day, dep_time, sched_dep_time: hhmm, dep_delay, origin } = columns;
        let scheduled = EventTime::utc(year, month, day, hhmm / 100, hhmm % 100)
            .ok_or_else(|| format!("there is no {year}-{month}-{day} {hhmm}"))?;
        // A departure at midnight stands in this data as 2400.
        if let Some(left) = dep_time.filter(|hhmm| hhmm % 100 > 59 || *hhmm > 2400) {
            return Err(format!("dep_time: expected hhmm, found {left}"));
        }
        Ok(Flight { scheduled, origin, cancelled: dep_time.is_none(), delay: dep_delay })
    }
}

/// A report of the weather at one airport.
#[derive(Clone, Deserialize)]
#[serde(try_from = "ReportColumns")]
pub(crate) struct Report {
    /// When it was made, taken as UTC.
    pub made: EventTime,
    pub origin: String,
    wind_speed: Option<f64>,
    visib: Option<f64>,
}

/// The columns of the file; a report is made on the hour.
#[derive(Deserialize)]
struct ReportColumns {
    origin: String,
    year: i32,
    month: u32,
    day: u32,
    hour: u32,
    #[serde(deserialize_with = "known")]
    wind_speed: Option<f64>,
    #[serde(deserialize_with = "known")]
    visib: Option<f64>,
}

impl TryFrom<ReportColumns> for Report {
    type Error = String;

    fn try_from(columns: ReportColumns) -> Result<Self, String> {
        let ReportColumns { origin, year, month, day, hour, wind_speed, visib } = columns;
        let made = EventTime::utc(year, month, day, hour, 0)
            .ok_or_else(|| format!("there is no {year}-{month}-{day} {hour}:00"))?;
        Ok(Report { made, origin, wind_speed, visib })
    }
}

/// What the flights of one airport in one hour come to.
#[derive(Clone, Default)]
pub(crate) struct Delays {
    flights: u64,
    cancelled: u64,
    delayed: u64,
    departed: u64,
    total: i64,
    max: Option<i32>,
    wind: Known,
    visibility: Known,
}

/// A mean of what is known.
#[derive(Clone, Default)]
struct Known {
    sum: f64,
    count: u32,
}

impl Known {
    fn add(&mut self, value: Option<f64>) {
        self.sum += value.unwrap_or(0.0);
        self.count += u32::from(value.is_some());
    }

    fn mean(&self) -> Option<String> {
        (self.count > 0).then(|| format!("{:.2}", self.sum / f64::from(self.count)))
    }
}

impl Aggregate<(Flight, Option<Report>)> for Delays {
    type Output = Delays;

    fn add(&mut self, (flight, report): (Flight, Option<Report>)) {
        self.flights += 1;
        self.cancelled += u64::from(flight.cancelled);
        if let Some(delay) = flight.delay {
            self.delayed += u64::from(delay > 15);
            self.departed += 1;
            self.total += i64::from(delay);
            self.max = self.max.max(Some(delay));
        }
        self.wind.add(report.as_ref().and_then(|report| report.wind_speed));
        self.visibility.add(report.as_ref().and_then(|report| report.visib));
    }

    fn output(&self) -> Delays {
        self.clone()
    }
}

/// A line of the board.
#[derive(Serialize)]
pub(crate) struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<char>,
    window_start: EventTime,
    origin: String,
    flights: u64,
    cancelled: u64,
    delayed: u64,
    mean_delay: Option<String>,
    max_delay: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wind_speed: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    visib: Option<Option<String>>,
}

const COLUMNS: [&str; 10] = [
    "op",
    "window_start",
    "origin",
    "flights",
    "cancelled",
    "delayed",
    "mean_delay",
    "max_delay",
    "wind_speed",
    "visib",
];

/// What the board shows besides the seven columns that it always has.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    pub op: bool,
    pub weather: bool,
}

impl Shown {
    pub(crate) fn header(self) -> &'static [&'static str] {
        &COLUMNS[usize::from(!self.op)..if self.weather { 10 } else { 8 }]
    }
}

/// An hour of an airport, or the correction of one.
type Change = Update<Keyed<String, Pane<Delays>>, EventTime, i64>;

#[node]
pub(crate) fn row(change: Change, #[param] shown: Shown) -> Row {
    let Keyed { key: origin, value: Pane { window, value: delays, .. } } = change.data;
    let Delays { flights, cancelled, delayed, departed, total, max, wind, visibility } = delays;
    Row {
        op: shown.op.then_some(if change.diff > 0 { '+' } else { '-' }),
        window_start: window.start,
        origin,
        flights,
        cancelled,
        delayed,
        mean_delay: (departed > 0).then(|| format!("{:.2}", total as f64 / departed as f64)),
        max_delay: max,
        wind_speed: shown.weather.then(|| wind.mean()),
        visib: shown.weather.then(|| visibility.mean()),
    }
}
