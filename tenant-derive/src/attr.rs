//! `#[tenant(..)]` and `#[domain(..)]`: what may stand in them, on the struct and on a field.
//!
//! Everything is checked here: unknown words, words in the wrong place, values of the wrong kind, and
//! words that are given twice.

use crate::ctxt::Ctxt;
use proc_macro2::Span;
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Lit, Meta, Path, Token};

const AUTO_CREATE_SCHEMA: &str = "auto_create_schema";
const AUTO_DROP_SCHEMA: &str = "auto_drop_schema";
const TENANT: &str = "tenant";

/// An attribute of ours: its words, and how it is written.
pub(crate) struct Helper {
    name: &'static str,
    on_struct: &'static [&'static str],
    on_field: &'static [&'static str],
    struct_format: &'static str,
    field_format: &'static str,
}

/// `#[tenant(..)]`, for `#[derive(Tenant)]`.
pub(crate) const OF_TENANTS: Helper = Helper {
    name: "tenant",
    on_struct: &[AUTO_CREATE_SCHEMA, AUTO_DROP_SCHEMA],
    on_field: &["schema_name", "domain"],
    struct_format: "the correct format looks like `#[tenant(auto_create_schema = true, auto_drop_schema = false)]`",
    field_format: "the correct format looks like `#[tenant(schema_name)]`",
};

/// `#[domain(..)]`, for `#[derive(Domain)]`.
pub(crate) const OF_DOMAINS: Helper = Helper {
    name: "domain",
    on_struct: &[TENANT],
    on_field: &["host", "folder", "tenant_key", "primary", "redirect_to_primary"],
    struct_format: "the correct format looks like `#[domain(tenant = Client)]`",
    field_format: "the correct format looks like `#[domain(host)]`",
};

/// A word on a field, and where it stands.
#[derive(Clone)]
pub(crate) struct Mark {
    pub(crate) word: &'static str,
    pub(crate) span: Span,
}

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
        for meta in OF_TENANTS.struct_metas(cx, attrs) {
            if meta.path().is_ident(AUTO_CREATE_SCHEMA) {
                set_bool(cx, &meta, AUTO_CREATE_SCHEMA, &mut out.auto_create_schema);
            } else {
                set_bool(cx, &meta, AUTO_DROP_SCHEMA, &mut out.auto_drop_schema);
            }
        }
        out
    }
}

/// The tenant model that `#[domain(tenant = ..)]` on a struct names, if it does.
pub(crate) fn tenant_of(cx: &Ctxt, attrs: &[Attribute]) -> Option<Path> {
    let mut found = None;
    for meta in OF_DOMAINS.struct_metas(cx, attrs) {
        if found.is_some() {
            twice(cx, &meta, TENANT);
        }
        match path(&meta) {
            Some(path) => found = Some(path),
            None => {
                let message = "`tenant` is the model of your tenants\nhelp: write `tenant = Client`";
                cx.error(&meta, message);
                // So that it is not missed as well.
                found = Some(meta.path().clone());
            }
        }
    }
    found
}

fn path(meta: &Meta) -> Option<Path> {
    fn of(value: &Expr) -> Option<&Path> {
        match value {
            Expr::Path(value) => Some(&value.path),
            Expr::Group(group) => of(&group.expr),
            _ => None,
        }
    }
    match meta {
        Meta::NameValue(pair) => of(&pair.value).cloned(),
        Meta::Path(_) | Meta::List(_) => None,
    }
}

impl Helper {
    /// The words on a struct that may stand there; the others are noted.
    fn struct_metas(&self, cx: &Ctxt, attrs: &[Attribute]) -> Vec<Meta> {
        let mut metas = metas(cx, attrs, self.name, self.struct_format);
        metas.retain(|meta| {
            let is_known = word(meta, self.on_struct).is_some();
            if let Some(word) = word(meta, self.on_field) {
                let message = format!(
                    "`{word}` marks a field\nhelp: put `#[{}({word})]` on the field that holds {}",
                    self.name,
                    held(word)
                );
                cx.error(meta, message);
            } else if !is_known {
                unknown(cx, meta, &listed(self.on_struct), self.struct_format);
            }
            is_known
        });
        metas
    }

    /// The words on a field.
    pub(crate) fn marks(&self, cx: &Ctxt, attrs: &[Attribute]) -> Vec<Mark> {
        let mut marks: Vec<Mark> = Vec::new();
        for meta in metas(cx, attrs, self.name, self.field_format) {
            if let Some(word) = word(&meta, self.on_field) {
                match meta {
                    Meta::Path(_) if marks.iter().any(|mark| mark.word == word) => {
                        twice(cx, &meta, word);
                        continue;
                    }
                    Meta::Path(_) => {}
                    Meta::List(_) | Meta::NameValue(_) => {
                        let message = format!(
                            "`{word}` takes no value\nhelp: the correct format looks like `#[{}({word})]`",
                            self.name
                        );
                        cx.error(&meta, message);
                    }
                }
                let span = meta.span();
                marks.push(Mark { word, span });
            } else if let Some(word) = word(&meta, self.on_struct) {
                let message = format!("`{word}` belongs on the struct\nhelp: {}", self.struct_format);
                cx.error(&meta, message);
            } else {
                unknown(cx, &meta, &listed(self.on_field), self.field_format);
            }
        }
        if let [_, others @ ..] = marks.as_slice() {
            for other in others {
                let message = "a field is one thing only\nhelp: remove one of the two words";
                cx.error_at(other.span, message);
            }
        }
        marks
    }
}

/// What a word on a field says that the field holds.
fn held(word: &str) -> &'static str {
    match word {
        "schema_name" => "the `SchemaName`",
        "domain" | "host" => "the `DomainName`",
        "folder" => "the `Folder`",
        "tenant_key" => "the tenant's primary key",
        "primary" => "whether the domain is the primary one",
        _ => "whether it redirects",
    }
}

/// The word that stands first, if it is one of these.
fn word(meta: &Meta, words: &'static [&'static str]) -> Option<&'static str> {
    words.iter().copied().find(|word| meta.path().is_ident(word))
}

/// ``` `a`, `b` or `c` ```
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => quoted.concat(),
    }
}

fn metas(cx: &Ctxt, attrs: &[Attribute], name: &str, help: &str) -> Vec<Meta> {
    let mut out = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(name)) {
        if !matches!(attr.meta, Meta::List(_)) {
            cx.error(
                &attr.meta,
                format!("`#[{name}]` needs words in parentheses\nhelp: {help}"),
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
