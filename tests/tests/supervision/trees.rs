//! Trees of supervised graphs: who is started again, when, and how often (rules K1 to K5).

use super::*;

/// Spoils its state before it panics.
#[derive(Default, State)]
struct Spoiled {
    #[state]
    sum: u64,
    outages: Arc<AtomicU32>,
}

#[node]
impl Spoiled {
    fn on_rows(&mut self, row: u64, out: &mut Out<u64>) {
        if row % 10 == 7 && self.outages.load(Ordering::Relaxed) > 0 {
            self.outages.fetch_sub(1, Ordering::Relaxed);
            self.sum = 1_000_000;
            panic!("spoiled");
        }
        self.sum += row;
        out.send(self.sum);
    }
}

#[test]
fn k2_state_of_a_panicked_node_is_restored_from_the_checkpoint_and_never_used_again() {
    for batch in [1, 4, 64] {
        let directory = Temporary::named(&format!("k2-{batch}"));
        let outages = Arc::new(AtomicU32::new(3));
        let (state, out) = (directory.at("state"), directory.at("out"));
        let make = move || {
            let outages = Arc::clone(&outages);
            graph! {
                #![durable = exactly_once]
                rows = from_iter(0..100_u64);
                spoiled = Spoiled(Spoiled { sum: 0, outages });
                rows -> spoiled.rows;
                spoiled -> sums;
                sums = lines::write(out.clone());
            }
            .batch(batch)
            .clock(Ticking::default())
            .checkpoints(Checkpoints::in_directory(&state).every(5.millis()).in_place())
        };
        let mut supervisor =
            Supervisor::new("root").clock(Ticking::default()).child(Child::new("sums", make));
        let mut failures = supervisor.failures();
        block_on(supervisor.run()).expect("it comes to its end");
        let failures = all(&mut failures);
        assert_eq!(failures.iter().map(|failure| failure.attempt).collect::<Vec<_>>(), [1, 2, 3]);
        for failure in &failures {
            assert_eq!((failure.kind, failure.node.as_deref()), (FailureKind::Panic, Some("spoiled")));
            assert_eq!((failure.directive, &failure.losses), (Directive::Restart, &Vec::new()));
        }
        let sums: String = (0..100_u64).map(|row| format!("{}\n", row * (row + 1) / 2)).collect();
        assert_eq!(directory.text("out"), sums, "batch {batch}");
    }
}

/// Says when it is made and when it is gone.
struct Alive(Arc<AtomicU32>);

impl Alive {
    fn of(alive: &Arc<AtomicU32>) -> Self {
        assert_eq!(alive.fetch_add(1, Ordering::SeqCst), 0, "the one before is gone");
        Alive(Arc::clone(alive))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn k2_there_is_one_task_of_a_child_at_most() {
    let (alive, kept) = (Arc::new(AtomicU32::new(0)), seen());
    let of = Arc::clone(&alive);
    let senders = Arc::clone(&kept);
    let sibling = Child::new("sibling", move || {
        let one = Alive::of(&of);
        let (send, rows) = mpsc::channel::<u64>(1);
        note(&senders, send);
        graph! {
            rows = from_channel(rows);
            rows -> for_each(move |_| { let _ = &one; });
        }
    });
    let starts = seen();
    let supervisor =
        root().strategy(Restarted::OneForAll).child(sibling).child(flaky("flaky", &starts, times(4)));
    block_on(async {
        let running = supervisor.spawn();
        settled().await;
        assert_eq!(taken(&starts), ["flaky"; 4]);
        assert_eq!(alive.load(Ordering::SeqCst), 1);
        let senders: Vec<mpsc::Sender<u64>> = taken(&kept);
        assert_eq!(senders.len(), 4);
        drop(senders);
        running.await.expect("both come to their end");
    });
}

#[test]
fn k3_each_restart_waits_longer_by_the_clock_and_the_next_failure_escalates() {
    block_on(async {
        let (clock, starts) = (ManualClock::new(), seen());
        let mut supervisor = Supervisor::new("root")
            .clock(clock.clone())
            .restarts(
                Restarts::at_most(3).within(1.hours()).backoff(1.secs()).factor(3).wait_at_most(5.secs()),
            )
            .child(flaky("flaky", &starts, || true));
        let mut failures = supervisor.failures();
        let running = supervisor.spawn();
        for (attempt, wait) in [(1, 1.secs()), (2, 3.secs()), (3, 5.secs())] {
            settled().await;
            assert_eq!(taken(&starts), ["flaky"]);
            let failure = failures.now().expect("it failed");
            assert_eq!((failure.attempt, failure.directive), (attempt, Directive::Restart));
            let at = failure.restart_at.expect("it is started again");
            assert_eq!(at.since(failure.at), wait);
            clock.advance(wait + -1.micros());
            settled().await;
            assert!(taken(&starts).is_empty(), "not a microsecond before its time");
            clock.advance(1.micros());
        }
        let failure = running.await.expect_err("its budget is spent");
        assert_eq!((failure.attempt, failure.directive), (4, Directive::Escalate));
        assert_eq!((failure.child.as_str(), failure.node.as_deref()), ("root/flaky", Some("culprit")));
        assert!(matches!(&*failure.error, Error::Panicked(report) if report.message == "on purpose"));
    });
}

/// A graph that fails at the first row which comes, and notes the way to send it one.
fn mine(senders: &Seen<mpsc::Sender<u64>>) -> Child {
    let senders = Arc::clone(senders);
    Child::new("mine", move || {
        let (send, rows) = mpsc::channel(4);
        note(&senders, send);
        graph! {
            rows = from_channel(rows);
            culprit = map(|row: u64| -> u64 { panic!("a mine: {row}") });
            rows -> culprit -> discard;
        }
    })
}

#[test]
fn k3_a_start_that_works_gives_no_budget_back_and_a_life_of_the_window_does() {
    for (lives, ends) in [(0.secs(), true), (9.secs(), true), (10.secs(), false)] {
        block_on(async {
            let (clock, senders) = (ManualClock::new(), seen());
            let supervisor = Supervisor::new("root")
                .clock(clock.clone())
                .restarts(Restarts::at_most(1).within(10.secs()).backoff(100.secs()).then_stop())
                .child(mine(&senders));
            let mut running = supervisor.spawn();
            for _ in 0..5 {
                settled().await;
                let Some(sender) = taken(&senders).pop() else { break };
                clock.advance(lives);
                sender.send(1).await.expect("it takes a row");
                settled().await;
                clock.advance(100.secs());
            }
            settled().await;
            let ended = futures::future::poll_immediate(&mut running).await;
            assert_eq!(
                ended.is_some(),
                ends,
                "it lives for {} s between failures",
                micros(lives) / 1_000_000
            );
        });
    }
}

#[test]
fn k3_jitter_is_drawn_from_the_seed_and_differs_between_children() {
    let run = |seed| {
        let starts = seen();
        let mut supervisor = Supervisor::new("root")
            .clock(Ticking::default())
            .restarts(Restarts::at_most(3).backoff(10.secs()).jitter(seed))
            .child(flaky("a", &starts, times(3)))
            .child(flaky("b", &starts, times(3)));
        let mut failures = supervisor.failures();
        block_on(supervisor.run()).expect("both end");
        let waits = all(&mut failures);
        let waits = waits.iter().map(|failure| failure.restart_at.expect("restarted").since(failure.at));
        waits.collect::<Vec<_>>()
    };
    let waits = run(7);
    assert_eq!(waits.len(), 4);
    assert_eq!(waits, run(7), "K10: the same seed, the same run");
    assert_ne!(waits, run(8));
    assert_ne!(waits[0], waits[1]);
    assert!(waits.iter().all(|wait| (5.secs()..=20.secs()).contains(wait)));
}

#[test]
fn k3_who_is_started_again_is_a_matter_of_the_strategy() {
    let again = |strategy, directive| {
        block_on(async {
            let (starts, senders) = (seen(), seen());
            let supervisor = root()
                .strategy(strategy)
                .on_node("culprit", directive)
                .child(waiting("first", &starts, &senders))
                .child(flaky("second", &starts, times(2)))
                .child(waiting("third", &starts, &senders));
            let running = supervisor.spawn();
            settled().await;
            let starts = taken(&starts);
            taken(&senders);
            running.await.expect("all come to their end");
            starts
        })
    };
    let all = ["first", "second", "third"];
    let then = |more: &[&'static str]| [&all, more].concat();
    assert_eq!(again(Restarted::OneForOne, Directive::Restart), then(&["second"]));
    assert_eq!(again(Restarted::RestForOne, Directive::Restart), then(&["second", "third"]));
    assert_eq!(again(Restarted::OneForAll, Directive::Restart), then(&all));
    assert_eq!(again(Restarted::OneForOne, Directive::RestartGroup), then(&all));
    assert_eq!(again(Restarted::OneForAll, Directive::Stop), all);
}

#[test]
fn k3_a_supervisor_that_fails_is_started_again_with_all_its_children_by_the_one_above() {
    block_on(async {
        let (starts, senders) = (seen(), seen());
        let inner = Supervisor::new("inner")
            .restarts(Restarts::at_most(1).backoff(TimeDelta::ZERO))
            .child(waiting("beside", &starts, &senders))
            .child(flaky("flaky", &starts, times(4)));
        let mut supervisor = root().child(waiting("outer", &starts, &senders)).child(inner);
        let mut failures = supervisor.failures();
        let running = supervisor.spawn();
        settled().await;
        let told: Vec<_> = all(&mut failures)
            .into_iter()
            .map(|failure| (failure.child, failure.attempt, failure.directive))
            .collect();
        let flaky = "root/inner/flaky".to_owned();
        assert_eq!(
            told,
            [
                (flaky.clone(), 1, Directive::Restart),
                (flaky.clone(), 2, Directive::Escalate),
                ("root/inner".to_owned(), 1, Directive::Restart),
                // Its budget is new, as all else.
                (flaky, 1, Directive::Restart),
            ]
        );
        assert_eq!(taken(&starts), ["outer", "beside", "flaky", "flaky", "beside", "flaky", "flaky"]);
        drop(taken(&senders));
        running.await.expect("all come to their end");
    });
}

#[test]
fn k3_what_escalates_past_the_root_ends_the_tree_and_halts_the_others() {
    block_on(async {
        let (starts, senders) = (seen(), seen());
        let supervisor = root()
            .child(waiting("beside", &starts, &senders))
            .child(flaky("flaky", &starts, || true).on_node("culprit", Directive::Escalate));
        let failure = supervisor.run().await.expect_err("it escalates");
        assert_eq!((failure.child.as_str(), failure.directive), ("root/flaky", Directive::Escalate));
        assert!(taken(&senders).iter().all(mpsc::Sender::is_closed), "the graph beside is gone");
        assert_eq!(
            failure.to_string(),
            "`root/flaky` failed (failure 1 in its window): ".to_owned() + &failure.error.to_string()
        );
    });
}

#[test]
fn k1_siblings_of_a_child_that_fails_go_on_as_if_nothing_were() {
    block_on(async {
        let (starts, senders, results) = (seen(), seen(), seen());
        let (made, rows, taken_rows) = (Arc::clone(&starts), Arc::clone(&senders), Arc::clone(&results));
        let sibling = Child::yielding(
            "sibling",
            move || {
                note(&made, "sibling");
                let (send, receive) = mpsc::channel::<u64>(4);
                note(&rows, send);
                graph! {
                    rows = from_channel(receive);
                    rows -> running_sum() -> sums;
                    sums = collect();
                }
            },
            move |result| note(&taken_rows, result.sums),
        );
        let supervisor = Supervisor::new("root")
            .clock(Ticking::default())
            .restarts(Restarts::at_most(100))
            .child(sibling)
            .child(flaky("flaky", &starts, times(50)));
        let running = supervisor.spawn();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let sender = taken(&senders).pop().expect("it has started");
        for row in 1..=20_u64 {
            sender.send(row).await.expect("it lives");
        }
        drop(sender);
        running.await.expect("both come to their end");
        assert_eq!(taken(&results), [Vec::from_iter((1..=20).map(|row| row * (row + 1) / 2))]);
        assert_eq!(taken(&starts).iter().filter(|name| **name == "sibling").count(), 1);
    });
}

#[test]
fn k4_a_source_that_cannot_be_read_is_started_again_until_it_can() {
    let directory = Temporary::named("k4-source");
    let (path, results) = (directory.at("in"), seen());
    let (there, rows) = (path.clone(), Arc::clone(&results));
    let reader = Child::yielding(
        "reader",
        move || {
            graph! {
                #![on_error = stop]
                rows = lines::read(there.clone());
                rows -> all;
                all = collect();
            }
        },
        move |result| note(&rows, result.all),
    );
    let mut attempts = 0;
    let supervisor = Supervisor::new("root")
        .clock(Ticking::default())
        .on_failure(move |failure| {
            assert_eq!((failure.kind, failure.node.as_deref()), (FailureKind::Source, Some("rows")));
            assert_eq!(failure.directive, Directive::Restart, "what is done otherwise");
            attempts += 1;
            if attempts == 3 {
                std::fs::write(&path, "a\nb\n").expect("it can be written");
            }
            failure.directive
        })
        .child(reader);
    block_on(supervisor.run()).expect("at last it is there");
    assert_eq!(taken(&results), [["a", "b"]]);
}

#[test]
fn k4_a_sink_that_cannot_be_written_is_named_and_its_policy_holds() {
    let directory = Temporary::named("k4-sink");
    let path = directory.at("not/there");
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let writer = Child::new("writer", move || {
        count.fetch_add(1, Ordering::Relaxed);
        graph! {
            rows = from_iter(0..3_u64);
            rows -> text;
            text = lines::write(path.clone());
        }
    });
    let mut supervisor =
        Supervisor::new("root").clock(Ticking::default()).child(writer.on_node("text", Directive::Stop));
    let mut failures = supervisor.failures();
    block_on(supervisor.run()).expect("a child that was stopped is no failure of the tree");
    let failure = failures.now().expect("it is told");
    assert_eq!((failure.kind, failure.node.as_deref()), (FailureKind::Sink, Some("text")));
    assert_eq!((failure.directive, failure.restart_at), (Directive::Stop, None));
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn k4_a_graph_that_is_wrong_is_not_started_again() {
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let wrong = Child::new("wrong", move || {
        count.fetch_add(1, Ordering::Relaxed);
        graph! {
            rows = from_iter(0..3_u64);
            called = async_map(|row| async move { row }).in_flight(0);
            rows -> called -> discard;
        }
    });
    let failure = block_on(Supervisor::new("root").child(wrong).run()).expect_err("it is wrong");
    assert_eq!((failure.kind, failure.node.as_deref()), (FailureKind::Invalid, Some("called")));
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn k4_a_function_that_panics_instead_of_making_a_graph_is_a_failure_too() {
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    let child = Child::new("child", move || {
        assert!(count.fetch_add(1, Ordering::Relaxed) > 1, "no connection");
        graph! {
            rows = from_iter(0..3_u64);
            rows -> discard;
        }
    });
    let mut supervisor = Supervisor::new("root").clock(Ticking::default()).child(child);
    let mut failures = supervisor.failures();
    block_on(supervisor.run()).expect("the third works");
    let kinds: Vec<_> =
        all(&mut failures).iter().map(|failure| (failure.kind, failure.node.clone())).collect();
    assert_eq!(kinds, [(FailureKind::Panic, None), (FailureKind::Panic, None)]);
}

/// Panics once, at a row.
fn once_at(at: u64, panicked: &Arc<AtomicBool>) -> impl FnMut(u64) -> u64 + Send + use<> {
    let panicked = Arc::clone(panicked);
    move |row| {
        assert!(row != at || panicked.swap(true, Ordering::Relaxed), "once");
        row
    }
}

/// Gives each row once: whoever asks again is given the next.
struct GivenOnce {
    next: Arc<AtomicU64>,
    end: u64,
}

fn given_once(next: &Arc<AtomicU64>, end: u64) -> Node<GivenOnce, OnlyOut<u64, (), ()>> {
    Node::new(GivenOnce { next: Arc::clone(next), end }, OnlyOut::new())
}

impl Operator for GivenOnce {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Tallied;

    fn poll(&mut self, _turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) {}
}

impl<S: Push<u64, (), ()>> Resume<(Port<S>,)> for GivenOnce {
    fn resume(&mut self, (out,): &mut (Port<S>,), cx: &mut Cx) -> Progress {
        for _ in 0..cx.budget() {
            let row = self.next.fetch_add(1, Ordering::Relaxed);
            if row >= self.end {
                out.advance(Frontier::end());
                return Progress::Ended;
            }
            out.push(row.into());
        }
        Progress::More
    }
}

impl Durable for GivenOnce {
    fn fields(&mut self, _fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        Ok(())
    }
}

/// What runs of a graph came to that took rows of one channel.
struct Counted {
    sum: Option<u64>,
    failure: Failure,
}

/// Sums what comes through a channel that outlives the graph, whose node `culprit` panics at row `at`.
fn through_a_channel(at: u64, rows: u64, batch: usize, is_durable: bool) -> Counted {
    let directory = Temporary::named(&format!("k5-{at}-{rows}-{batch}-{is_durable}"));
    let state = directory.at("state");
    let (panicked, sums) = (Arc::new(AtomicBool::new(false)), seen());
    let left = Arc::new(AtomicU64::new(0));
    let totals = Arc::clone(&sums);
    let child = if is_durable {
        let make = move || {
            let culprit = once_at(at, &panicked);
            graph! {
                #![durable]
                rows = given_once(&left, rows);
                culprit = map(culprit);
                rows -> culprit -> running_count() -> total;
                total = last();
            }
            .batch(batch)
            .clock(Ticking::default())
            .checkpoints(Checkpoints::in_directory(&state).every(3.millis()).in_place())
        };
        Child::yielding("counts", make, move |result| note(&totals, result.total))
    } else {
        let make = move || {
            let culprit = once_at(at, &panicked);
            graph! {
                rows = given_once(&left, rows);
                culprit = map(culprit);
                rows -> culprit -> running_count() -> total;
                total = last();
            }
            .batch(batch)
        };
        Child::yielding("counts", make, move |result| note(&totals, result.total))
    };
    let mut supervisor = Supervisor::new("root").clock(Ticking::default()).child(child);
    let mut failures = supervisor.failures();
    block_on(supervisor.run()).expect("it comes to its end");
    let sum = taken(&sums).pop().expect("it has ended");
    Counted { sum, failure: failures.now().expect("it panicked once") }
}

#[test]
fn k5_a_restart_loses_what_it_reports_and_no_more() {
    for batch in [1, 8] {
        for at in [0, 13, 39] {
            let Counted { sum, failure } = through_a_channel(at, 40, batch, true);
            let [Loss { child, lost: Lost::Rows { source: "rows", rows }, .. }] = &failure.losses[..] else {
                panic!("expected rows of one source, found {:?}", failure.losses)
            };
            assert_eq!(child, "root/counts");
            let lost = 40 - sum.unwrap_or(0);
            let about = format!("batch {batch}, panic at {at}: {lost} lost, {rows} and the batch reported");
            assert!((*rows..=rows + batch as u64).contains(&lost), "{about}");
            assert!(*rows <= at, "{about}");

            let Counted { sum, failure } = through_a_channel(at, 40, batch, false);
            let whole = at / batch as u64 * batch as u64;
            let lost = Lost::Everything { taken: vec![("rows", whole)] };
            assert_eq!(failure.losses.iter().map(|loss| &loss.lost).collect::<Vec<_>>(), [&lost]);
            // The rows that came before, and those of the batch, are gone.
            assert!((whole + 1..=whole + batch as u64).contains(&(40 - sum.unwrap_or(0))), "{about}");
        }
    }
}

#[test]
fn k5_what_siblings_lose_that_are_started_again_with_it_is_told_too() {
    block_on(async {
        let (starts, senders) = (seen(), seen());
        let mut supervisor = root()
            .strategy(Restarted::OneForAll)
            .child(waiting("beside", &starts, &senders))
            .child(mine(&senders));
        let mut failures = supervisor.failures();
        let running = supervisor.spawn();
        settled().await;
        let [beside, mine] = &taken(&senders)[..] else { panic!("both have started") };
        beside.send(1).await.expect("it lives");
        beside.send(2).await.expect("it lives");
        settled().await;
        mine.send(1).await.expect("it lives");
        let failure = failures.recv().await.expect("it failed");
        let lost = |child: &str, rows| (child.to_owned(), Lost::Everything { taken: vec![("rows", rows)] });
        let losses: Vec<_> = failure.losses.into_iter().map(|loss| (loss.child, loss.lost)).collect();
        assert_eq!(losses, [lost("root/beside", 2), lost("root/mine", 0)]);
        settled().await;
        drop(taken(&senders));
        running.await.expect("all come to their end");
    });
}

#[test]
fn a_graph_that_cannot_bring_out_what_it_has_is_aborted_once_its_time_is_over() {
    block_on(async {
        let (starts, senders, clock) = (seen(), seen(), ManualClock::new());
        let (send, mut out) = mpsc::channel(1);
        let made = Arc::clone(&starts);
        let stuck = Child::new("stuck", move || {
            note(&made, "stuck");
            let send = send.clone();
            graph! {
                rows = from_iter(0..10_u64);
                rows -> to_channel(send);
            }
        });
        let mut supervisor = Supervisor::new("root")
            .clock(clock.clone())
            .halt_within(5.secs())
            .on_node("culprit", Directive::RestartGroup)
            .restarts(Restarts::at_most(1).backoff(TimeDelta::ZERO))
            .child(stuck)
            .child(mine(&senders));
        let mut failures = supervisor.failures();
        let running = supervisor.spawn();
        settled().await;
        taken(&senders).pop().expect("it lives").send(1).await.expect("it takes a row");
        settled().await;
        clock.advance(5.secs() + -1.micros());
        settled().await;
        assert!(failures.now().is_none(), "nothing is started before all are at rest");
        assert_eq!(taken(&starts), ["stuck"]);
        clock.advance(1.micros());
        settled().await;
        assert_eq!(failures.now().expect("now it is told").losses.len(), 2);
        assert_eq!(taken(&starts), ["stuck"]);
        drop(running);
        assert_eq!(out.recv().await, Some(0));
    });
}

#[test]
fn a_tree_that_drains_lets_every_graph_end_and_starts_none_again() {
    block_on(async {
        let (starts, senders, clock) = (seen(), seen(), ManualClock::new());
        let supervisor = Supervisor::new("root")
            .clock(clock.clone())
            .child(waiting("a", &starts, &senders))
            .child(Supervisor::new("inner").child(waiting("b", &starts, &senders)));
        let mut running = supervisor.spawn();
        settled().await;
        running.drain();
        running.await.expect("both end");
        assert_eq!(taken(&starts), ["a", "b"]);

        let supervisor = Supervisor::new("root")
            .clock(clock.clone())
            .child(flaky("down", &starts, || true))
            .child(waiting("up", &starts, &senders));
        let mut running = supervisor.spawn();
        settled().await;
        running.drain();
        let failure = running.await.expect_err("one was down, and stays so");
        assert_eq!(failure.child, "root/down");
        assert_eq!(taken(&starts), ["down", "up"]);
    });
}

#[test]
fn failures_are_a_stream_and_so_a_source() {
    let starts = seen();
    let mut supervisor =
        Supervisor::new("root").clock(Ticking::default()).child(flaky("flaky", &starts, times(3)));
    let failures = supervisor.failures();
    let watch = graph! {
        failures = from_stream(failures);
        failures -> map(|failure: Failure| failure.attempt) -> attempts;
        attempts = collect();
    };
    let (outcome, watched) = block_on(async { futures::future::join(supervisor.run(), watch.run()).await });
    outcome.expect("it comes to its end");
    assert_eq!(watched.expect("nothing fails").attempts, [1, 2]);
}
