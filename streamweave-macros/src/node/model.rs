//! A node function as what it means: its input, its parameters, its shape.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, FnArg, Ident, ItemFn, Pat, PatType, ReturnType, Type, TypeReference};

use super::attr::{self, Settings};
use crate::diagnostics::Mistakes;
use crate::hygiene::library;

/// A node.
pub(super) struct Node {
    /// The function, without the attributes that are the macro's.
    pub(super) function: ItemFn,
    /// The type of the input, and whether it is borrowed.
    pub(super) input: Type,
    pub(super) by_ref: bool,
    /// The parameters that configure the node, and their places among the arguments.
    pub(super) params: Vec<PatType>,
    pub(super) places: Vec<usize>,
    /// The outputs that it sends to, where it has several.
    pub(super) outs: Vec<OutParam>,
    /// Whether it takes its input in its envelope.
    pub(super) enveloped: bool,
    /// The context that it asks for.
    pub(super) cx: Option<CxParam>,
    pub(super) shape: Shape,
    /// The type of a flat-map's items, where its output is written as `impl Iterator<Item = ..>`.
    pub(super) items: Option<Type>,
    pub(super) settings: Settings,
}

/// `name: &mut Out<B>`
#[derive(Clone)]
pub(super) struct OutParam {
    pub(super) name: Ident,
    pub(super) place: usize,
    pub(super) item: Type,
    /// The time that is sent along, where there is one: `Out<B, T>`.
    pub(super) time: Option<Type>,
}

impl OutParam {
    /// The output that an argument is, if it is one.
    pub(super) fn of(place: usize, argument: &PatType) -> Option<Self> {
        let Type::Reference(reference) = &*argument.ty else { return None };
        let arguments = generic_arguments(&reference.elem, "Out")?;
        reference.mutability?;
        let name = match &*argument.pat {
            Pat::Ident(pat) => pat.ident.clone(),
            _ => return None,
        };
        let mut arguments = arguments.into_iter();
        let item = arguments.next()?;
        Some(OutParam { name: port_name(&name), place, item, time: arguments.next() })
    }
}

/// A port is called after its parameter, which an underscore may mark as unused.
fn port_name(name: &Ident) -> Ident {
    let text = name.to_string();
    Ident::new(text.trim_start_matches('_'), name.span())
}

/// `cx: &Cx<T>`
#[derive(Clone)]
pub(super) struct CxParam {
    pub(super) place: usize,
    /// The time, where it is not event time.
    pub(super) time: Option<Type>,
}

impl CxParam {
    /// The context that an argument is, if it is one.
    pub(super) fn of(place: usize, argument: &PatType) -> Option<Self> {
        let Type::Reference(reference) = &*argument.ty else { return None };
        let arguments = generic_arguments(&reference.elem, "Cx")?;
        Some(CxParam { place, time: arguments.into_iter().next() })
    }
}

/// The arguments of a type that is written as `name` or `name<..>`.
fn generic_arguments(ty: &Type, name: &str) -> Option<Vec<Type>> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return Some(Vec::new()) };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        syn::GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    });
    Some(types.collect())
}

impl Node {
    pub(super) fn is_async(&self) -> bool {
        self.function.sig.asyncness.is_some() || self.settings.blocking.is_some()
    }
}

/// What a node makes of a row: decided by the last segment of the return type, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Map,
    FilterMap,
    FlatMap,
    TryMap,
}

impl Shape {
    fn of(output: &ReturnType) -> Shape {
        let ReturnType::Type(_, output) = output else {
            return Shape::Map;
        };
        match &**output {
            Type::ImplTrait(bounds) if names_iterator(bounds) => Shape::FlatMap,
            Type::Path(path) => match path.path.segments.last() {
                Some(last) if last.ident == "Option" => Shape::FilterMap,
                Some(last) if last.ident == "Result" => Shape::TryMap,
                _ => Shape::Map,
            },
            _ => Shape::Map,
        }
    }

    pub(super) fn named(name: &str) -> Option<Shape> {
        Some(match name {
            "map" => Shape::Map,
            "filter_map" => Shape::FilterMap,
            "flat_map" => Shape::FlatMap,
            "try_map" => Shape::TryMap,
            _ => return None,
        })
    }
}

fn names_iterator(bounds: &syn::TypeImplTrait) -> bool {
    iterator_segment(bounds).is_some()
}

fn iterator_segment(bounds: &syn::TypeImplTrait) -> Option<&syn::PathSegment> {
    bounds.bounds.iter().find_map(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => {
            let last = bound.path.segments.last();
            last.filter(|last| last.ident == "Iterator" || last.ident == "IntoIterator")
        }
        _ => None,
    })
}

/// The `Item` of `impl Iterator<Item = ..>`; any other opaque type is a mistake.
fn items(output: &ReturnType, mistakes: &mut Mistakes) -> Option<Type> {
    let ReturnType::Type(_, output) = output else { return None };
    let Type::ImplTrait(bounds) = &**output else { return None };
    let Some(iterator) = iterator_segment(bounds) else {
        mistakes.on(output, "name the type of the output: what follows needs to know it");
        return None;
    };
    let syn::PathArguments::AngleBracketed(arguments) = &iterator.arguments else {
        mistakes.on(output, "say what the items are: `impl Iterator<Item = ..>`");
        return None;
    };
    let item = arguments.args.iter().find_map(|argument| match argument {
        syn::GenericArgument::AssocType(item) if item.ident == "Item" => Some(item.ty.clone()),
        _ => None,
    });
    if item.is_none() {
        mistakes.on(output, "say what the items are: `impl Iterator<Item = ..>`");
    }
    item
}

pub(super) fn parse(attributes: TokenStream, item: TokenStream) -> syn::Result<Node> {
    let mut function: ItemFn = syn::parse2(item.clone())
        .map_err(|_| syn::Error::new(item_span(item), "`#[node]` stands on a function"))?;
    let mut mistakes = Mistakes::none();
    let settings = attr::parse(attributes, &mut mistakes);
    let mut inputs = Vec::new();
    let mut params = Vec::new();
    let mut places = Vec::new();
    let mut outs: Vec<OutParam> = Vec::new();
    let mut cx = None;
    for (place, argument) in function.sig.inputs.iter_mut().enumerate() {
        match argument {
            FnArg::Receiver(receiver) => {
                mistakes.on(receiver, "a node function has no `self`: pass what it needs as `#[param]`");
            }
            FnArg::Typed(typed) => {
                if take_param(&mut typed.attrs) {
                    params.push(typed.clone());
                    places.push(place);
                } else if let Some(out) = OutParam::of(place, typed) {
                    if outs.iter().any(|other| other.name == out.name) {
                        mistakes.at(out.name.span(), format!("two outputs are called `{}`", out.name));
                    }
                    outs.push(out);
                } else if let Some(asked) = CxParam::of(place, typed) {
                    cx = Some(asked);
                } else {
                    inputs.push(typed.clone());
                }
            }
        }
    }
    signature(&function, &inputs, &mut mistakes);
    outputs(&function, &outs, cx.is_some(), &mut mistakes);
    asynchronous(&function, &inputs, &settings, &mut mistakes);
    let input = inputs.first().map(|input| (*input.ty).clone());
    let items = items(&function.sig.output, &mut mistakes);
    mistakes.gate()?;
    let (input, by_ref) = match input.expect("checked: there is one input") {
        Type::Reference(reference) if !is_static(&reference) => (*reference.elem, true),
        owned => (owned, false),
    };
    let enveloped = !by_ref && crate::ports::is_envelope(&input);
    let shape = settings.shape.unwrap_or_else(|| Shape::of(&function.sig.output));
    Ok(Node { function, input, by_ref, params, places, outs, enveloped, cx, shape, items, settings })
}

/// What holds of nodes that send to several outputs, or ask for their context.
fn outputs(function: &ItemFn, outs: &[OutParam], has_cx: bool, mistakes: &mut Mistakes) {
    if let (ReturnType::Type(_, output), false) = (&function.sig.output, outs.is_empty())
        && !matches!(&**output, Type::Tuple(tuple) if tuple.elems.is_empty())
    {
        mistakes.on(output, "a node that has `Out` parameters sends to them and returns nothing");
    }
    if let Some(OutParam { time: Some(time), .. }) = outs.iter().find(|out| out.time.is_some()) {
        mistakes.on(time, "what a function sends has the time of its input: write `Out<B>`");
    }
    if let Some(first) = outs.first()
        && function.sig.asyncness.is_some()
    {
        mistakes.at(first.name.span(), "an asynchronous node returns its one output: take `Out` away");
    }
    if has_cx && function.sig.asyncness.is_some() {
        mistakes
            .at(function.sig.ident.span(), "an asynchronous node has no `&Cx`: the call outlives the row");
    }
    if let ReturnType::Type(_, output) = &function.sig.output
        && crate::ports::is_envelope(output)
    {
        mistakes.on(output, "return the value alone: it keeps the time and the diff of the input");
    }
}

/// What holds of asynchronous nodes, and of them alone.
fn asynchronous(function: &ItemFn, inputs: &[PatType], settings: &Settings, mistakes: &mut Mistakes) {
    if let (Some(_), Some(setting)) = (&function.sig.asyncness, &settings.blocking) {
        mistakes.on(
            setting,
            "`blocking` is for a plain `fn`, which an asynchronous node calls on a thread of its own",
        );
    }
    if function.sig.asyncness.is_none() && settings.blocking.is_none() {
        if let Some(setting) = &settings.asynchronous {
            mistakes.on(setting, format!("`{setting}` is for asynchronous nodes: write `async fn`"));
        }
        return;
    }
    let shape = settings.shape.unwrap_or_else(|| Shape::of(&function.sig.output));
    if !matches!(shape, Shape::Map | Shape::TryMap) {
        mistakes.on(&function.sig.output, "an asynchronous node gives a value, or a `Result`");
    }
    if let [PatType { ty, .. }] = inputs
        && let Type::Reference(reference) = &**ty
        && !is_static(reference)
    {
        mistakes.on(ty, "an asynchronous node takes its input by value: the call outlives the row");
    }
}

fn signature(function: &ItemFn, inputs: &[PatType], mistakes: &mut Mistakes) {
    let signature = &function.sig;
    if let Some(token) = &signature.unsafety {
        mistakes.at(token.span, "a node function cannot be unsafe");
    }
    match inputs {
        [] => mistakes.at(
            signature.paren_token.span.join(),
            format!("`{}` has no input: its first parameter is the row it receives", signature.ident),
        ),
        [_] => {}
        [_, more @ ..] => {
            for extra in more {
                mistakes.on(extra, "a node has one input; mark what configures it with `#[param]`");
            }
        }
    }
    if let ReturnType::Type(_, output) = &signature.output
        && borrows(output.to_token_stream(), lent_as(inputs).as_ref())
    {
        mistakes.on(
            output,
            "a node cannot return what it borrows from its row: return an owned value, a `String` for a `&str`",
        );
    }
    for input in inputs {
        if let Type::ImplTrait(_) = &*input.ty {
            mistakes.on(&input.ty, "name the type of the input, or make the node generic over it");
        }
        if let Type::Reference(reference) = &*input.ty
            && let Some(token) = &reference.mutability
        {
            mistakes.at(token.span, "a node borrows its input shared: write `&` or take it by value");
        }
    }
}

/// Whether a reference is a value of its own: a `&'static str` is not borrowed from a row.
fn is_static(reference: &TypeReference) -> bool {
    reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
}

/// The lifetime that a borrowed input is given, if any.
fn lent_as(inputs: &[PatType]) -> Option<Ident> {
    match inputs {
        [PatType { ty, .. }] => match &**ty {
            Type::Reference(reference) if !is_static(reference) => {
                reference.lifetime.as_ref().map(|lifetime| lifetime.ident.clone())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether a type names a borrow that is elided, or one of this lifetime. What stands between the
/// parentheses of `Fn(..)` has lifetimes of its own.
fn borrows(ty: TokenStream, lent_as: Option<&Ident>) -> bool {
    let mut tokens = ty.into_iter().peekable();
    let mut arguments = false;
    while let Some(token) = tokens.next() {
        let is_punct = |token: &TokenTree, char| matches!(token, TokenTree::Punct(p) if p.as_char() == char);
        let found = match &token {
            TokenTree::Punct(punct) if punct.as_char() == '&' => {
                tokens.peek().is_none_or(|next| !is_punct(next, '\''))
            }
            TokenTree::Punct(punct) if punct.as_char() == '\'' => match tokens.peek() {
                Some(TokenTree::Ident(name)) => name == "_" || Some(name) == lent_as,
                _ => false,
            },
            TokenTree::Group(group) => !arguments && borrows(group.stream(), lent_as),
            _ => false,
        };
        if found {
            return true;
        }
        arguments = matches!(token, TokenTree::Ident(_));
    }
    false
}

/// Takes `#[param]` off an argument.
fn take_param(attributes: &mut Vec<Attribute>) -> bool {
    let before = attributes.len();
    attributes.retain(|attribute| !attribute.path().is_ident("param"));
    attributes.len() < before
}

fn item_span(item: TokenStream) -> Span {
    item.into_iter().next().map_or_else(Span::call_site, |token| token.span())
}

/// What stands in for a node after a mistake: an operator that takes the parameters of the function,
/// and gives a type that does not exist. `mistake` reports the mistake where that type is written, so
/// that a graph with the node has nothing to add.
pub(super) fn stand_in(item: TokenStream, mistake: &TokenStream) -> TokenStream {
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        return quote::quote!(#mistake #item);
    };
    let library = library();
    let sw = quote::quote!(#library::private);
    let (visibility, name) = (&function.vis, &function.sig.ident);
    let (generics, _, bounds) = function.sig.generics.split_for_impl();
    let params = function.sig.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(typed) if take_param(&mut typed.attrs.clone()) => Some(&typed.ty),
        _ => None,
    });
    quote::quote! {
        #[allow(dead_code, unused_variables)]
        #visibility fn #name #generics (
            _input: #sw::Edge<impl ::core::marker::Sized, impl #sw::Timestamp, impl #sw::Diff>,
            #(_: #params),*
        ) -> [(); (#mistake)] #bounds {
            loop {}
        }
    }
}
