//! `graph!`: parse, lower, check, expand.

mod check;
mod expand;
mod ir;
mod item;
mod lengths;
mod lower;
mod syntax;

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostics::report;

/// Compiles the body of `graph!`. After a mistake the last error stands where the graph would: it has
/// the type of an error, about which rustc says nothing further.
pub(crate) fn compile(input: TokenStream) -> TokenStream {
    let syntax = match syntax::parse(input) {
        Ok(syntax) => syntax,
        Err(mistakes) => {
            let errors = report(&mistakes);
            return quote!({ #errors });
        }
    };
    let (library, signature) = (syntax.library.clone(), syntax.signature.clone());
    let compiled = lower::lower(syntax).and_then(|graph| {
        let order = check::check(&graph)?;
        let guarantee = expand::guarantee(graph.durable, &quote!(#library::private));
        Ok((expand::expand(&graph, &order), item::picture(&graph, &order), guarantee))
    });
    let sw = quote!(#library::private);
    match (compiled, signature) {
        (Ok((body, picture, guarantee)), Some(signature)) => {
            item::expand(&signature, &sw, guarantee, &body, &picture)
        }
        (Ok((body, ..)), None) => body,
        (Err(mistakes), Some(signature)) => {
            let errors = report(&mistakes);
            let stand_in = item::stand_in(&signature, &sw);
            quote!(#errors #stand_in)
        }
        (Err(mistakes), None) => {
            let errors = report(&mistakes);
            quote!({ #errors })
        }
    }
}
