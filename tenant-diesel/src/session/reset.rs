//! The message that makes a session as good as new.
//!
//! `DISCARD ALL` would do, but it must be a message of its own (one round trip more), and it undoes what
//! Diesel sets when it connects.

use super::Taint;

/// Rolls back any transaction, then takes back settings, role, channels, cursors, temporary objects and
/// locks, in a transaction of its own. What Diesel sets on a new connection is set again
/// (`PgConnection::set_config_options`), and the path is one that sees no table, as on a new connection.
///
/// `BEGIN; ROLLBACK` and not `ROLLBACK`: outside a transaction, that would be a warning in the server's log
/// each time.
const BEGIN_AND_SETTINGS: &str = "\
BEGIN; ROLLBACK; BEGIN; \
RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; \
SET TIME ZONE 'UTC'; SET CLIENT_ENCODING TO 'UTF8'; \
CLOSE ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES; \
SELECT pg_catalog.pg_advisory_unlock_all(); \
SELECT pg_catalog.set_config('search_path', '\"\"', false); \
";

/// Diesel's statements go too; its memory of them must be cleared with them.
const STATEMENTS: &str = "DEALLOCATE ALL; ";

/// Whatever follows in the message must not be in the same transaction: its rollback would undo the resets.
const COMMIT: &str = "COMMIT; ";

/// The text that takes back what a borrower may have left. More statements may follow it in the message.
pub(crate) fn sql(taint: Taint) -> String {
    let statements = if taint >= Taint::Statements {
        STATEMENTS
    } else {
        ""
    };
    [BEGIN_AND_SETTINGS, statements, COMMIT].concat()
}
