//! A step in a transaction: begun with path, limits and lock in one message, committed with the rows that note the step.

use super::routine::{self, IS_SAME, Prepared, Routine, has_ended, is_at_rest, is_locked};
use super::{OneSchema, Stopped, Taken, find};
use crate::events::Moment;
use crate::migrate::file::ENDS_ITS_TRANSACTION;
use crate::migrate::goal::Step;
use crate::migrate::{ledger, lock};
use crate::paths::Target;
use crate::sql_text::is_plain;
use crate::{Error, SchemaKind};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};

impl OneSchema<'_, '_> {
    /// In one transaction: the lock, the ledger, the next step, its row, and the library's own.
    pub(super) fn in_transaction(&mut self) -> Result<Taken, Stopped> {
        self.begin()?;
        let mut is_forgotten = false;
        let result = self.inside().and_then(|(taken, notes)| {
            let committed = self.conn.lease_mut().commit_work(&format!("{IS_SAME}; {notes}"));
            committed.map_err(|error| {
                is_forgotten = routine::is_forgotten(&error);
                match (has_ended(&error), &taken) {
                    (true, Taken::Step { step, .. }) => Stopped::Failed(Error::Migration {
                        schema: self.schema.clone(),
                        version: step.version().to_owned(),
                        source: ENDS_ITS_TRANSACTION.into(),
                    }),
                    _ => self.failed("record and commit a migration", error),
                }
            })?;
            self.note_what_was_left(&taken);
            Ok(taken)
        });
        if result.is_err() && AnsiTransactionManager::rollback_transaction(self.conn).is_err() {
            // Whatever it is in, nobody is to have it.
            self.conn.lease_mut().note_lost();
        }
        if is_forgotten {
            self.conn.lease_mut().routine = Prepared::NotAnyMore;
            return Ok(Taken::Again);
        }
        result
    }

    /// A file that can have left nothing in the session spares the next schema the reset, which costs as much as a
    /// small file.
    fn note_what_was_left(&mut self, taken: &Taken) {
        let is_plain = match taken {
            Taken::Step {
                step: Step::Apply(version),
                ..
            } => find(self.migrations, version).is_some_and(|file| is_plain(file.up)),
            Taken::Step { .. } => false,
            Taken::Nothing | Taken::Again => true,
        };
        let lease = self.conn.lease_mut();
        if is_plain && !lease.verifies_always() {
            lease.session.nothing_was_left();
        }
    }

    fn begin(&mut self) -> Result<(), Stopped> {
        self.prepare()?;
        let target = self.conn.lease_mut().target.clone();
        let mut result = self.begin_on(&target);
        if matches!(result, Err(Error::SchemaMissing { .. })) && self.job.report.kind != SchemaKind::Tenant {
            // Those of the configuration are made where they are missing.
            self.create_schema()?;
            result = self.begin_on(&target);
        } else if matches!(&result, Err(Error::SetPath { source, .. }) if !is_locked(source) && !is_at_rest(source))
        {
            // The schema was missing, and is there by now: somebody else made it. Or what was prepared is not.
            if matches!(&result, Err(Error::SetPath { source, .. }) if routine::is_forgotten(source)) {
                self.conn.lease_mut().routine = Prepared::NotAnyMore;
            }
            result = self.begin_on(&target);
        }
        match result {
            Ok(()) => Ok(()),
            Err(Error::SetPath { source, .. }) if is_locked(&source) => Err(Stopped::Busy),
            Err(Error::SetPath { source, .. }) if is_at_rest(&source) => Err(Stopped::AtRest),
            Err(Error::SetPath { source, .. }) => Err(self.failed("begin a migration", source)),
            Err(error) => Err(Stopped::Failed(error)),
        }
    }

    /// Prepares what is sent for every schema, if that was not done on this connection.
    pub(super) fn prepare(&mut self) -> Result<(), Stopped> {
        let routine = Routine {
            records: &self.context.pool.paths().records,
            is_prepared: false,
        };
        let lease = self.conn.lease_mut();
        if lease.routine != Prepared::NotYet {
            return Ok(());
        }
        // Should it fail half-way, nobody knows what is prepared.
        lease.routine = Prepared::NotAnyMore;
        let prepared = lease.pg.batch_execute(&routine.prepare());
        prepared.map_err(|error| self.failed("prepare what is sent for every schema", error))?;
        self.conn.lease_mut().routine = Prepared::Yes;
        Ok(())
    }

    /// One message: the lock, if nobody has it, and the path and the limits for the time of the transaction.
    fn begin_on(&mut self, target: &Target) -> Result<(), Error> {
        let routine = self.routine();
        let ledger = match self.job.has_ledger {
            true => String::new(),
            false => format!("; {}", ledger::create_sql(&self.schema)),
        };
        let begin = format!(
            "BEGIN; {}; {}{ledger}",
            routine.lock(&self.schema),
            routine::enter(&target.path, self.limits())
        );
        self.conn.lease_mut().begin_work(target, &begin)
    }

    /// What was done, and the statements that note it.
    fn inside(&mut self) -> Result<(Taken, String), Stopped> {
        let applied = self.applied()?;
        let mut steps = self.steps(&applied)?;
        if steps.is_empty() {
            return Ok((Taken::Nothing, self.notes(applied, None, true)));
        }
        let step = steps.remove(0);
        if !self.is_transactional(&step) {
            self.job.is_transactional = false;
            return Ok((Taken::Again, "SELECT 1".to_owned()));
        }
        self.run(&step)?;
        self.fire(Moment::AppliedMigration, &step)?;
        let notes = self.notes(applied, Some(&step), steps.is_empty());
        Ok((Taken::Step { step, left: steps }, notes))
    }

    /// Under its lock, for `IF NOT EXISTS` alone fails where two do it at once.
    /// The catalog is read in between, which makes the server forget that it found no such schema a moment ago: somebody else may
    /// have made it while the lock was waited for.
    fn create_schema(&mut self) -> Result<(), Stopped> {
        let create = format!(
            "BEGIN; SELECT pg_catalog.set_config('lock_timeout', '0', true); {}; \
             SELECT FROM pg_catalog.pg_namespace LIMIT 0; CREATE SCHEMA IF NOT EXISTS {}; COMMIT",
            lock::transaction_lock_sql(&self.schema),
            self.schema.quoted()
        );
        let lease = self.conn.lease_mut();
        let created = lease.pg.batch_execute(&create);
        if created.is_err() {
            // Whatever it says, the first error is the one to be heard of.
            let _after = lease.pg.batch_execute("ROLLBACK");
        }
        created.map_err(|error| self.failed("create the schema", error))
    }
}
