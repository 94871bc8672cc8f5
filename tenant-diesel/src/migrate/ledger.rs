//! Diesel's table of applied versions, reached by its qualified name, so that no path can send a row to
//! another schema's ledger.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::collections::HashSet;
use tenant_core::SchemaName;

/// Diesel's own name for it, which `diesel_cli` looks for.
const TABLE: &str = "__diesel_schema_migrations";

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// The versions that the ledger of a schema holds; none where it has no ledger yet.
pub(crate) fn applied(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<HashSet<String>> {
    let exists = diesel::sql_query("SELECT 1 WHERE pg_catalog.to_regclass($1) IS NOT NULL")
        .bind::<Text, _>(table(schema))
        .execute(pg)?;
    if exists == 0 {
        return Ok(HashSet::new());
    }
    let rows: Vec<Applied> =
        diesel::sql_query(format!("SELECT version::text FROM {}", table(schema))).load(pg)?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// Makes the ledger of a schema as Diesel would make it.
pub(crate) fn create(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<()> {
    pg.batch_execute(&format!(
        "CREATE TABLE IF NOT EXISTS {} (\
         version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
        table(schema)
    ))
}

/// Records a version.
pub(crate) fn record(pg: &mut PgConnection, schema: &SchemaName, version: &str) -> QueryResult<()> {
    diesel::sql_query(format!("INSERT INTO {} (version) VALUES ($1)", table(schema)))
        .bind::<Text, _>(version)
        .execute(pg)?;
    Ok(())
}

pub(crate) fn table(schema: &SchemaName) -> String {
    format!("{}.{TABLE}", schema.quoted())
}
