//! `#[cfg(..)]`: what an item must take along so that what is written beside it comes and goes with it.

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Meta, parse_quote};

/// The conditions among the attributes of an item: each `cfg`, and of each `cfg_attr` the part that is
/// a `cfg`.
pub(crate) fn conditions(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs
        .iter()
        .filter_map(|attr| condition(&attr.meta))
        .map(|meta| parse_quote!(#[#meta]))
        .collect()
}

fn condition(meta: &Meta) -> Option<Meta> {
    if meta.path().is_ident("cfg") {
        return Some(meta.clone());
    }
    let Meta::List(list) = meta else {
        return None;
    };
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    let mut parts = split_at_commas(list.tokens.clone()).into_iter();
    let predicate = parts.next()?;
    // What cannot be read here is no `cfg`.
    let parts = parts.filter_map(|part| syn::parse2::<Meta>(part).ok());
    let conditions: Vec<Meta> = parts.filter_map(|part| condition(&part)).collect();
    (!conditions.is_empty()).then(|| parse_quote!(cfg_attr(#predicate, #(#conditions),*)))
}

fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for token in tokens {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => parts.push(TokenStream::new()),
            (_, Some(part)) => part.extend([token]),
            (_, None) => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;
    use syn::ItemStruct;

    #[test]
    fn only_conditions_are_taken_along() {
        let item: ItemStruct = parse_quote! {
            /// Words.
            #[cfg(unix)]
            #[cfg_attr(test, cfg(feature = "a"), allow(dead_code), cfg_attr(windows, cfg(b)))]
            #[cfg_attr(test, derive(Debug))]
            #[cfg_attr(true, unsafe(no_mangle), cfg(true))]
            #[derive(Clone)]
            struct S;
        };
        let conditions = conditions(&item.attrs);
        let texts: Vec<String> = conditions
            .iter()
            .map(|attr| attr.to_token_stream().to_string().replace(' ', ""))
            .collect();
        assert_eq!(
            texts,
            [
                "#[cfg(unix)]",
                "#[cfg_attr(test,cfg(feature=\"a\"),cfg_attr(windows,cfg(b)))]",
                "#[cfg_attr(true,cfg(true))]"
            ]
        );
    }
}
