//! Dead letters: rows that were refused, in a file, so that they can be looked at and put right.

use std::path::Path;
use std::task::Poll;

use serde::Serialize;

use super::{Bring, Of, Policy};
use crate::envelope::Failed;
use crate::format::Malformed;
use crate::format::json::JsonLinesEncoder;
use crate::io::write::{Append, append};
use crate::operator::element::Panic;
use crate::operator::{Cause, Durable, Flush, Operator, Turn};
use crate::sink::Encoded;
use crate::state::{Fields, Mismatch};

/// See [`dead_letter`].
#[derive(Debug)]
pub struct DeadLetter(Encoded<JsonLinesEncoder, Append>);

/// Appends rows that are refused to a file of JSON lines: `{"node":..,"error":..,"causes":[..],"input":..}`.
///
/// Where the function [panicked](Panic) the letter says at which `row` of the node's input, counted from 0, and `at` which line of code.
/// `causes` holds what the error was caused by, the nearest first; `input` is there where the node gives it
/// back (it borrows its input, or says `keep_input`). A record that was malformed stands as it was read, under
/// `record`. Letters are written as other sinks write: where the file cannot be written the run fails, and no letter
/// is dropped.
pub fn dead_letter(path: impl AsRef<Path>) -> DeadLetter {
    DeadLetter(Encoded::new(append(path), JsonLinesEncoder::new(), Vec::new()))
}

/// What can stand in a dead letter.
pub trait Letter {
    /// Writes it, with the node that could not take it.
    fn write(self, node: &str, to: &mut DeadLetter);
}

#[derive(Serialize)]
struct FailedLetter<'a, A> {
    node: &'a str,
    error: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a A>,
}

#[derive(Serialize)]
struct MalformedLetter<'a> {
    node: &'a str,
    error: String,
    record: &'a Malformed,
}

impl<A: Serialize, E: Into<Cause>> Letter for Failed<A, E> {
    fn write(self, node: &str, to: &mut DeadLetter) {
        let error: Cause = self.error.into();
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let causes = causes.map(ToString::to_string).collect();
        // Nothing was kept of an input that is `()`.
        let input = (size_of::<A>() > 0).then_some(&self.input);
        let panic = error.downcast_ref::<Panic>();
        let (row, at) = (panic.map(|panic| panic.row), panic.and_then(|panic| panic.location.as_deref()));
        to.0.encode(&FailedLetter { node, error: error.to_string(), causes, row, at, input });
    }
}

impl Letter for Malformed {
    fn write(self, node: &str, to: &mut DeadLetter) {
        to.0.encode(&MalformedLetter { node, error: self.to_string(), record: &self });
    }
}

impl<D: Letter> Policy<D> for DeadLetter {
    fn reject(&mut self, of: Of<D>) {
        of.row.write(of.node, self);
    }
}

impl Bring for DeadLetter {
    fn poll_flush(&mut self, turn: &mut Turn<'_, '_>, flush: Flush) -> Poll<Result<(), Cause>> {
        self.0.poll_flush(turn, flush)
    }

    fn abandon(&mut self) -> u64 {
        self.0.abandon()
    }

    fn is_served(&mut self) -> bool {
        self.0.is_served()
    }

    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.0.fields(fields)
    }

    fn cut(&mut self) {
        self.0.cut();
    }

    fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.0.poll_pre_commit(turn)
    }
}
