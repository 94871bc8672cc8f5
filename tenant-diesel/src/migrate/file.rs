//! One file of a migration: sent, and where it failed.

use super::ledger;
use super::runner::Migrations;
use crate::Error;
use crate::app::MigrationFile;
use crate::connection::{Scope, ScopedConnection, TenantScope};
use crate::events::{Event, Moment};
use crate::pool::Lease;
use crate::provision::LockWaits;
use crate::retry::{Backoff, was_about_a_lock, was_out_of_lock_memory};
use crate::sql_text::{Position, Statement, split, statement_at};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::fmt;
use std::time::Duration;
use tenant_core::SchemaName;

/// How much of a statement is kept in an error.
const LONGEST_STATEMENT: usize = 300;

/// Where a file failed, and why: the source of [`Error::Migration`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub struct FileFailure {
    /// The path of the file, from the crate that embedded it.
    pub file: String,
    /// The statement, where it is known which it was.
    pub statement: Option<FailedStatement>,
    /// The server's reason.
    pub source: diesel::result::Error,
}

/// A statement that failed, and where it is in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FailedStatement {
    /// Its text, cut after three hundred characters.
    pub text: String,
    /// The line, from 1: of what the server pointed at, or of the statement's beginning.
    pub line: usize,
    /// The character of the line, from 1.
    pub column: usize,
}

impl FailedStatement {
    fn new(statement: &Statement<'_>, at: Position) -> Self {
        let mut text: String = statement.text.chars().take(LONGEST_STATEMENT).collect();
        if text.len() < statement.text.len() {
            text.push_str(" ..");
        }
        Self {
            text,
            line: at.line,
            column: at.column,
        }
    }
}

impl fmt::Display for FileFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.statement {
            Some(FailedStatement { text, line, column }) => {
                write!(f, "{}:{line}:{column}: `{text}`", self.file)
            }
            None => f.write_str(&self.file),
        }
    }
}

/// Runs a file on a connection that is on the schema: as one message, or statement by statement.
pub(crate) fn run_file<S: Scope>(
    conn: &mut ScopedConnection<S>,
    file: &MigrationFile,
    name: &str,
    text: &str,
    in_pieces: bool,
) -> Result<(), Error> {
    let schema = conn.schema().clone();
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Migration {
        schema: schema.clone(),
        version: file.version.to_owned(),
        source,
    };
    let depth = conn.lease_mut().transaction_depth();
    send(conn, text, in_pieces).map_err(|(statement, source)| {
        failed(Box::new(FileFailure {
            file: format!("{}/{name}", file.directory),
            statement,
            source,
        }))
    })?;
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
    Ok(())
}

type Failed = (Option<FailedStatement>, diesel::result::Error);

fn send<S: Scope>(conn: &mut ScopedConnection<S>, text: &str, in_pieces: bool) -> Result<(), Failed> {
    if !in_pieces {
        return conn.batch_execute(text).map_err(|error| {
            let located = position_in(&error).and_then(|at| statement_at(text, at));
            let only = || match split(text).as_slice() {
                [only] => Some(FailedStatement::new(only, only.position(1))),
                _ => None,
            };
            let statement = located.map(|at| FailedStatement::new(&at.statement, at.position));
            (statement.or_else(only), error)
        });
    }
    for statement in split(text) {
        conn.batch_execute(statement.text).map_err(|error| {
            let at = statement.position(position_in(&error).unwrap_or(1));
            (Some(FailedStatement::new(&statement, at)), error)
        })?;
    }
    Ok(())
}

fn position_in(error: &diesel::result::Error) -> Option<usize> {
    match error {
        diesel::result::Error::DatabaseError(_, information) => {
            usize::try_from(information.statement_position()?).ok()
        }
        _ => None,
    }
}

/// The failure of a file in an error of ours.
pub(crate) fn failure_in(error: &Error) -> Option<&FileFailure> {
    match error {
        Error::Migration { source, .. } => source.downcast_ref(),
        _ => None,
    }
}

/// Applies all migrations to a new schema, inside the transaction that creates it.
pub(crate) fn run_all_in_open_transaction<S: Scope>(
    conn: &mut ScopedConnection<S>,
    migrations: &Migrations,
) -> Result<(), Error> {
    let schema = conn.schema().clone();
    tell(conn, Event::new(Moment::MigratingSchema, &schema))?;
    ledger::create(conn.raw(), &schema).map_err(Error::attempt("create the ledger", &schema))?;
    for file in migrations {
        tell(conn, applying(file, &schema))?;
        run_and_record(conn, &schema, file, false)?;
        conn.assert_path()?;
        tell(conn, applied(file, &schema))?;
    }
    tell(conn, Event::new(Moment::MigratedSchema, &schema))
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
                in_own_transaction(&mut conn, &schema, file)
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
) -> Result<(), Error> {
    let mut failure = None;
    let outcome = conn.transaction(|conn| {
        run_and_record(conn, schema, file, false).map_err(|error| {
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
