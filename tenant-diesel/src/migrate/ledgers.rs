//! The ledgers of many schemas, read together.

use super::ledger;
use crate::retry::{ENGLISH, is_about_a_lock};
use crate::sql;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use std::collections::{HashMap, HashSet};
use tenant_core::SchemaName;

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Ledger {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Array<Text>)]
    versions: Vec<String>,
}

/// Which of these schemas have a ledger.
pub(super) fn with_ledgers<'n>(
    pg: &mut PgConnection,
    names: impl Iterator<Item = &'n SchemaName>,
) -> QueryResult<HashSet<String>> {
    let names: Vec<&str> = names.map(SchemaName::as_str).collect();
    if names.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<Name> = diesel::sql_query(format!(
        "SELECT n.nspname::text AS name FROM pg_catalog.pg_namespace n \
         JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = '{}' \
         WHERE n.nspname = ANY ($1::text[])",
        ledger::TABLE
    ))
    .bind::<Array<Text>, _>(names)
    .load(pg)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// What ledgers hold.
#[derive(Debug, Default)]
pub(crate) struct Ledgers {
    /// By the name of the schema, of those that have one.
    pub(crate) versions: HashMap<String, HashSet<String>>,
    /// Those that somebody has locked.
    pub(crate) locked: HashSet<String>,
}

/// How long a hundred ledgers are waited for together, and then each of them: whoever drops a schema has locked one, and
/// the others are not to wait for that.
pub(super) const LEDGERS_TIMEOUT: &str = "500ms";
pub(super) const LEDGER_TIMEOUT: &str = "50ms";

/// What the ledgers of these schemas hold: a few round trips, however many they are.
pub(crate) fn read_ledgers<'n>(
    pg: &mut PgConnection,
    names: impl Iterator<Item = &'n SchemaName> + Clone,
) -> QueryResult<Ledgers> {
    let with_ledgers = with_ledgers(pg, names.clone())?;
    let one = |schema: &SchemaName| {
        format!(
            "SELECT {} AS name, coalesce(pg_catalog.array_agg(version::text), '{{}}') AS versions FROM {}",
            sql::literal(schema.as_str()),
            ledger::table(schema)
        )
    };
    let of: Vec<&SchemaName> = names
        .filter(|name| with_ledgers.contains(name.as_str()))
        .collect();
    let mut read = Ledgers::default();
    if of.is_empty() {
        return Ok(read);
    }
    let all: Vec<String> = of.iter().map(|schema| one(schema)).collect();
    let rows = within(pg, LEDGERS_TIMEOUT, |pg| {
        diesel::sql_query(all.join(" UNION ALL ")).load::<Ledger>(pg)
    });
    let rows = match rows {
        Ok(rows) => rows,
        // One of them went meanwhile, or cannot be read, or somebody has locked it: the others are read all the same.
        Err(_) => {
            let mut rows = Vec::new();
            for schema in of {
                let row = within(pg, LEDGER_TIMEOUT, |pg| {
                    diesel::sql_query(one(schema)).get_result::<Ledger>(pg)
                });
                match row {
                    Ok(row) => rows.push(row),
                    Err(error) if is_about_a_lock(&error) => {
                        read.locked.insert(schema.as_str().to_owned());
                    }
                    // As if it had none: whoever is to migrate it finds out why.
                    Err(_) => {}
                }
            }
            rows
        }
    };
    let rows = rows
        .into_iter()
        .map(|row| (row.name, row.versions.into_iter().collect()));
    read.versions.extend(rows);
    Ok(read)
}

/// Asks something that waits for no lock for long.
pub(super) fn within<R>(
    pg: &mut PgConnection,
    limit: &str,
    ask: impl FnOnce(&mut PgConnection) -> QueryResult<R>,
) -> QueryResult<R> {
    pg.transaction(|pg| {
        pg.batch_execute(&format!("SET LOCAL lock_timeout = '{limit}'; SELECT {ENGLISH}"))?;
        ask(pg)
    })
}
