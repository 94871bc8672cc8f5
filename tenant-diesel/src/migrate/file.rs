//! One file of a migration: sent, and where it failed.

use crate::Error;
use crate::app::MigrationFile;
use crate::connection::{Scope, ScopedConnection};
use crate::lint::needs_a_message_a_statement;
use crate::retry::{was_out_of_lock_memory, was_worth_retrying};
use crate::sql_text::{Position, Statement, split, statement_at};
use diesel::connection::SimpleConnection;
use std::fmt;

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

/// Runs a file on a connection that is on the schema: as one message, or statement by statement. Outside a transaction,
/// a file of several statements is sent in pieces too where one of them (`CREATE INDEX CONCURRENTLY`) cannot be in a
/// message with others.
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
    let in_pieces = in_pieces || (depth == 0 && needs_a_message_a_statement(text));
    send(conn, text, in_pieces).map_err(|(statement, source)| {
        failed(Box::new(FileFailure {
            file: format!("{}/{name}", file.directory),
            statement,
            source,
        }))
    })?;
    if conn.lease_mut().transaction_depth() < depth {
        // What it did is committed or undone, nobody knows; a ledger row would be a guess.
        return Err(failed(ENDS_ITS_TRANSACTION.into()));
    }
    if depth == 0 && conn.is_in_transaction() {
        // It will be rolled back with the connection.
        return Err(failed(
            "the file leaves a transaction open: commit it, or leave out its BEGIN".into(),
        ));
    }
    Ok(())
}

/// Why a file is refused that leaves another transaction behind than it was given.
pub(crate) const ENDS_ITS_TRANSACTION: &str = "the file ends the transaction that it runs in (COMMIT or ROLLBACK): \
     leave that out, or say `run_in_transaction = false` in its metadata.toml";

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

/// Whether a failed file does not say which of its statements failed, and may be sent again to find out.
pub(crate) fn may_locate(error: &Error) -> bool {
    let is_unlocated = failure_in(error).is_some_and(|failure| failure.statement.is_none());
    is_unlocated && !was_worth_retrying(error) && !was_out_of_lock_memory(error)
}
