//! What a graph expands to: a value, built in two passes.
//!
//! Pass one stands in the user's own scope, senders first: each operator is called with witnesses
//! of the edges that enter it, so that every closure's parameters are known when rustc comes to
//! it. One check an edge carries both ends' names and stands on both ends' tokens.
//!
//! Pass two is the machine, a closure: for each batch it nests the stages, sinks first, and runs
//! the one source that the worker has chosen. It mentions no type and no operator by name.
//!
//! Names that the expansion makes are resolved at mixed site: they cannot meet the user's.

use proc_macro2::{Delimiter, Group, Literal, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Ident};

use super::ir::{Circle, Edge, Graph, Guarantee, Lane, Limit, Loop, Node, Operator, Signature};
use crate::ports::Stream;

/// How deep stages nest before a cut ends the nesting; see `streamweave::port::Cut`.
const MAX_DEPTH: usize = 12;

pub(super) fn expand(graph: &Graph, order: &[usize]) -> TokenStream {
    let expansion = Expansion::new(graph, order);
    let sw = &expansion.sw;
    let placed = order.iter().map(|&node| expansion.place(node));
    let checks = order.iter().map(|&node| expansion.check_ports(node));
    let saved: Vec<_> = order.iter().flat_map(|&node| expansion.check_saved(node)).collect();
    let paces: Vec<_> = expansion.paces().collect();
    let guarantee = guarantee(graph.durable, sw);
    let topology = expansion.topology();
    let machine = expansion.machine();
    if graph.signature.is_some() {
        return quote!({
            #(#placed)*
            #(#checks)*
            #(#saved)*
            #(#paces)*
            #sw::Component::new(#topology, #machine)
        });
    }
    let outcome = expansion.outcome();
    // The result's type stands in a block of its own, out of sight of the user's expressions.
    let mut value = Group::new(
        Delimiter::Brace,
        quote! {
            #(#placed)*
            #(#checks)*
            #(#saved)*
            #(#paces)*
            {
                #outcome
                #sw::Graph::<_, _, _, #guarantee>::new(#topology, #machine)
            }
        },
    );
    // On a token of the user's: what is wrong with the value as a whole, where it is not `Send`, rustc
    // shows there and not on all that stands between the braces.
    value.set_span(graph.nodes[0].span);
    TokenTree::Group(value).into()
}

pub(super) struct Expansion<'a> {
    graph: &'a Graph,
    /// The nodes in topological order.
    order: &'a [usize],
    /// What macro output may name of the library.
    sw: TokenStream,
    /// How deep the stages behind each node nest.
    depth: Vec<usize>,
}

impl<'a> Expansion<'a> {
    pub(super) fn new(graph: &'a Graph, order: &'a [usize]) -> Self {
        let library = &graph.library;
        let mut depth = vec![0; graph.nodes.len()];
        for &node in order.iter().rev() {
            let fan = graph.leaving(node).count().next_power_of_two().trailing_zeros() as usize;
            let behind = graph.leaving(node).map(|edge| cut_depth(depth[edge.to])).max();
            depth[node] = 1 + behind.map_or(0, |behind| behind + fan);
        }
        Expansion { graph, order, sw: quote!(#library::private), depth }
    }

    /// The place of a node in topological order: its number in the machine.
    fn place_of(&self, node: usize) -> usize {
        self.order.iter().position(|&other| other == node).expect("every node is in the order")
    }

    /// The sources, in topological order: their place is their number.
    fn sources(&self) -> impl Iterator<Item = usize> {
        self.order.iter().copied().filter(|&node| self.graph.is_source(node))
    }

    /// Whether a node's stage is entered by several arrows, or by name.
    fn is_shared(&self, node: usize) -> bool {
        self.graph.entering(node).count() > 1
            || self.graph.entering(node).any(|edge| edge.lane.is_some())
            || self.is_fed_by_name(node)
            || self.default() == Some(node)
    }

    /// Whether the arrows that enter a node name its ports.
    fn is_fed_by_name(&self, node: usize) -> bool {
        self.graph.entering(node).any(|edge| edge.inlet.is_some())
    }

    /// The library's path, on the user's tokens, so that an error in a call lands there.
    fn library_at(&self, span: Span) -> TokenStream {
        let located = |token: TokenTree| {
            let mut token = token;
            token.set_span(span.resolved_at(token.span()));
            token
        };
        self.sw.clone().into_iter().map(located).collect()
    }

    /// Pass one: the operator of a node, called with the edges that enter it.
    fn place(&self, number: usize) -> TokenStream {
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

    /// What lies at the border of a loop: its agenda, and the way around of each variable.
    fn ways(&self, in_loop: usize) -> TokenStream {
        let (sw, agenda) = (&self.sw, local("agenda", in_loop));
        let lanes = self.graph.loops[in_loop].lanes.iter().enumerate();
        let variables = lanes.filter_map(|(lane, variable)| {
            let Lane::Variable { name, carries, .. } = variable else { return None };
            let around = around(in_loop, lane);
            let is_fed = self.fed(in_loop, lane).is_some();
            let (sw, carries) = (self.library_at(name.span()), carries.as_ref().map_or(quote!(_), |ty| quote!(#ty)));
            let diff = if is_fed { quote!(_) } else { quote!(i64) };
            Some(quote_spanned!(mixed(name.span())=> let #around = #sw::iterate::Around::<#carries, _, #diff>::new();))
        });
        let signal = self.graph.loops[in_loop].has_end.then(|| {
            let signal = local("signal", in_loop);
            quote!(let #signal = #sw::iterate::Signal::new();)
        });
        quote!(let #agenda = #sw::iterate::Agenda::of_loop(); #signal #(#variables)*)
    }

    /// What lies between the two ends of an arrow that goes back.
    fn way_back(&self, number: usize) -> TokenStream {
        let Circle { rows, overflow, setting, .. } = &self.graph.circles[number];
        let (sw, circle) = (self.library_at(*setting), local("circle", number));
        let overflow = Ident::new(overflow, mixed(*setting));
        quote_spanned!(mixed(*setting)=> let #circle = #sw::circle::Circle::new(#rows, #sw::Overflow::#overflow);)
    }

    /// The other nodes of a circle, in topological order, but for those that send rows back.
    fn circle_of(&self, number: usize) -> Vec<usize> {
        let around = self.graph.around(number);
        let is_other = |node: &usize| {
            *node != self.graph.circles[number].entrance
                && !matches!(self.graph.nodes[*node].operator, Operator::Return(_))
        };
        self.order.iter().copied().filter(|node| around.contains(node)).filter(is_other).collect()
    }

    /// Tells the entrance of each circle whether nodes of it have work of their own.
    fn paces(&self) -> impl Iterator<Item = TokenStream> {
        self.graph.circles.iter().enumerate().map(|(number, circle)| {
            let (sw, entrance) = (&self.sw, local("node", circle.entrance));
            let others = self.circle_of(number).into_iter().map(|node| local("node", node));
            quote!(#entrance.operator.pace(false #(|| #sw::circle::is_active(&#others))*);)
        })
    }

    /// What the entrance of a circle learns before it is polled: whether there is `room` for its rows, whether rows can come into the
    /// circle elsewhere, and, where it waits for that, what is under way in it.
    fn look_round(&self, number: usize, room: &TokenStream) -> TokenStream {
        let sw = &self.sw;
        let at = self.graph.circles[number].entrance;
        let entrance = local("node", at);
        let (around, others) = (self.graph.around(number), self.circle_of(number));
        let elsewhere = around.iter().filter(|node| **node != at).flat_map(|node| self.graph.entering(*node));
        let fed = elsewhere.filter(|edge| !around.contains(&edge.from)).map(|edge| {
            let (from, origin) = (local("node", edge.from), self.origin(edge));
            quote!(|| !#sw::circle::has_ended(&#from, #origin))
        });
        let is_entrance = |node: usize| matches!(self.graph.nodes[node].operator, Operator::Entrance(_));
        let is_past = if others.iter().any(|node| is_entrance(*node)) {
            let quiet = others.iter().map(|node| {
                let other = local("node", *node);
                match is_entrance(*node) {
                    true => quote!(#other.operator.is_empty()),
                    false => quote!(#sw::Operator::idle(&mut #other.operator)),
                }
            });
            quote!(#(&& #quiet)* && #entrance.operator.is_quiet())
        } else {
            let past = others.iter().enumerate().map(|(place, node)| {
                let other = local("node", *node);
                quote!(#entrance.operator.is_past(#place, &mut #other.operator))
            });
            quote!(#(&& #past)*)
        };
        // Once more where the marker came round and found rows that were let out behind it: they may have gone.
        quote! {
            for _ in 0..2 {
                if #entrance.operator.look(#room, false #(#fed)*) #is_past {
                    #entrance.operator.came_round();
                }
            }
        }
    }

    /// The arrow that enters a loop on a lane.
    fn fed(&self, in_loop: usize, lane: usize) -> Option<&Edge> {
        self.graph.entering(self.graph.loops[in_loop].head).find(|edge| edge.lane == Some(lane))
    }

    /// The head of a loop, called with what comes in.
    fn head(&self, in_loop: usize) -> TokenStream {
        let Loop { name, span, limit, has_end, lanes, .. } = &self.graph.loops[in_loop];
        let (sw, agenda) = (self.library_at(*span), local("agenda", in_loop));
        let is_fed = (0..lanes.len()).map(|lane| self.fed(in_loop, lane).is_some());
        let lanes = lanes.iter().enumerate().map(|(lane, kind)| {
            let end = self.fed(in_loop, lane).map(|edge| self.end_name(edge));
            match kind {
                Lane::Enters => quote_spanned!(mixed(*span)=> #sw::iterate::enter(#end)),
                Lane::Variable { name, .. } => {
                    let around = around(in_loop, lane);
                    match end {
                        Some(end) => {
                            quote_spanned!(mixed(name.span())=> #sw::iterate::variable(&#around, #end))
                        }
                        None => {
                            quote_spanned!(mixed(name.span())=> #sw::iterate::variable_from_nothing(&#around))
                        }
                    }
                }
            }
        });
        let signal = match has_end {
            true => {
                let signal = local("signal", in_loop);
                quote!(::core::option::Option::Some(&#signal))
            }
            false => quote!(::core::option::Option::None),
        };
        let limit = match limit {
            Limit::Default => quote!(::core::default::Default::default()),
            Limit::Rounds(rounds) => quote!(#sw::iterate::Limit::Rounds(#rounds)),
            Limit::Error(rounds) => quote!(#sw::iterate::Limit::Error(#rounds)),
            Limit::Return(rounds) => quote!(#sw::iterate::Limit::Return(#rounds)),
        };
        quote_spanned! {mixed(*span)=>
            #sw::iterate::iterate((#(#lanes,)*), #name, &[#(#is_fed),*], #limit, &#agenda, #signal)
        }
    }

    /// Whether a port that no arrow leaves leads nowhere: what says that a loop was stopped, where it is not to be.
    fn leads_nowhere(&self, number: usize) -> bool {
        match self.graph.nodes[number].operator {
            Operator::Head(in_loop) => {
                !matches!(self.graph.loops[in_loop].limit, Limit::Return(_))
                    && !self.graph.leaving(number).any(|edge| edge.port == "incomplete")
            }
            _ => false,
        }
    }

    /// The witnesses of a node's named inputs, where arrows name them, and the check that each is fed.
    fn inlets(&self, number: usize) -> Option<TokenStream> {
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
    fn at_function(&self, number: usize, expr: &Expr, name: &str) -> Expr {
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
    fn inlet(&self, edge: &Edge) -> Option<TokenStream> {
        let port = edge.inlet.as_ref()?;
        let inlet = local_at("inlet", self.number(edge), port.span());
        Some(quote!(#inlet))
    }

    fn signature(&self) -> &Signature {
        self.graph.signature.as_ref().expect("only a named graph has ports")
    }

    /// What the input port of this number of a named graph carries.
    fn input(&self, port: usize) -> TokenStream {
        Stream::declared(&self.signature().inputs[port].ty, &self.sw).arguments()
    }

    /// What the output port of this number carries.
    fn output(&self, port: usize) -> TokenStream {
        Stream::declared(&self.signature().outputs[port].ty, &self.sw).arguments()
    }

    /// The witness of where an arrow starts.
    fn origin(&self, edge: &Edge) -> TokenStream {
        let port = &edge.port;
        // Both tokens on the user's: a port that is not there is reported where it is named.
        let ports = local_at("ports", edge.from, port.span());
        quote!(#ports.#port)
    }

    /// The number of an edge.
    fn number(&self, edge: &Edge) -> usize {
        self.graph
            .edges
            .iter()
            .position(|other| std::ptr::eq(other, edge))
            .expect("it is an edge of the graph")
    }

    /// The witness of where an arrow ends.
    ///
    /// The one local that is the user's by its hygiene, too: what is wrong with an argument rustc
    /// shows on a token of the same macro as the call, or else on the whole graph.
    fn end_name(&self, edge: &Edge) -> Ident {
        Ident::new(&format!("__end{}", self.number(edge)), edge.to_span)
    }

    fn slot_name(&self, edge: &Edge) -> Ident {
        local_at("slot", self.number(edge), edge.to_span)
    }

    /// Checks what may flow along an edge: gives the witness of its end, and how rows get there.
    fn edge(&self, edge: &Edge) -> TokenStream {
        let sw = &self.sw;
        let (slot, along) = (self.slot_name(edge), local("along", self.number(edge)));
        let end = self.end_name(edge);
        let origin = self.origin(edge);
        let message = match self.graph.nodes[edge.to].operator {
            Operator::Merge => format!(
                "`{}` carries `{{Self}}`, but the streams beside it in this list carry `{{To}}`",
                edge.from_words
            ),
            _ => {
                format!("`{}` carries `{{Self}}`, but `{}` takes `{{To}}`", edge.from_words, edge.to_words)
            }
        };
        let note =
            "to change the value on its way put `map(|x| ..)` between the two, to key it `key_by(|x| ..)`";
        let (from, to) = (&edge.from_words, &edge.to_words);
        let time_message =
            format!("`{from}` carries rows with the time `{{Self}}`, but `{to}` takes the time `{{To}}`");
        let time_label = "the time is missing or of another kind along this edge";
        let time_note = "`()` is no time: between the two put `event_time(|row| .., bounded(..))`, which reads it from the \
            data, `epochs(..)`, which numbers the input, or `from_start()`, which says that all of it is there at \
            the first time; `untimed()` drops a time";
        // What an operator takes is known once its mode is; until then neither implementation is chosen.
        let modes = [quote!(#sw::ByValue), quote!(#sw::ByRef)];
        let diff_message =
            format!("`{from}` carries rows with the diff `{{Self}}`, but `{to}` takes the diff `{{To}}`");
        let diff_label = "a stream of changes cannot flow where rows are only ever added";
        let diff_note = "`()` stands for rows that are only ever added, a number for changes: this node cannot take back \
            what it was given; put it before `to_changes()`, or make a row of each change with `to_log()`";
        let check = Ident::new("along_this_edge", mixed(edge.port.span()));
        let witness = Ident::new("origin", mixed(edge.to_span));
        let at_end = self.library_at(edge.to_span);
        let slot_and_end = match self.inlet(edge) {
            Some(inlet) => quote_spanned!(mixed(edge.to_span)=> #at_end::end_at(#inlet)),
            None => quote_spanned!(mixed(edge.to_span)=> #at_end::end()),
        };
        let row = Ident::new("row", mixed(edge.to_span));
        let frontier = Ident::new("frontier", mixed(edge.to_span));
        let call = quote_spanned!(mixed(edge.to_span)=> #check(#row, #slot));
        let frontier_check = Ident::new("along_this_edge", mixed(edge.to_span));
        let frontier_call = quote_spanned!(mixed(edge.to_span)=> #frontier_check(#frontier, #witness, #slot));
        quote! {
            let #witness = #origin;
            let (#slot, #end) = #slot_and_end;
            let #along = {
                #[diagnostic::on_unimplemented(message = #message, label = "type mismatch along this edge", note = #note)]
                trait Flows<To: ?::core::marker::Sized, Mode>: ::core::marker::Sized {
                    type Arrives;
                    fn arrive(self) -> Self::Arrives;
                }
                impl<D> Flows<D, #sw::ByValue> for D {
                    type Arrives = D;
                    #[inline(always)]
                    fn arrive(self) -> D {
                        self
                    }
                }
                #[diagnostic::do_not_recommend]
                impl<D: ::core::borrow::Borrow<A>, A: ?::core::marker::Sized> Flows<A, #sw::ByRef> for D {
                    type Arrives = #sw::Lent<D, A>;
                    #[inline(always)]
                    fn arrive(self) -> #sw::Lent<D, A> {
                        #sw::Lent::new(self)
                    }
                }
                #[diagnostic::on_unimplemented(message = #time_message, label = #time_label, note = #time_note)]
                trait FlowsInTime<To: #sw::Timestamp, Mode>: #sw::FlowsAsTime<To> {}
                #(
                    #[diagnostic::do_not_recommend]
                    impl<T: #sw::FlowsAsTime<U>, U: #sw::Timestamp> FlowsInTime<U, #modes> for T {}
                )*
                #[diagnostic::on_unimplemented(message = #diff_message, label = #diff_label, note = #diff_note)]
                trait FlowsWithDiff<To, Mode>: #sw::FlowsAsDiff<To> {}
                #(
                    #[diagnostic::do_not_recommend]
                    impl<R: #sw::FlowsAsDiff<Q>, Q> FlowsWithDiff<Q, #modes> for R {}
                )*
                #[inline(always)]
                fn #check<D, T, R, S: #sw::Slot>(
                    row: #sw::Update<D, T, R>,
                    _slot: ::core::marker::PhantomData<S>,
                ) -> #sw::Update<S::Arrives, S::Time, S::Diff>
                where
                    D: Flows<S::Takes, S::Mode, Arrives = S::Arrives>,
                    T: FlowsInTime<S::Time, S::Mode>,
                    R: FlowsWithDiff<S::Diff, S::Mode>,
                {
                    #sw::Update {
                        data: Flows::arrive(row.data),
                        time: #sw::FlowsAsTime::time(row.time),
                        diff: #sw::FlowsAsDiff::diff(row.diff),
                    }
                }
                // The checks stand in the bodies of closures: what is reported there is reported once.
                #sw::along(#witness, #slot, move |#row| #call, move |#frontier| {
                    // Of the same name and on the same tokens: what is said of both is said once.
                    #[inline(always)]
                    fn #frontier_check<I, D, T, R, S: #sw::Slot>(
                        frontier: #sw::Frontier<T>,
                        _origin: #sw::Origin<I, D, T, R>,
                        _slot: ::core::marker::PhantomData<S>,
                    ) -> #sw::Frontier<S::Time>
                    where
                        T: FlowsInTime<S::Time, S::Mode>,
                    {
                        #sw::FlowsAsTime::frontier(frontier)
                    }
                    #frontier_call
                })
            };
        }
    }

    /// How a port's rows go along several arrows.
    fn fan(&self, first: &Edge) -> TokenStream {
        let Some(second) = self.arrows_from(first).nth(1) else { return TokenStream::new() };
        let origin = self.origin(second);
        let span = second.port.span();
        let sw = self.library_at(span);
        let fan = self.fan_name(first);
        let witness = Ident::new("origin", mixed(span));
        let row = Ident::new("row", mixed(span));
        let duplicate = Ident::new("duplicate", mixed(span));
        quote_spanned!(mixed(span)=> let #witness = #origin; let #fan = { use #sw::duplicate; #sw::fan(#witness, |#row| #duplicate(#row)) };)
    }

    fn fan_name(&self, edge: &Edge) -> Ident {
        {
            use syn::ext::IdentExt;
            Ident::new(&format!("__fan{}_{}", edge.from, edge.port.unraw()), Span::mixed_site())
        }
    }

    /// The arrows that leave the same port as this one, in the order in which they are written.
    fn arrows_from(&self, edge: &Edge) -> impl Iterator<Item = &Edge> {
        self.graph.leaving(edge.from).filter(|other| other.port == edge.port)
    }

    /// Every output port of a node is attached.
    fn check_ports(&self, number: usize) -> TokenStream {
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
    fn check_saved(&self, number: usize) -> Vec<TokenStream> {
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
    fn promise(&self, number: usize) -> Promise {
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
    fn default(&self) -> Option<usize> {
        (0..self.graph.nodes.len())
            .find(|node| matches!(self.graph.nodes[*node].operator, Operator::Default(_)))
    }

    /// One edge for each port that arrows leave, in the order in which they are written.
    fn first_of_each_port(&self, node: usize) -> Vec<&Edge> {
        let mut first: Vec<&Edge> = Vec::new();
        for edge in self.graph.leaving(node) {
            if !first.iter().any(|other| other.port == edge.port) {
                first.push(edge);
            }
        }
        first
    }

    fn topology(&self) -> TokenStream {
        let sw = &self.sw;
        let nodes = self.order.iter().map(|&node| {
            let name = &self.graph.nodes[node].name;
            let is_source = self.graph.is_source(node);
            let was = &self.graph.nodes[node].was;
            quote!(#sw::NodeInfo { name: #name, is_source: #is_source, was: &[#(#was),*] })
        });
        let place =
            |node| self.order.iter().position(|&other| other == node).expect("every node is in the order");
        let edges = self.order.iter().flat_map(|&node| self.graph.leaving(node)).map(|edge| {
            let (from, port, to) = (place(edge.from), edge.port.to_string(), place(edge.to));
            quote!(#sw::EdgeInfo { from: #from, port: #port, to: #to, by_default: false })
        });
        let has_err = |node: usize| self.graph.leaving(node).any(|edge| edge.port == "err");
        let defaults = self.default().into_iter().flat_map(|default| {
            let to = place(default);
            self.order.iter().filter(move |&&node| node != default && !has_err(node)).map(move |&node| {
                let from = place(node);
                quote!(#sw::EdgeInfo { from: #from, port: "err", to: #to, by_default: true })
            })
        });
        let name = match &self.graph.signature {
            Some(signature) => {
                let name = signature.name.to_string();
                quote!(::core::option::Option::Some(#name))
            }
            None => quote!(::core::option::Option::None),
        };
        quote! {
            const {
                #sw::Topology {
                    name: #name,
                    nodes: &[#(#nodes),*],
                    edges: &[#(#edges,)* #(#defaults),*],
                }
            }
        }
    }

    /// The input ports that rows of a node reach, each as a node and what gives the number of its port.
    fn reached_ports(&self, from: usize) -> Vec<(usize, TokenStream)> {
        let mut reached = vec![from];
        let mut ports = Vec::new();
        for &node in self.order {
            for (place, edge) in self.graph.entering(node).enumerate() {
                let port = edge.lane.unwrap_or(place);
                let waits =
                    edge.from != from && matches!(self.graph.nodes[edge.from].operator, Operator::Buffer(_));
                if reached.contains(&edge.from) && !waits {
                    let number = self.inlet(edge).map(|inlet| quote!(#inlet.number()));
                    ports.push((node, number.unwrap_or_else(|| quote!(#port))));
                    if !reached.contains(&node) {
                        reached.push(node);
                    }
                }
            }
        }
        ports
    }

    /// And whether every node that rows of a node reach is ready.
    fn ready_behind(&self, from: usize) -> TokenStream {
        let sw = &self.sw;
        let reached = self.reached_ports(from);
        // What comes to a node from one source by several ways the node has to take: were one port held
        // until the other has been fed, neither would ever be.
        let several = |node: usize| reached.iter().filter(|(other, _)| *other == node).count() > 1;
        let ready = reached.iter().filter(|(node, _)| !several(*node)).map(|(node, port)| {
            let node = local("node", *node);
            quote!(#sw::Operator::ready(&mut #node.operator, #port))
        });
        quote!(#(&& #ready)*)
    }

    /// Whether everything that rows of a node reach has been brought out: its room for more.
    fn room_behind(&self, from: usize) -> TokenStream {
        let mut reached: Vec<usize> = self.reached_ports(from).into_iter().map(|(node, _)| node).collect();
        reached.extend(self.default());
        reached.sort_unstable();
        reached.dedup();
        reached.retain(|node| *node != from);
        // A node with outputs that keeps rows for the outside, too, is not `ready`.
        reached.retain(|node| self.graph.leaving(*node).next().is_none());
        let clear = reached.into_iter().map(|node| {
            let node = local("node", node);
            quote!(&& #node.is_clear())
        });
        quote!(true #(#clear)*)
    }

    /// The named sinks.
    fn yielding(&self) -> Vec<(usize, Ident)> {
        let named = |&node: &usize| Some((node, self.graph.nodes[node].named.clone()?));
        self.order.iter().filter(|&&node| self.graph.is_sink(node)).filter_map(named).collect()
    }

    /// The struct of a run's result.
    fn outcome(&self) -> TokenStream {
        let sw = &self.sw;
        let (fields, types): (Vec<Ident>, Vec<Ident>) =
            self.yielding().into_iter().map(|(node, name)| (name, format_ident!("Y{node}"))).unzip();
        let report = Ident::new("__report", Span::mixed_site());
        quote! {
            /// What the named sinks of the graph yield, and the books of the run.
            #[derive(Debug)]
            #[allow(dead_code, missing_docs, unreachable_pub)]
            pub struct Outcome<#(#types),*> {
                #(pub #fields: #types,)*
                #report: #sw::Report,
            }
            impl<#(#types),*> #sw::Yielded for Outcome<#(#types),*> {
                fn set_report(&mut self, report: #sw::Report) {
                    self.#report = report;
                }
            }
            #[allow(dead_code, missing_docs, unreachable_pub)]
            impl<#(#types),*> Outcome<#(#types),*> {
                /// How many rows met with which fate, node by node.
                pub fn report(&self) -> &#sw::Report {
                    &self.#report
                }
                /// Panics unless every row that entered a node is accounted for.
                #[track_caller]
                pub fn assert_conserved(&self) {
                    #sw::assert_conserved(&self.#report);
                }
            }
        }
    }

    /// Pass two.
    fn machine(&self) -> TokenStream {
        let sw = &self.sw;
        let numbered = || self.order.iter().enumerate().map(|(place, &node)| (place, local("node", node)));
        let validate = numbered().map(|(place, node)| quote!(.and(#node.validate::<#place>())));
        let wake = self.order.iter().enumerate().map(|(place, &number)| {
            let node = local("node", number);
            let room = self.room_behind(number);
            match self.graph.nodes[number].operator {
                Operator::Entrance(circle) => {
                    let ready = self.ready_behind(number);
                    let look = self.look_round(circle, &quote!(#room #ready));
                    quote!(.or({ #look #node.poll_wake::<#place>(turn, || true) }))
                }
                _ => quote!(.or(#node.poll_wake::<#place>(turn, || #room))),
            }
        });
        let clock = numbered().map(|(_, node)| quote!(|| #node.uses_clock()));
        let enter_loop =
            numbered().map(|(_, node)| quote!(#sw::Operator::enters_loop(&mut #node.operator, agenda);));
        let abandon = numbered().map(|(_, node)| quote!(+ #sw::Operator::abandon(&mut #node.operator)));
        let flush = numbered().map(|(place, node)| quote!(.and(#node.poll_flush::<#place>(turn, flush))));
        let idle = numbered().map(|(_, node)| quote!(&& #sw::Operator::idle(&mut #node.operator)));
        let durable = |method: &str, argument: &str| -> TokenStream {
            if self.graph.durable.is_none() {
                let argument = Ident::new(argument, Span::call_site());
                return quote!({ let _ = #argument; #sw::Reply::Ready });
            }
            let each = self.order.iter().enumerate().map(|(place, &number)| {
                let Node { name, span, .. } = &self.graph.nodes[number];
                let node = local_at("node", number, *span);
                let whose = match self.promise(number) {
                    Promise::Saved => "",
                    Promise::Replays => "_source",
                    Promise::Commits => "_sink",
                };
                let method = Ident::new(&format!("{method}{whose}"), mixed(*span));
                // All on the tokens of the node: where it does not do what is asked is reported there.
                let argument = Ident::new(argument, span.resolved_at(Span::call_site()));
                let (mut place, mut called) = (Literal::usize_unsuffixed(place), Literal::string(name));
                place.set_span(mixed(*span));
                called.set_span(mixed(*span));
                let name = (argument == "fields").then(|| quote_spanned!(mixed(*span)=> #called,));
                quote_spanned!(mixed(*span)=> .and(#node.#method::<#place>(#name #argument)))
            });
            quote!(#sw::Reply::Ready #(#each)*)
        };
        let (visit, pre_commit, commit) =
            (durable("visit", "fields"), durable("poll_pre_commit", "turn"), durable("poll_commit", "turn"));
        let gone = self.order.iter().map(|&node| match (self.graph.is_sink(node), local("node", node)) {
            (true, node) => quote!(.and(#node.is_gone_sink())),
            (false, node) => quote!(.and(#node.is_gone_inside())),
        });
        let enter = self.order.iter().map(|&number| {
            let (node, ports) = (local("node", number), local("ports", number));
            quote!(report.enter(&topology, &mut #node, &#ports);)
        });
        let explain = self.order.iter().map(|&number| {
            let (node, ports) = (local("node", number), local("ports", number));
            quote!(explanation.enter(&topology, &mut #node, &#ports);)
        });
        let topology = self.topology();
        let poll = self.sources().enumerate().map(|(source, number)| {
            let place =
                self.order.iter().position(|&other| other == number).expect("every node is in the order");
            let node = local("node", number);
            match self.graph.nodes[number].operator {
                Operator::Entry(port) => {
                    let (io, port) = (io(), syn::Index::from(port));
                    quote!(#source => #sw::Reply::when(!#io.ins.#port.is_empty()),)
                }
                _ => quote!(#source => #node.poll_source::<#place>(turn),),
            }
        });
        let room = self.sources().enumerate().map(|(source, number)| {
            let (clear, ready) = (self.room_behind(number), self.ready_behind(number));
            quote!(#source => #sw::Reply::when(#clear #ready),)
        });
        let fields = self.yielding().into_iter().map(|(node, name)| {
            let node = local("node", node);
            quote!(#name: #sw::Operator::finish(&mut #node.operator))
        });
        let report = Ident::new("__report", Span::mixed_site());
        let run = self.run();
        // On the first node: rustc names the closure by its place, where a graph cannot be sent.
        let first = mixed(self.graph.nodes[self.order[0]].span);
        let command = Ident::new("command", first);
        let ty = quote!(#sw::Command<'_, '_, '_, _>);
        let head = match self.graph.signature {
            Some(_) => {
                let (io, io_type) = (io(), self.io_type());
                quote_spanned!(first=> move |#command: #ty, #io: &mut #io_type|)
            }
            None => quote_spanned!(first=> move |#command: #ty|),
        };
        let result = match self.graph.signature {
            Some(_) => quote!(#sw::Report::default()),
            None => quote!(Outcome { #(#fields,)* #report: #sw::Report::default() }),
        };
        let io_used = self.graph.signature.as_ref().map(|_| {
            let io = io();
            quote!(let _ = &#io;)
        });
        quote! {
            #head {
                #io_used
                match #command {
                    #sw::Command::Validate => #sw::Reply::Ready #(#validate)*,
                    #sw::Command::EnterLoop(agenda) => {
                        let _ = agenda;
                        #(#enter_loop)*
                        #sw::Reply::Ready
                    }
                    #sw::Command::UsesClock => #sw::Reply::when(false #(#clock)*),
                    #sw::Command::Room { source } => match source {
                        #(#room)*
                        _ => #sw::Reply::Pending,
                    },
                    #sw::Command::PollSource { source, turn } => match source {
                        #(#poll)*
                        _ => {
                            let _ = &turn;
                            #sw::Reply::Pending
                        }
                    },
                    #sw::Command::PollWake(turn) => {
                        let _ = &turn;
                        #sw::Reply::Pending #(#wake)*
                    }
                    #sw::Command::Run { source, batch } => { #run }
                    #sw::Command::PollFlush(flush, turn) => #sw::Reply::Ready #(#flush)*,
                    #sw::Command::Abandon(rows) => {
                        *rows += 0 #(#abandon)*;
                        #sw::Reply::Ready
                    }
                    #sw::Command::Fields(fields) => #visit,
                    #sw::Command::PollPreCommit(turn) => #pre_commit,
                    #sw::Command::PollCommit(turn) => #commit,
                    #sw::Command::Gone => #sw::Gone::Nowhere #(#gone)*.into(),
                    #sw::Command::Idle => #sw::Reply::when(true #(#idle)*),
                    #sw::Command::Finish(result) => {
                        *result = ::core::option::Option::Some(#result);
                        #sw::Reply::Ready
                    }
                    #sw::Command::Explain(explanation) => {
                        let topology = #topology;
                        #(#explain)*
                        #sw::Reply::Ready
                    }
                    #sw::Command::Report(report) => {
                        let topology = #topology;
                        #(#enter)*
                        #sw::Reply::Ready
                    }
                }
            }
        }
    }

    /// The queues at the ports of a named graph.
    pub(super) fn io_type(&self) -> TokenStream {
        let sw = &self.sw;
        let (inputs, outputs) = (&self.signature().inputs, &self.signature().outputs);
        let queue = |stream: TokenStream| quote!(#sw::Queue<#stream>,);
        let ins = (0..inputs.len()).map(|port| queue(self.input(port)));
        let outs = (0..outputs.len()).map(|port| queue(self.output(port)));
        quote!(#sw::Io<(#(#ins)*), (#(#outs)*)>)
    }

    /// One batch: the stages, sinks first; then the source that was chosen; then the books.
    fn run(&self) -> TokenStream {
        let sw = &self.sw;
        let stages = self.order.iter().rev().map(|&node| self.stage(node));
        let wake = self.heads("wake");
        let settle = self.heads("settle");
        let sources = self.sources().enumerate().map(|(source, node)| {
            let stage = local("stage", node);
            quote!(::core::option::Option::Some(#source) => #sw::Reply::from(#stage.run()),)
        });
        quote! {
            #(#stages)*
            #wake
            let reply = match source {
                #(#sources)*
                _ => #sw::Reply::Ready,
            };
            #settle
            reply
        }
    }

    /// Calls `method` of every stage that no other stage owns, in topological order.
    fn heads(&self, method: &str) -> TokenStream {
        let sw = &self.sw;
        let method = Ident::new(method, Span::mixed_site());
        self.order
            .iter()
            .filter_map(|&node| {
                let stage = local("stage", node);
                match (self.is_shared(node), self.graph.is_source(node)) {
                    (true, _) => Some(quote!(#sw::Shared::#method(&#stage);)),
                    (false, true) => Some(quote!(#sw::Chain::#method(&mut #stage);)),
                    (false, false) => None,
                }
            })
            .collect()
    }

    /// The stage of a node, with everything attached that stands behind it.
    fn stage(&self, number: usize) -> TokenStream {
        let sw = &self.sw;
        let (node, ports, stage) = (local("node", number), local("ports", number), local("stage", number));
        let mut wires = quote!(#sw::Ports::open(#ports));
        let mut cuts = TokenStream::new();
        for first in self.first_of_each_port(number) {
            let port = &first.port;
            let (beyond, arrows): (Vec<TokenStream>, Vec<TokenStream>) =
                self.arrows_from(first).map(|edge| self.behind(edge)).unzip();
            cuts.extend(beyond);
            let behind = tee(sw, &self.fan_name(first), &arrows);
            wires = quote!(#sw::attach(#ports.#port, #wires, #behind));
        }
        if self.leads_nowhere(number) {
            wires = quote!(#sw::attach(#ports.incomplete, #wires, #sw::Nowhere));
        }
        if let Some(default) = self.default().filter(|&default| default != number) {
            let (default, name) = (local("stage", default), &self.graph.nodes[number].name);
            wires = quote!(#sw::OrDefault::or(#wires, #default.port::<1, _>(#sw::on_error::From(#name))));
        }
        let inlet = match self.graph.entering(number).next() {
            Some(edge) if !self.is_shared(number) => {
                let along = local("along", self.number(edge));
                quote!(#along)
            }
            _ => quote!(#sw::NoInput),
        };
        let place = self.place_of(number);
        let at_queue = |at: &str, queues: &str, port: usize| {
            let (at, queues) = (format_ident!("{at}"), Ident::new(queues, Span::mixed_site()));
            let (queue, io, port) = (local("queue", number), io(), syn::Index::from(port));
            (
                quote!(let mut #queue = #sw::#at(&mut #io.#queues.#port);),
                quote!(#node.stage_at::<#place, _, _, _>(&mut #queue, #inlet, #wires, batch)),
            )
        };
        let (queue, built) = match self.graph.nodes[number].operator {
            Operator::Entry(port) => at_queue("EntryAt", "ins", port),
            Operator::Exit(port) => at_queue("ExitAt", "outs", port),
            _ => (TokenStream::new(), quote!(#node.stage::<#place, _, _>(#inlet, #wires, batch))),
        };
        cuts.extend(queue);
        match (self.is_shared(number), self.graph.is_source(number)) {
            (true, _) => quote!(#cuts let #stage = #sw::Shared::new(#built);),
            (false, true) => quote!(#cuts let mut #stage = #built;),
            (false, false) => quote!(#cuts let #stage = #built;),
        }
    }

    /// What stands behind an edge: the stage at its end; where stages nest too deep, the call of a
    /// closure that borrows it, and the statement that it borrows from.
    fn behind(&self, edge: &Edge) -> (TokenStream, TokenStream) {
        let sw = &self.sw;
        let stage = local("stage", edge.to);
        let to = if self.is_shared(edge.to) {
            let place = |other: &Edge| std::ptr::eq(other, edge);
            let place = self.graph.entering(edge.to).position(place).expect("it enters the node");
            let place = edge.lane.unwrap_or(place);
            let along = local("along", self.number(edge));
            match self.inlet(edge) {
                Some(inlet) => quote!(#stage.port_at(#inlet, #along)),
                None => quote!(#stage.port::<#place, _>(#along)),
            }
        } else {
            quote!(#stage)
        };
        if self.depth[edge.to] < MAX_DEPTH {
            return (TokenStream::new(), to);
        }
        let (ports, port) = (local("ports", edge.from), &edge.port);
        let beyond = local("beyond", self.number(edge));
        (
            quote!(let mut #beyond = #to;),
            quote!(#sw::cut(#ports.#port, |__signal| #sw::deliver(&mut #beyond, __signal))),
        )
    }
}

/// What a graph that keeps its state asks of a node.
enum Promise {
    Saved,
    Replays,
    Commits,
}

/// What a graph promises of its state, as a type.
pub(super) fn guarantee(durable: Option<(Guarantee, Span)>, sw: &TokenStream) -> TokenStream {
    let name = durable.map_or("Volatile", |(guarantee, _)| guarantee.name());
    let name = Ident::new(name, Span::mixed_site());
    quote!(#sw::#name)
}

/// How deep what stands behind an edge nests, given the depth of the stage at its end.
fn cut_depth(depth: usize) -> usize {
    if depth < MAX_DEPTH { depth } else { 1 }
}

/// A balanced fan-out: the order of the arrows, at the least depth.
fn tee(sw: &TokenStream, fan: &Ident, arrows: &[TokenStream]) -> TokenStream {
    match arrows {
        [] => quote!(()),
        [arrow] => arrow.clone(),
        _ => {
            let (left, right) = arrows.split_at(arrows.len().div_ceil(2));
            let (left, right) = (tee(sw, fan, left), tee(sw, fan, right));
            quote!(#sw::Tee(#left, #right, #fan))
        }
    }
}

/// The leftmost path of an operator's expression, alone.
fn function_of(mut expr: Expr) -> TokenStream {
    leftmost(&mut expr).map_or_else(TokenStream::new, |path| quote!(#path))
}

fn leftmost(expr: &mut Expr) -> Option<&mut syn::ExprPath> {
    match expr {
        Expr::Path(path) => Some(path),
        Expr::Call(call) => leftmost(&mut call.func),
        Expr::MethodCall(call) => leftmost(&mut call.receiver),
        Expr::Try(inner) => leftmost(&mut inner.expr),
        Expr::Await(inner) => leftmost(&mut inner.base),
        Expr::Paren(inner) => leftmost(&mut inner.expr),
        Expr::Group(inner) => leftmost(&mut inner.expr),
        _ => None,
    }
}

/// The operator's expression with the edges as first arguments of its leftmost call.
fn with_edges(expr: &Expr, edges: Vec<Ident>) -> TokenStream {
    let mut expr = expr.clone();
    if !edges.is_empty() || matches!(expr, Expr::Path(_)) {
        insert(&mut expr, edges);
    }
    quote!(#expr)
}

fn insert(expr: &mut Expr, edges: Vec<Ident>) {
    match expr {
        Expr::Call(call) if matches!(*call.func, Expr::Path(_)) => {
            // An unmet bound is found twice, at an edge and at the call: rustc reports it once where both
            // are the same tokens.
            let callee = on_last_segment(&mut call.func);
            if !edges.is_empty() {
                call.paren_token = syn::token::Paren(callee);
            }
            let edges = edges.into_iter().map(|mut edge| -> Expr {
                edge.set_span(callee.resolved_at(edge.span()));
                syn::parse_quote!(#edge)
            });
            call.args = edges.chain(std::mem::take(&mut call.args)).collect();
        }
        Expr::Call(call) => insert(&mut call.func, edges),
        Expr::MethodCall(call) => insert(&mut call.receiver, edges),
        Expr::Try(inner) => insert(&mut inner.expr, edges),
        Expr::Await(inner) => insert(&mut inner.base, edges),
        Expr::Paren(inner) => insert(&mut inner.expr, edges),
        // What a `macro_rules!` of the user stands around an `$operator:expr`.
        Expr::Group(inner) => insert(&mut inner.expr, edges),
        other => {
            // A bare operator: called with the edges alone.
            let span = other.span();
            *other = Expr::Verbatim(quote_spanned!(span=> #other(#(#edges),*)));
        }
    }
}

/// Puts a path on the tokens of its last segment; gives their span.
fn on_last_segment(function: &mut Expr) -> Span {
    let Expr::Path(path) = function else { return function.span() };
    let Some(last) = path.path.segments.last().filter(|last| last.arguments.is_empty()) else {
        return function.span();
    };
    let span = last.ident.span();
    if path.path.segments.len() > 1 && path.qself.is_none() {
        let located = |token: TokenTree| {
            let mut token = token;
            token.set_span(span.resolved_at(token.span()));
            token
        };
        *function = Expr::Verbatim(quote!(#path).into_iter().map(located).collect());
    }
    span
}

/// A policy by its name, with or without arguments; or a value of the user's own.
fn policy_of(policy: &Expr, edge: Option<&Ident>, sw: &TokenStream) -> TokenStream {
    const NAMES: [&str; 4] = ["stop", "skip", "dead_letter", "custom"];
    let named = |expr: &Expr| match expr {
        Expr::Path(path) => {
            path.path.get_ident().filter(|name| NAMES.iter().any(|known| name == known)).cloned()
        }
        _ => None,
    };
    match policy {
        Expr::Call(call) if let Some(name) = named(&call.func) => {
            let arguments = &call.args;
            // A function's parameters are known by the edge.
            let edge = edge.filter(|_| name == "custom").map(|edge| quote!(#edge,));
            quote_spanned!(name.span()=> #sw::on_error::#name(#edge #arguments))
        }
        other => match named(other) {
            Some(name) => quote_spanned!(name.span()=> #sw::on_error::#name()),
            None => quote!(#other),
        },
    }
}

/// The way around of a variable.
fn around(in_loop: usize, lane: usize) -> Ident {
    format_ident!("__around{in_loop}_{lane}", span = Span::mixed_site())
}

/// The queues at the ports of a named graph.
fn io() -> Ident {
    Ident::new("io", Span::mixed_site())
}

/// A local of the expansion.
fn local(what: &str, number: usize) -> Ident {
    local_at(what, number, Span::mixed_site())
}

/// The same on the user's tokens.
fn local_at(what: &str, number: usize, span: Span) -> Ident {
    Ident::new(&format!("__{what}{number}"), mixed(span))
}

/// On the user's tokens, out of the way of the user's names.
fn mixed(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}
