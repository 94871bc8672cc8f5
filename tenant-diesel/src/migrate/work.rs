//! [`Work`]: the schemas of a wave that are left to do, and the connections to do them on.

use super::EmbeddedApps;
use super::context::Context;
use super::goal::{Goal, Step};
use super::progress::RunEvent;
use super::report::{Outcome, SchemaReport, in_full};
use super::runner::{self, Prepared, Stopped};
use super::survey::Behind;
use crate::Error;
use crate::connection::{ScopedConnection, TenantScope};
use crate::pool::Lease;
use crate::retry::{Backoff, was_worth_retrying};
use crate::session::Taint;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tenant_core::SchemaName;

/// How many schemas are migrated on one connection before it is replaced: a backend keeps some 13 kB for each table of
/// each that it touched, and a new connection costs as much as the migration of a few schemas.
const SCHEMAS_PER_CONNECTION: usize = 250;

/// The pauses before a schema that somebody else migrates is looked at again.
const BUSY: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(250));

/// The first and the longest pause before a schema is tried again, and how long that goes on at most.
const RETRY: (Duration, Duration, Duration) = (
    Duration::from_millis(50),
    Duration::from_secs(5),
    Duration::from_secs(600),
);

/// The schemas of a wave that are left to do. See [`Executor`](super::Executor).
pub struct Work<'a> {
    context: &'a Context<'a>,
    queue: Mutex<Queue>,
    /// Something was put back, or is done.
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<Job>,
    /// Those that are tried again later.
    later: Vec<Job>,
    /// How many are under way.
    running: usize,
    /// Connections that nobody uses at the moment, with the number of schemas that they may still serve.
    connections: Vec<Bench>,
    /// Those that are under way, as long as nobody knows what became of them.
    under_way: Vec<SchemaReport>,
    done: Vec<SchemaReport>,
    is_stopped: bool,
}

impl Queue {
    /// A thread takes a schema.
    fn takes(&mut self, job: Job) -> Job {
        self.running += 1;
        let mut report = SchemaReport::new(job.schema(), job.report.kind);
        report.wave = job.report.wave;
        report.attempts = job.report.attempts + 1;
        self.under_way.push(report);
        job
    }
}

/// A connection to work on.
struct Bench {
    conn: ScopedConnection<TenantScope>,
    left: usize,
}

impl Bench {
    fn new(mut lease: Lease) -> Self {
        // Where others prepared it, it went when their bench was left.
        lease.routine = Prepared::NotYet;
        Self {
            conn: ScopedConnection::new(lease),
            left: SCHEMAS_PER_CONNECTION,
        }
    }

    fn if_fit(mut self) -> Option<Self> {
        self.conn.lease_mut().is_fit_for_work().then_some(self)
    }
}

/// Whoever has the connection next has no use for what was prepared: it goes with the message that takes it.
impl Drop for Bench {
    fn drop(&mut self) {
        let lease = self.conn.lease_mut();
        if lease.routine != Prepared::NotYet {
            lease.session.raise(Taint::Statements);
        }
    }
}

/// One schema, and what is to be done in it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) goal: Goal,
    pub(crate) report: SchemaReport,
    /// Whether its ledger was there when it was looked for.
    pub(crate) has_ledger: bool,
    /// See [`Behind::prefix`].
    pub(crate) prefix: Option<usize>,
    /// Whether the next step runs in a transaction, for all that is known.
    pub(crate) is_transactional: bool,
    /// Each statement of a file is sent alone, to find the one that fails.
    pub(crate) in_pieces: bool,
    /// Somebody else had its lock when it was looked at last.
    pub(crate) is_busy: bool,
    /// The handlers heard that it is begun.
    pub(crate) is_told: bool,
    /// See [`Behind::oid`].
    pub(crate) oid: Option<u32>,
    pauses: Backoff,
    not_before: Instant,
    busy_pause: Duration,
}

impl Job {
    pub(crate) fn new(report: SchemaReport, behind: Behind, apps: &EmbeddedApps) -> Self {
        let migrations = || apps.migrations_of(&behind.schema, behind.kind);
        let is_transactional = |step: &Step| runner::is_transactional(&migrations(), step);
        Self {
            is_transactional: behind.steps.first().is_none_or(is_transactional),
            goal: behind.goal,
            report,
            has_ledger: behind.has_ledger,
            prefix: behind.prefix,
            in_pieces: false,
            is_busy: false,
            is_told: false,
            oid: behind.oid,
            pauses: Backoff::new(RETRY.0, RETRY.1, RETRY.2),
            not_before: Instant::now(),
            busy_pause: BUSY.0,
        }
    }

    pub(crate) fn schema(&self) -> &SchemaName {
        &self.report.schema
    }
}

impl<'a> Work<'a> {
    pub(crate) fn new(context: &'a Context<'a>, jobs: Vec<Job>) -> Self {
        let queue = Queue {
            ready: jobs.into(),
            ..Queue::default()
        };
        Self {
            context,
            queue: Mutex::new(queue),
            changed: Condvar::new(),
        }
    }

    /// How many schemas are not begun yet, or are to be tried again.
    #[must_use]
    pub fn left(&self) -> usize {
        let queue = self.lock();
        queue.ready.len() + queue.later.len()
    }

    /// How many connections the pool has at most: more threads than that are of no use.
    #[must_use]
    pub fn connections(&self) -> usize {
        usize::try_from(self.context.pool.max_size()).unwrap_or(usize::MAX)
    }

    /// Takes the next schema, and does in it what is to be done, on this thread. False if nothing is left for this
    /// thread.
    pub fn run_next(&self) -> bool {
        // A connection first: who has none must not have a schema.
        let Some(bench) = self.bench() else {
            return false;
        };
        let Some(mut job) = self.next() else {
            return false;
        };
        let _running = Running(self);
        let (outcome, bench) = match bench {
            Ok(mut bench) => (self.attempt(&mut bench, &mut job), Some(bench)),
            Err(error) => {
                job.report.attempts += 1;
                (Err(Stopped::Failed(error)), None)
            }
        };
        self.finish(job, outcome, bench);
        true
    }

    /// What was done, and the schemas that were not begun, or not ended.
    pub(crate) fn into_reports(self) -> (Vec<SchemaReport>, Vec<SchemaReport>) {
        let queue = self.queue.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut done = queue.done;
        done.extend(queue.under_way.into_iter().map(|mut report| {
            let schema = report.schema.clone();
            report.fail(Error::Panicked { schema });
            report
        }));
        let left = queue.ready.into_iter().chain(queue.later);
        let left = left.map(|job| {
            let mut report = job.report;
            let has_done = [&report.applied, &report.reverted, &report.faked].map(|done| !done.is_empty());
            if has_done.contains(&true) {
                report.outcome = Outcome::Stopped;
            }
            report
        });
        (done, left.collect())
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection: one that is idle here, or one of the pool's. None where there is none while others work, and where
    /// nothing is left to do.
    fn bench(&self) -> Option<Result<Bench, Error>> {
        let mut queue = self.lock();
        if let Some(bench) = queue.connections.pop() {
            return Some(Ok(bench));
        }
        if queue.is_stopped || (queue.ready.is_empty() && queue.later.is_empty()) {
            return None;
        }
        // Counted as one that works, so that of several threads without a connection one stays.
        queue.running += 1;
        drop(queue);
        let lease = self.context.pool.workbench();
        let mut queue = self.lock();
        queue.running -= 1;
        match lease {
            Ok(lease) => Some(Ok(Bench::new(lease))),
            Err(_) if queue.running > 0 => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// The next schema; waits for one that is to be tried again later.
    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.is_stopped {
                return None;
            }
            if let Some(job) = queue.ready.pop_front() {
                return Some(queue.takes(job));
            }
            let earliest = (0..queue.later.len()).min_by_key(|i| queue.later[*i].not_before)?;
            let pause = queue.later[earliest]
                .not_before
                .saturating_duration_since(Instant::now());
            if pause.is_zero() {
                let job = queue.later.swap_remove(earliest);
                return Some(queue.takes(job));
            }
            let waited = self.changed.wait_timeout(queue, pause);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn attempt(&self, bench: &mut Bench, job: &mut Job) -> Result<(), Stopped> {
        let context = self.context;
        let start = Instant::now();
        if job.report.attempts == 0 && !job.is_busy {
            context.tell(&RunEvent::SchemaStarted { schema: job.schema() });
        }
        let result = runner::bring(context, &mut bench.conn, job);
        job.report.duration += start.elapsed();
        bench.left = bench.left.saturating_sub(1);
        result
    }

    fn finish(&self, mut job: Job, outcome: Result<(), Stopped>, mut bench: Option<Bench>) {
        let context = self.context;
        let error = match outcome {
            Ok(()) => None,
            Err(Stopped::Busy) => {
                if !job.is_busy {
                    context.tell(&RunEvent::Busy { schema: job.schema() });
                }
                // Waiting for others is no attempt.
                job.report.attempts -= 1;
                job.is_busy = true;
                job.not_before = Instant::now() + job.busy_pause;
                job.busy_pause = (job.busy_pause * 2).min(BUSY.1);
                return self.put_back(job, bench);
            }
            Err(Stopped::Renamed(to)) => return self.renamed(job, to, bench),
            Err(Stopped::AtRest) => {
                job.report.outcome = Outcome::AtRest;
                None
            }
            Err(Stopped::Failed(error)) => Some(error),
        };
        if let Some(error) = error {
            let has_no_connection = matches!(error, Error::PoolTimeout { .. });
            if job.is_transactional
                && (has_no_connection || was_worth_retrying(&error))
                && job.report.attempts < context.rules.attempts
                && let Some(pause) = job.pauses.next_pause()
            {
                let reason = in_full(&error);
                context.tell(&RunEvent::Retrying {
                    schema: job.schema(),
                    attempt: job.report.attempts,
                    pause,
                    reason: &reason,
                });
                job.report.retried.push(reason);
                job.not_before = Instant::now() + pause;
                return self.put_back(job, bench);
            }
            if has_no_connection {
                // The others would find none either, each after as long.
                self.lock().is_stopped = true;
                context.stop("no connection was free for the migrations");
            }
            job.report.fail(error);
            if job.report.is_failure() {
                // A connection that is of no use any more makes room for another.
                bench = bench.and_then(Bench::if_fit);
                context.note_failure(bench.as_mut().map(|bench| &mut bench.conn), &job.report);
            }
        } else if job.report.outcome != Outcome::AtRest {
            job.report.outcome = Outcome::Done;
        }
        context.pool.shelf().states_changed();
        context.tell(&RunEvent::SchemaDone { report: &job.report });
        let mut queue = self.lock();
        if job.report.is_failure() && context.failed() {
            queue.is_stopped = true;
        }
        queue
            .under_way
            .retain(|report| report.schema != job.report.schema);
        queue.done.push(job.report);
        self.keep(&mut queue, bench);
        drop(queue);
        self.changed.notify_all();
    }

    /// Goes on under the new name of a tenant.
    fn renamed(&self, mut job: Job, to: SchemaName, bench: Option<Bench>) {
        let from = std::mem::replace(&mut job.report.schema, to);
        let context = self.context;
        context.tell(&RunEvent::Renamed {
            from: &from,
            to: job.schema(),
        });
        if let Some(run) = context.run {
            let records = &context.pool.paths().records;
            let noted = context.pool.ask_catalog("note a new name", |pg| {
                records.rename_target(pg, run, &from, job.schema())
            });
            if let Err(error) = noted {
                // The next run of the same finds the tenant by its new name.
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, schema = %job.schema(), "failed to note the new name of a tenant");
            }
        }
        self.lock().under_way.retain(|report| report.schema != from);
        job.report.attempts -= 1;
        job.report.renamed_from.get_or_insert(from);
        self.put_back(job, bench);
    }

    fn put_back(&self, job: Job, bench: Option<Bench>) {
        let mut queue = self.lock();
        queue
            .under_way
            .retain(|report| report.schema != job.report.schema);
        queue.later.push(job);
        self.keep(&mut queue, bench);
        drop(queue);
        self.changed.notify_all();
    }

    /// Keeps a connection for the next schema, if it is fit for one.
    fn keep(&self, queue: &mut Queue, bench: Option<Bench>) {
        let fit = bench.and_then(Bench::if_fit).filter(|bench| bench.left > 0);
        queue.connections.extend(fit);
    }
}

/// Counts a thread that works, also when an observer or a handler panics.
struct Running<'a>(&'a Work<'a>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.changed.notify_all();
    }
}

impl fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}
