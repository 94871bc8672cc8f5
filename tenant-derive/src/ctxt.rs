//! [`Ctxt`]: the mistakes found so far, so that all of them are reported at once.
//!
//! It promises that what was noted comes out as `compile_error!`s on the user's own tokens; whoever
//! makes one must hand over [`Ctxt::finish`].

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use std::cell::RefCell;
use std::fmt::Display;

/// Collects mistakes while attributes, structs and modules are read.
#[derive(Default)]
pub(crate) struct Ctxt {
    errors: RefCell<Vec<syn::Error>>,
}

impl Ctxt {
    /// Notes a mistake in `tokens`.
    pub(crate) fn error(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens.into_token_stream(), message));
    }

    /// Notes a mistake at a place.
    pub(crate) fn error_at(&self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Notes what `syn` could not read.
    pub(crate) fn push(&self, error: syn::Error) {
        self.errors.borrow_mut().push(error);
    }

    /// Notes what `syn` could not read, with the fix.
    pub(crate) fn push_with_help(&self, error: &syn::Error, help: impl Display) {
        self.error_at(error.span(), format!("{error}\nhelp: {help}"));
    }

    /// Whether nothing was noted.
    pub(crate) fn is_clean(&self) -> bool {
        self.errors.borrow().is_empty()
    }

    /// Every mistake as a `compile_error!`; nothing if there was none.
    #[must_use]
    pub(crate) fn finish(self) -> TokenStream {
        self.errors
            .into_inner()
            .iter()
            .map(syn::Error::to_compile_error)
            .collect()
    }
}
