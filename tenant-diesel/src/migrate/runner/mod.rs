//! One schema: under its lock, each step in one transaction with the row in the ledger and the library's own.
//!
//! | module | owns |
//! |---|---|
//! | [`transaction`] | a step in a transaction |
//! | [`session`] | a step that cannot run in one |
//! | [`at_once`] | a plain step in one message |
//! | [`notes`] | what is noted of a step |
//! | [`routine`] | what is sent for every schema alike |
//! | [`service`] | tenants that are out of service meanwhile |

mod at_once;
mod notes;
mod routine;
mod service;
mod session;
mod transaction;

use super::context::Context;
use super::file::{may_locate, run_file};
use super::goal::{Goal, Step};
use super::progress::RunEvent;
use super::work::Job;
use super::{ledger, lock};
use crate::app::MigrationFile;
use crate::connection::{ScopedConnection, TenantScope};
use crate::events::{Event, Moment};
use crate::provision::own_locks::{Locked, OwnLock};
use crate::session::Taint;
use crate::{Error, SchemaKind};
use routine::Routine;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tenant_core::SchemaName;

pub(crate) use routine::Prepared;

pub(crate) type Migrations = [&'static MigrationFile];

/// Why a schema was left before it was done.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Somebody else has its lock.
    Busy,
    /// It was archived since the run began, or is being dropped.
    AtRest,
    /// It was renamed since the run began, to this.
    Renamed(SchemaName),
    Failed(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

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
            Err(Stopped::Failed(error @ Error::SchemaMissing { .. })) => {
                return Err(schema.new_name().map_or(Stopped::Failed(error), Stopped::Renamed));
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

impl<'c> OneSchema<'_, 'c> {
    /// What is sent for every schema alike, as this connection has it.
    fn routine(&mut self) -> Routine<'c> {
        let lease = self.conn.lease_mut();
        Routine {
            // What is to be taken back includes what is prepared.
            is_prepared: lease.routine == Prepared::Yes && lease.session.taint() < Taint::Statements,
            records: &self.context.pool.paths().records,
        }
    }
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

    /// What the schema is called now, if the tenant was renamed.
    fn new_name(&mut self) -> Option<SchemaName> {
        let oid = self.job.oid?;
        let records = &self.context.pool.paths().records;
        // If this cannot be asked either, the schema is missing for all that is known.
        records.tenant_now_called(self.conn.raw(), oid).ok().flatten()
    }

    /// Takes the next step. False if there is nothing left to do.
    fn take_step(&mut self) -> Result<bool, Stopped> {
        let start = Instant::now();
        let taken = match self.at_once()? {
            Some(taken) => Ok(taken),
            None if self.job.is_transactional => self.in_transaction(),
            None => self.outside_transaction(),
        };
        let taken = match taken {
            // Which statement it was is found out by sending them one by one.
            Err(Stopped::Failed(error))
                if self.job.is_transactional && !self.job.in_pieces && may_locate(&error) =>
            {
                self.job.in_pieces = true;
                return Ok(true);
            }
            other => other?,
        };
        let (step, left) = match taken {
            Taken::Nothing => return Ok(false),
            Taken::Again => return Ok(true),
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
        self.job.prefix = self.job.prefix.filter(|applied| {
            let next = self.migrations.get(*applied);
            next.is_some_and(|file| step == Step::Apply(file.version.to_owned()))
        });
        self.job.prefix = self.job.prefix.map(|applied| applied + 1);
        match left.first() {
            Some(next) => {
                self.job.is_transactional = self.is_transactional(next);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn applied(&mut self) -> Result<HashSet<String>, Stopped> {
        let schema = self.schema.clone();
        let applied = ledger::versions(self.conn.raw(), &schema);
        applied.map_err(|error| self.failed("read the ledger", error))
    }

    fn steps(&mut self, applied: &HashSet<String>) -> Result<Vec<Step>, Stopped> {
        let mut steps = self.job.goal.steps(applied);
        if matches!(self.job.goal, Goal::Redo(_))
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
        if let [step @ Step::Redo(version)] = steps.as_slice()
            && !self.is_transactional(step)
        {
            // Each half is recorded, so that the other is not lost if the process is killed between them.
            steps = vec![Step::Revert(version.clone()), Step::Apply(version.clone())];
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
        let records = &self.context.pool.paths().records;
        let _own = OwnLock::hold(records, Locked::Schema(&self.schema));
        let event = Event::new(moment, &self.schema).version_is(version);
        self.context.events.fire(event).map_err(Stopped::Failed)
    }

    /// How long is waited for a lock, and how long a statement may take.
    fn limits(&self) -> [Option<Duration>; 2] {
        [
            self.context.rules.lock_timeout,
            self.context.rules.statement_timeout,
        ]
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
    /// It must be looked at again: the next step is taken in the other way, or nothing came of this one.
    Again,
    /// This one was taken, and these are left.
    Step { step: Step, left: Vec<Step> },
}

fn find(migrations: &Migrations, version: &str) -> Option<&'static MigrationFile> {
    migrations.iter().find(|file| file.version == version).copied()
}
