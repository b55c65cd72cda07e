//! Calls in the user's tokens, with edges put into them.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Ident};

/// The leftmost path of an operator's expression, alone.
pub(super) fn function_of(mut expr: Expr) -> TokenStream {
    leftmost(&mut expr).map_or_else(TokenStream::new, |path| quote!(#path))
}

pub(super) fn leftmost(expr: &mut Expr) -> Option<&mut syn::ExprPath> {
    match expr {
        Expr::Path(path) => Some(path),
        Expr::Call(call) => leftmost(&mut call.func),
        Expr::MethodCall(call) => leftmost(&mut call.receiver),
        Expr::Try(inner) => leftmost(&mut inner.expr),
        Expr::Await(inner) => leftmost(&mut inner.base),
        Expr::Paren(inner) => leftmost(&mut inner.expr),
        Expr::Group(inner) => leftmost(&mut inner.expr),
        _ => None,
    }
}

/// The operator's expression with the edges as first arguments of its leftmost call.
pub(super) fn with_edges(expr: &Expr, edges: Vec<Ident>) -> TokenStream {
    let mut expr = expr.clone();
    if !edges.is_empty() || matches!(expr, Expr::Path(_)) {
        insert(&mut expr, edges);
    }
    quote!(#expr)
}

pub(super) fn insert(expr: &mut Expr, edges: Vec<Ident>) {
    match expr {
        Expr::Call(call) if matches!(*call.func, Expr::Path(_)) => {
            // An unmet bound is found twice, at an edge and at the call: rustc reports it once where both
            // are the same tokens.
            let callee = on_last_segment(&mut call.func);
            if !edges.is_empty() {
                call.paren_token = syn::token::Paren(callee);
            }
            let edges = edges.into_iter().map(|mut edge| -> Expr {
                edge.set_span(callee.resolved_at(edge.span()));
                syn::parse_quote!(#edge)
            });
            call.args = edges.chain(std::mem::take(&mut call.args)).collect();
        }
        Expr::Call(call) => insert(&mut call.func, edges),
        Expr::MethodCall(call) => insert(&mut call.receiver, edges),
        Expr::Try(inner) => insert(&mut inner.expr, edges),
        Expr::Await(inner) => insert(&mut inner.base, edges),
        Expr::Paren(inner) => insert(&mut inner.expr, edges),
        // What a `macro_rules!` of the user stands around an `$operator:expr`.
        Expr::Group(inner) => insert(&mut inner.expr, edges),
        other => {
            // A bare operator: called with the edges alone.
            let span = other.span();
            *other = Expr::Verbatim(quote_spanned!(span=> #other(#(#edges),*)));
        }
    }
}

/// Puts a path on the tokens of its last segment; gives their span.
pub(super) fn on_last_segment(function: &mut Expr) -> Span {
    let Expr::Path(path) = function else { return function.span() };
    let Some(last) = path.path.segments.last().filter(|last| last.arguments.is_empty()) else {
        return function.span();
    };
    let span = last.ident.span();
    if path.path.segments.len() > 1 && path.qself.is_none() {
        let located = |token: TokenTree| {
            let mut token = token;
            token.set_span(span.resolved_at(token.span()));
            token
        };
        *function = Expr::Verbatim(quote!(#path).into_iter().map(located).collect());
    }
    span
}

/// A policy by its name, with or without arguments; or a value of the user's own.
pub(super) fn policy_of(policy: &Expr, edge: Option<&Ident>, sw: &TokenStream) -> TokenStream {
    const NAMES: [&str; 4] = ["stop", "skip", "dead_letter", "custom"];
    let named = |expr: &Expr| match expr {
        Expr::Path(path) => {
            path.path.get_ident().filter(|name| NAMES.iter().any(|known| name == known)).cloned()
        }
        _ => None,
    };
    match policy {
        Expr::Call(call) if let Some(name) = named(&call.func) => {
            let arguments = &call.args;
            // A function's parameters are known by the edge.
            let edge = edge.filter(|_| name == "custom").map(|edge| quote!(#edge,));
            quote_spanned!(name.span()=> #sw::on_error::#name(#edge #arguments))
        }
        other => match named(other) {
            Some(name) => quote_spanned!(name.span()=> #sw::on_error::#name()),
            None => quote!(#other),
        },
    }
}
