//! What of other schemas would go with a schema: `DROP SCHEMA .. CASCADE` does not stop at its border.

use crate::Error;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tenant_core::SchemaName;

/// How many are named in an error.
const MOST_NAMED: usize = 20;

#[derive(QueryableByName)]
struct Dependent {
    #[diesel(sql_type = Text)]
    object: String,
}

/// What depends on something in the schema `$1` and is in another: a view, a column of a type, a table that inherits, a
/// default, a trigger. Not foreign keys, which are dropped one by one and hold no data; not what sessions have for
/// themselves.
///
/// It is followed along the index of what is depended on, however many schemas there are.
const DEPENDENTS: &str = "WITH direct AS MATERIALIZED (SELECT d.classid, d.objid FROM pg_catalog.pg_namespace n \
       JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = n.oid \
       WHERE n.nspname = $1), \
     type AS MATERIALIZED (SELECT objid AS oid FROM direct WHERE classid = 'pg_catalog.pg_type'::pg_catalog.regclass \
       UNION ALL SELECT c.reltype FROM direct JOIN pg_catalog.pg_class c ON c.oid = direct.objid \
         WHERE direct.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.reltype <> 0), \
     own AS MATERIALIZED (SELECT classid, objid FROM direct \
       UNION SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, oid FROM type \
       UNION SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.typarray FROM type JOIN pg_catalog.pg_type t USING (oid) \
         WHERE t.typarray <> 0), \
     dependent AS (SELECT DISTINCT d.classid, d.objid, d.objsubid FROM own CROSS JOIN LATERAL \
       (SELECT * FROM pg_catalog.pg_depend d WHERE d.refclassid = own.classid AND d.refobjid = own.objid OFFSET 0) AS d), \
     placed AS (SELECT CASE d.classid \
         WHEN 'pg_catalog.pg_rewrite'::pg_catalog.regclass THEN 'pg_catalog.pg_class'::pg_catalog.regclass ELSE d.classid END AS classid, \
       coalesce(w.ev_class, d.objid) AS objid, d.objsubid, \
       coalesce(r.relnamespace, t.typnamespace, p.pronamespace) AS namespace \
       FROM dependent d \
       LEFT JOIN pg_catalog.pg_rewrite w ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.oid = d.objid \
       LEFT JOIN pg_catalog.pg_attrdef f ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND f.oid = d.objid \
       LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid \
         AND k.contype <> 'f' \
       LEFT JOIN pg_catalog.pg_trigger g ON d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND g.oid = d.objid \
         AND NOT g.tgisinternal \
       LEFT JOIN pg_catalog.pg_policy o ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND o.oid = d.objid \
       LEFT JOIN pg_catalog.pg_class r ON r.oid = coalesce(w.ev_class, f.adrelid, nullif(k.conrelid, 0), g.tgrelid, o.polrelid, \
         CASE d.classid WHEN 'pg_catalog.pg_class'::pg_catalog.regclass THEN d.objid END) \
       LEFT JOIN pg_catalog.pg_type t ON t.oid = coalesce(nullif(k.contypid, 0), \
         CASE d.classid WHEN 'pg_catalog.pg_type'::pg_catalog.regclass THEN d.objid END) \
       LEFT JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.objid) \
     SELECT DISTINCT pg_catalog.pg_describe_object(placed.classid, placed.objid, placed.objsubid) AS object FROM placed \
     JOIN pg_catalog.pg_namespace n ON n.oid = placed.namespace \
     WHERE n.nspname <> $1 AND n.nspname !~ '^pg_' ORDER BY 1";

/// Refuses to drop a schema with which something of others would go.
pub(super) fn refuse(pg: &mut PgConnection, schema: &SchemaName) -> Result<(), Error> {
    let dependents: Vec<Dependent> = diesel::sql_query(DEPENDENTS)
        .bind::<Text, _>(schema.as_str())
        .load(pg)
        .map_err(Error::attempt("look for what depends on the schema", schema))?;
    if dependents.is_empty() {
        return Ok(());
    }
    let mut objects: Vec<String> = dependents.into_iter().map(|dependent| dependent.object).collect();
    let more = objects.len().saturating_sub(MOST_NAMED);
    objects.truncate(MOST_NAMED);
    if more > 0 {
        objects.push(format!("{more} more"));
    }
    Err(Error::OthersDepend {
        schema: schema.clone(),
        objects,
    })
}
