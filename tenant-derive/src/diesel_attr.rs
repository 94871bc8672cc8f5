//! `#[diesel(..)]` as far as a tenant model depends on it: `table_name`, `primary_key`, `column_name`,
//! `serialize_as` and `embed`, in every form that Diesel's own derives take.
//!
//! The rest of the attribute is stepped over. What Diesel's derives report is not reported again.

use crate::ctxt::Ctxt;
use crate::ident;
use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Token, Type};

/// One word of `#[diesel(..)]` that matters here.
pub(crate) enum DieselAttr {
    TableName(Span, Path),
    PrimaryKey(Vec<Ident>),
    ColumnName(ColumnName),
    SerializeAs(Type),
    Embed,
    Other,
}

/// The name of a column, as an identifier or a string, without `r#`.
#[derive(Clone)]
pub(crate) struct ColumnName {
    pub(crate) name: String,
    pub(crate) span: Span,
}

impl ColumnName {
    /// The Rust name of the column in the module of its table.
    pub(crate) fn ident(&self) -> Option<Ident> {
        ident::from_text(&self.name, self.span)
    }
}

impl From<&Ident> for ColumnName {
    fn from(name: &Ident) -> Self {
        Self {
            name: ident::plain(name),
            span: name.span(),
        }
    }
}

impl From<&LitStr> for ColumnName {
    fn from(name: &LitStr) -> Self {
        let text = name.value();
        Self {
            name: text.strip_prefix("r#").unwrap_or(&text).to_owned(),
            span: name.span(),
        }
    }
}

impl Parse for ColumnName {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitStr) {
            Ok(Self::from(&input.parse::<LitStr>()?))
        } else {
            Ok(Self::from(&input.parse::<Ident>()?))
        }
    }
}

/// Reads the attributes of a struct or a field.
pub(crate) fn read(cx: &Ctxt, attrs: &[Attribute]) -> Vec<DieselAttr> {
    let mut out = Vec::new();
    for attr in attrs {
        let parsed = if attr.path().is_ident("diesel") {
            attr.parse_args_with(parse_words)
        } else {
            before_diesel_2(attr).map(Vec::from_iter)
        };
        match parsed {
            Ok(words) => out.extend(words),
            Err(error) => cx.push(error),
        }
    }
    out
}

fn parse_words(input: ParseStream<'_>) -> syn::Result<Vec<DieselAttr>> {
    let mut words = Vec::new();
    while !input.is_empty() {
        words.push(parse_word(input)?);
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(words)
}

fn parse_word(input: ParseStream<'_>) -> syn::Result<DieselAttr> {
    let name = input.call(Ident::parse_any)?;
    if name == "embed" && !input.peek(Token![=]) {
        return Ok(DieselAttr::Embed);
    }
    if name == "primary_key" {
        let content;
        syn::parenthesized!(content in input);
        let keys = content.parse_terminated(Ident::parse, Token![,])?;
        return Ok(DieselAttr::PrimaryKey(keys.into_iter().collect()));
    }
    if !input.peek(Token![=]) {
        if input.peek(syn::token::Paren) {
            input.parse::<TokenTree>()?;
        }
        return Ok(DieselAttr::Other);
    }
    input.parse::<Token![=]>()?;
    if name == "table_name" {
        Ok(DieselAttr::TableName(name.span(), input.parse()?))
    } else if name == "column_name" {
        Ok(DieselAttr::ColumnName(input.parse()?))
    } else if name == "serialize_as" {
        Ok(DieselAttr::SerializeAs(input.parse()?))
    } else if name == "base_query" || name == "select_expression" {
        input.parse::<Expr>().map(|_| DieselAttr::Other)
    } else {
        skip_to_next_word(input);
        Ok(DieselAttr::Other)
    }
}

/// Steps over a value that Diesel will read: a type, with commas between its angle brackets, or a literal.
fn skip_to_next_word(input: ParseStream<'_>) {
    let skipped_type = input
        .fork()
        .parse::<Type>()
        .is_ok_and(|_| input.parse::<Type>().is_ok());
    while !skipped_type && !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            break;
        }
    }
}

/// `#[table_name = "clients"]`, `#[primary_key(a, b)]` and `#[column_name = "c"]`, which Diesel takes
/// with its feature `with-deprecated`.
fn before_diesel_2(attr: &Attribute) -> syn::Result<Option<DieselAttr>> {
    let text = match &attr.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text), ..
            }) => Some(text),
            _ => None,
        },
        Meta::Path(_) | Meta::List(_) => None,
    };
    if let Some(text) = text {
        if attr.path().is_ident("table_name") {
            let span = text.span();
            return text.parse().map(|path| Some(DieselAttr::TableName(span, path)));
        }
        if attr.path().is_ident("column_name") {
            return Ok(Some(DieselAttr::ColumnName(ColumnName::from(text))));
        }
    } else if let Meta::List(list) = &attr.meta
        && attr.path().is_ident("primary_key")
    {
        let tokens: TokenStream = list.tokens.clone();
        let keys = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(tokens)?;
        return Ok(Some(DieselAttr::PrimaryKey(keys.into_iter().collect())));
    }
    Ok(None)
}
