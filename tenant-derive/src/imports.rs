//! `use`: which names an import brings into its module.

use crate::ident;
use syn::{Ident, UseTree};

/// Whether an import brings a name into its module.
pub(crate) fn brings(tree: &UseTree, wanted: &str) -> bool {
    match tree {
        UseTree::Path(path) => brings_in(&path.tree, wanted, &path.ident),
        UseTree::Name(name) => name.ident == wanted,
        UseTree::Rename(rename) => rename.rename == wanted,
        UseTree::Group(group) => group.items.iter().any(|tree| brings(tree, wanted)),
        UseTree::Glob(_) => false,
    }
}

/// As [`brings`], for a tree behind a name, which `self` stands for.
fn brings_in(tree: &UseTree, wanted: &str, parent: &Ident) -> bool {
    match tree {
        UseTree::Name(name) if name.ident == "self" => parent == wanted,
        UseTree::Group(group) => group.items.iter().any(|tree| brings_in(tree, wanted, parent)),
        _ => brings(tree, wanted),
    }
}

/// The names that an import gives to a macro or an item in place of its own.
pub(crate) fn renames(tree: &UseTree, wanted: &str, names: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => renames(&path.tree, wanted, names),
        UseTree::Group(group) => group.items.iter().for_each(|tree| renames(tree, wanted, names)),
        UseTree::Rename(rename) if rename.ident == wanted => names.push(ident::plain(&rename.rename)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::ItemUse;

    fn tree(text: &str) -> UseTree {
        syn::parse_str::<ItemUse>(text).unwrap().tree
    }

    #[test]
    fn imports_are_read_at_any_depth() {
        for text in [
            "use a::App;",
            "use a::{b, c::{App}};",
            "use a::b as App;",
            "use a::App::{self, b};",
        ] {
            assert!(brings(&tree(text), "App"), "{text}");
        }
        for text in ["use a::*;", "use App::b;", "use a::App as b;", "use a::{App::b};"] {
            assert!(!brings(&tree(text), "App"), "{text}");
        }
    }

    #[test]
    fn a_macro_is_known_by_its_other_name() {
        let mut names = Vec::new();
        renames(
            &tree("use diesel::{joinable, table as t, self as d};"),
            "table",
            &mut names,
        );
        assert_eq!(names, ["t"]);
    }
}
