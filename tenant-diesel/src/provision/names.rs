//! Which names are free: no schema and no tenant of the name, nor of one that differs in case only.

use crate::connection::PublicConnection;
use crate::model::TenantModel;
use crate::{Error, sql};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use tenant_core::{Registry, SchemaName, ScopedTable};

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    times: i64,
}

/// Narrows a column of names to those that may equal a name without case, whose folded form is `$1`. The
/// server folds ASCII only, whatever its locale; names with other characters all come, and are compared
/// here by Unicode's rules.
fn may_equal(column: &str) -> String {
    format!(
        "(pg_catalog.lower({column} COLLATE \"C\") = $1 \
         OR pg_catalog.octet_length({column}) <> pg_catalog.char_length({column}))"
    )
}

/// Whether a schema of exactly this name exists.
pub(crate) fn schema_exists(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<bool> {
    let found = diesel::sql_query("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1");
    Ok(found.bind::<Text, _>(schema.as_str()).execute(pg)? == 1)
}

/// Whether a table of this name exists, given as SQL.
pub(crate) fn table_exists(pg: &mut PgConnection, table: &str) -> QueryResult<bool> {
    let found = diesel::sql_query("SELECT 1 WHERE pg_catalog.to_regclass($1) IS NOT NULL");
    Ok(found.bind::<Text, _>(table).execute(pg)? == 1)
}

/// The schema of this name, or else of one that differs in case only.
pub(crate) fn schema_like(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<Option<SchemaName>> {
    Ok(schemas_like(pg, schema)?.into_iter().next())
}

/// The schemas of this name, and of those that differ in case only; first of exactly this.
fn schemas_like(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<Vec<SchemaName>> {
    let condition = may_equal("nspname::text");
    let query = format!("SELECT nspname::text AS name FROM pg_catalog.pg_namespace WHERE {condition}");
    let names: Vec<Name> = diesel::sql_query(query)
        .bind::<Text, _>(schema.folded())
        .load(pg)?;
    // What is no `SchemaName` (PostgreSQL's own) is like no tenant's name.
    let names = names
        .into_iter()
        .filter_map(|row| SchemaName::quoted_any(&row.name).ok());
    let mut like: Vec<_> = names.filter(|name| name.eq_ignore_case(schema)).collect();
    like.sort_by_key(|name| name != schema);
    Ok(like)
}

/// Refuses a name that is reserved.
pub(crate) fn not_reserved(registry: &Registry, schema: &SchemaName) -> Result<(), Error> {
    match registry.reserved_for(schema) {
        Some(reserved_for) => Err(Error::ReservedName {
            schema: schema.clone(),
            reserved_for,
        }),
        None => Ok(()),
    }
}

/// Refuses the name of a tenant whose row was just inserted, where another row has it too, or one that
/// differs in case only.
pub(crate) fn no_other_tenant<T: TenantModel>(
    conn: &mut PublicConnection,
    public: &SchemaName,
    schema: &SchemaName,
) -> Result<(), Error> {
    let table = sql::table(<T::Table as ScopedTable>::TABLE, public);
    let column = sql::identifier(T::SCHEMA_COLUMN);
    let condition = may_equal(&format!("{column}::text"));
    let query = format!(
        "SELECT {column}::text AS name, pg_catalog.count(*) AS times FROM {table} WHERE {condition} GROUP BY 1"
    );
    let taken: Vec<Taken> = diesel::sql_query(query)
        .bind::<Text, _>(schema.folded())
        .load(conn.raw())
        .map_err(Error::attempt("look for tenants of this name", schema))?;
    let is_own_row = |taken: &Taken| taken.name == schema.as_str() && taken.times == 1;
    let others = taken.into_iter().filter(|taken| !is_own_row(taken));
    let mut others = others.filter_map(|taken| SchemaName::quoted_any(&taken.name).ok());
    match others.find(|other| other.eq_ignore_case(schema)) {
        Some(existing) => Err(Error::TenantExists {
            schema: schema.clone(),
            existing,
        }),
        None => Ok(()),
    }
}

/// Refuses a new name for a schema: of one that exists, or of one that differs in case only, other than itself.
pub(super) fn no_other_schema(
    conn: &mut PublicConnection,
    old: &SchemaName,
    new: &SchemaName,
) -> Result<(), Error> {
    let like = schemas_like(conn.raw(), new).map_err(Error::attempt("look for a schema", new))?;
    match like.into_iter().find(|existing| existing != old) {
        Some(existing) => Err(Error::SchemaExists {
            schema: new.clone(),
            existing,
        }),
        None => Ok(()),
    }
}

/// Refuses the name of a schema that exists, or of one that differs in case only; `may_exist` says that a
/// schema of exactly this name will do.
pub(crate) fn no_schema(
    conn: &mut PublicConnection,
    schema: &SchemaName,
    may_exist: bool,
) -> Result<(), Error> {
    let existing = schema_like(conn.raw(), schema).map_err(Error::attempt("look for a schema", schema))?;
    match existing {
        Some(existing) if !(may_exist && existing == *schema) => Err(Error::SchemaExists {
            schema: schema.clone(),
            existing,
        }),
        _ => Ok(()),
    }
}
