//! Foreign keys from tenants' tables to shared ones.

use super::Hit;
use crate::lint::context::Context;
use crate::lint::rule::LintRule;
use crate::lint::words::Words;
use crate::sql_text::Token;
use tenant_core::Severity;

/// Gives the places of the tables that it found, so that their schema is not found once more.
pub(super) fn check(tokens: &[Token<'_>], cx: &Context<'_>, hits: &mut Vec<Hit>) -> Vec<usize> {
    let makes_keys = tokens
        .first()
        .is_some_and(|first| first.is("create") || first.is("alter"));
    if !makes_keys || !cx.is_tenant() {
        return Vec::new();
    }
    let mut words = Words::new(tokens);
    let mut places = Vec::new();
    while let Some(token) = words.next() {
        if !token.is("references") {
            continue;
        }
        let Some(table) = words.qualified() else { continue };
        let is_shared = match &table.schema {
            Some(schema) => cx.is_public(schema),
            None => cx.is_shared_table(&table.name),
        };
        if is_shared {
            let found = format!("a foreign key to the shared table `{}`", table.written());
            hits.push(Hit::new(
                LintRule::ForeignKeyToSharedTable,
                Severity::Warning,
                table.offset,
                found,
            ));
            places.push(table.offset);
        }
    }
    places
}
