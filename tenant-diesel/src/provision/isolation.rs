//! The transactions of births and deaths must see what others committed while they waited for a lock.
//! Under `REPEATABLE READ` they would not: two threads could both find a name free and take it.

use crate::Error;
use crate::connection::PublicConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// Refuses an open transaction whose snapshot may be old, also because building an index concurrently
/// would wait for that snapshot, forever.
pub(super) fn refuse_old_snapshot(conn: &mut PublicConnection) -> Result<(), Error> {
    if !is_open(conn) {
        return Ok(());
    }
    let schema = conn.schema().clone();
    let level = diesel::select(diesel::dsl::sql::<Text>(
        "pg_catalog.current_setting('transaction_isolation')",
    ))
    .get_result::<String>(conn.raw())
    .map_err(Error::attempt("read the isolation level", &schema))?;
    match level.as_str() {
        "read committed" | "read uncommitted" => Ok(()),
        _ => Err(Error::OldSnapshot { level }),
    }
}

/// Runs a closure in a `READ COMMITTED` transaction, or in a savepoint of the open one.
pub(super) fn read_committed<R>(
    conn: &mut PublicConnection,
    f: impl FnOnce(&mut PublicConnection) -> Result<R, Error>,
) -> Result<R, Error> {
    if is_open(conn) {
        conn.transaction(f)
    } else {
        conn.build_transaction().read_committed().run(f)
    }
}

fn is_open(conn: &mut PublicConnection) -> bool {
    conn.lease_mut().transaction_depth() > 0 || conn.is_in_transaction()
}
