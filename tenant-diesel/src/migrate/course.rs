//! [`Course`]: a run under way: the shared schema, then wave by wave the others.

use super::context::Context;
use super::executor::{Executor, Sequential};
use super::goal::{Goal, MigrationTarget, Step};
use super::progress::RunEvent;
use super::report::{MigrationReport, Outcome, SchemaReport};
use super::run::MigrationRun;
use super::survey::Behind;
use super::wave::{Gate, OnError, Size, Wave, WaveEnd};
use super::work::{Job, Work};
use crate::model::TenantModel;
use crate::provision::own_locks::{Locked, OwnLock};
use crate::records::runs::{Begun, End, Kept};
use crate::{Error, SchemaKind};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use tenant_core::SchemaName;

/// A run under way.
pub(super) struct Course<'r, 't, T> {
    run: &'r MigrationRun<'t, T>,
    report: MigrationReport,
    begun: Option<Begun>,
    kept: HashMap<SchemaName, Kept>,
    failures: usize,
    /// Why nothing more is begun.
    stopped: Option<String>,
    /// A wave was left where a schema failed, and the others went on.
    has_stopped_wave: bool,
}

impl<'r, 't, T: TenantModel> Course<'r, 't, T> {
    pub(super) fn new(run: &'r MigrationRun<'t, T>) -> Self {
        Self {
            run,
            report: MigrationReport::default(),
            begun: None,
            kept: HashMap::new(),
            failures: 0,
            stopped: None,
            has_stopped_wave: false,
        }
    }

    pub(super) fn run(&mut self) -> Result<(), Error> {
        let goes_back = self.goes_back()?;
        if !goes_back && !self.shared()? {
            return Ok(());
        }
        self.tenants()?;
        if goes_back && self.stopped.is_none() && !self.report.has_failures() {
            self.shared()?;
        }
        Ok(())
    }

    /// Whether the shared schema comes last, for something is undone in it which tenants may need: with a version as the
    /// target that depends on where it is.
    fn goes_back(&self) -> Result<bool, Error> {
        let run = self.run;
        if !matches!(run.target, MigrationTarget::Version(_)) {
            return Ok(run.target.goes_back());
        }
        let undoes = |behind: Behind| behind.steps.iter().any(|step| matches!(step, Step::Revert(_)));
        Ok(run.plan_shared()?.is_some_and(undoes))
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
        let mut survey = run.survey(true)?;
        run.order.sort(run.tenancy, &mut survey.behind)?;
        self.report.up_to_date += survey.up_to_date;
        self.report.at_rest = survey.at_rest;
        let public = run.tenancy.public_schema();
        for (schema, error) in survey.refused {
            let kind = if schema == *public {
                SchemaKind::Shared
            } else {
                SchemaKind::Tenant
            };
            self.report.push(SchemaReport::failed(&schema, kind, error));
        }
        for (schema, kind) in survey.missing {
            let mut report = SchemaReport::new(&schema, kind);
            report.missing_is_failure = run.missing_is_failure;
            report.fail(Error::SchemaMissing { schema });
            self.report.push(report);
        }
        let are_well = run.target == MigrationTarget::Latest;
        if let Err(error) = run.tenancy.note_ledgers(&survey.to_note, are_well) {
            // A role that only serves may not note anything; whoever migrates does.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "failed to note what ledgers hold");
        }
        if survey.behind.is_empty() {
            self.end_unfinished();
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
            is_cumulative: run.target.is_cumulative(),
            failures: self.failures.into(),
            stopped: Default::default(),
        };
        let records = run.tenancy.records();
        let is_own = |behind: &Behind| OwnLock::is_held(records, Locked::Schema(&behind.schema));
        // Whoever runs them would find these locked until this returns.
        let (own, schemas): (Vec<_>, Vec<_>) = schemas.into_iter().partition(is_own);
        for behind in own {
            let (schema, action) = (behind.schema, "migrate the schema");
            let mut report = SchemaReport::new(&schema, behind.kind);
            report.wave = number;
            report.fail(Error::WaitsForItself { action, schema });
            self.report.push(report);
        }
        let jobs = schemas.into_iter().map(|behind| {
            let mut report = SchemaReport::new(&behind.schema, behind.kind);
            report.missing_is_failure = run.missing_is_failure;
            report.wave = number;
            Job::new(report, behind, run.tenancy.apps())
        });
        let work = Work::new(&context, jobs.collect());
        executor.execute(&work);
        let (mut done, mut left) = work.into_reports();
        self.failures = context.failures.load(Ordering::Relaxed);
        self.stopped = context.why_stopped();
        if !left.is_empty() && self.stopped.is_none() {
            let has_failed = done.iter().any(SchemaReport::is_failure);
            match run.limits.on_error {
                OnError::StopWave if has_failed => self.has_stopped_wave = true,
                _ => self.stopped = Some("its executor left schemas undone".to_owned()),
            }
        }
        self.put_back_into_service(&left);
        done.append(&mut left);
        // In the order of the run, whoever was done first.
        done.sort_by_key(|report| {
            let planned = report.renamed_from.as_ref().unwrap_or(&report.schema);
            order.get(planned).copied()
        });
        self.report.schemas.append(&mut done);
    }

    /// Tenants that were taken out of service, and left before they were done, are served as before.
    fn put_back_into_service(&self, left: &[SchemaReport]) {
        if !self.run.rules.out_of_service || left.is_empty() {
            return;
        }
        use crate::TenantState::{Migrating, Ready};
        let tenancy = self.run.tenancy;
        let put_back = tenancy.pool().ask_catalog("put tenants back into service", |pg| {
            for report in left {
                tenancy
                    .records()
                    .move_state(pg, &report.schema, &[Migrating], Ready)?;
            }
            Ok(())
        });
        if let Err(error) = put_back {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "failed to put tenants back into service that a stopped run had taken out of it"
            );
        }
        tenancy.pool().shelf().states_changed();
    }

    /// Nothing is left to do, so nothing is left of an earlier run of the same either. A role that only serves may not
    /// say so, and need not.
    fn end_unfinished(&self) {
        let run = self.run;
        if self.begun.is_none() && !self.report.has_failures() {
            let what = run.what();
            let _said_by_who_migrates = run.tenancy.pool().ask_catalog("end what is done", |pg| {
                run.tenancy.records().end_unfinished(pg, &what)
            });
        }
    }

    /// Begins the run, or joins it, and notes what is to be done.
    fn begin(&mut self, behind: &[Behind]) -> Result<(), Error> {
        let run = self.run;
        let records = run.tenancy.records();
        let is_cumulative = run.target.is_cumulative();
        let targets: Vec<(&SchemaName, Vec<String>)> = behind
            .iter()
            .map(|behind| {
                let versions = behind.steps.iter().map(|step| step.version().to_owned());
                (
                    &behind.schema,
                    if is_cumulative {
                        versions.collect()
                    } else {
                        Vec::new()
                    },
                )
            })
            .collect();
        let (begun, kept) = run.tenancy.pool().ask_catalog("begin the run", |pg| {
            let begun = match self.begun {
                Some(begun) => begun,
                None => records.begin_run(pg, &run.what(), run.target.reason(), is_cumulative)?,
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
        let is_cumulative = self.run.target.is_cumulative();
        let kept = &self.kept;
        let left = behind.into_iter().filter_map(|mut behind| {
            match kept.get(&behind.schema) {
                Some(kept) if is_cumulative && kept.is_done => return None,
                Some(kept) if is_cumulative && !kept.versions.is_empty() => {
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
        if is_cumulative {
            // The others are counted by the survey, as far as they are there.
            self.report.up_to_date += self.report.done_before.len();
        }
        left
    }

    fn tell(&self, event: &RunEvent<'_>) {
        if let Some(observer) = &self.run.observer {
            observer(event);
        }
    }

    pub(super) fn end(mut self, result: Result<(), Error>) -> Result<MigrationReport, Error> {
        let tenancy = self.run.tenancy;
        if self.has_stopped_wave {
            self.stopped
                .get_or_insert_with(|| "a schema of a wave failed".to_owned());
        }
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
