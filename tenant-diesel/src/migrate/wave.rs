//! [`Wave`]: which tenants are migrated together, and what must be so before the next ones are.

use super::executor::Executor;
use super::report::MigrationReport;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tenant_core::SchemaName;

/// A group of tenants that are migrated together.
///
/// ```
/// use std::time::Duration;
/// use tenant_diesel::{Gate, Wave};
///
/// // Three first; then, if all is well, groups of two hundred with a pause between them.
/// let canary = Wave::canary(3).gate(|so_far| match so_far.report.has_failures() {
///     true => Gate::stop("the canary failed"),
///     false => Gate::Continue,
/// });
/// let groups = Wave::groups_of(200).parallel(4).pause(Duration::from_secs(10));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Wave {
    pub(crate) size: Size,
    pub(crate) executor: Option<Arc<dyn Executor>>,
    pub(crate) pause: Duration,
    pub(crate) gate: Option<GateKeeper>,
}

type GateKeeper = Arc<dyn Fn(&WaveEnd<'_>) -> Gate + Send + Sync>;

#[derive(Clone, Debug)]
pub(crate) enum Size {
    Next(usize),
    Names(BTreeSet<SchemaName>),
    /// As many waves as it takes.
    Groups(usize),
}

/// What a gate says after a wave.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gate {
    /// Go on.
    Continue,
    /// Wait, then ask again: for a dashboard, or a person.
    Wait(Duration),
    /// Stop the run. It is resumed by running again.
    Stop {
        /// Why, for the report.
        reason: String,
    },
}

impl Gate {
    /// Stops the run for a reason.
    pub fn stop(reason: impl Into<String>) -> Self {
        Self::Stop {
            reason: reason.into(),
        }
    }
}

/// What a gate is told.
#[derive(Debug)]
#[non_exhaustive]
pub struct WaveEnd<'a> {
    /// Which wave has ended, from 0.
    pub wave: usize,
    /// What was done so far, in this and the waves before it.
    pub report: &'a MigrationReport,
    /// The schemas of this wave.
    pub schemas: &'a [SchemaName],
    /// How many schemas are left.
    pub left: usize,
}

impl Wave {
    fn new(size: Size) -> Self {
        Self {
            size,
            executor: None,
            pause: Duration::ZERO,
            gate: None,
        }
    }

    /// The first so many, in the order of the run.
    pub fn canary(count: usize) -> Self {
        Self::new(Size::Next(count))
    }

    /// These first. A name that is no schema of the run's selection is an error of the run
    /// ([`Error::WaveOfNobody`](crate::Error::WaveOfNobody)); one that is up to date, or at rest, leaves the wave smaller, and a wave
    /// in which nothing is left to do is passed over with its gate.
    pub fn canary_of(names: impl IntoIterator<Item = SchemaName>) -> Self {
        Self::new(Size::Names(names.into_iter().collect()))
    }

    /// The next so many.
    pub fn of(count: usize) -> Self {
        Self::new(Size::Next(count))
    }

    /// The next so many, again and again until none are left.
    pub fn groups_of(count: usize) -> Self {
        Self::new(Size::Groups(count.max(1)))
    }

    /// All that are left.
    pub fn rest() -> Self {
        Self::new(Size::Next(usize::MAX))
    }

    /// How many schemas of this wave are migrated at once, at most. Zero counts as one.
    pub fn parallel(self, threads: usize) -> Self {
        self.executor(super::Parallel::new(threads))
    }

    /// What runs this wave, if it is another than runs the others.
    pub fn executor(mut self, executor: impl Executor + 'static) -> Self {
        self.executor = Some(Arc::new(executor));
        self
    }

    /// How long nothing is done after it, if something is left to do.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Decides after this wave whether the run goes on. It is called on the thread that runs the migrations, while
    /// none are under way, also after the last wave.
    pub fn gate(mut self, gate: impl Fn(&WaveEnd<'_>) -> Gate + Send + Sync + 'static) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }
}

impl fmt::Debug for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wave")
            .field("size", &self.size)
            .field("pause", &self.pause)
            .field("has_gate", &self.gate.is_some())
            .finish_non_exhaustive()
    }
}

/// What a run does after a schema failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnError {
    /// The others are migrated all the same: a deployment should not leave nine hundred behind because of one.
    #[default]
    Continue,
    /// The rest of its wave is left, and the next wave comes; what is under way is ended.
    StopWave,
    /// Nothing is begun any more; what is under way is ended.
    StopRun,
}
