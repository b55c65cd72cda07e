//! Graphs behind a web server, in two ways:
//!
//! - `POST /summary` runs a small graph for each request, inside the handler: rows in the body, counts in the answer;
//! - `POST /readings` feeds one graph that lives as long as the server does, by a clone of its [`Sender`]; what it
//!   made last, `GET /latest` reads.
//!
//! The server ends gracefully: once its last handler is done, the last sender is gone with the router. That is the end
//! of the graph's input, and the graph brings out what it has. See [`Board::finish`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use streamweave::executor::Sender;
use streamweave::graph::Report;
use streamweave::prelude::*;
use streamweave::{Error, Running};
use tokio::task::JoinHandle;

/// What a sensor has measured.
#[derive(Debug, Deserialize)]
pub struct Reading {
    sensor: String,
    celsius: f64,
}

/// What the lines of one request come to.
#[derive(Debug, Serialize)]
struct Summary {
    readings: u64,
    warmest: Option<f64>,
    malformed: Vec<String>,
}

#[node]
fn parse(line: &str) -> Result<Reading, serde_json::Error> {
    serde_json::from_str(line)
}

/// A graph for each request. It runs in the handler's own task: a client that goes away drops the handler, and
/// with it the graph.
async fn summary(body: String) -> Result<Json<Summary>, (StatusCode, String)> {
    let result = graph! {
        lines = from_iter(body.lines());
        parsed = parse();
        lines -> parsed -> celsius;
        parsed.err -> map(|failed| format!("{}: {}", failed.input, failed.error)) -> malformed;
        celsius = map(|reading: Reading| reading.celsius);
        celsius -> running_count() -> count;
        celsius -> running_max() -> warmest;
        count = last();
        warmest = last();
        malformed = collect();
    }
    .run()
    .await
    .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let readings = result.count.unwrap_or(0);
    Ok(Json(Summary { readings, warmest: result.warmest, malformed: result.malformed }))
}

graph! {
    /// The mean of each sensor, after each of its readings.
    graph means(readings: Reading) -> (means: (String, f64)) {
        readings -> key_by(|reading: &Reading| reading.sensor.clone())
            -> map(|keyed| Keyed { key: keyed.key, value: keyed.value.celsius })
            -> mean() -> map(|mean| (mean.key, mean.value)) -> means;
    }
}

type Latest = Arc<Mutex<BTreeMap<String, f64>>>;

/// What handlers share.
#[derive(Clone)]
struct Shared {
    readings: Sender<Reading>,
    latest: Latest,
}

/// Waits where the graph is behind: so its back-pressure reaches the client.
async fn take(State(shared): State<Shared>, Json(reading): Json<Reading>) -> StatusCode {
    match shared.readings.send(reading).await {
        Ok(()) => StatusCode::ACCEPTED,
        // The graph has failed.
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn latest(State(shared): State<Shared>) -> Json<BTreeMap<String, f64>> {
    Json(copy(&shared.latest))
}

fn copy(latest: &Latest) -> BTreeMap<String, f64> {
    latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The graph behind the server.
#[derive(Debug)]
pub struct Board {
    running: Running<Report>,
    reader: JoinHandle<()>,
    latest: Latest,
}

impl Board {
    /// Waits until the graph has done all that it was sent, which it can once every clone of the router is dropped;
    /// gives the last results and the books.
    ///
    /// # Errors
    ///
    /// The failure that the graph ended with.
    pub async fn finish(self) -> Result<(BTreeMap<String, f64>, Report), Error> {
        let report = self.running.await?;
        self.reader.await?;
        Ok((copy(&self.latest), report))
    }
}

/// The routes, and the graph that they feed, which is at work already.
///
/// # Panics
///
/// Outside a tokio runtime.
pub fn app() -> (Router, Board) {
    let (graph, inputs, mut outputs) = means::open();
    let running = graph.spawn();
    let latest = Latest::default();
    let written = Arc::clone(&latest);
    // Ends with the graph.
    let reader = tokio::spawn(async move {
        while let Some((sensor, mean)) = outputs.means.recv().await {
            written.lock().unwrap_or_else(PoisonError::into_inner).insert(sensor, mean);
        }
    });
    let shared = Shared { readings: inputs.readings, latest: Arc::clone(&latest) };
    let router = Router::new()
        .route("/summary", post(summary))
        .route("/readings", post(take))
        .route("/latest", get(self::latest))
        .with_state(shared);
    (router, Board { running, reader, latest })
}
