//! The engine against loops written by hand: `cargo bench -p streamweave --bench hand`.
//!
//! Each workload runs as a graph and as the loop that an engineer would write for the same work,
//! in turn, in one process; the answers are compared before a time is printed. The ratio is the
//! median of the ratios pair by pair: machines are noisy, and what disturbs one half of a pair
//! mostly disturbs the other.
//!
//! - W1: five cheap operators (`x * k1 + 1`, keep odd, `x ^ (x >> 7)`, keep those not divisible
//!   by 3, `x * k2`) on 20 M `u64` in memory, and their wrapping sum. All counters are on.
//! - W3: bids per auction in ten-second tumbling windows of event time over Nexmark bids, shuffled
//!   within five seconds. The graph's frontier moves every 100 ms of event time, the loop's every 1,024 rows.
//! - S: the same bids in sliding windows of 60 seconds that start 30, 10 and 1 apart. The loop adds each row to each of
//!   its 2, 6 or 60 windows; the graph adds it to one slice.
//! - W4: persons and the auctions that they sell, of Nexmark, joined by the person, whichever comes first: a quarter of the
//!   rows are persons. The loop is a symmetric hash join with its rows in two vectors.
//!
//! `hand w1|w3|sliding|w4` compares that alone. `hand run graph|loop w1|w3|w4|s30|s10|s1 N` runs one alone, for profilers and
//! instruction counters; so does `hand run none w1|w3|w4 N`, which only makes the input.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::{Event, EventType};
use streamweave::prelude::*;

const K1: u64 = 0x9E37_79B9_7F4A_7C15;
const K2: u64 = 0xD1B5_4A32_D192_ED03;
const ROUNDS: usize = 11;
const W1_ROWS: u64 = 20_000_000;
const W3_ROWS: usize = 3_000_000;
const SLIDING_ROWS: usize = 1_000_000;
const W4_ROWS: usize = 2_400_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "run") {
        return run_one(&arguments[1..]);
    }
    println!("| workload | rows | graph | loop | graph / loop (median of {ROUNDS}) | least |");
    println!("|---|---|---|---|---|---|");
    let wanted = |name: &str| {
        let mut names = arguments.iter().filter(|argument| argument.starts_with(['w', 's'])).peekable();
        names.peek().is_none() || names.any(|argument| argument == name)
    };
    if wanted("w1") {
        let numbers: Vec<u64> = (0..W1_ROWS).collect();
        compare("W1 five operators", numbers.len(), || w1_graph(&numbers), || w1_loop(&numbers));
    }
    if wanted("w3") {
        let bids = bids(W3_ROWS);
        compare("W3 windowed count", bids.len(), || w3_graph(&bids), || w3_loop(&bids));
    }
    if wanted("sliding") {
        let bids = bids(SLIDING_ROWS);
        for slide in [30, 10, 1] {
            let name = format!("S 60 s windows by {slide} s");
            compare(&name, bids.len(), || sliding_graph(&bids, slide), || sliding_loop(&bids, slide));
        }
    }
    if wanted("w4") {
        let sales = sales(W4_ROWS);
        compare("W4 regular join", sales.len(), || w4_graph(&sales), || w4_loop(&sales));
    }
}

fn run_one(arguments: &[String]) {
    let [engine, workload, rows] = arguments else {
        return eprintln!("usage: hand run graph|loop|none w1|w3|w4 N");
    };
    let rows: usize = rows.parse().expect("N is a number");
    match (&**engine, &**workload) {
        ("graph", "w1") => println!("{:?}", w1_graph(&Vec::from_iter(0..rows as u64))),
        ("loop", "w1") => println!("{:?}", w1_loop(&Vec::from_iter(0..rows as u64))),
        ("graph", "w3") => println!("{:?}", w3_graph(&bids(rows))),
        ("loop", "w3") => println!("{:?}", w3_loop(&bids(rows))),
        ("graph", "s30" | "s10" | "s1") => println!("{:?}", sliding_graph(&bids(rows), slide(workload))),
        ("loop", "s30" | "s10" | "s1") => println!("{:?}", sliding_loop(&bids(rows), slide(workload))),
        ("graph", "w4") => println!("{:?}", w4_graph(&sales(rows))),
        ("loop", "w4") => println!("{:?}", w4_loop(&sales(rows))),
        (_, "w1") => println!("{}", black_box(Vec::from_iter(0..rows as u64)).len()),
        (_, "w3" | "s30" | "s10" | "s1") => println!("{}", bids(rows).len()),
        (_, "w4") => println!("{}", sales(rows).len()),
        _ => eprintln!("usage: hand run graph|loop|none w1|w3|w4|s30|s10|s1 N"),
    }
}

/// The slide, in seconds, of a workload `s..`.
fn slide(workload: &str) -> i64 {
    workload[1..].parse().expect("a workload of the list")
}

/// Prints a row of the table.
fn compare<R: PartialEq + std::fmt::Debug>(
    name: &str,
    rows: usize,
    graph: impl Fn() -> R,
    hand: impl Fn() -> R,
) {
    let mut pairs: Vec<(Duration, Duration)> = Vec::new();
    for round in 0..=ROUNDS {
        let (graph_took, graph_says) = timed(&graph);
        let (hand_took, hand_says) = timed(&hand);
        assert_eq!(graph_says, hand_says, "{name}: the answers differ");
        // The first round warms up.
        if round > 0 {
            pairs.push((graph_took, hand_took));
        }
    }
    let mut ratios: Vec<f64> = pairs.iter().map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    let per_row = |took: Duration| took.as_secs_f64() * 1e9 / rows as f64;
    let median = |of: fn(&(Duration, Duration)) -> Duration| {
        let mut times: Vec<Duration> = pairs.iter().map(of).collect();
        times.sort();
        per_row(times[times.len() / 2])
    };
    println!(
        "| {name} | {rows} | {:.2} ns a row | {:.2} ns a row | {:.2} | {:.2} |",
        median(|pair| pair.0),
        median(|pair| pair.1),
        ratios[ratios.len() / 2],
        ratios[0],
    );
}

fn timed<R>(work: impl Fn() -> R) -> (Duration, R) {
    let begun = Instant::now();
    let answer = black_box(work());
    (begun.elapsed(), answer)
}

fn block_on<R>(future: impl Future<Output = Result<R, streamweave::Error>>) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future).expect("the graph runs to its end")
}

#[inline(never)]
fn w1_graph(numbers: &[u64]) -> u64 {
    let mut sum = 0_u64;
    block_on(
        graph! {
            numbers = from_iter(numbers.iter().copied());
            numbers -> map(|x| x.wrapping_mul(K1).wrapping_add(1)) -> filter(|x| x & 1 == 1)
                -> map(|x| x ^ (x >> 7)) -> filter(|x| x % 3 != 0) -> map(|x| x.wrapping_mul(K2))
                -> for_each(|x| sum = sum.wrapping_add(x));
        }
        .run(),
    );
    sum
}

#[inline(never)]
fn w1_loop(numbers: &[u64]) -> u64 {
    let mut sum = 0_u64;
    for x in numbers {
        let x = x.wrapping_mul(K1).wrapping_add(1);
        if x & 1 == 0 {
            continue;
        }
        let x = x ^ (x >> 7);
        if x % 3 == 0 {
            continue;
        }
        sum = sum.wrapping_add(x.wrapping_mul(K2));
    }
    sum
}

/// An auction that was bid on, and when, in microseconds.
#[derive(Clone, Copy)]
struct Bid {
    auction: usize,
    time: i64,
}

const WINDOW: i64 = 10_000_000;
const DISPLACEMENT: i64 = 5_000_000;

/// Nexmark's bids, each moved back by up to five seconds of event time.
fn bids(rows: usize) -> Vec<Bid> {
    let config = NexmarkConfig { base_time: 1_436_918_400_000, ..NexmarkConfig::default() };
    let generator = EventGenerator::new(config).with_type_filter(EventType::Bid);
    let mut random = 88_172_645_463_325_252_u64;
    let mut bids: Vec<(i64, Bid)> = generator
        .take(rows)
        .filter_map(|event| match event {
            Event::Bid(bid) => Some(Bid { auction: bid.auction, time: bid.date_time as i64 * 1_000 }),
            _ => None,
        })
        .map(|bid| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (bid.time + (random % DISPLACEMENT as u64) as i64, bid)
        })
        .collect();
    bids.sort_by_key(|(arrival, _)| *arrival);
    bids.into_iter().map(|(_, bid)| bid).collect()
}

/// Panes, and a sum over all of them that any order gives.
type Counted = (u64, u64);

fn enter(counted: &mut Counted, start: i64, auction: usize, bids: u64) {
    counted.0 += 1;
    counted.1 = counted.1.wrapping_add((auction as u64 ^ start as u64).wrapping_mul(K1) ^ bids);
}

#[inline(never)]
fn w3_graph(bids: &[Bid]) -> Counted {
    let mut counted = (0, 0);
    block_on(
        graph! {
            bids   = from_iter(bids.iter().copied());
            counts = tumbling(10.secs()).aggregate(Count::new);
            bids -> event_time(|bid| EventTime::from_micros(bid.time), bounded(5.secs()).every(100.millis()))
                -> key_by(|bid| bid.auction) -> counts
                -> for_each(|pane| enter(&mut counted, pane.value.window.start.micros(), pane.key, pane.value.value));
            counts.late -> for_each(|late| panic!("no bid is late: {late:?}", late = late.time));
        }
        .run(),
    );
    counted
}

type Map = HashMap<usize, u64, FixedState>;

#[inline(never)]
fn w3_loop(bids: &[Bid]) -> Counted {
    let mut counted = (0, 0);
    let (mut newest, mut start) = (Map::default(), None);
    let mut older: Vec<(i64, Map)> = Vec::new();
    let mut recycled: Vec<Map> = Vec::new();
    let (mut greatest, mut frontier) = (i64::MIN, i64::MIN);
    for batch in bids.chunks(1_024) {
        for bid in batch {
            greatest = greatest.max(bid.time);
            let window = bid.time - bid.time.rem_euclid(WINDOW);
            if start == Some(window) {
                *newest.entry(bid.auction).or_insert(0) += 1;
                continue;
            }
            assert!(window + WINDOW > frontier, "no bid is late");
            if start.is_none_or(|start| start < window) {
                let before = std::mem::replace(&mut newest, recycled.pop().unwrap_or_default());
                if let Some(start) = start.replace(window) {
                    older.push((start, before));
                }
                *newest.entry(bid.auction).or_insert(0) += 1;
                continue;
            }
            let at = older.iter().position(|(start, _)| *start == window).unwrap_or_else(|| {
                let at = older.partition_point(|(start, _)| *start < window);
                older.insert(at, (window, recycled.pop().unwrap_or_default()));
                at
            });
            *older[at].1.entry(bid.auction).or_insert(0) += 1;
        }
        frontier = greatest - DISPLACEMENT;
        while older.first().is_some_and(|(start, _)| start + WINDOW <= frontier) {
            let (start, mut map) = older.remove(0);
            map.drain().for_each(|(auction, bids)| enter(&mut counted, start, auction, bids));
            recycled.push(map);
        }
        if let Some(first) = start.filter(|start| start + WINDOW <= frontier) {
            newest.drain().for_each(|(auction, bids)| enter(&mut counted, first, auction, bids));
            start = None;
        }
    }
    older.extend(start.map(|start| (start, newest)));
    for (start, map) in older {
        map.into_iter().for_each(|(auction, bids)| enter(&mut counted, start, auction, bids));
    }
    counted
}

const SIZE: i64 = 60_000_000;

#[inline(never)]
fn sliding_graph(bids: &[Bid], slide: i64) -> Counted {
    let mut counted = (0, 0);
    block_on(
        graph! {
            bids   = from_iter(bids.iter().copied());
            counts = sliding(60.secs(), slide.secs()).aggregate(Count::new);
            bids -> event_time(|bid| EventTime::from_micros(bid.time), bounded(5.secs()))
                -> key_by(|bid| bid.auction) -> counts
                -> for_each(|pane| enter(&mut counted, pane.value.window.start.micros(), pane.key, pane.value.value));
            counts.late -> for_each(|late| panic!("no bid is late: {late:?}", late = late.time));
        }
        .run(),
    );
    counted
}

#[inline(never)]
fn sliding_loop(bids: &[Bid], slide: i64) -> Counted {
    let slide = slide * 1_000_000;
    let mut counted = (0, 0);
    let mut windows: std::collections::VecDeque<(i64, Map)> = Default::default();
    let mut greatest = i64::MIN;
    for batch in bids.chunks(1_024) {
        for bid in batch {
            greatest = greatest.max(bid.time);
            let newest = bid.time - bid.time.rem_euclid(slide);
            let oldest = newest - SIZE + slide;
            if windows.is_empty() {
                windows.push_back((oldest, Map::default()));
            }
            while windows[0].0 > oldest {
                windows.push_front((windows[0].0 - slide, Map::default()));
            }
            while windows[windows.len() - 1].0 < newest {
                windows.push_back((windows[windows.len() - 1].0 + slide, Map::default()));
            }
            let first = ((oldest - windows[0].0) / slide) as usize;
            for (_, map) in windows.range_mut(first..first + (SIZE / slide) as usize) {
                *map.entry(bid.auction).or_insert(0) += 1;
            }
        }
        while windows.front().is_some_and(|(start, _)| start + SIZE <= greatest - DISPLACEMENT) {
            let (start, map) = windows.pop_front().expect("there is one");
            map.into_iter().for_each(|(auction, bids)| enter(&mut counted, start, auction, bids));
        }
    }
    for (start, map) in windows {
        map.into_iter().for_each(|(auction, bids)| enter(&mut counted, start, auction, bids));
    }
    counted
}

/// A person who came, or an auction that a person opened.
#[derive(Clone, Copy)]
enum Sale {
    Person { id: usize, since: u64 },
    Auction { id: usize, seller: usize },
}

/// Nexmark's persons and auctions, in its order: of four one is a person.
fn sales(rows: usize) -> Vec<Sale> {
    let config = || NexmarkConfig { base_time: 1_436_918_400_000, ..NexmarkConfig::default() };
    let of = |filter| EventGenerator::new(config()).with_type_filter(filter);
    let sales = of(EventType::Person).take(rows / 4).chain(of(EventType::Auction).take(rows / 4 * 3));
    let mut sales: Vec<(u64, Sale)> = sales
        .filter_map(|event| match event {
            Event::Person(person) => {
                Some((person.date_time, Sale::Person { id: person.id, since: person.date_time }))
            }
            Event::Auction(auction) => {
                Some((auction.date_time, Sale::Auction { id: auction.id, seller: auction.seller }))
            }
            Event::Bid(_) => None,
        })
        .collect();
    sales.sort_by_key(|(time, _)| *time);
    sales.into_iter().map(|(_, sale)| sale).collect()
}

/// Pairs, and a sum over all of them that any order gives.
fn pair(paired: &mut Counted, person: usize, since: u64, auction: usize) {
    paired.0 += 1;
    paired.1 = paired.1.wrapping_add((auction as u64 ^ since).wrapping_mul(K1) ^ person as u64);
}

#[inline(never)]
fn w4_graph(sales: &[Sale]) -> Counted {
    let mut paired = (0, 0);
    block_on(
        graph! {
            sales = from_iter(sales.iter().copied());
            sold  = join();
            sales -> filter_map(|sale| match sale {
                Sale::Person { id, since } => Some(Keyed { key: id, value: since }),
                Sale::Auction { .. } => None,
            }) -> sold.left;
            sales -> filter_map(|sale| match sale {
                Sale::Auction { id, seller } => Some(Keyed { key: seller, value: id }),
                Sale::Person { .. } => None,
            }) -> sold.right;
            sold -> for_each(|row| pair(&mut paired, row.key, row.value.0, row.value.1));
        }
        .run(),
    );
    paired
}

/// No row.
const NONE: u32 = u32::MAX;

#[inline(never)]
fn w4_loop(sales: &[Sale]) -> Counted {
    let mut paired = (0, 0);
    // The newest person and the newest auction of a key; each row knows the one before it.
    let mut keys: HashMap<usize, (u32, u32), FixedState> = HashMap::default();
    let mut persons: Vec<(u64, u32)> = Vec::new();
    let mut auctions: Vec<(usize, u32)> = Vec::new();
    for sale in sales {
        match *sale {
            Sale::Person { id, since } => {
                let (newest, auction) = keys.entry(id).or_insert((NONE, NONE));
                let mut next = *auction;
                while let Some((auction, before)) = auctions.get(next as usize) {
                    pair(&mut paired, id, since, *auction);
                    next = *before;
                }
                persons.push((since, *newest));
                *newest = persons.len() as u32 - 1;
            }
            Sale::Auction { id, seller } => {
                let (person, newest) = keys.entry(seller).or_insert((NONE, NONE));
                let mut next = *person;
                while let Some((since, before)) = persons.get(next as usize) {
                    pair(&mut paired, seller, *since, id);
                    next = *before;
                }
                auctions.push((id, *newest));
                *newest = auctions.len() as u32 - 1;
            }
        }
    }
    paired
}
