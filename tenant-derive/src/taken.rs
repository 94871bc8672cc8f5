//! What an app takes from a generated file: `schema = "src/schema.rs", tables(tasks, labels)`.
//!
//! It promises that tables come with their joins wherever both tables are in the app's module, and that
//! no join is written twice.

use crate::app_args::AppArgs;
use crate::ctxt::Ctxt;
use crate::imports::brings;
use crate::joins::{Join, SameQuery, pair};
use crate::manifest;
use crate::module::{Qualifier, Walk};
use crate::schema_file::{FileTable, SQL_TYPES, SchemaFile};
use crate::table_tokens::last_segment;
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Ident, Item, LitStr, Path};

/// The names of the app's own module that matter here.
#[derive(Default)]
struct Own {
    joins: BTreeSet<(String, String)>,
    same_query: BTreeSet<(String, String)>,
    has_sql_types: bool,
}

/// The items to add to the module. The tables among them are added to the walk.
pub(crate) fn take(
    cx: &Ctxt,
    args: &AppArgs,
    qualifier: &Qualifier,
    items: &[Item],
    walk: &mut Walk<'_>,
) -> TokenStream {
    let Some(schema) = &args.schema else {
        return TokenStream::new();
    };
    let Some(path) = manifest::resolve(cx, schema) else {
        return TokenStream::new();
    };
    let file = match SchemaFile::read(&path) {
        Ok(file) => file,
        Err(message) => {
            let help =
                "name the file that `diesel print-schema` generates, relative to the crate's `Cargo.toml`";
            cx.error(schema, format!("{message}\nhelp: {help}"));
            return TokenStream::new();
        }
    };
    let watch = manifest::watch(&schema.value());
    let Some(paths) = args.tables_of(cx, schema, &file.list(file.tables.iter())) else {
        return watch;
    };
    let taken = find_all(cx, schema, &file, paths, walk);
    let own = Own::of(items);
    // Where each table of the file stands in the module: those taken, and those that stand there anyway.
    let mut places: BTreeMap<String, Ident> = BTreeMap::new();
    for table in &file.tables {
        let here = walk
            .tables
            .iter()
            .find(|here| here.at_top && here.name == table.tokens.name);
        if let Some(here) = here {
            places.insert(table.path(), here.name.clone());
        }
    }
    let mut out = watch;
    for (table, path) in &taken {
        let span = path
            .segments
            .last()
            .map_or_else(proc_macro2::Span::call_site, |segment| segment.ident.span());
        let mut tokens = table.tokens.moved_to(span);
        tokens.schema = qualifier.schema().cloned();
        places.insert(table.path(), tokens.name.clone());
        let attrs = &table.attrs;
        let marker = walk.add(&tokens, attrs);
        out.extend(quote! {
            #(#attrs)*
            ::diesel::table! { #tokens }
            #marker
        });
    }
    if !own.has_sql_types {
        out.extend(sql_types(cx, &file, &taken));
    }
    out.extend(joins(&file, &places, &own));
    let taken: BTreeSet<String> = taken.iter().map(|(table, _)| table.path()).collect();
    out.extend(same_query(&file, &places, &own, &taken));
    out
}

fn find_all<'f, 'p>(
    cx: &Ctxt,
    schema: &LitStr,
    file: &'f SchemaFile,
    paths: &'p [Path],
    walk: &Walk<'_>,
) -> Vec<(&'f FileTable, &'p Path)> {
    let mut taken: Vec<(&FileTable, &Path)> = Vec::new();
    for path in paths {
        let table = match file.find(path) {
            Ok(table) => table,
            Err(message) => {
                cx.error(
                    path,
                    format!("no table to take from `{}`: {message}", schema.value()),
                );
                continue;
            }
        };
        let name = &table.tokens.name;
        if taken.iter().any(|(other, _)| other.tokens.name == *name) {
            let message = format!("`{name}` is taken twice\nhelp: remove one of the two");
            cx.error(path, message);
        } else if walk.tables.iter().any(|here| here.at_top && here.name == *name) {
            let message = format!(
                "`{name}` stands in the module already\nhelp: remove its `table!` there, or its name here"
            );
            cx.error(path, message);
        } else {
            taken.push((table, path));
        }
    }
    taken
}

fn sql_types(cx: &Ctxt, file: &SchemaFile, taken: &[(&FileTable, &Path)]) -> Option<TokenStream> {
    let tables: Vec<&FileTable> = taken.iter().map(|(table, _)| *table).collect();
    let items = file.sql_types_of(&tables);
    let mut names = BTreeSet::new();
    for item in &items {
        if let Item::Struct(item) = item
            && !names.insert(item.ident.to_string())
            && let Some((_, path)) = taken.first()
        {
            let message = format!(
                "two different SQL types of the file are named `{}`\nhelp: take the tables that use them into two apps, or write a module `sql_types` with the types here",
                item.ident
            );
            cx.error(path, message);
        }
    }
    let module = Ident::new(SQL_TYPES, proc_macro2::Span::call_site());
    (!items.is_empty()).then(|| {
        quote! {
            /// The custom SQL types of the tables of this app.
            #[allow(missing_docs)]
            pub mod #module {
                #(#items)*
            }
        }
    })
}

fn joins(file: &SchemaFile, places: &BTreeMap<String, Ident>, own: &Own) -> TokenStream {
    let mut out = TokenStream::new();
    for join in &file.joins {
        if let (Some(child), Some(parent)) = (places.get(&join.child), places.get(&join.parent))
            && !own.joins.contains(&pair(child, parent))
        {
            let (attrs, foreign_key) = (&join.attrs, &join.foreign_key);
            out.extend(quote!(#(#attrs)* ::diesel::joinable!(#child -> #parent (#foreign_key));));
        }
    }
    out
}

fn same_query(
    file: &SchemaFile,
    places: &BTreeMap<String, Ident>,
    own: &Own,
    taken: &BTreeSet<String>,
) -> TokenStream {
    let mut out = TokenStream::new();
    for (attrs, paths) in &file.same_query {
        let here: Vec<(&String, &Ident)> = paths
            .iter()
            .filter_map(|path| Some((path, places.get(path)?)))
            .collect();
        let names: Vec<&Ident> = here.iter().map(|(_, name)| *name).collect();
        if here.iter().all(|(path, _)| taken.contains(*path)) {
            if names.len() > 1 {
                out.extend(quote!(#(#attrs)* ::diesel::allow_tables_to_appear_in_same_query!(#(#names),*);));
            }
            continue;
        }
        // Among tables that stand in the module anyway, its own macros say what goes together.
        for (i, (path, a)) in here.iter().enumerate() {
            for (other, b) in &here[i + 1..] {
                let one_is_taken = taken.contains(*path) || taken.contains(*other);
                if one_is_taken && !own.same_query.contains(&pair(a, b)) {
                    out.extend(quote!(#(#attrs)* ::diesel::allow_tables_to_appear_in_same_query!(#a, #b);));
                }
            }
        }
    }
    out
}

impl Own {
    fn of(items: &[Item]) -> Self {
        let mut out = Self::default();
        for item in items {
            match item {
                Item::Mod(module) if module.ident == SQL_TYPES => out.has_sql_types = true,
                Item::Use(item) if brings(&item.tree, SQL_TYPES) => out.has_sql_types = true,
                Item::Macro(item) => out.mac(&item.mac),
                _ => {}
            }
        }
        out
    }

    fn mac(&mut self, mac: &syn::Macro) {
        match last_segment(&mac.path).as_deref() {
            Some("joinable") => {
                if let Ok(join) = mac.parse_body::<Join>() {
                    self.joins.insert(pair(&join.child, &join.parent));
                }
            }
            Some("allow_tables_to_appear_in_same_query") => {
                if let Ok(SameQuery(names)) = mac.parse_body() {
                    for (i, a) in names.iter().enumerate() {
                        self.same_query.extend(names[i + 1..].iter().map(|b| pair(a, b)));
                    }
                }
            }
            _ => {}
        }
    }
}
