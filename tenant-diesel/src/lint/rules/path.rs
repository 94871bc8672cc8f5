//! `SET search_path` and its other spellings.

use super::Hit;
use crate::lint::rule::LintRule;
use crate::lint::words::Words;
use crate::sql_text::{Kind, Token};

/// In both kinds of apps: the path of a migration is the library's.
pub(super) fn check(tokens: &[Token<'_>], hits: &mut Vec<Hit>) {
    if let (Some(first), Some(found)) = (tokens.first(), changes_path(tokens)) {
        hits.push(Hit::error(LintRule::SetSearchPath, first, found));
    }
    for (token, found) in set_config(tokens) {
        hits.push(Hit::error(LintRule::SetSearchPath, token, found));
    }
}

/// What a statement that starts here does to the path of the session, if anything.
pub(super) fn changes_path(tokens: &[Token<'_>]) -> Option<&'static str> {
    let mut words = Words::new(tokens);
    if words.eat("set") {
        words.eat_any(&["session", "local"]);
        if words.peek().is_some_and(is_path) {
            return Some("the path is set by `SET search_path`");
        }
        // `SET SCHEMA 'name'`; a setting of this name does not exist.
        return words.eat("schema").then_some("the path is set by `SET SCHEMA`");
    }
    if words.eat("reset") {
        let is_reset = words.peek().is_some_and(is_path) || words.eat("all");
        return is_reset.then_some("the path is set back by `RESET`");
    }
    if words.eat("alter") {
        let sets = words.eat_any(&["role", "user", "database"]) && words.skip_behind(&["set", "reset"]);
        let is_path = sets && words.peek().is_some_and(is_path);
        return is_path.then_some("the path of later sessions is set by `ALTER ROLE` or `ALTER DATABASE`");
    }
    words
        .eat_all(&["discard", "all"])
        .then_some("the path is set back by `DISCARD ALL`")
}

/// Whether it is the name of the setting, which has no case, in quotes neither.
pub(super) fn is_path(token: &Token<'_>) -> bool {
    token
        .name()
        .is_some_and(|name| name.eq_ignore_ascii_case("search_path"))
}

/// Each `set_config('search_path', ..)`.
pub(super) fn set_config<'t, 'a>(
    tokens: &'t [Token<'a>],
) -> impl Iterator<Item = (&'t Token<'a>, &'static str)> {
    let calls = tokens.windows(3).filter(|window| {
        let [function, open, setting] = window else {
            return false;
        };
        function.name().is_some_and(|name| name == "set_config")
            && open.kind == Kind::Open
            && setting
                .string()
                .is_some_and(|name| name.eq_ignore_ascii_case("search_path"))
    });
    calls.filter_map(|window| Some((window.first()?, "the path is set by `set_config`")))
}
