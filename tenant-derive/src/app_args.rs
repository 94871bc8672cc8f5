//! [`AppArgs`]: what stands in `#[shared_app(..)]` and `#[tenant_app(..)]`, of one or of both.

use crate::attr::literal;
use crate::ctxt::Ctxt;
use crate::ident;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Ident, Lit, LitStr, Meta, Path, Token};

/// The shared schema unless `public_schema` names another: PostgreSQL's own default.
const DEFAULT_PUBLIC_SCHEMA: &str = "public";

/// Which of the two attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attr {
    SharedApp,
    TenantApp,
}

impl Attr {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SharedApp => "shared_app",
            Self::TenantApp => "tenant_app",
        }
    }

    /// The attribute that a path names, however it was imported.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let name = &path.segments.last()?.ident;
        [Self::SharedApp, Self::TenantApp]
            .into_iter()
            .find(|attr| name == attr.name())
    }

    fn example(self) -> String {
        format!(
            "the correct format looks like `#[{}(migrations = \"migrations/todo\")]`, with `schema = \"src/schema.rs\", tables(tasks)` for tables from a generated file",
            self.name()
        )
    }
}

/// The arguments.
#[derive(Default)]
pub(crate) struct AppArgs {
    pub(crate) migrations: Option<LitStr>,
    /// The generated file to read.
    pub(crate) schema: Option<LitStr>,
    /// The tables to take from it, and where that is written.
    pub(crate) tables: Option<(TokenStream, Vec<Path>)>,
    public_schema: Option<LitStr>,
    /// Something was meant to be here and could not be read: what is missing may be that.
    unreadable: bool,
}

impl AppArgs {
    /// Reads the arguments of one attribute.
    pub(crate) fn read(cx: &Ctxt, attr: Attr, tokens: TokenStream) -> Self {
        let mut out = Self::default();
        let metas = match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(metas) => metas,
            Err(error) => {
                cx.push_with_help(&error, attr.example());
                out.unreadable = true;
                return out;
            }
        };
        for meta in metas {
            if meta.path().is_ident("migrations") {
                out.unreadable |= !set_text(cx, &meta, &mut out.migrations);
            } else if meta.path().is_ident("schema") {
                out.unreadable |= !set_text(cx, &meta, &mut out.schema);
            } else if meta.path().is_ident("public_schema") && attr == Attr::SharedApp {
                set_text(cx, &meta, &mut out.public_schema);
            } else if meta.path().is_ident("tables") {
                out.set_tables(cx, &meta);
            } else if meta.path().is_ident("public_schema") {
                let message = "tables of tenants are not qualified\nhelp: remove `public_schema`, which belongs to `#[shared_app(..)]`";
                cx.error(&meta, message);
            } else {
                let name = meta.path().to_token_stream();
                let expected = match attr {
                    Attr::SharedApp => "`migrations`, `schema`, `tables` or `public_schema`",
                    Attr::TenantApp => "`migrations`, `schema` or `tables`",
                };
                let message = format!(
                    "unknown argument `{name}`, expected {expected}\nhelp: {}",
                    attr.example()
                );
                cx.error(meta.path(), message);
            }
        }
        out
    }

    fn set_tables(&mut self, cx: &Ctxt, meta: &Meta) {
        let Meta::List(list) = meta else {
            self.unreadable = true;
            cx.error(meta, "`tables` is a list\nhelp: write `tables(tasks, labels)`");
            return;
        };
        let parser =
            |input: syn::parse::ParseStream<'_>| input.parse_terminated(Path::parse_mod_style, Token![,]);
        match list.parse_args_with(parser) {
            Ok(paths) if paths.is_empty() => {
                self.unreadable = true;
                cx.error(
                    meta,
                    "`tables()` takes no table\nhelp: name those of this app: `tables(tasks, labels)`",
                );
            }
            Ok(_) if self.tables.is_some() => given_twice(cx, meta),
            Ok(paths) => {
                self.tables = Some((meta.to_token_stream(), paths.into_iter().collect()));
            }
            Err(error) => {
                self.unreadable = true;
                cx.push_with_help(
                &error,
                "name the modules that `table!` makes, as in `tables(tasks, labels)`; one that is a keyword as `r#type`",
                );
            }
        }
    }

    /// The arguments of two attributes on one module: each may stand in either, or in both alike.
    #[must_use]
    pub(crate) fn merge(self, cx: &Ctxt, other: Self) -> Self {
        let text = |a: Option<LitStr>, b: Option<LitStr>, name: &str| {
            if let (Some(a), Some(b)) = (&a, &b)
                && a.value() != b.value()
            {
                disagree(cx, b, name, &format!("\"{}\"", a.value()));
            }
            a.or(b)
        };
        if let (Some((a, these)), Some((b, those))) = (&self.tables, &other.tables) {
            let sorted = |paths: &[Path]| {
                let mut names: Vec<String> = paths.iter().map(|path| quote!(#path).to_string()).collect();
                names.sort();
                names
            };
            if sorted(these) != sorted(those) {
                disagree(cx, b, "tables", &a.to_string());
            }
        }
        Self {
            migrations: text(self.migrations, other.migrations, "migrations"),
            schema: text(self.schema, other.schema, "schema"),
            public_schema: self.public_schema.or(other.public_schema),
            tables: self.tables.or(other.tables),
            unreadable: self.unreadable || other.unreadable,
        }
    }

    /// Notes what is missing.
    pub(crate) fn check(&self, cx: &Ctxt, attr: Attr) {
        if self.unreadable {
            return;
        }
        if self.migrations.is_none() {
            let message = format!(
                "`migrations` is missing\nhelp: name the directory of this app's migrations: `#[{}(migrations = \"migrations/..\")]`, relative to the crate's `Cargo.toml`",
                attr.name()
            );
            cx.error_at(Span::call_site(), message);
        }
        if let (None, Some((tables, _))) = (&self.schema, &self.tables) {
            let message = "`tables(..)` takes tables from a generated file, and no file is named\nhelp: add `schema = \"src/schema.rs\"`, or remove `tables(..)`: tables inside the module are found without it";
            cx.error(tables, message);
        }
    }

    /// The tables to take, if they could be read. Notes where they are missing.
    pub(crate) fn tables_of(&self, cx: &Ctxt, schema: &LitStr, in_file: &str) -> Option<&[Path]> {
        if let Some((_, paths)) = &self.tables {
            return Some(paths);
        }
        if !self.unreadable {
            let message = format!(
                "`schema` without `tables(..)`: a file may hold the tables of several apps\nhelp: name those of this app: `tables({in_file})`"
            );
            cx.error(schema, message);
        }
        None
    }

    /// What qualifies the tables of a shared app.
    pub(crate) fn public_schema(&self, cx: &Ctxt) -> Ident {
        let default = Ident::new(DEFAULT_PUBLIC_SCHEMA, Span::call_site());
        let Some(text) = &self.public_schema else {
            return default;
        };
        // Diesel would write a raw identifier with its `r#` into the query.
        let parsed =
            ident::from_text(&text.value(), text.span()).filter(|name| *name == text.value().as_str());
        let checked = parsed.filter(|name| !name.to_string().starts_with("r#"));
        checked.unwrap_or_else(|| {
            let message = "Diesel's `table!` can qualify a table only with a name that is a Rust identifier, and no keyword\nhelp: choose such a name for the shared schema: letters, digits and underscores";
            cx.error(text, message);
            default
        })
    }
}

/// Whether the value could be read.
fn set_text(cx: &Ctxt, meta: &Meta, slot: &mut Option<LitStr>) -> bool {
    if let Meta::NameValue(pair) = meta
        && let Some(Lit::Str(text)) = literal(&pair.value)
    {
        if slot.is_some() {
            given_twice(cx, meta);
        }
        *slot = Some(text.clone());
        true
    } else {
        let name = meta.path().to_token_stream();
        cx.error(
            meta,
            format!("`{name}` is a string\nhelp: write `{name} = \"..\"`"),
        );
        false
    }
}

fn given_twice(cx: &Ctxt, meta: &Meta) {
    let name = meta.path().to_token_stream();
    cx.error(
        meta,
        format!("`{name}` is given twice\nhelp: remove one of the two"),
    );
}

fn disagree(cx: &Ctxt, tokens: impl ToTokens, name: &str, other: &str) {
    let message = format!(
        "the two attributes of this module disagree about `{name}`: the other says `{other}`\nhelp: an app of both scopes is one app: give `{name}` once, or the same in both"
    );
    cx.error(tokens, message);
}
