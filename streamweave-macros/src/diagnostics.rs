//! Mistakes, gathered: all of a phase are reported at once, and none is forgotten.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// A bag of mistakes. It panics when it is dropped unread.
pub(crate) struct Mistakes {
    found: Option<syn::Error>,
    read: bool,
}

impl Mistakes {
    pub(crate) fn none() -> Self {
        Mistakes { found: None, read: false }
    }

    /// Notes a mistake at `span`, in the user's words.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.add(syn::Error::new(span, message));
    }

    /// Notes a mistake on `tokens`, from the first to the last.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.found {
            Some(found) => found.combine(error),
            None => self.found = Some(error),
        }
    }

    /// The gate at the end of a phase.
    pub(crate) fn gate(mut self) -> syn::Result<()> {
        self.read = true;
        self.found.take().map_or(Ok(()), Err)
    }
}

impl Drop for Mistakes {
    fn drop(&mut self) {
        assert!(self.read || std::thread::panicking(), "mistakes were gathered and never reported");
    }
}

/// The mistakes as compile errors.
pub(crate) fn report(error: &syn::Error) -> TokenStream {
    error.to_compile_error()
}
