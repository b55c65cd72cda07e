//! Random graphs, as chains of nodes.

use crate::description::{Arrow, Description, Kind, Port, Times, Tumbling};
use crate::random::Random;

/// A graph while it grows, and after [`Shape::finish`] as it will be written.
pub(crate) struct Shape {
    pub(crate) nodes: Vec<Kind>,
    /// What enters each node, in the order of its list.
    inputs: Vec<Vec<Output>>,
    /// Of each node: whether its rows have a time, and by what factor they may have multiplied.
    traits: Vec<Traits>,
    /// The statements in the order of the text.
    pub(crate) chains: Vec<Chain>,
}

/// `[origins] -> node -> node -> [ends]`.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) origins: Vec<Output>,
    pub(crate) nodes: Vec<usize>,
    /// Several ends of one arrow: each has only this arrow. May be empty.
    pub(crate) ends: Vec<usize>,
}

/// An output port of a node.
pub(crate) type Output = (usize, Port);

#[derive(Clone, Copy, Default)]
struct Traits {
    timed: bool,
    volume: u64,
}

impl Shape {
    fn new() -> Self {
        Shape { nodes: Vec::new(), inputs: Vec::new(), traits: Vec::new(), chains: Vec::new() }
    }

    fn source(&mut self) -> Output {
        let input = self.nodes.len();
        self.nodes.push(Kind::Source(input));
        self.inputs.push(Vec::new());
        self.traits.push(Traits { timed: false, volume: 1 });
        (input, Port::Out)
    }

    /// Places a node behind the outputs; gives its `out`.
    fn place(&mut self, kind: Kind, inputs: &[Output]) -> Output {
        let timed = matches!(kind, Kind::AssignTime(..)) || self.timed(inputs[0]);
        let volume = inputs.iter().map(|&input| self.volume(input)).sum();
        self.nodes.push(kind);
        self.inputs.push(inputs.to_vec());
        self.traits.push(Traits { timed, volume });
        (self.nodes.len() - 1, Port::Out)
    }

    fn timed(&self, (node, port): Output) -> bool {
        let drops_time = matches!(self.nodes[node], Kind::Window(_) | Kind::AssignTime(..));
        self.traits[node].timed && !(port == Port::Side && drops_time)
    }

    fn volume(&self, (node, _): Output) -> u64 {
        self.traits[node].volume
    }

    fn outputs(&self) -> Vec<Output> {
        let of = |(node, kind): (usize, &Kind)| {
            let out = (!kind.is_end()).then_some((node, Port::Out));
            let side = kind.has_side().then_some((node, Port::Side));
            out.into_iter().chain(side)
        };
        self.nodes.iter().enumerate().flat_map(of).collect()
    }

    fn open_outputs(&self) -> Vec<Output> {
        let taken: Vec<Output> = self.inputs.iter().flatten().copied().collect();
        self.outputs().into_iter().filter(|output| !taken.contains(output)).collect()
    }

    /// Ends every open output in a sink, and puts the statements into some order.
    fn finish(mut self, random: &mut Random) -> Shape {
        loop {
            let open = self.open_outputs();
            let Some(&first) = open.first() else { break };
            let alike: Vec<Output> =
                open.into_iter().filter(|&output| self.timed(output) == self.timed(first)).collect();
            match random.below(10) {
                0 if first.1 == Port::Side => self.place(Kind::Discard, &[first]),
                1..5 => self.place(Kind::Sink, &alike[..alike.len().min(3)]),
                _ => self.place(Kind::Sink, &[first]),
            };
        }
        self.chains = (0..self.nodes.len())
            .filter(|&node| !self.inputs[node].is_empty())
            .map(|node| Chain { origins: self.inputs[node].clone(), nodes: vec![node], ends: Vec::new() })
            .collect();
        random.shuffle(&mut self.chains);
        self.join_chains(random);
        self
    }

    /// Writes some of `a -> b; b -> c;` as `a -> b -> c;`, and some of `a -> b; a -> c;` as
    /// `a -> [b, c];`.
    fn join_chains(&mut self, random: &mut Random) {
        for _ in 0..4 * self.nodes.len() {
            let (one, two) = (random.place(self.chains.len()), random.place(self.chains.len()));
            let (first, second) = (&self.chains[one], &self.chains[two]);
            if one == two || second.origins.len() > 1 || !first.ends.is_empty() {
                continue;
            }
            let last = *first.nodes.last().expect("a chain has nodes");
            let ends_alike = first.origins == second.origins && first.nodes.len() == 1;
            let mut joined = first.clone();
            if second.origins[0] == (last, Port::Out) {
                joined.nodes.extend(&second.nodes);
                joined.ends.clone_from(&second.ends);
            } else if ends_alike && second.nodes.len() == 1 && second.ends.is_empty() {
                joined.ends = vec![joined.nodes[0], second.nodes[0]];
                joined.nodes.clear();
            } else {
                continue;
            }
            self.chains[one] = joined;
            self.chains.remove(two);
            if self.chains.len() == 1 {
                break;
            }
        }
        self.chains.iter_mut().for_each(|chain| {
            if chain.nodes.is_empty() {
                random.shuffle(&mut chain.ends);
            }
        });
    }

    /// The graph as data.
    pub(crate) fn description(&self) -> Description {
        let mut arrows = Vec::new();
        for chain in &self.chains {
            let mut origins = chain.origins.clone();
            for &node in &chain.nodes {
                arrows.extend(origins.iter().map(|&(from, port)| Arrow { from, port, to: node }));
                origins = vec![(node, Port::Out)];
            }
            for &to in &chain.ends {
                arrows.extend(origins.iter().map(|&(from, port)| Arrow { from, port, to }));
            }
        }
        Description { nodes: self.nodes.clone(), arrows }
    }
}

/// An operator without state.
fn plain(random: &mut Random) -> Kind {
    match random.below(12) {
        0..3 => Kind::Map(random.below(100)),
        3..6 => filter(random),
        6 => Kind::FilterMap(2 + random.below(5)),
        7..9 => Kind::FlatMap(random.below(3)),
        9 => Kind::TryMap(2 + random.below(5)),
        10 => Kind::TryNode,
        _ => Kind::Inspect,
    }
}

/// A filter; some keep nothing.
fn filter(random: &mut Random) -> Kind {
    let modulus = random.pick(&[1, 2, 3, 3, 4, 5, 5]);
    Kind::Filter(modulus, random.below(modulus))
}

/// An operator with state that does not look at the time.
fn running(random: &mut Random) -> Kind {
    match random.below(4) {
        0 => Kind::RunningCount,
        1 => Kind::RunningFold,
        2 => Kind::CountByKey(1 + random.below(4)),
        _ => Kind::FoldByKey(1 + random.below(4)),
    }
}

fn event_time(random: &mut Random) -> Kind {
    let modulus = 3 + random.below(6);
    let times = random.pick(&[Times::All, Times::OrNone(modulus), Times::OrError(modulus)]);
    Kind::AssignTime(random.pick(&[0, 1, 4, 10, 30]), times)
}

fn window(random: &mut Random) -> Kind {
    Kind::Window(Tumbling {
        size: random.pick(&[1, 2, 5, 10, 10, 16, 37]),
        offset: random.pick(&[0, 0, 0, 3, -3, 10, 57, -120]),
        keys: 1 + random.below(4),
        by_key: random.percent(30),
        folds: random.percent(60),
    })
}

/// Nodes anywhere.
pub(crate) fn random(random: &mut Random, sources: usize) -> Shape {
    let mut shape = Shape::new();
    for _ in 0..sources {
        shape.source();
    }
    let size = 5 + random.place(12);
    while shape.nodes.len() < size {
        let (all, open) = (shape.outputs(), shape.open_outputs());
        let pool = if random.percent(65) && !open.is_empty() { open } else { all };
        let first = random.pick(&pool);
        let timed = shape.timed(first);
        let mut inputs = vec![first];
        for _ in 0..random.pick(&[0, 0, 0, 1, 2]) {
            let other = random.pick(&shape.outputs());
            if shape.timed(other) == timed && !inputs.contains(&other) {
                inputs.push(other);
            }
        }
        let volume: u64 = inputs.iter().map(|&input| shape.volume(input)).sum();
        if volume > 12 {
            continue;
        }
        let kind = match (random.below(10), timed) {
            (0..3, false) => event_time(random),
            (0..4, true) => window(random),
            (4..6, _) => running(random),
            _ => plain(random),
        };
        shape.place(kind, &inputs);
    }
    shape.finish(random)
}

/// Forty operators, one behind the other.
pub(crate) fn chain(random: &mut Random) -> Shape {
    let mut shape = Shape::new();
    let mut end = shape.source();
    for place in 0..40 {
        let timed = shape.timed(end);
        let kind = match (random.below(10), timed) {
            (0, false) => event_time(random),
            (0, true) => window(random),
            (1, _) => running(random),
            // Few filters, or nothing reaches the end; flat_map keeps the rows as many as they were.
            (2, _) if place % 4 == 0 => Kind::Filter(5, random.below(5)),
            (3, _) => Kind::FlatMap(random.below(3)),
            (4, _) if place % 3 == 0 => Kind::TryMap(7),
            (5, _) => Kind::Inspect,
            _ => Kind::Map(random.below(100)),
        };
        end = shape.place(kind, &[end]);
    }
    shape.finish(random)
}

/// Six arms, some of which meet again.
pub(crate) fn fan_out(random: &mut Random) -> Shape {
    let mut shape = Shape::new();
    let mut trunk = shape.source();
    if random.percent(50) {
        trunk = shape.place(event_time(random), &[trunk]);
    }
    let mut arms = Vec::new();
    for _ in 0..6 {
        let mut arm = trunk;
        for _ in 0..1 + random.place(2) {
            let kind = if random.percent(25) { running(random) } else { plain(random) };
            arm = shape.place(kind, &[arm]);
        }
        arms.push(arm);
    }
    random.shuffle(&mut arms);
    let meeting = &arms[..2 + random.place(4)];
    let kind = if shape.timed(trunk) { window(random) } else { running(random) };
    shape.place(kind, meeting);
    shape.finish(random)
}

/// Diamonds in diamonds, three levels deep.
pub(crate) fn diamonds(random: &mut Random) -> Shape {
    let mut shape = Shape::new();
    let source = shape.source();
    let end = diamond(&mut shape, random, source, 3);
    let end = shape.place(running(random), &[end]);
    shape.place(Kind::Sink, &[end]);
    shape.finish(random)
}

/// The same behind a node that assigns time, and before a window.
pub(crate) fn diamonds_in_time(random: &mut Random) -> Shape {
    let mut shape = Shape::new();
    let source = shape.source();
    let timed = shape.place(event_time(random), &[source]);
    let end = diamond(&mut shape, random, timed, 3);
    let end = shape.place(window(random), &[end]);
    shape.place(Kind::Sink, &[end]);
    shape.finish(random)
}

/// Arms with a time and a bound of their own, that meet before a window: only the least of their
/// frontiers counts.
pub(crate) fn times_that_meet(random: &mut Random) -> Shape {
    let mut shape = Shape::new();
    let source = shape.source();
    let mut arms = Vec::new();
    for _ in 0..2 + random.place(2) {
        let before = shape.place(plain(random), &[source]);
        let timed = shape.place(event_time(random), &[before]);
        arms.push(shape.place(arm(random), &[timed]));
    }
    let end = shape.place(window(random), &arms);
    shape.place(Kind::Sink, &[end]);
    shape.finish(random)
}

/// Two arms of which one is longer, each perhaps with a diamond in it, that meet again.
fn diamond(shape: &mut Shape, random: &mut Random, from: Output, levels: usize) -> Output {
    let mut long = shape.place(arm(random), &[from]);
    let mut short = from;
    if random.percent(60) {
        short = shape.place(arm(random), &[short]);
    }
    if levels > 1 {
        if random.percent(70) {
            long = diamond(shape, random, long, levels - 1);
        } else {
            short = diamond(shape, random, short, levels - 1);
        }
    }
    long = shape.place(arm(random), &[long]);
    let mut arms = [long, short];
    random.shuffle(&mut arms);
    shape.place(Kind::Map(random.below(100)), &arms)
}

fn arm(random: &mut Random) -> Kind {
    match random.below(8) {
        0 => Kind::Filter(4, random.below(4)),
        1 => Kind::FlatMap(random.below(3)),
        2 => Kind::TryMap(4),
        3 => running(random),
        4 => Kind::Inspect,
        _ => Kind::Map(random.below(100)),
    }
}
