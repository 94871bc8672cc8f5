//! Scopes that are one transaction, and the end of every scope.

use super::recover::may_be_missing;
use super::{Scope, ScopedConnection};
use crate::Error;
use crate::error::ScopeError;
use diesel::connection::{AnsiTransactionManager, TransactionManager};

/// Runs a closure in the transaction that was begun with the scope: committed if it returns `Ok`, rolled
/// back otherwise.
pub(crate) fn in_transaction<S, R, E>(
    mut conn: ScopedConnection<S>,
    f: impl FnOnce(&mut ScopedConnection<S>) -> Result<R, E>,
) -> Result<R, E::Returned>
where
    S: Scope,
    E: ScopeError,
{
    match f(&mut conn) {
        Ok(_) if conn.lease_mut().transaction_depth() > 1 => {
            // A transaction inside was begun and not ended: to commit would only release its savepoint.
            conn.lease_mut().session.discard();
            let schema = conn.schema().clone();
            Err(E::from_scope(Error::TransactionLeftOpen { schema }))
        }
        Ok(value) => match AnsiTransactionManager::commit_transaction(&mut conn) {
            Ok(()) => Ok(value),
            Err(error) => Err(E::from_scope(error.into())),
        },
        Err(error) => {
            if AnsiTransactionManager::rollback_transaction(&mut conn).is_err() {
                conn.lease_mut().session.discard();
            }
            Err(failed(&mut conn, error))
        }
    }
}

/// Runs a closure in a scope without a transaction of its own.
pub(crate) fn in_scope<S, R, E>(
    mut conn: ScopedConnection<S>,
    f: impl FnOnce(&mut ScopedConnection<S>) -> Result<R, E>,
) -> Result<R, E::Returned>
where
    S: Scope,
    E: ScopeError,
{
    let value = match f(&mut conn) {
        Ok(value) => value,
        Err(error) => return Err(failed(&mut conn, error)),
    };
    if conn.is_in_transaction() {
        let schema = conn.schema().clone();
        return Err(E::from_scope(Error::TransactionLeftOpen { schema }));
    }
    Ok(value)
}

/// What a scope returns for an error of its closure: that the schema is missing, where the scope was entered
/// without asking and that is why.
fn failed<S, E>(conn: &mut ScopedConnection<S>, error: E) -> E::Returned
where
    S: Scope,
    E: ScopeError,
{
    E::explained(error.returned(), |error| match &error {
        Error::Query(query) if may_be_missing(query) => conn.lease_mut().missing_schema().unwrap_or(error),
        _ => error,
    })
}
