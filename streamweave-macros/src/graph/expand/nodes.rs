//! What stands for a node: its operator, its inputs, and what is asked of it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Ident};

use super::super::ir::{Edge, Guarantee, Limit, Operator};
use super::calls::{function_of, leftmost, policy_of, with_edges};
use super::{Expansion, around, local, local_at, mixed};

impl<'a> Expansion<'a> {
    /// Pass one: the operator of a node, called with the edges that enter it.
    pub(super) fn place(&self, number: usize) -> TokenStream {
        let node = &self.graph.nodes[number];
        let (placed, ports) = (local("node", number), local("ports", number));
        let entering: Vec<&Edge> = self.graph.entering(number).collect();
        let inlets = self.inlets(number);
        let edges = entering.iter().map(|edge| self.edge(edge));
        let ends: Vec<Ident> = match inlets {
            Some(_) => vec![Ident::new(&format!("__inlets{number}"), node.span)],
            None => entering.iter().map(|edge| self.end_name(edge)).collect(),
        };
        let (operator, span) = match &node.operator {
            Operator::Merge => {
                let sw = self.library_at(node.span);
                (quote_spanned!(mixed(node.span)=> #sw::merge([#(#ends),*])), node.span)
            }
            Operator::Written(expr) if inlets.is_some() => {
                (with_edges(&self.at_function(number, expr, "with"), ends), expr.span())
            }
            Operator::Written(expr) => (with_edges(expr, ends), expr.span()),
            Operator::Buffer(expr) => (with_edges(expr, ends), expr.span()),
            Operator::Policy(policy, of) => {
                let sw = self.library_at(node.span);
                let policy = policy_of(policy, ends.first(), &sw);
                (
                    quote_spanned!(mixed(node.span)=> #sw::on_error::on_error(#(#ends,)* #of, #policy)),
                    node.span,
                )
            }
            Operator::Default(policy) => {
                let sw = self.library_at(node.span);
                let policy = policy_of(policy, None, &sw);
                (quote_spanned!(mixed(node.span)=> #sw::on_error::by_default(#policy)), node.span)
            }
            Operator::Entry(port) => {
                let (sw, stream) = (self.library_at(node.span), self.input(*port));
                (quote_spanned!(mixed(node.span)=> #sw::entry::<#stream>()), node.span)
            }
            Operator::Head(in_loop) => (self.head(*in_loop), node.span),
            Operator::Feedback(in_loop, lane) => {
                let (sw, around) = (self.library_at(node.span), around(*in_loop, *lane));
                (quote_spanned!(mixed(node.span)=> #sw::iterate::feedback(&#around, #(#ends),*)), node.span)
            }
            Operator::Until(in_loop) => {
                let (sw, signal) = (self.library_at(node.span), local("signal", *in_loop));
                (quote_spanned!(mixed(node.span)=> #sw::iterate::until(#(#ends,)* &#signal)), node.span)
            }
            Operator::Leave => {
                let sw = self.library_at(node.span);
                (quote_spanned!(mixed(node.span)=> #sw::iterate::leave(#(#ends),*)), node.span)
            }
            Operator::Entrance(circle) => {
                let (sw, circle) = (self.library_at(node.span), local("circle", *circle));
                (quote_spanned!(mixed(node.span)=> #sw::circle::entrance(#(#ends,)* &#circle)), node.span)
            }
            Operator::Return(circle) => {
                let (sw, circle) = (self.library_at(node.span), local("circle", *circle));
                (quote_spanned!(mixed(node.span)=> #sw::circle::send_back(#(#ends,)* &#circle)), node.span)
            }
            Operator::Exit(port) => {
                let (sw, stream) = (self.library_at(node.span), self.output(*port));
                (quote_spanned!(mixed(node.span)=> #sw::exit::<#stream>(#(#ends),*)), node.span)
            }
        };
        let operator = match (node.sets_aside, &node.operator) {
            (true, Operator::Written(expr)) => {
                // An unmet bound is found twice, at the operator and at the call: once where both are the same tokens.
                let name = leftmost(&mut expr.clone())
                    .and_then(|path| path.path.segments.last().map(|last| last.ident.span()));
                let span = name.unwrap_or(span);
                let sw = self.library_at(span);
                quote_spanned!(mixed(span)=> #sw::set_aside(#operator))
            }
            _ => operator,
        };
        let sw = self.library_at(span);
        let (operator, witness) = match entering.first() {
            None => (operator, quote_spanned!(mixed(span)=> #sw::NoInput)),
            Some(edge) => {
                let (origin, slot) = (self.origin(edge), self.slot_name(edge));
                (
                    quote_spanned!(mixed(span)=> #sw::node_at(#slot, #operator)),
                    quote_spanned!(mixed(span)=> #origin.edge()),
                )
            }
        };
        let carries = node.carries.as_ref().map(|carries| {
            // All tokens on the type: another one is reported there.
            let span = carries.span();
            let (ports, out) = (local_at("ports", number, span), Ident::new("out", mixed(span)));
            let (sw, check) = (&self.sw, Ident::new("declared", mixed(span)));
            let message =
                format!("`{}` carries `{{Carried}}`, but is declared to carry `{{Self}}`", node.name);
            let call =
                quote_spanned!(mixed(span)=> #check(#ports.#out, ::core::marker::PhantomData::<#carries>));
            quote!({
                #[diagnostic::on_unimplemented(message = #message, label = "the node carries `{Carried}`")]
                trait Declared<Carried> {}
                impl<D> Declared<D> for D {}
                fn #check<I, D, T, R, To: Declared<D>>(
                    _out: #sw::Origin<I, D, T, R>,
                    _declared: ::core::marker::PhantomData<To>,
                ) {}
                #call;
            })
        });
        let fans = self.first_of_each_port(number).into_iter().map(|edge| self.fan(edge));
        let place = quote_spanned!(mixed(span)=> #sw::place(#operator, #witness));
        let ways = match &node.operator {
            Operator::Head(in_loop) => self.ways(*in_loop),
            Operator::Entrance(circle) => self.way_back(*circle),
            _ => TokenStream::new(),
        };
        let enters = node.within.map(|in_loop| {
            let agenda = local("agenda", in_loop);
            quote!(#sw::Operator::enters_loop(&mut #placed.operator, &#agenda);)
        });
        quote! {
            #inlets
            #ways
            #(#edges)*
            let (mut #placed, #ports) = #place;
            #enters
            #carries
            #(#fans)*
        }
    }

    /// Whether a port that no arrow leaves leads nowhere: what says that a loop was stopped, where it is not to be.
    pub(super) fn leads_nowhere(&self, number: usize) -> bool {
        match self.graph.nodes[number].operator {
            Operator::Head(in_loop) => {
                !matches!(self.graph.loops[in_loop].limit, Limit::Return(_))
                    && !self.graph.leaving(number).any(|edge| edge.port == "incomplete")
            }
            _ => false,
        }
    }

    /// The witnesses of a node's named inputs, where arrows name them, and the check that each is fed.
    pub(super) fn inlets(&self, number: usize) -> Option<TokenStream> {
        let Operator::Written(expr) = &self.graph.nodes[number].operator else { return None };
        if !self.is_fed_by_name(number) {
            return None;
        }
        let span = self.graph.nodes[number].span;
        let sw = self.library_at(span);
        let inlets = Ident::new(&format!("__inlets{number}"), span);
        let path = function_of(self.at_function(number, expr, "inputs"));
        let mut fed = quote_spanned!(mixed(span)=> #sw::Inlets::unfed(#inlets));
        let mut named = TokenStream::new();
        for edge in self.graph.entering(number) {
            let (inlet, port) = (self.inlet(edge), &edge.inlet);
            let inlets = Ident::new(&inlets.to_string(), port.as_ref().map_or(span, Ident::span));
            // A port that is not there is reported here, once.
            named.extend(quote!(let #inlet = #inlets.#port;));
            fed = quote_spanned!(mixed(span)=> #sw::feed(#inlet, #fed));
        }
        let made = quote_spanned!(mixed(span)=> let #inlets = #path(););
        let all_fed = quote_spanned!(mixed(span)=> #sw::all_fed(#fed););
        Some(quote!(#made #named #all_fed))
    }

    /// The operator's expression, its leftmost path replaced by the function `name` beside it: `f(x)` by
    /// `f::name(x)`. Its tokens stand on the port that an arrow names: where `f` has no ports by name, that is
    /// where rustc says so, once.
    pub(super) fn at_function(&self, number: usize, expr: &Expr, name: &str) -> Expr {
        let port = self.graph.entering(number).find_map(|edge| edge.inlet.as_ref());
        let span = port.map_or_else(|| expr.span(), Ident::span);
        let mut expr = expr.clone();
        if let Some(path) = leftmost(&mut expr)
            && let Some(last) = path.path.segments.last_mut()
        {
            let arguments = std::mem::take(&mut last.arguments);
            let ident = Ident::new(name, span.resolved_at(last.ident.span()));
            path.path.segments.push(syn::PathSegment { ident, arguments });
            for segment in &mut path.path.segments {
                segment.ident.set_span(span.resolved_at(segment.ident.span()));
            }
        }
        expr
    }

    /// The witness of the named input at which an arrow ends.
    pub(super) fn inlet(&self, edge: &Edge) -> Option<TokenStream> {
        let port = edge.inlet.as_ref()?;
        let inlet = local_at("inlet", self.number(edge), port.span());
        Some(quote!(#inlet))
    }

    /// Every output port of a node is attached.
    pub(super) fn check_ports(&self, number: usize) -> TokenStream {
        let span = self.graph.nodes[number].span;
        let sw = self.library_at(span);
        let ports = local_at("ports", number, span);
        let mut wires = quote_spanned!(mixed(span)=> #sw::Ports::open(#ports));
        for edge in self.first_of_each_port(number) {
            let origin = self.origin(edge);
            wires = quote_spanned!(mixed(span)=> #sw::attach(#origin, #wires, ()));
        }
        if self.leads_nowhere(number) {
            wires = quote_spanned!(mixed(span)=> #sw::attach(#ports.incomplete, #wires, ()));
        }
        if self.default().is_some() {
            wires = quote_spanned!(mixed(span)=> #sw::OrDefault::or(#wires, #sw::Nowhere));
        }
        quote_spanned!(mixed(span)=> #sw::all_connected(#wires);)
    }

    /// In a graph that keeps its state every node can be saved; where every row counts once sources replay and sinks commit.
    pub(super) fn check_saved(&self, number: usize) -> Vec<TokenStream> {
        if self.graph.durable.is_none() {
            return Vec::new();
        }
        let span = self.graph.nodes[number].span;
        let placed = local_at("node", number, span);
        let check = match self.promise(number) {
            Promise::Saved => "is_saved",
            Promise::Replays => "is_replayed",
            Promise::Commits => "is_committed",
        };
        let check = Ident::new(check, mixed(span));
        vec![quote_spanned!(mixed(span)=> #placed.#check();)]
    }

    /// What a node of a graph that keeps its state has to promise.
    pub(super) fn promise(&self, number: usize) -> Promise {
        let node = &self.graph.nodes[number];
        let is_end = matches!(
            node.operator,
            Operator::Written(_) | Operator::Policy(..) | Operator::Default(_) | Operator::Merge
        );
        let is_once = matches!(self.graph.durable, Some((Guarantee::ExactlyOnce, _)));
        match is_once && is_end {
            true if self.graph.is_source(number) => Promise::Replays,
            true if self.graph.is_sink(number) => Promise::Commits,
            _ => Promise::Saved,
        }
    }

    /// The node that stands for every `err` port that is left open.
    pub(super) fn default(&self) -> Option<usize> {
        (0..self.graph.nodes.len())
            .find(|node| matches!(self.graph.nodes[*node].operator, Operator::Default(_)))
    }
}

/// What a graph that keeps its state asks of a node.
pub(super) enum Promise {
    Saved,
    Replays,
    Commits,
}
