//! An operator made outside of the library is as good as a built-in one: here an asynchronous one,
//! which keeps its calls in flight, holds its sources back, and hands on frontiers in their order.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Poll;

use streamweave::envelope::Update;
use streamweave::operator::{Cause, Cx, Input, Node, Operator, Outcome, Progress, Resume, Turn};
use streamweave::port::{Edge, OnlyOut, Port, Push};
use streamweave::prelude::*;
use streamweave::time::{Frontier, Timestamp};

/// What waits in order: calls, and the frontiers between them.
enum Slot<F: Future, T: Timestamp> {
    Call(Pin<Box<F>>, T),
    Row(Update<F::Output, T>),
    Frontier(Frontier<T>),
}

struct Awaited<C, F: Future, T: Timestamp> {
    call: C,
    slots: VecDeque<Slot<F, T>>,
    in_flight: usize,
}

fn awaited<D, T, C, F>(
    _input: Edge<D, T>,
    in_flight: usize,
    call: C,
) -> Node<Awaited<C, F, T>, OnlyOut<F::Output, T, ()>>
where
    T: Timestamp,
    C: FnMut(D) -> F,
    F: Future,
{
    Node::new(Awaited { call, slots: VecDeque::new(), in_flight }, OnlyOut::new())
}

impl<C, F: Future, T: Timestamp> Operator for Awaited<C, F, T> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::PassedOrFiltered;
    const ACTIVE: bool = true;

    fn ready(&mut self, _port: usize) -> bool {
        self.slots.len() < self.in_flight
    }

    fn poll(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        for slot in &mut self.slots {
            if let Slot::Call(call, time) = slot
                && let Poll::Ready(data) = call.as_mut().poll(turn.context())
            {
                *slot = Slot::Row(Update { data, time: time.clone(), diff: () });
            }
        }
        match self.slots.front() {
            None | Some(Slot::Call(..)) => Poll::Pending,
            Some(Slot::Row(_) | Slot::Frontier(_)) => Poll::Ready(Ok(())),
        }
    }

    fn idle(&mut self) -> bool {
        self.slots.is_empty()
    }

    fn finish(&mut self) {}
}

impl<C, F: Future, T: Timestamp, S: Push<F::Output, T, ()>> Resume<(Port<S>,)> for Awaited<C, F, T> {
    fn resume(&mut self, (out,): &mut (Port<S>,), _cx: &mut Cx) -> Progress {
        while let Some(slot) = self.slots.pop_front() {
            match slot {
                Slot::Row(row) => out.push(row),
                Slot::Frontier(frontier) => out.advance(frontier),
                call @ Slot::Call(..) => {
                    self.slots.push_front(call);
                    break;
                }
            }
        }
        Progress::More
    }
}

impl<D, T, C, F, S> Input<0, D, T, (), (Port<S>,)> for Awaited<C, F, T>
where
    T: Timestamp,
    C: FnMut(D) -> F,
    F: Future,
    S: Push<F::Output, T, ()>,
{
    fn push(&mut self, row: Update<D, T>, _outs: &mut (Port<S>,), _cx: &mut Cx) {
        self.slots.push_back(Slot::Call(Box::pin((self.call)(row.data)), row.time));
    }

    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        if self.slots.is_empty() {
            out.advance(frontier);
        } else {
            self.slots.push_back(Slot::Frontier(frontier));
        }
    }
}

/// Ready the second time it is polled, as a call is that has to wait.
async fn later(x: u64) -> u64 {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    x
}

#[test]
fn an_asynchronous_operator_of_ones_own_runs_among_the_others() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for batch in [1, 7, 1024] {
        let graph = graph! {
            evens = from_iter((0..300_u64).step_by(2));
            odds  = from_stream(futures::stream::iter((1..300_u64).step_by(2)));
            kept  = filter(|x: &u64| x % 10 != 9);

            // A diamond: what is kept goes two ways and meets again.
            [evens, odds] -> kept;
            [kept, plus] -> event_time(|x| EventTime::from_micros(*x as i64), bounded(400.micros()))
                -> awaited(16, |x| async move { if x % 3 == 0 { later(x).await } else { x } })
                -> key_by(|x| x % 4) -> counts -> map(|pane| pane.value.value) -> panes;
            kept -> plus;
            plus   = map(|x: u64| x + 1);
            counts = tumbling(20.micros()).aggregate(Count::new);
            counts.late -> discard;
            panes = collect();
        };
        let result = runtime.block_on(graph.batch(batch).run()).expect("it runs to its end");
        result.assert_conserved();
        // 270 of the 300 are kept, and each goes both ways.
        assert_eq!(result.panes.iter().sum::<u64>(), 540, "batch {batch}");
        assert_eq!(result.report().node("counts").expect("it is there").late, 0);
    }
}
