//! [`SchemaFile`]: a file that `diesel print-schema` generates, and what an app takes from it.
//!
//! It promises to take the named tables, the custom SQL types that they use, and the joins whose both
//! tables are in the app. Qualifiers in the file are replaced or stripped as the app's scope asks.
//! Nothing else of the file is taken.

use crate::cfg;
use crate::ident;
use crate::joins::{Join, SameQuery};
use crate::table_tokens::{TableTokens, last_segment};
use quote::ToTokens;
use std::path::Path as FilePath;
use syn::{Attribute, Ident, Item, ItemMacro, ItemMod, Path};

/// The name of the module into which `diesel print-schema` puts custom types.
pub(crate) const SQL_TYPES: &str = "sql_types";

/// A table of the file. Its path within the file tells it from others of the same name.
#[derive(Clone)]
pub(crate) struct FileTable {
    pub(crate) module: Vec<String>,
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) tokens: TableTokens,
}

impl FileTable {
    fn name(&self) -> String {
        ident::plain(&self.tokens.name)
    }

    /// The path within the file.
    pub(crate) fn path(&self) -> String {
        let mut path = self.module.clone();
        path.push(self.name());
        path.join("::")
    }
}

/// A `joinable!` with the paths of its tables within the file.
pub(crate) struct FileJoin {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) child: String,
    pub(crate) parent: String,
    pub(crate) foreign_key: Ident,
}

/// What can be taken from a generated file.
#[derive(Default)]
pub(crate) struct SchemaFile {
    pub(crate) tables: Vec<FileTable>,
    pub(crate) joins: Vec<FileJoin>,
    /// Groups of tables that may be in one query, as paths within the file.
    pub(crate) same_query: Vec<(Vec<Attribute>, Vec<String>)>,
    /// The modules with custom types, and where they stand.
    pub(crate) sql_types: Vec<(Vec<String>, ItemMod)>,
}

impl SchemaFile {
    /// Reads a file.
    pub(crate) fn read(path: &FilePath) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("failed to read `{}`: {error}", path.display()))?;
        let file =
            syn::parse_file(&text).map_err(|error| format!("`{}` is not Rust: {error}", path.display()))?;
        let mut out = Self::default();
        out.items(&file.items, &[], &[]);
        Ok(out)
    }

    fn items(&mut self, items: &[Item], module: &[String], conditions: &[Attribute]) {
        for item in items {
            match item {
                Item::Macro(item) => self.mac(item, module, conditions),
                Item::Mod(inner) if ident::plain(&inner.ident) == SQL_TYPES => {
                    self.sql_types.push((module.to_vec(), inner.clone()));
                }
                Item::Mod(inner) => {
                    let Some((_, items)) = &inner.content else {
                        continue;
                    };
                    let mut path = module.to_vec();
                    path.push(ident::plain(&inner.ident));
                    let mut all = conditions.to_vec();
                    all.extend(cfg::conditions(&inner.attrs));
                    self.items(items, &path, &all);
                }
                _ => {}
            }
        }
    }

    fn mac(&mut self, item: &ItemMacro, module: &[String], conditions: &[Attribute]) {
        let attrs: Vec<Attribute> = conditions.iter().chain(&item.attrs).cloned().collect();
        let Some(name) = last_segment(&item.mac.path) else {
            return;
        };
        if let Some(tokens) = TableTokens::of(&item.mac, &[]) {
            let module = module.to_vec();
            self.tables.push(FileTable {
                module,
                attrs,
                tokens,
            });
        } else if name == "joinable"
            && let Ok(join) = item.mac.parse_body::<Join>()
        {
            self.joins.push(FileJoin {
                attrs,
                child: resolve(module, &join.child),
                parent: resolve(module, &join.parent),
                foreign_key: join.foreign_key,
            });
        } else if name == "allow_tables_to_appear_in_same_query"
            && let Ok(SameQuery(names)) = item.mac.parse_body()
        {
            let paths = names
                .iter()
                .map(|name| resolve(module, &Path::from(name.clone())));
            self.same_query.push((attrs, paths.collect()));
        }
    }

    /// The table that a path in `tables(..)` names: by its name alone, or with enough of the modules
    /// around it to tell it from others.
    pub(crate) fn find(&self, path: &Path) -> Result<&FileTable, String> {
        let wanted: Vec<String> = path
            .segments
            .iter()
            .map(|segment| ident::plain(&segment.ident))
            .collect();
        let full = wanted.join("::");
        let matching: Vec<&FileTable> = self
            .tables
            .iter()
            .filter(|table| {
                let mut path = table.module.clone();
                path.push(table.name());
                path.ends_with(&wanted)
            })
            .collect();
        match matching.as_slice() {
            [] => Err(format!(
                "it has no table `{full}`; its tables are: {}",
                self.list(self.tables.iter())
            )),
            [table] => Ok(*table),
            several => {
                let exact = several.iter().find(|table| table.path() == full).copied();
                exact.ok_or_else(|| {
                    format!(
                        "it has several tables `{full}`, so name one with its module: {}",
                        self.list(several.iter().copied())
                    )
                })
            }
        }
    }

    /// The paths of all tables.
    pub(crate) fn list<'a>(&'a self, tables: impl Iterator<Item = &'a FileTable>) -> String {
        let paths: Vec<String> = tables.map(FileTable::path).collect();
        if paths.is_empty() {
            "none".to_owned()
        } else {
            paths.join(", ")
        }
    }

    /// The items of the `sql_types` modules beside the given tables, without the types that none of the
    /// tables mentions.
    pub(crate) fn sql_types_of(&self, tables: &[&FileTable]) -> Vec<Item> {
        let mut out: Vec<Item> = Vec::new();
        for (module, types) in &self.sql_types {
            let beside: Vec<&FileTable> = tables
                .iter()
                .copied()
                .filter(|table| table.module == *module)
                .collect();
            let Some((_, items)) = &types.content else {
                continue;
            };
            let unused: Vec<&Ident> = items
                .iter()
                .filter_map(type_name)
                .filter(|name| !beside.iter().any(|table| table.tokens.mentions(name)))
                .collect();
            let used = |item: &&Item| match item {
                Item::Impl(item) => !unused
                    .iter()
                    .any(|name| ident::occurs(item.self_ty.to_token_stream(), name)),
                item => type_name(item).is_none_or(|name| !unused.contains(&name)),
            };
            if items
                .iter()
                .filter_map(type_name)
                .any(|name| !unused.contains(&name))
            {
                // Two modules may hold the same type, and then one is enough.
                for item in items.iter().filter(used) {
                    let text = item.to_token_stream().to_string();
                    if !out
                        .iter()
                        .any(|other| other.to_token_stream().to_string() == text)
                    {
                        out.push(item.clone());
                    }
                }
            }
        }
        out
    }
}

fn type_name(item: &Item) -> Option<&Ident> {
    match item {
        Item::Struct(item) => Some(&item.ident),
        _ => None,
    }
}

/// The path within the file of a table that is named in `module`.
fn resolve(module: &[String], path: &Path) -> String {
    let mut out = module.to_vec();
    for segment in &path.segments {
        match segment.ident.to_string().as_str() {
            "self" => {}
            "super" => {
                out.pop();
            }
            _ => out.push(ident::plain(&segment.ident)),
        }
    }
    out.join("::")
}
