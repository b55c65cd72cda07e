//! `#[node]`: parse, lower, check, expand.

mod attr;
mod expand;
mod model;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostics::report;

/// Compiles a `#[node]` item. After a mistake the function stands as it was written, so that
/// nothing else lights up.
pub(crate) fn compile(attributes: TokenStream, item: TokenStream) -> TokenStream {
    match model::parse(attributes, item.clone()) {
        Ok(node) => expand::expand(&node),
        Err(mistakes) => {
            let errors = report(&mistakes);
            let item = model::without_params(item);
            quote!(#errors #item)
        }
    }
}
