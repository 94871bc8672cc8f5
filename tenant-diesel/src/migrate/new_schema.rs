//! All migrations of the tenant apps, in a schema that is new: in the transaction that makes it, or in a spare.

use super::file::{may_locate, run_file};
use super::ledger;
use super::runner::Migrations;
use crate::app::MigrationFile;
use crate::connection::{Scope, ScopedConnection, TenantScope};
use crate::events::{Event, Moment};
use crate::pool::Lease;
use crate::provision::LockWaits;
use crate::retry::{Backoff, was_about_a_lock, was_out_of_lock_memory};
use crate::sql_text::is_plain;
use crate::{Error, sql};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::time::Duration;
use tenant_core::SchemaName;

/// Applies all migrations to a new schema, inside the transaction that creates it. `in_pieces` sends statements one by one,
/// to find the one that fails.
pub(crate) fn run_all_in_open_transaction<S: Scope>(
    conn: &mut ScopedConnection<S>,
    migrations: &Migrations,
    in_pieces: bool,
) -> Result<(), Error> {
    let schema = conn.schema().clone();
    tell(conn, Event::new(Moment::MigratingSchema, &schema))?;
    ledger::create(conn.raw(), &schema).map_err(Error::attempt("create the ledger", &schema))?;
    let mut deferred = Deferred::default();
    for file in migrations {
        tell(conn, applying(file, &schema))?;
        run_file(conn, file, "up.sql", file.up, in_pieces)?;
        deferred.heed(file);
        if !is_plain(file.up) {
            conn.assert_path()?;
            let settled = deferred.settle(conn.raw(), &schema);
            settled.map_err(Error::attempt("check deferred constraints", &schema))?;
        }
        tell(conn, applied(file, &schema))?;
    }
    // Nobody sees one without the others.
    let versions = migrations.iter().map(|file| file.version);
    if let Some(insert) = ledger::insert_all_sql(&schema, versions) {
        let recorded = conn.raw().batch_execute(&insert);
        recorded.map_err(Error::attempt("record the migrations", &schema))?;
    }
    tell(conn, Event::new(Moment::MigratedSchema, &schema))
}

/// The constraints of a schema that are checked when its transaction ends.
#[derive(Default)]
struct Deferred {
    may_be_some: bool,
    /// The statements that check them now and leave them as they were, if nothing was added since they were looked for.
    check: Option<String>,
}

impl Deferred {
    /// A file may have made some.
    fn heed(&mut self, file: &MigrationFile) {
        if file.up.to_ascii_lowercase().contains("defer") {
            self.may_be_some = true;
            self.check = None;
        }
    }

    /// Checks what was deferred, as the end of a migration's own transaction would: tables with checks that are
    /// left to do cannot be altered. Constraints of other schemas are the caller's.
    fn settle(&mut self, pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<()> {
        if !self.may_be_some {
            return Ok(());
        }
        let check = match self.check.take() {
            Some(check) => check,
            None => Self::find(pg, schema)?,
        };
        if !check.is_empty() {
            pg.batch_execute(&check)?;
        }
        self.check = Some(check);
        Ok(())
    }

    /// They are found by what depends on the schema, which has an index; the catalog of constraints has none by schema, and
    /// grows with all tenants.
    fn find(pg: &mut PgConnection, schema: &SchemaName) -> QueryResult<String> {
        #[derive(QueryableByName)]
        struct Deferrable {
            #[diesel(sql_type = diesel::sql_types::Text)]
            name: String,
            #[diesel(sql_type = diesel::sql_types::Bool)]
            is_deferred: bool,
        }
        let all: Vec<Deferrable> = diesel::sql_query(
            "SELECT c.conname::text AS name, pg_catalog.bool_or(c.condeferred) AS is_deferred \
             FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_constraint c ON c.conrelid = d.objid \
             WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
             AND d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass \
             AND d.refobjid = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1) \
             AND c.condeferrable GROUP BY c.conname",
        )
        .bind::<diesel::sql_types::Text, _>(schema.as_str())
        .load(pg)?;
        let set = |only_deferred: bool, when: &str| {
            let of = all.iter().filter(|one| one.is_deferred || !only_deferred);
            let of = of.map(|one| format!("{}.{}", schema.quoted(), sql::identifier(&one.name)));
            let of = of.collect::<Vec<_>>().join(", ");
            (!of.is_empty()).then(|| format!("SET CONSTRAINTS {of} {when}"))
        };
        let both = [set(false, "IMMEDIATE"), set(true, "DEFERRED")];
        Ok(both.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }
}

fn applying<'e>(file: &'e MigrationFile, schema: &'e SchemaName) -> Event<'e> {
    Event::new(Moment::ApplyingMigration, schema).version_is(file.version)
}

fn applied<'e>(file: &'e MigrationFile, schema: &'e SchemaName) -> Event<'e> {
    Event::new(Moment::AppliedMigration, schema).version_is(file.version)
}

fn tell<S: Scope>(conn: &mut ScopedConnection<S>, event: Event<'_>) -> Result<(), Error> {
    conn.lease_mut().paths().events.fire(event)
}

/// The first and the longest pause before a file is run again that did not get a lock.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Applies all migrations to a schema that nobody else knows of, each in a transaction of its own, or, if that
/// is too much for one, statement by statement. A file that did not get a lock in time is run again, for as long as
/// patience lasts.
///
/// `in_transaction` says whether the caller has a transaction open, for which a file that has none of its own must not
/// wait for ever.
pub(crate) fn run_unlocked(
    lease: Lease,
    migrations: &Migrations,
    waits: &LockWaits,
    in_transaction: bool,
) -> Result<(), Error> {
    let schema = lease.target.schema.clone();
    let mut conn = ScopedConnection::<TenantScope>::new(lease);
    tell(&mut conn, Event::new(Moment::MigratingSchema, &schema))?;
    ledger::create(conn.raw(), &schema).map_err(Error::attempt("create the ledger", &schema))?;
    for file in migrations {
        tell(&mut conn, applying(file, &schema))?;
        let limit = match (file.run_in_transaction, in_transaction) {
            (true, _) => waits.timeout,
            (false, true) => waits.patience,
            (false, false) => Duration::ZERO,
        };
        let limit = format!("SET lock_timeout = {}", limit.as_millis());
        let limited = conn.raw().batch_execute(&limit);
        limited.map_err(Error::attempt("limit the wait for locks", &schema))?;
        let mut backoff = Backoff::new(PAUSES.0, PAUSES.1, waits.patience);
        let (outcome, reset) = loop {
            let outcome = if file.run_in_transaction {
                match in_own_transaction(&mut conn, &schema, file, false) {
                    Err(error) if may_locate(&error) => in_own_transaction(&mut conn, &schema, file, true),
                    outcome => outcome,
                }
            } else {
                run_and_record(&mut conn, &schema, file, false)
            };
            let reset = conn.assert_path();
            match &outcome {
                Err(error) if file.run_in_transaction && was_about_a_lock(error) && backoff.pause() => {}
                _ => break (outcome, reset),
            }
        };
        let outcome = match outcome {
            // The schema is seen by nobody, and is dropped if this fails half-way.
            Err(error) if file.run_in_transaction && was_out_of_lock_memory(&error) => {
                run_and_record(&mut conn, &schema, file, true).and_then(|()| conn.assert_path())
            }
            other => other,
        };
        outcome?;
        reset?;
        tell(&mut conn, applied(file, &schema))?;
    }
    tell(&mut conn, Event::new(Moment::MigratedSchema, &schema))
}

fn in_own_transaction(
    conn: &mut ScopedConnection<TenantScope>,
    schema: &SchemaName,
    file: &MigrationFile,
    in_pieces: bool,
) -> Result<(), Error> {
    let mut failure = None;
    let outcome = conn.transaction(|conn| {
        run_and_record(conn, schema, file, in_pieces).map_err(|error| {
            failure = Some(error);
            Error::Query(diesel::result::Error::RollbackTransaction)
        })
    });
    // First of all the file's own failure: where it ended the transaction, the rollback fails too.
    failure.map_or(outcome, Err)
}

fn run_and_record<S: Scope>(
    conn: &mut ScopedConnection<S>,
    schema: &SchemaName,
    file: &MigrationFile,
    in_pieces: bool,
) -> Result<(), Error> {
    run_file(conn, file, "up.sql", file.up, in_pieces)?;
    let insert = ledger::insert_sql(schema, file.version);
    let recorded = conn.raw().batch_execute(&insert);
    recorded.map_err(Error::attempt("record a migration", schema))
}
