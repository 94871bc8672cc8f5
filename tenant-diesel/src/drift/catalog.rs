//! What the catalog says of schemas: one query for the fingerprints of many, one for the objects of one.
//!
//! **How the name of a schema disappears from its definitions.** Nothing is replaced in what the server prints of tables,
//! indexes, triggers and so on. While the server works on a schema, that schema is first in the path, and the server itself
//! leaves away what need not be said: `nextval('orders_id_seq'::regclass)`, `REFERENCES orders(id)`. What belongs to another
//! schema keeps that schema's name, so a default that takes its numbers from another tenant's sequence is a difference; and
//! what merely looks like a name, in a text constant, stays as it is. The one exception is the text of functions, which the
//! server does not read: there the name is taken away where it stands before a dot and the name of something in that schema.

use super::fingerprint::Fingerprint;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use std::sync::LazyLock;
use tenant_core::SchemaName;

/// The objects of a schema `s`, which has the columns `oid`, `nspname` and `path`: kind, name, definition.
const OBJECTS: &str = include_str!("objects.sql");

/// What is applied to a schema `s`, as an expression.
const LEDGER: &str = include_str!("ledger.sql");

/// The schemas of a list, one after the other, each first in the path while its row is worked on. The fence keeps the
/// planner from setting the path at another time.
const SCHEMAS: &str = "(SELECT n.oid, n.nspname, pg_catalog.set_config('search_path', \
     pg_catalog.concat(pg_catalog.quote_ident(n.nspname), ', pg_catalog, pg_temp'), true) AS path \
     FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY ($1) OFFSET 0) AS s";

/// Nothing that a session may have set changes how a definition is written. The query is planned once, for any number of
/// schemas; and compiling it would take longer than running it. A ledger that somebody has locked, who drops its schema, is not waited for.
const SETTINGS: &str = "SET LOCAL quote_all_identifiers = off; SET LOCAL standard_conforming_strings = on; \
     SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; \
     SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; \
     SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL jit = off; SET LOCAL lock_timeout = '500ms'";

/// One row a schema. A path whose first schema is not the one at hand, for want of the right to use it, would leave names
/// in the definitions. Built once: Diesel finds the prepared statement by this text.
static FINGERPRINTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT s.nspname::pg_catalog.text AS schema, \
         COALESCE((pg_catalog.current_schemas(false))[1] = s.nspname, false) AS can_be_read, \
         f.objects, f.fingerprint, {LEDGER} AS ledger FROM {SCHEMAS} CROSS JOIN LATERAL (\
         SELECT pg_catalog.count(*) AS objects, pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.concat(\
         pg_catalog.string_agg(pg_catalog.concat_ws(E'\\x1f', o.kind, o.name, o.definition), E'\\x1e' ORDER BY \
         o.kind COLLATE pg_catalog.\"C\", o.name COLLATE pg_catalog.\"C\", o.definition COLLATE pg_catalog.\"C\")), \
         'UTF8')) AS fingerprint FROM ({OBJECTS}) AS o) AS f"
    )
});

/// The objects of all schemas of the list, which is to be of one: nothing else keeps the path where it must be. A row without
/// a kind says that the schema is there.
static DEFINITIONS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT o.kind::pg_catalog.text AS kind, o.name::pg_catalog.text AS name, \
         o.definition::pg_catalog.text AS definition \
         FROM {SCHEMAS} LEFT JOIN LATERAL ({OBJECTS}) AS o ON true"
    )
});

/// What is known of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprinted {
    pub(crate) schema: SchemaName,
    /// Of its structure; none where this role may not use the schema.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// How many objects the fingerprint is of.
    pub(crate) objects: usize,
    /// None where there is no ledger.
    pub(crate) ledger: Option<LedgerDigest>,
}

/// The versions in a ledger, in few words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LedgerDigest {
    /// Equal for equal sets of versions.
    pub(crate) digest: String,
    /// How many there are.
    pub(crate) applied: usize,
    /// The last one; none where there is none.
    pub(crate) last: Option<String>,
}

/// One object of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) definition: String,
}

#[derive(QueryableByName)]
struct ObjectRow {
    #[diesel(sql_type = Nullable<Text>)]
    kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    definition: Option<String>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    schema: String,
    #[diesel(sql_type = Bool)]
    can_be_read: bool,
    #[diesel(sql_type = BigInt)]
    objects: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    fingerprint: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    ledger: Option<String>,
}

/// The fingerprints of these schemas, in any order; a schema that does not exist has none. One query, whatever the number of
/// schemas and of their tables, between a `BEGIN` and a `ROLLBACK` (of a savepoint, inside a transaction), after which
/// the session is as it was.
///
/// Fails as a whole where one schema cannot be read, or is dropped meanwhile.
pub(crate) fn fingerprints(pg: &mut PgConnection, schemas: &[SchemaName]) -> QueryResult<Vec<Fingerprinted>> {
    let names: Vec<&str> = schemas.iter().map(SchemaName::as_str).collect();
    let rows: Vec<Row> = and_back(pg, |pg| {
        diesel::sql_query(FINGERPRINTS.as_str())
            .bind::<Array<Text>, _>(&names)
            .load(pg)
    })?;
    let by_name = |row: Row| {
        let schema = schemas.iter().find(|schema| schema.as_str() == row.schema)?;
        Some(Fingerprinted {
            schema: schema.clone(),
            fingerprint: row
                .fingerprint
                .filter(|_| row.can_be_read)
                .and_then(|bytes| Fingerprint::new(&bytes)),
            objects: usize::try_from(row.objects).unwrap_or_default(),
            ledger: row.ledger.as_deref().and_then(LedgerDigest::parse),
        })
    };
    Ok(rows.into_iter().filter_map(by_name).collect())
}

/// All objects of a schema, in any order; none where it does not exist.
pub(crate) fn objects(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<Option<Vec<Object>>> {
    let rows: Vec<ObjectRow> = and_back(pg, |pg| {
        diesel::sql_query(DEFINITIONS.as_str())
            .bind::<Array<Text>, _>(vec![schema.as_str()])
            .load(pg)
    })?;
    let object = |row: ObjectRow| {
        Some(Object {
            kind: row.kind?,
            name: row.name.unwrap_or_default(),
            definition: row.definition.unwrap_or_default(),
        })
    };
    let is_there = !rows.is_empty();
    Ok(is_there.then(|| rows.into_iter().filter_map(object).collect()))
}

/// Runs a query with [`SETTINGS`], and rolls back what it set.
fn and_back<R>(
    pg: &mut PgConnection,
    query: impl FnOnce(&mut PgConnection) -> QueryResult<R>,
) -> QueryResult<R> {
    let is_open = AnsiTransactionManager::transaction_manager_status_mut(pg)
        .transaction_depth()?
        .is_some();
    if is_open {
        AnsiTransactionManager::begin_transaction(pg)?;
    } else {
        let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; {SETTINGS}");
        AnsiTransactionManager::begin_transaction_sql(pg, &begin)?;
    }
    let result = if is_open {
        pg.batch_execute(SETTINGS).and_then(|()| query(pg))
    } else {
        query(pg)
    };
    let back = AnsiTransactionManager::rollback_transaction(pg);
    let result = result?;
    back.map(|()| result)
}

impl LedgerDigest {
    /// Reads what `ledger.sql` writes.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split(':');
        let (digest, applied, last) = (parts.next()?, parts.next()?, parts.next()?);
        let last = super::fingerprint::from_hex(last).and_then(|bytes| String::from_utf8(bytes).ok());
        Some(Self {
            digest: digest.to_owned(),
            applied: applied.parse().ok()?,
            last: last.filter(|last| !last.is_empty()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_read_as_it_is_written() {
        let ledger = LedgerDigest::parse("ab12:2:3230323630313031").unwrap();
        assert_eq!((ledger.digest.as_str(), ledger.applied), ("ab12", 2));
        assert_eq!(ledger.last.as_deref(), Some("20260101"));
        assert_eq!(LedgerDigest::parse("e3b0:0:").unwrap().last, None);
        assert_eq!(LedgerDigest::parse("e3b0"), None);
    }
}
