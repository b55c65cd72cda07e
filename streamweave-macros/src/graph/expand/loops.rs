//! The ways back of circles, and the heads of loops.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;

use super::super::ir::{Circle, Edge, Lane, Limit, Loop, Operator};
use super::{Expansion, around, local, mixed};

impl<'a> Expansion<'a> {
    /// What lies at the border of a loop: its agenda, and the way around of each variable.
    pub(super) fn ways(&self, in_loop: usize) -> TokenStream {
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
    pub(super) fn way_back(&self, number: usize) -> TokenStream {
        let Circle { rows, overflow, setting, .. } = &self.graph.circles[number];
        let (sw, circle) = (self.library_at(*setting), local("circle", number));
        let overflow = Ident::new(overflow, mixed(*setting));
        quote_spanned!(mixed(*setting)=> let #circle = #sw::circle::Circle::new(#rows, #sw::Overflow::#overflow);)
    }

    /// The other nodes of a circle, in topological order, but for those that send rows back.
    pub(super) fn circle_of(&self, number: usize) -> Vec<usize> {
        let around = self.graph.around(number);
        let is_other = |node: &usize| {
            *node != self.graph.circles[number].entrance
                && !matches!(self.graph.nodes[*node].operator, Operator::Return(_))
        };
        self.order.iter().copied().filter(|node| around.contains(node)).filter(is_other).collect()
    }

    /// What the entrance of a circle learns before it is polled: whether there is `room` for its rows, whether rows can come into the
    /// circle elsewhere, and, where it waits for that, what is under way in it.
    pub(super) fn look_round(&self, number: usize, room: &TokenStream) -> TokenStream {
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
    pub(super) fn fed(&self, in_loop: usize, lane: usize) -> Option<&Edge> {
        self.graph.entering(self.graph.loops[in_loop].head).find(|edge| edge.lane == Some(lane))
    }

    /// The head of a loop, called with what comes in.
    pub(super) fn head(&self, in_loop: usize) -> TokenStream {
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
}
