//! What a graph with a signature expands to: a type of its name with the functions that make one, and a
//! function of its name that places it in another graph.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Ident, LitStr};

use super::expand::carried;
use super::ir::Graph;
use super::syntax::{Declared, Signature};

/// The names of ports for which the library has types.
const KNOWN: [&str; 5] = ["out", "err", "late", "matching", "rest"];

/// The item; `body` is a block that gives the component.
pub(super) fn expand(
    signature: &Signature,
    sw: &TokenStream,
    body: &TokenStream,
    picture: &str,
) -> TokenStream {
    let machine =
        quote!(impl FnMut(#sw::Command<'_, '_, '_, #sw::Report>, &mut #sw::Io<__Ins, __Outs>) -> #sw::Reply);
    Item::new(signature, sw, machine).expand(body, picture)
}

/// The item after a mistake in its body: everything that uses it goes on to compile.
pub(super) fn stand_in(signature: &Signature, sw: &TokenStream) -> TokenStream {
    let machine =
        quote!(fn(#sw::Command<'_, '_, '_, #sw::Report>, &mut #sw::Io<__Ins, __Outs>) -> #sw::Reply);
    Item::new(signature, sw, machine).expand(&quote!({ ::core::unreachable!() }), "")
}

struct Item<'a> {
    signature: &'a Signature,
    sw: &'a TokenStream,
    /// The type of the machine, with `__Ins` and `__Outs` for its queues.
    machine: TokenStream,
    inputs: Ident,
    outputs: Ident,
    names: Ident,
}

impl<'a> Item<'a> {
    fn new(signature: &'a Signature, sw: &'a TokenStream, machine: TokenStream) -> Self {
        let camel = camel(&signature.name.unraw().to_string());
        let at = |name: String| Ident::new(&name, signature.name.span());
        let (inputs, outputs) = (at(format!("{camel}Inputs")), at(format!("{camel}Outputs")));
        let names = at(format!("__{camel}Ports"));
        Item { signature, sw, machine, inputs, outputs, names }
    }

    fn expand(&self, body: &TokenStream, picture: &str) -> TokenStream {
        let Signature { attributes, visibility, name, generics, inputs, params, outputs, .. } =
            self.signature;
        let (sw, names) = (self.sw, &self.names);
        let (generic, _, bounds) = generics.split_for_impl();
        let documented = attributes.iter().any(|attribute| attribute.path().is_ident("doc"));
        let title = (!documented).then(|| {
            let title = format!("The graph `{}`.", name.unraw());
            quote!(#[doc = #title])
        });
        let picture = LitStr::new(picture, Span::call_site());
        let markers = self.markers();
        let input_struct = ports_struct(visibility, &self.inputs, inputs, "inputs", name);
        let output_struct = ports_struct(visibility, &self.outputs, outputs, "outputs", name);
        let port_traits = self.port_traits();
        let inlets = self.inlets();
        let origins = self.origins();
        let parameters: Vec<_> = params.iter().map(|Declared { name, ty }| quote!(#name: #ty)).collect();
        let arguments: Vec<_> = params.iter().map(|Declared { name, .. }| name).collect();
        let turbofish = self.turbofish();
        let machine = self.machine_type();
        let (ins, outs) = (self.queues(inputs), self.queues(outputs));
        let component = quote!(#sw::Component<#machine, #ins, #outs>);
        let node = quote!(#sw::Node<#sw::Nested<#machine, #ins, #outs>, #origins>);
        let edges = inputs.iter().enumerate().map(|(i, port)| {
            let (edge, (data, time, diff)) = (format_ident!("_edge{i}"), carried(&port.ty, sw));
            quote!(#edge: #sw::Edge<#data, #time, #diff>)
        });
        let graph = self.driven_type();
        let (senders, receivers) =
            (self.ends(&self.inputs, inputs, "Sender"), self.ends(&self.outputs, outputs, "Receiver"));
        let (feeds, taps) =
            (self.ends(&self.inputs, inputs, "Feed"), self.ends(&self.outputs, outputs, "Tap"));
        let open_inputs = self.fields(inputs, "senders");
        let open_outputs = self.fields(outputs, "receivers");
        let (input_type, output_type) = (&self.inputs, &self.outputs);
        let feed_fields = wrapped(inputs, &quote!(#sw::Feed::new), "inputs");
        let tap_fields = wrapped(outputs, &quote!(#sw::Tap::new), "outputs");
        let witness = fresh(&self.inputs, inputs, &quote!(#sw::Inlet::new()));
        let ports = fresh(&self.outputs, outputs, &quote!(#sw::Origin::new()));
        quote! {
            #(#attributes)*
            #title
            #[doc = #picture]
            #[allow(non_camel_case_types)]
            #[derive(Clone, Copy, Debug)]
            #visibility struct #name {}

            #[doc(hidden)]
            #[allow(non_snake_case)]
            #visibility mod #names {
                #markers
            }
            #input_struct
            #output_struct
            #port_traits
            #[allow(dead_code, clippy::too_many_arguments, clippy::type_complexity, clippy::needless_pass_by_value)]
            impl #name {
                fn __component #generic (#(#parameters),*) -> #component #bounds #body

                /// The input ports, as arrows name them.
                #[doc(hidden)]
                #visibility fn inputs #generic () -> #inlets #bounds {
                    #witness
                }

                /// The graph as a node whose inputs are fed by name.
                #[doc(hidden)]
                #visibility fn with #generic (_inputs: #inlets, #(#parameters),*) -> #node #bounds {
                    #sw::Node::new(Self::__component #turbofish (#(#arguments),*).nested(), #ports)
                }

                /// The graph by itself, to be driven by hand: what runs it, and the ends of its ports.
                ///
                /// Run the graph, or spawn it; send to its inputs and receive from its outputs meanwhile. Each
                /// port holds 1,024 messages: a full input makes its sender wait, a full output the graph.
                #[must_use = "a graph does nothing until it is run"]
                #visibility fn open #generic (#(#parameters),*) -> (#graph, #senders, #receivers) #bounds {
                    let (graph, senders, receivers) =
                        Self::__component #turbofish (#(#arguments),*).open(#sw::ROOM);
                    let _ = (&senders, &receivers);
                    (graph, #input_type { #open_inputs }, #output_type { #open_outputs })
                }

                /// The graph under test: fed, settled and looked at by hand, by a clock that stands still.
                #visibility fn harness #generic (#(#parameters),*) -> #sw::Harness<impl FnMut(#sw::Command<'_, '_, '_, #sw::Report>) -> #sw::Reply, #feeds, #taps> #bounds {
                    let (graph, senders, receivers) =
                        Self::__component #turbofish (#(#arguments),*).open(#sw::ENDLESS);
                    let _ = (&senders, &receivers);
                    let inputs = #input_type { #open_inputs };
                    let outputs = #output_type { #open_outputs };
                    #sw::Harness::new(
                        graph,
                        #input_type { #feed_fields },
                        #output_type { #tap_fields },
                    )
                }
            }

            #(#attributes)*
            #title
            #[doc = #picture]
            #[allow(dead_code, non_snake_case, clippy::too_many_arguments, clippy::type_complexity, clippy::needless_pass_by_value)]
            #visibility fn #name #generic (#(#edges,)* #(#parameters),*) -> #node #bounds {
                #sw::Node::new(#name::__component #turbofish (#(#arguments),*).nested(), #ports)
            }
        }
    }

    /// The types that are the names of its ports.
    fn markers(&self) -> TokenStream {
        let sw = self.sw;
        let Signature { inputs, outputs, .. } = self.signature;
        let mut seen = Vec::new();
        let ports = inputs.iter().chain(outputs).filter(|port| {
            let name = port.name.unraw().to_string();
            let new = !KNOWN.contains(&&*name) && !seen.contains(&name);
            seen.push(name);
            new
        });
        ports.map(|port| marker(&port.name, sw)).collect()
    }

    /// The type that is the name of a port.
    fn marker(&self, port: &Declared) -> TokenStream {
        let (sw, names, name) = (self.sw, &self.names, &port.name);
        if KNOWN.contains(&&*name.unraw().to_string()) {
            quote!(#sw::name::#name)
        } else {
            quote!(#names::#name)
        }
    }

    fn machine_type(&self) -> TokenStream {
        let (ins, outs) = (self.queues(&self.signature.inputs), self.queues(&self.signature.outputs));
        replace(self.machine.clone(), &ins, &outs)
    }

    /// The type of the graph that is driven by hand.
    fn driven_type(&self) -> TokenStream {
        let sw = self.sw;
        quote!(#sw::Graph<impl FnMut(#sw::Command<'_, '_, '_, #sw::Report>) -> #sw::Reply, #sw::Report>)
    }

    fn queues(&self, ports: &[Declared]) -> TokenStream {
        let sw = self.sw;
        let queues = ports.iter().map(|port| {
            let (data, time, diff) = carried(&port.ty, sw);
            quote!(#sw::Queue<#data, #time, #diff>,)
        });
        quote!((#(#queues)*))
    }

    /// The type of the ends of its ports: senders, receivers.
    fn ends(&self, name: &Ident, ports: &[Declared], end: &str) -> TokenStream {
        let (sw, end) = (self.sw, format_ident!("{end}"));
        let ends = ports.iter().map(|port| {
            let (data, time, diff) = carried(&port.ty, sw);
            quote!(#sw::#end<#data, #time, #diff>)
        });
        quote!(#name<#(#ends),*>)
    }

    /// The fields of the ends, from a tuple.
    fn fields(&self, ports: &[Declared], tuple: &str) -> TokenStream {
        let tuple = format_ident!("{tuple}");
        let fields = ports.iter().enumerate().map(|(i, port)| {
            let (name, i) = (&port.name, syn::Index::from(i));
            quote!(#name: #tuple.#i,)
        });
        quote!(#(#fields)*)
    }

    /// The type of the witnesses of its inputs, and what makes it one of a node's inputs.
    fn inlets(&self) -> TokenStream {
        let (sw, name) = (self.sw, &self.inputs);
        let inlets = self.signature.inputs.iter().enumerate().map(|(i, port)| {
            let (data, time, diff) = carried(&port.ty, sw);
            quote!(#sw::Inlet<#sw::Nth<#i>, #sw::Edge<#data, #time, #diff>>)
        });
        quote!(#name<#(#inlets),*>)
    }

    /// The type of the witnesses of its outputs.
    fn origins(&self) -> TokenStream {
        let (sw, name) = (self.sw, &self.outputs);
        let origins = self.signature.outputs.iter().enumerate().map(|(i, port)| {
            let (data, time, diff) = carried(&port.ty, sw);
            quote!(#sw::Origin<#sw::Nth<#i>, #data, #time, #diff>)
        });
        quote!(#name<#(#origins),*>)
    }

    fn turbofish(&self) -> Option<TokenStream> {
        let arguments: Vec<TokenStream> = self
            .signature
            .generics
            .params
            .iter()
            .filter_map(|parameter| match parameter {
                syn::GenericParam::Type(ty) => Some(&ty.ident),
                syn::GenericParam::Const(constant) => Some(&constant.ident),
                syn::GenericParam::Lifetime(_) => None,
            })
            .map(|ident| quote!(#ident))
            .collect();
        (!arguments.is_empty()).then(|| quote!(::<#(#arguments),*>))
    }

    /// Makes the structs the ports of a node.
    fn port_traits(&self) -> TokenStream {
        let sw = self.sw;
        let Signature { inputs, outputs, .. } = self.signature;
        let (input_type, output_type) = (&self.inputs, &self.outputs);
        let generic = |prefix: &str, ports: &[Declared]| -> Vec<Ident> {
            (0..ports.len()).map(|i| format_ident!("{prefix}{i}")).collect()
        };
        let (slots, data, times, diffs) =
            (generic("S", inputs), generic("D", outputs), generic("T", outputs), generic("R", outputs));
        let in_index = 0..inputs.len();
        let out_index: Vec<usize> = (0..outputs.len()).collect();
        let in_markers: Vec<_> = inputs.iter().map(|port| self.marker(port)).collect();
        let out_markers: Vec<_> = outputs.iter().map(|port| self.marker(port)).collect();
        let out_names = outputs.iter().map(|port| port.name.unraw().to_string());
        quote! {
            impl<#(#slots),*> #sw::Inlets for #input_type<#(#sw::Inlet<#sw::Nth<#in_index>, #slots>),*> {
                type Unfed = (#(#sw::Unfed<#in_markers>,)*);
                fn unfed(self) -> Self::Unfed {
                    (#(#sw::Unfed::<#in_markers>::new(),)*)
                }
            }
            impl<#(#data, #times, #diffs),*> #sw::Ports
                for #output_type<#(#sw::Origin<#sw::Nth<#out_index>, #data, #times, #diffs>),*>
            {
                type Open = (#(#sw::Open<#out_markers>,)*);
                const NAMES: &'static [&'static str] = &[#(#out_names),*];
                fn open(self) -> Self::Open {
                    (#(#sw::Open::<#out_markers>::new(),)*)
                }
            }
        }
    }
}

/// A struct with a field for each port.
fn ports_struct(
    visibility: &syn::Visibility,
    name: &Ident,
    ports: &[Declared],
    what: &str,
    graph: &Ident,
) -> TokenStream {
    let doc = format!("The {what} of [`{}`].", graph.unraw());
    let types: Vec<Ident> = (0..ports.len()).map(|i| format_ident!("P{i}")).collect();
    let fields = ports.iter().zip(&types).map(|(port, ty)| {
        let doc = format!("The port `{}`.", port.name.unraw());
        let name = &port.name;
        quote!(#[doc = #doc] pub #name: #ty,)
    });
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy, Debug)]
        #[allow(dead_code)]
        #visibility struct #name<#(#types),*> { #(#fields)* }
    }
}

/// A type that is the name of a port.
fn marker(name: &Ident, sw: &TokenStream) -> TokenStream {
    quote! {
        #[allow(non_camel_case_types, dead_code)]
        #[derive(Clone, Copy, Debug)]
        pub struct #name;
        impl #sw::PortName for #name {
            type Or<S: #sw::Chain> = #sw::Open<#name>;
            fn or<S: #sw::Chain>(open: #sw::Open<#name>, _default: S) -> #sw::Open<#name> {
                open
            }
        }
    }
}

/// The struct with the same in every field.
fn fresh(name: &Ident, ports: &[Declared], value: &TokenStream) -> TokenStream {
    let names = ports.iter().map(|port| &port.name);
    quote!(#name { #(#names: #value),* })
}

/// The fields of a struct, each wrapped.
fn wrapped(ports: &[Declared], wrap: &TokenStream, from: &str) -> TokenStream {
    let from = format_ident!("{from}");
    let names = ports.iter().map(|port| &port.name);
    quote!(#(#names: #wrap(#from.#names),)*)
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

/// `word_count` as `WordCount`.
fn camel(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    };
    name.split('_').map(capital).collect()
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
                        if next.from_words != graph.nodes[edge.to].name {
                            line.push_str(&next.from_words[graph.nodes[edge.to].name.len()..]);
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
