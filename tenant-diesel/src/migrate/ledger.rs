//! Diesel's table of applied versions, reached by its qualified name, so that no path can send a row to
//! another schema's ledger.

use crate::sql;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::collections::HashSet;
use tenant_core::SchemaName;

/// Diesel's own name for it, which `diesel_cli` looks for.
pub(crate) const TABLE: &str = "__diesel_schema_migrations";

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// The versions that the ledger of a schema holds, which has one.
pub(crate) fn versions(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<HashSet<String>> {
    let query = format!("SELECT version::text FROM {}", table(schema));
    let rows: Vec<Applied> = diesel::sql_query(query).load(pg)?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// Makes the ledger of a schema as Diesel would make it.
pub(crate) fn create(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<()> {
    pg.batch_execute(&create_sql(schema))
}

/// The statement for that.
pub(crate) fn create_sql(schema: &SchemaName) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (\
         version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
        table(schema)
    )
}

/// The statement that records a version.
pub(crate) fn insert_sql(schema: &SchemaName, version: &str) -> String {
    format!(
        "INSERT INTO {} (version) VALUES ({})",
        table(schema),
        sql::literal(version)
    )
}

/// The same for several. None where there are none.
pub(crate) fn insert_all_sql<'v>(
    schema: &SchemaName,
    versions: impl Iterator<Item = &'v str>,
) -> Option<String> {
    let rows: Vec<String> = versions
        .map(|version| format!("({})", sql::literal(version)))
        .collect();
    let insert = || {
        format!(
            "INSERT INTO {} (version) VALUES {}",
            table(schema),
            rows.join(", ")
        )
    };
    (!rows.is_empty()).then(insert)
}

/// The statement that takes a version back.
pub(crate) fn delete_sql(schema: &SchemaName, version: &str) -> String {
    format!(
        "DELETE FROM {} WHERE version = {}",
        table(schema),
        sql::literal(version)
    )
}

/// The ledger of a schema as SQL.
pub(crate) fn table(schema: &SchemaName) -> String {
    format!("{}.{TABLE}", schema.quoted())
}
