//! [`MigrationRun`]: a run as it is described: which schemas, where they are brought, and how.

use super::context::{Limits, Rules};
use super::course::Course;
use super::executor::{Executor, Parallel, Sequential};
use super::goal::{Goal, MigrationTarget};
use super::ledgers::read_ledgers;
use super::list::ListedSchema;
use super::order::Order;
use super::plan::{MigrationPlan, PlannedSchema};
use super::progress::RunEvent;
use super::report::{MigrationReport, SchemaReport};
use super::selection::Selection;
use super::survey::{Behind, Survey, Which};
use super::wave::{OnError, Size, Wave};
use crate::model::TenantModel;
use crate::{Error, SchemaKind, Tenancy};
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
    pub(super) tenancy: &'t Tenancy<T>,
    pub(super) selection: Selection,
    pub(super) target: MigrationTarget,
    shared_first: bool,
    verify: bool,
    pub(super) missing_is_failure: bool,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) order: Order<'t, T>,
    pub(super) waves: Vec<Wave>,
    pub(super) rules: Rules,
    pub(super) limits: Limits,
    pub(super) observer: Option<Observer>,
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
            order: Order::Name,
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
        self.order = Order::Column {
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
        self.order = Order::Column {
            column: C::NAME,
            descending: true,
        };
        self
    }

    /// Tenants in the order of a key, then of their names. All of them are read for that.
    pub fn order_by_key<K>(mut self, key: impl Fn(&T) -> K + 't) -> Self
    where
        K: Ord + 'static,
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
    /// [`Error::UnknownSchemas`], [`Error::UnknownVersion`], [`Error::WaveOfNobody`], [`Error::FakeWithoutReason`],
    /// [`Error::PoolTimeout`], the failure of a question.
    pub fn plan(&self) -> Result<MigrationPlan, Error> {
        self.check()?;
        let shared = self.plan_shared()?;
        let mut survey = self.survey(false)?;
        self.order.sort(self.tenancy, &mut survey.behind)?;
        Ok(MigrationPlan::of(&survey, shared.as_ref().map(PlannedSchema::of)))
    }

    /// Which versions are applied to each schema of the selection, and which are not: as `diesel migration list` says it of
    /// one schema. The shared schema first, if it is selected. Changes nothing, whatever the target.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSchemas`], [`Error::PoolTimeout`], the failure of a question.
    pub fn list(&self) -> Result<Vec<ListedSchema>, Error> {
        let tenancy = self.tenancy;
        let survey = tenancy.survey(&self.selection, &MigrationTarget::Latest, Which::All)?;
        let behind = survey
            .behind
            .into_iter()
            .map(|behind| (behind.schema, behind.kind));
        let mut schemas: Vec<_> = behind.chain(survey.to_note).collect();
        schemas.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        let public = tenancy.public_schema();
        if self.selection.includes(public, SchemaKind::Shared) {
            schemas.insert(0, (public.clone(), SchemaKind::Shared));
        }
        let mut listed = Vec::new();
        for chunk in schemas.chunks(100) {
            let ledgers = tenancy.pool().ask_catalog("read ledgers", |pg| {
                read_ledgers(pg, chunk.iter().map(|(name, _)| name))
            })?;
            listed.extend(chunk.iter().map(|(schema, kind)| {
                let applied = ledgers.versions.get(schema.as_str()).cloned().unwrap_or_default();
                ListedSchema::new(
                    schema,
                    *kind,
                    &tenancy.apps().versions_of(schema, *kind),
                    &applied,
                )
            }));
        }
        Ok(listed)
    }

    /// Runs it.
    ///
    /// # Errors
    ///
    /// [`Error::Migrate`] with the whole report, where a schema failed or the run was stopped; else as
    /// [`Self::plan`]; behind a transaction-mode pooler always, with [`Error::NeedsSession`] in it. If the shared schema fails, no tenant
    /// is touched.
    pub fn run(self) -> Result<MigrationReport, Error> {
        self.check()?;
        let tenancy = self.tenancy;
        if tenancy.pool().is_behind_pooler() {
            let public = tenancy.public_schema();
            let mut report = MigrationReport::default();
            let error = Error::NeedsSession {
                schema: public.clone(),
                what: "a run of migrations",
            };
            report.push(SchemaReport::failed(public, SchemaKind::Shared, error));
            return report.into_result();
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
        for (wave, described) in self.waves.iter().enumerate() {
            if let Size::Names(names) = &described.size {
                let names = self.tenancy.not_selected(&self.selection, names)?;
                if !names.is_empty() {
                    return Err(Error::WaveOfNobody { wave, names });
                }
            }
        }
        let Some(version) = self.target.version() else {
            return Ok(());
        };
        let apps = self.tenancy.apps();
        let shared = apps.versions(AppScope::Shared);
        match apps.are_for_tenants(version) || shared.iter().any(|known| known == version) {
            true => Ok(()),
            false => Err(Error::UnknownVersion {
                version: version.to_owned(),
            }),
        }
    }

    /// Who is behind. `for_run` says that each ledger is read again, under its lock, before anything is done.
    pub(super) fn survey(&self, for_run: bool) -> Result<Survey, Error> {
        let is_latest = self.target == MigrationTarget::Latest;
        let is_of_others = |version| !self.tenancy.apps().are_for_tenants(version);
        if self.target.version().is_some_and(is_of_others) {
            // A version of the shared schema's.
            return Ok(Survey::default());
        }
        let which = match (is_latest, for_run) {
            (true, true) => Which::NotCurrentForRun,
            (true, false) => Which::NotCurrent,
            (false, _) => Which::All,
        };
        let mut survey = self.tenancy.survey(&self.selection, &self.target, which)?;
        for (schema, version) in self.half_redone()? {
            survey.redo_rest(&schema, version);
        }
        Ok(survey)
    }

    /// Where the run that this one resumes reverted a migration, and did not apply it again.
    fn half_redone(&self) -> Result<Vec<(SchemaName, String)>, Error> {
        if self.target != MigrationTarget::Redo {
            return Ok(Vec::new());
        }
        let records = self.tenancy.records();
        self.tenancy
            .pool()
            .ask_catalog("read what an unfinished run left", |pg| {
                match records.look(pg)? {
                    true => records.half_redone(pg, &self.what()),
                    false => Ok(Vec::new()),
                }
            })
    }

    pub(super) fn includes_shared(&self) -> bool {
        let public = self.tenancy.public_schema();
        self.selection.includes(public, SchemaKind::Shared)
            || (self.shared_first && self.target == MigrationTarget::Latest)
    }

    /// What is to be done in the shared schema, if anything.
    pub(super) fn plan_shared(&self) -> Result<Option<Behind>, Error> {
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
                    read_ledgers(pg, std::iter::once(schema))?
                        .versions
                        .remove(schema.as_str()),
                ))
            })?;
        let Some(ledger) = ledger else { return Ok(None) };
        let has_ledger = ledger.is_some();
        let applied = ledger.unwrap_or_default();
        let mut half_redone = self.half_redone()?.into_iter();
        let goal = match half_redone.find(|(half, _)| half == schema) {
            Some((_, version)) => Goal::Redo(version),
            None => Goal::new(&self.target, &versions, &applied),
        };
        let steps = goal.steps(&applied);
        if steps.is_empty() && has_ledger {
            if let Err(error) = tenancy.note_if_kept(schema, SchemaKind::Shared) {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "failed to note what the ledger of the shared schema holds");
            }
            return Ok(None);
        }
        let unknown = applied.iter().filter(|version| !versions.contains(version));
        Ok(Some(Behind {
            schema: schema.clone(),
            kind: SchemaKind::Shared,
            goal,
            steps,
            has_ledger,
            prefix: None,
            unknown: unknown.cloned().collect(),
            oid: None,
        }))
    }

    /// What was asked for, in words that are the same whenever the same is asked for.
    pub(super) fn what(&self) -> String {
        let apps = self.tenancy.apps();
        let versions = [AppScope::Shared, AppScope::Tenant].map(|scope| apps.versions(scope).join(","));
        let mut all = format!("{} of {}: {}", self.target, self.selection, versions.join(";"));
        for (name, versions) in apps.own() {
            all += &format!(";{name}={}", versions.join(","));
        }
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

impl<T> fmt::Debug for MigrationRun<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MigrationRun")
            .field("selection", &self.selection)
            .field("target", &self.target)
            .field("waves", &self.waves)
            .finish_non_exhaustive()
    }
}
