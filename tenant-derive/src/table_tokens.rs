//! [`TableTokens`]: the tokens inside `diesel::table! { .. }`, taken apart as far as the qualifier.
//!
//! Everything but the qualifier is kept as it was written.

use crate::cfg;
use crate::ident;
use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, ExprLit, Ident, ItemUse, Lit, Macro, Meta, Path, Token, parse_quote, token};

/// The name of Diesel's macro.
pub(crate) const TABLE: &str = "table";

/// What stands in one `table!`.
#[derive(Clone)]
pub(crate) struct TableTokens {
    uses: Vec<ItemUse>,
    attrs: Vec<Attribute>,
    pub(crate) schema: Option<Ident>,
    /// The module that `table!` makes.
    pub(crate) name: Ident,
    /// The primary key and the columns.
    rest: TokenStream,
}

impl Parse for TableTokens {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut uses = Vec::new();
        while input.fork().parse::<ItemUse>().is_ok() {
            uses.push(input.parse()?);
        }
        let attrs = input.call(Attribute::parse_outer)?;
        let first: Ident = input.parse()?;
        let (schema, name) = if input.peek(Token![.]) {
            input.parse::<Token![.]>()?;
            (Some(first), input.parse()?)
        } else {
            (None, first)
        };
        let mut rest = TokenStream::new();
        if input.peek(token::Paren) {
            rest.extend([input.parse::<TokenTree>()?]);
        }
        if !input.peek(token::Brace) {
            return Err(input.error("expected the columns in braces"));
        }
        rest.extend([input.parse::<TokenTree>()?]);
        Ok(Self {
            uses,
            attrs,
            schema,
            name,
            rest,
        })
    }
}

impl TableTokens {
    /// Takes a macro call apart. `None` if it is no `table!`, under its own name or one of `renamed`, or
    /// one that Diesel will refuse.
    pub(crate) fn of(mac: &Macro, renamed: &[String]) -> Option<Self> {
        let name = last_segment(&mac.path)?;
        (name == TABLE || renamed.contains(&name))
            .then(|| mac.parse_body().ok())
            .flatten()
    }

    /// The name of the table in the database.
    pub(crate) fn sql_name(&self) -> String {
        let named = self.attrs.iter().find_map(|attr| match &attr.meta {
            Meta::NameValue(pair) if pair.path.is_ident("sql_name") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text), ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        });
        match named {
            Some(text) => text.strip_prefix("r#").unwrap_or(&text).to_owned(),
            None => ident::plain(&self.name),
        }
    }

    /// The conditions under which the table exists, written inside the macro.
    pub(crate) fn conditions(&self) -> Vec<Attribute> {
        cfg::conditions(&self.attrs)
    }

    /// Whether a name occurs in the table: as the type of a column, or in an import.
    pub(crate) fn mentions(&self, name: &Ident) -> bool {
        let uses = &self.uses;
        ident::occurs(quote!(#(#uses)*), name) || ident::occurs(self.rest.clone(), name)
    }

    /// The same table for use in another file: with every token at one place there, and without a lint
    /// for comments that its generator did not write.
    #[must_use]
    pub(crate) fn moved_to(&self, span: Span) -> Self {
        let moved = syn::parse2(respan(self.to_token_stream(), span));
        // Spans do not change how tokens parse.
        let mut table: Self = moved.unwrap_or_else(|_| self.clone());
        table.attrs.insert(0, parse_quote!(#[allow(missing_docs)]));
        table
    }
}

impl ToTokens for TableTokens {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            uses,
            attrs,
            schema,
            name,
            rest,
        } = self;
        let schema = schema.iter();
        tokens.extend(quote!(#(#uses)* #(#attrs)* #(#schema .)* #name #rest));
    }
}

/// The name of a macro, however much of its path is written.
pub(crate) fn last_segment(path: &Path) -> Option<String> {
    path.segments
        .last()
        .map(|segment| segment.ident.unraw().to_string())
}

fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let set = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            token = TokenTree::Group(Group::new(group.delimiter(), respan(group.stream(), span)));
        }
        token.set_span(span);
        token
    };
    tokens.into_iter().map(set).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(tokens: TokenStream) -> TableTokens {
        syn::parse2(tokens).unwrap()
    }

    #[test]
    fn a_table_comes_out_as_it_went_in() {
        for text in [
            "posts { id -> Int4 , }",
            "use diesel :: sql_types :: * ; use super :: sql_types :: Mood ; # [doc = \" words\"] # [sql_name = \"type\"] shop . type_ (a , b) { a -> Int4 , b -> Nullable < Mood > , }",
        ] {
            assert_eq!(table(text.parse().unwrap()).to_token_stream().to_string(), text);
        }
    }

    #[test]
    fn the_name_in_the_database_is_the_one_that_diesel_takes() {
        let sql_name = |tokens| table(tokens).sql_name();
        assert_eq!(sql_name(quote!(posts { id -> Int4 })), "posts");
        assert_eq!(sql_name(quote!(r#type { id -> Int4 })), "type");
        assert_eq!(
            sql_name(quote!(#[sql_name = "Odd name"] odd { id -> Int4 })),
            "Odd name"
        );
        assert_eq!(
            sql_name(quote!(#[sql_name = "r#type"] shop.odd { id -> Int4 })),
            "type"
        );
    }

    #[test]
    fn other_macros_are_left_to_others() {
        for mac in [
            "other! { posts { id -> Int4 } }",
            "table!()",
            "diesel::table! { posts (id) }",
        ] {
            assert!(
                TableTokens::of(&syn::parse_str(mac).unwrap(), &[]).is_none(),
                "{mac}"
            );
        }
    }
}
