//! Names that are not a tenant's, or not one tenant's.

use crate::SchemaKind;
use crate::doctor::ask::{Found, Visit, Words, find};
use crate::doctor::check::Check;
use crate::doctor::diagnosis::{Complaint, Concerned};
use crate::doctor::facts::{IS_OF_POSTGRES, Sight, array, is_valid};
use crate::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use std::collections::BTreeMap;
use tenant_core::SchemaName;
use tenant_core::reserved::SPARE_PREFIX;

pub(in crate::doctor) fn invalid_name(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    if v.facts.model == Sight::Absent {
        return Ok(None);
    }
    let column = format!("{}::text", sql::identifier(v.facts.model_column));
    let found = find(
        v.pg,
        &format!(
            "SELECT DISTINCT NULL, coalesce({column}, 'NULL'), NULL, true FROM {} \
             WHERE {column} IS NULL OR NOT {}",
            v.facts.model_table,
            is_valid(&column)
        ),
    )?;
    Ok(found.complaint(
        Check::InvalidName,
        Words {
            one: "row names a schema that cannot be: it cannot be read, and `tenants` ends there",
            many: "rows name schemas that cannot be: they cannot be read, and `tenants` ends there",
            advice: "correct the row; names have 1 to 63 bytes and do not begin with `pg_`",
            can_be_fixed: false,
        },
    ))
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_row: bool,
}

/// The server narrows them down by ASCII; those with other characters all come, and are compared here by Unicode's rules.
pub(in crate::doctor) fn reserved_name(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let folded: Vec<String> = v.facts.reserved().map(SchemaName::folded).collect();
    let names: Vec<Name> = diesel::sql_query(format!(
        "SELECT r.name, true AS is_row FROM {} AS r WHERE pg_catalog.lower(r.name) = ANY ({}) \
         OR pg_catalog.left(pg_catalog.lower(r.name), {}) = '{SPARE_PREFIX}' \
         OR pg_catalog.octet_length(r.name) <> pg_catalog.char_length(r.name) ORDER BY 1",
        v.facts.rows(),
        array(folded.iter().map(String::as_str)),
        SPARE_PREFIX.len()
    ))
    .load(v.pg)?;
    let reserved = names.into_iter().filter_map(|Name { name, .. }| {
        let name = SchemaName::quoted_any(&name).ok()?;
        let reserved_for = v.facts.registry.reserved_for(&name)?;
        Some(Concerned {
            object: name.to_string(),
            schema: Some(name),
            detail: Some(format!("reserved for {reserved_for}")),
        })
    });
    Ok(Found::of(reserved.collect(), true).complaint(
        Check::ReservedName,
        Words {
            one: "row names a schema that is no tenant's: it is never served",
            many: "rows name schemas that are no tenant's: they are never served",
            advice: "give the row a schema of its own, or delete the row, not the schema",
            can_be_fixed: false,
        },
    ))
}

pub(in crate::doctor) fn duplicate_rows(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    if v.facts.model == Sight::Absent {
        return Ok(None);
    }
    let column = format!("{}::text", sql::identifier(v.facts.model_column));
    let found = find(
        v.pg,
        &format!(
            "SELECT {column}, {column}, pg_catalog.count(*) || ' rows', true FROM {} WHERE {column} IS NOT NULL \
             GROUP BY {column} HAVING pg_catalog.count(*) > 1",
            v.facts.model_table
        ),
    )?;
    Ok(found.complaint(
        Check::DuplicateRows,
        Words {
            one: "schema is named by several rows: these customers read and write each other's data",
            many: "schemas are named by several rows each: these customers read and write each other's data",
            advice: "find out whose data it is, give the others schemas of their own, and add a unique constraint",
            can_be_fixed: false,
        },
    ))
}

/// Of rows among each other, and of rows and schemas.
pub(in crate::doctor) fn colliding_names(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let names: Vec<Name> = diesel::sql_query(format!(
        "SELECT name, is_row FROM (SELECT name, is_row, \
         pg_catalog.count(*) OVER (PARTITION BY pg_catalog.lower(name)) AS times FROM \
         (SELECT name, pg_catalog.bool_or(is_row) AS is_row FROM (SELECT name, true AS is_row FROM {} AS r UNION ALL \
         SELECT n.nspname::text COLLATE \"C\", false FROM pg_catalog.pg_namespace n WHERE NOT {IS_OF_POSTGRES}) AS a \
         GROUP BY name) AS b) AS c \
         WHERE times > 1 OR pg_catalog.octet_length(name) <> pg_catalog.char_length(name) ORDER BY name",
        v.facts.rows()
    ))
    .load(v.pg)?;
    let mut groups: BTreeMap<String, Vec<(SchemaName, bool)>> = BTreeMap::new();
    for Name { name, is_row } in names {
        // What is no name, or is reserved, is another complaint.
        if let Ok(name) = SchemaName::quoted_any(&name)
            && v.facts.registry.reserved_for(&name).is_none()
        {
            groups.entry(name.folded()).or_default().push((name, is_row));
        }
    }
    let groups = groups
        .into_values()
        .filter(|names| names.len() > 1 && names.iter().any(|(_, is_row)| *is_row));
    let concerned = groups.flat_map(|names| {
        let all: Vec<String> = names.iter().map(|(name, _)| format!("`{name}`")).collect();
        let all = all.join(", ");
        names.into_iter().map(move |(name, is_row)| {
            let what = if is_row {
                SchemaKind::Tenant.as_str()
            } else {
                "schema"
            };
            Concerned {
                object: name.to_string(),
                schema: Some(name),
                detail: Some(format!("a {what}, one of {all}")),
            }
        })
    });
    Ok(Found::of(concerned.collect(), false).complaint(
        Check::CollidingNames,
        Words {
            one: "name differs from another in case only",
            many: "names differ from each other in case only: people, host names and files do not tell them apart, and \
                   they wait for each other's locks",
            advice: "rename one of them",
            can_be_fixed: false,
        },
    ))
}

/// A unique index of the column alone, over all rows, also over an expression of it.
pub(in crate::doctor) fn no_unique_constraint(v: &mut Visit<'_, '_>) -> QueryResult<Option<Complaint>> {
    let name = sql::literal(&v.facts.model_name);
    let found = find(
        v.pg,
        &format!(
            "SELECT n.nspname::text, {name} || '.' || a.attname::text, NULL, false FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = {column} \
             WHERE n.nspname = {schema} AND c.relname = {table} AND c.relkind IN ('r', 'p') \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid \
             AND i.indpred IS NULL AND i.indnkeyatts = 1 AND (i.indkey[0] = a.attnum OR (i.indkey[0] = 0 AND EXISTS \
             (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
             AND d.objid = i.indexrelid AND d.refobjid = c.oid AND d.refobjsubid = a.attnum))))",
            column = sql::literal(v.facts.model_column),
            schema = sql::literal(&v.facts.model_schema),
            table = sql::literal(v.facts.model_table_name),
        ),
    )?;
    Ok(found.complaint(
        Check::NoUniqueConstraint,
        Words {
            one: "column holds the names of schemas, and nothing keeps two rows from naming one",
            many: "columns hold the names of schemas, and nothing keeps two rows from naming one",
            advice: "add a UNIQUE constraint to it in a migration of its shared app",
            can_be_fixed: false,
        },
    ))
}
