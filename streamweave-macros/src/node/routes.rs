//! `#[derive(Ports)]`: an enum whose variants are ports.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, Ident, Type};

use crate::diagnostics::{Mistakes, report};
use crate::hygiene::library;
use crate::ports::{Ports, Stream};

/// A variant and the value that its port carries.
struct Variant {
    name: Ident,
    carries: Option<Type>,
}

/// Compiles `#[derive(Ports)]`.
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let parsed = syn::parse2::<DeriveInput>(item).and_then(|item| Ok((variants(&item)?, item)));
    match parsed {
        Ok((variants, item)) => expand(&item, &variants),
        Err(mistakes) => report(&mistakes),
    }
}

/// The greatest number of output ports of a node.
const MAX_PORTS: usize = 12;

fn variants(item: &DeriveInput) -> syn::Result<Vec<Variant>> {
    let Data::Enum(data) = &item.data else {
        return Err(syn::Error::new(
            item.ident.span(),
            "`Ports` is derived for an enum: its variants are the ports",
        ));
    };
    let mut mistakes = Mistakes::none();
    if data.variants.is_empty() {
        mistakes.at(item.ident.span(), "an enum without variants has no ports");
    }
    if let Some(more) = data.variants.iter().nth(MAX_PORTS) {
        mistakes.at(more.ident.span(), format!("a node has at most {MAX_PORTS} ports"));
    }
    let mut variants = Vec::new();
    for variant in &data.variants {
        let carries = match &variant.fields {
            Fields::Unit => None,
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Some(fields.unnamed[0].ty.clone()),
            fields => {
                mistakes.on(
                    fields,
                    format!("a port carries one value: give `{}` one, of a type of its own", variant.ident),
                );
                continue;
            }
        };
        variants.push(Variant { name: variant.ident.clone(), carries });
    }
    mistakes.gate()?;
    Ok(variants)
}

fn expand(item: &DeriveInput, variants: &[Variant]) -> TokenStream {
    let library = library();
    let sw = quote!(#library::private);
    let (name, visibility) = (&item.ident, &item.vis);
    let ports = Ports::new(
        name,
        visibility,
        &sw,
        Vec::new(),
        variants.iter().map(|variant| variant.name.clone()).collect(),
    );
    let items = ports.items();
    let streams: Vec<Stream> = variants
        .iter()
        .map(|variant| {
            let data = variant.carries.as_ref().map_or_else(|| quote!(()), |ty| quote!(#ty));
            Stream { data, time: quote!(__T), diff: quote!(__R) }
        })
        .collect();
    let (origins, witness) = (ports.origins_type(&streams), ports.origins_value());
    let (generics, arguments, bounds) = item.generics.split_for_impl();
    let mut emitting = item.generics.clone();
    let behind: Vec<Ident> = (0..variants.len()).map(|i| format_ident!("__S{i}")).collect();
    emitting.params.push(syn::parse_quote!(__T: #sw::Timestamp));
    emitting.params.push(syn::parse_quote!(__R));
    for (behind, stream) in behind.iter().zip(&streams) {
        let data = &stream.data;
        emitting.params.push(syn::parse_quote!(#behind: #sw::Push<#data, __T, __R>));
    }
    let (emitting, _, _) = emitting.split_for_impl();
    let arms = variants.iter().enumerate().map(|(i, variant)| {
        let (variant_name, i) = (&variant.name, syn::Index::from(i));
        let (pattern, data) = match variant.carries {
            Some(_) => (quote!((data)), quote!(data)),
            None => (quote!(), quote!(())),
        };
        quote!(Self::#variant_name #pattern => outs.#i.push(#sw::Update { data: #data, time, diff }),)
    });
    let advances = (0..variants.len()).map(|i| {
        let i = syn::Index::from(i);
        quote!(outs.#i.advance(::core::clone::Clone::clone(&frontier));)
    });
    quote! {
        #items

        impl #generics #sw::Routes for #name #arguments #bounds {
            type Ports<__T, __R> = #origins;
            type Node<__N> = __N;
            fn ports<__T, __R>() -> Self::Ports<__T, __R> {
                #witness
            }
            fn node<__N>(node: __N) -> __N {
                node
            }
        }

        impl #emitting #sw::RouteInto<__T, __R, (#(#sw::Port<#behind>,)*)> for #name #arguments #bounds {
            #[inline(always)]
            fn route(self, time: __T, diff: __R, outs: &mut (#(#sw::Port<#behind>,)*)) {
                match self {
                    #(#arms)*
                }
            }
            #[inline(always)]
            fn advance(frontier: #sw::Frontier<__T>, outs: &mut (#(#sw::Port<#behind>,)*)) {
                #(#advances)*
            }
        }
    }
}
