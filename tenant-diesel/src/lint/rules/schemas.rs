//! Names of schemas in what a migration makes, changes, or refers to.

use super::Hit;
use crate::lint::context::Context;
use crate::lint::rule::LintRule::HardCodedSchema;
use crate::lint::words::{Qualified, Words};
use crate::sql_text::{Kind, Token};
use tenant_core::Severity;

/// Statements that make or change something other than rows.
const DDL: &[&str] = &[
    "create", "alter", "drop", "comment", "grant", "revoke", "refresh", "reindex", "security", "cluster",
];

/// What may stand between `CREATE` and the kind of the object.
const MODIFIERS: &[&str] = &[
    "or",
    "replace",
    "global",
    "local",
    "temp",
    "temporary",
    "unlogged",
    "unique",
    "recursive",
    "materialized",
    "foreign",
    "constraint",
];

/// Kinds of objects whose name follows, with a schema where it has one.
const KINDS: &[&str] = &[
    "table",
    "view",
    "sequence",
    "function",
    "procedure",
    "routine",
    "aggregate",
    "type",
    "domain",
    "statistics",
    "collation",
    "index",
    "conversion",
];

/// What a table follows. Elsewhere a name with a dot may be a table's with its column.
const BEFORE_TABLES: &[&str] = &[
    "from",
    "join",
    "references",
    "on",
    "into",
    "to",
    "update",
    "table",
    "like",
    "only",
    "using",
];

/// In tenant apps: any schema of what a statement makes or changes, and the shared schema, or a static tenant's,
/// of what it refers to. In shared apps: a static tenant's. `keys` are places that have a finding already.
pub(super) fn check(tokens: &[Token<'_>], cx: &Context<'_>, keys: &[usize], hits: &mut Vec<Hit>) {
    let is_ddl = tokens
        .first()
        .is_some_and(|first| DDL.iter().any(|word| first.is(word)));
    let mut done = keys.to_vec();
    for target in targets(tokens) {
        let Some(schema) = &target.schema else { continue };
        let forbidden = if cx.is_tenant() {
            cx.is_public(schema) || cx.is_static(schema) || is_ddl && schema != "pg_temp"
        } else {
            cx.is_static(schema)
        };
        if forbidden {
            let found = format!("`{}` is in the fixed schema `{schema}`", target.written());
            hits.push(Hit::new(HardCodedSchema, Severity::Error, target.offset, found));
            done.push(target.offset);
        }
    }
    if !is_ddl {
        return;
    }
    moved(tokens, cx, hits);
    for (token, schema) in qualifiers(tokens, cx) {
        if !done.contains(&token.offset) {
            let found = format!("a reference to the fixed schema `{schema}`");
            hits.push(Hit::warning(HardCodedSchema, token, found));
        }
    }
}

/// Each name that is qualified with the shared schema or a static tenant's: the place, and the schema.
pub(super) fn qualifiers<'t, 'a>(
    tokens: &'t [Token<'a>],
    cx: &Context<'_>,
) -> impl Iterator<Item = (&'t Token<'a>, String)> {
    tokens.iter().enumerate().filter_map(move |(at, token)| {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        let is_qualifier =
            tokens.get(at + 1)?.kind == Kind::Dot && before.is_none_or(|before| before.kind != Kind::Dot);
        let schema = token.name().filter(|_| is_qualifier)?;
        let before_tables = || before.is_some_and(|before| BEFORE_TABLES.iter().any(|word| before.is(word)));
        let is_fixed = cx.is_tenant() && cx.is_public(&schema) || cx.is_static(&schema) && before_tables();
        is_fixed.then(|| (token, schema.into_owned()))
    })
}

/// `ALTER .. SET SCHEMA name`, `GRANT .. IN SCHEMA name`, `GRANT .. ON SCHEMA name`.
fn moved(tokens: &[Token<'_>], cx: &Context<'_>, hits: &mut Vec<Hit>) {
    for window in tokens.windows(3) {
        let [how, schema, name] = window else { continue };
        let Some(to) = name.name().filter(|_| schema.is("schema")) else {
            continue;
        };
        let fixed = cx.is_tenant() && cx.is_public(&to) || cx.is_static(&to);
        if how.is("set") && (cx.is_tenant() || fixed) {
            let found = format!("something is moved into the fixed schema `{to}`");
            hits.push(Hit::error(HardCodedSchema, name, found));
        } else if (how.is("in") || how.is("on")) && fixed {
            let found = format!("a reference to the fixed schema `{to}`");
            hits.push(Hit::warning(HardCodedSchema, name, found));
        }
    }
}

/// What a statement makes, changes or writes to, where it has a name that a schema can stand before.
fn targets<'a>(tokens: &[Token<'a>]) -> Vec<Qualified<'a>> {
    let mut words = Words::new(tokens);
    let found = if words.eat("create") {
        while words.eat_any(MODIFIERS) {}
        // Types have a rule of their own.
        let is_type = words.eat_any(&["type", "domain"]);
        !is_type && find(&mut words)
    } else if words.eat_any(&["alter", "drop"]) {
        while words.eat_any(MODIFIERS) {}
        find(&mut words)
    } else if words.eat_all(&["comment", "on"]) || words.eat_any(&["refresh", "reindex"]) {
        while words.eat_any(MODIFIERS) {}
        words.eat_any(KINDS)
    } else {
        words.eat_all(&["insert", "into"])
            || words.eat_all(&["delete", "from"])
            || words.eat_all(&["merge", "into"])
            || words.eat_all(&["truncate", "table"])
            || words.eat_any(&["update", "truncate", "copy"])
    };
    if found { list(words) } else { Vec::new() }
}

/// Moves to the name of the object that is created, altered or dropped.
fn find(words: &mut Words<'_, '_>) -> bool {
    let mut ahead = *words;
    // `CREATE INDEX .. ON table`; one that is altered or dropped is named itself.
    if ahead.eat("index") && ahead.skip_behind(&["on"]) {
        *words = ahead;
        return true;
    }
    if words.eat_any(&["trigger", "policy"]) {
        return words.skip_behind(&["on"]);
    }
    words.eat_any(KINDS)
}

/// The names here, separated by commas.
fn list<'a>(mut words: Words<'_, 'a>) -> Vec<Qualified<'a>> {
    words.eat("concurrently");
    let _if_exists = words.eat_all(&["if", "not", "exists"]) || words.eat_all(&["if", "exists"]);
    let mut names = Vec::new();
    loop {
        words.eat("only");
        names.extend(words.qualified());
        if !words.eat_kind(Kind::Comma) {
            return names;
        }
    }
}
