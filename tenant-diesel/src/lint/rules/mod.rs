//! The rules, each over the words of one statement.
//!
//! | module | looks for |
//! |---|---|
//! | [`path`] | what changes the path of the session |
//! | [`schemas`] | names of schemas in what is made, changed or referred to |
//! | [`objects`] | what does not belong in a tenant's schema, and `DROP TABLE IF EXISTS` |
//! | [`keys`] | foreign keys to shared tables |
//! | [`functions`] | the path of a function, and what its body says |
//! | [`transactions`] | what a transaction forbids, and what would end it |

mod functions;
mod keys;
mod objects;
mod path;
mod schemas;
mod transactions;

pub(crate) use transactions::needs_a_message_a_statement;

use super::context::Context;
use super::rule::LintRule;
use crate::sql_text::{Token, significant};
use tenant_core::Severity;

/// What a rule found in a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) rule: LintRule,
    pub(super) severity: Severity,
    pub(super) found: String,
    /// Where, in bytes from the start of the statement.
    pub(super) offset: usize,
}

impl Hit {
    fn error(rule: LintRule, token: &Token<'_>, found: impl Into<String>) -> Self {
        Self::new(rule, Severity::Error, token.offset, found)
    }

    fn warning(rule: LintRule, token: &Token<'_>, found: impl Into<String>) -> Self {
        Self::new(rule, Severity::Warning, token.offset, found)
    }

    fn new(rule: LintRule, severity: Severity, offset: usize, found: impl Into<String>) -> Self {
        Self {
            rule,
            severity,
            found: found.into(),
            offset,
        }
    }
}

/// Everything that the rules find in a statement, in the order of the text.
pub(super) fn check(statement: &str, cx: &Context<'_>) -> Vec<Hit> {
    let tokens = significant(statement);
    let mut hits = Vec::new();
    path::check(&tokens, &mut hits);
    objects::check(&tokens, cx, &mut hits);
    let keys = keys::check(&tokens, cx, &mut hits);
    schemas::check(&tokens, cx, &keys, &mut hits);
    functions::check(&tokens, cx, &mut hits);
    transactions::check(&tokens, cx, &mut hits);
    hits.sort_by_key(|hit| hit.offset);
    hits
}
