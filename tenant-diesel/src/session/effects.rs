//! [`Effects`]: what a text may do to the session that runs it.
//!
//! Words are looked for, not grammar: a word in a string or a comment counts too. That costs a reset
//! now and then; it never misses a statement that says what it does. What a function on the server does is
//! not in the text: a query that calls an unknown one counts as having changed everything (see [`calls`]).
//!
//! [`calls`]: super::calls

use super::calls::{calls_something_unknown, has_bare_names};
use super::{Control, Taint};

/// What a message may do to its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    pub(crate) taint: Taint,
    pub(crate) may_change_path: bool,
    /// May leave a copy going on.
    pub(crate) may_copy: bool,
    /// May begin a transaction that is not closed in the same message.
    pub(crate) may_begin: bool,
}

impl Effects {
    /// Of a text that people wrote and that may hold anything, several statements included.
    pub(crate) fn of_raw_text(sql: &str) -> Self {
        if Self::is_one_statement(sql) && !matches!(kind(sql), Kind::Other) {
            Self::of_words(sql, Taint::Settings, of_word_in_query)
        } else {
            let has = |wanted: &[&str]| words(sql).any(|word| wanted.contains(&&*word.to_ascii_lowercase()));
            Self {
                may_begin: has(&["begin", "start", "chain"]),
                may_copy: has(&["copy"]),
                ..Self::of_words(sql, Taint::Settings, of_word_anywhere)
            }
        }
    }

    /// Whether a text can hold no second statement.
    pub(crate) fn is_one_statement(sql: &str) -> bool {
        !sql.trim_end().trim_end_matches(';').contains(';')
    }

    /// Whether a statement may make something, which would be made elsewhere if the schema were gone. One that reads
    /// or writes rows fails then.
    pub(crate) fn may_make_something(sql: &str) -> bool {
        const MAKES_NOTHING: &[&str] = &[
            "set",
            "reset",
            "show",
            "lock",
            "listen",
            "unlisten",
            "notify",
            "deallocate",
            "fetch",
            "move",
            "close",
            "declare",
            "savepoint",
        ];
        let first = words(sql).next().unwrap_or_default().to_ascii_lowercase();
        match kind(sql) {
            Kind::Write => false,
            // `SELECT .. INTO` makes a table.
            Kind::Read => words(sql).any(|word| word.eq_ignore_ascii_case("into")),
            Kind::Other => {
                !Self::is_one_statement(sql)
                    || sql.contains("/*")
                    || sql.contains("--")
                    || !MAKES_NOTHING.contains(&&*first)
            }
        }
    }

    /// Whether a message of several statements ends the transaction that it is sent in, as far as their first words
    /// tell.
    pub(crate) fn ends_transaction(sql: &str) -> bool {
        let ends = |statement: &str| {
            let mut words = words(statement).map(str::to_ascii_lowercase);
            match words.next().as_deref() {
                Some("commit" | "end" | "abort") => true,
                Some("rollback") => Control::read(statement) != Some(Control::RollbackTo),
                Some("prepare") => words.next().as_deref() == Some("transaction"),
                _ => false,
            }
        };
        if sql.contains("--") || sql.contains("/*") || sql.contains('$') {
            // Where statements begin cannot be told. A `DO` has an `END`, but cannot commit here either.
            return words(sql).any(|word| {
                let word = word.to_ascii_lowercase();
                matches!(&*word, "commit" | "rollback" | "abort") || (word == "end" && !sql.contains('$'))
            });
        }
        sql.split(';').any(ends)
    }

    /// Whether a query starts like one that reads, and names nothing that writes or locks rows.
    pub(crate) fn only_reads(sql: &str) -> bool {
        let writes = [
            "insert",
            "update",
            "delete",
            "merge",
            "for",
            "into",
            "nextval",
            "pg_notify",
        ];
        matches!(kind(sql), Kind::Read)
            && !words(sql).any(|word| writes.contains(&&*word.to_ascii_lowercase()))
    }

    /// The same, and something that cannot be seen: a trigger that changes the session.
    pub(crate) fn at_worst_unseen(mut self) -> Self {
        self.taint = self.taint.max(Taint::Settings);
        self.may_change_path = true;
        self
    }

    /// Of a copy that Diesel runs, whose text it keeps to itself.
    pub(crate) fn of_copy() -> Self {
        Self {
            taint: Taint::Settings,
            ..Self::default()
        }
    }

    /// Of one query. `typed` means that Diesel made the whole text (it may then cache the statement);
    /// otherwise people wrote parts of it.
    pub(crate) fn of_query(sql: &str, typed: bool) -> Self {
        match kind(sql) {
            // Diesel caches few of its own writes, so that this does not tell them from what people wrote.
            Kind::Write if !typed && has_bare_names(sql) => {
                Self::of_words(sql, Taint::Settings, of_word_in_query)
            }
            Kind::Write => Self::of_words(sql, Taint::Clean, of_word_in_query),
            Kind::Read if typed => Self::of_words(sql, Taint::Clean, of_word_in_query),
            Kind::Read => Self::of_words(sql, Taint::Settings, of_word_in_query),
            Kind::Other => Self::of_raw_text(sql),
        }
    }

    fn of_words(sql: &str, least: Taint, of_word: impl Fn(&str) -> (Taint, bool)) -> Self {
        let mut effects = Self {
            taint: least,
            ..Self::default()
        };
        if calls_something_unknown(sql) {
            effects.taint = effects.taint.max(Taint::Settings);
            effects.may_change_path = true;
        }
        for word in words(sql) {
            let (taint, path) = of_word(&word.to_ascii_lowercase());
            effects.taint = effects.taint.max(taint);
            effects.may_change_path |= path;
        }
        // An identifier in Unicode escapes (U&"set\005fconfig") can be any of these words.
        if sql.contains("U&\"") || sql.contains("u&\"") {
            effects = Self {
                taint: Taint::Discard,
                may_change_path: true,
                may_begin: true,
                may_copy: true,
            };
        }
        effects
    }
}

enum Kind {
    Read,
    Write,
    Other,
}

/// What kind of statement a text starts with. A comment could hold any first word: such a text is not looked
/// at further.
fn kind(sql: &str) -> Kind {
    if sql.contains("/*") || sql.contains("--") {
        return Kind::Other;
    }
    match words(sql)
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
        .as_str()
    {
        "select" | "with" | "values" | "table" => Kind::Read,
        "insert" | "update" | "delete" | "merge" => Kind::Write,
        _ => Kind::Other,
    }
}

/// What a word can mean inside a query: the functions and relations that reach the session.
fn of_word_in_query(word: &str) -> (Taint, bool) {
    match word {
        "set_config" | "pg_settings" => (Taint::Settings, true),
        // Functions that run the query in a text that they are given.
        "query_to_xml"
        | "query_to_xmlschema"
        | "query_to_xml_and_xmlschema"
        | "cursor_to_xml"
        | "ts_stat"
        | "ts_rewrite" => (Taint::Settings, true),
        // `SELECT .. INTO TEMP`, and the session's random seed.
        "temp" | "temporary" | "setseed" => (Taint::Settings, false),
        _ if word.starts_with("pg_temp") => (Taint::Settings, false),
        _ if word.starts_with("dblink") => (Taint::Discard, false),
        _ if is_session_lock(word) => (Taint::Discard, false),
        _ => (Taint::Clean, false),
    }
}

/// What a word can mean in a text that may hold any statement.
fn of_word_anywhere(word: &str) -> (Taint, bool) {
    match word {
        // Hold something on the server while the connection idles.
        "begin" | "start" | "savepoint" | "listen" | "declare" | "chain" => (Taint::Discard, true),
        // End transactions, or run text that is not seen here.
        "commit" | "end" | "rollback" | "abort" | "do" | "call" | "execute" => (Taint::Settings, true),
        // Change the path, or put it back to what it was.
        "search_path" | "schema" | "reset" => (Taint::Settings, true),
        "discard" => (Taint::Statements, true),
        // Also `PREPARE TRANSACTION`, which ends one.
        "prepare" => (Taint::Statements, true),
        "deallocate" => (Taint::Statements, false),
        // The names of schemas would be read in another encoding than they are sent in; a copy may be left open.
        "client_encoding" | "names" | "copy" => (Taint::Discard, true),
        _ => of_word_in_query(word),
    }
}

/// Locks that outlive their transaction. Those of a transaction (`pg_advisory_xact_lock`) end with it.
fn is_session_lock(word: &str) -> bool {
    (word.starts_with("pg_advisory") || word.starts_with("pg_try_advisory")) && !word.contains("_xact_")
}

fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_queries_leave_a_session_clean_unless_they_name_what_changes_it() {
        for sql in [
            r#"SELECT "tasks"."id" FROM "tasks" WHERE ("tasks"."title" = $1)"#,
            r#"UPDATE "tasks" SET "done" = $1 WHERE ("tasks"."id" = $2) RETURNING "tasks"."id""#,
            r#"INSERT INTO "tasks" ("title") VALUES ($1)"#,
            r#"DELETE FROM "tasks""#,
            r#"SELECT pg_advisory_xact_lock($1)"#,
            r#"SELECT CASE WHEN "tasks"."start" THEN $1 ELSE $2 END FROM "schema"."begin""#,
        ] {
            assert_eq!(Effects::of_query(sql, true), Effects::default(), "{sql}");
        }
    }

    #[test]
    fn a_message_that_ends_its_transaction_is_seen() {
        for sql in [
            "SELECT 1; COMMIT",
            "COMMIT; SET search_path TO x",
            "commit and chain",
            "INSERT INTO tasks DEFAULT VALUES; END; SELECT 1",
            "PREPARE TRANSACTION 'x'",
            "ROLLBACK; SELECT 1",
            "/* done */ COMMIT; SELECT 1",
            "-- done\nCOMMIT; SELECT 1",
            "SELECT '$'; COMMIT",
        ] {
            assert!(Effects::ends_transaction(sql), "{sql}");
        }
        for sql in [
            "SELECT CASE WHEN true THEN 1 END; SELECT 2",
            "SAVEPOINT a; SELECT 1; ROLLBACK TO SAVEPOINT a",
            "PREPARE mine AS SELECT 1; EXECUTE mine",
            "DO $$ BEGIN PERFORM 1; END; $$",
            "COMMENT ON TABLE tasks IS 'x'; SELECT 1",
        ] {
            assert!(!Effects::ends_transaction(sql), "{sql}");
        }
    }

    #[test]
    fn what_changes_a_session_is_seen() {
        let raw = Effects::of_raw_text;
        for (sql, taint, path) in [
            ("SELECT 1;", Taint::Settings, false),
            ("UPDATE calls SET start = now()", Taint::Settings, false),
            (
                "UPDATE pg_settings SET setting = 'x' WHERE name = 'search_path'",
                Taint::Settings,
                true,
            ),
            ("SELECT 1; SET search_path TO x", Taint::Settings, true),
            ("SET ROLE other", Taint::Settings, false),
            ("set Search_Path to x", Taint::Settings, true),
            ("SET/**/\"search_path\"=x", Taint::Settings, true),
            ("SET SCHEMA 'x'", Taint::Settings, true),
            ("RESET ALL", Taint::Settings, true),
            ("DISCARD ALL", Taint::Statements, true),
            ("PREPARE p AS SELECT 1", Taint::Statements, true),
            ("/* select */ SET search_path TO x", Taint::Settings, true),
            ("-- select\nSET search_path TO x", Taint::Settings, true),
            ("/* insert */ BEGIN", Taint::Discard, true),
            ("SET NAMES 'LATIN1'", Taint::Discard, true),
            ("DO $$ BEGIN PERFORM 1; END $$", Taint::Discard, true),
            ("BEGIN; SELECT 1", Taint::Discard, true),
            ("LISTEN jobs", Taint::Discard, true),
            ("SELECT pg_advisory_lock(1)", Taint::Discard, true),
            ("SELECT PG_TRY_ADVISORY_LOCK(1)", Taint::Discard, true),
            ("SET U&\"search\\005fpath\" = x", Taint::Discard, true),
        ] {
            let effects = raw(sql);
            assert_eq!((effects.taint, effects.may_change_path), (taint, path), "{sql}");
        }
        assert_eq!(
            Effects::of_query("SELECT set_config($1, $2, $3)", true).taint,
            Taint::Settings
        );
        assert!(Effects::of_query("SELECT set_config($1, $2, $3)", true).may_change_path);
        assert_eq!(Effects::of_query("SELECT now()", false).taint, Taint::Settings);
        assert!(Effects::of_query("/* insert */ SET ROLE x", false).taint >= Taint::Settings);
        assert_eq!(Effects::of_query("SET x = 1", true).taint, Taint::Settings);
    }
}
