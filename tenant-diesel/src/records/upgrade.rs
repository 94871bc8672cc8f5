//! The library's own migrations. They are few, small, and run under a lock, on first use.

use crate::{Error, sql};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Nullable, Text};
use tenant_core::SchemaName;

/// In order, each for ever as it is: what a later version of the library needs is a new one. `{s}` is the schema,
/// quoted, and `{name}` its name as a text.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/1_schemas_and_runs.sql"),
    include_str!("migrations/2_directories_are_told.sql"),
];

/// From this version on the tables can be read as they are: what came since is only needed by who writes.
const READABLE_FROM: usize = 1;

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Nullable<Integer>)]
    version: Option<i32>,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    exists: bool,
    #[diesel(sql_type = Bool)]
    is_ours: bool,
    #[diesel(sql_type = Bool)]
    has_tables: bool,
}

#[derive(QueryableByName)]
struct Comment {
    #[diesel(sql_type = Nullable<Text>)]
    comment: Option<String>,
}

/// How the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tables {
    /// They are there, and can be asked.
    pub(super) are_readable: bool,
    /// They are as this version of the library wants them. Those of a later version are: it must keep them usable for this
    /// one.
    pub(super) are_current: bool,
}

/// Looks at them.
pub(super) fn look(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<Tables> {
    // The version is in the comment of the schema, so that asking for it fails on no database.
    let comment = diesel::sql_query(
        "SELECT pg_catalog.obj_description(oid, 'pg_namespace') AS comment \
         FROM pg_catalog.pg_namespace WHERE nspname = $1",
    )
    .bind::<Text, _>(schema.as_str())
    .get_result::<Comment>(pg)
    .optional()?;
    let version = comment
        .and_then(|row| row.comment)
        .and_then(|text| version_in(&text));
    let version = version.unwrap_or(0);
    Ok(Tables {
        are_readable: version >= READABLE_FROM,
        are_current: version >= MIGRATIONS.len(),
    })
}

/// What the comment says.
const COMMENT: &str = "tenant-diesel keeps the state of tenants here, version ";

fn version_in(comment: &str) -> Option<usize> {
    comment.strip_prefix(COMMENT)?.parse().ok()
}

/// Makes or upgrades the tables: in a transaction, under a lock that others wait for.
pub(super) fn run(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<()> {
    let s = schema.quoted();
    pg.transaction(|pg| {
        crate::migrate::lock::transaction_lock(pg, schema)?;
        let found = diesel::sql_query(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1) AS exists, \
             EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relname = 'library_migrations') AS is_ours, \
             EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1) AS has_tables",
        )
        .bind::<Text, _>(schema.as_str())
        .get_result::<Found>(pg)?;
        if found.has_tables && !found.is_ours {
            // Somebody else's: it would be opened to everybody below.
            let schema = schema.clone();
            return Err(Error::LibrarySchemaTaken { schema }.into_diesel());
        }
        if !found.exists {
            // Only then: the right to make schemas is asked for also where there is nothing to make.
            pg.batch_execute(&format!("CREATE SCHEMA {s}"))?;
        }
        pg.batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {s}.library_migrations (\
             version integer PRIMARY KEY, run_on timestamptz NOT NULL DEFAULT pg_catalog.now())"
        ))?;
        let applied = diesel::sql_query(format!(
            "SELECT pg_catalog.max(version) AS version FROM {s}.library_migrations"
        ))
        .get_result::<Version>(pg)?;
        let applied = usize::try_from(applied.version.unwrap_or(0)).unwrap_or(0);
        for (i, migration) in MIGRATIONS.iter().enumerate().skip(applied) {
            let version = i + 1;
            let comment = sql::literal(&format!("{COMMENT}{version}"));
            let name = sql::literal(schema.as_str());
            pg.batch_execute(&migration.replace("{s}", &s).replace("{name}", &name))?;
            pg.batch_execute(&format!(
                "INSERT INTO {s}.library_migrations (version) VALUES ({version}); \
                 COMMENT ON SCHEMA {s} IS {comment}"
            ))?;
        }
        Ok(())
    })
}
