//! Loops: what names mean in them, and how arrows cross their borders.

use proc_macro2::Span;
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Expr, Ident};

use super::{Connect, Connection, From, Lowering};
use crate::graph::ir::{Lane, Limit, Loop, Operator};
use crate::graph::syntax::{End, Item, Setting};

/// What a name stands for.
#[derive(Clone, Copy)]
pub(super) enum Means {
    Node(usize),
    /// A variable: its loop, its lane, and the node at which it is assigned.
    Variable(usize, usize, usize),
    Loop(usize),
}

const LIMITS: &str = "expected how often the loop goes around: `rounds(20)`, `max_rounds(1000)`, or `max_rounds(1000), on_limit = return`";

/// The head of a loop has so many ports for what comes in.
const MAX_LANES: usize = 8;

impl Lowering {
    /// Defines what items name; gives what is to be connected then.
    pub(super) fn define_all(&mut self, items: Vec<Item>) -> Vec<Connection> {
        let mut connections = Vec::new();
        let within = self.within;
        for item in items {
            match item {
                Item::Node { settings, name, carries, expr } => {
                    self.define(settings, name, carries.map(|carries| *carries), *expr);
                }
                Item::Chain { settings, ends } => {
                    connections.push(Connection { within, what: Connect::Chain(settings, ends) });
                }
                Item::Variable { name, carries, initial } => {
                    let variable = self.variable(name, carries, initial.is_some());
                    if let (Some((in_loop, lane)), Some(initial)) = (variable, initial) {
                        let around = self.graph.loops[in_loop].around;
                        let what = Connect::Initial(in_loop, lane, initial);
                        connections.push(Connection { within: around, what });
                    }
                }
                Item::Loop { settings, name, items } => {
                    let (until, settings) = settings.into_iter().partition(|setting| setting.name == "until");
                    if let Some(number) = self.iterate(settings, &name) {
                        self.within = Some(number);
                        connections.extend(self.until(number, until));
                        connections.extend(self.define_all(items));
                        self.within = within;
                    }
                }
            }
        }
        connections
    }

    /// Connects what has been defined: what variables begin as first, so that their types are known.
    pub(super) fn connect_all(&mut self, connections: Vec<Connection>) {
        let (initial, chains): (Vec<_>, Vec<_>) =
            connections.into_iter().partition(|connection| matches!(connection.what, Connect::Initial(..)));
        for Connection { within, what } in initial.into_iter().chain(chains) {
            self.within = within;
            match what {
                Connect::Chain(settings, ends) => self.chain(settings, ends),
                Connect::Initial(in_loop, lane, end) => self.initial(in_loop, lane, end),
                Connect::Until(in_loop, stream) => {
                    if let Some(from) = self.named_origin(&stream) {
                        let end = self.add("until".to_owned(), stream.span(), Operator::Until(in_loop));
                        self.connect(&from, end, stream.span(), None);
                    }
                }
            }
        }
        self.within = None;
        self.assigned();
    }

    /// Gives a name its meaning in the loop that is being lowered; says so where it has one.
    pub(super) fn name(&mut self, name: &Ident, means: Means) -> bool {
        let text = name.unraw().to_string();
        if let Some(other) = self.names.get(&(self.within, text.clone())) {
            let message = match other {
                Means::Node(node)
                    if matches!(self.graph.nodes[*node].operator, Operator::Entry(_) | Operator::Exit(_)) =>
                {
                    format!("`{text}` is a port of this graph already: give the node another name")
                }
                _ => format!("the name `{text}` is given to two nodes"),
            };
            self.mistakes.at(name.span(), message);
            return false;
        }
        self.names.insert((self.within, text), means);
        true
    }

    /// What a name stands for, and in which loop it does.
    pub(super) fn meaning(&self, name: &Ident) -> Option<(Means, Option<usize>)> {
        let text = name.unraw().to_string();
        let mut within = self.within;
        loop {
            if let Some(means) = self.names.get(&(within, text.clone())) {
                return Some((*means, within));
            }
            within = self.graph.loops[within?].around;
        }
    }

    /// `iterate NAME`
    fn iterate(&mut self, settings: Vec<Setting>, name: &Ident) -> Option<usize> {
        let number = self.graph.loops.len();
        if !self.name(name, Means::Loop(number)) {
            return None;
        }
        let text = name.unraw().to_string();
        let limit = self.limit(&settings);
        if let (Limit::Return(_), Some(_)) = (&limit, self.within) {
            let setting = settings.iter().find(|setting| setting.name == "on_limit");
            let span = setting.map_or(name.span(), |setting| setting.name.span());
            self.mistakes.at(span, "a loop within a loop cannot be ended at its limit: let the run fail there, or give it `rounds(n)`");
        }
        let head = self.add(text.clone(), name.span(), Operator::Head(number));
        let (around, lanes) = (self.within, Vec::new());
        let (span, has_end) = (name.span(), false);
        self.graph.loops.push(Loop { name: text, span, around, head, limit, has_end, lanes });
        Some(number)
    }

    /// `#[until(stream)]`
    fn until(&mut self, in_loop: usize, settings: Vec<Setting>) -> Option<Connection> {
        let Setting { name, values } = settings.into_iter().next()?;
        match &values[..] {
            [Expr::Path(path)] if let Some(stream) = path.path.get_ident() => {
                self.graph.loops[in_loop].has_end = true;
                Some(Connection { within: Some(in_loop), what: Connect::Until(in_loop, stream.clone()) })
            }
            _ => {
                self.mistakes.at(
                    name.span(),
                    "expected the stream of the loop's body that ends it: `until(converged)`",
                );
                None
            }
        }
    }

    /// `#[max_rounds(n), on_limit = return]`, `#[rounds(n)]`
    fn limit(&mut self, settings: &[Setting]) -> Limit {
        let (mut most, mut is_exact, mut returns) = (None, false, false);
        for setting in settings {
            match (setting.name.to_string().as_str(), &setting.values[..]) {
                ("rounds" | "max_rounds", [rounds]) if most.is_none() => {
                    is_exact = setting.name == "rounds";
                    most = Some(rounds.clone());
                }
                ("on_limit", [Expr::Return(value)]) if value.expr.is_none() => returns = true,
                ("on_limit", [Expr::Path(path)]) if path.path.is_ident("error") => {}
                _ => self.mistakes.at(setting.name.span(), LIMITS),
            }
        }
        let on_limit = settings.iter().find(|setting| setting.name == "on_limit");
        match (most, on_limit) {
            (None, Some(setting)) => {
                self.mistakes.at(
                    setting.name.span(),
                    "`on_limit` says what happens at `max_rounds(..)`: give that, too",
                );
                Limit::Default
            }
            (Some(_), Some(setting)) if is_exact => {
                self.mistakes.at(
                    setting.name.span(),
                    "`rounds(..)` is no limit that could be reached: the loop goes around so often",
                );
                Limit::Default
            }
            (None, None) => Limit::Default,
            (Some(rounds), _) if is_exact => Limit::Rounds(rounds),
            (Some(rounds), _) if returns => Limit::Return(rounds),
            (Some(rounds), _) => Limit::Error(rounds),
        }
    }

    /// `var NAME`
    fn variable(
        &mut self,
        name: Ident,
        carries: Option<Box<syn::Type>>,
        is_fed: bool,
    ) -> Option<(usize, usize)> {
        let Some(in_loop) = self.within else {
            self.mistakes.at(
                name.span(),
                "`var` declares a variable of a loop: it stands within `iterate NAME { .. }`",
            );
            return None;
        };
        if carries.is_none() && !is_fed {
            self.mistakes.at(
                name.span(),
                format!("say what `{name}` carries, or what it begins as: `var {name}: Type;`, `var {name} = stream;`"),
            );
        }
        let lane = self.graph.loops[in_loop].lanes.len();
        let feedback = self.add(name.unraw().to_string(), name.span(), Operator::Feedback(in_loop, lane));
        if !self.name(&name, Means::Variable(in_loop, lane, feedback)) {
            return None;
        }
        self.lane(in_loop, Lane::Variable { name, carries, is_assigned: false });
        Some((in_loop, lane))
    }

    fn lane(&mut self, in_loop: usize, lane: Lane) -> usize {
        let Loop { lanes, name, span, .. } = &mut self.graph.loops[in_loop];
        lanes.push(lane);
        if lanes.len() == MAX_LANES + 1 {
            let message = format!(
                "more than {MAX_LANES} streams and variables come into the loop `{name}`: merge some, or make two loops"
            );
            self.mistakes.at(*span, message);
        }
        self.graph.loops[in_loop].lanes.len() - 1
    }

    /// What a variable begins as.
    fn initial(&mut self, in_loop: usize, lane: usize, end: End) {
        let span = end.span();
        let from = self.origins(end);
        if from.is_empty() {
            return;
        }
        let from = self.merged(from, span);
        let from = self.across(&from, self.within, span);
        let Lane::Variable { name, .. } = &self.graph.loops[in_loop].lanes[lane] else { return };
        let (words, head) = (name.to_string(), self.graph.loops[in_loop].head);
        self.edge(from, head, span, words, None, Some(lane));
    }

    /// Every variable is assigned.
    fn assigned(&mut self) {
        for Loop { lanes, .. } in &self.graph.loops {
            for lane in lanes {
                if let Lane::Variable { name, is_assigned: false, .. } = lane {
                    let message = format!(
                        "the variable `{name}` is never assigned: an arrow ends at it in the loop, as in `.. -> {name};`"
                    );
                    self.mistakes.at(name.span(), message);
                }
            }
        }
    }

    /// Where a chain begins that begins with a name.
    pub(super) fn named_origin(&mut self, name: &Ident) -> Option<From> {
        match self.meaning(name) {
            Some((Means::Node(node), _)) => Some(self.out_of(node, name.span())),
            Some((Means::Variable(in_loop, lane, _), _)) => {
                Some(self.of_lane(in_loop, lane, name.to_string(), name.span()))
            }
            Some((Means::Loop(_), _)) => {
                self.mistakes.at(
                    name.span(),
                    format!("`{name}` is a loop: say which of its variables or nodes leaves it, as in `{name}.node -> ..`"),
                );
                None
            }
            None => {
                self.unknown(name);
                None
            }
        }
    }

    /// Where a chain begins that begins with a port.
    pub(super) fn port_origin(&mut self, name: &Ident, port: Ident) -> Option<From> {
        let words = format!("{name}.{port}");
        match self.meaning(name) {
            Some((Means::Node(node), _)) => {
                let within = self.graph.nodes[node].within;
                Some(From { node, port, words, within })
            }
            Some((Means::Variable(..), _)) => {
                self.mistakes.at(
                    port.span(),
                    format!("`{name}` is a variable, which has no ports: write `{name} -> ..`"),
                );
                None
            }
            Some((Means::Loop(in_loop), within)) => {
                match self.names.get(&(Some(in_loop), port.unraw().to_string())).copied() {
                    Some(Means::Node(node)) => {
                        let from = self.out_of(node, port.span());
                        Some(From { words, ..from })
                    }
                    Some(Means::Variable(_, lane, _)) => {
                        Some(self.of_lane(in_loop, lane, words, port.span()))
                    }
                    _ if port == "incomplete" => {
                        Some(From { node: self.graph.loops[in_loop].head, port, words, within })
                    }
                    _ => {
                        self.mistakes.at(
                            port.span(),
                            format!("the loop `{name}` has no variable and no node `{port}`"),
                        );
                        None
                    }
                }
            }
            None => {
                self.unknown(name);
                None
            }
        }
    }

    /// A variable, or what has entered.
    fn of_lane(&self, in_loop: usize, lane: usize, words: String, span: Span) -> From {
        let port = format_ident!("lane{lane}", span = span);
        From { node: self.graph.loops[in_loop].head, port, words, within: Some(in_loop) }
    }

    /// Where an arrow ends that ends at a name.
    pub(super) fn end_at_name(&mut self, name: &Ident, means: Means, within: Option<usize>) -> Option<usize> {
        if within != self.within {
            self.mistakes.at(
                name.span(),
                format!("`{name}` stands outside of the loop: outside, write `loop.node -> {name}`"),
            );
            return None;
        }
        match means {
            Means::Node(node) => Some(node),
            Means::Variable(in_loop, lane, feedback) => {
                let Lane::Variable { is_assigned, .. } = &mut self.graph.loops[in_loop].lanes[lane] else {
                    return None;
                };
                if std::mem::replace(is_assigned, true) {
                    self.mistakes.at(
                        name.span(),
                        format!(
                            "`{name}` is assigned already: to assign both write `[one, other] -> {name}`"
                        ),
                    );
                    return None;
                }
                Some(feedback)
            }
            Means::Loop(_) => {
                self.mistakes.at(
                    name.span(),
                    format!("`{name}` is a loop: it takes what its body names, and a variable begins as `var x = stream;`"),
                );
                None
            }
        }
    }

    /// The same stream in another loop: out of those that it is in, into those around its end.
    pub(super) fn across(&mut self, from: &From, to: Option<usize>, to_span: Span) -> From {
        let mut from =
            From { node: from.node, port: from.port.clone(), words: from.words.clone(), within: from.within };
        while !self.is_within(to, from.within) {
            from = self.leave(&from);
        }
        let mut inwards = Vec::new();
        let mut next = to;
        while next != from.within {
            let in_loop = next.expect("it stands within the loops around its end");
            inwards.push(in_loop);
            next = self.graph.loops[in_loop].around;
        }
        for in_loop in inwards.into_iter().rev() {
            from = self.enter(from, in_loop, to_span);
        }
        from
    }

    /// Whether a loop is `around`, or stands within it.
    fn is_within(&self, mut inner: Option<usize>, around: Option<usize>) -> bool {
        while inner != around {
            let Some(in_loop) = inner else { return false };
            inner = self.graph.loops[in_loop].around;
        }
        true
    }

    fn enter(&mut self, from: From, in_loop: usize, to_span: Span) -> From {
        let (head, words) = (self.graph.loops[in_loop].head, from.words.clone());
        let entered = self.graph.entering(head).find(|edge| {
            let lane = edge.lane.and_then(|lane| self.graph.loops[in_loop].lanes.get(lane));
            edge.from == from.node && edge.port == from.port && matches!(lane, Some(Lane::Enters))
        });
        let lane = match entered.and_then(|edge| edge.lane) {
            Some(lane) => lane,
            None => {
                let lane = self.lane(in_loop, Lane::Enters);
                let name = self.graph.loops[in_loop].name.clone();
                self.edge(from, head, to_span, name, None, Some(lane));
                lane
            }
        };
        self.of_lane(in_loop, lane, words, to_span)
    }

    fn leave(&mut self, from: &From) -> From {
        let outside = from.within.and_then(|in_loop| self.graph.loops[in_loop].around);
        let leaving = |node: &usize| {
            matches!(self.graph.nodes[*node].operator, Operator::Leave)
                && self.graph.entering(*node).any(|edge| edge.from == from.node && edge.port == from.port)
        };
        let known = (0..self.graph.nodes.len()).find(leaving);
        let node = known.unwrap_or_else(|| {
            let within = std::mem::replace(&mut self.within, outside);
            let name = self.numbered("leave");
            let node = self.add(name, from.port.span(), Operator::Leave);
            self.within = within;
            let edge = From {
                node: from.node,
                port: from.port.clone(),
                words: from.words.clone(),
                within: from.within,
            };
            self.edge(edge, node, from.port.span(), from.words.clone(), None, None);
            node
        });
        From { node, port: Ident::new("out", from.port.span()), words: from.words.clone(), within: outside }
    }
}
