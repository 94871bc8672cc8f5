//! Owners, rights, and roles with a tenant's name.
//!
//! Who migrates is who owns the library's schema: it was made by the first migration.

use crate::doctor::ask::{Visit, Words, find};
use crate::doctor::check::Check;
use crate::doctor::diagnosis::Complaint;
use crate::doctor::facts::{Facts, IS_OF_AN_EXTENSION, Sight, array};
use crate::migrate::ledger;
use crate::sql;
use diesel::prelude::*;
use tenant_core::AppScope;

pub(in crate::doctor) fn role_named_as_schema(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = find(
        v.pg,
        &format!(
            "SELECT t.name, t.name, NULL, false FROM {} AS t \
             JOIN pg_catalog.pg_roles r ON r.rolname::text COLLATE \"C\" = t.name",
            v.facts.tenants()
        ),
    )?;
    Ok(found.complaint(
        Check::RoleNamedAsSchema,
        Words {
            one: "role is called as a tenant's schema: outside this library its default path (`\"$user\", public`) begins there",
            many: "roles are called as tenants' schemas: outside this library their default path (`\"$user\", public`) begins \
                   there",
            advice: "rename the role, or give it a path of its own: `ALTER ROLE .. SET search_path = ''`",
            can_be_fixed: false,
        },
    ))
}

/// Grave where the role that migrates has not the owner's rights either.
pub(in crate::doctor) fn foreign_owner(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let ledger = [ledger::TABLE];
    let shared = format!(
        "({} || {} || {})",
        v.facts.tables_of(AppScope::Shared),
        v.facts.tables_of(AppScope::Both),
        array(ledger)
    );
    let found = find(
        v.pg,
        &format!(
            "SELECT o.schema, o.object, 'owned by ' || pg_catalog.pg_get_userbyid(o.owner)::text, \
             NOT pg_catalog.pg_has_role(m.oid, o.owner, 'USAGE') FROM \
             (SELECT t.name, t.name, t.nspowner FROM {tenants} AS t \
             UNION ALL SELECT t.name, t.name || '.' || c.relname::text, c.relowner FROM {tenants} AS t \
             JOIN pg_catalog.pg_class c ON c.relnamespace = t.oid \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT {IS_OF_AN_EXTENSION} \
             UNION ALL SELECT n.nspname::text, n.nspname::text || '.' || c.relname::text, c.relowner \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = {public} AND c.relname::text = ANY {shared} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) \
             AS o (schema, object, owner) \
             JOIN pg_catalog.pg_roles m ON m.rolname = {migrator} AND o.owner <> m.oid",
            tenants = v.facts.tenants(),
            public = sql::literal(v.facts.registry.public().as_str()),
            migrator = sql::literal(&v.facts.migrator)
        ),
    )?;
    let advice = format!(
        "give it to `{}`, which migrates (it owns the library's schema): `ALTER .. OWNER TO ..`",
        v.facts.migrator
    );
    Ok(found.complaint(
        Check::ForeignOwner,
        Words {
            one: "schema or table is owned by another role than the one that migrates",
            many: "schemas or tables are owned by other roles than the one that migrates",
            advice: &advice,
            can_be_fixed: false,
        },
    ))
}

/// Of the role that asks: `USAGE`, and `CREATE` if it migrates.
pub(in crate::doctor) fn missing_grants(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let found = find(
        v.pg,
        &format!(
            "SELECT w.name, w.name, \
             CASE WHEN pg_catalog.has_schema_privilege(w.oid, 'USAGE') THEN 'no CREATE' ELSE 'no USAGE' END, true \
             FROM (SELECT name, oid FROM {} AS t UNION ALL SELECT n.nspname::text COLLATE \"C\", n.oid \
             FROM pg_catalog.pg_namespace n WHERE n.nspname = {}) AS w \
             WHERE NOT pg_catalog.has_schema_privilege(w.oid, 'USAGE') \
             OR ({} AND NOT pg_catalog.has_schema_privilege(w.oid, 'CREATE'))",
            v.facts.tenants(),
            sql::literal(v.facts.registry.public().as_str()),
            v.facts.is_migrator()
        ),
    )?;
    let role = &v.facts.role;
    let (one, many) = (
        format!("schema cannot be used by the role `{role}`, which this application connects as"),
        format!("schemas cannot be used by the role `{role}`, which this application connects as"),
    );
    let advice = format!(
        "as their owner: `GRANT USAGE ON SCHEMA .. TO {}`, and `CREATE` if it migrates",
        sql::identifier(role)
    );
    Ok(found.complaint(
        Check::MissingGrants,
        Words {
            one: &one,
            many: &many,
            advice: &advice,
            can_be_fixed: false,
        },
    ))
}

/// The query for it, which `fix` asks too. Every role that serves tenants reads that table. That nobody but its owner may is a
/// complaint, too: then whoever asks is its owner, and others are refused.
pub(in crate::doctor) fn library_grants_sql(facts: &Facts<'_>) -> String {
    let granted = |acl: &str, kind: &str, owner: &str, privilege: &str| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce({acl}, pg_catalog.acldefault('{kind}', {owner}))) AS a \
             WHERE a.grantee <> {owner} AND a.privilege_type = '{privilege}')"
        )
    };
    format!(
        "SELECT n.nspname::text, o.object, o.missing, NOT o.has FROM pg_catalog.pg_namespace n \
         JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'schemas', \
         LATERAL (VALUES (n.nspname::text, 'USAGE', pg_catalog.has_schema_privilege(n.oid, 'USAGE'), {}), \
         (n.nspname::text || '.schemas', 'SELECT', pg_catalog.has_table_privilege(c.oid, 'SELECT'), {})) \
         AS o (object, missing, has, is_granted) \
         WHERE n.nspname = {} AND NOT (o.has AND o.is_granted)",
        granted("n.nspacl", "n", "n.nspowner", "USAGE"),
        granted("c.relacl", "r", "c.relowner", "SELECT"),
        sql::literal(facts.registry.library().as_str())
    )
}

pub(in crate::doctor) fn library_grants(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    if v.facts.kept == Sight::Absent {
        return Ok(None);
    }
    let found = find(v.pg, &library_grants_sql(v.facts))?;
    let library = v.facts.registry.library().quoted();
    let advice = format!(
        "as `{}`: `GRANT USAGE ON SCHEMA {library} TO PUBLIC; GRANT SELECT ON {library}.schemas TO PUBLIC`, or to the roles \
         of the application",
        v.facts.migrator
    );
    Ok(found.complaint(
        Check::LibraryGrants,
        Words {
            one: "right is missing to read which tenants are served: a role that cannot is served none",
            many: "rights are missing to read which tenants are served: a role that cannot is served none",
            advice: &advice,
            can_be_fixed: true,
        },
    ))
}
