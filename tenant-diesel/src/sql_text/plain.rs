//! [`is_plain`]: whether a file can leave nothing behind in the session that runs it.

use super::split::split;
use super::token::{Kind, Token, significant};

/// Words of a statement that may call a function of somebody's, make something temporary, or change who runs what comes
/// next.
const CALLS: [&str; 22] = [
    "check",
    "generated",
    "using",
    "where",
    "partition",
    "of",
    "as",
    "execute",
    "select",
    "like",
    "inherits",
    "exclude",
    "trigger",
    "rule",
    "type",
    "temp",
    "temporary",
    "owner",
    "role",
    "serial",
    "bigserial",
    "smallserial",
];

/// Values that no code of anybody's gives.
const VALUES: [&str; 5] = ["true", "false", "null", "current_timestamp", "current_date"];

/// Whether a file makes, changes and drops tables and indexes, and does nothing else: no function is called that could set
/// something, no row is written that a trigger could hear of. When in doubt, it is not.
pub(crate) fn is_plain(sql: &str) -> bool {
    split(sql)
        .iter()
        .all(|statement| is_plain_statement(&significant(statement.text)))
}

fn is_plain_statement(tokens: &[Token<'_>]) -> bool {
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is(word));
    let is_index = is(0, "create") && (is(1, "index") || (is(1, "unique") && is(2, "index")));
    let is_known = is_index
        || ((is(0, "create") || is(0, "alter") || is(0, "drop")) && is(1, "table"))
        || (is(0, "drop") && is(1, "index"))
        || (is(0, "comment") && is(1, "on"));
    let mut depth = 0_usize;
    is_known
        && tokens.iter().enumerate().all(|(at, token)| {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                Kind::Encoded | Kind::Dollar => return false,
                Kind::Word if CALLS.iter().any(|word| token.is(word)) => return false,
                Kind::Word if token.is("default") && !is(at.wrapping_sub(1), "drop") => {
                    return is_value(tokens, at + 1);
                }
                _ => {}
            }
            // An index over an expression calls what it is made of.
            !(is_index && depth > 1)
        })
}

/// Whether a token is a value as it stands, and nothing follows that makes more of it.
fn is_value(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(value) = tokens.get(at) else {
        return false;
    };
    let is_constant = match value.kind {
        Kind::String => true,
        Kind::Other => value.text.starts_with(|c: char| c.is_ascii_digit()),
        Kind::Word => VALUES.iter().any(|word| value.is(word)),
        _ => false,
    };
    let ends = tokens.get(at + 1).is_none_or(|next| {
        matches!(
            next.kind,
            Kind::Word | Kind::Comma | Kind::Close | Kind::Semicolon
        )
    });
    is_constant && ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_columns_and_indexes_are_plain() {
        for sql in [
            "",
            "-- a comment\nALTER TABLE \"product\" ADD COLUMN \"weight\" integer DEFAULT 0 NOT NULL;\n\
             ALTER TABLE \"product\" ALTER COLUMN \"weight\" DROP DEFAULT;\n\
             CREATE INDEX \"i\" ON \"product\" (\"weight\");",
            "CREATE UNIQUE INDEX i ON t (a, b DESC)",
            "CREATE TABLE t (id bigint PRIMARY KEY, name varchar(10) NOT NULL DEFAULT 'x', ok boolean DEFAULT true, \
             other bigint REFERENCES u (id))",
            "DROP TABLE IF EXISTS t; DROP INDEX i",
            "COMMENT ON TABLE t IS 'what it is'",
        ] {
            assert!(is_plain(sql), "{sql}");
        }
    }

    #[test]
    fn whatever_may_call_something_or_leave_something_is_not() {
        for sql in [
            "SELECT set_config('role', 'x', false)",
            "SET search_path TO x",
            "INSERT INTO t VALUES (1)",
            "CREATE TEMP TABLE t ()",
            "CREATE INDEX i ON t (f(x))",
            "CREATE INDEX i ON t (x) WHERE f(x)",
            "ALTER TABLE t ADD COLUMN x int DEFAULT f()",
            "ALTER TABLE t ADD COLUMN x int DEFAULT 1 + f()",
            "ALTER TABLE t ADD COLUMN x text DEFAULT 'a' || f()",
            "ALTER TABLE t ADD COLUMN x text DEFAULT 'a'::d",
            "ALTER TABLE t ADD COLUMN x int DEFAULT \"f\"()",
            "ALTER TABLE t ADD CHECK (f(x))",
            "ALTER TABLE t ALTER x TYPE int USING f(x)",
            "ALTER TABLE t ALTER x TYPE int",
            "ALTER TABLE t OWNER TO somebody",
            "CREATE TABLE t AS SELECT f()",
            "CREATE TABLE t (id serial)",
            "CREATE TABLE t (x int GENERATED ALWAYS AS (f(y)) STORED)",
            "DO $$ BEGIN END $$",
            "COMMENT ON TABLE t IS $$x$$",
            "ALTER TABLE t ADD COLUMN x int; LISTEN y",
            "BEGIN",
            "COMMIT; BEGIN",
        ] {
            assert!(!is_plain(sql), "{sql}");
        }
    }
}
