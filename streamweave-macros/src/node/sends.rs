//! Nodes that send to several outputs, see the envelope of their input, or ask for their context.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use super::expand::{
    FOR_ALL, FOR_CALLERS, attributes, items, local_param, operator, output, param_type, ports,
};
use super::model::{Node, Shape};
use crate::ports::{Ports, Stream, turbofish};

/// `f(edge, params..)`, and the types of its ports.
pub(super) fn constructor(node: &Node, sw: &TokenStream) -> TokenStream {
    let signature = &node.function.sig;
    let (name, visibility) = (&signature.ident, &node.function.vis);
    let attributes = attributes(node, FOR_ALL).chain(attributes(node, FOR_CALLERS));
    let (generics, _, bounds) = signature.generics.split_for_impl();
    let params = node.params.iter().enumerate().map(|(i, param)| {
        let (name, ty) = (local_param(i), &param.ty);
        quote!(#name: #ty)
    });
    let sends = (!node.outs.is_empty()).then(|| {
        let names = node.outs.iter().map(|out| out.name.clone()).collect();
        Ports::new(name, visibility, sw, Vec::new(), names)
    });
    let items = sends.as_ref().map(|ports| {
        let (items, behind) = (ports.items(), behind(node, ports, sw));
        quote!(#items #behind)
    });
    let docs = super::doc::ports(node);
    let edge = edge(node, sw);
    let (built, ty) = built(node, sw);
    let carries = carries(node, sends.as_ref(), sw);
    let carried = match &sends {
        Some(ports) => {
            let (name, outs) = (ports.outputs_path(), node.outs.iter().map(|out| &out.name));
            quote!(#name { #(#outs: #sw::Gives::new()),* })
        }
        None => quote!(<#carries>::new()),
    };
    quote! {
        #items

        #(#attributes)*
        #docs
        #[allow(clippy::needless_pass_by_value, clippy::type_complexity)]
        #visibility fn #name #generics (_input: #edge, #(#params),*) -> #sw::Linear<#ty, #carries> #bounds {
            #sw::Linear::new(#built, #carried)
        }
    }
}

/// Whether the function is called through what sees the row for it.
fn sees(node: &Node) -> bool {
    node.enveloped || node.cx.is_some()
}

/// The stream that a node that sees more takes; its diff is `None` where any will do.
fn stream(node: &Node, sw: &TokenStream) -> (TokenStream, TokenStream, Option<TokenStream>) {
    let input = &node.input;
    if node.enveloped {
        let Stream { data, time, diff } = Stream::declared(input, sw);
        return (data, time, Some(diff));
    }
    let time = node.cx.as_ref().and_then(|cx| cx.time.as_ref());
    let time = time.map_or_else(|| quote!(#sw::EventTime), |time| quote!(#time));
    (quote!(#input), time, None)
}

fn edge(node: &Node, sw: &TokenStream) -> TokenStream {
    let input = &node.input;
    if sees(node) {
        let (data, time, diff) = stream(node, sw);
        let diff = diff.unwrap_or_else(|| quote!(impl #sw::Diff));
        return quote!(#sw::Edge<#data, #time, #diff>);
    }
    let stamp = quote!(impl #sw::Timestamp, impl #sw::Diff);
    if node.by_ref {
        quote!(#sw::EdgeRef<#input, impl #sw::Lends<#input>, #stamp>)
    } else {
        quote!(#sw::Edge<#input, #stamp>)
    }
}

/// What the ports carry.
fn carries(node: &Node, sends: Option<&Ports<'_>>, sw: &TokenStream) -> TokenStream {
    match sends {
        Some(ports) => {
            let (name, types) = (ports.outputs_path(), node.outs.iter().map(|out| &out.item));
            quote!(#name<#(#sw::Gives<#types>),*>)
        }
        // What sees the row takes it by value: a failed input does not come back.
        None => ports_of(node, sw),
    }
}

fn ports_of(node: &Node, sw: &TokenStream) -> TokenStream {
    if node.shape == Shape::TryMap && sees(node) {
        let output = output(node);
        return quote!(#sw::GivesOrFails<<#output as #sw::ResultLike>::Ok, <#output as #sw::ResultLike>::Err>);
    }
    ports(node, sw)
}

/// Ports that carry the time and the diff of the input.
fn behind(node: &Node, ports: &Ports<'_>, sw: &TokenStream) -> TokenStream {
    let name = ports.outputs_path();
    let types: Vec<Ident> = (0..node.outs.len()).map(|i| format_ident!("B{i}")).collect();
    let streams: Vec<Stream> =
        types.iter().map(|ty| Stream { data: quote!(#ty), time: quote!(T), diff: quote!(R) }).collect();
    let (origins, value) = (ports.origins_type(&streams), ports.origins_value());
    quote! {
        impl<#(#types,)* D, T, R> #sw::Behind<D, T, R> for #name<#(#sw::Gives<#types>),*> {
            type Ports = #origins;
            fn ports(self) -> Self::Ports {
                #value
            }
        }
    }
}

/// The operator as a value and as a type.
fn built(node: &Node, sw: &TokenStream) -> (TokenStream, TokenStream) {
    let (parameter, ty) = parameter(node, sw);
    let call = call(node);
    if !node.outs.is_empty() {
        let sent = node.outs.iter().map(|out| {
            let item = &out.item;
            quote!(#sw::Out<#item>,)
        });
        let sent = quote!((#(#sent)*));
        let function = quote!(move |#parameter: #ty, sent: &mut #sent| #call);
        let closure = quote!(impl ::core::ops::FnMut(#ty, &mut #sent));
        if node.by_ref && !sees(node) {
            let input = &node.input;
            return (quote!(#sw::SendsRef::new(#function)), quote!(#sw::SendsRef<#closure, #sent, #input>));
        }
        return seeing(node, sw, &quote!(#sw::Sends::new(#function)), &quote!(#sw::Sends<#closure, #sent>));
    }
    let output = output(node);
    let operator = if node.by_ref {
        let name = operator(node).to_string();
        format_ident!("{}", name.trim_end_matches("Ref"))
    } else {
        operator(node)
    };
    let closure = match node.shape {
        Shape::FlatMap => {
            let item = items(node);
            quote!(impl #sw::Many<#ty, Item = #item>)
        }
        _ => quote!(impl ::core::ops::FnMut(#ty) -> #output),
    };
    let function = quote!(move |#parameter: #ty| #call);
    seeing(node, sw, &quote!(#sw::#operator(#function)), &quote!(#sw::#operator<#closure>))
}

/// An operator through what sees the row for it, where there is such.
fn seeing(
    node: &Node,
    sw: &TokenStream,
    value: &TokenStream,
    ty: &TokenStream,
) -> (TokenStream, TokenStream) {
    if !sees(node) {
        return (value.clone(), ty.clone());
    }
    let (_, time, _) = stream(node, sw);
    let seen = if node.enveloped { quote!(#sw::Whole) } else { quote!(#sw::Value) };
    (quote!(#sw::Seeing::new(#value)), quote!(#sw::Seeing<#ty, #time, #seen>))
}

/// What the closure takes, as a pattern and as a type.
fn parameter(node: &Node, sw: &TokenStream) -> (TokenStream, TokenStream) {
    let input = &node.input;
    if sees(node) {
        let (data, time, diff) = stream(node, sw);
        let seen = match diff {
            Some(diff) => quote!(#sw::Update<#data, #time, #diff>),
            None => quote!(#input),
        };
        return (quote!((row, _cx)), quote!((#seen, #sw::NodeCx<#time>)));
    }
    let ty = if node.by_ref { quote!(&#input) } else { quote!(#input) };
    (quote!(row), ty)
}

/// The call of the body.
fn call(node: &Node) -> TokenStream {
    let name = &node.function.sig.ident;
    let turbofish = turbofish(&node.function.sig.generics);
    let mut param = 0;
    let arguments = (0..node.function.sig.inputs.len()).map(|place| {
        if let Some(ty) = param_type(node, place) {
            let name = cloned(param, ty);
            param += 1;
            return name;
        }
        if let Some(out) = node.outs.iter().position(|out| out.place == place) {
            let out = syn::Index::from(out);
            return quote!(&mut sent.#out);
        }
        if node.cx.as_ref().is_some_and(|cx| cx.place == place) {
            return quote!(&_cx);
        }
        if node.by_ref && sees(node) { quote!(&row) } else { quote!(row) }
    });
    quote!(#name::call #turbofish (#(#arguments),*))
}

/// A parameter cloned for a call, on its type: one that cannot be cloned is reported there.
pub(super) fn cloned(param: usize, ty: &Type) -> TokenStream {
    let span = ty.span().resolved_at(Span::mixed_site());
    let name = Ident::new(&local_param(param).to_string(), span);
    quote_spanned!(span=> ::core::clone::Clone::clone(&#name))
}
