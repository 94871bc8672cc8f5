//! A step in one message: from the lock to the commit, where nothing of ours or the application's has to come in between.
//!
//! It is for the plainest of files, and for what nearly always holds: nobody is at the schema, and its ledger holds what is known of it. The
//! message says so itself, and fails where it does not hold. Then nothing was done, and the step is taken in the careful way, which
//! finds out why.

use super::routine::{self, Prepared};
use super::{OneSchema, Stopped, Taken};
use crate::app::MigrationFile;
use crate::events::Moment;
use crate::migrate::goal::{Goal, Step};
use crate::session::Taint;
use crate::sql_text::is_plain;
use diesel::connection::SimpleConnection;

impl OneSchema<'_, '_> {
    /// Takes the next step, if it can be taken like this.
    pub(super) fn at_once(&mut self) -> Result<Option<Taken>, Stopped> {
        let Some((applied, file)) = self.next_at_once() else {
            return Ok(None);
        };
        self.prepare()?;
        let lease = self.conn.lease_mut();
        if lease.routine != Prepared::Yes || lease.session.taint() > Taint::Clean || lease.verifies_always() {
            return Ok(None);
        }
        let target = lease.target.clone();
        let step = Step::Apply(file.version.to_owned());
        let left: Vec<Step> = self.migrations[applied + 1..]
            .iter()
            .map(|file| Step::Apply(file.version.to_owned()))
            .collect();
        let versions = self.migrations[..applied]
            .iter()
            .map(|file| file.version.to_owned());
        let message = format!(
            "BEGIN; {}; {}; {}; {}\n; {}; COMMIT",
            self.routine().lock(&self.schema),
            routine::enter(&target.path, self.limits()),
            routine::expect(&self.schema, versions.clone()),
            file.up,
            self.notes(versions.collect(), Some(&step), left.is_empty())
        );
        let lease = self.conn.lease_mut();
        lease.works_at_once(&target);
        let Err(error) = lease.pg.batch_execute(&message) else {
            return Ok(Some(Taken::Step { step, left }));
        };
        if lease.pg.batch_execute("ROLLBACK").is_err() {
            // Whatever it is in, nobody is to have it.
            lease.note_lost();
        }
        if routine::is_forgotten(&error) {
            lease.routine = Prepared::NotAnyMore;
        }
        match error {
            error if routine::is_locked(&error) => Err(Stopped::Busy),
            error if routine::is_at_rest(&error) => Err(Stopped::AtRest),
            _ => {
                self.job.prefix = None;
                Ok(None)
            }
        }
    }

    /// The next file, and how many come before it, if the ledger holds just these for all that is known.
    fn next_at_once(&self) -> Option<(usize, &'static MigrationFile)> {
        let (applied, job) = (self.job.prefix?, &*self.job);
        let is_heard = [Moment::ApplyingMigration, Moment::AppliedMigration]
            .iter()
            .any(|moment| self.context.events.listens(*moment));
        let in_pieces = self.context.rules.in_pieces || job.in_pieces;
        if is_heard || in_pieces || !job.has_ledger || !matches!(job.goal, Goal::Apply(_)) {
            return None;
        }
        let file = *self.migrations.get(applied)?;
        (file.run_in_transaction && is_plain(file.up)).then_some((applied, file))
    }
}
