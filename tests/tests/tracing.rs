//! What `tracing` is told at debug level: a span for each batch, and in it one for each node at work.

use std::fmt;
use std::sync::{Arc, Mutex};

use streamweave::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes down the spans of the library, with their fields.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<String>>>);

impl Spans {
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics"))
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "streamweave" && *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(span.metadata().name().to_owned());
        span.record(&mut line);
        let mut spans = self.0.lock().expect("nobody panics");
        spans.push(line.0);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn event(&self, _event: &Event<'_>) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

#[test]
fn every_batch_is_a_span_and_in_it_every_node_that_rows_came_to() {
    let spans = Spans::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let run = graph! {
        numbers = from_iter(0..3_u64);
        odd = filter(|n| n % 2 == 1);
        numbers -> odd -> kept;
        kept = collect();
    }
    .batch(2)
    .run();
    let result = tracing::subscriber::with_default(spans.clone(), || runtime.block_on(run));
    assert_eq!(result.expect("nothing fails").kept, [1]);
    assert_eq!(
        spans.taken(),
        [
            "batch graph=\"graph\" number=1 source=\"numbers\"",
            "stage node=\"numbers\" received=0 emitted=2 filtered=0 late=0",
            "stage node=\"odd\" received=2 emitted=1 filtered=1 late=0",
            "stage node=\"kept\" received=1 emitted=0 filtered=0 late=0",
            "batch graph=\"graph\" number=2 source=\"numbers\"",
            "stage node=\"numbers\" received=0 emitted=1 filtered=0 late=0",
            "stage node=\"odd\" received=1 emitted=0 filtered=1 late=0",
        ]
    );
}
