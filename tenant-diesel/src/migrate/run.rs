//! [`MigrationRun`]: a run as it is described, and how it goes: the shared schema, then wave by wave.

use super::executor::{Executor, Parallel, Sequential};
use super::goal::{Goal, MigrationTarget};
use super::order::Order;
use super::plan::{MigrationPlan, PlannedSchema};
use super::progress::RunEvent;
use super::report::{MigrationReport, Outcome, SchemaReport};
use super::runner::{Context, Rules};
use super::selection::Selection;
use super::survey::{Behind, Survey, Which, read_ledgers};
use super::wave::{Gate, OnError, Size, Wave, WaveEnd};
use super::work::{Job, Limits, Work};
use crate::model::TenantModel;
use crate::records::runs::{Begun, End, Kept};
use crate::{Error, SchemaKind, Tenancy};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tenant_core::{AppScope, SchemaName};

/// How long a migration waits for a lock, unless it is said otherwise. Whoever comes after it for the same table waits as
/// long.
pub const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a statement of a migration may take, unless it is said otherwise: long enough for an index over a large
/// table, and not for ever.
pub const DEFAULT_STATEMENT_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How often a schema is tried, unless it is said otherwise.
pub const DEFAULT_ATTEMPTS: u32 = 5;

type Observer = Arc<dyn Fn(&RunEvent<'_>) + Send + Sync>;

/// A run of migrations: which schemas, where they are brought, and how. From [`Tenancy::migration`].
///
#[doc = include_str!("../docs/migration_run.md")]
#[must_use = "`run` runs it, `plan` says what it would do"]
pub struct MigrationRun<'t, T> {
    tenancy: &'t Tenancy<T>,
    selection: Selection,
    target: MigrationTarget,
    shared_first: bool,
    verify: bool,
    missing_is_failure: bool,
    executor: Arc<dyn Executor>,
    order: Order<'t, T>,
    waves: Vec<Wave>,
    rules: Rules,
    limits: Limits,
    observer: Option<Observer>,
}

impl<'t, T: TenantModel> MigrationRun<'t, T> {
    pub(super) fn new(tenancy: &'t Tenancy<T>) -> Self {
        Self {
            tenancy,
            selection: Selection::all(),
            target: MigrationTarget::Latest,
            shared_first: true,
            verify: false,
            missing_is_failure: false,
            executor: Arc::new(Parallel::default()),
            order: Order::ByName,
            waves: Vec::new(),
            rules: Rules {
                lock_timeout: Some(DEFAULT_LOCK_TIMEOUT),
                statement_timeout: Some(DEFAULT_STATEMENT_TIMEOUT),
                attempts: DEFAULT_ATTEMPTS,
                out_of_service: false,
                in_pieces: false,
            },
            limits: Limits::default(),
            observer: None,
        }
    }

    /// Which schemas. Default: all. Whatever is selected, pending migrations of the shared schema come first: see
    /// [`Self::shared_first`].
    pub fn select(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    /// Where they are brought. Default: [`MigrationTarget::Latest`].
    pub fn target(mut self, target: MigrationTarget) -> Self {
        self.target = target;
        self
    }

    /// Whether what is pending in the shared schema is applied before anything else, also where it is not selected.
    /// Default: yes, where the target is the latest. With any other target, the shared schema is only touched where it is
    /// selected.
    pub fn shared_first(mut self, yes: bool) -> Self {
        self.shared_first = yes;
        self
    }

    /// Reads every ledger first, so that one that was changed behind the library's back is noticed: see
    /// [`Tenancy::verify`]. Default: no.
    pub fn verify(mut self, yes: bool) -> Self {
        self.verify = yes;
        self
    }

    pub(super) fn missing_is_failure(mut self) -> Self {
        self.missing_is_failure = true;
        self
    }

    /// One schema after the other.
    pub fn sequential(self) -> Self {
        self.executor(Sequential)
    }

    /// So many schemas at once, at most as many as the pool has connections. Zero counts as one. Default: as many as
    /// the machine has cores.
    pub fn parallel(self, threads: usize) -> Self {
        self.executor(Parallel::new(threads))
    }

    /// Threads of your own: see [`Executor`].
    pub fn executor(mut self, executor: impl Executor + 'static) -> Self {
        self.executor = Arc::new(executor);
        self
    }

    /// Tenants in the order of a column of theirs, then of their names. Reference schema and static tenants come first.
    /// Default: in the order of their names.
    pub fn order_by<C>(mut self, column: C) -> Self
    where
        C: diesel::Column<Table = T::Table>,
    {
        let _names_the_type = column;
        self.order = Order::ByColumn {
            column: C::NAME,
            descending: false,
        };
        self
    }

    /// The same from the highest to the lowest.
    pub fn order_by_desc<C>(mut self, column: C) -> Self
    where
        C: diesel::Column<Table = T::Table>,
    {
        let _names_the_type = column;
        self.order = Order::ByColumn {
            column: C::NAME,
            descending: true,
        };
        self
    }

    /// Tenants in the order of a key, then of their names. All of them are read for that.
    pub fn order_by_key<K: Ord>(mut self, key: impl Fn(&T) -> K + 't) -> Self
    where
        K: 'static,
        T: 't,
    {
        self.order = Order::by_key(key);
        self
    }

    /// Adds a wave. What the waves leave is one more.
    pub fn wave(mut self, wave: Wave) -> Self {
        self.waves.push(wave);
        self
    }

    /// What happens after a schema failed. Default: [`OnError::Continue`].
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.limits.on_error = on_error;
        self
    }

    /// After how many failures nothing is begun any more. Default: never.
    pub fn max_failures(mut self, failures: usize) -> Self {
        self.limits.max_failures = Some(failures.max(1));
        self
    }

    /// How long a statement waits for a lock. None: as long as it takes. Default: [`DEFAULT_LOCK_TIMEOUT`]. Not for files
    /// with `run_in_transaction = false`: an index that is built concurrently waits for whoever works.
    pub fn lock_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.rules.lock_timeout = timeout.into();
        self
    }

    /// How long a statement may take. None: as long as it takes. Default: [`DEFAULT_STATEMENT_TIMEOUT`]. Not for files
    /// with `run_in_transaction = false`.
    pub fn statement_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.rules.statement_timeout = timeout.into();
        self
    }

    /// How often a schema is tried, if it fails by a lock that was not to be had in time, a deadlock, a transaction that
    /// could not be serialised, or a lost connection. One: never again. Default: [`DEFAULT_ATTEMPTS`]. The pauses grow from
    /// 50 ms to 5 s, each by chance up to half shorter. Not for files with `run_in_transaction = false`.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.rules.attempts = attempts.max(1);
        self
    }

    /// Sends each statement of a file as a message of its own, in the same transaction: for servers that cannot take
    /// several in one (Citus). Default: a file is one message.
    pub fn statement_by_statement(mut self, yes: bool) -> Self {
        self.rules.in_pieces = yes;
        self
    }

    /// Takes each tenant out of service while something is done to it (`migrating`): scopes on it are
    /// [`Error::TenantUnavailable`]. Default: no, for each migration is one transaction.
    pub fn out_of_service(mut self, yes: bool) -> Self {
        self.rules.out_of_service = yes;
        self
    }

    /// Is told what happens: for a progress bar, a log.
    pub fn on_event(mut self, observer: impl Fn(&RunEvent<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// What would be done, as it looks now. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSchemas`], [`Error::UnknownVersion`], [`Error::FakeWithoutReason`], [`Error::PoolTimeout`], the
    /// failure of a question.
    pub fn plan(&self) -> Result<MigrationPlan, Error> {
        self.check()?;
        let shared = self.plan_shared()?;
        let mut survey = self.survey()?;
        self.order.sort(self.tenancy, &mut survey.behind)?;
        Ok(MigrationPlan::of(&survey, shared.as_ref().map(PlannedSchema::of)))
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// [`Error::Migrate`] with the whole report, where a schema failed or the run was stopped; else as
    /// [`Self::plan`], and [`Error::NeedsSession`] behind a transaction-mode pooler. If the shared schema fails, no tenant
    /// is touched.
    pub fn run(self) -> Result<MigrationReport, Error> {
        self.check()?;
        let tenancy = self.tenancy;
        if tenancy.pool().is_behind_pooler() {
            return Err(Error::NeedsSession {
                schema: tenancy.public_schema().clone(),
                what: "a run of migrations",
            });
        }
        tenancy
            .pool()
            .ask_catalog("prepare what the library keeps", |pg| {
                tenancy.records().ensure(pg)
            })?;
        if self.verify {
            tenancy.verify_selected(&self.selection)?;
        }
        let mut course = Course::new(&self);
        let result = course.run();
        let report = course.end(result)?;
        if report.applied() > 0 {
            tenancy.heed_custom_types(None);
        }
        report.into_result()
    }

    fn check(&self) -> Result<(), Error> {
        self.target.check()?;
        let Some(version) = self.target.version() else {
            return Ok(());
        };
        let apps = self.tenancy.apps();
        let scopes = [AppScope::Shared, AppScope::Tenant];
        match scopes
            .iter()
            .any(|scope| apps.versions(*scope).iter().any(|known| known == version))
        {
            true => Ok(()),
            false => Err(Error::UnknownVersion {
                version: version.to_owned(),
            }),
        }
    }

    fn survey(&self) -> Result<Survey, Error> {
        let is_latest = self.target == MigrationTarget::Latest;
        let versions = self.tenancy.apps().versions(AppScope::Tenant);
        let is_of_others = |version| !versions.iter().any(|known| known == version);
        if self.target.version().is_some_and(is_of_others) {
            // A version of the shared schema's.
            return Ok(Survey::default());
        }
        let which = if is_latest { Which::NotCurrent } else { Which::All };
        self.tenancy.survey(&self.selection, &self.target, which)
    }

    fn includes_shared(&self) -> bool {
        let public = self.tenancy.public_schema();
        self.selection.includes(public, SchemaKind::Shared)
            || (self.shared_first && self.target == MigrationTarget::Latest)
    }

    /// What is to be done in the shared schema, if anything.
    fn plan_shared(&self) -> Result<Option<Behind>, Error> {
        let tenancy = self.tenancy;
        let versions = tenancy.apps().versions(AppScope::Shared);
        let is_of_others = |version| !versions.iter().any(|known| known == version);
        if !self.includes_shared() || self.target.version().is_some_and(is_of_others) {
            return Ok(None);
        }
        let schema = tenancy.public_schema();
        let is_latest = self.target == MigrationTarget::Latest;
        let ledger = tenancy
            .pool()
            .ask_catalog("ask whether the shared schema is behind", |pg| {
                if is_latest && tenancy.is_shared_current(pg)? {
                    return Ok(None);
                }
                Ok(Some(
                    read_ledgers(pg, std::iter::once(schema))?.remove(schema.as_str()),
                ))
            })?;
        let Some(ledger) = ledger else { return Ok(None) };
        let has_ledger = ledger.is_some();
        let applied = ledger.unwrap_or_default();
        let goal = Goal::new(&self.target, &versions, &applied);
        let steps = goal.steps(&applied);
        if steps.is_empty() && has_ledger {
            tenancy.note_if_kept(schema, SchemaKind::Shared)?;
            return Ok(None);
        }
        let unknown = applied.iter().filter(|version| !versions.contains(version));
        Ok(Some(Behind {
            schema: schema.clone(),
            kind: SchemaKind::Shared,
            goal,
            steps,
            has_ledger,
            unknown: unknown.cloned().collect(),
        }))
    }

    /// What was asked for, in words that are the same whenever the same is asked for.
    fn what(&self) -> String {
        let apps = self.tenancy.apps();
        let versions = [AppScope::Shared, AppScope::Tenant].map(|scope| apps.versions(scope).join(","));
        let all = format!("{} of {}: {}", self.target, self.selection, versions.join(";"));
        let short: String = format!("{} of {}", self.target, self.selection)
            .chars()
            .take(200)
            .collect();
        format!("{short} ({:016x})", fnv1a(&all))
    }
}

/// A hash that is the same in every process and version.
fn fnv1a(text: &str) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// A run under way.
struct Course<'r, 't, T> {
    run: &'r MigrationRun<'t, T>,
    report: MigrationReport,
    begun: Option<Begun>,
    kept: HashMap<SchemaName, Kept>,
    failures: usize,
    /// Why nothing more is begun.
    stopped: Option<String>,
}

impl<'r, 't, T: TenantModel> Course<'r, 't, T> {
    fn new(run: &'r MigrationRun<'t, T>) -> Self {
        Self {
            run,
            report: MigrationReport::default(),
            begun: None,
            kept: HashMap::new(),
            failures: 0,
            stopped: None,
        }
    }

    fn run(&mut self) -> Result<(), Error> {
        let goes_back = self.run.target.goes_back();
        if !goes_back && !self.shared()? {
            return Ok(());
        }
        self.tenants()?;
        if goes_back && self.stopped.is_none() && !self.report.has_failures() {
            self.shared()?;
        }
        Ok(())
    }

    /// The shared schema, on this thread. False if it failed.
    fn shared(&mut self) -> Result<bool, Error> {
        let schema = self.run.tenancy.public_schema();
        let Some(behind) = self.run.plan_shared()? else {
            if self.run.includes_shared() {
                let mut report = SchemaReport::new(schema, SchemaKind::Shared);
                report.outcome = Outcome::Done;
                self.report.push(report);
            }
            return Ok(true);
        };
        self.begin(std::slice::from_ref(&behind))?;
        let Some(behind) = self.still_to_do(vec![behind]).pop() else {
            return Ok(true);
        };
        self.wave(vec![behind], &Sequential, None);
        Ok(!self.report.has_failures())
    }

    fn tenants(&mut self) -> Result<(), Error> {
        let run = self.run;
        let mut survey = run.survey()?;
        run.order.sort(run.tenancy, &mut survey.behind)?;
        self.report.up_to_date += survey.up_to_date;
        self.report.at_rest = survey.at_rest;
        let public = run.tenancy.public_schema();
        for error in survey.unreadable {
            // What was done before stays in the report.
            self.report
                .push(SchemaReport::failed(public, SchemaKind::Shared, error));
        }
        for (schema, kind) in survey.missing {
            let mut report = SchemaReport::new(&schema, kind);
            report.missing_is_failure = run.missing_is_failure;
            report.fail(Error::SchemaMissing { schema });
            self.report.push(report);
        }
        let noted = run.tenancy.note_ledgers(&survey.to_note, true);
        noted?;
        if survey.behind.is_empty() {
            return Ok(());
        }
        self.begin(&survey.behind)?;
        let mut left = self.still_to_do(survey.behind);
        self.tell(&RunEvent::Planned {
            schemas: left.len(),
            done_before: self.report.done_before.len(),
        });
        let mut waves = run.waves.iter();
        let mut wave = waves.next().cloned().unwrap_or_else(Wave::rest);
        for number in 0.. {
            if left.is_empty() {
                break;
            }
            let schemas = take(&mut left, &wave.size);
            self.numbered_wave(number, &wave, schemas, left.len());
            if self.stopped.is_some() {
                break;
            }
            if !matches!(wave.size, Size::Groups(_)) {
                wave = waves.next().cloned().unwrap_or_else(Wave::rest);
            }
        }
        let not_started = left
            .into_iter()
            .map(|behind| SchemaReport::new(&behind.schema, behind.kind));
        self.report.schemas.extend(not_started);
        Ok(())
    }

    fn numbered_wave(&mut self, number: usize, wave: &Wave, schemas: Vec<Behind>, left: usize) {
        let names: Vec<SchemaName> = schemas.iter().map(|behind| behind.schema.clone()).collect();
        if schemas.is_empty() {
            return;
        }
        self.tell(&RunEvent::WaveStarted {
            wave: number,
            schemas: names.len(),
        });
        let executor = wave.executor.as_ref().unwrap_or(&self.run.executor);
        self.wave(schemas, executor.as_ref(), Some(number));
        self.tell(&RunEvent::WaveDone { wave: number });
        if self.stopped.is_some() {
            return;
        }
        if let Some(gate) = &wave.gate {
            loop {
                let end = WaveEnd {
                    wave: number,
                    report: &self.report,
                    schemas: &names,
                    left,
                };
                match gate(&end) {
                    Gate::Continue => break,
                    Gate::Wait(pause) => std::thread::sleep(pause),
                    Gate::Stop { reason } => {
                        self.stopped = Some(reason);
                        return;
                    }
                }
            }
        }
        if left > 0 {
            std::thread::sleep(wave.pause);
        }
    }

    fn wave(&mut self, schemas: Vec<Behind>, executor: &dyn Executor, number: Option<usize>) {
        let run = self.run;
        let order: HashMap<SchemaName, usize> = schemas
            .iter()
            .enumerate()
            .map(|(i, behind)| (behind.schema.clone(), i))
            .collect();
        let context = Context {
            pool: run.tenancy.pool(),
            apps: run.tenancy.apps(),
            events: run.tenancy.events(),
            rules: run.rules,
            limits: run.limits,
            run: self.begun.map(|begun| begun.id),
            observer: run.observer.as_deref(),
            failures: self.failures.into(),
            stopped: Default::default(),
        };
        let jobs = schemas.into_iter().map(|behind| {
            let mut report = SchemaReport::new(&behind.schema, behind.kind);
            report.missing_is_failure = run.missing_is_failure;
            report.wave = number;
            Job::new(report, behind, run.tenancy.apps())
        });
        let work = Work::new(&context, jobs.collect());
        executor.execute(&work);
        let (mut done, mut left) = work.into_reports();
        self.failures = context.failures.load(std::sync::atomic::Ordering::Relaxed);
        self.stopped = context.why_stopped();
        if !left.is_empty() && self.stopped.is_none() {
            self.stopped = Some("its executor left schemas undone".to_owned());
        }
        done.append(&mut left);
        // In the order of the run, whoever was done first.
        done.sort_by_key(|report| order.get(&report.schema).copied());
        self.report.schemas.append(&mut done);
    }

    /// Begins the run, or joins it, and notes what is to be done.
    fn begin(&mut self, behind: &[Behind]) -> Result<(), Error> {
        let run = self.run;
        let records = run.tenancy.records();
        let goes_back = run.target.goes_back();
        let targets: Vec<(&SchemaName, Vec<String>)> = behind
            .iter()
            .map(|behind| {
                let versions = behind.steps.iter().map(|step| step.version().to_owned());
                (
                    &behind.schema,
                    if goes_back { versions.collect() } else { Vec::new() },
                )
            })
            .collect();
        let (begun, kept) = run.tenancy.pool().ask_catalog("begin the run", |pg| {
            let begun = match self.begun {
                Some(begun) => begun,
                None => records.begin_run(pg, &run.what(), run.target.reason())?,
            };
            let kept = match begun.is_resumed {
                true => records.targets(pg, begun.id)?,
                false => Vec::new(),
            };
            records.add_targets(pg, begun.id, &targets)?;
            Ok((begun, kept))
        })?;
        self.begun = Some(begun);
        self.report.run = Some(begun.id.0);
        self.report.is_resumed = begun.is_resumed;
        if self.kept.is_empty() {
            self.kept = kept.into_iter().collect();
            let public = run.tenancy.public_schema();
            let done = self
                .kept
                .iter()
                .filter(|(name, kept)| kept.is_done && *name != public);
            self.report.done_before = done.map(|(name, _)| name.clone()).collect();
            self.report.done_before.sort();
        }
        Ok(())
    }

    /// What an unfinished run of the same kind leaves to do. Where doing a thing twice would do more, it decided what.
    fn still_to_do(&mut self, behind: Vec<Behind>) -> Vec<Behind> {
        let goes_back = self.run.target.goes_back();
        let kept = &self.kept;
        let left = behind.into_iter().filter_map(|mut behind| {
            match kept.get(&behind.schema) {
                Some(kept) if goes_back && kept.is_done => return None,
                Some(kept) if goes_back && !kept.versions.is_empty() => {
                    if let Goal::Revert(versions) = &mut behind.goal {
                        versions.clone_from(&kept.versions);
                    }
                }
                _ => {}
            }
            Some(behind)
        });
        let left: Vec<_> = left.collect();
        let again: Vec<&SchemaName> = left.iter().map(|behind| &behind.schema).collect();
        self.report.done_before.retain(|name| !again.contains(&name));
        // They were counted as up to date, and are listed as done before.
        self.report.up_to_date = self.report.up_to_date.saturating_sub(match goes_back {
            true => 0,
            false => self.report.done_before.len(),
        });
        left
    }

    fn tell(&self, event: &RunEvent<'_>) {
        if let Some(observer) = &self.run.observer {
            observer(event);
        }
    }

    fn end(mut self, result: Result<(), Error>) -> Result<MigrationReport, Error> {
        let tenancy = self.run.tenancy;
        self.report.stopped = self.stopped.take();
        if let Err(error) = result {
            if self.report.schemas.iter().all(|entry| entry.attempts == 0) {
                return Err(error);
            }
            // What was done before stays in the report.
            let public = tenancy.public_schema();
            self.report
                .push(SchemaReport::failed(public, SchemaKind::Shared, error));
        }
        if let Some(begun) = self.begun {
            let end = if self.report.stopped.is_some() {
                End::Stopped
            } else if self.report.has_failures() {
                End::Failed
            } else {
                End::Done
            };
            let reason = self.report.stopped.as_deref();
            let ended = tenancy.pool().ask_catalog("end the run", |pg| {
                tenancy.records().end_run(pg, begun.id, end, reason)
            });
            if let Err(error) = ended {
                // It will be resumed, and find nothing to do.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "failed to note the end of a run"
                );
            }
        }
        Ok(self.report)
    }
}

/// Takes the schemas of a wave from those that are left.
fn take(left: &mut Vec<Behind>, size: &Size) -> Vec<Behind> {
    match size {
        Size::Next(count) | Size::Groups(count) => {
            let rest = left.split_off((*count).min(left.len()));
            std::mem::replace(left, rest)
        }
        Size::Names(names) => {
            let (named, rest) = std::mem::take(left)
                .into_iter()
                .partition(|behind| names.contains(&behind.schema));
            *left = rest;
            named
        }
    }
}

impl<T> fmt::Debug for MigrationRun<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MigrationRun")
            .field("selection", &self.selection)
            .field("target", &self.target)
            .field("waves", &self.waves)
            .finish_non_exhaustive()
    }
}
