//! The few pieces of SQL text that hold a name which is known only at run time, and how they are quoted.

use crate::paths::{Settings, Target};
use std::borrow::Cow;
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

/// A text as a constant, for statements that take no expression (`COMMENT`), whatever the settings say.
pub(crate) fn constant(text: &str) -> String {
    let mut constant = String::from("E'");
    for c in text.chars() {
        match c {
            '\'' => constant += "''",
            '\\' => constant += "\\\\",
            c if c.is_ascii() => constant.push(c),
            c => constant += &format!("\\U{:08X}", u32::from(c)),
        }
    }
    constant.push('\'');
    constant
}

/// Sets the path if the schema exists. Two parameters: the rendered path, the schema's name. One row, or
/// none where the schema is missing.
pub(crate) const SET_PATH: &str = "SELECT pg_catalog.set_config('search_path', $1, false) \
     FROM pg_catalog.pg_namespace WHERE nspname = $2";

/// The same with settings that go with the path, for the session or for the open transaction. If the names are
/// not all ASCII, both parameters are to be in [`hex`].
pub(crate) fn set_path_if_exists(
    names_are_ascii: bool,
    is_local: bool,
    settings: &Settings,
) -> Cow<'static, str> {
    if names_are_ascii && !is_local && settings.is_empty() {
        return Cow::Borrowed(SET_PATH);
    }
    Cow::Owned(set_path_by_parameters(names_are_ascii, is_local, settings, ""))
}

/// The same for the session, with a column `list` that an expression gives.
pub(crate) fn set_path_and_read(names_are_ascii: bool, settings: &Settings, expression: &str) -> String {
    set_path_by_parameters(
        names_are_ascii,
        false,
        settings,
        &format!(", {expression} AS list"),
    )
}

fn set_path_by_parameters(
    names_are_ascii: bool,
    is_local: bool,
    settings: &Settings,
    columns: &str,
) -> String {
    let parameter = |i| {
        if names_are_ascii {
            format!("${i}")
        } else {
            format!("pg_catalog.convert_from(pg_catalog.decode(${i}, 'hex'), 'UTF8')")
        }
    };
    format!(
        "SELECT {}{columns} FROM pg_catalog.pg_namespace WHERE nspname = {}",
        set_configs(&parameter(1), settings, is_local),
        parameter(2)
    )
}

/// The calls that set the path, given as an expression, and the settings that go with it.
fn set_configs(path: &str, settings: &Settings, is_local: bool) -> String {
    let mut calls = format!("pg_catalog.set_config('search_path', {path}, {is_local})");
    for (name, value) in settings {
        let value = literal(value);
        calls += &format!(", pg_catalog.set_config('{name}', {value}, {is_local})");
    }
    calls
}

/// The bytes of a text in hexadecimal digits, which read the same in every encoding.
pub(crate) fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A text whose bytes are given in hexadecimal digits.
pub(crate) fn unhex(digits: &str) -> Option<String> {
    let bytes = (0..digits.len()).step_by(2);
    let bytes: Option<Vec<u8>> = bytes
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}

/// Sets a path that names no schema which could be missing. One parameter: the rendered path.
pub(crate) const SET_PATH_UNVERIFIED: &str = "SELECT pg_catalog.set_config('search_path', $1, false)";

/// The same in a message of several statements.
pub(crate) fn set_path_unverified(path: &SearchPath, settings: &Settings) -> String {
    format!(
        "SELECT {}",
        set_configs(&literal(&path.to_string()), settings, false)
    )
}

/// The same as [`SET_PATH`] in a message of statements without parameters. The cast of the name raises an error where
/// there is no such schema.
/// So does `guard`, where there is one.
pub(crate) fn set_path(target: &Target, settings: &Settings, guard: Option<&str>) -> String {
    set_verified(target, settings, false, guard)
}

/// Sets the path for the session, then begins a transaction; a missing schema is an error. The path is set in a
/// transaction of its own, so that it stays whatever becomes of the other.
pub(crate) fn begin_on_path(target: &Target, settings: &Settings, guard: Option<&str>) -> String {
    format!(
        "BEGIN; {}; COMMIT; BEGIN",
        set_verified(target, settings, false, guard)
    )
}

/// Begins a transaction on the path, for its time only; a missing schema is an error.
pub(crate) fn begin_on_local_path(target: &Target, settings: &Settings, guard: Option<&str>) -> String {
    format!("BEGIN; {}", set_verified(target, settings, true, guard))
}

/// No table is read: the cast is done while the statement is, and costs the server a quarter of what a look into
/// `pg_namespace` does.
fn set_verified(target: &Target, settings: &Settings, is_local: bool, guard: Option<&str>) -> String {
    let guard = guard.map(|guard| format!("{guard}, ")).unwrap_or_default();
    format!(
        "SELECT ({})::pg_catalog.regnamespace, {guard}{}",
        literal(&target.schema.quoted()),
        set_configs(&literal(&target.path.to_string()), settings, is_local)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_hold_everything() {
        assert_eq!(constant(r"it's a\b ü"), r"E'it''s a\\b \U000000FC'");
    }

    #[test]
    fn literals_hold_quotes_and_backslashes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\'b"), r"E'a\\''b'");
    }
}
