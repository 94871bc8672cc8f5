//! Schemas, extensions and types in tenant apps; `DROP TABLE IF EXISTS`.

use super::Hit;
use crate::lint::context::Context;
use crate::lint::rule::LintRule;
use crate::lint::words::Words;
use crate::sql_text::Token;

pub(super) fn check(tokens: &[Token<'_>], cx: &Context<'_>, hits: &mut Vec<Hit>) {
    let Some(first) = tokens.first().filter(|_| cx.is_tenant()) else {
        return;
    };
    let mut words = Words::new(tokens);
    if words.eat_all(&["drop", "table", "if", "exists"]) {
        let found = "a table is dropped if it exists";
        hits.push(Hit::warning(LintRule::DropTableIfExists, first, found));
        return;
    }
    let (creates, drops) = (first.is("create"), first.is("drop"));
    if !words.eat_any(&["create", "drop", "alter"]) {
        return;
    }
    let Some(kind) = words.peek() else { return };
    if kind.is("schema") {
        let found = "a schema is made, changed or dropped for each tenant";
        hits.push(Hit::error(LintRule::SchemaInTenantApp, first, found));
    } else if kind.is("extension") && (creates || drops) {
        let found = "an extension is created or dropped for each tenant";
        hits.push(Hit::error(LintRule::ExtensionInTenantApp, first, found));
    } else if creates && (kind.is("type") || kind.is("domain")) {
        let found = "a type is created for each tenant";
        hits.push(Hit::warning(LintRule::TypeInTenantApp, first, found));
    }
}
