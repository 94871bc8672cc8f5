//! Types, extensions and indexes.

use crate::OnSwitch;
use crate::doctor::ask::{Visit, Words, find};
use crate::doctor::check::Check;
use crate::doctor::diagnosis::Complaint;
use crate::sql;
use crate::tenancy::CUSTOM_TYPE;
use diesel::prelude::*;

/// Grave where connections go from one tenant to another and keep what they know of types. A range's multirange goes with it.
pub(in crate::doctor) fn type_in_tenant(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = find(
        v.pg,
        &format!(
            "SELECT w.name, w.name || '.' || t.typname::text, NULL, {} FROM pg_catalog.pg_type t \
             JOIN {} AS w ON w.oid = t.typnamespace WHERE {CUSTOM_TYPE} AND t.typtype <> 'm' \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass \
             AND d.objid = t.oid AND d.deptype = 'e')",
            v.facts.pool.on_switch() == OnSwitch::Keep,
            v.facts.tenants()
        ),
    )?;
    Ok(found.complaint(
        Check::TypeInTenant,
        Words {
            one: "type is in a tenant's schema: Diesel remembers its number by its name, and the next tenant's has another",
            many: "types are in tenants' schemas: Diesel remembers their numbers by name, and the next tenant's have others",
            advice: "create it once, in a shared app or extension schema; until then `OnSwitch::Reconnect` keeps tenants \
                     apart, which a start-up chooses by itself where it finds one",
            can_be_fixed: false,
        },
    ))
}

/// Grave in a tenant's schema: it goes with that tenant, and no other can use it.
pub(in crate::doctor) fn extension_in_wrong_place(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = find(
        v.pg,
        &format!(
            "SELECT n.nspname::text, e.extname::text, 'in ' || n.nspname::text, t.oid IS NOT NULL \
             FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace \
             LEFT JOIN {} AS t ON t.oid = n.oid WHERE t.oid IS NOT NULL OR n.nspname = {}",
            v.facts.tenants(),
            sql::literal(v.facts.registry.public().as_str())
        ),
    )?;
    Ok(found.complaint(
        Check::ExtensionInWrongPlace,
        Words {
            one: "extension is in a schema that tenants do not see: its functions and types are found by none, or by one",
            many: "extensions are in schemas that tenants do not see: their functions and types are found by none, or by one",
            advice: "`ALTER EXTENSION .. SET SCHEMA ..` to a schema of its own, and name that by `extension_schema`; what \
                     calls its functions by their old schema must be changed, too",
            can_be_fixed: false,
        },
    ))
}

/// Not those that are being built: that holds a lock on their table. Those of partitioned tables are built in parts.
pub(in crate::doctor) fn invalid_index(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = find(
        v.pg,
        &format!(
            "SELECT w.name, w.name || '.' || c.relname::text, 'on ' || t.relname::text, false FROM pg_catalog.pg_index i \
             JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i' \
             JOIN pg_catalog.pg_class t ON t.oid = i.indrelid \
             JOIN (SELECT name, oid FROM {} AS a UNION ALL SELECT n.nspname::text COLLATE \"C\", n.oid \
             FROM pg_catalog.pg_namespace n WHERE n.nspname = {}) AS w ON w.oid = c.relnamespace \
             WHERE NOT i.indisvalid AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks l \
             JOIN pg_catalog.pg_database b ON b.oid = l.database WHERE b.datname = pg_catalog.current_database() \
             AND l.relation = i.indrelid AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted)",
            v.facts.tenants(),
            sql::literal(v.facts.registry.public().as_str())
        ),
    )?;
    Ok(found.complaint(
        Check::InvalidIndex,
        Words {
            one: "index was never finished: it costs every write, and helps no read",
            many: "indexes were never finished: they cost every write, and help no read",
            advice: "`DROP INDEX` it and build it again by `CREATE INDEX CONCURRENTLY`, or `REINDEX INDEX` it",
            can_be_fixed: false,
        },
    ))
}
