//! What a graph with a signature expands to: a type of its name with the functions that make one, and a
//! function of its name that places it in another graph.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Ident, LitStr};

use super::ir::Graph;
use super::syntax::{Declared, Signature};
use crate::ports::{Ports, Stream, turbofish};

/// The item; `body` is a block that gives the component.
pub(super) fn expand(
    signature: &Signature,
    sw: &TokenStream,
    guarantee: TokenStream,
    body: &TokenStream,
    picture: &str,
) -> TokenStream {
    let machine = quote!(impl ::core::ops::FnMut(#sw::Command<'_, '_, '_, #sw::Report>, &mut #sw::Io<__Ins, __Outs>) -> #sw::Reply);
    Item::new(signature, sw, machine, guarantee).expand(body, picture)
}

/// The item after a mistake in its body: everything that uses it goes on to compile.
pub(super) fn stand_in(signature: &Signature, sw: &TokenStream) -> TokenStream {
    let machine =
        quote!(fn(#sw::Command<'_, '_, '_, #sw::Report>, &mut #sw::Io<__Ins, __Outs>) -> #sw::Reply);
    Item::new(signature, sw, machine, quote!(#sw::AtLeastOnce))
        .expand(&quote!({ ::core::unreachable!() }), "")
}

struct Item<'a> {
    signature: &'a Signature,
    sw: &'a TokenStream,
    /// The type of the machine, with `__Ins` and `__Outs` for its queues.
    machine: TokenStream,
    /// What it promises of its state, as a type.
    guarantee: TokenStream,
    ports: Ports<'a>,
    inputs: Vec<Stream>,
    outputs: Vec<Stream>,
}

impl<'a> Item<'a> {
    fn new(
        signature: &'a Signature,
        sw: &'a TokenStream,
        machine: TokenStream,
        guarantee: TokenStream,
    ) -> Self {
        let Signature { name, visibility, inputs, outputs, .. } = signature;
        let names = |ports: &[Declared]| ports.iter().map(|port| port.name.clone()).collect();
        let streams = |ports: &[Declared]| ports.iter().map(|port| Stream::declared(&port.ty, sw)).collect();
        let ports = Ports::new(name, visibility, sw, names(inputs), names(outputs));
        Item { signature, sw, machine, guarantee, ports, inputs: streams(inputs), outputs: streams(outputs) }
    }

    fn expand(&self, body: &TokenStream, picture: &str) -> TokenStream {
        let Signature { attributes, visibility, name, generics, params, .. } = self.signature;
        let sw = self.sw;
        let (generic, _, bounds) = generics.split_for_impl();
        let documented = attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
        let title = (!documented).then(|| {
            let title = format!("The graph `{}`.", name.unraw());
            quote!(#[doc = #title])
        });
        let picture = LitStr::new(picture, Span::call_site());
        let ports = self.ports.items();
        let parameters: Vec<_> = params.iter().map(|Declared { name, ty }| quote!(#name: #ty)).collect();
        let component = self.component();
        let functions = self.functions(body, &component, &parameters);
        let node = self.node();
        let made = self.made();
        let edges = self.inputs.iter().enumerate().map(|(i, stream)| {
            let (edge, stream) = (crate::ports::edge(i), stream.arguments());
            quote!(#edge: #sw::Edge<#stream>)
        });
        quote! {
            #(#attributes)*
            #title
            #[doc = #picture]
            #[allow(non_camel_case_types)]
            #[derive(Clone, Copy, Debug)]
            #visibility struct #name {}

            #ports
            #functions

            #(#attributes)*
            #title
            #[doc = #picture]
            #[allow(
                dead_code,
                non_snake_case,
                clippy::too_many_arguments,
                clippy::unused_unit,
                clippy::type_complexity,
                clippy::needless_pass_by_value
            )]
            #visibility fn #name #generic (#(#edges,)* #(#parameters),*) -> #node #bounds {
                #made
            }
        }
    }

    /// The functions that make the graph: for a node, for a hand, for a test.
    fn functions(
        &self,
        body: &TokenStream,
        component: &TokenStream,
        parameters: &[TokenStream],
    ) -> TokenStream {
        let Signature { visibility, name, generics, inputs, .. } = self.signature;
        let sw = self.sw;
        let (generic, _, bounds) = generics.split_for_impl();
        let by_name = (!inputs.is_empty()).then(|| {
            let fed = Ident::new("_inputs", Span::mixed_site());
            let (inlets, witness) = (self.ports.inlets_type(&self.inputs), self.ports.inlets_value());
            let (node, made) = (self.node(), self.made());
            quote! {
                /// The inputs, as arrows name them.
                #[doc(hidden)]
                #visibility fn inputs #generic () -> #inlets #bounds {
                    #witness
                }

                /// The graph as a node whose inputs are fed by name.
                #[doc(hidden)]
                #visibility fn with #generic (#fed: #inlets, #(#parameters),*) -> #node #bounds {
                    #made
                }
            }
        });
        let driven = quote!(impl ::core::ops::FnMut(#sw::Command<'_, '_, '_, #sw::Report>) -> #sw::Reply);
        let (inputs_type, outputs_type) = (self.ends("Inputs", "Sender"), self.ends("Outputs", "Receiver"));
        let (feeds, taps) = (self.ends("Inputs", "Feed"), self.ends("Outputs", "Tap"));
        let (senders, receivers) =
            (self.each("Inputs", &quote!(), "senders"), self.each("Outputs", &quote!(), "receivers"));
        let (fed, tapped) = (
            self.each("Inputs", &quote!(#sw::Feed::new), "senders"),
            self.each("Outputs", &quote!(#sw::Tap::new), "receivers"),
        );
        let (opened, guarantee) = (self.call(), &self.guarantee);
        quote! {
            #[allow(
                dead_code,
                unused_variables,
                clippy::too_many_arguments,
                clippy::unused_unit,
                clippy::type_complexity,
                clippy::needless_pass_by_value
            )]
            impl #name {
                fn __component #generic (#(#parameters),*) -> #component #bounds #body

                #by_name

                /// The graph by itself, to be driven by hand: what runs it, and the ends of its ports.
                ///
                /// Run the graph, or spawn it; send to its inputs and receive from its outputs meanwhile. Each
                /// port holds 1,024 messages: a full input makes its sender wait, a full output the graph.
                #visibility fn open #generic (#(#parameters),*)
                    -> (#sw::Graph<#driven, #sw::Report, #sw::SystemClock, #guarantee>, #inputs_type, #outputs_type) #bounds
                {
                    let (graph, senders, receivers) = #opened.open(#sw::ROOM);
                    (graph, #senders, #receivers)
                }

                /// The graph under test: fed, settled and looked at by hand, by a clock that stands still.
                #visibility fn harness #generic (#(#parameters),*)
                    -> #sw::Harness<#driven, #feeds, #taps, #guarantee> #bounds
                {
                    let (graph, senders, receivers) = #opened.open(#sw::ENDLESS);
                    #sw::Harness::new(graph, #fed, #tapped)
                }
            }
        }
    }

    /// The graph as a node, as a value.
    fn made(&self) -> TokenStream {
        let (sw, call, ports) = (self.sw, self.call(), self.ports.origins_value());
        quote!(#sw::Node::new(#call.nested(), #ports))
    }

    /// The same as a type.
    fn node(&self) -> TokenStream {
        let (sw, machine) = (self.sw, self.machine_type());
        let (ins, outs) = (self.queues(&self.inputs), self.queues(&self.outputs));
        let origins = self.ports.origins_type(&self.outputs);
        let guarantee = &self.guarantee;
        quote!(#sw::Node<#sw::Nested<#machine, #ins, #outs, #guarantee>, #origins>)
    }

    fn component(&self) -> TokenStream {
        let (sw, machine) = (self.sw, self.machine_type());
        let (ins, outs) = (self.queues(&self.inputs), self.queues(&self.outputs));
        let guarantee = &self.guarantee;
        quote!(#sw::Component<#machine, #ins, #outs, #guarantee>)
    }

    /// The graph with the parameters that are at hand.
    fn call(&self) -> TokenStream {
        let Signature { name, generics, params, .. } = self.signature;
        let arguments = params.iter().map(|Declared { name, .. }| name);
        let turbofish = turbofish(generics);
        quote!(#name::__component #turbofish (#(#arguments),*))
    }

    fn machine_type(&self) -> TokenStream {
        replace(self.machine.clone(), &self.queues(&self.inputs), &self.queues(&self.outputs))
    }

    fn queues(&self, streams: &[Stream]) -> TokenStream {
        let sw = self.sw;
        let queues = streams.iter().map(|stream| {
            let stream = stream.arguments();
            quote!(#sw::Queue<#stream>,)
        });
        quote!((#(#queues)*))
    }

    /// Its inputs or outputs: the struct, the streams, the names.
    fn side(&self, side: &str) -> (TokenStream, &[Stream], &[Declared]) {
        match side {
            "Inputs" => (self.ports.inputs_path(), &self.inputs, &self.signature.inputs),
            _ => (self.ports.outputs_path(), &self.outputs, &self.signature.outputs),
        }
    }

    /// The type of the ends of its ports: senders, receivers.
    fn ends(&self, side: &str, end: &str) -> TokenStream {
        let (sw, end) = (self.sw, format_ident!("{end}"));
        let (name, streams, _) = self.side(side);
        if streams.is_empty() {
            return quote!(());
        }
        let ends = streams.iter().map(|stream| {
            let stream = stream.arguments();
            quote!(#sw::#end<#stream>)
        });
        quote!(#name<#(#ends),*>)
    }

    /// The struct of those ends, each wrapped, from a tuple.
    fn each(&self, side: &str, wrap: &TokenStream, tuple: &str) -> TokenStream {
        let tuple = format_ident!("{tuple}");
        let (name, streams, ports) = self.side(side);
        if streams.is_empty() {
            return quote!(());
        }
        let fields = ports.iter().enumerate().map(|(i, port)| {
            let (port, i) = (&port.name, syn::Index::from(i));
            quote!(#port: #wrap(#tuple.#i))
        });
        quote!(#name { #(#fields),* })
    }
}

/// `__Ins` and `__Outs` replaced.
fn replace(tokens: TokenStream, ins: &TokenStream, outs: &TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            proc_macro2::TokenTree::Ident(ident) if ident == "__Ins" => ins.clone(),
            proc_macro2::TokenTree::Ident(ident) if ident == "__Outs" => outs.clone(),
            proc_macro2::TokenTree::Group(group) => {
                let stream = replace(group.stream(), ins, outs);
                let mut replaced = proc_macro2::Group::new(group.delimiter(), stream);
                replaced.set_span(group.span());
                proc_macro2::TokenTree::Group(replaced).into()
            }
            other => other.into(),
        })
        .collect()
}

/// The graph as text: a line for each path between nodes where arrows meet or part.
pub(super) fn picture(graph: &Graph, order: &[usize]) -> String {
    let simple = |node: usize| graph.entering(node).count() == 1 && graph.leaving(node).count() == 1;
    let mut lines = vec!["# The graph".to_owned(), String::new(), "```text".to_owned()];
    for &node in order.iter().filter(|node| !simple(**node)) {
        for first in graph.leaving(node) {
            let mut line = first.from_words.clone();
            let mut edge = first;
            loop {
                line.push_str(" -> ");
                line.push_str(&edge.to_words);
                match graph.leaving(edge.to).next() {
                    Some(next) if simple(edge.to) => {
                        if let Some(port) = next.from_words.strip_prefix(&graph.nodes[edge.to].name) {
                            line.push_str(port);
                        }
                        edge = next;
                    }
                    _ => break,
                }
            }
            lines.push(line);
        }
    }
    lines.push("```".to_owned());
    lines.join("\n")
}
