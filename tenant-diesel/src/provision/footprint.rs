//! How many locks it takes to drop a schema, and how many the server has room for.
//!
//! `DROP SCHEMA .. CASCADE` locks every table, index, sequence, type, constraint, default and trigger in it, one by
//! one, until the transaction ends. A server has room for `max_locks_per_transaction` times its connections, all
//! sessions together.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use tenant_core::SchemaName;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn number(pg: &mut PgConnection, expression: &str) -> QueryResult<i64> {
    let query = diesel::sql_query(format!("SELECT ({expression})::bigint AS number"));
    Ok(query.get_result::<Number>(pg)?.number)
}

/// How many locks all sessions of the server can hold at one time, as it is configured. It has some room beyond.
fn room(pg: &mut PgConnection) -> QueryResult<i64> {
    number(
        pg,
        "pg_catalog.current_setting('max_locks_per_transaction')::bigint \
         * (pg_catalog.current_setting('max_connections')::bigint \
         + pg_catalog.current_setting('max_prepared_transactions')::bigint)",
    )
}

/// How many locks one transaction may hold, for a moment: half of the room, so that the others have theirs.
pub(super) fn most_at_once(pg: &mut PgConnection) -> QueryResult<i64> {
    Ok(room(pg)? / 2)
}

/// How many locks one of many transactions in a row may hold: an eighth of the room.
pub(super) fn most_a_batch(pg: &mut PgConnection) -> QueryResult<i64> {
    Ok((room(pg)? / 8).max(1))
}

/// For each relation `c` of `pg_class`, how many locks it takes to drop it with what belongs to it, at most: its
/// row type and the array of it, its TOAST table and the index of that, and each index, constraint, default, trigger
/// and rule. An index and a sequence have none of these. A foreign key counts at both of its ends. Measured with 800
/// tables of a serial key, a text, a default and two indexes: 10,000 locks, of which this says 10,800.
pub(super) const LOCKS_TO_DROP: &str = "(CASE WHEN c.relkind IN ('i', 'I', 'S') THEN 1 ELSE 3 \
     + CASE WHEN c.reltoastrelid <> 0 THEN 2 ELSE 0 END \
     + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid) \
     + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_constraint k WHERE k.confrelid = c.oid) * 2 \
     + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = c.oid) \
     + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid) \
     + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid) END)";

/// How many locks it takes to drop a schema with all that is in it.
pub(super) fn locks_to_drop(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<i64> {
    let query = diesel::sql_query(format!(
        "SELECT ((SELECT coalesce(pg_catalog.sum({LOCKS_TO_DROP}), 0) FROM pg_catalog.pg_class c \
         WHERE c.relnamespace = n.oid) \
         + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid) \
         + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_type t WHERE t.typnamespace = n.oid AND t.typrelid = 0))::bigint \
         AS number FROM pg_catalog.pg_namespace n WHERE n.nspname = $1"
    ));
    let found = query
        .bind::<Text, _>(schema.as_str())
        .get_result::<Number>(pg)
        .optional()?;
    Ok(found.map_or(0, |row| row.number))
}
