//! From what is written to nodes and edges: names are resolved, lists become merges.

mod circles;
mod loops;
mod names;

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, Ident};

use super::ir::{Edge, Graph, Guarantee, Node, Operator};
use super::syntax::{self, End, Setting};
use crate::diagnostics::Mistakes;
use circles::Back;
use loops::Means;

pub(super) fn lower(syntax: syntax::Graph) -> syn::Result<Graph> {
    let mut lowering = Lowering {
        graph: Graph {
            library: syntax.library,
            signature: syntax.signature,
            nodes: Vec::new(),
            edges: Vec::new(),
            loops: Vec::new(),
            durable: None,
            circles: Vec::new(),
        },
        within: None,
        names: HashMap::new(),
        inline: HashMap::new(),
        backs: Vec::new(),
        mistakes: Mistakes::none(),
    };
    lowering.ports();
    let connections = lowering.define_all(syntax.items);
    lowering.connect_all(connections);
    lowering.lay_backs();
    lowering.whole(syntax.settings);
    if lowering.graph.durable.is_some() {
        lowering.name_durably();
    }
    let Lowering { graph, mistakes, .. } = lowering;
    mistakes.gate()?;
    Ok(graph)
}

struct Lowering {
    graph: Graph,
    /// The loop that is being lowered.
    within: Option<usize>,
    /// What names mean in the loop, or in none.
    names: HashMap<(Option<usize>, String), Means>,
    /// How many operators of a name stand inline.
    inline: HashMap<String, usize>,
    /// The arrows that go back.
    backs: Vec<Back>,
    mistakes: Mistakes,
}

/// The end of an arrow: a node and, where it is named, its port.
struct To {
    node: usize,
    span: Span,
    inlet: Option<Ident>,
}

/// The start of an arrow: a node and its port, in the user's words.
struct From {
    node: usize,
    port: Ident,
    words: String,
    /// The loop in which it starts.
    within: Option<usize>,
}

/// What is to be connected once everything has been defined, in its loop.
struct Connection {
    within: Option<usize>,
    what: Connect,
}

enum Connect {
    /// A chain.
    Chain(Vec<Setting>, Vec<End>),
    /// What a variable begins as: its loop, its lane.
    Initial(usize, usize, End),
    /// The stream that ends a loop.
    Until(usize, Ident),
}

impl Lowering {
    /// The ports of a named graph: its inputs are the first nodes, so that they are the first sources.
    fn ports(&mut self) {
        let Some(signature) = self.graph.signature.clone() else { return };
        for (number, port) in signature.inputs.into_iter().enumerate() {
            self.port(port.name, Operator::Entry(number));
        }
        for (number, port) in signature.outputs.into_iter().enumerate() {
            self.port(port.name, Operator::Exit(number));
        }
    }

    fn port(&mut self, name: Ident, operator: Operator) {
        let text = name.unraw().to_string();
        let node = self.add(text.clone(), name.span(), operator);
        if self.names.insert((None, text.clone()), Means::Node(node)).is_some() {
            self.mistakes.at(name.span(), format!("two ports are called `{text}`"));
        }
    }

    /// Places a node in the loop that is being lowered.
    fn add(&mut self, name: String, span: Span, operator: Operator) -> usize {
        let (named, carries, within) = (None, None, self.within);
        self.graph.nodes.push(Node {
            name,
            span,
            operator,
            named,
            carries,
            within,
            was: Vec::new(),
            sets_aside: false,
        });
        self.graph.nodes.len() - 1
    }

    /// The name of another of the nodes that have none of their own. Those that are written stand already, and a
    /// port or a node may be called like an operator: it keeps its name, and books name one node each.
    fn numbered(&mut self, name: &str) -> String {
        let count = self.inline.entry(name.to_owned()).or_insert(0);
        loop {
            *count += 1;
            let numbered = if *count == 1 { name.to_owned() } else { format!("{name}#{count}") };
            if !self.graph.nodes.iter().any(|node| node.name == numbered) {
                return numbered;
            }
        }
    }

    fn define(&mut self, settings: Vec<Setting>, name: Ident, carries: Option<syn::Type>, mut expr: Expr) {
        let text = name.unraw().to_string();
        let number = self.add(text, name.span(), Operator::Merge);
        if !self.name(&name, Means::Node(number)) {
            self.graph.nodes.truncate(number);
            return;
        }
        (self.graph.nodes[number].named, self.graph.nodes[number].carries) = (Some(name), carries);
        for setting in settings {
            self.node_setting(number, setting, &mut expr);
        }
        self.graph.nodes[number].operator = Operator::Written(expr);
    }

    /// An attribute of a node.
    fn node_setting(&mut self, node: usize, setting: Setting, expr: &mut Expr) {
        match setting.name.to_string().as_str() {
            "name" => match &setting.values[..] {
                [Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. })] => {
                    self.graph.nodes[node].name = name.value();
                }
                _ => self.mistakes.at(setting.name.span(), "expected a name: `#[name = \"..\"]`"),
            },
            "on_error" => {
                if setting.values.is_empty() {
                    self.mistakes.at(setting.name.span(), POLICIES);
                }
                for policy in setting.values {
                    match call_of(&policy, "retry") {
                        Some(arguments) => {
                            let retried = expr.clone();
                            *expr = syn::parse_quote!(#retried.retry(#arguments));
                        }
                        None => self.policy(node, policy, "err", "on_error"),
                    }
                }
            }
            "on_panic" => match <[Expr; 1]>::try_from(setting.values) {
                Ok(_) if self.graph.nodes[node].sets_aside => {
                    self.mistakes
                        .at(setting.name.span(), "a node says once what becomes of rows at which it panics");
                }
                Ok([policy]) => {
                    self.graph.nodes[node].sets_aside = true;
                    self.policy(node, policy, "panics", "on_panic");
                }
                Err(_) => self.mistakes.at(
                    setting.name.span(),
                    "expected one policy: `skip`, `stop`, `dead_letter(\"file\")` or `custom(..)`",
                ),
            },
            "was" => match &setting.values[..] {
                [Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. })] => {
                    self.graph.nodes[node].was.push(name.value());
                }
                _ => self.mistakes.at(setting.name.span(), "expected the name it had: `#[was = \"..\"]`"),
            },
            "cap" | "feedback" => self.mistakes.at(
                setting.name.span(),
                format!("`{}` stands on an arrow: `#[{}(..)] a -> b;`", setting.name, setting.name),
            ),
            _ => self.mistakes.at(
                setting.name.span(),
                "expected `name = \"..\"`, `was = \"..\"`, `on_error(..)` or `on_panic(..)` on a node",
            ),
        }
    }

    /// Sends what comes out of a port of a node to a policy.
    fn policy(&mut self, node: usize, policy: Expr, port: &str, attribute: &str) {
        let span = policy.span();
        let name = self.graph.nodes[node].name.clone();
        let handled = self.add(format!("{name}.{attribute}"), span, Operator::Policy(policy, name.clone()));
        let from =
            From { node, port: Ident::new(port, span), words: format!("{name}.{port}"), within: self.within };
        self.connect(&from, handled, span, None);
    }

    /// An attribute of an arrow: what stands in its middle.
    fn arrow_setting(&mut self, setting: &Setting, from: From) -> From {
        match setting.name.to_string().as_str() {
            "cap" if self.within.is_some() => {
                self.mistakes.at(
                    setting.name.span(),
                    "rows do not wait on an arrow in a loop: `cap` stands on arrows outside of it",
                );
                from
            }
            "cap" => {
                let (rows, overflow) = match &setting.values[..] {
                    [rows] => (rows, "Block"),
                    [rows, Expr::Path(overflow)] => {
                        match overflow.path.get_ident().map(ToString::to_string).as_deref() {
                            Some("block") => (rows, "Block"),
                            Some("drop_newest") => (rows, "DropNewest"),
                            Some("drop_oldest") => (rows, "DropOldest"),
                            Some("conflate") => (rows, "Conflate"),
                            _ => {
                                self.mistakes.on(overflow, OVERFLOWS);
                                return from;
                            }
                        }
                    }
                    _ => {
                        self.mistakes.at(setting.name.span(), OVERFLOWS);
                        return from;
                    }
                };
                let (library, overflow) = (&self.graph.library, Ident::new(overflow, Span::mixed_site()));
                let span = setting.name.span();
                let buffer: Expr = syn::parse_quote_spanned! {span=>
                    #library::private::buffer(#rows, #library::private::Overflow::#overflow)
                };
                let name = self.numbered("cap");
                let node = self.add(name, span, Operator::Buffer(buffer));
                self.connect(&from, node, span, None);
                self.out_of(node, span)
            }
            _ => {
                self.mistakes.at(setting.name.span(), "expected `cap(..)` or `feedback(..)` on an arrow");
                from
            }
        }
    }

    /// The attributes of the whole graph.
    fn whole(&mut self, settings: Vec<Setting>) {
        let mut default = None;
        for setting in settings {
            match (setting.name.to_string().as_str(), &setting.values[..]) {
                ("on_error", [_]) if default.is_some() => {
                    self.mistakes.at(setting.name.span(), "a graph has one default for what fails");
                }
                ("on_error", [policy]) if call_of(policy, "custom").is_some() => self.mistakes.at(
                    policy.span(),
                    "`custom` stands on a node, whose errors have one type: `#[on_error(custom(..))] node = ..;`",
                ),
                ("on_error", [policy]) => default = Some(policy.clone()),
                ("on_error", _) => self.mistakes.at(setting.name.span(), POLICIES),
                ("durable", _) if self.graph.durable.is_some() => {
                    self.mistakes.at(setting.name.span(), "a graph says once what it promises of its state");
                }
                ("durable", []) => {
                    self.graph.durable = Some((Guarantee::AtLeastOnce, setting.name.span()));
                }
                ("durable", [Expr::Path(promise)]) if promise.path.is_ident("exactly_once") => {
                    self.graph.durable = Some((Guarantee::ExactlyOnce, promise.span()));
                }
                ("durable", values) => self.mistakes.at(
                    values.first().map_or(setting.name.span(), Expr::span),
                    "expected `#![durable]` or `#![durable = exactly_once]`",
                ),
                _ => self.mistakes.at(
                    setting.name.span(),
                    "expected `#![on_error = ..]` or `#![durable]` on a graph",
                ),
            }
        }
        if let Some(policy) = default {
            let span = policy.span();
            let operator = Operator::Default(policy);
            self.add("on_error".to_owned(), span, operator);
        }
    }

    fn chain(&mut self, mut settings: Vec<Setting>, ends: Vec<End>) {
        if let Some(feedback) = settings.iter().position(|setting| setting.name == "feedback") {
            let feedback = settings.remove(feedback);
            if let Some(other) = settings.first() {
                self.mistakes.at(
                    other.name.span(),
                    "`feedback` says how many rows wait: nothing else stands beside it",
                );
            }
            return self.back(feedback, ends);
        }
        let arrows = ends.len() - 1;
        if let (Some(setting), true) = (settings.first(), arrows > 1) {
            self.mistakes.at(
                setting.name.span(),
                format!(
                    "this chain has {arrows} arrows: write `#[{}(..)]` on a chain with one",
                    setting.name
                ),
            );
        }
        let mut ends = ends.into_iter();
        let origin = ends.next().expect("a chain has ends");
        let mut from = self.origins(origin);
        if let [setting, ..] = &settings[..]
            && let [one] = &mut from[..]
        {
            let before =
                From { node: one.node, port: one.port.clone(), words: one.words.clone(), within: one.within };
            *one = self.arrow_setting(setting, before);
        } else if let [setting, ..] = &settings[..] {
            self.mistakes
                .at(setting.name.span(), "this attribute stands on an arrow that starts at one node");
        }
        self.stages(from, ends.collect());
    }

    /// What follows behind the first arrow of a chain.
    fn stages(&mut self, mut from: Vec<From>, ends: Vec<End>) {
        let last = ends.len() - 1;
        for (i, end) in ends.into_iter().enumerate() {
            let span = end.span();
            let to = match end {
                End::List(targets, _) if i == last => {
                    targets.into_iter().filter_map(|target| self.target(target)).collect()
                }
                End::List(_, span) => {
                    self.mistakes.at(span, "a list of nodes can only begin or end a chain");
                    return;
                }
                End::Routes(routes, span) => {
                    if i < last {
                        self.mistakes.at(span, "routes by variant end a chain: go on behind each `=>`");
                    }
                    return self.routes(from, routes, span);
                }
                target => self.target(target).into_iter().collect::<Vec<_>>(),
            };
            let from_here = std::mem::take(&mut from);
            if from_here.is_empty() {
                // Reported already; the rest of the chain still is looked at.
                from = to.into_iter().map(|to| self.out_of(to.node, to.span)).collect();
                continue;
            }
            let source = self.merged(from_here, span);
            for To { node, span, inlet } in to {
                self.connect(&source, node, span, inlet);
                from.push(self.out_of(node, span));
            }
        }
    }

    /// `{ Variant => chain, .. }`
    fn routes(&mut self, from: Vec<From>, routes: Vec<(Ident, Vec<End>)>, span: Span) {
        // All of it on the user's tokens: what is wrong with the rows is reported there.
        let library = located(self.graph.library.clone(), span);
        let rest = span.resolved_at(Span::mixed_site());
        let node = self.inline(syn::parse_quote_spanned!(rest=> #library::private::route()));
        if !from.is_empty() {
            let source = self.merged(from, span);
            self.connect(&source, node, span, None);
        }
        let name = self.graph.nodes[node].name.clone();
        for (variant, ends) in routes {
            let words = format!("{name}.{variant}");
            self.stages(vec![From { node, port: variant, words, within: self.within }], ends);
        }
    }

    /// Where a chain begins.
    fn origins(&mut self, end: End) -> Vec<From> {
        match end {
            End::List(ends, _) => ends.into_iter().flat_map(|end| self.origins(end)).collect(),
            End::Name(name) => self.named_origin(&name).into_iter().collect(),
            End::Port(name, port) => self.port_origin(&name, port).into_iter().collect(),
            End::Call(expr) => {
                let span = expr.span();
                let node = self.inline(expr);
                vec![self.out_of(node, span)]
            }
            End::Routes(_, span) => {
                self.mistakes
                    .at(span, "routes by variant stand behind an arrow: `node -> { Variant => .. }`");
                Vec::new()
            }
        }
    }

    /// Where an arrow ends.
    fn target(&mut self, end: End) -> Option<To> {
        match end {
            End::Name(name) => {
                let span = name.span();
                let node = match self.meaning(&name) {
                    Some((means, within)) => self.end_at_name(&name, means, within)?,
                    // Not a node of the graph: an operator without parameters.
                    None => self.inline(syn::parse_quote!(#name)),
                };
                Some(To { node, span, inlet: None })
            }
            End::Port(name, port) => {
                let Some((means, within)) = self.meaning(&name) else {
                    self.unknown(&name);
                    return None;
                };
                let node = self.end_at_name(&name, means, within)?;
                if let Operator::Entry(_) | Operator::Exit(_) = self.graph.nodes[node].operator {
                    self.mistakes.at(port.span(), format!("`{name}` is a port itself: write `-> {name}`"));
                    return None;
                }
                Some(To { node, span: port.span(), inlet: Some(port) })
            }
            End::Call(expr) => {
                let span = expr.span();
                Some(To { node: self.inline(expr), span, inlet: None })
            }
            End::List(_, span) | End::Routes(_, span) => {
                self.mistakes.at(span, "lists of nodes do not nest");
                None
            }
        }
    }

    fn unknown(&mut self, name: &Ident) {
        let known = self.similar(&name.to_string());
        self.mistakes.at(name.span(), format!("this graph has no node `{name}`{known}"));
    }

    /// A hint at the name that was probably meant.
    fn similar(&self, name: &str) -> String {
        let close = |known: &&Node| known.named.is_some() && distance(&known.name, name) <= 2;
        match self.graph.nodes.iter().find(close) {
            Some(known) => format!("; did you mean `{}`?", known.name),
            None => format!("; define it: `{name} = operator(..);`"),
        }
    }

    /// Places an operator that stands inside a chain.
    fn inline(&mut self, expr: Expr) -> usize {
        let name = self.numbered(&operator_name(&expr));
        self.add(name, expr.span(), Operator::Written(expr))
    }

    fn out_of(&self, node: usize, span: Span) -> From {
        let words = self.graph.nodes[node].name.clone();
        From { node, port: Ident::new("out", span), words, within: self.graph.nodes[node].within }
    }

    /// One origin of several.
    fn merged(&mut self, mut from: Vec<From>, span: Span) -> From {
        if from.len() == 1 {
            return from.remove(0);
        }
        let name = self.numbered("merge");
        let node = self.add(name, span, Operator::Merge);
        for source in &from {
            self.connect(source, node, source.port.span(), None);
        }
        self.out_of(node, span)
    }

    /// An arrow; where it crosses the border of a loop, through what stands there.
    fn connect(&mut self, from: &From, to: usize, to_span: Span, inlet: Option<Ident>) {
        let from = self.across(from, self.graph.nodes[to].within, to_span);
        let node = &self.graph.nodes[to].name;
        let to_words = inlet.as_ref().map_or_else(|| node.clone(), |port| format!("{node}.{port}"));
        self.edge(from, to, to_span, to_words, inlet, None);
    }

    fn edge(
        &mut self,
        from: From,
        to: usize,
        to_span: Span,
        to_words: String,
        inlet: Option<Ident>,
        lane: Option<usize>,
    ) {
        let From { node, port, words: from_words, .. } = from;
        self.graph.edges.push(Edge { from: node, port, to, to_span, from_words, to_words, inlet, lane });
    }
}

/// The same tokens at another place.
fn located(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(span.resolved_at(token.span()));
            token
        })
        .collect()
}

const POLICIES: &str = "expected a policy: `stop`, `skip`, `dead_letter(\"file\")`, `custom(..)` or, for an asynchronous node, `retry(..)`";

const OVERFLOWS: &str = "expected how many rows may wait and what becomes of more: `cap(1024)`, or `cap(1024, drop_newest)`, `drop_oldest`, `conflate`";

/// The arguments of a call of the function `name`.
fn call_of(expr: &Expr, name: &str) -> Option<proc_macro2::TokenStream> {
    match expr {
        Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if path.path.is_ident(name)) => {
            Some(call.args.to_token_stream())
        }
        _ => None,
    }
}

/// The name of the operator that an expression calls: the last segment of its leftmost path.
fn operator_name(expr: &Expr) -> String {
    match expr {
        Expr::Call(call) => operator_name(&call.func),
        Expr::MethodCall(call) => operator_name(&call.receiver),
        Expr::Try(inner) => operator_name(&inner.expr),
        Expr::Await(inner) => operator_name(&inner.base),
        Expr::Paren(inner) => operator_name(&inner.expr),
        Expr::Group(inner) => operator_name(&inner.expr),
        Expr::Path(path) => path.path.segments.last().map_or_else(String::new, |s| s.ident.to_string()),
        other => other.to_token_stream().to_string(),
    }
}

/// The edit distance of two names.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
