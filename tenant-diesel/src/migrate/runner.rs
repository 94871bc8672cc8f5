//! The migrations of one schema.

use super::report::SchemaReport;
use super::{connection, ledger, lock};
use crate::Error;
use crate::connection::{Scope, ScopedConnection, TenantScope};
use crate::pool::Lease;
use diesel::migration::Migration;
use diesel::pg::Pg;
use diesel::prelude::*;
use std::time::Instant;
use tenant_core::SchemaName;

type Migrations = [Box<dyn Migration<Pg>>];

/// Applies what is pending, under the lock of the schema, each migration in a transaction of its own.
pub(crate) fn run_pending(lease: Lease, migrations: &Migrations) -> SchemaReport {
    let start = Instant::now();
    let schema = lease.target.schema.clone();
    // Which of the two kinds the connection is matters to the type system only: no query of the
    // application runs on it.
    let mut conn = connection::<TenantScope>(lease);
    let mut report = SchemaReport::new(&schema);
    report.error = run_locked(&mut conn, &schema, migrations, &mut report.applied).err();
    report.duration = start.elapsed();
    report
}

/// The same in a schema that nobody else knows of, and without its lock.
pub(crate) fn run_unlocked(lease: Lease, migrations: &Migrations) -> Result<(), Error> {
    let schema = lease.target.schema.clone();
    let mut conn = connection::<TenantScope>(lease);
    run_each(&mut conn, &schema, migrations, &mut Vec::new())
}

fn run_locked(
    conn: &mut ScopedConnection<TenantScope>,
    schema: &SchemaName,
    migrations: &Migrations,
    done: &mut Vec<String>,
) -> Result<(), Error> {
    lock::session_lock(conn.raw(), schema).map_err(Error::attempt("take the lock of the schema", schema))?;
    let result = run_each(conn, schema, migrations, done);
    if !lock::session_unlock(conn.raw(), schema).unwrap_or(false) {
        // Closing the connection gives the lock back.
        conn.lease_mut().session.discard();
    }
    result
}

fn run_each(
    conn: &mut ScopedConnection<TenantScope>,
    schema: &SchemaName,
    migrations: &Migrations,
    done: &mut Vec<String>,
) -> Result<(), Error> {
    let applied = ledger::applied(conn.raw(), schema).map_err(Error::attempt("read the ledger", schema))?;
    for migration in migrations {
        let version = migration.name().version().to_string();
        if applied.contains(&version) {
            continue;
        }
        if applied.is_empty() && done.is_empty() {
            ledger::create(conn.raw(), schema).map_err(Error::attempt("create the ledger", schema))?;
        }
        let outcome = if migration.metadata().run_in_transaction() {
            let mut failure = None;
            let outcome = conn.transaction(|conn| {
                run_one(conn, schema, migration.as_ref(), &version).map_err(|error| {
                    failure = Some(error);
                    Error::Query(diesel::result::Error::RollbackTransaction)
                })
            });
            // First of all the file's own failure: where it ended the transaction, the rollback fails too.
            failure.map_or(outcome, Err)
        } else {
            run_one(conn, schema, migration.as_ref(), &version)
        };
        // Whatever the file did to the path, also where nothing in its text says so.
        let reset = conn.assert_path();
        outcome?;
        reset?;
        done.push(version);
    }
    Ok(())
}

/// Applies all migrations to a new schema, inside the transaction that creates it.
pub(crate) fn run_all_in_open_transaction<S: Scope>(
    conn: &mut ScopedConnection<S>,
    migrations: &Migrations,
) -> Result<(), Error> {
    let schema = conn.schema().clone();
    ledger::create(conn.raw(), &schema).map_err(Error::attempt("create the ledger", &schema))?;
    for migration in migrations {
        let version = migration.name().version().to_string();
        run_one(conn, &schema, migration.as_ref(), &version)?;
        conn.assert_path()?;
    }
    Ok(())
}

fn run_one<S: Scope>(
    conn: &mut ScopedConnection<S>,
    schema: &SchemaName,
    migration: &dyn Migration<Pg>,
    version: &str,
) -> Result<(), Error> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Migration {
        schema: schema.clone(),
        version: version.to_owned(),
        source,
    };
    let depth = conn.lease_mut().transaction_depth();
    migration.run(conn).map_err(failed)?;
    if conn.lease_mut().transaction_depth() < depth {
        // What it did is committed or undone, nobody knows; a ledger row would be a guess.
        let reason = "the file ends the transaction that it runs in (COMMIT or ROLLBACK): leave that out, or \
                      say `run_in_transaction = false` in its metadata.toml";
        return Err(failed(reason.into()));
    }
    if depth == 0 && conn.is_in_transaction() {
        // It will be rolled back with the connection.
        return Err(failed(
            "the file leaves a transaction open: commit it, or leave out its BEGIN".into(),
        ));
    }
    ledger::record(conn.raw(), schema, version).map_err(Error::attempt("record a migration", schema))
}
