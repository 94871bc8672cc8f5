//! Rows of the tenant model and the schemas that they name: each has the other.

use crate::doctor::ask::{Found, Visit, Words, find, find_unattended};
use crate::doctor::check::Check;
use crate::doctor::diagnosis::{Complaint, Concerned};
use crate::doctor::facts::{Facts, IS_OF_POSTGRES, Sight, array, is_valid};
use crate::migrate::ledger;
use crate::sql;
use diesel::prelude::*;
use tenant_core::SchemaName;
use tenant_core::reserved::SPARE_PREFIX;

/// The table of the tenant model, or what the library keeps, is not there.
pub(in crate::doctor) fn not_migrated(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let missing = |schema: &str, table: String| Concerned {
        schema: SchemaName::quoted_any(schema).ok(),
        object: table,
        detail: None,
    };
    let library = v.facts.registry.library().as_str();
    let mut concerned = Vec::new();
    if v.facts.model == Sight::Absent {
        concerned.push(missing(&v.facts.model_schema, v.facts.model_name.clone()));
    }
    if v.facts.kept == Sight::Absent {
        concerned.push(missing(library, format!("{library}.schemas")));
    }
    let found = Found::of(concerned, v.facts.model == Sight::Absent);
    Ok(found.complaint(
        Check::NotMigrated,
        Words {
            one: "table of the application's or the library's own is not there, so the shared schema was not migrated, or \
                  not by this version",
            many: "tables of the application's and the library's own are not there, so the shared schema was not migrated",
            advice: "call `migrate`",
            can_be_fixed: false,
        },
    ))
}

/// The query for it, which `fix` asks too.
pub(in crate::doctor) fn row_without_schema_sql(facts: &Facts<'_>) -> String {
    format!(
        "SELECT r.name, r.name, s.state, {} FROM {} AS r LEFT JOIN {} AS s ON s.name = r.name \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname::text COLLATE \"C\" = r.name) \
         AND coalesce(s.state, 'ready') NOT IN ('provisioning', 'dropping') AND {} AND NOT {}",
        facts.auto_create,
        facts.rows(),
        facts.kept(),
        is_valid("r.name"),
        facts.is_reserved("r.name")
    )
}

pub(in crate::doctor) fn row_without_schema(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = find(v.pg, &row_without_schema_sql(v.facts))?;
    let words = if v.facts.auto_create {
        Words {
            one: "tenant has a row and no schema: whatever is asked of it fails",
            many: "tenants have a row and no schema: whatever is asked of them fails",
            advice: "restore the schema from a backup if it had data; else make a new one by `create_schema`",
            can_be_fixed: true,
        }
    } else {
        Words {
            one: "tenant has a row and no schema yet",
            many: "tenants have a row and no schema yet",
            advice: "call `create_schema`, if it is time for it (`auto_create_schema = false`)",
            can_be_fixed: false,
        }
    };
    Ok(found.complaint(Check::RowWithoutSchema, words))
}

/// Static tenants, the reference schema, schemas of extensions. Before the first `migrate` none of them need be there.
pub(in crate::doctor) fn configured_schema_missing(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    if v.facts.model == Sight::Absent {
        return Ok(None);
    }
    let extensions = array(
        v.facts
            .registry
            .extension_schemas()
            .iter()
            .map(SchemaName::as_str),
    );
    let found = find(
        v.pg,
        &format!(
            "SELECT c.name, c.name, c.kind, c.kind <> 'extensions' FROM (SELECT name, kind FROM {} AS k \
             UNION ALL SELECT name COLLATE \"C\", 'extensions' FROM pg_catalog.unnest({extensions}) AS u (name)) AS c \
             WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname::text COLLATE \"C\" = c.name)",
            v.facts.configured()
        ),
    )?;
    Ok(found.complaint(
        Check::ConfiguredSchemaMissing,
        Words {
            one: "schema of the configuration does not exist",
            many: "schemas of the configuration do not exist",
            advice: "call `migrate`, which makes static tenants and the reference schema; make a schema of extensions in a \
                     migration of a shared app; PostgreSQL passes over a missing one in silence",
            can_be_fixed: false,
        },
    ))
}

/// Only what was a tenant's once: it has a ledger, or the library keeps it as a tenant. Other schemas are other people's.
pub(in crate::doctor) fn schema_without_row(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    if v.facts.model == Sight::Absent {
        return Ok(None);
    }
    let found = find(
        v.pg,
        &format!(
            "SELECT n.nspname::text, n.nspname::text, \
             CASE WHEN s.name IS NULL THEN 'has a ledger' ELSE 'kept as ' || s.state END, false \
             FROM pg_catalog.pg_namespace n LEFT JOIN {kept} AS s ON s.name = n.nspname::text COLLATE \"C\" \
             WHERE NOT {IS_OF_POSTGRES} AND NOT {reserved} \
             AND NOT EXISTS (SELECT FROM {rows} AS r WHERE r.name = n.nspname::text COLLATE \"C\") \
             AND ((s.kind = 'tenant' AND s.state NOT IN ('provisioning', 'dropping')) OR (s.name IS NULL AND EXISTS \
             (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname = '{ledger}')))",
            kept = v.facts.kept(),
            reserved = v.facts.is_reserved("n.nspname::text"),
            rows = v.facts.rows(),
            ledger = ledger::TABLE
        ),
    )?;
    Ok(found.complaint(
        Check::SchemaWithoutRow,
        Words {
            one: "schema was a tenant's and has no row: nobody is served from it, and nobody migrates it",
            many: "schemas were tenants' and have no row: nobody is served from them, and nobody migrates them",
            advice: "insert the row that belongs to it, or drop the schema by hand; data is in it",
            can_be_fixed: false,
        },
    ))
}

/// The query for it, which `fix` asks too. A spare that is ready waits for a tenant.
pub(in crate::doctor) fn forgotten_spare_sql(facts: &Facts<'_>) -> String {
    format!(
        "SELECT n.nspname::text, n.nspname::text, NULL, false FROM pg_catalog.pg_namespace n \
         LEFT JOIN {} AS s ON s.name = n.nspname::text COLLATE \"C\" \
         WHERE n.nspname ~ {} AND NOT coalesce(s.kind = 'spare' AND s.state = 'ready', false)",
        facts.kept(),
        sql::literal(&format!("^{SPARE_PREFIX}[0-9a-f]{{32}}$"))
    )
}

pub(in crate::doctor) fn forgotten_spare(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = Found::of(find_unattended(v.pg, &forgotten_spare_sql(v.facts))?, false);
    Ok(found.complaint(
        Check::ForgottenSpare,
        Words {
            one: "spare was left by a birth that was killed",
            many: "spares were left by births that were killed",
            advice: "drop it; the next birth that needs a spare does so, too",
            can_be_fixed: true,
        },
    ))
}
