//! How a check asks: one query over all tenants, of which some rows are listed and all are counted.

use super::check::Check;
use super::diagnosis::{Complaint, Concerned, LISTED, Unseen};
use super::facts::Facts;
use crate::migrate::lock;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};
use std::collections::HashSet;
use tenant_core::{SchemaName, Severity};

/// What a check works with.
pub(super) struct Visit<'v, 't> {
    pub(super) pg: &'v mut PgConnection,
    pub(super) facts: &'v Facts<'t>,
    pub(super) unseen: &'v mut Vec<Unseen>,
}

/// What a complaint says: `{number} {one}` or `{number} {many}`, and what to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'w> {
    pub(super) one: &'w str,
    pub(super) many: &'w str,
    pub(super) advice: &'w str,
    pub(super) can_be_fixed: bool,
}

/// What a query found: some of it, and how much.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) concerned: Vec<Concerned>,
    pub(super) total: usize,
    /// Whether some of it is an error and no warning.
    pub(super) is_grave: bool,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    schema: Option<String>,
    #[diesel(sql_type = Text)]
    object: String,
    #[diesel(sql_type = Nullable<Text>)]
    detail: Option<String>,
    #[diesel(sql_type = Bool)]
    is_grave: bool,
    #[diesel(sql_type = BigInt)]
    total: i64,
}

impl From<Row> for Concerned {
    fn from(row: Row) -> Self {
        Self {
            schema: row.schema.and_then(|name| SchemaName::quoted_any(&name).ok()),
            object: row.object,
            detail: row.detail,
        }
    }
}

/// Asks a query of the columns schema, object, detail, and whether it is grave. The worst come first, then by name.
pub(super) fn find(pg: &mut PgConnection, query: &str) -> QueryResult<Found> {
    let rows = load(pg, query, Some(LISTED))?;
    Ok(Found {
        total: rows
            .first()
            .map_or(0, |row| usize::try_from(row.total).unwrap_or(usize::MAX)),
        is_grave: rows.first().is_some_and(|row| row.is_grave),
        concerned: rows.into_iter().map(Concerned::from).collect(),
    })
}

/// The same for what is nobody's work at this moment: the lock of its schema is free, and it is there before and after that
/// was asked. All of it is read, which is little.
pub(super) fn find_unattended(pg: &mut PgConnection, query: &str) -> QueryResult<Vec<Concerned>> {
    let before: Vec<Concerned> = load(pg, query, None)?.into_iter().map(Concerned::from).collect();
    if before.is_empty() {
        return Ok(before);
    }
    let attended = held(
        pg,
        before.iter().filter_map(|concerned| concerned.schema.as_ref()),
    )?;
    let after: HashSet<(String, Option<String>)> = load(pg, query, None)?
        .into_iter()
        .map(|row| (row.object, row.detail))
        .collect();
    Ok(before
        .into_iter()
        .filter(|concerned| !attended.contains(&concerned.object))
        .filter(|concerned| after.contains(&(concerned.object.clone(), concerned.detail.clone())))
        .collect())
}

/// Everything that a query names, for who mends it.
pub(super) fn names(pg: &mut PgConnection, query: &str) -> QueryResult<Vec<SchemaName>> {
    let all = objects(pg, query)?.into_iter();
    Ok(all.filter_map(|concerned| concerned.schema).collect())
}

/// The same for objects.
pub(super) fn objects(pg: &mut PgConnection, query: &str) -> QueryResult<Vec<Concerned>> {
    Ok(load(pg, query, None)?.into_iter().map(Concerned::from).collect())
}

fn load(pg: &mut PgConnection, query: &str, limit: Option<usize>) -> QueryResult<Vec<Row>> {
    let limit = limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
    diesel::sql_query(format!(
        "SELECT schema::text AS schema, object::text AS object, detail::text AS detail, is_grave, \
         pg_catalog.count(*) OVER () AS total FROM ({query}) AS q (schema, object, detail, is_grave) \
         ORDER BY is_grave DESC, object::text COLLATE \"C\"{limit}"
    ))
    .load(pg)
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// An expression: the keys of the advisory locks that somebody holds in this database. Every role sees them.
pub(super) const HELD_KEYS: &str = "(SELECT (l.classid::bigint << 32) | l.objid::bigint FROM pg_catalog.pg_locks l \
     JOIN pg_catalog.pg_database b ON b.oid = l.database WHERE b.datname = pg_catalog.current_database() \
     AND l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted)";

/// Those of these schemas whose lock somebody holds, alone or shared.
fn held<'n>(
    pg: &mut PgConnection,
    names: impl Iterator<Item = &'n SchemaName>,
) -> QueryResult<HashSet<String>> {
    let names: Vec<&SchemaName> = names.collect();
    let keys: Vec<String> = names.iter().map(|name| name.folded()).collect();
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let key = lock::KEY.replace("$1", "u.key");
    let rows = diesel::sql_query(format!(
        "SELECT u.name FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS u (name, key) \
         WHERE {key} IN {HELD_KEYS}"
    ))
    .bind::<Array<Text>, _>(names)
    .bind::<Array<Text>, _>(keys)
    .load::<Name>(pg)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

impl Found {
    /// The first of a list that is known as a whole.
    pub(super) fn of(mut concerned: Vec<Concerned>, is_grave: bool) -> Self {
        let total = concerned.len();
        concerned.truncate(LISTED);
        Self {
            concerned,
            total,
            is_grave,
        }
    }

    /// The severity, where it depends on what was found.
    pub(super) const fn severity(&self) -> Severity {
        if self.is_grave {
            Severity::Error
        } else {
            Severity::Warning
        }
    }

    /// A complaint about it, unless it is nothing. The reason begins with how many there are.
    pub(super) fn complaint(self, check: Check, words: Words<'_>) -> Option<Complaint> {
        if self.total == 0 {
            return None;
        }
        let what = if self.total == 1 { words.one } else { words.many };
        Some(Complaint {
            check,
            severity: self.severity(),
            reason: format!("{} {what}", self.total),
            advice: words.advice.to_owned(),
            concerned: self.concerned,
            total: self.total,
            can_be_fixed: words.can_be_fixed,
        })
    }
}
