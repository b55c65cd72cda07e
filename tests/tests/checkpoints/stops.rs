//! Stops: savepoints, drains, aborts (rules J5 to J7).

use super::*;

#[test]
fn j5_a_stuck_sink_holds_a_savepoint_back_and_nothing_else_that_is_asked() {
    on_runtime(async {
        let (tap, desk, world) = (Tap::default(), Desk::default(), World::new(1));
        let mut running = graph! {
            #![durable = exactly_once]
            numbers = tapped(&tap);
            numbers -> out;
            out = watched(&desk);
        }
        .checkpoints(Checkpoints::in_storage(world.storage(), "simulated").on_demand())
        .spawn();
        tap.open(1, false);
        settled(&running).await;
        desk.stick(true);
        tap.open(100_000, false);
        settled(&running).await;
        {
            let mut saved = pin!(running.checkpoint(Some("held")));
            assert!(until_it_waits(saved.as_mut()).is_pending());
            settled(&running).await;
            assert!(until_it_waits(saved.as_mut()).is_pending());
            let explained = running.explain().await.expect("it answers");
            assert_eq!(explained.holding().map(|node| node.name).collect::<Vec<_>>(), ["out"]);
            desk.stick(false);
            assert_eq!(saved.await.expect("it is taken").number, 1);
        }
        // The source has as much as it likes; it stops all the same.
        tap.open(u64::MAX, false);
        running.stop_with_savepoint("stopped").await.expect("it is taken");
    });
}

#[test]
fn j6_all_rows_then_the_end_then_flush_then_the_last_checkpoint_then_its_commit() {
    let (desk, world) = (Desk::default(), World::new(1));
    let graph = graph! {
        #![durable = exactly_once]
        numbers = replayed(&world, 0..2_u64);
        summed  = Summed(Summed::default());
        numbers -> summed.number;
        summed -> out;
        out = watched(&desk);
    };
    let lived = world.run(graph.checkpoints(kept(&world).on_demand()), 1);
    assert!(matches!(lived, Lived::Ended(_)));
    let expected = ["row", "row", "the end's row", "end", "close", "cut", "pre-commit", "commit", "finish"];
    assert_eq!(desk.log(), expected);
}

#[test]
fn j7_stop_with_savepoint_fires_nothing_and_is_gone_on_from_without_duplicates() {
    on_runtime(async {
        let (tap, world) = (Tap::default(), World::new(1));
        tap.open(5, false);
        let mut running = summed!(&tap, &world).spawn();
        settled(&running).await;
        assert_eq!(world.committed("out"), texts(0, false));
        running.stop_with_savepoint("here").await.expect("it is taken");
        assert_eq!(world.committed("out"), texts(5, false));
        tap.open(8, true);
        summed!(&tap, &world).run().await.expect("it goes on");
        assert_eq!(world.committed("out"), texts(8, true));
        // It has come to its end: once more changes nothing.
        summed!(&tap, &world).run().await.expect("there is nothing to do");
        assert_eq!(world.committed("out"), texts(8, true));
    });
}

#[test]
fn j7_a_graph_that_was_drained_is_not_gone_on_from_and_its_savepoint_is() {
    on_runtime(async {
        let (tap, world) = (Tap::default(), World::new(1));
        tap.open(5, false);
        let running = summed!(&tap, &world).spawn();
        settled(&running).await;
        running.checkpoint(Some("before")).await.expect("it is taken");
        running.drain();
        running.await.expect("it drains");
        assert_eq!(world.committed("out"), texts(5, true));
        let error = summed!(&tap, &world).run().await.expect_err("it was drained");
        assert!(
            matches!(&error, Error::Checkpoint(error) if matches!(**error, CheckpointError::Drained { number: 2 })),
            "{error}"
        );
    });
}

#[test]
fn j7_a_graph_that_drains_takes_no_savepoint_that_could_be_gone_on_from() {
    on_runtime(async {
        let (tap, desk, world) = (Tap::default(), Desk::default(), World::new(1));
        let running = graph! {
            #![durable = exactly_once]
            numbers = tapped(&tap);
            numbers -> out;
            out = watched(&desk);
        }
        .checkpoints(Checkpoints::in_storage(world.storage(), "simulated").on_demand())
        .spawn();
        settled(&running).await;
        desk.stick(true);
        tap.open(10, false);
        settled(&running).await;
        running.drain();
        let refused = {
            let mut saved = pin!(running.checkpoint(Some("late")));
            assert!(until_it_waits(saved.as_mut()).is_pending());
            settled(&running).await;
            // It hears at once, though the sink is stuck.
            until_it_waits(saved.as_mut())
        };
        let Poll::Ready(Err(error)) = refused else { panic!("it drains: {refused:?}") };
        assert_eq!(
            error.to_string(),
            "the graph drains, and takes no more savepoints: its last checkpoint comes at its end"
        );
        desk.stick(false);
        running.await.expect("it drains");
    });
}

#[test]
fn j7_an_aborted_graph_goes_on_from_its_last_checkpoint() {
    on_runtime(async {
        let (tap, world) = (Tap::default(), World::new(1));
        tap.open(5, false);
        let running = summed!(&tap, &world).spawn();
        settled(&running).await;
        running.checkpoint(None).await.expect("it is taken");
        tap.open(7, false);
        settled(&running).await;
        running.abort();
        assert!(matches!(running.await, Err(Error::Stopped(_))));
        assert_eq!(world.committed("out"), texts(5, false));
        world.restart();
        tap.open(9, true);
        summed!(&tap, &world).run().await.expect("it goes on");
        assert_eq!(world.committed("out"), texts(9, true));
    });
}

#[test]
fn a_graph_without_checkpoints_says_so_when_it_is_asked_for_one() {
    on_runtime(async {
        let tap = Tap::default();
        let running = graph! {
            #![durable = exactly_once]
            numbers = tapped(&tap);
            numbers -> out;
            out = collect();
        }
        .spawn();
        let error = running.checkpoint(None).await.expect_err("it has none");
        assert_eq!(
            error.to_string(),
            "the graph was given no checkpoints: say `.checkpoints(..)` before it is run"
        );
    });
}
