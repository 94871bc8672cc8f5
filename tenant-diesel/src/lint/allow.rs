//! [`Allow`]: a comment that silences rules for one statement: `-- tenancy: allow(rule-id, rule-id) the reason`.

use super::rule::LintRule;

/// What a comment says to the lints.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Allow {
    /// The rules that it silences.
    pub(super) rules: Vec<LintRule>,
    /// What is wrong with it, in words.
    pub(super) mistakes: Vec<String>,
}

impl Allow {
    /// Reads a comment. `None` if it is not for the lints.
    pub(super) fn read(comment: &str) -> Option<Self> {
        let text = match comment.strip_prefix("/*") {
            Some(block) => block.strip_suffix("*/").unwrap_or(block),
            None => comment.trim_start_matches('-'),
        };
        let text = text.trim().strip_prefix("tenancy:")?.trim_start();
        let parts = text
            .strip_prefix("allow")
            .and_then(|text| text.trim_start().strip_prefix('('))
            .and_then(|text| text.split_once(')'));
        let Some((ids, reason)) = parts else {
            return Some(Self {
                rules: Vec::new(),
                mistakes: vec!["a comment that starts with `tenancy:` and allows nothing".to_owned()],
            });
        };
        let (mut rules, mut mistakes) = (Vec::new(), Vec::new());
        for id in ids.split(',').map(str::trim) {
            match LintRule::from_id(id) {
                // A comment cannot allow what is wrong with comments.
                Some(rule) if rule != LintRule::AllowComment => rules.push(rule),
                _ => mistakes.push(format!("a comment that allows `{id}`, which is no rule")),
            }
        }
        if !reason.contains(char::is_alphanumeric) {
            mistakes.push("a comment that allows a rule and gives no reason".to_owned());
            // Otherwise it would be enough to live with one finding instead of another.
            rules.clear();
        }
        Some(Self { rules, mistakes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(comment: &str) -> (Vec<&'static str>, usize) {
        let allow = Allow::read(comment).unwrap();
        (
            allow.rules.iter().map(|rule| rule.id()).collect(),
            allow.mistakes.len(),
        )
    }

    #[test]
    fn comments_of_both_kinds_allow_several_rules() {
        let (rules, mistakes) =
            read("-- tenancy: allow(set-search-path, drop-table-if-exists) old, and harmless");
        assert_eq!(
            (rules, mistakes),
            (vec!["set-search-path", "drop-table-if-exists"], 0)
        );
        assert_eq!(
            read("/* tenancy: allow(set-search-path): a reason */"),
            (vec!["set-search-path"], 0)
        );
        assert_eq!(
            read("--tenancy:allow (set-search-path) x"),
            (vec!["set-search-path"], 0)
        );
    }

    #[test]
    fn other_comments_are_not_read() {
        for comment in [
            "-- about tenancy: allow(x)",
            "/* */",
            "--",
            "-- allow(set-search-path) x",
        ] {
            assert_eq!(Allow::read(comment), None, "{comment}");
        }
    }

    #[test]
    fn a_comment_without_a_reason_allows_nothing() {
        assert_eq!(read("-- tenancy: allow(set-search-path)"), (vec![], 1));
        assert_eq!(read("-- tenancy: allow(set-search-path) ..."), (vec![], 1));
    }

    #[test]
    fn unknown_rules_are_mistakes_and_the_others_hold() {
        assert_eq!(
            read("-- tenancy: allow(nonsense, set-search-path) x"),
            (vec!["set-search-path"], 1)
        );
        assert_eq!(read("-- tenancy: allow() x"), (vec![], 1));
        assert_eq!(read("-- tenancy: allow(allow-comment) x"), (vec![], 1));
        assert_eq!(read("-- tenancy: deny(set-search-path) x"), (vec![], 1));
    }
}
