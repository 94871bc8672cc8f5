//! `#[shared_app]` and `#[tenant_app]`: a module with tables becomes an app.
//!
//! It promises that the module keeps everything that its author wrote, that it has a `pub struct App`
//! even where there are mistakes, and that all mistakes are reported at once.

use crate::app_args::{AppArgs, Attr};
use crate::ctxt::Ctxt;
use crate::ident;
use crate::imports::brings;
use crate::migrations_dir::{self, Embedded};
use crate::module::{FoundTable, Qualifier, Walk, table_value};
use crate::taken;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Item, ItemMod, LitStr, Meta};

/// What `#[shared_app(..)]` expands to.
pub(crate) fn shared_app_inner(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(Attr::SharedApp, args, item)
}

/// What `#[tenant_app(..)]` expands to.
pub(crate) fn tenant_app_inner(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(Attr::TenantApp, args, item)
}

fn expand(attr: Attr, args: TokenStream, item: TokenStream) -> TokenStream {
    let cx = Ctxt::default();
    let as_written = item.clone();
    let module = match syn::parse2::<Item>(item) {
        Ok(Item::Mod(module)) => module,
        Ok(other) => {
            cx.error(first_token(quote!(#other)), on_module(attr));
            let errors = cx.finish();
            return quote!(#errors #other);
        }
        Err(error) => {
            cx.push_with_help(&error, on_module(attr));
            let errors = cx.finish();
            return quote!(#errors #as_written);
        }
    };
    let module = expand_module(&cx, attr, args, module);
    let errors = cx.finish();
    quote!(#errors #module)
}

fn on_module(attr: Attr) -> String {
    let name = attr.name();
    format!(
        "`#[{name}]` goes on a module with its tables in braces: `#[{name}(migrations = \"..\")] pub mod todo {{ diesel::table! {{ .. }} }}`"
    )
}

fn first_token(tokens: TokenStream) -> TokenStream {
    // Attributes come first; the mistake is in what they stand on.
    let mut after_attributes = tokens.into_iter().skip_while(|token| {
        matches!(token, proc_macro2::TokenTree::Punct(punct) if punct.as_char() == '#')
            || matches!(token, proc_macro2::TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Bracket)
    });
    after_attributes.next().into_iter().collect()
}

fn expand_module(cx: &Ctxt, attr: Attr, args: TokenStream, mut module: ItemMod) -> TokenStream {
    let args = AppArgs::read(cx, attr, args);
    let (args, both) = with_other_attribute(cx, attr, args, &mut module);
    args.check(cx, attr);
    let public = args.public_schema(cx);
    let name = module.ident.clone();
    let Some((_, items)) = &mut module.content else {
        let message = format!(
            "`mod {name};` is another file, which the macro cannot see into\nhelp: write `mod {name} {{ .. }}` with its tables here; a generated file is read by `schema = \"src/{file}.rs\", tables(..)` on `mod {name} {{}}`",
            file = ident::plain(&name)
        );
        cx.error(&module, message);
        return quote!(#module);
    };
    if let Some(other) = items.iter().find(|item| is_app(item)) {
        let message = "the macro puts `pub struct App` into this module, and something else has the name\nhelp: give this another name";
        cx.error(name_of(other), message);
        return quote!(#module);
    }
    let scope = match (both, attr) {
        (true, _) => format_ident!("Both"),
        (false, Attr::SharedApp) => format_ident!("Shared"),
        (false, Attr::TenantApp) => format_ident!("Tenant"),
    };
    let qualifier = if scope == "Shared" {
        Qualifier::Public(public)
    } else {
        Qualifier::None
    };
    let mut walk = Walk::new(cx, &qualifier);
    walk.items(items);
    let taken = taken::take(cx, &args, &qualifier, items, &mut walk);
    let embedded = args
        .migrations
        .as_ref()
        .and_then(|path| Some((path, migrations_dir::check(cx, path)?)));
    let app = app(&name, &scope, &walk.tables, &qualifier, embedded);
    items.push(Item::Verbatim(quote!(#taken #app)));
    quote!(#module)
}

/// The arguments of both attributes, where the module has the other one too, and whether it has.
fn with_other_attribute(cx: &Ctxt, attr: Attr, args: AppArgs, module: &mut ItemMod) -> (AppArgs, bool) {
    let mut merged = args;
    let mut both = false;
    // The compiler hands each attribute the ones below it, which are taken off so that they do not run again.
    let (apps, rest) = std::mem::take(&mut module.attrs)
        .into_iter()
        .partition(|attr| Attr::of(attr.path()).is_some());
    module.attrs = rest;
    let apps: Vec<syn::Attribute> = apps;
    for other in &apps {
        let Some(kind) = Attr::of(other.path()) else {
            continue;
        };
        if kind == attr || both {
            let message = format!("`#[{}]` is given twice\nhelp: remove one of the two", kind.name());
            cx.error(&other.meta, message);
            continue;
        }
        both = true;
        let tokens = match &other.meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(_) => {
                cx.error(&other.meta, on_module(kind));
                continue;
            }
        };
        merged = merged.merge(cx, AppArgs::read(cx, kind, tokens));
    }
    (merged, both)
}

/// Whether an item has the name that the macro gives its own.
fn is_app(item: &Item) -> bool {
    const APP: &str = "App";
    match item {
        Item::Struct(item) => item.ident == APP,
        Item::Enum(item) => item.ident == APP,
        Item::Union(item) => item.ident == APP,
        Item::Type(item) => item.ident == APP,
        Item::Trait(item) => item.ident == APP,
        Item::TraitAlias(item) => item.ident == APP,
        Item::Const(item) => item.ident == APP,
        Item::Static(item) => item.ident == APP,
        Item::Fn(item) => item.sig.ident == APP,
        Item::Mod(item) => item.ident == APP,
        Item::Use(item) => brings(&item.tree, APP),
        _ => false,
    }
}

fn name_of(item: &Item) -> TokenStream {
    match item {
        Item::Struct(item) => {
            let ident = &item.ident;
            quote!(#ident)
        }
        Item::Enum(item) => {
            let ident = &item.ident;
            quote!(#ident)
        }
        Item::Use(item) => {
            let tree = &item.tree;
            quote!(#tree)
        }
        other => quote!(#other),
    }
}

fn app(
    module: &syn::Ident,
    scope: &syn::Ident,
    tables: &[FoundTable],
    qualifier: &Qualifier,
    embedded: Option<(&LitStr, Embedded)>,
) -> TokenStream {
    let private = quote!(::tenant_diesel::__private);
    let std = quote!(#private::std);
    let name = ident::plain(module);
    let doc = format!(" The app `{name}`: its tables and its migrations.");
    let tables = tables.iter().map(|table| {
        let conditions = &table.conditions;
        let value = table_value(&table.sql_name, qualifier);
        quote!(#(#conditions)* #value)
    });
    let (migrations, Embedded { watched, files }) = match embedded {
        Some((path, embedded)) => (quote!(diesel_migrations::embed_migrations!(#path)), embedded),
        // The mistake is reported; the app stays, so that it is the only one.
        None => (
            quote!(diesel_migrations::EmbeddedMigrations::new(&[])),
            Embedded::default(),
        ),
    };
    let app = syn::Ident::new("App", Span::call_site());
    quote! {
        #[doc = #doc]
        #[derive(#std::clone::Clone, #std::marker::Copy, #std::fmt::Debug)]
        pub struct #app;

        #watched

        const _: () = {
            #[automatically_derived]
            impl ::tenant_diesel::App for #app {
                const NAME: &'static str = #name;
                const SCOPE: ::tenant_diesel::AppScope = ::tenant_diesel::AppScope::#scope;
                const TABLES: &'static [::tenant_diesel::Table] = &[#(#tables),*];

                fn migration_versions() -> #std::vec::Vec<#std::string::String> {
                    #private::versions::<Self>()
                }
            }

            #[automatically_derived]
            impl ::tenant_diesel::EmbeddedApp for #app {
                const MIGRATIONS: #private::diesel_migrations::EmbeddedMigrations = {
                    // `embed_migrations!` names its crate by a relative path.
                    use #private::diesel_migrations;
                    #migrations
                };
                const FILES: &'static [::tenant_diesel::MigrationFile] = &[#(#files),*];
            }
        };
    }
}
