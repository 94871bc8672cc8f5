//! The message that makes a session as good as new.
//!
//! `DISCARD ALL` would do, but it must be a message of its own (one round trip more), and it undoes what
//! Diesel sets when it connects.

use super::Taint;

/// `BEGIN; ROLLBACK` and not `ROLLBACK`: outside a transaction, that would be a warning in the server's log
/// each time.
const ROLL_BACK: &str = "BEGIN; ROLLBACK; ";

/// Takes back settings, role, channels, cursors, temporary objects and locks, in a transaction of its own. What
/// Diesel sets on a new connection is set again (`PgConnection::set_config_options`).
const BEGIN_AND_SETTINGS: &str = "\
BEGIN; \
RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; \
SET TIME ZONE 'UTC'; SET CLIENT_ENCODING TO 'UTF8'; \
CLOSE ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES; \
SELECT pg_catalog.pg_advisory_unlock_all(); \
";

/// A path that sees no table, as on a new connection.
const NO_PATH: &str = "SELECT pg_catalog.set_config('search_path', '\"\"', false); ";

/// Diesel's statements go too; its memory of them must be cleared with them.
const STATEMENTS: &str = "DEALLOCATE ALL; ";

/// Whatever follows in the message must not be in the same transaction: its rollback would undo the resets.
const COMMIT: &str = "COMMIT; ";

/// The text that takes back what a borrower may have left, an open transaction included. More statements may
/// follow it in the message.
pub(crate) fn sql(taint: Taint) -> String {
    [ROLL_BACK, BEGIN_AND_SETTINGS, statements(taint), NO_PATH, COMMIT].concat()
}

/// The message that ends the transaction of a scope behind a pooler and takes back what it may have left: when the
/// message is done, the session is another client's. Its path is left as the server has it, for that client.
///
/// What a transaction does not take back is let go of before a `COMMIT`, which may fail and end the message; a
/// transaction that has failed already can only be rolled back first.
pub(crate) fn behind_pooler(end: &str, commits: bool, taint: Taint) -> String {
    let first = if commits {
        ["SELECT pg_catalog.pg_advisory_unlock_all(); ", statements(taint)].concat()
    } else {
        String::new()
    };
    [&first, end, "; ", BEGIN_AND_SETTINGS, statements(taint), COMMIT].concat()
}

fn statements(taint: Taint) -> &'static str {
    if taint >= Taint::Statements {
        STATEMENTS
    } else {
        ""
    }
}
