//! What happens before and after each statement: the path is made sure of, and the text is read for what
//! it may do to the session.

use super::{Scope, ScopedConnection};
use crate::session::{Control, Effects, Taint};
use crate::{Error, pool::Lease};
use diesel::connection::{
    AnsiTransactionManager, SimpleConnection, TransactionManager, TransactionManagerStatus,
};
use diesel::pg::{Pg, PgConnection, PgQueryBuilder};
use diesel::prelude::*;
use diesel::query_builder::{QueryBuilder, QueryFragment, QueryId};

impl<S: Scope> ScopedConnection<S> {
    /// The connection inside, on the path of this scope: one round trip if the path has to be set again,
    /// else none.
    pub(super) fn ready(&mut self) -> QueryResult<&mut PgConnection> {
        let lease = self.lease_mut();
        if !lease.session.path_is_known() {
            let target = lease.target.clone();
            lease.set_path(&target).map_err(Error::into_diesel)?;
        }
        Ok(&mut lease.pg)
    }

    /// The connection inside, for statements of the library itself, which change nothing that is watched.
    pub(crate) fn raw(&mut self) -> &mut PgConnection {
        &mut self.lease_mut().pg
    }

    /// Sets the path again, whatever is believed of it.
    pub(crate) fn assert_path(&mut self) -> Result<(), Error> {
        let lease = self.lease_mut();
        let target = lease.target.clone();
        lease.set_path(&target)
    }

    /// The connection inside, ready for a query that is about to be sent, whose text is noted.
    pub(super) fn ready_for<T>(&mut self, query: &T) -> QueryResult<&mut PgConnection>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        self.ready()?;
        let lease = self.lease_mut();
        // What Diesel may cache by its type has one text; anything else is read each time.
        let typed = query.is_safe_to_cache_prepared(&Pg)?;
        let id = T::query_id().filter(|_| typed);
        let effects = lease.session.effects_of(id, || effects_of(query, typed))?;
        note(lease, effects);
        Ok(&mut lease.pg)
    }

    /// Sends a text as it is.
    pub(super) fn send(&mut self, sql: &str) -> QueryResult<()> {
        match Control::read(sql) {
            Some(control) => self.send_control(control, sql),
            None => {
                self.ready()?;
                let lease = self.lease_mut();
                note(lease, Effects::of_raw_text(sql));
                lease.pg.batch_execute(sql)
            }
        }
    }

    /// Sends what begins or ends a transaction: Diesel's transaction manager does, and people do.
    fn send_control(&mut self, control: Control, sql: &str) -> QueryResult<()> {
        let lease = self.lease_mut();
        if lease.session.may_be_in_copy() && control == Control::Commit {
            // Ends it, with an error if it was one that writes.
            lease.pg.batch_execute("SELECT 1")?;
            lease.session.copy_was_ended();
        }
        if control == Control::Commit && has_failed(lease) {
            // The server would answer `ROLLBACK` to this, and Diesel take that for success. Diesel rolls
            // back when it gets an error here.
            return Err(Error::FailureIgnored {
                schema: lease.target.schema.clone(),
            }
            .into_diesel());
        }
        let before = lease.session.will_send_control(control);
        let result = if control == Control::Commit && lease.transaction_depth() == 0 {
            // Begun with raw SQL, so Diesel does not know whether it failed. In a failed transaction the first
            // of two statements is an error, the second is not reached, and the transaction stays open.
            lease.pg.batch_execute("SELECT 1; COMMIT")
        } else {
            lease.pg.batch_execute(sql)
        };
        lease.session.sent(control, before, result.is_ok());
        result
    }

    /// Runs a copy. If its closure panics, the copy is still going on; if it fails, so has its transaction,
    /// which Diesel does not note.
    pub(super) fn copy<E>(
        &mut self,
        run: impl FnOnce(&mut PgConnection) -> Result<usize, E>,
    ) -> Result<usize, E>
    where
        E: From<diesel::result::Error>,
    {
        self.ready()?;
        let lease = self.lease_mut();
        lease.session.will_send(Effects::of_copy());
        let before = lease.session.will_copy();
        let result = run(&mut lease.pg);
        lease.session.copied(before);
        let failed = result.is_err();
        let status = AnsiTransactionManager::transaction_manager_status_mut(&mut lease.pg);
        if let (true, TransactionManagerStatus::Valid(status)) = (failed, status)
            && let Some(transaction) = &mut status.in_transaction
        {
            transaction.requires_rollback_maybe_up_to_top_level = true;
        }
        result
    }

    pub(super) fn is_in_test_transaction(&mut self) -> bool {
        match AnsiTransactionManager::transaction_manager_status_mut(&mut self.lease_mut().pg) {
            TransactionManagerStatus::Valid(status) => status
                .in_transaction
                .as_ref()
                .is_some_and(|transaction| transaction.test_transaction),
            TransactionManagerStatus::InError => false,
        }
    }
}

/// Notes what is about to be sent.
fn note(lease: &mut Lease, effects: Effects) {
    lease.session.will_send(effects);
    if effects.taint == Taint::Statements {
        // The server may forget Diesel's too: they must be prepared again, in this scope already.
        lease.forget_statements();
    }
}

/// Whether a statement of Diesel's open transaction failed and was not rolled back to a savepoint.
fn has_failed(lease: &mut Lease) -> bool {
    match AnsiTransactionManager::transaction_manager_status_mut(&mut lease.pg) {
        TransactionManagerStatus::Valid(status) => status
            .in_transaction
            .as_ref()
            .is_some_and(|transaction| transaction.requires_rollback_maybe_up_to_top_level),
        TransactionManagerStatus::InError => true,
    }
}

fn effects_of<T: QueryFragment<Pg>>(query: &T, typed: bool) -> QueryResult<Effects> {
    let mut sql = PgQueryBuilder::default();
    query.to_sql(&mut sql, &Pg)?;
    Ok(Effects::of_query(&sql.finish(), typed))
}
