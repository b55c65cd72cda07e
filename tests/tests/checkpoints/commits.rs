//! Commits that fail, and are made (rules H7, H8).

use super::*;

#[test]
fn h7_commits_that_fail_for_a_while_are_tried_again_and_drop_nothing() {
    let mut test = CrashTest::new(|world| {
        graph! {
            #![durable = exactly_once]
            numbers = replayed(world, 0..40_u64);
            numbers -> [left, right];
            left  = transactions(world, "left");
            right = transactions(world, "right");
        }
    })
    .faults(Faults { transactions: 2, ..Faults::NONE });
    assert!(test.seeds(0..50).crashes > 100);
}

#[test]
fn h7_empty_transactions_are_committed_too() {
    on_runtime(async {
        let (tap, world) = (Tap::default(), World::new(1));
        let running = summed!(&tap, &world).spawn();
        for number in 1..=3 {
            assert_eq!(running.checkpoint(None).await.expect("it is taken").number, number);
        }
        tap.open(2, true);
        running.await.expect("it comes to its end");
        assert_eq!(world.committed("out"), texts(2, true));
    });
}

/// Is ready every second time it is polled, and begins anew when it was.
#[derive(Debug)]
struct Alternating {
    polls: u32,
}

fn alternating<T>(_input: Edge<u64, T>, polls: u32) -> Node<Alternating, NoPorts> {
    Node::new(Alternating { polls }, NoPorts)
}

impl Alternating {
    fn polled(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.polls += 1;
        assert!(self.polls < 1000, "it is asked again and again");
        if self.polls % 2 == 0 {
            return Poll::Ready(Ok(()));
        }
        turn.context().waker().wake_by_ref();
        Poll::Pending
    }
}

impl Operator for Alternating {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Absorbed;

    fn finish(&mut self) {}
}

impl Durable for Alternating {
    fn fields(&mut self, _fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        Ok(())
    }

    fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.polled(turn)
    }

    fn poll_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        self.polled(turn)
    }
}

impl Commits for Alternating {}

impl<Outs> Resume<Outs> for Alternating {}

impl<T: Timestamp, Outs> Input<0, u64, T, (), Outs> for Alternating {
    fn push(&mut self, _row: Update<u64, T, ()>, _outs: &mut Outs, _cx: &mut Cx) {}

    fn advance(&mut self, _frontier: Frontier<T>, _outs: &mut Outs, _cx: &mut Cx) {}
}

#[test]
fn h7_a_sink_that_has_committed_is_not_asked_again_while_another_has_not() {
    let world = World::new(1);
    let graph = graph! {
        #![durable = exactly_once]
        numbers = replayed(&world, 0..5_u64);
        numbers -> [even, odd];
        even = alternating(0);
        odd  = alternating(1);
    };
    assert!(matches!(world.run(graph.checkpoints(kept(&world)), 1), Lived::Ended(_)));
}

#[test]
fn h7_who_asked_for_a_savepoint_hears_that_its_commit_failed() {
    on_runtime(async {
        let (tap, desk, world) = (Tap::default(), Desk::default(), World::new(1));
        desk.0.lock().expect("nobody panics in here").commits_fail = true;
        let mut running = graph! {
            #![durable = exactly_once]
            numbers = tapped(&tap);
            numbers -> out;
            out = watched(&desk);
        }
        .checkpoints(Checkpoints::in_storage(world.storage(), "simulated").on_demand())
        .spawn();
        let error = running.stop_with_savepoint("here").await.expect_err("the commit fails");
        assert_eq!(error.to_string(), "node `out`: the table is gone");
    });
}
