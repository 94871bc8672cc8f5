//! One process at a time in a schema: advisory locks on its name.

use crate::sql;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use std::collections::HashSet;
use std::time::Duration;
use tenant_core::SchemaName;

/// The first and the longest pause between two attempts to get a lock.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(250));

/// The key of a schema's lock, as SQL over `$1`. Names that differ in case only share it. The seed keeps
/// these locks apart from others that hash a name.
pub(crate) const KEY: &str = "pg_catalog.hashtextextended($1, 7310575218)";

/// Waits for the lock of a schema, which then belongs to the session.
///
/// Call it outside a transaction. It asks again and again instead of waiting in the server: a statement
/// that waits holds a snapshot, and `CREATE INDEX CONCURRENTLY` in the session that has the lock would wait
/// for that, forever.
pub(crate) fn session_lock(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<()> {
    let (mut pause, longest) = PAUSES;
    while !ask(pg, "pg_try_advisory_lock", schema)? {
        std::thread::sleep(pause);
        pause = (pause * 2).min(longest);
    }
    Ok(())
}

/// Takes the lock of a schema if nobody has it; it then belongs to the session.
pub(crate) fn try_session_lock(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<bool> {
    ask(pg, "pg_try_advisory_lock", schema)
}

/// A statement that waits for the lock of a schema, until the end of the transaction.
pub(crate) fn transaction_lock_sql(schema: &SchemaName) -> String {
    format!("SELECT pg_catalog.pg_advisory_xact_lock({})", key_of(schema))
}

fn key_of(schema: &SchemaName) -> String {
    KEY.replace("$1", &sql::literal(&schema.folded()))
}

/// Shares the locks of these schemas until the end of the transaction, of those that nobody has alone. Returns these.
pub(crate) fn try_transaction_locks_shared<'n>(
    pg: &mut PgConnection,
    schemas: impl Iterator<Item = &'n SchemaName>,
) -> QueryResult<HashSet<String>> {
    let all: Vec<&SchemaName> = schemas.collect();
    let keys: Vec<String> = all.iter().map(|schema| schema.folded()).collect();
    let names: Vec<&str> = all.iter().map(|schema| schema.as_str()).collect();
    let key = KEY.replace("$1", "key");
    let rows: Vec<Free> = diesel::sql_query(format!(
        "SELECT name FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS u (name, key) \
         WHERE pg_catalog.pg_try_advisory_xact_lock_shared({key})"
    ))
    .bind::<diesel::sql_types::Array<Text>, _>(names)
    .bind::<diesel::sql_types::Array<Text>, _>(keys)
    .load(pg)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

#[derive(QueryableByName)]
struct Free {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Gives the lock of a schema back. False if the session did not have it.
pub(crate) fn session_unlock(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<bool> {
    ask(pg, "pg_advisory_unlock", schema)
}

/// Whether the session still has the lock of a schema: a file can have given all of its locks back.
pub(crate) fn has_session_lock(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<bool> {
    let found = diesel::sql_query(format!(
        "SELECT 1 FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database b ON b.oid = l.database \
         WHERE b.datname = pg_catalog.current_database() AND l.pid = pg_catalog.pg_backend_pid() AND l.granted \
         AND l.locktype = 'advisory' AND l.objsubid = 1 AND l.mode = 'ExclusiveLock' \
         AND ((l.classid::bigint << 32) | l.objid::bigint) = {KEY}"
    ));
    Ok(found.bind::<Text, _>(schema.folded()).execute(pg)? > 0)
}

/// Takes the lock of a schema if nobody has it, until the end of the transaction.
pub(crate) fn try_transaction_lock(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<bool> {
    ask(pg, "pg_try_advisory_xact_lock", schema)
}

/// Waits for the lock of a schema, until the end of the transaction.
///
/// It waits in the server, where a deadlock is seen. Never wait like this for somebody who may be building
/// an index concurrently (see [`session_lock`]): asking again and again does not help inside a transaction,
/// for the index waits for the end of one that had a snapshot at the wrong moment.
pub(crate) fn transaction_lock(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<()> {
    run(pg, "pg_advisory_xact_lock", schema)
}

/// Waits until no other birth is under way, until the end of the transaction. A birth locks the table of
/// tenants by its row, and again, harder, by a foreign key of the tenant's tables to it: two at once would wait
/// for each other.
pub(crate) fn births(pg: &mut PgConnection) -> QueryResult<()> {
    // No schema has this name: it is longer than 63 bytes.
    const NAME: &str = "births of tenants, one after the other in the whole database at any time";
    let statement = diesel::sql_query(format!("SELECT pg_catalog.pg_advisory_xact_lock({KEY})"));
    statement.bind::<Text, _>(NAME).execute(pg)?;
    Ok(())
}

/// Lets go of the snapshot that the last query of an open transaction still holds: its portal stays open
/// until the next statement.
pub(crate) fn release_snapshot(pg: &mut PgConnection) -> QueryResult<()> {
    // A simple query: its own portal is closed when it is done.
    pg.batch_execute("SELECT 1")
}

/// Shares the lock of a schema with others that share it, until the session ends.
pub(crate) fn shared_session_lock(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<()> {
    run(pg, "pg_advisory_lock_shared", schema)
}

/// Shares the lock of a schema with others that share it, until the end of the transaction.
pub(crate) fn shared_transaction_lock(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<()> {
    run(pg, "pg_advisory_xact_lock_shared", schema)
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

fn ask(pg: &mut PgConnection, function: &str, schema: &SchemaName) -> QueryResult<bool> {
    let question = diesel::sql_query(format!("SELECT pg_catalog.{function}({KEY}) AS yes"));
    Ok(question
        .bind::<Text, _>(schema.folded())
        .get_result::<Answer>(pg)?
        .yes)
}

fn run(pg: &mut PgConnection, function: &str, schema: &SchemaName) -> QueryResult<()> {
    let statement = diesel::sql_query(format!("SELECT pg_catalog.{function}({KEY})"));
    statement.bind::<Text, _>(schema.folded()).execute(pg)?;
    Ok(())
}
