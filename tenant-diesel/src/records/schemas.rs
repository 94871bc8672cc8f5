//! The row of a schema: its kind, its state, and the digest of what its ledger holds.

use super::{Records, TenantState};
use crate::directory::Notice;
use crate::migrate::ledger;
use crate::sql;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Oid, Text};
use tenant_core::SchemaName;

/// What a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum SchemaKind {
    /// The shared schema.
    Shared,
    /// A customer's: a row of the tenant model.
    Tenant,
    /// A site of one's own, from the configuration.
    Static,
    /// Kept migrated, to be cloned; never served.
    Reference,
    /// Ready and waiting to be claimed by a tenant.
    Spare,
}

impl SchemaKind {
    /// As it is kept.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Tenant => "tenant",
            Self::Static => "static",
            Self::Reference => "reference",
            Self::Spare => "spare",
        }
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        [
            Self::Shared,
            Self::Tenant,
            Self::Static,
            Self::Reference,
            Self::Spare,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

impl std::fmt::Display for SchemaKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is kept of one schema.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) kind: SchemaKind,
    pub(crate) state: TenantState,
    pub(crate) version: Option<String>,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    version: Option<String>,
}

/// The digest of versions that are known here, as SQL over a text parameter: versions in order, joined by commas.
pub(crate) fn digest_of(joined: &str) -> String {
    format!("pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to({joined}, 'UTF8')), 'hex')")
}

impl Records {
    /// The statement that notes what the ledger of a schema holds now, for the transaction that changed it. If that is
    /// all that was to be done (`is_last`), what had failed is ready again.
    pub(crate) fn note_ledger(&self, schema: &SchemaName, kind: SchemaKind, is_last: bool) -> String {
        let table = self.table("schemas");
        let (name, kind) = (sql::literal(schema.as_str()), kind.as_str());
        let namespace = sql::literal(&schema.quoted());
        let ledger = ledger::table(schema);
        let digest = digest_of(
            "coalesce(pg_catalog.string_agg(version::text, ',' ORDER BY version::text COLLATE \"C\"), '')",
        );
        format!(
            "INSERT INTO {table} AS s (name, kind, state, schema_oid, digest, version, migrated_at) \
             SELECT {name}, '{kind}', 'ready', ({namespace}::pg_catalog.regnamespace)::oid, l.digest, l.version, \
             pg_catalog.clock_timestamp() \
             FROM (SELECT {digest}, pg_catalog.max(version::text COLLATE \"C\") FROM {ledger}) AS l (digest, version) \
             ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, schema_oid = excluded.schema_oid, \
             digest = excluded.digest, version = excluded.version, migrated_at = excluded.migrated_at, \
             error = CASE WHEN {is_last} THEN NULL ELSE s.error END, attempts = CASE WHEN {is_last} THEN 0 ELSE s.attempts END, changed_at = pg_catalog.clock_timestamp(), \
             state = CASE WHEN {is_last} AND s.state IN ('failed', 'migrating', 'provisioning') THEN 'ready' \
             ELSE s.state END"
        )
    }

    /// Notes what the ledger of a schema holds, which has one.
    pub(crate) fn note(
        &self,
        pg: &mut PgConnection,
        schema: &SchemaName,
        kind: SchemaKind,
    ) -> QueryResult<()> {
        pg.batch_execute(&self.note_ledger(schema, kind, true))
    }

    /// Notes a schema that was just made: whatever was noted of another one of its name is about that.
    pub(crate) fn note_birth(
        &self,
        pg: &mut PgConnection,
        schema: &SchemaName,
        kind: SchemaKind,
    ) -> QueryResult<()> {
        pg.batch_execute(&format!(
            "DELETE FROM {} WHERE name = {}; {}",
            self.table("schemas"),
            sql::literal(schema.as_str()),
            self.note_ledger(schema, kind, true)
        ))
    }

    /// Notes that a run failed on a schema, and why. Whether that takes it out of service is the caller's to say: a
    /// migration that could not even begin leaves the schema as it was.
    pub(crate) fn note_failure(
        &self,
        pg: &mut PgConnection,
        schema: &SchemaName,
        kind: SchemaKind,
        error: &str,
        has_failed: bool,
    ) -> QueryResult<()> {
        let table = self.table("schemas");
        let empty = digest_of("''");
        diesel::sql_query(format!(
            "INSERT INTO {table} AS s (name, kind, state, digest, error, attempts) \
             VALUES ($1, $2, CASE WHEN {has_failed} THEN 'failed' ELSE 'ready' END, {empty}, $3, 1) ON CONFLICT (name) DO UPDATE SET \
             error = excluded.error, attempts = s.attempts + 1, changed_at = pg_catalog.clock_timestamp(), \
             state = CASE WHEN s.state IN ('migrating', 'provisioning') OR ({has_failed} AND s.state = 'ready') \
             THEN (CASE WHEN {has_failed} THEN 'failed' ELSE 'ready' END) ELSE s.state END"
        ))
        .bind::<Text, _>(schema.as_str())
        .bind::<Text, _>(kind.as_str())
        .bind::<Text, _>(error)
        .execute(pg)?;
        self.tell(&[Notice::Tenant(schema.clone())]);
        Ok(())
    }

    /// Notes that these schemas have no ledger.
    pub(crate) fn forget_ledgers(&self, pg: &mut PgConnection, schemas: &[&SchemaName]) -> QueryResult<()> {
        let names: Vec<&str> = schemas.iter().map(|schema| schema.as_str()).collect();
        let empty = digest_of("''");
        diesel::sql_query(format!(
            "UPDATE {} SET digest = {empty}, version = NULL, changed_at = pg_catalog.clock_timestamp() \
             WHERE name = ANY ($1) AND digest <> {empty} AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname::text = name AND c.relname = '{}')",
            self.table("schemas"),
            ledger::TABLE
        ))
        .bind::<Array<Text>, _>(names)
        .execute(pg)?;
        Ok(())
    }

    /// What is kept of a schema.
    pub(crate) fn read(&self, pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<Option<Record>> {
        let row = diesel::sql_query(format!(
            "SELECT kind, state, version FROM {} WHERE name = $1",
            self.table("schemas")
        ))
        .bind::<Text, _>(schema.as_str())
        .get_result::<Row>(pg)
        .optional()?;
        row.map(|row| {
            let wrong = |what: String| diesel::result::Error::DeserializationError(what.into());
            Ok(Record {
                kind: SchemaKind::read(&row.kind)
                    .ok_or_else(|| wrong(format!("`{}` is no kind", row.kind)))?,
                state: row.state.parse().map_err(|error| wrong(format!("{error}")))?,
                version: row.version,
            })
        })
        .transpose()
    }

    /// Moves a schema from one of several states to another. False where it is in none of them, or not known.
    pub(crate) fn move_state(
        &self,
        pg: &mut PgConnection,
        schema: &SchemaName,
        from: &[TenantState],
        to: TenantState,
    ) -> QueryResult<bool> {
        let from: Vec<&str> = from.iter().map(|state| state.as_str()).collect();
        let moved = diesel::sql_query(format!(
            "UPDATE {} SET state = $1, changed_at = pg_catalog.clock_timestamp() \
             WHERE name = $2 AND state = ANY ($3)",
            self.table("schemas")
        ))
        .bind::<Text, _>(to.as_str())
        .bind::<Text, _>(schema.as_str())
        .bind::<Array<Text>, _>(from)
        .execute(pg)?;
        // Whoever does this in a transaction tells them again after it.
        self.tell(&[Notice::Tenant(schema.clone())]);
        Ok(moved == 1)
    }

    /// A schema that is ready, and whose last run failed, has failed.
    pub(crate) fn fail_after_error(&self, pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<()> {
        diesel::sql_query(format!(
            "UPDATE {} SET state = 'failed', changed_at = pg_catalog.clock_timestamp() \
             WHERE name = $1 AND state = 'ready' AND error IS NOT NULL",
            self.table("schemas")
        ))
        .bind::<Text, _>(schema.as_str())
        .execute(pg)?;
        Ok(())
    }

    /// Inserts the row of a schema that is not noted yet. False where it is.
    pub(crate) fn insert(
        &self,
        pg: &mut PgConnection,
        schema: &SchemaName,
        kind: SchemaKind,
        state: TenantState,
    ) -> QueryResult<bool> {
        let inserted = diesel::sql_query(format!(
            "INSERT INTO {} (name, kind, state, digest) VALUES ($1, $2, $3, {}) ON CONFLICT (name) DO NOTHING",
            self.table("schemas"),
            digest_of("''")
        ))
        .bind::<Text, _>(schema.as_str())
        .bind::<Text, _>(kind.as_str())
        .bind::<Text, _>(state.as_str())
        .execute(pg)?;
        Ok(inserted == 1)
    }

    /// What a tenant's schema is called now, which is known by its number. None where it is gone, or was renamed by hand.
    pub(crate) fn tenant_now_called(
        &self,
        pg: &mut PgConnection,
        oid: u32,
    ) -> QueryResult<Option<SchemaName>> {
        let found = diesel::sql_query(format!(
            "SELECT s.name FROM {} AS s JOIN pg_catalog.pg_namespace n ON n.nspname::text = s.name AND n.oid = s.schema_oid \
             WHERE n.oid = $1 AND s.kind = 'tenant'",
            self.table("schemas")
        ))
        .bind::<Oid, _>(oid)
        .get_result::<Name>(pg)
        .optional()?;
        Ok(found.and_then(|row| SchemaName::quoted_any(&row.name).ok()))
    }

    /// A schema has another name.
    pub(crate) fn rename(
        &self,
        pg: &mut PgConnection,
        old: &SchemaName,
        new: &SchemaName,
    ) -> QueryResult<()> {
        diesel::sql_query(format!(
            "UPDATE {} SET name = $1, changed_at = pg_catalog.clock_timestamp() WHERE name = $2",
            self.table("schemas")
        ))
        .bind::<Text, _>(new.as_str())
        .bind::<Text, _>(old.as_str())
        .execute(pg)?;
        Ok(())
    }

    /// A schema is gone for good.
    pub(crate) fn remove(&self, pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<()> {
        diesel::sql_query(format!("DELETE FROM {} WHERE name = $1", self.table("schemas")))
            .bind::<Text, _>(schema.as_str())
            .execute(pg)?;
        Ok(())
    }
}
