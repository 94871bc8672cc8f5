//! [`Question`]: what is asked of the library's own table, joined with the schemas that are wanted.

use super::{Survey, Which};
use crate::records::digest_of;
use crate::{SchemaKind, TenantState};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Oid, Text};
use std::collections::HashSet;
use tenant_core::SchemaName;

/// How many names are read at once.
const PAGE: usize = 500;

#[derive(QueryableByName)]
pub(super) struct Summary {
    #[diesel(sql_type = BigInt)]
    pub(super) current: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) others: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) at_rest: i64,
}

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Text)]
    pub(super) kind: String,
    #[diesel(sql_type = Nullable<Oid>)]
    pub(super) oid: Option<u32>,
    /// Of what the ledger held when the library looked at this very schema last.
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) digest: Option<String>,
}

#[derive(QueryableByName)]
pub(super) struct AtRest {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Text)]
    pub(super) state: String,
    #[diesel(sql_type = Bool)]
    pub(super) exists: bool,
}

/// The states that are passed over, as SQL.
pub(super) const AT_REST: &str = "coalesce(s.state IN ('provisioning', 'archived', 'dropping'), false)";

impl AtRest {
    pub(super) fn read(self) -> Option<(SchemaName, TenantState)> {
        Some((SchemaName::quoted_any(&self.name).ok()?, self.state.parse().ok()?))
    }
}

pub(super) struct Question {
    pub(super) wanted: String,
    pub(super) kept: String,
    /// Those of the tenant apps, joined.
    pub(super) versions: String,
    pub(super) which: Which,
}

impl Question {
    fn from(&self) -> String {
        format!(
            "FROM {} AS w LEFT JOIN {} AS s ON s.name = w.name \
             LEFT JOIN pg_catalog.pg_namespace n ON n.nspname::text = w.name",
            self.wanted, self.kept
        )
    }

    /// Whether the library's row says that a schema is up to date: the ledger held what it should, and the schema is the
    /// same as then.
    fn is_current() -> String {
        let digest = digest_of("$1");
        // A subquery, so that it is worked out once and not for each row: `convert_to` is only stable.
        format!(
            "coalesce(s.digest = coalesce(w.digest, (SELECT {digest})) AND s.schema_oid = n.oid AND s.state IN ('ready', 'maintenance'), false)"
        )
    }

    pub(super) fn summary(&self, pg: &mut PgConnection) -> QueryResult<Summary> {
        let (from, current) = (self.from(), Self::is_current());
        diesel::sql_query(format!(
            "SELECT count(*) FILTER (WHERE {current} AND NOT {AT_REST}) AS current, \
             count(*) FILTER (WHERE NOT {current} AND NOT {AT_REST}) AS others, \
             count(*) FILTER (WHERE {AT_REST}) AS at_rest {from}"
        ))
        .bind::<Text, _>(self.versions.as_str())
        .get_result(pg)
    }

    pub(super) fn page(&self, pg: &mut PgConnection, after: &str) -> QueryResult<Vec<Row>> {
        let (from, current) = (self.from(), Self::is_current());
        let of_all = self.which == Which::All;
        diesel::sql_query(format!(
            "SELECT DISTINCT w.name, w.kind, n.oid, CASE WHEN s.schema_oid = n.oid THEN s.digest END AS digest \
             {from} \
             WHERE ({of_all} OR NOT {current}) AND NOT {AT_REST} AND w.name > $2 ORDER BY w.name LIMIT {PAGE}"
        ))
        .bind::<Text, _>(self.versions.as_str())
        .bind::<Text, _>(after)
        .load(pg)
    }

    /// Those that are passed over. An archived tenant whose schema is gone is missing: it could not be restored.
    pub(super) fn at_rest(&self, pg: &mut PgConnection, survey: &mut Survey) -> QueryResult<()> {
        let from = self.from();
        let rows: Vec<AtRest> = diesel::sql_query(format!(
            "SELECT w.name, s.state, (n.oid IS NOT NULL) AS exists {from} WHERE {AT_REST} ORDER BY w.name"
        ))
        .load(pg)?;
        for row in rows {
            let exists = row.exists;
            match row.read() {
                Some((name, TenantState::Archived)) if !exists => {
                    survey.missing.push((name, SchemaKind::Tenant));
                }
                read => survey.at_rest.extend(read),
            }
        }
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Which of these names are schemas of a relation.
pub(super) fn known<'n>(
    pg: &mut PgConnection,
    wanted: &str,
    names: impl Iterator<Item = &'n SchemaName>,
) -> QueryResult<HashSet<String>> {
    let names: Vec<&str> = names.map(SchemaName::as_str).collect();
    let query = format!("SELECT name FROM {wanted} AS w WHERE name = ANY ($1)");
    let rows: Vec<Name> = diesel::sql_query(query).bind::<Array<Text>, _>(names).load(pg)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}
