//! The macros of `streamweave`: `#[node]` and `graph!`.
//!
//! Both go the same way, in one short driver each: **parse** tokens once into a tree that keeps
//! them, **lower** the tree to an intermediate form in which every item owns a span, **check**
//! that form (checks gather all mistakes of a phase and never write), **expand** it (which never
//! fails). What rustc says better is left to rustc: the expansion is shaped so that its error
//! lands on the user's own tokens.

mod diagnostics;
mod graph;
mod hygiene;
mod node;
mod ports;

use proc_macro::TokenStream;

/// See `streamweave::graph!`, which calls this with its own path.
#[doc(hidden)]
#[proc_macro]
pub fn graph(input: TokenStream) -> TokenStream {
    graph::compile(input.into()).into()
}

/// See `streamweave::Ports`.
#[proc_macro_derive(Ports)]
pub fn ports(item: TokenStream) -> TokenStream {
    node::derive(item.into()).into()
}

/// See `streamweave::State`.
#[proc_macro_derive(State, attributes(state))]
pub fn state(item: TokenStream) -> TokenStream {
    node::derive_state(item.into()).into()
}

/// See `streamweave::node`.
#[proc_macro_attribute]
pub fn node(attributes: TokenStream, item: TokenStream) -> TokenStream {
    node::compile(attributes.into(), item.into()).into()
}
