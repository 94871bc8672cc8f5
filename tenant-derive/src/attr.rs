//! `#[tenant(..)]`: what may stand in it, on the struct and on a field.
//!
//! Everything is checked here: unknown words, words in the wrong place, values of the wrong kind, and
//! words that are given twice.

use crate::ctxt::Ctxt;
use proc_macro2::Span;
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Lit, Meta, Token};

const TENANT: &str = "tenant";
const AUTO_CREATE_SCHEMA: &str = "auto_create_schema";
const AUTO_DROP_SCHEMA: &str = "auto_drop_schema";
const SCHEMA_NAME: &str = "schema_name";

const ON_STRUCT: &str =
    "the correct format looks like `#[tenant(auto_create_schema = true, auto_drop_schema = false)]`";
const ON_FIELD: &str = "the correct format looks like `#[tenant(schema_name)]`";

/// What `#[tenant(..)]` on a struct says. `None` where it says nothing.
#[derive(Default)]
pub(crate) struct StructAttrs {
    pub(crate) auto_create_schema: Option<bool>,
    pub(crate) auto_drop_schema: Option<bool>,
}

impl StructAttrs {
    /// Reads the attributes of a struct.
    pub(crate) fn read(cx: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut out = Self::default();
        for meta in metas(cx, attrs, ON_STRUCT) {
            if meta.path().is_ident(AUTO_CREATE_SCHEMA) {
                set_bool(cx, &meta, AUTO_CREATE_SCHEMA, &mut out.auto_create_schema);
            } else if meta.path().is_ident(AUTO_DROP_SCHEMA) {
                set_bool(cx, &meta, AUTO_DROP_SCHEMA, &mut out.auto_drop_schema);
            } else if meta.path().is_ident(SCHEMA_NAME) {
                let message = "`schema_name` marks a field\nhelp: put `#[tenant(schema_name)]` on the field that holds the `SchemaName`";
                cx.error(&meta, message);
            } else {
                unknown(cx, &meta, "`auto_create_schema` or `auto_drop_schema`", ON_STRUCT);
            }
        }
        out
    }
}

/// Where `#[tenant(schema_name)]` stands on a field, if it does.
pub(crate) fn schema_name_mark(cx: &Ctxt, attrs: &[Attribute]) -> Option<Span> {
    let mut mark = None;
    for meta in metas(cx, attrs, ON_FIELD) {
        if meta.path().is_ident(SCHEMA_NAME) {
            match meta {
                Meta::Path(_) if mark.is_some() => twice(cx, &meta, SCHEMA_NAME),
                Meta::Path(_) => {}
                Meta::List(_) | Meta::NameValue(_) => {
                    cx.error(&meta, format!("`schema_name` takes no value\nhelp: {ON_FIELD}"));
                }
            }
            mark = Some(meta.span());
        } else if meta.path().is_ident(AUTO_CREATE_SCHEMA) || meta.path().is_ident(AUTO_DROP_SCHEMA) {
            let name = meta.path().to_token_stream();
            cx.error(
                &meta,
                format!("`{name}` belongs on the struct\nhelp: {ON_STRUCT}"),
            );
        } else {
            unknown(cx, &meta, "`schema_name`", ON_FIELD);
        }
    }
    mark
}

fn metas(cx: &Ctxt, attrs: &[Attribute], help: &str) -> Vec<Meta> {
    let mut out = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(TENANT)) {
        if !matches!(attr.meta, Meta::List(_)) {
            cx.error(
                &attr.meta,
                format!("`#[tenant]` needs words in parentheses\nhelp: {help}"),
            );
            continue;
        }
        match attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
            Ok(metas) => out.extend(metas),
            Err(error) => cx.push_with_help(&error, help),
        }
    }
    out
}

fn set_bool(cx: &Ctxt, meta: &Meta, name: &str, slot: &mut Option<bool>) {
    if let Meta::NameValue(pair) = meta
        && let Some(Lit::Bool(value)) = literal(&pair.value)
    {
        if slot.is_some() {
            twice(cx, meta, name);
        }
        *slot = Some(value.value);
    } else {
        let message = format!("`{name}` is `true` or `false`\nhelp: write `{name} = true`");
        cx.error(meta, message);
    }
}

/// A literal, also where it comes through a `macro_rules!` macro.
pub(crate) fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(value) => Some(&value.lit),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

fn twice(cx: &Ctxt, meta: &Meta, name: &str) {
    cx.error(
        meta,
        format!("`{name}` is given twice\nhelp: remove one of the two"),
    );
}

fn unknown(cx: &Ctxt, meta: &Meta, expected: &str, help: &str) {
    let found = meta.path().to_token_stream();
    cx.error(
        meta.path(),
        format!("unknown word `{found}`, expected {expected}\nhelp: {help}"),
    );
}
