//! What `#[node] fn f` expands to: the body as `f::call`, and the constructor `f`.
//!
//! Both stand beside each other with the visibility of the function; the type `f` names none of
//! the user's types, so that a public node may work on private ones where a function may.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, GenericParam, Ident, ReturnType, Type};

use super::model::{Node, Shape};
use crate::hygiene::library;

pub(super) fn expand(node: &Node) -> TokenStream {
    let body = body(node);
    let constructor = constructor(node);
    quote!(#body #constructor)
}

/// Attributes that hold for all that a node expands to.
pub(super) const FOR_ALL: &[&str] = &["cfg", "allow", "warn", "deny"];

/// Those that stand where the node is called.
pub(super) const FOR_CALLERS: &[&str] = &["doc", "deprecated"];

pub(super) fn attributes<'a>(node: &'a Node, named: &'a [&str]) -> impl Iterator<Item = &'a Attribute> {
    let attributes = node.function.attrs.iter();
    attributes.filter(|attribute| named.iter().any(|name| attribute.path().is_ident(name)))
}

/// `f::call`: the function as it was written.
fn body(node: &Node) -> TokenStream {
    let name = &node.function.sig.ident;
    let for_all: Vec<_> = attributes(node, FOR_ALL).collect();
    let visibility = &node.function.vis;
    let mut call = node.function.clone();
    call.attrs.retain(|attribute| !attribute.path().is_ident("doc"));
    call.sig.ident = Ident::new("call", name.span());
    let doc = format!("The node `{name}`: its body is callable as `{name}::call(..)`.");
    quote! {
        #(#for_all)*
        #[doc = #doc]
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug)]
        #visibility struct #name {}

        #(#for_all)*
        #[allow(dead_code, clippy::missing_errors_doc, clippy::missing_panics_doc)]
        impl #name {
            /// The body of the node.
            #call
        }
    }
}

/// `f(edge, params..)`: what `graph!` calls.
fn constructor(node: &Node) -> TokenStream {
    let sw = library();
    let sw = quote!(#sw::private);
    let signature = &node.function.sig;
    let (name, visibility) = (&signature.ident, &node.function.vis);
    let attributes = attributes(node, FOR_ALL).chain(attributes(node, FOR_CALLERS));
    let (generics, _, bounds) = signature.generics.split_for_impl();
    let params = node.params.iter().enumerate().map(|(i, param)| {
        let (name, ty) = (local_param(i), &param.ty);
        quote!(#name: #ty)
    });
    let docs = super::doc::ports(node);
    let edge = edge(node, &sw);
    if node.is_async() {
        let (built, ty) = asynchronous(node, &sw);
        return quote! {
            #(#attributes)*
            #docs
            #[allow(clippy::needless_pass_by_value, clippy::type_complexity)]
            #visibility fn #name #generics (_input: #edge, #(#params),*) -> #ty #bounds {
                #built
            }
        };
    }
    if !node.outs.is_empty() || node.enveloped || node.cx.is_some() {
        return super::sends::constructor(node, &sw);
    }
    let operator = operator(node);
    let ports = ports(node, &sw);
    let function = call(node);
    let closure = closure(node, &sw);
    let new =
        if node.by_ref { quote!(#sw::#operator::new(#function)) } else { quote!(#sw::#operator(#function)) };
    quote! {
        #(#attributes)*
        #docs
        #[allow(clippy::needless_pass_by_value, clippy::type_complexity)]
        #visibility fn #name #generics (
            _input: #edge,
            #(#params),*
        ) -> #sw::Linear<#sw::#operator<#closure>, #ports>
        #bounds
        {
            #sw::Linear::new(#new, <#ports>::new())
        }
    }
}

/// An asynchronous node, as a value and as a type.
fn asynchronous(node: &Node, sw: &TokenStream) -> (TokenStream, TokenStream) {
    let (input, output, function, ports) = (&node.input, output(node), call(node), ports(node, sw));
    let settings = &node.settings;
    let function = if settings.blocking.is_some() { quote!(#sw::blocking(#function)) } else { function };
    let in_flight = settings.in_flight.as_ref().map(|calls| quote!(.in_flight(#calls)));
    let unordered = settings.unordered.then(|| quote!(.unordered()));
    let timeout = settings.timeout.as_ref().map(|(name, value)| quote!(.#name(#value)));
    let guarded = quote!(#sw::Guarded<#sw::Always>);
    // Written out in what follows, so that it is not inferred from what could fail.
    let mut timed = if timeout.is_some() { guarded.clone() } else { quote!(#sw::Plain) };
    let mut calls = quote! {
        #sw::AsyncCalls::<#input, _, _>::new(#function, <#ports>::new()) #in_flight #unordered #timeout
    };
    if let Some((name, breaker)) = &settings.breaker {
        let ports = located(ports.clone(), name.span());
        calls = quote!(#sw::breaking::<#input, #ports, _, #timed, _>(#calls, #breaker));
        timed = guarded.clone();
    }
    if let Some(name) = &settings.keep_input {
        let ports = located(ports.clone(), name.span());
        calls = quote!(#sw::keeping_input::<#input, #ports, _, #timed, _>(#calls));
    }
    // Behind the timeout: with it a function that cannot fail can be called again.
    if let Some((name, retry)) = &settings.retry {
        let ports = located(ports.clone(), name.span());
        let retry_if = settings.retry_if.as_ref().map(|(name, value)| quote!(.#name(#value)));
        calls = quote!(#sw::retried::<#input, #ports, _, #timed, _>(#calls, #retry) #retry_if);
    }
    let guards = match (&settings.retry, &settings.retry_if) {
        (_, Some(_)) => quote!(#sw::Guarded<impl FnMut(&<#output as #sw::ResultLike>::Err) -> bool>),
        (Some(_), None) => guarded,
        (None, None) => timed,
    };
    let holds = if settings.keep_input.is_some() {
        quote!(#sw::Keeps<#input>)
    } else if settings.retry.is_some() {
        quote!(#sw::Again<#input>)
    } else {
        quote!(#sw::Nothing)
    };
    (
        calls,
        quote! {
            #sw::AsyncCalls<
                #input,
                impl #sw::Call<#input, Output = #output, Future: ::core::marker::Send>,
                #ports,
                #guards,
                #holds,
            >
        },
    )
}

/// The same tokens where `span` is, so that what is wrong with them is reported there.
fn located(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let TokenTree::Group(group) = &token {
                token = Group::new(group.delimiter(), located(group.stream(), span)).into();
            }
            token.set_span(span.resolved_at(token.span()));
            token
        })
        .collect()
}

/// The arguments of the operator's type: the closure that it calls, and what that borrows.
fn closure(node: &Node, sw: &TokenStream) -> TokenStream {
    let (input, taken, output) = (&node.input, input(node), output(node));
    let item = items(node);
    match (node.shape, node.by_ref) {
        (Shape::FlatMap, true) => {
            quote!(impl ::core::ops::FnMut(&#input, &mut ::std::vec::Vec<#item>), #input, #item)
        }
        (Shape::FlatMap, false) => quote!(impl #sw::Many<#input, Item = #item>),
        (_, true) => quote!(impl ::core::ops::FnMut(#taken) -> #output, #input),
        (_, false) => quote!(impl ::core::ops::FnMut(#taken) -> #output),
    }
}

/// The type of the items of a flat-map.
pub(super) fn items(node: &Node) -> TokenStream {
    match &node.items {
        Some(item) => quote!(#item),
        None => {
            let output = output(node);
            quote!(<#output as ::core::iter::IntoIterator>::Item)
        }
    }
}

/// The edge that the node takes.
fn edge(node: &Node, sw: &TokenStream) -> TokenStream {
    let input = &node.input;
    if node.is_async() {
        if node.settings.pure.is_some() {
            return quote!(#sw::Edge<#input, impl #sw::Timestamp, impl #sw::Diff>);
        }
        // A call for a retraction could find another answer than that for its insertion.
        return quote!(#sw::Edge<#input, impl #sw::Timestamp>);
    }
    let stamp = quote!(impl #sw::Timestamp, impl #sw::Diff);
    if node.by_ref {
        quote!(#sw::EdgeRef<#input, impl #sw::Lends<#input>, #stamp>)
    } else {
        quote!(#sw::Edge<#input, #stamp>)
    }
}

/// The library's operator of the node's shape.
pub(super) fn operator(node: &Node) -> Ident {
    let name = match node.shape {
        Shape::Map => "Map",
        Shape::FilterMap => "FilterMap",
        Shape::FlatMap => "FlatMap",
        Shape::TryMap => "TryMap",
    };
    if node.by_ref { format_ident!("{name}Ref") } else { Ident::new(name, Span::mixed_site()) }
}

/// What its ports carry.
pub(super) fn ports(node: &Node, sw: &TokenStream) -> TokenStream {
    let output = output(node);
    match node.shape {
        Shape::Map => quote!(#sw::Gives<#output>),
        Shape::FilterMap => quote!(#sw::Gives<<#output as #sw::OptionLike>::Item>),
        Shape::FlatMap => {
            let item = items(node);
            quote!(#sw::Gives<#item>)
        }
        Shape::TryMap => {
            let gives = if node.by_ref { quote!(GivesOrReturns) } else { quote!(GivesOrFails) };
            quote!(#sw::#gives<<#output as #sw::ResultLike>::Ok, <#output as #sw::ResultLike>::Err>)
        }
    }
}

fn input(node: &Node) -> TokenStream {
    let input = &node.input;
    if node.by_ref { quote!(&#input) } else { quote!(#input) }
}

pub(super) fn output(node: &Node) -> TokenStream {
    match &node.function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, output) => quote!(#output),
    }
}

/// The closure that calls the body with its parameters, each cloned for the call.
fn call(node: &Node) -> TokenStream {
    let name = &node.function.sig.ident;
    let arguments_of = |parameter: &GenericParam| match parameter {
        GenericParam::Type(ty) => Some(ty.ident.clone()),
        GenericParam::Const(constant) => Some(constant.ident.clone()),
        GenericParam::Lifetime(_) => None,
    };
    let generics: Vec<Ident> = node.function.sig.generics.params.iter().filter_map(arguments_of).collect();
    let turbofish = (!generics.is_empty()).then(|| quote!(::<#(#generics),*>));
    let mut param = 0;
    let arguments = (0..node.function.sig.inputs.len()).map(|place| {
        let Some(ty) = param_type(node, place) else {
            return match node.settings.keep_input.as_ref().filter(|_| node.cloned) {
                // On the setting: an input that cannot be cloned is reported there.
                Some(keep) => {
                    let (span, input, row) = (keep.span(), &node.input, quote!(row));
                    quote_spanned!(span=> <#input as ::core::clone::Clone>::clone(#row))
                }
                None => quote!(row),
            };
        };
        // On the type: one that cannot be cloned is reported there.
        let span = ty.span().resolved_at(Span::mixed_site());
        let name = Ident::new(&local_param(param).to_string(), span);
        param += 1;
        quote_spanned!(span=> ::core::clone::Clone::clone(&#name))
    });
    let input = input(node);
    let call = quote!(#name::call #turbofish (#(#arguments),*));
    if node.shape == Shape::FlatMap && node.by_ref {
        let item = items(node);
        return quote! {
            move |row: #input, items: &mut ::std::vec::Vec<#item>| {
                ::core::iter::Extend::extend(items, #call)
            }
        };
    }
    quote!(move |row: #input| #call)
}

/// The type of the argument at this place, where it configures the node.
pub(super) fn param_type(node: &Node, place: usize) -> Option<&Type> {
    let param = node.places.iter().position(|other| *other == place)?;
    Some(&node.params[param].ty)
}

pub(super) fn local_param(i: usize) -> Ident {
    Ident::new(&format!("param{i}"), Span::mixed_site())
}
