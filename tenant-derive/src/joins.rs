//! `joinable!` and `allow_tables_to_appear_in_same_query!`: read from a generated file, narrowed to the
//! tables of an app, written again.

use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Ident, Path, Token, parenthesized};

/// `child -> parent (foreign_key)`.
pub(crate) struct Join {
    pub(crate) child: Path,
    pub(crate) parent: Path,
    pub(crate) foreign_key: Ident,
}

impl Parse for Join {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let child = input.call(Path::parse_mod_style)?;
        input.parse::<Token![->]>()?;
        let parent = input.call(Path::parse_mod_style)?;
        let content;
        parenthesized!(content in input);
        Ok(Self {
            child,
            parent,
            foreign_key: content.parse()?,
        })
    }
}

/// `posts, users, comments,`.
pub(crate) struct SameQuery(pub(crate) Vec<Ident>);

impl Parse for SameQuery {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let names = input.parse_terminated(Ident::parse, Token![,])?;
        Ok(Self(names.into_iter().collect()))
    }
}

/// Two names whose order does not matter.
pub(crate) fn pair(a: &impl ToTokens, b: &impl ToTokens) -> (String, String) {
    let (a, b) = (a.to_token_stream().to_string(), b.to_token_stream().to_string());
    if a < b { (a, b) } else { (b, a) }
}
