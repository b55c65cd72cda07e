//! The named ports of what a macro makes: structs with a field a port, and types that are their names.
//!
//! None names a type of the user's: the structs are generic over what stands in their fields (witnesses,
//! senders, receivers), so that a public node may carry private types where a function may.
//!
//! All stand in a module of the node's, `__word_count_ports` for `word_count`. A node's name is that of a type, so
//! no two nodes of a scope have one module; and what the user calls `WordCountInputs` stands outside of it.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Ident, Type, Visibility};

/// The names of ports for which the library has types.
const KNOWN: [&str; 13] = [
    "out", "err", "late", "matching", "rest", "left", "right", "first", "second", "to_0", "to_1", "to_2",
    "to_3",
];

/// A stream as a port carries it: its value, its time, its diff.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) data: TokenStream,
    pub(crate) time: TokenStream,
    pub(crate) diff: TokenStream,
}

impl Stream {
    /// What a port that is declared as `ty` carries: a plain value, or one in its envelope.
    pub(crate) fn declared(ty: &Type, sw: &TokenStream) -> Self {
        if !is_envelope(ty) {
            return Stream { data: quote!(#ty), time: quote!(()), diff: quote!(()) };
        }
        Stream {
            data: quote!(<#ty as #sw::Envelope>::Data),
            time: quote!(<#ty as #sw::Envelope>::Time),
            diff: quote!(<#ty as #sw::Envelope>::Diff),
        }
    }

    /// Its three types as arguments.
    pub(crate) fn arguments(&self) -> TokenStream {
        let Stream { data, time, diff } = self;
        quote!(#data, #time, #diff)
    }
}

/// Whether a type is written as `Timed<..>` or `Update<..>`: the envelope is seen, not the value alone.
pub(crate) fn is_envelope(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == "Timed" || last.ident == "Update")
}

/// The ports of a node.
pub(crate) struct Ports<'a> {
    /// The name of the node.
    owner: &'a Ident,
    visibility: &'a Visibility,
    sw: &'a TokenStream,
    inputs: Vec<Ident>,
    outputs: Vec<Ident>,
}

impl<'a> Ports<'a> {
    pub(crate) fn new(
        owner: &'a Ident,
        visibility: &'a Visibility,
        sw: &'a TokenStream,
        inputs: Vec<Ident>,
        outputs: Vec<Ident>,
    ) -> Self {
        Ports { owner, visibility, sw, inputs, outputs }
    }

    /// The module of all that is made for the ports. Its name keeps the case of the node's: two nodes may differ
    /// by that alone.
    fn module(&self) -> Ident {
        Ident::new(&format!("__{}_ports", self.owner.unraw()), self.owner.span())
    }

    /// The name of a struct, in the module; errors show it without the module.
    fn type_name(&self, suffix: &str) -> Ident {
        Ident::new(&format!("{}{suffix}", camel(&self.owner.unraw().to_string())), self.owner.span())
    }

    fn inputs_name(&self) -> Ident {
        self.type_name("Inputs")
    }

    fn outputs_name(&self) -> Ident {
        self.type_name("Outputs")
    }

    /// The path of the struct of its inputs.
    pub(crate) fn inputs_path(&self) -> TokenStream {
        let (module, name) = (self.module(), self.inputs_name());
        quote!(#module::#name)
    }

    /// The path of the struct of its outputs.
    pub(crate) fn outputs_path(&self) -> TokenStream {
        let (module, name) = (self.module(), self.outputs_name());
        quote!(#module::#name)
    }

    /// The structs, the names, and what makes them the ports of a node.
    pub(crate) fn items(&self) -> TokenStream {
        let (visibility, module) = (self.visibility, self.module());
        let markers = self.markers();
        let inputs = (!self.inputs.is_empty()).then(|| {
            let fields = self.structure(&self.inputs_name(), &self.inputs, "inputs");
            let inlets = self.inlets();
            quote!(#fields #inlets)
        });
        let fields = self.structure(&self.outputs_name(), &self.outputs, "outputs");
        let origins = self.origins();
        let doc = format!("The ports of `{}`.", self.owner.unraw());
        quote! {
            #[doc = #doc]
            #[allow(non_snake_case, unreachable_pub)]
            #visibility mod #module {
                #inputs
                #fields
                #origins

                /// The names of the ports, as types.
                #[doc(hidden)]
                pub mod name {
                    #markers
                }
            }
        }
    }

    /// The type of the witnesses of its inputs.
    pub(crate) fn inlets_type(&self, streams: &[Stream]) -> TokenStream {
        let (sw, name) = (self.sw, self.inputs_path());
        let inlets = streams.iter().enumerate().map(|(i, stream)| {
            let stream = stream.arguments();
            quote!(#sw::Inlet<#sw::Nth<#i>, #sw::Edge<#stream>>)
        });
        quote!(#name<#(#inlets),*>)
    }

    /// The witnesses of its inputs.
    pub(crate) fn inlets_value(&self) -> TokenStream {
        let (sw, name, ports) = (self.sw, self.inputs_path(), &self.inputs);
        quote!(#name { #(#ports: #sw::Inlet::new()),* })
    }

    /// The type of the witnesses of its outputs.
    pub(crate) fn origins_type(&self, streams: &[Stream]) -> TokenStream {
        let (sw, name) = (self.sw, self.outputs_path());
        let origins = streams.iter().enumerate().map(|(i, stream)| {
            let stream = stream.arguments();
            quote!(#sw::Origin<#sw::Nth<#i>, #stream>)
        });
        quote!(#name<#(#origins),*>)
    }

    /// The witnesses of its outputs.
    pub(crate) fn origins_value(&self) -> TokenStream {
        let (sw, name, ports) = (self.sw, self.outputs_path(), &self.outputs);
        quote!(#name { #(#ports: #sw::Origin::new()),* })
    }

    /// The type that is the name of a port.
    fn marker(&self, port: &Ident) -> TokenStream {
        let sw = self.sw;
        if is_known(port) { quote!(#sw::name::#port) } else { quote!(name::#port) }
    }

    /// The types that are the names of its ports.
    fn markers(&self) -> TokenStream {
        let sw = self.sw;
        let mut seen = Vec::new();
        let new = |port: &&Ident| {
            let name = port.unraw().to_string();
            let new = !is_known(port) && !seen.contains(&name);
            seen.push(name);
            new
        };
        let markers = self.inputs.iter().chain(&self.outputs).filter(new).map(|port| {
            quote! {
                #[allow(non_camel_case_types, dead_code)]
                #[derive(Clone, Copy, Debug)]
                pub struct #port;
                impl #sw::PortName for #port {
                    type Or<S: #sw::Chain> = #sw::Open<#port>;
                    fn or<S: #sw::Chain>(open: #sw::Open<#port>, _default: S) -> #sw::Open<#port> {
                        open
                    }
                }
            }
        });
        markers.collect()
    }

    /// A struct with a field for each port.
    fn structure(&self, name: &Ident, ports: &[Ident], what: &str) -> TokenStream {
        let doc = format!("The {what} of `{}`.", self.owner.unraw());
        let types: Vec<Ident> = (0..ports.len()).map(|i| format_ident!("P{i}")).collect();
        let fields = ports.iter().zip(&types).map(|(port, ty)| {
            let doc = format!("The port `{}`.", port.unraw());
            quote!(#[doc = #doc] pub #port: #ty,)
        });
        quote! {
            #[doc = #doc]
            #[derive(Clone, Copy, Debug)]
            #[allow(dead_code, non_snake_case)]
            pub struct #name<#(#types),*> { #(#fields)* }
        }
    }

    fn inlets(&self) -> TokenStream {
        let (sw, name) = (self.sw, self.inputs_name());
        let index = 0..self.inputs.len();
        let slots: Vec<Ident> = index.clone().map(|i| format_ident!("S{i}")).collect();
        let markers: Vec<TokenStream> = self.inputs.iter().map(|port| self.marker(port)).collect();
        quote! {
            #[allow(clippy::unused_unit)]
            impl<#(#slots),*> #sw::Inlets for #name<#(#sw::Inlet<#sw::Nth<#index>, #slots>),*> {
                type Unfed = (#(#sw::Unfed<#markers>,)*);
                fn unfed(self) -> Self::Unfed {
                    (#(#sw::Unfed::<#markers>::new(),)*)
                }
            }
        }
    }

    fn origins(&self) -> TokenStream {
        let (sw, name) = (self.sw, self.outputs_name());
        let index = 0..self.outputs.len();
        let each = |prefix: &str| -> Vec<Ident> {
            (0..self.outputs.len()).map(|i| format_ident!("{prefix}{i}")).collect()
        };
        let (data, times, diffs) = (each("D"), each("T"), each("R"));
        let markers: Vec<TokenStream> = self.outputs.iter().map(|port| self.marker(port)).collect();
        let names = self.outputs.iter().map(|port| port.unraw().to_string());
        quote! {
            #[allow(clippy::unused_unit)]
            impl<#(#data, #times, #diffs),*> #sw::Ports
                for #name<#(#sw::Origin<#sw::Nth<#index>, #data, #times, #diffs>),*>
            {
                type Open = (#(#sw::Open<#markers>,)*);
                const NAMES: &'static [&'static str] = &[#(#names),*];
                const TIMED: &'static [bool] = &[#(#sw::is_timed::<#times>()),*];
                #[allow(clippy::unused_unit)]
                fn open(self) -> Self::Open {
                    (#(#sw::Open::<#markers>::new(),)*)
                }
            }
        }
    }
}

fn is_known(port: &Ident) -> bool {
    KNOWN.contains(&&*port.unraw().to_string())
}

/// The argument that is the edge into input `i`: beside the user's parameters, so none of them can be it.
pub(crate) fn edge(i: usize) -> Ident {
    Ident::new(&format!("_edge{i}"), Span::mixed_site())
}

/// `word_count` as `WordCount`.
pub(crate) fn camel(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    };
    name.split('_').map(capital).collect()
}

/// The generics of an item as arguments of a call.
pub(crate) fn turbofish(generics: &syn::Generics) -> Option<TokenStream> {
    let argument = |parameter: &syn::GenericParam| match parameter {
        syn::GenericParam::Type(ty) => Some(ty.ident.clone()),
        syn::GenericParam::Const(constant) => Some(constant.ident.clone()),
        syn::GenericParam::Lifetime(_) => None,
    };
    let arguments: Vec<Ident> = generics.params.iter().filter_map(argument).collect();
    (!arguments.is_empty()).then(|| quote!(::<#(#arguments),*>))
}
