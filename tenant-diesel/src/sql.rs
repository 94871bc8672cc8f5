//! The few pieces of SQL text that hold a name which is known only at run time, and how they are quoted.

use tenant_core::{SchemaName, SearchPath, Table};

/// A text as an SQL literal that means the same whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// Sets the path if the schema exists. Two parameters: the rendered path, the schema's name. One row, or
/// none where the schema is missing.
pub(crate) const SET_PATH: &str = "SELECT pg_catalog.set_config('search_path', $1, false) \
     FROM pg_catalog.pg_namespace WHERE nspname = $2";

/// Sets a path that names no schema which could be missing. One parameter: the rendered path.
pub(crate) const SET_PATH_UNVERIFIED: &str = "SELECT pg_catalog.set_config('search_path', $1, false)";

/// The same as [`SET_PATH`] for a message of several statements: a missing schema is an error.
pub(crate) fn set_path(path: &SearchPath, schema: Option<&SchemaName>) -> String {
    let set = format!(
        "SELECT pg_catalog.set_config('search_path', {}, false)",
        literal(&path.to_string())
    );
    match schema {
        Some(schema) => format!("{}; {set}", fail_if_missing(schema)),
        None => set,
    }
}

/// Begins a transaction on the path; a missing schema is an error.
pub(crate) fn begin_on_path(path: &SearchPath, schema: &SchemaName) -> String {
    format!(
        "BEGIN; SET LOCAL search_path TO {path}; {}",
        fail_if_missing(schema)
    )
}

/// A declared table as `to_regclass` reads it: qualified with the shared schema where it names none.
pub(crate) fn table(table: Table, public: &SchemaName) -> String {
    format!(
        "{}.{}",
        identifier(table.schema.unwrap_or(public.as_str())),
        identifier(table.name)
    )
}

/// A name from the application's source as an SQL identifier. Names of schemas that are known only at run
/// time are quoted by `SchemaName::quoted`.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The cast raises an error where there is no such schema.
fn fail_if_missing(schema: &SchemaName) -> String {
    format!("SELECT {}::pg_catalog.regnamespace", literal(&schema.quoted()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_hold_quotes_and_backslashes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\'b"), r"E'a\\''b'");
    }
}
