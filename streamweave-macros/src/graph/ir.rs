//! A graph as nodes and edges, each with the span of the tokens that it stands for.

use proc_macro2::{Span, TokenStream};
use syn::{Expr, Ident, Type};

pub(super) use super::syntax::Signature;

/// A graph, lowered.
pub(super) struct Graph {
    pub(super) library: TokenStream,
    /// What makes it an item with ports.
    pub(super) signature: Option<Signature>,
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    pub(super) loops: Vec<Loop>,
    /// What it promises of its state, and where it says so.
    pub(super) durable: Option<(Guarantee, Span)>,
    pub(super) circles: Vec<Circle>,
}

/// What a graph promises of its state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Guarantee {
    AtLeastOnce,
    ExactlyOnce,
}

impl Guarantee {
    /// The library's name for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Guarantee::AtLeastOnce => "AtLeastOnce",
            Guarantee::ExactlyOnce => "ExactlyOnce",
        }
    }
}

/// A circle that an arrow closes, and that is no loop to a fixed point.
pub(super) struct Circle {
    /// Where what goes round and what comes in meet.
    pub(super) entrance: usize,
    /// Where rows are sent back.
    pub(super) back: usize,
    /// How many rows may wait, and what becomes of more.
    pub(super) rows: Expr,
    pub(super) overflow: &'static str,
    /// The attribute.
    pub(super) setting: Span,
    /// Both ends of the arrow in words.
    pub(super) from: String,
    pub(super) to: String,
}

/// A loop to a fixed point.
pub(super) struct Loop {
    pub(super) name: String,
    pub(super) span: Span,
    /// The loop around it.
    pub(super) around: Option<usize>,
    /// The node that drives it, which stands in the loop around.
    pub(super) head: usize,
    pub(super) limit: Limit,
    /// Whether a stream of its body ends it.
    pub(super) has_end: bool,
    /// What comes into it, in the order of the head's ports.
    pub(super) lanes: Vec<Lane>,
}

/// How often a loop goes around at most.
pub(super) enum Limit {
    Default,
    /// So often.
    Rounds(Expr),
    /// The run fails where that is not enough.
    Error(Expr),
    /// The loop gives what it has come to.
    Return(Expr),
}

/// What comes into a loop.
pub(super) enum Lane {
    /// A stream from outside.
    Enters,
    /// A variable.
    Variable { name: Ident, carries: Option<Box<Type>>, is_assigned: bool },
}

/// A node.
pub(super) struct Node {
    /// Its name in messages, pictures and reports.
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) operator: Operator,
    /// The name that the user gave it, and the type that it is to carry.
    pub(super) named: Option<Ident>,
    pub(super) carries: Option<Type>,
    /// The loop in which it stands.
    pub(super) within: Option<usize>,
    /// What it was called before.
    pub(super) was: Vec<String>,
    /// Whether rows are set aside at which it panics.
    pub(super) sets_aside: bool,
}

/// What stands at a node.
pub(super) enum Operator {
    /// As the user wrote it.
    Written(Expr),
    /// The merge of a bracket list.
    Merge,
    /// What becomes of what comes out of the `err` port of the node of this name.
    Policy(Expr, String),
    /// The same for every `err` port that is left open.
    Default(Expr),
    /// What lets rows wait, as an attribute of an arrow says.
    Buffer(Expr),
    /// The input port of a named graph, by its number.
    Entry(usize),
    /// The output port of a named graph, by its number.
    Exit(usize),
    /// The head of a loop, by its number.
    Head(usize),
    /// Where a variable is assigned: the loop, and the lane.
    Feedback(usize, usize),
    /// The end of the stream that ends a loop.
    Until(usize),
    /// The way out of a loop.
    Leave,
    /// Where a circle is entered, by its number.
    Entrance(usize),
    /// Where rows are sent back to the entrance of a circle.
    Return(usize),
}

/// An arrow.
pub(super) struct Edge {
    pub(super) from: usize,
    /// The output port, on the tokens that name it or, for `out`, its node.
    pub(super) port: Ident,
    pub(super) to: usize,
    /// The input port, where it is named.
    pub(super) inlet: Option<Ident>,
    /// The lane, where it enters the head of a loop.
    pub(super) lane: Option<usize>,
    /// The tokens that name its end.
    pub(super) to_span: Span,
    /// Both ends in words.
    pub(super) from_words: String,
    pub(super) to_words: String,
}

impl Node {
    /// Whether it is an operator that stands inline, by its name alone.
    pub(super) fn is_bare(&self) -> bool {
        self.named.is_none() && matches!(self.operator, Operator::Written(Expr::Path(_)))
    }
}

impl Graph {
    /// The edges that enter a node, in the order in which they are written.
    pub(super) fn entering(&self, node: usize) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.to == node)
    }

    /// The edges that leave a node.
    pub(super) fn leaving(&self, node: usize) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.from == node)
    }

    /// The nodes from which a way leads to the entrance of a circle, and to which one leads from there, in their order; none where
    /// its arrow closes none.
    pub(super) fn around(&self, circle: usize) -> Vec<usize> {
        let (entrance, back) = (self.circles[circle].entrance, self.circles[circle].back);
        let before = self.reached(entrance, |from, to| (to, from));
        let behind = self.reached(entrance, |from, to| (from, to));
        let is_around = |node: &usize| behind[back] && before[*node] && behind[*node];
        (0..self.nodes.len()).filter(is_around).collect()
    }

    /// The nodes that arrows lead to, `turned`, those that go back among them.
    fn reached(&self, start: usize, turned: impl Fn(usize, usize) -> (usize, usize)) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        reached[start] = true;
        let mut left = vec![start];
        while let Some(node) = left.pop() {
            let forth = self.edges.iter().map(|edge| (edge.from, edge.to));
            let back = self.circles.iter().map(|circle| (circle.back, circle.entrance));
            for (from, to) in forth.chain(back).map(|(from, to)| turned(from, to)) {
                if from == node && !std::mem::replace(&mut reached[to], true) {
                    left.push(to);
                }
            }
        }
        reached
    }

    pub(super) fn is_source(&self, node: usize) -> bool {
        let fed = matches!(
            self.nodes[node].operator,
            Operator::Exit(_)
                | Operator::Default(_)
                | Operator::Feedback(..)
                | Operator::Until(_)
                | Operator::Head(_)
        );
        !fed && self.entering(node).next().is_none()
    }

    /// A node whose result the run yields: it has a name, and nothing leaves it.
    pub(super) fn is_sink(&self, node: usize) -> bool {
        self.leaving(node).next().is_none() && !self.is_source(node)
    }
}
