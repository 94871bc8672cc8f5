//! One file: its statements, each with the comments that belong to it.

use super::allow::Allow;
use super::context::Context;
use super::rule::LintRule;
use super::rules::{self, Hit};
use crate::sql_text::{Kind, Position, Statement, Token, split, tokens};
use tenant_core::Severity;

/// What was found in a file, and where.
pub(super) struct Found<'a> {
    pub(super) hit: Hit,
    pub(super) position: Position,
    pub(super) statement: &'a str,
}

/// Everything that is found in a file and not allowed there, in the order of the text.
pub(super) fn check<'a>(sql: &'a str, cx: &Context<'_>) -> Vec<Found<'a>> {
    let statements = split(sql);
    let mut allowed: Vec<Vec<LintRule>> = vec![Vec::new(); statements.len()];
    // With places in the file, not in a statement.
    let mut hits: Vec<(Option<usize>, Hit)> = Vec::new();
    for comment in tokens(sql).iter().filter(|token| token.kind == Kind::Comment) {
        let Some(allow) = Allow::read(comment.text) else {
            continue;
        };
        let owner = owner(sql, &statements, comment);
        if let Some(rules) = owner.and_then(|owner| allowed.get_mut(owner)) {
            rules.extend(allow.rules);
        }
        hits.extend(allow.mistakes.into_iter().map(|found| {
            let hit = Hit {
                rule: LintRule::AllowComment,
                severity: Severity::Warning,
                found,
                offset: comment.offset,
            };
            (owner, hit)
        }));
    }
    for (at, (statement, allowed)) in statements.iter().zip(&allowed).enumerate() {
        let found = rules::check(statement.text, cx).into_iter();
        hits.extend(found.filter(|hit| !allowed.contains(&hit.rule)).map(|mut hit| {
            hit.offset += statement.offset;
            (Some(at), hit)
        }));
    }
    hits.sort_by_key(|(_, hit)| hit.offset);
    let found = hits.into_iter().map(|(owner, hit)| Found {
        position: Position::START.after(&sql[..hit.offset]),
        statement: owner
            .and_then(|owner| statements.get(owner))
            .map_or("", |statement| statement.text),
        hit,
    });
    found.collect()
}

/// The statement that a comment belongs to: the one that it is in, or that ends on its line, or else the next.
fn owner(sql: &str, statements: &[Statement<'_>], comment: &Token<'_>) -> Option<usize> {
    let next = statements.partition_point(|statement| statement.end() <= comment.offset);
    if let Some(last) = next.checked_sub(1) {
        let between = &sql[statements.get(last)?.end()..comment.offset];
        if !between.contains('\n') {
            return Some(last);
        }
    }
    (next < statements.len()).then_some(next)
}
