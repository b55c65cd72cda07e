//! A graph that runs alone on a thread, step by step.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::waker::Woken;
use crate::executor::{Command, Graph, Reply, Worker, Yielded};
use crate::graph::Error;
use crate::time::{Clock, ManualClock, TimeDelta};

/// A graph, and how it has ended.
#[derive(Debug)]
pub(super) struct Driven<F, R> {
    pub(super) worker: Worker<F, R, ManualClock>,
    pub(super) ended: Option<Result<(), Error>>,
}

impl<F, R> Driven<F, R>
where
    F: FnMut(Command<'_, '_, '_, R>) -> Reply,
    R: Yielded,
{
    pub(super) fn new<C: Clock, G>(graph: Graph<F, R, C, G>, clock: ManualClock) -> Self {
        let mut worker = graph.clock(clock).into_worker();
        worker.keep_time();
        worker.survey();
        let ended = worker.validate().and_then(|()| worker.restore()).err().map(Err);
        Driven { worker, ended }
    }

    /// Runs the graph until it has nothing to do but wait for the clock, or for others.
    pub(super) fn settle(&mut self) {
        self.settle_while(|| true);
    }

    /// The same, as long as `goes_on` says so, which is asked before each step.
    pub(super) fn settle_while(&mut self, mut goes_on: impl FnMut() -> bool) {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        while self.ended.is_none() && goes_on() {
            if let Poll::Ready(step) = self.step(&mut context, &woken) {
                self.ended = step;
                continue;
            }
            // A thread that reads or writes a file for the graph is part of it.
            let goes_on = woken.take() || (self.worker.is_served() && woken.wait());
            if !goes_on {
                break;
            }
        }
    }

    /// One step; `Some` where it was the last.
    fn step(&mut self, context: &mut Context<'_>, woken: &Woken) -> Poll<Option<Result<(), Error>>> {
        let looked = std::task::ready!(self.worker.look(context, pin!(std::future::pending())));
        let stopped = match looked {
            Ok(Some(taken)) => match self.worker.step(taken) {
                Ok(()) => return Poll::Ready(None),
                Err(stop) => stop,
            },
            Ok(None) => {
                match std::task::ready!(self.worker.close_sinks(context, pin!(std::future::pending()))) {
                    Ok(()) => match std::task::ready!(self.worker.save_end(context)) {
                        Ok(()) => return Poll::Ready(Some(Ok(()))),
                        Err(stop) => stop,
                    },
                    Err(stop) => stop,
                }
            }
            Err(stop) => stop,
        };
        let mut fail = pin!(self.worker.fail(stopped));
        loop {
            if let Poll::Ready(error) = fail.as_mut().poll(context) {
                return Poll::Ready(Some(Err(error)));
            }
            // What is left is written by a thread, or not at all: nothing else runs beside a test.
            if !woken.take() && !woken.wait() {
                return Poll::Ready(Some(Err(Error::Stuck {
                    within: TimeDelta::ZERO,
                    stuck: "a sink that cannot write what it has".to_owned(),
                    after: None,
                })));
            }
        }
    }
}
