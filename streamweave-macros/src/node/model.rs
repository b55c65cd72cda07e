//! A node function as what it means: its input, its parameters, its shape.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, FnArg, ItemFn, PatType, ReturnType, Type};

use super::attr::{self, Settings};
use crate::diagnostics::Mistakes;

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
    pub(super) shape: Shape,
    /// The type of a flat-map's items, where its output is written as `impl Iterator<Item = ..>`.
    pub(super) items: Option<Type>,
    pub(super) settings: Settings,
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
    for (place, argument) in function.sig.inputs.iter_mut().enumerate() {
        match argument {
            FnArg::Receiver(receiver) => {
                mistakes.on(receiver, "a node function has no `self`: pass what it needs as `#[param]`");
            }
            FnArg::Typed(typed) => {
                if take_param(&mut typed.attrs) {
                    params.push(typed.clone());
                    places.push(place);
                } else {
                    inputs.push(typed.clone());
                }
            }
        }
    }
    signature(&function, &inputs, &mut mistakes);
    asynchronous(&function, &inputs, &settings, &mut mistakes);
    let input = inputs.first().map(|input| (*input.ty).clone());
    let items = items(&function.sig.output, &mut mistakes);
    mistakes.gate()?;
    let (input, by_ref) = match input.expect("checked: there is one input") {
        Type::Reference(reference) => (*reference.elem, true),
        owned => (owned, false),
    };
    let shape = settings.shape.unwrap_or_else(|| Shape::of(&function.sig.output));
    Ok(Node { function, input, by_ref, params, places, shape, items, settings })
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
        && let Type::Reference(_) = &**ty
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

/// Takes `#[param]` off an argument.
fn take_param(attributes: &mut Vec<Attribute>) -> bool {
    let before = attributes.len();
    attributes.retain(|attribute| !attribute.path().is_ident("param"));
    attributes.len() < before
}

fn item_span(item: TokenStream) -> Span {
    item.into_iter().next().map_or_else(Span::call_site, |token| token.span())
}

/// The item without `#[param]`, which rustc does not know.
pub(super) fn without_params(item: TokenStream) -> TokenStream {
    let Ok(mut function) = syn::parse2::<ItemFn>(item.clone()) else {
        return item;
    };
    for argument in &mut function.sig.inputs {
        if let FnArg::Typed(typed) = argument {
            take_param(&mut typed.attrs);
        }
    }
    quote::quote!(#[allow(dead_code)] #function)
}
