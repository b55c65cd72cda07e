//! How far a running graph has come, who holds it, and since when.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use streamweave::envelope::Timed;
use streamweave::executor::{Arrival, NoSuchNode};
use streamweave::prelude::*;
use streamweave::time::{Clock, ManualClock, Reached};
use tokio::sync::mpsc;

fn at(secs: i64) -> EventTime {
    EventTime::from_secs(secs)
}

fn secs(row: &i64) -> EventTime {
    at(*row)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime of one thread can be built").block_on(work)
}

/// Whether a future has nothing to say yet.
async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    poll_fn(|context| Poll::Ready(pin!(&mut *future).poll(context).is_pending())).await
}

#[test]
fn a_graph_has_reached_a_time_once_its_sinks_have() {
    block_on(async {
        let (fast, from_fast) = mpsc::channel(10);
        let (slow, from_slow) = mpsc::channel(10);
        let running = graph! {
            fast = from_channel(from_fast);
            slow = from_channel(from_slow);
            stamped = event_time(secs, ascending());
            late = event_time(secs, ascending());
            fast -> stamped -> first;
            slow -> late -> second;
            first = collect();
            second = collect();
        }
        .clock(ManualClock::new())
        .spawn();
        fast.send(60).await.expect("it runs");
        assert_eq!(running.node_reached("first", at(60)).await, Ok(Arrival::Reached));
        slow.send(50).await.expect("it runs");
        assert_eq!(running.reached(at(50)).await, Arrival::Reached);
        // Not yet: the slower sink has come to 50.
        let mut waiting = Box::pin(running.reached(at(55)));
        assert!(is_pending(&mut waiting).await);
        slow.send(54).await.expect("it runs");
        assert_eq!(running.node_reached("second", at(54)).await, Ok(Arrival::Reached));
        assert!(is_pending(&mut waiting).await);
        slow.send(55).await.expect("it runs");
        assert_eq!(waiting.await, Arrival::Reached);
        // A stream that has ended has come to every time; so has a graph.
        drop(fast);
        assert_eq!(running.node_reached("first", at(1_000)).await, Ok(Arrival::Ended));
        drop(slow);
        assert_eq!(running.reached(at(1_000)).await, Arrival::Ended);
        assert_eq!(running.reached(at(0)).await, Arrival::Ended);
        let nowhere = running.node_reached("third", at(0)).await;
        assert_eq!(nowhere, Err(NoSuchNode("third".to_owned())));
        running.await.expect("nothing fails");
    });
}

#[test]
fn a_graph_whose_times_are_of_another_type_is_there_at_its_end() {
    block_on(async {
        let (send, receive) = mpsc::channel(10);
        let running = graph! {
            rows = from_channel(receive);
            rows -> epochs(1) -> all;
            all = collect();
        }
        .spawn();
        send.send(1_i64).await.expect("it runs");
        assert_eq!(running.reached(LogicalTime(1)).await, Arrival::Reached);
        let mut waiting = Box::pin(running.reached(at(0)));
        assert!(is_pending(&mut waiting).await);
        running.drain();
        assert_eq!(waiting.await, Arrival::Ended);
        assert_eq!(running.await.expect("nothing fails").all, [1]);
    });
}

graph! {
    graph two(clicks: i64, views: i64) -> (out: Timed<i64>) {
        clicked = event_time(secs, ascending());
        viewed = event_time(secs, ascending().idle_after(100.secs()));
        clicks -> clicked;
        views -> viewed;
        [clicked, viewed] -> map(|row| row) -> out;
    }
}

#[test]
fn the_holder_is_found_behind_the_fan_in_with_its_input_and_since_when() {
    let mut two = two::harness();
    two.advance(10.secs());
    two.inputs.clicks.send(60);
    two.inputs.views.send(70);
    two.advance(30.secs());
    two.inputs.views.send(80);
    two.advance(5.secs());
    let explanation = two.explain();
    let holder = explanation.holder().expect("it goes on");
    assert_eq!(
        (holder.node.name, holder.reached),
        ("clicked", Reached::of(&streamweave::time::Frontier::at(at(60))))
    );
    let (node, input) = holder.fan_in.expect("two meet");
    assert_eq!((node.name, input.from, input.port), ("merge", "clicked", "out"));
    assert_eq!(holder.since.map(|since| since.micros()), Some(10_000_000));
    assert_eq!(
        holder.to_string(),
        "`merge`: has come to 1970-01-01T00:01:00Z, held by its input `clicked.out`, which has not moved since \
         1970-01-01T00:00:10Z (35 s): `clicked` gives rows their time, and waits for rows"
    );
    let both = explanation.node("merge").expect("it is there");
    let inputs: Vec<_> = both.inputs.iter().map(|input| (input.from, input.reached.event_time())).collect();
    assert_eq!(inputs, [("clicked", Some(at(60))), ("viewed", Some(at(80)))]);
    assert_eq!(both.since, holder.since);
}

#[test]
fn an_input_that_is_idle_is_no_holder() {
    let mut two = two::harness();
    two.inputs.clicks.send(60);
    two.inputs.views.send(7);
    two.advance(99.secs());
    assert_eq!(two.explain().holder().expect("it goes on").node.name, "viewed");
    two.advance(1.secs());
    let explanation = two.explain();
    assert_eq!(explanation.holder().expect("it goes on").node.name, "clicked");
    let both = explanation.node("merge").expect("it is there");
    assert_eq!(both.inputs.iter().map(|input| input.is_idle).collect::<Vec<_>>(), [false, true]);
    assert_eq!(both.entered.event_time(), Some(at(60)));
    two.finish().expect("nothing fails");
    assert_eq!(two.explain().holder(), None);
}

graph! {
    graph held(rows: i64) -> (out: Timed<i64>) {
        stamped = event_time(secs, ascending());
        limited = rate_limit(1, 100.secs());
        rows -> stamped -> limited -> out;
    }
}

#[test]
fn a_node_that_holds_rows_is_the_holder_and_says_what_for() {
    let mut held = held::harness();
    for row in [1, 2, 3] {
        held.inputs.rows.send(row);
    }
    held.settle();
    let now = held.clock().now();
    let explanation = held.explain();
    let holder = explanation.holder().expect("it goes on");
    assert_eq!((holder.node.name, holder.fan_in, holder.since), ("limited", None, Some(now)));
    assert_eq!(
        holder.to_string(),
        "`limited`: has come to 1970-01-01T00:00:02Z, and has not moved since 1970-01-01T00:00:00Z (0 s): \
         `limited` waits for the turn of 2 rows"
    );
}
