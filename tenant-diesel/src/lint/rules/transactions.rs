//! What a transaction forbids, and what would end the one that a file runs in.

use super::Hit;
use crate::lint::context::Context;
use crate::lint::rule::LintRule;
use crate::lint::words::Words;
use crate::sql_text::{Token, significant, split};

/// In both kinds of apps, where the file runs in a transaction.
pub(super) fn check(tokens: &[Token<'_>], cx: &Context<'_>, hits: &mut Vec<Hit>) {
    let Some(first) = tokens.first().filter(|_| cx.run_in_transaction) else {
        return;
    };
    if let Some((token, what)) = forbidden(tokens) {
        let found = format!("{what} in a transaction");
        hits.push(Hit::error(LintRule::NotInTransaction, token, found));
    }
    if controls(tokens) {
        let found = format!("`{}` in a transaction", first.text.to_ascii_uppercase());
        hits.push(Hit::error(LintRule::TransactionControl, first, found));
    }
}

/// Whether the server refuses a file as one message, also outside a transaction: several statements in one message are a
/// transaction of their own, in which one of these cannot be.
pub(crate) fn needs_a_message_a_statement(sql: &str) -> bool {
    let statements = split(sql);
    let is_forbidden = || {
        let mut all = statements.iter();
        all.any(|statement| forbidden(&significant(statement.text)).is_some())
    };
    statements.len() > 1 && is_forbidden()
}

fn forbidden<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(&'t Token<'a>, &'static str)> {
    let first = tokens.first()?;
    let mut words = Words::new(tokens);
    words.next();
    // `REFRESH MATERIALIZED VIEW CONCURRENTLY` may be in one.
    let may_be = ["create", "drop", "reindex", "alter"]
        .iter()
        .any(|word| first.is(word));
    if let Some(token) = tokens.iter().find(|token| may_be && token.is("concurrently")) {
        return Some((token, "`CONCURRENTLY`"));
    }
    let makes = first.is("create") || first.is("drop");
    let what = if first.is("vacuum") {
        "`VACUUM`"
    } else if makes && words.eat("database") {
        "a database is created or dropped"
    } else if makes && words.eat("tablespace") {
        "a tablespace is created or dropped"
    } else if first.is("alter") && words.eat("system") {
        "`ALTER SYSTEM`"
    } else if first.is("reindex") && words.eat_any(&["database", "system", "schema"]) {
        "`REINDEX` of more than a table"
    } else {
        return None;
    };
    Some((first, what))
}

fn controls(tokens: &[Token<'_>]) -> bool {
    let mut words = Words::new(tokens);
    if words.eat("rollback") {
        words.eat_any(&["work", "transaction"]);
        // To a savepoint of the file's own.
        return !words.eat("to");
    }
    words.eat_any(&["begin", "commit", "end", "abort"])
        || words.eat_all(&["start", "transaction"])
        || words.eat_all(&["prepare", "transaction"])
}
