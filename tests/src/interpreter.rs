//! A naive interpreter of graphs: the oracle of the random graphs.
//!
//! It is written from SEMANTICS.md and knows nothing of the engine. One row goes through the
//! whole graph, depth first, before the next row starts; where several arrows leave a port it
//! takes them in the order in which they are written. A frontier follows directly after the row
//! that moves it, by the same arrows. Hence there are no batches here: that the engine, which has
//! them, gives the same rows in the same order is rule Z1.
//!
//! - The frontier behind several arrows is the least of theirs (A2); one that has ended does not
//!   count (A13), for the end is above every time.
//! - A row of a window is late when the frontier has reached the end of the window, and only then
//!   (B6, D1). Windows fire by end; in a window panes come by first arrival of the key.
//! - A pane has the last time of its window.
//! - Where an operator has two ports, frontiers and the end go to `out` first. SEMANTICS.md does
//!   not say so: this is the one thing taken from the order in which the ports are documented.

use std::collections::VecDeque;

use crate::description::{Description, Kind, Port, Times, Tumbling};
use crate::row::{Row, Summary};

/// What a run comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The rows of every sink, by node.
    pub sinks: Vec<(usize, Vec<Row>)>,
    /// The books of every node, by node.
    pub books: Vec<Books>,
}

/// What became of the rows that a node received (rule Z2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Came in.
    pub received: u64,
    /// Went on, to whatever port.
    pub passed: u64,
    /// Were filtered out.
    pub filtered: u64,
    /// Went into a window, or to the outside.
    pub absorbed: u64,
    /// Came too late.
    pub late: u64,
}

/// In which order sources are taken from: a batch from each in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The source that has the first turn.
    pub first: usize,
    /// Whether a source ends with its last row; else at its next turn.
    pub ends_early: bool,
}

impl Schedule {
    /// Every schedule of so many sources.
    pub fn all(sources: usize) -> Vec<Schedule> {
        let of = |ends_early| (0..sources).map(move |first| Schedule { first, ends_early });
        [false, true].into_iter().flat_map(of).collect()
    }
}

/// Runs a graph to its end.
pub fn interpret(graph: &Description, inputs: &[Vec<Row>], batch: usize, schedule: Schedule) -> Outcome {
    let mut interpreter = Interpreter::new(graph);
    for turn in turns(graph, inputs, batch, schedule) {
        match turn {
            Turn::Row(source, row) => interpreter.emit(source, Port::Out, row, 0),
            Turn::End(source) => interpreter.hand_on(source, Frontier::End),
        }
    }
    let sinks = interpreter.states.iter().enumerate().filter_map(|(node, state)| match state {
        State::Collected(rows) => Some((node, rows.clone())),
        _ => None,
    });
    Outcome { sinks: sinks.collect(), books: interpreter.books }
}

/// What a source does.
enum Turn {
    Row(usize, Row),
    End(usize),
}

/// What the sources do, in order.
fn turns(graph: &Description, inputs: &[Vec<Row>], batch: usize, schedule: Schedule) -> Vec<Turn> {
    let sources = graph.nodes.iter().enumerate().filter_map(|(node, kind)| match kind {
        Kind::Source(input) => Some((node, inputs[*input].iter().copied().collect::<VecDeque<Row>>())),
        _ => None,
    });
    let mut waiting: VecDeque<_> = sources.collect();
    waiting.rotate_left(schedule.first);
    let mut turns = Vec::new();
    while let Some((node, mut rows)) = waiting.pop_front() {
        let taken = rows.len().min(batch);
        turns.extend(rows.drain(..taken).map(|row| Turn::Row(node, row)));
        let saw_the_end = rows.is_empty() && (schedule.ends_early || taken < batch);
        if saw_the_end {
            turns.push(Turn::End(node));
        } else {
            waiting.push_back((node, rows));
        }
    }
    turns
}

/// The lower bound on the times still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Frontier {
    Unknown,
    At(i64),
    End,
}

/// A window that has a row, and what its keys come to by first arrival.
struct Open {
    start: i64,
    end: i64,
    keys: Vec<(u64, u64, Summary)>,
}

/// What a node remembers.
enum State {
    Nothing,
    Count(u64),
    Fold(Summary),
    CountByKey(Vec<(u64, u64)>),
    FoldByKey(Vec<(u64, Summary)>),
    Greatest(Option<i64>),
    Windows(Vec<Open>),
    Collected(Vec<Row>),
}

struct Interpreter<'a> {
    graph: &'a Description,
    states: Vec<State>,
    /// The frontier of every arrow.
    arrows: Vec<Frontier>,
    /// The frontier that a node has received: the least of its arrows.
    frontiers: Vec<Frontier>,
    books: Vec<Books>,
}

impl<'a> Interpreter<'a> {
    fn new(graph: &'a Description) -> Self {
        let state = |kind: &Kind| match kind {
            Kind::RunningCount => State::Count(0),
            Kind::RunningFold => State::Fold(Summary::default()),
            Kind::CountByKey(_) => State::CountByKey(Vec::new()),
            Kind::FoldByKey(_) => State::FoldByKey(Vec::new()),
            Kind::AssignTime(..) => State::Greatest(None),
            Kind::Window(_) => State::Windows(Vec::new()),
            Kind::Sink => State::Collected(Vec::new()),
            _ => State::Nothing,
        };
        Interpreter {
            graph,
            states: graph.nodes.iter().map(state).collect(),
            arrows: vec![Frontier::Unknown; graph.arrows.len()],
            frontiers: vec![Frontier::Unknown; graph.nodes.len()],
            books: vec![Books::default(); graph.nodes.len()],
        }
    }

    /// Sends a row along every arrow of a port. `time` means nothing in a stream without time.
    fn emit(&mut self, node: usize, port: Port, row: Row, time: i64) {
        for arrow in &self.graph.arrows {
            if arrow.from == node && arrow.port == port {
                self.receive(arrow.to, row, time);
            }
        }
    }

    /// Sends a frontier along every arrow of a node.
    fn hand_on(&mut self, node: usize, frontier: Frontier) {
        self.hand_on_by(node, Port::Out, frontier);
        // Late rows, and rows without a time, go on without time.
        let without_time = matches!(self.graph.nodes[node], Kind::Window(_) | Kind::AssignTime(..));
        if !without_time || frontier == Frontier::End {
            self.hand_on_by(node, Port::Side, frontier);
        }
    }

    fn hand_on_by(&mut self, node: usize, port: Port, frontier: Frontier) {
        for (number, arrow) in self.graph.arrows.iter().enumerate() {
            if arrow.from == node && arrow.port == port {
                self.arrows[number] = frontier;
                self.look_at_frontier(arrow.to);
            }
        }
    }

    /// Advances a node if the least frontier of its arrows has advanced.
    fn look_at_frontier(&mut self, node: usize) {
        let entering = self.graph.arrows.iter().zip(&self.arrows).filter(|(arrow, _)| arrow.to == node);
        let least = entering.map(|(_, frontier)| *frontier).min().expect("an arrow enters it");
        if least > self.frontiers[node] {
            self.frontiers[node] = least;
            self.advance(node, least);
        }
    }

    fn advance(&mut self, node: usize, frontier: Frontier) {
        if let Kind::Window(window) = self.graph.nodes[node] {
            self.fire(node, window, frontier);
        }
        self.hand_on(node, frontier);
    }

    /// Fires every window that the frontier has reached, by end.
    fn fire(&mut self, node: usize, window: Tumbling, frontier: Frontier) {
        let State::Windows(windows) = &mut self.states[node] else { unreachable!("a window's state") };
        let (mut due, open) = std::mem::take(windows)
            .into_iter()
            .partition::<Vec<_>, _>(|window| frontier >= Frontier::At(window.end));
        *windows = open;
        due.sort_by_key(|window| window.end);
        for Open { start, end, mut keys } in due {
            if window.by_key {
                keys.sort_by_key(|(key, ..)| *key);
            }
            for (key, count, summary) in keys {
                let value = if window.folds { summary.row() } else { Row::of_count(count) };
                self.emit(node, Port::Out, Row::of_pane(key, start, end, value), end - 1);
            }
        }
    }

    fn receive(&mut self, node: usize, row: Row, time: i64) {
        self.books[node].received += 1;
        let out = |rows: Vec<Row>| rows.into_iter().map(|row| (Port::Out, row)).collect::<Vec<_>>();
        let sent = match self.graph.nodes[node] {
            Kind::Source(_) => unreachable!("no arrow enters a source"),
            Kind::Map(salt) => out(vec![row.step(salt)]),
            Kind::Filter(modulus, residue) => {
                out(if row.keep(modulus, residue) { vec![row] } else { vec![] })
            }
            Kind::FilterMap(modulus) => out(row.some(modulus).into_iter().collect()),
            Kind::FlatMap(salt) => out(row.several(salt).collect()),
            Kind::TryMap(modulus) => match row.attempt(modulus) {
                Ok(row) => vec![(Port::Out, row)],
                Err(row) => vec![(Port::Side, row)],
            },
            Kind::TryNode if row.value.is_multiple_of(5) => vec![(Port::Side, row)],
            Kind::TryNode => out(vec![row.step(3)]),
            Kind::Inspect => out(vec![row]),
            Kind::RunningCount | Kind::RunningFold | Kind::CountByKey(_) | Kind::FoldByKey(_) => {
                out(vec![self.accumulate(node, row)])
            }
            Kind::AssignTime(bound, times) => return self.assign_time(node, row, bound, times),
            Kind::Window(window) => return self.assign_window(node, row, time, window),
            Kind::Sink | Kind::Discard => return self.absorb(node, row),
        };
        if sent.is_empty() {
            self.books[node].filtered += 1;
        } else {
            self.books[node].passed += 1;
        }
        for (port, row) in sent {
            self.emit(node, port, row, time);
        }
    }

    /// Takes a row into a running aggregate; what that has come to.
    fn accumulate(&mut self, node: usize, row: Row) -> Row {
        match (&mut self.states[node], self.graph.nodes[node]) {
            (State::Count(count), _) => {
                *count += 1;
                Row::of_count(*count)
            }
            (State::Fold(summary), _) => {
                summary.add(row);
                summary.row()
            }
            (State::CountByKey(counts), Kind::CountByKey(keys)) => {
                let count = entry(counts, row.key(keys));
                *count += 1;
                Row::of_key_count(row.key(keys), *count)
            }
            (State::FoldByKey(summaries), Kind::FoldByKey(keys)) => {
                let summary = entry(summaries, row.key(keys));
                summary.add(row);
                Row::of_key_summary(row.key(keys), *summary)
            }
            _ => unreachable!("the state of a running aggregate"),
        }
    }

    fn assign_time(&mut self, node: usize, row: Row, bound: i64, times: Times) {
        self.books[node].passed += 1;
        let has_time = match times {
            Times::All => true,
            Times::OrNone(modulus) | Times::OrError(modulus) => !row.value.is_multiple_of(modulus),
        };
        if !has_time {
            return self.emit(node, Port::Side, row, 0);
        }
        self.emit(node, Port::Out, row, row.time);
        let State::Greatest(greatest) = &mut self.states[node] else { unreachable!("a greatest time") };
        if greatest.is_none_or(|greatest| row.time > greatest) {
            *greatest = Some(row.time);
            self.hand_on(node, Frontier::At(row.time - bound));
        }
    }

    fn assign_window(&mut self, node: usize, row: Row, time: i64, window: Tumbling) {
        let start = (time - window.offset).div_euclid(window.size) * window.size + window.offset;
        let end = start + window.size;
        match self.frontiers[node] {
            Frontier::At(frontier) if frontier >= end => {
                self.books[node].late += 1;
                return self.emit(node, Port::Side, Row::of_late(row, (start, end), frontier), 0);
            }
            Frontier::End => unreachable!("no row comes after the end"),
            Frontier::At(_) | Frontier::Unknown => {}
        }
        self.books[node].absorbed += 1;
        let State::Windows(windows) = &mut self.states[node] else { unreachable!("a window's state") };
        let place = windows.iter().position(|open| open.start == start).unwrap_or_else(|| {
            windows.push(Open { start, end, keys: Vec::new() });
            windows.len() - 1
        });
        let (keys, key) = (&mut windows[place].keys, row.key(window.keys));
        let place = keys.iter().position(|(known, ..)| *known == key).unwrap_or_else(|| {
            keys.push((key, 0, Summary::default()));
            keys.len() - 1
        });
        let (_, count, summary) = &mut keys[place];
        *count += 1;
        summary.add(row);
    }

    fn absorb(&mut self, node: usize, row: Row) {
        self.books[node].absorbed += 1;
        if let State::Collected(rows) = &mut self.states[node] {
            rows.push(row);
        }
    }
}

/// The value of a key, begun where it is new.
fn entry<V: Default>(values: &mut Vec<(u64, V)>, key: u64) -> &mut V {
    let place = values.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
        values.push((key, V::default()));
        values.len() - 1
    });
    &mut values[place].1
}
