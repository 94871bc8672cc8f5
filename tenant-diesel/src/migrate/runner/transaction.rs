//! A step in a transaction: begun with path, limits and lock in one message, committed with the rows that note the step.

use super::{OneSchema, Stopped, Taken, find};
use crate::events::Moment;
use crate::migrate::file::ENDS_ITS_TRANSACTION;
use crate::migrate::goal::Step;
use crate::migrate::{ledger, lock};
use crate::paths::Target;
use crate::retry::ENGLISH;
use crate::sql_text::is_plain;
use crate::{Error, SchemaKind, sql};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use std::time::Duration;

/// What the server says, in any language, where the lock of a schema is taken: it quotes what could not be read as
/// a number.
const LOCKED: &str = "tenant_diesel: somebody else migrates this schema";

/// A setting that is there as long as the transaction is: a file that ends it, and begins another one, takes it away.
const MARK: &str = "tenant_diesel.migration";

/// An error if it is gone.
const IS_SAME: &str = "SELECT (CASE pg_catalog.current_setting('tenant_diesel.migration', true) WHEN 'here' \
     THEN '0' ELSE 'tenant_diesel: another transaction' END)::pg_catalog.int4";

impl OneSchema<'_, '_> {
    /// In one transaction: the lock, the ledger, the next step, its row, and the library's own.
    pub(super) fn in_transaction(&mut self) -> Result<Taken, Stopped> {
        self.begin()?;
        let result = self.inside().and_then(|(taken, notes)| {
            let committed = self.conn.lease_mut().commit_work(&format!("{IS_SAME}; {notes}"));
            committed.map_err(|error| match (has_ended(&error), &taken) {
                (true, Taken::Step { step, .. }) => Stopped::Failed(Error::Migration {
                    schema: self.schema.clone(),
                    version: step.version().to_owned(),
                    source: ENDS_ITS_TRANSACTION.into(),
                }),
                _ => self.failed("record and commit a migration", error),
            })?;
            self.note_what_was_left(&taken);
            Ok(taken)
        });
        if result.is_err() && AnsiTransactionManager::rollback_transaction(self.conn).is_err() {
            // Whatever it is in, nobody is to have it.
            self.conn.lease_mut().note_lost();
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
            Taken::Nothing | Taken::OtherWay => true,
        };
        let lease = self.conn.lease_mut();
        if is_plain && !lease.verifies_always() {
            lease.session.nothing_was_left();
        }
    }

    fn begin(&mut self) -> Result<(), Stopped> {
        let target = self.conn.lease_mut().target.clone();
        let begin = self.begin_message(&target);
        let mut result = self.conn.lease_mut().begin_work(&target, &begin);
        if matches!(result, Err(Error::SchemaMissing { .. })) && self.job.report.kind != SchemaKind::Tenant {
            // Those of the configuration are made where they are missing.
            self.create_schema()?;
            result = self.conn.lease_mut().begin_work(&target, &begin);
        } else if matches!(&result, Err(Error::SetPath { source, .. }) if !is_locked(source)) {
            // The schema was missing, and is there by now: somebody else made it.
            result = self.conn.lease_mut().begin_work(&target, &begin);
        }
        match result {
            Ok(()) => Ok(()),
            Err(Error::SetPath { source, .. }) if is_locked(&source) => Err(Stopped::Busy),
            Err(Error::SetPath { source, .. }) => Err(self.failed("begin a migration", source)),
            Err(error) => Err(Stopped::Failed(error)),
        }
    }

    /// One message: the path and the limits for the time of the transaction, and the lock, if nobody has it.
    fn begin_message(&self, target: &Target) -> String {
        let mut settings = vec![
            ("search_path", target.path.to_string()),
            (MARK, "here".to_owned()),
        ];
        settings.extend(self.limits());
        let settings: Vec<String> = settings
            .iter()
            .map(|(name, value)| format!("pg_catalog.set_config('{name}', {}, true)", sql::literal(value)))
            .collect();
        let ledger = match self.job.has_ledger {
            true => String::new(),
            false => format!("; {}", ledger::create_sql(&self.schema)),
        };
        format!(
            "BEGIN; SELECT ({})::pg_catalog.regnamespace, {}, {ENGLISH}; \
             SELECT (CASE WHEN {} THEN '0' ELSE '{LOCKED}' END)::pg_catalog.int4{ledger}",
            sql::literal(&self.schema.quoted()),
            settings.join(", "),
            lock::try_transaction_lock_sql(&self.schema),
        )
    }

    fn limits(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let rules = &self.context.rules;
        let limits = [
            ("lock_timeout", rules.lock_timeout),
            ("statement_timeout", rules.statement_timeout),
        ];
        let limit = |(name, limit): (_, Option<Duration>)| {
            // Zero would be no limit at all, and more than this is refused.
            let milliseconds = limit?.as_millis().clamp(1, i32::MAX as u128);
            Some((name, format!("{milliseconds}ms")))
        };
        limits.into_iter().filter_map(limit)
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
            return Ok((Taken::OtherWay, "SELECT 1".to_owned()));
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

fn has_ended(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, information)
        if information.message().contains("tenant_diesel: another transaction"))
}

fn is_locked(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, information) if information.message().contains(LOCKED))
}
