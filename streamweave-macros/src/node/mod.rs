//! `#[node]`: parse, lower, check, expand.

mod attr;
mod doc;
mod expand;
mod model;
mod routes;
mod sends;
mod state;
mod stateful;

pub(crate) use routes::derive;
pub(crate) use state::derive as derive_state;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostics::report;

/// Compiles a `#[node]` item. After a mistake an operator of its name stands in for it, so
/// that nothing else lights up.
pub(crate) fn compile(attributes: TokenStream, item: TokenStream) -> TokenStream {
    if let Ok(block) = syn::parse2::<syn::ItemImpl>(item.clone()) {
        return stateful::compile(attributes, block);
    }
    match model::parse(attributes, item.clone()) {
        Ok(node) => expand::expand(&node),
        Err(mistakes) => {
            let mut errors: Vec<_> = mistakes.into_iter().map(|mistake| report(&mistake)).collect();
            let last = errors.pop().unwrap_or_default();
            let item = model::stand_in(item, &last);
            quote!(#(#errors)* #item)
        }
    }
}
