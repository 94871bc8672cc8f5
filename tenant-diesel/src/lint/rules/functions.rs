//! The path that a function brings along, and what bodies of functions and `DO` blocks say.

use super::{Hit, objects, path, schemas};
use crate::lint::context::Context;
use crate::lint::rule::LintRule;
use crate::lint::words::Words;
use crate::sql_text::{Kind, Token, significant};

/// Schemas that a function's path may name: they are the same for every tenant, or the session's own.
const HARMLESS: &[&str] = &["", "pg_catalog", "pg_temp", "information_schema", "$user"];

pub(super) fn check(tokens: &[Token<'_>], cx: &Context<'_>, hits: &mut Vec<Hit>) {
    let mut words = Words::new(tokens);
    let is_routine = words.eat("create") && {
        words.eat_all(&["or", "replace"]);
        words.eat_any(&["function", "procedure"])
    } || words.eat("alter") && words.eat_any(&["function", "procedure", "routine"]);
    if is_routine && cx.is_tenant() {
        hits.extend(own_path(tokens, cx));
    }
    if is_routine || tokens.first().is_some_and(|first| first.is("do")) {
        for (body, offset) in bodies(tokens, is_routine) {
            in_body(body, offset, cx, hits);
        }
    }
}

/// `SET search_path = a, b` as a property of the function.
fn own_path(tokens: &[Token<'_>], cx: &Context<'_>) -> Option<Hit> {
    let at = tokens
        .windows(2)
        .position(|window| matches!(window, [set, name] if set.is("set") && path::is_path(name)))?;
    let set = tokens.get(at)?;
    let mut words = Words::new(tokens.get(at + 2..)?);
    // `FROM CURRENT` names no schema.
    if !words.eat("to") && words.next()?.text != "=" {
        return None;
    }
    if words.peek()?.is("default") {
        return None;
    }
    loop {
        let value = words.next()?;
        let schema = value.name().or_else(|| value.string())?;
        if !HARMLESS.contains(&schema.as_ref()) && !cx.is_extension_schema(&schema) {
            let found = format!("a function whose path is the fixed schema `{schema}`");
            return Some(Hit::warning(LintRule::FunctionSearchPath, set, found));
        }
        if !words.eat_kind(Kind::Comma) {
            return None;
        }
    }
}

/// The bodies in SQL and PL/pgSQL that are written out, and where they start.
fn bodies<'a>(tokens: &[Token<'a>], is_routine: bool) -> Vec<(&'a str, usize)> {
    let language = tokens.windows(2).find_map(|window| match window {
        [keyword, name] if keyword.is("language") => name.name().or_else(|| name.string()),
        _ => None,
    });
    let known = match language {
        Some(language) => ["sql", "plpgsql"]
            .iter()
            .any(|known| language.eq_ignore_ascii_case(known)),
        // A block is in PL/pgSQL; a function says what it is in.
        None => !is_routine,
    };
    if !known {
        return Vec::new();
    }
    let follows = |window: &[Token<'a>]| match window {
        [before, body] if is_routine == before.is("as") => body.verbatim(),
        _ => None,
    };
    tokens.windows(2).filter_map(follows).collect()
}

/// What is said in a body is done when it runs, if it does: a warning only.
fn in_body(body: &str, offset: usize, cx: &Context<'_>, hits: &mut Vec<Hit>) {
    let tokens = significant(body);
    let mut warn = |rule, token: &Token<'_>, found: String| {
        let mut hit = Hit::warning(rule, token, found);
        hit.offset += offset;
        hits.push(hit);
    };
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        let begins = before.is_none_or(|before| {
            let words = ["begin", "then", "else", "loop"];
            before.kind == Kind::Semicolon || words.iter().any(|word| before.is(word))
        });
        if !begins {
            continue;
        }
        let statement = &tokens[at..];
        if let Some(found) = path::changes_path(statement) {
            warn(LintRule::SetSearchPath, token, format!("in a body, {found}"));
        }
        let mut made = Vec::new();
        objects::check(statement, cx, &mut made);
        // A body may well clear away what it made for itself.
        for hit in made
            .into_iter()
            .filter(|hit| hit.rule != LintRule::DropTableIfExists)
        {
            warn(hit.rule, token, format!("in a body, {}", hit.found));
        }
    }
    for (token, found) in path::set_config(&tokens) {
        warn(LintRule::SetSearchPath, token, format!("in a body, {found}"));
    }
    for (token, schema) in schemas::qualifiers(&tokens, cx) {
        let found = format!("in a body, a reference to the fixed schema `{schema}`");
        warn(LintRule::HardCodedSchema, token, found);
    }
}
