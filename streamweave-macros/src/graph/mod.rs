//! `graph!`: parse, lower, check, expand.

mod check;
mod expand;
mod ir;
mod lower;
mod syntax;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostics::report;

/// Compiles the body of `graph!`. After a mistake the last error stands where the graph would: it has
/// the type of an error, about which rustc says nothing further.
pub(crate) fn compile(input: TokenStream) -> TokenStream {
    try_compile(input).unwrap_or_else(|mistakes| {
        let errors = report(&mistakes);
        quote!({ #errors })
    })
}

fn try_compile(input: TokenStream) -> syn::Result<TokenStream> {
    let syntax = syntax::parse(input)?;
    let graph = lower::lower(syntax)?;
    let order = check::check(&graph)?;
    Ok(expand::expand(&graph, &order))
}
