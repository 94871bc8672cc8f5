//! A directory of migrations, looked through before `embed_migrations!` does, which panics.
//!
//! It promises that `diesel_migrations::embed_migrations!` can read a directory in which it finds no
//! mistake, and that no version stands in it twice.

use crate::ctxt::Ctxt;
use crate::manifest;
use migrations_internals::TomlMetadata;
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::BTreeMap;
use std::path::Path;
use syn::LitStr;

/// The width of `version` in Diesel's ledger.
const MAX_VERSION: usize = 50;

/// Where a migration says whether it runs in a transaction.
const METADATA: &str = "metadata.toml";

const FORMAT: &str = "a migration is a directory named `<timestamp>_<name>` with an `up.sql` in it, and `down.sql` to revert it; `diesel migration generate` makes one";

/// What the expansion says of a directory of migrations.
#[derive(Default)]
pub(crate) struct Embedded {
    /// What makes the compiler watch the files that Diesel reads but does not watch.
    pub(crate) watched: TokenStream,
    /// The values of `EmbeddedApp::FILES`, one a migration, in the order of their names.
    pub(crate) files: Vec<TokenStream>,
}

/// Looks through the directory. `None` if it cannot be embedded; the mistakes are in `cx`, on the
/// user's literal.
pub(crate) fn check(cx: &Ctxt, path: &LitStr) -> Option<Embedded> {
    let dir = manifest::resolve(cx, path)?;
    let before = dir.display();
    if !dir.is_dir() {
        let message = if dir.exists() {
            format!(
                "`{before}` is not a directory\nhelp: name the directory that holds the migrations of this app, relative to the crate's `Cargo.toml`"
            )
        } else {
            format!(
                "there is no directory `{before}`\nhelp: make it, or correct the path, which is relative to the crate's `Cargo.toml`"
            )
        };
        cx.error(path, message);
        return None;
    }
    let names = match list(&dir) {
        Ok(names) => names,
        Err(error) => {
            cx.error(path, format!("failed to read the directory `{before}`: {error}"));
            return None;
        }
    };
    let mut problems: Vec<String> = names.iter().filter_map(|name| problem(&dir, name)).collect();
    problems.extend(same_version(&names));
    if !problems.is_empty() {
        let list: String = problems.iter().map(|problem| format!("\n- {problem}")).collect();
        cx.error(
            path,
            format!("the migrations in `{before}` cannot be embedded:{list}\nhelp: {FORMAT}"),
        );
        return None;
    }
    let written = path.value();
    let written = written.trim_end_matches('/');
    let metadata = names.iter().filter(|name| has(&dir, name, METADATA));
    Some(Embedded {
        watched: metadata
            .map(|name| manifest::watch(&format!("{written}/{name}/{METADATA}")))
            .collect(),
        files: names.iter().map(|name| file(&dir, written, name)).collect(),
    })
}

/// A migration as a value of `MigrationFile`.
fn file(dir: &Path, written: &str, name: &str) -> TokenStream {
    let option = quote!(::tenant_diesel::__private::std::option::Option);
    let directory = format!("{written}/{name}");
    let version = version(name);
    let up = manifest::text(&format!("{directory}/up.sql"));
    let down = if has(dir, name, "down.sql") {
        let down = manifest::text(&format!("{directory}/down.sql"));
        quote!(#option::Some(#down))
    } else {
        quote!(#option::None)
    };
    // As Diesel reads it: what is not there or cannot be read says nothing.
    let metadata = TomlMetadata::read_from_file(&dir.join(name).join(METADATA)).unwrap_or_default();
    let run_in_transaction = metadata.run_in_transaction;
    quote! {
        ::tenant_diesel::MigrationFile {
            version: #version,
            name: #name,
            directory: #directory,
            up: #up,
            down: #down,
            run_in_transaction: #run_in_transaction,
        }
    }
}

fn has(dir: &Path, name: &str, file: &str) -> bool {
    dir.join(name).join(file).is_file()
}

/// The names of the entries that Diesel takes for migrations: all but files and what starts with a dot.
fn list(dir: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in dir.read_dir()? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.metadata()?.is_file() && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// As Diesel reads it from the name of a directory.
fn version(name: &str) -> String {
    name.split('_').next().unwrap_or_default().replace('-', "")
}

fn problem(dir: &Path, name: &str) -> Option<String> {
    let version = version(name);
    if version.is_empty() || !version.chars().all(|c| c.is_ascii_digit()) {
        Some(format!("`{name}` does not start with a version made of digits"))
    } else if version.len() > MAX_VERSION {
        Some(format!(
            "the version of `{name}` is longer than the {MAX_VERSION} characters that the ledger holds"
        ))
    } else if !has(dir, name, "up.sql") {
        Some(format!("`{name}` has no `up.sql`"))
    } else {
        None
    }
}

fn same_version(names: &[String]) -> Vec<String> {
    let mut by_version: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        by_version.entry(version(name)).or_default().push(name);
    }
    let several = by_version
        .into_iter()
        .filter(|(version, names)| !version.is_empty() && names.len() > 1);
    several
        .map(|(version, names)| {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("{} have the same version, {version}", names.join(" and "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::Span;
    use std::fs;

    fn message(migrations: &[&str], without_up: &[&str]) -> String {
        let dir = tempfile::tempdir().unwrap();
        for name in migrations {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("up.sql"), "").unwrap();
        }
        for name in without_up {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("README.md"), "").unwrap();
        fs::create_dir(dir.path().join(".hidden")).unwrap();
        let cx = Ctxt::default();
        check(
            &cx,
            &LitStr::new(&dir.path().display().to_string(), Span::call_site()),
        );
        cx.finish().to_string()
    }

    #[test]
    fn what_diesel_can_embed_is_no_mistake() {
        assert_eq!(
            message(
                &["00000000000000_setup", "2024-01-31-120000_tasks", "20240201"],
                &[]
            ),
            ""
        );
    }

    #[test]
    fn an_empty_directory_is_no_mistake() {
        assert_eq!(message(&[], &[]), "");
    }

    #[test]
    fn every_entry_that_is_no_migration_is_named() {
        let message = message(&["tasks", "_2024"], &["20240101_empty"]);
        for text in [
            "`tasks` does not start with a version",
            "`_2024` does not start with a version",
            "`20240101_empty` has no `up.sql`",
        ] {
            assert!(message.contains(text), "{message}");
        }
    }

    #[test]
    fn two_directories_with_one_version_are_named() {
        let message = message(&["2024-01-01_a", "20240101_b"], &[]);
        assert!(
            message.contains("`2024-01-01_a` and `20240101_b` have the same version, 20240101"),
            "{message}"
        );
    }

    #[test]
    fn a_version_that_the_ledger_cannot_hold_is_named() {
        let long = format!("{}_a", "1".repeat(51));
        assert!(message(&[&long], &[]).contains("longer than the 50 characters"));
    }
}
