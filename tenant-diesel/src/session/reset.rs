//! The message that makes a session as good as new.
//!
//! `DISCARD ALL` would do, but it must be a message of its own (one round trip more), and it undoes what
//! Diesel sets when it connects.

use super::Taint;

/// Ends any transaction, and takes back settings, role, channels, cursors, temporary objects and locks.
/// What Diesel sets on a new connection is set again (`PgConnection::set_config_options`), and the path is
/// one that sees no table, as on a new connection.
const SETTINGS: &str = "\
ROLLBACK; \
RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; \
SET TIME ZONE 'UTC'; SET CLIENT_ENCODING TO 'UTF8'; \
CLOSE ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES; \
SELECT pg_catalog.pg_advisory_unlock_all(); \
SELECT pg_catalog.set_config('search_path', '\"\"', false); \
";

/// Diesel's statements go too; its memory of them must be cleared with them.
const STATEMENTS: &str = "DEALLOCATE ALL; ";

/// The text that takes back what a borrower may have left, ending in a semicolon.
pub(crate) fn sql(taint: Taint) -> String {
    let mut sql = SETTINGS.to_owned();
    if taint >= Taint::Statements {
        sql.push_str(STATEMENTS);
    }
    sql
}
