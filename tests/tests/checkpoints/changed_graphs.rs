//! Graphs that have changed since they were saved (rule H12).

use super::*;

#[test]
fn h8_a_commit_that_fails_after_a_restore_fails_the_run_and_is_made_by_the_next() {
    on_runtime(async {
        let (tap, desk, world) = (Tap::default(), Desk::default(), World::new(1));
        macro_rules! graph {
            () => {
                streamweave::prelude::graph! {
                    #![durable = exactly_once]
                    numbers = tapped(&tap);
                    numbers -> out;
                    out = watched(&desk);
                }
                .checkpoints(Checkpoints::in_storage(world.storage(), "simulated").on_demand())
            };
        }
        let fail = |fails| desk.0.lock().expect("nobody panics in here").commits_fail = fails;
        graph!().spawn().stop_with_savepoint("here").await.expect("it is taken");
        tap.open(1, true);
        fail(true);
        let before = desk.log().len();
        let error = graph!().run().await.expect_err("it cannot be committed");
        assert_eq!(error.to_string(), "node `out`: the table is gone");
        // Not a row was taken before.
        assert_eq!(desk.log()[before..], ["commit", "close"]);
        fail(false);
        let before = desk.log().len();
        graph!().run().await.expect("it can be committed now");
        let expected = ["commit", "row", "end", "close", "cut", "pre-commit", "commit", "finish"];
        assert_eq!(desk.log()[before..], expected);
    });
}

macro_rules! lives_on {
    ($world:expr, $lives:expr, $graph:expr, $checkpoints:expr) => {{
        $world.crash_at($lives);
        let lived = $world.run($graph.checkpoints($checkpoints), 1);
        assert!(matches!(lived, Lived::Crashed));
        $world.restart();
    }};
}

#[test]
fn h12_a_renamed_node_keeps_its_state_over_several_restarts() {
    let world = crashed_at(150, |kept| kept);
    macro_rules! renamed {
        () => {
            graph! {
                #![durable = exactly_once]
                bookings = replayed(&world, rows());
                #[was = "accounts"]
                ledger = Accounts(Accounts::default());
                bookings -> ledger.booking;
                ledger -> balances;
                balances = collect();
            }
            .batch(3)
        };
    }
    lives_on!(world, 80, renamed!(), kept(&world));
    lives_on!(world, 60, renamed!(), kept(&world));
    let Lived::Ended(result) = world.run(renamed!().checkpoints(kept(&world)), 1) else { panic!("it ends") };
    assert_eq!(result.balances, booked(&rows()));
}

#[test]
fn h12_a_removed_node_is_refused_unless_it_is_dropped() {
    let world = crashed_at(150, |kept| kept);
    macro_rules! without {
        () => {
            graph! {
                #![durable = exactly_once]
                bookings = replayed(&world, rows());
                bookings -> map(|(account, amount)| (0, account, amount)) -> balances;
                balances = collect();
            }
            .batch(3)
        };
    }
    let Lived::Failed(Error::Checkpoint(error)) = world.run(without!().checkpoints(kept(&world)), 1) else {
        panic!("it is refused")
    };
    assert!(matches!(*error, CheckpointError::OtherGraph { .. }), "{error}");
    assert!(
        error.to_string().contains("holds state of `accounts`, which the graph does not have"),
        "{error}"
    );
    let dropped = kept(&world).drop_node("accounts");
    assert!(matches!(world.run(without!().checkpoints(dropped), 1), Lived::Ended(_)));
}

#[test]
fn h12_a_node_that_was_dropped_and_comes_back_begins_anew() {
    let world = crashed_at(150, |kept| kept);
    let other = |checkpoints: Checkpoints| checkpoints.drop_node("accounts").drop_node("balances");
    let without = graph! {
        #![durable = exactly_once]
        bookings = replayed(&world, rows());
        bookings -> rest;
        rest = collect();
    }
    .batch(1);
    lives_on!(world, 50, without, other(kept(&world)));
    let drop_rest = |checkpoints: Checkpoints| checkpoints.drop_node("rest");
    lives_on!(world, 70, accounts!(&world), drop_rest(kept(&world)));
    let result = match world.run(accounts!(&world).checkpoints(drop_rest(kept(&world))), 1) {
        Lived::Ended(result) => result.balances,
        Lived::Failed(error) => panic!("{error}"),
        Lived::Crashed => panic!("nobody told it to"),
    };
    let rows = rows();
    assert!(result.len() < rows.len());
    assert_eq!(result, booked(&rows[rows.len() - result.len()..]));
}

#[test]
fn h12_stateless_nodes_come_and_go_and_the_order_does_not_matter() {
    let world = crashed_at(150, |kept| kept);
    let changed = graph! {
        #![durable = exactly_once]
        balances = collect();
        accounts = Accounts(Accounts::default());
        accounts -> filter(|_: &(u64, u64, i64)| true) -> balances;
        bookings -> map(|row| row) -> accounts.booking;
        bookings = replayed(&world, rows());
    };
    let Lived::Ended(result) = world.run(changed.checkpoints(kept(&world)), 1) else { panic!("it ends") };
    assert_eq!(result.balances, booked(&rows()));
}

#[test]
fn h12_inline_nodes_of_a_kind_that_keep_state_need_names() {
    let world = World::new(1);
    let graph = graph! {
        #![durable = exactly_once]
        numbers = replayed(&world, 0..5_u64);
        numbers -> running_count() -> running_count() -> counts;
        counts = collect();
    };
    let Lived::Failed(Error::Checkpoint(error)) = world.run(graph.checkpoints(kept(&world)), 1) else {
        panic!("it is refused")
    };
    assert!(matches!(*error, CheckpointError::Nameless { .. }), "{error}");
}

#[test]
fn h12_a_checkpoint_of_another_graph_is_refused() {
    let world = crashed_at(150, |kept| kept);
    let other = graph! {
        #![durable = exactly_once]
        numbers = replayed(&world, 0..5_u64);
        numbers -> kept;
        kept = collect();
    };
    let Lived::Failed(Error::Checkpoint(error)) = world.run(other.checkpoints(kept(&world)), 1) else {
        panic!("it is refused")
    };
    assert!(matches!(*error, CheckpointError::OtherGraph { .. }), "{error}");
    assert!(error.to_string().contains("it has `kept`, `numbers`"), "{error}");
}
