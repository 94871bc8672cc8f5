//! Paths that users write, relative to the `Cargo.toml` of their crate.

use crate::ctxt::Ctxt;
use proc_macro2::TokenStream;
use quote::quote;
use std::path::{Path, PathBuf};
use syn::LitStr;

/// Where the path leads. Notes a mistake when it is not cargo that builds.
pub(crate) fn resolve(cx: &Ctxt, path: &LitStr) -> Option<PathBuf> {
    if let Some(root) = std::env::var_os("CARGO_MANIFEST_DIR") {
        return Some(Path::new(&root).join(path.value()));
    }
    let message = "`CARGO_MANIFEST_DIR` is not set, and the path is relative to it\nhelp: build with cargo, or set it to the directory of the crate";
    cx.error(path, message);
    None
}

/// Makes the compiler watch a file, so that a change of it builds the crate again.
///
/// The expansion holds the path as the user wrote it, which keeps it the same on every machine.
pub(crate) fn watch(path: &str) -> TokenStream {
    let std = quote!(::tenant_diesel::__private::std);
    let path = from_root(path);
    quote!(const _: &[u8] = #std::include_bytes!(#path);)
}

/// The text of a file, which the compiler watches too.
pub(crate) fn text(path: &str) -> TokenStream {
    let std = quote!(::tenant_diesel::__private::std);
    let path = from_root(path);
    quote!(#std::include_str!(#path))
}

fn from_root(path: &str) -> TokenStream {
    let std = quote!(::tenant_diesel::__private::std);
    if Path::new(path).is_absolute() {
        quote!(#path)
    } else {
        quote!(#std::concat!(#std::env!("CARGO_MANIFEST_DIR"), "/", #path))
    }
}
