//! A step that cannot run in a transaction: the lock is the session's, and file and rows are two transactions.

use super::routine::{Prepared, is_at_rest};
use super::{OneSchema, Stopped, Taken};
use crate::events::Moment;
use crate::migrate::goal::Step;
use crate::migrate::{ledger, lock};
use diesel::connection::SimpleConnection;

impl OneSchema<'_, '_> {
    /// The same for a file that cannot run in a transaction: the lock is the session's, and file and row are two
    /// transactions.
    pub(super) fn outside_transaction(&mut self) -> Result<Taken, Stopped> {
        // Takes back what the last file left in the session, whichever schema it was for.
        let target = self.conn.lease_mut().target.clone();
        self.conn.lease_mut().enter_work(&target)?;
        // Everything is sent in full: what the file does cannot be undone, and must not go unnoted because a statement is gone.
        self.conn.lease_mut().routine = Prepared::NotAnyMore;
        let schema = self.schema.clone();
        let lock = lock::try_session_lock(self.conn.raw(), &schema);
        if !lock.map_err(|error| self.failed("take the lock of the schema", error))? {
            return Err(Stopped::Busy);
        }
        let result = self.unlocked_after();
        if !lock::session_unlock(self.conn.raw(), &schema).unwrap_or(false) {
            // Closing the connection gives the lock back.
            self.conn.lease_mut().note_lost();
        }
        result
    }

    fn unlocked_after(&mut self) -> Result<Taken, Stopped> {
        if !self.job.has_ledger {
            let create = ledger::create_sql(&self.schema);
            let created = self.conn.raw().batch_execute(&create);
            created.map_err(|error| self.failed("create the ledger", error))?;
        }
        self.look()?;
        let applied = self.applied()?;
        let mut steps = self.steps(&applied)?;
        if steps.is_empty() {
            let notes = self.notes(applied, None, true);
            self.note(&notes)?;
            return Ok(Taken::Nothing);
        }
        let step = steps.remove(0);
        if self.is_transactional(&step) {
            self.job.is_transactional = true;
            return Ok(Taken::Again);
        }
        self.run(&step)?;
        let notes = match self.lock_was_kept(&step)? {
            true => self.notes(applied, Some(&step), steps.is_empty()),
            // Others may have been here meanwhile.
            false => {
                let applied = self.applied()?;
                let is_noted = applied.contains(step.version()) == matches!(step, Step::Apply(_));
                self.notes(applied, (!is_noted).then_some(&step), steps.is_empty())
            }
        };
        self.note(&notes)?;
        // Only now: what was done cannot be undone, and must be in the ledger whatever a handler says.
        self.fire(Moment::AppliedMigration, &step)?;
        // Whatever the file did to the path, also where nothing in its text says so.
        self.conn.assert_path()?;
        Ok(Taken::Step { step, left: steps })
    }

    /// Whether something may be done in the schema at all.
    fn look(&mut self) -> Result<(), Stopped> {
        let look = self.routine().look(&self.schema);
        let looked = self.conn.raw().batch_execute(&look);
        looked.map_err(|error| match is_at_rest(&error) {
            true => Stopped::AtRest,
            false => self.failed("ask whether the schema may be migrated", error),
        })
    }

    /// Notes what was done outside a transaction, in one of its own: a message of several statements is one.
    fn note(&mut self, notes: &str) -> Result<(), Stopped> {
        let noted = self.conn.lease_mut().pg.batch_execute(notes);
        noted.map_err(|error| self.failed("record a migration", error))
    }

    /// Whether the schema was locked all the time. A file that gives up the locks of its session (`pg_advisory_unlock_all()`) did
    /// what it did, and that must be in the ledger: the lock is taken again before anything else is done.
    fn lock_was_kept(&mut self, step: &Step) -> Result<bool, Stopped> {
        let schema = self.schema.clone();
        let asked = lock::has_session_lock(self.conn.raw(), &schema);
        if asked.map_err(|error| self.failed("ask for the lock of the schema", error))? {
            return Ok(true);
        }
        tracing::warn!(
            %schema,
            version = step.version(),
            "a migration gave up the lock of its schema, so that another process may have run it too: leave \
             `pg_advisory_unlock_all()` out of it"
        );
        let taken = lock::session_lock(self.conn.raw(), &schema);
        taken.map_err(|error| self.failed("take the lock of the schema again", error))?;
        Ok(false)
    }
}
