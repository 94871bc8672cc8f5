//! [`Context`]: what all threads of a run share.

use super::progress::RunEvent;
use super::report::{SchemaReport, in_full};
use super::{EmbeddedApps, OnError};
use crate::Error;
use crate::connection::{ScopedConnection, TenantScope};
use crate::events::Events;
use crate::pool::TenantPool;
use crate::records::runs::RunId;
use crate::retry::was_worth_retrying;
use diesel::pg::PgConnection;
use diesel::result::QueryResult;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How the steps of a run are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) lock_timeout: Option<Duration>,
    pub(crate) statement_timeout: Option<Duration>,
    /// How often a schema is tried.
    pub(crate) attempts: u32,
    /// Each statement of a file is a message of its own.
    pub(crate) in_pieces: bool,
    /// Tenants are taken out of service while something is done to them.
    pub(crate) out_of_service: bool,
}

/// What all threads of a run share.
pub(crate) struct Context<'a> {
    pub(crate) pool: &'a TenantPool,
    pub(crate) apps: &'a EmbeddedApps,
    pub(crate) rules: Rules,
    pub(crate) limits: Limits,
    pub(crate) events: &'a Events,
    pub(crate) run: Option<RunId>,
    pub(crate) observer: Option<&'a (dyn Fn(&RunEvent<'_>) + Send + Sync)>,
    /// The run undoes something: where that fails, everything is as it was.
    pub(crate) is_cumulative: bool,
    pub(crate) failures: AtomicUsize,
    pub(crate) stopped: Mutex<Option<String>>,
}

impl Context<'_> {
    /// Tells the observer.
    pub(crate) fn tell(&self, event: &RunEvent<'_>) {
        if let Some(observer) = self.observer {
            observer(event);
        }
    }

    /// A schema failed. Whether nothing more is to be begun.
    pub(crate) fn failed(&self) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if self.limits.max_failures.is_some_and(|most| failures >= most) {
            self.stop(&format!("{failures} schemas failed, as many as may"));
            return true;
        }
        match self.limits.on_error {
            OnError::Continue => false,
            // The run is not stopped, only this wave's queue.
            OnError::StopWave => true,
            OnError::StopRun => {
                self.stop("a schema failed");
                true
            }
        }
    }

    /// Nothing more is begun, for the first reason of several.
    pub(crate) fn stop(&self, reason: &str) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.get_or_insert_with(|| reason.to_owned());
    }

    /// Why nothing more is begun.
    pub(crate) fn why_stopped(&self) -> Option<String> {
        self.stopped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes a failure, on the connection at hand or another. If that cannot be done either, the report has it.
    pub(crate) fn note_failure(
        &self,
        conn: Option<&mut ScopedConnection<TenantScope>>,
        report: &SchemaReport,
    ) {
        let text = report.error.as_ref().map(in_full).unwrap_or_default();
        let records = &self.pool.paths().records;
        let note = |pg: &mut PgConnection| -> QueryResult<()> {
            // A lock that was not to be had, a file that is not there: the schema is as it was, and serves as it did.
            let has_failed = report
                .error
                .as_ref()
                .is_some_and(|error| matches!(error, Error::Migration { .. }) && !was_worth_retrying(error));
            records.note_failure(
                pg,
                &report.schema,
                report.kind,
                &text,
                has_failed && !self.is_cumulative,
            )?;
            match self.run {
                Some(run) => records.target_failed(pg, run, report, &text),
                None => Ok(()),
            }
        };
        let fit = conn.and_then(|conn| {
            let lease = conn.lease_mut();
            lease.is_fit_for_work().then_some(lease)
        });
        let noted = match fit {
            Some(lease) => note(&mut lease.pg).map_err(Error::from),
            None => self.pool.ask_catalog("note a failure", note),
        };
        if let Err(error) = noted {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, schema = %report.schema, "failed to note that a migration failed");
        }
    }
}

/// How far failures may go.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) on_error: OnError,
    pub(crate) max_failures: Option<usize>,
}
