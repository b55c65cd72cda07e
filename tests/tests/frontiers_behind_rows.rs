//! Rules A11 and I2 of nodes that keep rows while others come, calls and buffers: what was promised behind a row waits for it.

use Seen::{End, Frontier as Moved, Row};
use streamweave::envelope::Timed;
use streamweave::prelude::*;
use streamweave::time::{Frontier, ManualClock};
use streamweave_tests::numbered::{Numbered, furthest, rows_in_order, steps};
use streamweave_tests::random::Random;
use streamweave_tests::record::{Log, Seen, record, take};
use streamweave_tests::script::{Step, drive, play};

fn at(micros: i64) -> EventTime {
    EventTime::from_micros(micros)
}

/// How long a call or a wait takes that a row asks for: in the order of the rows they do not end.
fn pause(number: i64) -> TimeDelta {
    (number * 7 % 11).micros()
}

/// What a node would see of these steps that passes each on in its place; of frontiers with no row between them the last.
fn played(steps: &[Step<Numbered>]) -> Vec<Seen<Numbered, EventTime>> {
    let mut furthest = i64::MIN;
    let seen = steps.iter().filter_map(|step| match *step {
        Step::Row(row, time) => Some(Row(row, at(time))),
        Step::Frontier(time) if time > furthest => {
            furthest = time;
            Some(Moved(at(time)))
        }
        _ => None,
    });
    last_of_frontiers(seen.chain([End]))
}

fn last_of_frontiers<D>(seen: impl IntoIterator<Item = Seen<D, EventTime>>) -> Vec<Seen<D, EventTime>> {
    let mut kept: Vec<Seen<D, EventTime>> = Vec::new();
    for seen in seen {
        if let (Some(Moved(_)), Moved(_) | End) = (kept.last(), &seen) {
            kept.pop();
        }
        kept.push(seen);
    }
    kept
}

/// The rows between two frontiers in one order.
fn sorted_between_frontiers(seen: Vec<Seen<Numbered, EventTime>>) -> Vec<Seen<Numbered, EventTime>> {
    let mut seen = seen;
    for rows in seen.split_mut(|seen| !matches!(seen, Row(..))) {
        rows.sort_by_key(|row| if let Row(row, _) = row { *row } else { (0, 0) });
    }
    seen
}

#[test]
fn a11_a_frontier_waits_behind_the_calls_of_the_rows_before_it() {
    for seed in 0..150 {
        let random = &mut Random::new(seed);
        let (steps, in_flight) = (steps(random, 0), 1 + random.place(8));
        let [ordered, unordered]: [Log<Numbered, EventTime>; 2] = Default::default();
        drive(&steps, |steps, clock| {
            let clocks = [clock.clone(), clock.clone()];
            let [first, second] = clocks.map(|clock| {
                move |row: Numbered| {
                    let clock = clock.clone();
                    async move {
                        clock.sleep(pause(row.1)).await;
                        row
                    }
                }
            });
            graph! {
                steps = from_channel(steps);
                rows = play();
                steps -> rows;
                rows -> async_map(first).in_flight(in_flight) -> record(&ordered);
                rows -> async_map(second).in_flight(in_flight).unordered() -> record(&unordered);
            }
            .clock(clock)
            .run()
        })
        .map(|ran| ran.assert_conserved())
        .expect("it ends");
        let expected = played(&steps);
        assert_eq!(last_of_frontiers(take(&ordered)), expected, "seed {seed}");
        // Rule I2: they overtake each other between two frontiers alone.
        let came = sorted_between_frontiers(last_of_frontiers(take(&unordered)));
        assert_eq!(came, sorted_between_frontiers(expected), "seed {seed}");
    }
}

#[test]
fn a11_a_frontier_waits_in_its_place_among_the_rows_of_a_buffer() {
    let mut dropped = [0; 3];
    for seed in 0..150 {
        let random = &mut Random::new(seed);
        let steps = steps(random, 0);
        let [all, oldest, newest, last]: [Log<Numbered, EventTime>; 4] = Default::default();
        drive(&steps, |steps, clock| {
            let clocks = [(); 4].map(|()| clock.clone());
            // One call at a time: rows wait before it.
            let [first, second, third, fourth] = clocks.map(|clock| {
                move |row: Numbered| {
                    let clock = clock.clone();
                    async move {
                        clock.sleep(pause(row.1)).await;
                        row
                    }
                }
            });
            graph! {
                steps = from_channel(steps);
                rows = play();
                steps -> rows;
                block = async_map(first).in_flight(1);
                drop_oldest = async_map(second).in_flight(1);
                drop_newest = async_map(third).in_flight(1);
                conflate = async_map(fourth).in_flight(1);
                #[cap(2)]
                rows -> block;
                #[cap(2, drop_oldest)]
                rows -> drop_oldest;
                #[cap(2, drop_newest)]
                rows -> drop_newest;
                #[cap(2, conflate)]
                rows -> conflate;
                block -> record(&all);
                drop_oldest -> record(&oldest);
                drop_newest -> record(&newest);
                conflate -> record(&last);
            }
            .clock(clock)
            .run()
        })
        .map(|ran| ran.assert_conserved())
        .expect("it ends");
        let expected = played(&steps);
        assert_eq!(last_of_frontiers(take(&all)), expected, "seed {seed}");
        let sent = rows_in_order(expected.clone(), "as sent").len();
        for (policy, log) in [oldest, newest, last].into_iter().enumerate() {
            let came = take(&log);
            let time = |seen: &Seen<_, EventTime>| if let Moved(time) = seen { Some(*time) } else { None };
            // Rows are dropped, and what was promised behind them is not.
            let come = came.iter().filter_map(time).max();
            assert_eq!(come, furthest(&steps).map(at), "seed {seed}, policy {policy}");
            dropped[policy] += sent - rows_in_order(came, &format!("seed {seed}, policy {policy}")).len();
        }
    }
    assert!(dropped.iter().all(|dropped| *dropped > 100), "{dropped:?}");
}

graph! {
    graph called(rows: Timed<i64>; service: ManualClock)
        -> (ordered: Timed<i64>, unordered: Timed<i64>, looked_up: Timed<i64>, buffered: Timed<i64>)
    {
        take = map(|row| row);
        rows -> take;
        first = async_map({
            let service = service.clone();
            move |row| answer(service.clone(), row)
        });
        take -> first -> ordered;
        second = async_map({
            let service = service.clone();
            move |row| answer(service.clone(), row)
        })
        .unordered();
        take -> second -> unordered;
        third = lookup({
            let service = service.clone();
            move |row| found(service.clone(), row)
        });
        take -> key_by(|row| *row) -> third -> map(|row| row.key) -> looked_up;
        third.err -> discard;
        fourth = async_map(move |row| answer(service.clone(), row)).in_flight(1);
        #[cap(9)]
        take -> fourth;
        fourth -> buffered;
    }
}

/// An answer that takes as many seconds as the row says.
async fn answer(service: ManualClock, row: i64) -> i64 {
    service.sleep(row.secs()).await;
    row
}

async fn found(service: ManualClock, row: i64) -> Result<Option<i64>, ()> {
    Ok(Some(answer(service, row).await))
}

/// What came out of each of the four outputs, and where they are.
macro_rules! of_four {
    ($graph:ident) => {{
        $graph.settle();
        let outputs = &mut $graph.outputs;
        let rows = [
            outputs.ordered.take(),
            outputs.unordered.take(),
            outputs.looked_up.take(),
            outputs.buffered.take(),
        ];
        let outputs = [&outputs.ordered, &outputs.unordered, &outputs.looked_up, &outputs.buffered];
        (rows, outputs.map(|output| *output.frontier()))
    }};
}

#[test]
fn a11_idleness_waits_behind_the_calls_in_flight() {
    let service = ManualClock::new();
    let mut graph = called::harness(service.clone());
    graph.inputs.rows.send_at(2, at(5));
    graph.inputs.rows.send_at(1, at(6));
    graph.inputs.rows.idle_at(at(7));
    let (rows, come) = of_four!(graph);
    assert_eq!((rows, come), (<[Vec<i64>; 4]>::default(), [Frontier::start(); 4]));
    service.advance(1.secs());
    let (rows, come) = of_four!(graph);
    // Nothing overtakes the row that takes longer, but where order does not matter.
    assert_eq!(rows, [vec![], vec![1], vec![], vec![]]);
    assert_eq!(come, [Frontier::start(); 4]);
    service.advance(1.secs());
    let (rows, come) = of_four!(graph);
    assert_eq!(rows, [vec![2, 1], vec![2], vec![2, 1], vec![2]]);
    let idle = Frontier::at(at(7)).idle();
    assert_eq!(come, [idle, idle, idle, Frontier::start()]);
    service.advance(1.secs());
    let (rows, come) = of_four!(graph);
    assert_eq!((&rows[3], come[3]), (&vec![1], idle));
    // A row that comes later is none the worse for it.
    graph.inputs.rows.advance_to(at(8));
    graph.inputs.rows.send_at(1, at(9));
    let (rows, come) = of_four!(graph);
    assert_eq!((rows, come), (<[Vec<i64>; 4]>::default(), [Frontier::at(at(8)); 4]));
    graph.inputs.rows.close();
    service.advance(1.secs());
    let (rows, come) = of_four!(graph);
    assert_eq!((rows, come), ([(); 4].map(|()| vec![1]), [Frontier::end(); 4]));
    graph.finish().expect("nothing fails").assert_conserved();
}
