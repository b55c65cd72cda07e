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

mod calls;
mod edges;
mod loops;
mod machine;
mod nodes;
mod topology;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::Ident;

use self::machine::cut_depth;
use super::ir::{Graph, Guarantee, Signature};
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
}

/// What a graph promises of its state, as a type.
pub(super) fn guarantee(durable: Option<(Guarantee, Span)>, sw: &TokenStream) -> TokenStream {
    let name = durable.map_or("Volatile", |(guarantee, _)| guarantee.name());
    let name = Ident::new(name, Span::mixed_site());
    quote!(#sw::#name)
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
