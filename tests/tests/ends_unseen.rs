//! Graphs that end because nobody is left who receives what they send, and what a next start makes of it: rules J6, J7.

use std::pin::pin;

use futures::future::{Either, select};
use streamweave::Error;
use streamweave::checkpoint::{CheckpointError, Checkpoints};
use streamweave::prelude::*;
use streamweave::testing::World;
use streamweave::testing::simulation::replayed;
use tokio::sync::mpsc::{Receiver, channel};

const ROWS: u64 = 200;

/// How many rows there were, at each.
#[derive(Default, State)]
struct Counted {
    #[state]
    rows: u64,
}

#[node]
impl Counted {
    fn on_row(&mut self, row: u64, out: &mut Out<(u64, u64)>) {
        self.rows += 1;
        out.send((self.rows, row));
    }
}

/// A graph that sends what it has counted to a channel, which is full soon.
macro_rules! counting {
    ($world:expr, $rows:expr, $sender:expr) => {
        graph! {
            #![durable]
            numbers = replayed($world, 0..$rows);
            counted = Counted(Counted::default());
            numbers -> counted.row;
            counted -> out;
            out = to_channel($sender);
        }
        .batch(3)
        .checkpoints(Checkpoints::in_storage($world.storage(), "simulated").on_demand().in_place())
    };
}

fn on_runtime<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime of one thread can be built").block_on(future)
}

async fn first(rows: usize, receiver: &mut Receiver<(u64, u64)>) -> Vec<(u64, u64)> {
    let mut seen = Vec::new();
    while seen.len() < rows {
        seen.push(receiver.recv().await.expect("there is more to come"));
    }
    seen
}

/// What a graph that is run again sends, to its end.
async fn gone_on(world: &World, rows: u64) -> Vec<(u64, u64)> {
    let (sender, mut receiver) = channel(2 * ROWS as usize);
    world.restart();
    counting!(world, rows, sender).run().await.expect("it goes on, and comes to its end");
    let mut seen = Vec::new();
    while let Some(row) = receiver.recv().await {
        seen.push(row);
    }
    seen
}

fn counted(rows: std::ops::Range<u64>) -> Vec<(u64, u64)> {
    rows.map(|row| (row + 1, row)).collect()
}

#[test]
fn j7_a_graph_that_nobody_receives_from_goes_on_from_its_last_checkpoint() {
    on_runtime(async {
        let (world, (sender, mut receiver)) = (World::new(1), channel(2));
        let running = counting!(&world, ROWS, sender).spawn();
        let mut seen = first(20, &mut receiver).await;
        {
            // All that was taken has to be sent before the cut: it is received meanwhile.
            let mut saved = pin!(running.checkpoint(None));
            while let Either::Right((row, _)) = select(saved.as_mut(), pin!(receiver.recv())).await {
                seen.push(row.expect("it goes on"));
            }
        }
        while let Ok(row) = receiver.try_recv() {
            seen.push(row);
        }
        drop(receiver);
        running.await.expect("nobody is left to wait for");
        let more = gone_on(&world, ROWS).await;
        let from = more.first().expect("the source had more").1;
        assert!(
            (1..=seen.len() as u64).contains(&from),
            "{} rows were received, and it goes on at {from}",
            seen.len()
        );
        assert_eq!(seen, counted(0..seen.len() as u64));
        assert_eq!(more, counted(from..ROWS));
    });
}

#[test]
fn a_graph_that_nobody_receives_from_begins_anew_where_it_has_no_checkpoint() {
    on_runtime(async {
        let (world, (sender, mut receiver)) = (World::new(1), channel(2));
        let running = counting!(&world, ROWS, sender).spawn();
        assert_eq!(first(5, &mut receiver).await, counted(0..5));
        drop(receiver);
        running.await.expect("nobody is left to wait for");
        assert_eq!(gone_on(&world, ROWS).await, counted(0..ROWS));
    });
}

#[test]
fn no_checkpoint_counts_rows_that_were_dropped_because_nobody_received_them() {
    on_runtime(async {
        let (world, (sender, mut receiver)) = (World::new(1), channel(2));
        let running = counting!(&world, ROWS, sender).spawn();
        let seen = first(5, &mut receiver).await;
        drop(receiver);
        // It is heard before the sink knows that its receiver has gone.
        let refused = running.checkpoint(None).await.expect_err("what is in the sink will never be sent");
        assert!(
            matches!(&refused, Error::Checkpoint(error) if matches!(**error, CheckpointError::Draining)),
            "{refused}"
        );
        running.await.expect("nobody is left to wait for");
        assert_eq!(seen, counted(0..5));
        assert_eq!(gone_on(&world, ROWS).await, counted(0..ROWS));
    });
}

#[test]
fn j7_a_graph_that_was_drained_is_not_gone_on_from_though_its_receiver_goes_meanwhile() {
    on_runtime(async {
        let (world, (sender, mut receiver)) = (World::new(1), channel(2));
        let running = counting!(&world, ROWS, sender).spawn();
        first(5, &mut receiver).await;
        running.drain();
        // The sink is full still: it drains, and cannot have come to its end.
        running.explain().await.expect("it waits for room");
        drop(receiver);
        running.await.expect("it drains");
        let (sender, _) = channel(1);
        let error = counting!(&world, ROWS, sender).run().await.expect_err("it was drained");
        assert!(
            matches!(&error, Error::Checkpoint(error) if matches!(**error, CheckpointError::Drained { .. })),
            "{error}"
        );
    });
}

#[test]
fn j6_a_graph_whose_sources_have_ended_has_come_to_its_end_though_its_receiver_has_gone() {
    on_runtime(async {
        let (world, (sender, receiver)) = (World::new(1), channel(10));
        drop(receiver);
        counting!(&world, 2, sender).run().await.expect("it comes to its end");
        assert_eq!(gone_on(&world, 2).await, []);
    });
}
