//! `#[derive(State)]`: a struct whose marked fields survive.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Ident, LitStr, Type};

use crate::diagnostics::{Mistakes, report};
use crate::hygiene::library;

/// A field that is kept.
struct Kept {
    name: Ident,
    ty: Type,
    /// Under which names it was kept before.
    was: Vec<LitStr>,
}

/// Compiles `#[derive(State)]`.
pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let parsed = syn::parse2::<DeriveInput>(item).and_then(|item| Ok((kept(&item)?, item)));
    match parsed {
        Ok((kept, item)) => expand(&item, &kept),
        Err(mistakes) => report(&mistakes),
    }
}

fn kept(item: &DeriveInput) -> syn::Result<Vec<Kept>> {
    let Data::Struct(data) = &item.data else {
        return Err(syn::Error::new(
            item.ident.span(),
            "`State` is derived for a struct: its fields that say `#[state]` are kept",
        ));
    };
    let fields = match &data.fields {
        Fields::Named(fields) => fields.named.iter().collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(_) => {
            return Err(syn::Error::new(
                item.ident.span(),
                "state is found again by the names of its fields: give them names",
            ));
        }
    };
    let mut mistakes = Mistakes::none();
    let mut kept = Vec::new();
    for field in fields {
        let marks: Vec<_> =
            field.attrs.iter().filter(|attribute| attribute.path().is_ident("state")).collect();
        let Some(mark) = marks.first() else { continue };
        if let Some(second) = marks.get(1) {
            mistakes.at(second.span(), "a field says once that it is `#[state]`");
        }
        let mut was = Vec::new();
        if !matches!(mark.meta, syn::Meta::Path(_)) {
            let parsed = mark.parse_nested_meta(|meta| {
                if !meta.path.is_ident("was") {
                    return Err(meta.error("expected `#[state]` or `#[state(was = \"old_name\")]`"));
                }
                was.push(meta.value()?.parse()?);
                Ok(())
            });
            if let Err(mistake) = parsed {
                mistakes.add(mistake);
            }
        }
        let name = field.ident.clone().expect("the fields have names");
        kept.push(Kept { name, ty: field.ty.clone(), was });
    }
    mistakes.gate()?;
    Ok(kept)
}

fn expand(item: &DeriveInput, kept: &[Kept]) -> TokenStream {
    let library = library();
    let name = &item.ident;
    let mut generics = item.generics.clone();
    let bounds = generics.make_where_clause();
    // Of fields whose types name parameters; of others rustc says at the field what is missing.
    for Kept { ty, .. } in kept.iter().filter(|_| !item.generics.params.is_empty()) {
        bounds.predicates.push(syn::parse_quote!(#ty: #library::state::State));
    }
    let visits = kept.iter().map(|Kept { name, ty, was }| {
        let text = name.unraw().to_string();
        quote_spanned! {ty.span()=>
            #(fields.was(#was, #text);)*
            fields.nested::<#ty>(#text, &mut self.#name)?;
        }
    });
    let (generic, arguments, bounds) = generics.split_for_impl();
    quote! {
        impl #generic #library::state::State for #name #arguments #bounds {
            fn fields(
                &mut self,
                fields: &mut #library::state::Fields<'_>,
            ) -> ::core::result::Result<(), #library::state::Mismatch> {
                let _ = &fields;
                #(#visits)*
                ::core::result::Result::Ok(())
            }
        }
    }
}
