//! Drops a schema in parts, each in a transaction that takes few locks, none of which it waits for long.

use super::footprint::{self, LOCKS_TO_DROP};
use super::patience::{Attempted, LockWaits};
use crate::model::TenantModel;
use crate::retry::was_out_of_lock_memory;
use crate::{Error, sql};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use tenant_core::{SchemaName, ScopedTable};

/// A foreign key between a schema and another.
#[derive(QueryableByName, Debug)]
pub(super) struct Key {
    /// The table that has it, as SQL.
    #[diesel(sql_type = Text)]
    table: String,
    /// Its name, as SQL.
    #[diesel(sql_type = Text)]
    key: String,
}

impl Key {
    fn drop_sql(&self) -> String {
        format!(
            "ALTER TABLE IF EXISTS {} DROP CONSTRAINT IF EXISTS {}",
            self.table, self.key
        )
    }

    pub(super) fn drop_on(&self, pg: &mut PgConnection) -> QueryResult<()> {
        diesel::sql_query(self.drop_sql()).execute(pg)?;
        Ok(())
    }
}

/// Foreign keys that lead from one schema into another, to be narrowed. What a partition inherits goes with it.
const KEYS: &str = "SELECT pg_catalog.format('%I.%I', rn.nspname, r.relname) AS table, \
     pg_catalog.quote_ident(k.conname) AS key \
     FROM pg_catalog.pg_constraint k \
     JOIN pg_catalog.pg_class r ON r.oid = k.conrelid JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace \
     JOIN pg_catalog.pg_class f ON f.oid = k.confrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace \
     WHERE k.contype = 'f' AND k.conparentid = 0";

/// The foreign keys of a schema to the table of tenants, if one transaction can drop them.
pub(super) fn keys_to_tenants<T: TenantModel>(
    pg: &mut PgConnection,
    public: &SchemaName,
    schema: &SchemaName,
) -> QueryResult<Option<Vec<Key>>> {
    let tenants = sql::table(<T::Table as ScopedTable>::TABLE, public);
    let keys: Vec<Key> = diesel::sql_query(format!(
        "{KEYS} AND rn.nspname = $1 AND k.confrelid = pg_catalog.to_regclass($2)"
    ))
    .bind::<Text, _>(schema.as_str())
    .bind::<Text, _>(tenants)
    .load(pg)?;
    // A key has four triggers and an index at its other end, in a table with some of its own.
    let locks = i64::try_from(keys.len()).unwrap_or(i64::MAX).saturating_mul(10);
    Ok((locks <= footprint::most_at_once(pg)?).then_some(keys))
}

/// Drops the foreign keys that lead out of a schema, or into it, one by one: each for a moment keeps everybody
/// away from the table at its other end.
pub(super) fn detach(pg: &mut PgConnection, schema: &SchemaName, waits: &LockWaits) -> Result<(), Error> {
    let keys: Vec<Key> = diesel::sql_query(format!("{KEYS} AND (rn.nspname = $1) <> (fn.nspname = $1)"))
        .bind::<Text, _>(schema.as_str())
        .load(pg)
        .map_err(Error::attempt("look for foreign keys", schema))?;
    let what = Attempted {
        action: "drop a foreign key to a shared table",
        schema,
    };
    for key in keys {
        waits.patiently_run(pg, what, &key.drop_sql())?;
    }
    Ok(())
}

/// Drops a schema that no row belongs to: at once if one transaction can, else in parts.
pub(super) fn drop_schema(
    pg: &mut PgConnection,
    schema: &SchemaName,
    waits: &LockWaits,
) -> Result<(), Error> {
    let is_big = footprint::locks_to_drop(pg, schema)
        .and_then(|locks| Ok(locks > footprint::most_at_once(pg)?))
        .map_err(Error::attempt("look at the size of the schema", schema))?;
    if is_big {
        detach(pg, schema, waits)?;
        drop_relations(pg, schema, waits)?;
    }
    let what = Attempted {
        action: "drop the schema",
        schema,
    };
    let statement = format!("DROP SCHEMA IF EXISTS {} CASCADE", schema.quoted());
    waits.patiently_run(pg, what, &statement)
}

/// A relation to be dropped.
#[derive(QueryableByName, Debug)]
struct Relation {
    /// Its name, as SQL.
    #[diesel(sql_type = Text)]
    name: String,
    /// What it is called in `DROP`.
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    locks: i64,
}

/// Drops the tables, views and sequences of a schema, as many at a time as one transaction should lock.
pub(super) fn drop_relations(
    pg: &mut PgConnection,
    schema: &SchemaName,
    waits: &LockWaits,
) -> Result<(), Error> {
    let most = footprint::most_a_batch(pg).map_err(Error::attempt("ask for the room for locks", schema))?;
    // Sequences that belong to a table are gone with it when the others are looked for.
    for kinds in ["'v', 'm', 'f', 'r', 'p'", "'S'"] {
        let relations = relations(pg, schema, kinds).map_err(Error::attempt("list the tables", schema))?;
        for batch in batches(&relations, most) {
            drop_batch(pg, schema, waits, batch)?;
        }
    }
    Ok(())
}

/// Views first, then what may be a partition before what has partitions; none that belongs to an extension.
fn relations(pg: &mut PgConnection, schema: &SchemaName, kinds: &str) -> QueryResult<Vec<Relation>> {
    diesel::sql_query(format!(
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, {LOCKS_TO_DROP}::bigint AS locks, \
         CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' \
         WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = $1 AND c.relkind IN ({kinds}) AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d \
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e') \
         ORDER BY kind DESC, c.relispartition DESC, c.relkind = 'p', c.oid DESC"
    ))
    .bind::<Text, _>(schema.as_str())
    .load(pg)
}

/// Runs of relations of one kind that take no more locks together than that, or are one.
fn batches(relations: &[Relation], most: i64) -> impl Iterator<Item = &[Relation]> {
    let mut locks = 0;
    relations.chunk_by(move |one, next| {
        locks += one.locks;
        let fits = one.kind == next.kind && locks + next.locks <= most;
        if !fits {
            locks = 0;
        }
        fits
    })
}

fn drop_batch(
    pg: &mut PgConnection,
    schema: &SchemaName,
    waits: &LockWaits,
    batch: &[Relation],
) -> Result<(), Error> {
    let Some(first) = batch.first() else { return Ok(()) };
    let names: Vec<&str> = batch.iter().map(|relation| relation.name.as_str()).collect();
    let statement = format!("DROP {} IF EXISTS {} CASCADE", first.kind, names.join(", "));
    let what = Attempted {
        action: "drop tables of the schema",
        schema,
    };
    match waits.patiently_run(pg, what, &statement) {
        // Others hold more locks than there was to be expected.
        Err(error) if batch.len() > 1 && was_out_of_lock_memory(&error) => {
            let (one, other) = batch.split_at(batch.len() / 2);
            drop_batch(pg, schema, waits, one)?;
            drop_batch(pg, schema, waits, other)
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(kind: &str, locks: i64) -> Relation {
        Relation {
            name: String::new(),
            kind: kind.to_owned(),
            locks,
        }
    }

    #[test]
    fn a_batch_is_of_one_kind_and_within_the_limit_or_one_relation() {
        let relations = [
            relation("VIEW", 1),
            relation("TABLE", 4),
            relation("TABLE", 6),
            relation("TABLE", 1),
            relation("TABLE", 50),
            relation("TABLE", 9),
            relation("TABLE", 1),
        ];
        let sizes: Vec<usize> = batches(&relations, 10).map(<[_]>::len).collect();
        assert_eq!(sizes, [1, 2, 1, 1, 2]);
        assert_eq!(batches(&[], 10).count(), 0);
    }
}
