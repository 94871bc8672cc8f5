//! Names: what Diesel makes of a struct's name, and identifiers from text and back.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::Ident;
use syn::ext::IdentExt;

/// An identifier without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// The identifier for a name from text, raw where the name is a keyword. `None` if Rust has none.
pub(crate) fn from_text(name: &str, span: Span) -> Option<Ident> {
    let name = name.strip_prefix("r#").unwrap_or(name);
    let parsed = syn::parse_str::<Ident>(name).or_else(|_| syn::parse_str::<Ident>(&format!("r#{name}")));
    parsed.ok().map(|mut ident| {
        ident.set_span(span);
        ident
    })
}

/// The table that Diesel takes for a struct without `table_name`: its name in snake case and an `s`.
pub(crate) fn table_name_of(model: &Ident) -> String {
    let mut table = String::new();
    for (i, character) in plain(model).chars().enumerate() {
        if i > 0 && character.is_uppercase() {
            table.push('_');
        }
        table.extend(character.to_lowercase());
    }
    table.push('s');
    table
}

/// Whether a name stands anywhere in some tokens.
pub(crate) fn occurs(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => occurs(group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_table_is_the_one_that_diesel_takes() {
        for (model, table) in [
            ("Foo", "foos"),
            ("FooBar", "foo_bars"),
            ("HTTPSite", "h_t_t_p_sites"),
        ] {
            assert_eq!(table_name_of(&Ident::new(model, Span::call_site())), table);
        }
    }

    #[test]
    fn a_keyword_becomes_a_raw_identifier() {
        for (text, ident) in [("id", "id"), ("type", "r#type"), ("r#type", "r#type")] {
            assert_eq!(from_text(text, Span::call_site()).unwrap(), ident);
        }
        for text in ["two words", "", "1st", "self"] {
            assert!(from_text(text, Span::call_site()).is_none(), "{text}");
        }
    }
}
