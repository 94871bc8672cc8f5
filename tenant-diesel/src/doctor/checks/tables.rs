//! Tables in the wrong kind of schema.

use crate::doctor::ask::{Visit, Words, find};
use crate::doctor::check::Check;
use crate::doctor::diagnosis::Complaint;
use crate::doctor::facts::IS_OF_AN_EXTENSION;
use crate::sql;
use diesel::prelude::*;
use tenant_core::AppScope;

/// Grave where the shared schema is behind the tenants' in their paths.
pub(in crate::doctor) fn tenant_table_in_public(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = find(
        v.pg,
        &format!(
            "SELECT n.nspname::text, n.nspname::text || '.' || c.relname::text, NULL, {} FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {} \
             AND c.relname::text = ANY ({}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT {IS_OF_AN_EXTENSION}",
            v.facts.public_behind_tenants,
            sql::literal(v.facts.registry.public().as_str()),
            v.facts.tables_of(AppScope::Tenant)
        ),
    )?;
    Ok(found.complaint(
        Check::TenantTableInPublic,
        Words {
            one: "table of a tenant app is in the shared schema, where a query that misses its tenant meets it",
            many: "tables of tenant apps are in the shared schema, where a query that misses its tenant meets them",
            advice: "find out who made it (a migration run by hand?), move its rows to their tenants, and drop it",
            can_be_fixed: false,
        },
    ))
}

pub(in crate::doctor) fn shared_table_in_tenant(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = find(
        v.pg,
        &format!(
            "SELECT t.name, t.name || '.' || c.relname::text, NULL, false FROM pg_catalog.pg_class c \
             JOIN {} AS t ON t.oid = c.relnamespace \
             WHERE c.relname::text = ANY ({}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT {IS_OF_AN_EXTENSION}",
            v.facts.tenants(),
            v.facts.tables_of(AppScope::Shared)
        ),
    )?;
    Ok(found.complaint(
        Check::SharedTableInTenant,
        Words {
            one: "table of a shared app is in a tenant's schema, where SQL that names no schema means it",
            many: "tables of shared apps are in tenants' schemas, where SQL that names no schema means them",
            advice: "find out who made it, move its rows to the shared table if they belong there, and drop it",
            can_be_fixed: false,
        },
    ))
}
