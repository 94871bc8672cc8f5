//! What happens before and after each statement: the path is made sure of, and the text is read for what
//! it may do to the session.

use super::recover::{Statement, replace};
use super::{Scope, ScopedConnection};
use crate::session::{Control, Effects, Taint, reset};
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
        if lease.is_found_dead() {
            // Nothing was sent yet, so nothing is lost.
            replace(lease)?;
        }
        if !lease.session.path_is_known() {
            let target = lease.target.clone();
            lease.set_path(&target).map_err(Error::into_diesel)?;
            lease.proved();
        }
        Ok(&mut lease.pg)
    }

    /// The connection inside, for statements of the library itself, which change nothing that is watched.
    pub(crate) fn raw(&mut self) -> &mut PgConnection {
        let lease = self.lease_mut();
        if lease.is_found_dead() {
            // If it cannot be replaced, the statement that follows says so.
            let _fails_then = lease.replace_dead();
        }
        lease.proved();
        &mut lease.pg
    }

    /// Sets the path again, whatever is believed of it.
    pub(crate) fn assert_path(&mut self) -> Result<(), Error> {
        let lease = self.lease_mut();
        let target = lease.target.clone();
        lease.set_path(&target)
    }

    /// What is known of a query before it is sent.
    pub(super) fn read<T>(&mut self, query: &T) -> QueryResult<Statement>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        // What Diesel may cache by its type has one text; anything else is read each time.
        let typed = query.is_safe_to_cache_prepared(&Pg)?;
        let id = T::query_id().filter(|_| typed);
        let session = &mut self.lease_mut().session;
        let (effects, only_reads, may_make) = match id {
            Some(id) => session.effects_of(id, || Ok(effects_of(&text_of(query)?, typed)))?,
            // What people wrote parts of may be another text each time.
            None if !typed => effects_of(&text_of(query)?, typed),
            None => session.effects_of_text(text_of(query)?, |sql| effects_of(sql, typed)),
        };
        Ok(Statement {
            effects,
            only_reads,
            is_one: true,
            may_make,
            is_prepared: typed,
        })
    }

    /// Sends a text as it is, with the tag at its end.
    pub(super) fn send(&mut self, sql: &str) -> QueryResult<()> {
        if let Some(control) = Control::read(sql) {
            return self.send_control(control, sql);
        }
        let statement = Statement {
            effects: Effects::of_raw_text(sql),
            only_reads: false,
            is_one: Effects::is_one_statement(sql),
            may_make: Effects::may_make_something(sql),
            is_prepared: false,
        };
        let lease = self.lease_mut();
        if lease.is_behind_pooler() && Effects::ends_transaction(sql) {
            return Err(Error::NeedsSession {
                schema: lease.target.schema.clone(),
                what: "a message that ends its scope's transaction and goes on",
            }
            .into_diesel());
        }
        self.run(statement, |pg, tag| match tag {
            Some(tag) => pg.batch_execute(&[sql, tag.as_str()].concat()),
            None => pg.batch_execute(sql),
        })
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
        if control == Control::Begin && !lease.is_proven() {
            self.ready()?;
        }
        let lease = self.lease_mut();
        let before = lease.session.will_send_control(control);
        let ends = matches!(control, Control::Commit | Control::Rollback);
        let result = if ends && lease.is_behind_pooler() && lease.session.taint() > Taint::Clean {
            // When this message is done, the session is another client's.
            let commits = control == Control::Commit;
            let message = reset::behind_pooler(sql, commits, lease.session.taint());
            let result = lease.pg.batch_execute(&message);
            if result.is_ok() {
                lease.was_reset_behind_pooler();
            }
            result
        } else if control == Control::Commit && lease.transaction_depth() == 0 {
            // Begun with raw SQL, so Diesel does not know whether it failed. In a failed transaction the first
            // of two statements is an error, the second is not reached, and the transaction stays open.
            lease.pg.batch_execute("SELECT 1; COMMIT")
        } else {
            lease.pg.batch_execute(sql)
        };
        lease.session.sent(control, before, result.is_ok());
        if control == Control::Begin
            && result.as_ref().is_err_and(|error| lease.is_lost_by(error))
            && replace(lease)?
        {
            // Nothing can have been done by a transaction that was not begun.
            let before = lease.session.will_send_control(control);
            let result = lease.pg.batch_execute(sql);
            lease.session.sent(control, before, result.is_ok());
            return result;
        }
        lease.proved();
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
        note(lease, Effects::of_copy());
        lease.proved();
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
pub(super) fn note(lease: &mut Lease, effects: Effects) {
    let effects = if lease.verifies_always() {
        effects.at_worst_unseen()
    } else {
        effects
    };
    lease.session.will_send(effects);
    if effects.taint >= Taint::Statements {
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

/// The effects of a query, whether it does nothing but read, and whether it may make something.
fn effects_of(sql: &str, typed: bool) -> (Effects, bool, bool) {
    let effects = Effects::of_query(sql, typed);
    let is_harmless = effects.taint <= Taint::Settings && !effects.may_change_path;
    let only_reads = is_harmless && Effects::only_reads(sql);
    (effects, only_reads, Effects::may_make_something(sql))
}

fn text_of<T: QueryFragment<Pg>>(query: &T) -> QueryResult<String> {
    let mut sql = PgQueryBuilder::default();
    query.to_sql(&mut sql, &Pg)?;
    Ok(sql.finish())
}
