//! What happens when a statement fails that need not have: the connection was dead before the scope began, or a
//! prepared statement was made for columns of other types. Once, and only where repeating it is safe.

use super::tagged::Tag;
use super::watch::note;
use super::{Scope, ScopedConnection};
use crate::Error;
use crate::pool::{Lease, count};
use crate::session::{Effects, Taint};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::DatabaseErrorKind;

/// The server's words for a prepared statement whose columns have other types now (SQLSTATE 0A000, which Diesel
/// does not tell). A server that speaks another language than English is not understood: the error stays.
const STALE_PLAN: &str = "cached plan must not change result type";

/// How the server takes leave of a session that an administrator ends (SQLSTATE 57P01): whatever was under way was
/// not done. In another language the error stays, too.
const TERMINATED: &str = "terminating connection due to administrator command";

/// A statement that may have to be sent a second time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    pub(super) effects: Effects,
    /// It only reads, so that it does not matter whether it was run before the connection was lost.
    pub(super) only_reads: bool,
    /// It is one statement, done or not done as a whole.
    pub(super) is_one: bool,
    /// It may make something, in whichever schema of the path is there.
    pub(super) may_make: bool,
    /// Diesel prepared it, and may do so again.
    pub(super) is_prepared: bool,
}

impl<S: Scope> ScopedConnection<S> {
    /// Notes what a statement may do, sends it, and sends it again where that is safe and may help.
    pub(super) fn run<R>(
        &mut self,
        statement: Statement,
        mut send: impl FnMut(&mut PgConnection, Option<Tag>) -> QueryResult<R>,
    ) -> QueryResult<R> {
        self.ready()?;
        let lease = self.lease_mut();
        if statement.may_make {
            lease.verify().map_err(Error::into_diesel)?;
        }
        let was_clean = lease.session.is_proved_clean();
        note(lease, statement.effects);
        let tag = lease.target.tag.clone();
        let error = match send(&mut lease.pg, tag.clone()) {
            Ok(value) => {
                lease.proved();
                return Ok(value);
            }
            Err(error) => error,
        };
        if lease.is_lost_by(&error) {
            if was_clean && statement.can_be_repeated_after(&error) && replace(lease)? {
                note(lease, statement.effects);
                return send(&mut lease.pg, tag);
            }
            lease.note_lost();
            return Err(error);
        }
        lease.proved();
        if statement.is_prepared && has_message(&error, STALE_PLAN) {
            // Diesel prepares anew what it forgot. What the server keeps meanwhile is cleared with the next reset.
            lease.forget_statements();
            lease.session.raise(Taint::Statements);
            if may_be_in_transaction(lease) {
                return Err(stale_plan(lease, error));
            }
            count(&lease.counters().stale_plans);
            return send(&mut lease.pg, tag);
        }
        let missing = may_be_missing(&error).then(|| lease.missing_schema()).flatten();
        Err(missing.map_or(error, Error::into_diesel))
    }
}

impl Statement {
    fn can_be_repeated_after(&self, error: &diesel::result::Error) -> bool {
        self.only_reads || (self.is_one && has_message(error, TERMINATED))
    }
}

/// Replaces a connection that died before the scope did anything on it. False if it did something.
pub(super) fn replace(lease: &mut Lease) -> QueryResult<bool> {
    lease.replace_dead().map_err(Error::into_diesel)
}

/// Inside a transaction, which has failed with the statement, and can be run again on this connection.
fn stale_plan(lease: &mut Lease, source: diesel::result::Error) -> diesel::result::Error {
    Error::StalePlan {
        schema: lease.target.schema.clone(),
        source,
    }
    .into_diesel()
}

/// Whether a failure can have come of a schema that is gone. Diesel has no kind for a missing table.
pub(super) fn may_be_missing(error: &diesel::result::Error) -> bool {
    matches!(
        error,
        diesel::result::Error::DatabaseError(DatabaseErrorKind::Unknown, _)
    )
}

fn may_be_in_transaction(lease: &mut Lease) -> bool {
    lease.transaction_depth() > 0 || lease.session.in_transaction() || lease.session.may_be_in_transaction()
}

fn has_message(error: &diesel::result::Error, words: &str) -> bool {
    match error {
        // The whole message: a user's words may be quoted in another.
        diesel::result::Error::DatabaseError(_, information) => information.message() == words,
        _ => false,
    }
}
