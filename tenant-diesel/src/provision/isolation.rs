//! The transactions of births and deaths must see what others committed while they waited for a lock.
//! Under `REPEATABLE READ` they would not: two threads could both find a name free and take it.

use crate::Error;
use crate::connection::PublicConnection;
use crate::migrate::lock::release_snapshot;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// Refuses an open transaction whose snapshot may be old, and lets go of the one that its last query holds:
/// building an index concurrently, on another connection, would wait for it forever. Whether one is open.
pub(super) fn refuse_old_snapshot(conn: &mut PublicConnection) -> Result<bool, Error> {
    if !is_open(conn) {
        return Ok(false);
    }
    let schema = conn.schema().clone();
    let level = diesel::select(diesel::dsl::sql::<Text>(
        "pg_catalog.current_setting('transaction_isolation')",
    ))
    .get_result::<String>(conn.raw())
    .map_err(Error::attempt("read the isolation level", &schema))?;
    match level.as_str() {
        "read committed" | "read uncommitted" => {
            release_snapshot(conn.raw()).map_err(Error::attempt("release the snapshot", &schema))?;
            Ok(true)
        }
        _ => Err(Error::OldSnapshot { level }),
    }
}

/// Runs a closure in a `READ COMMITTED` transaction, or in a savepoint of the open one.
pub(crate) fn read_committed<R>(
    conn: &mut PublicConnection,
    f: impl FnOnce(&mut PublicConnection) -> Result<R, Error>,
) -> Result<R, Error> {
    let mut failure = None;
    let f = |conn: &mut PublicConnection| {
        f(conn).map_err(|error| {
            failure = Some(error);
            Error::Query(diesel::result::Error::RollbackTransaction)
        })
    };
    let result = if is_open(conn) {
        conn.transaction(f)
    } else {
        conn.build_transaction().read_committed().run(f)
    };
    // First of all the closure's own failure: where a migration ended the transaction, the rollback fails too.
    failure.map_or(result, Err)
}

/// Whether a transaction is open on the connection.
pub(super) fn is_open(conn: &mut PublicConnection) -> bool {
    conn.lease_mut().transaction_depth() > 0 || conn.is_in_transaction()
}
