//! The walk through a module: finds each `table!`, qualifies or strips it, and puts its marker beside it.
//!
//! It promises that no table escapes it unseen: what a macro cannot see into is a mistake. Modules that
//! are apps themselves are left to their own attribute; bodies of functions are left alone.

use crate::app_args::Attr;
use crate::cfg;
use crate::ctxt::Ctxt;
use crate::ident;
use crate::imports;
use crate::table_tokens::{TABLE, TableTokens, last_segment};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Ident, Item, ItemMacro, ItemMod};

/// What qualifies the tables of an app.
#[derive(Clone)]
pub(crate) enum Qualifier {
    /// Nothing: the `search_path` finds them.
    None,
    /// The shared schema.
    Public(Ident),
}

impl Qualifier {
    /// The name of the schema, if tables are qualified.
    pub(crate) fn schema(&self) -> Option<&Ident> {
        match self {
            Self::None => None,
            Self::Public(schema) => Some(schema),
        }
    }
}

/// A table of an app.
pub(crate) struct FoundTable {
    /// The module that `table!` makes.
    pub(crate) name: Ident,
    /// The name in the database.
    pub(crate) sql_name: String,
    /// The conditions under which it exists, those of the modules around it included.
    pub(crate) conditions: Vec<Attribute>,
    /// Whether it stands in the app's module itself, not in one inside.
    pub(crate) at_top: bool,
}

/// A walk through the module of one app.
pub(crate) struct Walk<'a> {
    cx: &'a Ctxt,
    qualifier: &'a Qualifier,
    /// The conditions of the modules around.
    conditions: Vec<Attribute>,
    /// How many modules lie between here and the app's.
    depth: usize,
    /// Other names for `table!`, from imports.
    renamed: Vec<String>,
    pub(crate) tables: Vec<FoundTable>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(cx: &'a Ctxt, qualifier: &'a Qualifier) -> Self {
        Self {
            cx,
            qualifier,
            conditions: Vec::new(),
            depth: 0,
            renamed: Vec::new(),
            tables: Vec::new(),
        }
    }

    /// Rewrites the tables among the items, with a marker after each.
    pub(crate) fn items(&mut self, items: &mut Vec<Item>) {
        for item in &*items {
            if let Item::Use(item) = item {
                imports::renames(&item.tree, TABLE, &mut self.renamed);
            }
        }
        for mut item in std::mem::take(items) {
            let marker = match &mut item {
                Item::Macro(item) => self.mac(item),
                Item::Mod(item) => {
                    self.module(item);
                    None
                }
                _ => None,
            };
            items.push(item);
            items.extend(marker.map(Item::Verbatim));
        }
    }

    fn module(&mut self, module: &mut ItemMod) {
        if module.attrs.iter().any(|attr| Attr::of(attr.path()).is_some()) {
            return;
        }
        let name = &module.ident;
        let Some((_, items)) = &mut module.content else {
            let file = ident::plain(name);
            let message = format!(
                "`mod {name};` is another file, which the macro cannot see into\nhelp: write `mod {name} {{ .. }}` with its tables here, or move it out of this module; a generated file is read by `schema = \"src/{file}.rs\", tables(..)`"
            );
            self.cx.error(&*module, message);
            return;
        };
        let outside = self.conditions.len();
        self.conditions.extend(cfg::conditions(&module.attrs));
        self.depth += 1;
        self.items(items);
        self.depth -= 1;
        self.conditions.truncate(outside);
    }

    fn mac(&mut self, item: &mut ItemMacro) -> Option<TokenStream> {
        // `macro_rules! table { .. }` defines, it does not call.
        if item.ident.is_some() {
            return None;
        }
        if last_segment(&item.mac.path).is_some_and(|name| name == "include") {
            let message = "`include!` brings in another file, which the macro cannot see into\nhelp: read a generated file with `schema = \"src/schema.rs\", tables(..)` in the attribute, or write its tables here";
            self.cx.error(&*item, message);
            return None;
        }
        let mut table = TableTokens::of(&item.mac, &self.renamed)?;
        self.check_qualifier(&table);
        table.schema = self.qualifier.schema().cloned();
        item.mac.tokens = table.to_token_stream();
        Some(self.add(&table, &item.attrs))
    }

    fn check_qualifier(&self, table: &TableTokens) {
        if let (Some(written), Some(public)) = (&table.schema, self.qualifier.schema())
            && written != public
        {
            let (name, sql) = (&table.name, ident::plain(written));
            let message = format!(
                "this table is qualified with `{sql}`, and the shared schema is `{public}`\nhelp: write `{name}` without a schema; if `{sql}` is the shared schema, say so: `#[shared_app(public_schema = \"{sql}\", ..)]`"
            );
            self.cx.error(written, message);
        }
    }

    /// Adds a table, and gives its marker.
    pub(crate) fn add(&mut self, table: &TableTokens, attrs: &[Attribute]) -> TokenStream {
        let sql_name = table.sql_name();
        let mut own = cfg::conditions(attrs);
        own.extend(table.conditions());
        let conditions: Vec<Attribute> = self.conditions.iter().chain(&own).cloned().collect();
        let twice = |other: &FoundTable| {
            other.sql_name == sql_name && other.conditions.is_empty() && conditions.is_empty()
        };
        if self.tables.iter().any(twice) {
            let message = format!("the table `{sql_name}` is in this app twice\nhelp: remove one of the two");
            self.cx.error(&table.name, message);
        }
        let marker = marker(table, &sql_name, &own, self.depth, self.qualifier);
        self.tables.push(FoundTable {
            name: table.name.clone(),
            sql_name,
            conditions,
            at_top: self.depth == 0,
        });
        marker
    }
}

fn marker(
    table: &TableTokens,
    sql_name: &str,
    conditions: &[Attribute],
    depth: usize,
    qualifier: &Qualifier,
) -> TokenStream {
    let name = &table.name;
    let up = std::iter::repeat_n(quote!(super::), depth);
    let value = table_value(sql_name, qualifier);
    quote! {
        #(#conditions)*
        const _: () = {
            #[automatically_derived]
            impl ::tenant_diesel::ScopedTable for self::#name::table {
                type App = self::#(#up)*App;
                const TABLE: ::tenant_diesel::Table = #value;
            }
        };
    }
}

/// A table as a value of `tenant_diesel::Table`.
pub(crate) fn table_value(sql_name: &str, qualifier: &Qualifier) -> TokenStream {
    let option = quote!(::tenant_diesel::__private::std::option::Option);
    let schema = match qualifier.schema().map(ident::plain) {
        Some(schema) => quote!(#option::Some(#schema)),
        None => quote!(#option::None),
    };
    quote!(::tenant_diesel::Table { schema: #schema, name: #sql_name })
}
