//! One schema: under its lock, each step in one transaction with the row in the ledger and the library's own.

use super::context::Context;
use super::file::{ENDS_ITS_TRANSACTION, failure_in, run_file};
use super::goal::Step;
use super::progress::RunEvent;
use super::work::Job;
use super::{ledger, lock};
use crate::app::MigrationFile;
use crate::connection::{ScopedConnection, TenantScope};
use crate::events::{Event, Moment};
use crate::paths::Target;
use crate::records::schemas::Ledger;
use crate::retry::{ENGLISH, was_worth_retrying};
use crate::sql_text::is_plain;
use crate::{Error, SchemaKind, sql};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tenant_core::SchemaName;

pub(crate) type Migrations = [&'static MigrationFile];

/// Why a schema was left before it was done.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Somebody else has its lock.
    Busy,
    /// It was archived since the run began, or is being dropped.
    AtRest,
    Failed(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What the server says, in any language, where the lock of a schema is taken: it quotes what could not be read as
/// a number.
const LOCKED: &str = "tenant_diesel: somebody else migrates this schema";

/// Does in a schema what its goal wants. What was done is in the job's report, whatever comes after.
pub(crate) fn bring(
    context: &Context<'_>,
    conn: &mut ScopedConnection<TenantScope>,
    job: &mut Job,
) -> Result<(), Stopped> {
    let schema = job.schema().clone();
    let paths = context.pool.paths();
    let target = match job.report.kind {
        SchemaKind::Shared => paths.public(),
        _ => paths.tenant_migrations(&schema)?,
    };
    let migrations = context.apps.migrations_of(&schema, job.report.kind);
    conn.lease_mut().target = target;
    let mut schema = OneSchema {
        context,
        conn,
        job,
        migrations: &migrations,
        schema,
    };
    schema.job.report.attempts += 1;
    if schema.is_still_busy()? {
        return Err(Stopped::Busy);
    }
    let is_told = std::mem::replace(&mut schema.job.is_told, true);
    if !is_told && context.events.listens(Moment::MigratingSchema) {
        context
            .events
            .fire(Event::new(Moment::MigratingSchema, &schema.schema))?;
    }
    schema.take_out_of_service()?;
    loop {
        match schema.take_step() {
            Ok(true) => {}
            Ok(false) => break,
            Err(Stopped::Busy) => {
                schema.put_back_into_service()?;
                return Err(Stopped::Busy);
            }
            Err(failed) => return Err(failed),
        }
    }
    if context.events.listens(Moment::MigratedSchema) {
        context
            .events
            .fire(Event::new(Moment::MigratedSchema, &schema.schema))?;
    }
    Ok(())
}

struct OneSchema<'a, 'c> {
    context: &'a Context<'c>,
    conn: &'a mut ScopedConnection<TenantScope>,
    job: &'a mut Job,
    migrations: &'a Migrations,
    schema: SchemaName,
}

impl OneSchema<'_, '_> {
    /// Whether somebody still has the lock of a schema that was locked before: asked without an error, which the
    /// server would write into its log each time.
    fn is_still_busy(&mut self) -> Result<bool, Stopped> {
        if !std::mem::take(&mut self.job.is_busy) {
            return Ok(false);
        }
        let schema = self.schema.clone();
        let is_free = lock::try_transaction_lock(self.conn.raw(), &schema);
        let is_free = is_free.map_err(|error| self.failed("ask for the lock of the schema", error))?;
        self.job.is_busy = !is_free;
        Ok(!is_free)
    }

    /// Takes the next step. False if there is nothing left to do.
    fn take_step(&mut self) -> Result<bool, Stopped> {
        let start = Instant::now();
        let taken = if self.job.is_transactional {
            self.in_transaction()
        } else {
            self.outside_transaction()
        };
        let taken = match taken {
            // Which statement it was is found out by sending them one by one.
            Err(Stopped::Failed(error)) if self.job.is_transactional && self.may_locate(&error) => {
                self.job.in_pieces = true;
                return Ok(true);
            }
            other => other?,
        };
        let (step, left) = match taken {
            Taken::Nothing => return Ok(false),
            Taken::OtherWay => return Ok(true),
            Taken::Step { step, left } => (step, left),
        };
        let report = &mut self.job.report;
        report.did(&step);
        self.context.tell(&RunEvent::StepDone {
            schema: &self.schema,
            step: &step,
            duration: start.elapsed(),
        });
        self.job.has_ledger = true;
        self.job.has_record = true;
        match left.first() {
            Some(next) => {
                self.job.is_transactional = self.is_transactional(next);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// In one transaction: the lock, the ledger, the next step, its row, and the library's own.
    fn in_transaction(&mut self) -> Result<Taken, Stopped> {
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

    /// The same for a file that cannot run in a transaction: the lock is the session's, and file and row are two
    /// transactions.
    fn outside_transaction(&mut self) -> Result<Taken, Stopped> {
        // Takes back what the last file left in the session, whichever schema it was for.
        let target = self.conn.lease_mut().target.clone();
        self.conn.lease_mut().enter_work(&target)?;
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
            return Ok(Taken::OtherWay);
        }
        self.run(&step)?;
        let notes = self.notes(applied, Some(&step), steps.is_empty());
        self.note(&notes)?;
        // Only now: what was done cannot be undone, and must be in the ledger whatever a handler says.
        self.fire(Moment::AppliedMigration, &step)?;
        // Whatever the file did to the path, also where nothing in its text says so.
        self.conn.assert_path()?;
        Ok(Taken::Step { step, left: steps })
    }

    /// Whether a failed file does not say which of its statements failed, and may be sent again.
    fn may_locate(&self, error: &Error) -> bool {
        let is_unlocated = failure_in(error).is_some_and(|failure| failure.statement.is_none());
        is_unlocated && !self.job.in_pieces && !was_worth_retrying(error)
    }

    fn applied(&mut self) -> Result<HashSet<String>, Stopped> {
        let schema = self.schema.clone();
        let rest = self.context.pool.paths().records.at_rest(&schema);
        let applied = ledger::versions_unless(self.conn.raw(), &schema, &rest);
        let applied = applied.map_err(|error| self.failed("read the ledger", error))?;
        applied.ok_or(Stopped::AtRest)
    }

    fn steps(&mut self, applied: &HashSet<String>) -> Result<Vec<Step>, Stopped> {
        let steps = self.job.goal.steps(applied);
        if matches!(steps.first(), Some(Step::Redo(_)))
            && let Some(run) = self.context.run
        {
            // The ledger looks the same before and after.
            let schema = self.schema.clone();
            let records = &self.context.pool.paths().records;
            let is_done = records.is_target_done(self.conn.raw(), run, &schema);
            if is_done.map_err(|error| self.failed("ask whether it was done", error))? {
                return Ok(Vec::new());
            }
        }
        Ok(steps)
    }

    fn is_transactional(&self, step: &Step) -> bool {
        is_transactional(self.migrations, step)
    }

    fn run(&mut self, step: &Step) -> Result<(), Stopped> {
        if matches!(step, Step::Fake(_)) {
            return Ok(());
        }
        let version = step.version();
        let (schema, pieces) = (
            self.schema.clone(),
            self.context.rules.in_pieces || self.job.in_pieces,
        );
        let Some(file) = find(self.migrations, version) else {
            return Err(Stopped::Failed(Error::NotEmbedded {
                schema,
                version: version.to_owned(),
            }));
        };
        self.fire(Moment::ApplyingMigration, step)?;
        let down = || {
            file.down.ok_or_else(|| Error::NoDownFile {
                schema: schema.clone(),
                file: file.directory.to_owned(),
            })
        };
        let result = match step {
            Step::Apply(_) => run_file(self.conn, file, "up.sql", file.up, pieces),
            Step::Revert(_) => run_file(self.conn, file, "down.sql", down()?, pieces),
            _ => run_file(self.conn, file, "down.sql", down()?, pieces)
                .and_then(|()| self.conn.assert_path())
                .and_then(|()| run_file(self.conn, file, "up.sql", file.up, pieces)),
        };
        result.map_err(Stopped::Failed)
    }

    fn fire(&self, moment: Moment, step: &Step) -> Result<(), Stopped> {
        let version = step.version();
        if matches!(step, Step::Fake(_)) || !self.context.events.listens(moment) {
            return Ok(());
        }
        let event = Event::new(moment, &self.schema).version_is(version);
        self.context.events.fire(event).map_err(Stopped::Failed)
    }

    /// The statements that note a step: in the ledger, in the library's row, in that of the run.
    fn notes(&self, mut applied: HashSet<String>, step: Option<&Step>, is_last: bool) -> String {
        let context = self.context;
        let records = &context.pool.paths().records;
        let mut message = String::new();
        let changes_role = step
            .and_then(|step| find(self.migrations, step.version()))
            .is_some_and(MigrationFile::may_change_role);
        if changes_role {
            message += "RESET SESSION AUTHORIZATION; RESET ROLE; ";
        }
        match step {
            Some(Step::Apply(version) | Step::Fake(version)) => {
                message += &ledger::insert_sql(&self.schema, version);
                message += "; ";
                applied.insert(version.clone());
            }
            Some(Step::Revert(version)) => {
                message += &ledger::delete_sql(&self.schema, version);
                message += "; ";
                applied.remove(version);
            }
            Some(Step::Redo(_)) | None => {}
        }
        let mut versions: Vec<String> = applied.into_iter().collect();
        versions.sort_unstable();
        let ledger = Ledger {
            schema: &self.schema,
            kind: self.job.report.kind,
            versions: &versions,
        };
        message += &records.note_versions(&ledger, is_last, self.job.has_record);
        if let Some(run) = context.run {
            message += "; ";
            message += &records.target_step_sql(run, &self.job.report, step, is_last);
        }
        message
    }

    /// Notes what was done outside a transaction, in one of its own: a message of several statements is one.
    fn note(&mut self, notes: &str) -> Result<(), Stopped> {
        let noted = self.conn.lease_mut().pg.batch_execute(notes);
        noted.map_err(|error| self.failed("record a migration", error))
    }

    fn take_out_of_service(&mut self) -> Result<(), Stopped> {
        let is_tenant = self.job.report.kind == SchemaKind::Tenant;
        if !(self.context.rules.out_of_service && is_tenant) {
            return Ok(());
        }
        use crate::TenantState::{Failed, Migrating, Ready};
        let records = &self.context.pool.paths().records;
        let schema = self.schema.clone();
        let moved = records.move_state(self.conn.raw(), &schema, &[Ready, Failed], Migrating);
        moved.map_err(|error| self.failed("take the tenant out of service", error))?;
        self.context.pool.shelf().states_changed();
        Ok(())
    }

    /// Puts a tenant back that was taken out of service and left to somebody else.
    fn put_back_into_service(&mut self) -> Result<(), Stopped> {
        if !self.context.rules.out_of_service {
            return Ok(());
        }
        use crate::TenantState::{Migrating, Ready};
        let records = &self.context.pool.paths().records;
        let schema = self.schema.clone();
        let moved = records.move_state(self.conn.raw(), &schema, &[Migrating], Ready);
        moved.map_err(|error| self.failed("put the tenant back into service", error))?;
        self.context.pool.shelf().states_changed();
        Ok(())
    }

    /// Under its lock, for `IF NOT EXISTS` alone fails where two do it at once.
    fn create_schema(&mut self) -> Result<(), Stopped> {
        let create = format!(
            "BEGIN; SELECT pg_catalog.set_config('lock_timeout', '0', true); {}; CREATE SCHEMA IF NOT EXISTS {}; COMMIT",
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

    fn failed(&self, action: &'static str, error: diesel::result::Error) -> Stopped {
        Stopped::Failed(Error::attempt(action, &self.schema)(error))
    }
}

/// Whether a step runs in a transaction.
pub(crate) fn is_transactional(migrations: &Migrations, step: &Step) -> bool {
    let is_fake = matches!(step, Step::Fake(_));
    is_fake || find(migrations, step.version()).is_none_or(|file| file.run_in_transaction)
}

/// What became of a look at a schema.
enum Taken {
    /// There was nothing to do.
    Nothing,
    /// The next step must be taken in the other way.
    OtherWay,
    /// This one was taken, and these are left.
    Step { step: Step, left: Vec<Step> },
}

/// A setting that is there as long as the transaction is: a file that ends it, and begins another one, takes it away.
const MARK: &str = "tenant_diesel.migration";

/// An error if it is gone.
const IS_SAME: &str = "SELECT (CASE pg_catalog.current_setting('tenant_diesel.migration', true) WHEN 'here' \
     THEN '0' ELSE 'tenant_diesel: another transaction' END)::pg_catalog.int4";

fn has_ended(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, information)
        if information.message().contains("tenant_diesel: another transaction"))
}

fn is_locked(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, information) if information.message().contains(LOCKED))
}

fn find(migrations: &Migrations, version: &str) -> Option<&'static MigrationFile> {
    migrations.iter().find(|file| file.version == version).copied()
}

/// An error with its sources, as a log would hold it.
pub(crate) fn in_full(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
