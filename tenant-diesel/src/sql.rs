//! The few pieces of SQL text that hold a name which is known only at run time, and how they are quoted.

use tenant_core::{SchemaName, SearchPath, Table};

/// A text as an SQL expression that means the same whatever `standard_conforming_strings` and
/// `client_encoding` say: a borrower may have changed either.
pub(crate) fn literal(text: &str) -> String {
    if !text.is_ascii() {
        return format!(
            "pg_catalog.convert_from(pg_catalog.decode('{}', 'hex'), 'UTF8')",
            hex(text)
        );
    }
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

/// The same with both parameters in [`hex`], for names that are not ASCII.
pub(crate) const SET_PATH_IN_HEX: &str = "SELECT pg_catalog.set_config('search_path', \
     pg_catalog.convert_from(pg_catalog.decode($1, 'hex'), 'UTF8'), false) FROM pg_catalog.pg_namespace \
     WHERE nspname = pg_catalog.convert_from(pg_catalog.decode($2, 'hex'), 'UTF8')";

/// The bytes of a text in hexadecimal digits, which read the same in every encoding.
pub(crate) fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

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

/// Begins a transaction on the path, for its time; a missing schema is an error. Beneath it lies a path that
/// sees no table, and not what the last borrower had: should the transaction end unseen, that is what is left.
pub(crate) fn begin_on_path(path: &SearchPath, schema: &SchemaName) -> String {
    let (nothing, path) = (
        literal(&SearchPath::nothing().to_string()),
        literal(&path.to_string()),
    );
    format!(
        "BEGIN; SELECT pg_catalog.set_config('search_path', {nothing}, false); COMMIT; \
         BEGIN; {}; SELECT pg_catalog.set_config('search_path', {path}, true)",
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
    format!("SELECT ({})::pg_catalog.regnamespace", literal(&schema.quoted()))
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
