//! [`RunEvent`]: what is told of a run while it goes on, for a progress bar or a log.

use super::goal::Step;
use super::report::SchemaReport;
use std::time::Duration;
use tenant_core::SchemaName;

/// What happens in a run of migrations. Told on the thread where it happens, in order for each schema; an observer
/// that takes its time holds that thread up.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RunEvent<'a> {
    /// It is known what is to be done. Not told where nothing is.
    Planned {
        /// How many schemas something is to be done in, the shared one not counted.
        schemas: usize,
        /// How many were done before, in a run that this one resumes.
        done_before: usize,
    },
    /// A wave begins.
    WaveStarted {
        /// Which, from 0.
        wave: usize,
        /// How many schemas it has.
        schemas: usize,
    },
    /// A schema is begun.
    SchemaStarted {
        /// Which.
        schema: &'a SchemaName,
    },
    /// A step was done and committed.
    StepDone {
        /// Where.
        schema: &'a SchemaName,
        /// What.
        step: &'a Step,
        /// How long it took.
        duration: Duration,
    },
    /// A schema failed in a way that may pass, and is tried again.
    Retrying {
        /// Which.
        schema: &'a SchemaName,
        /// How often it was tried.
        attempt: u32,
        /// After how long it is tried again.
        pause: Duration,
        /// Why.
        reason: &'a str,
    },
    /// Somebody else migrates the schema; it is looked at again later.
    Busy {
        /// Which.
        schema: &'a SchemaName,
    },
    /// A tenant was renamed since the run began; it is migrated under its new name, of which later events tell.
    Renamed {
        /// What its schema was called.
        from: &'a SchemaName,
        /// What it is called now.
        to: &'a SchemaName,
    },
    /// A schema is done, or given up.
    SchemaDone {
        /// What was done.
        report: &'a SchemaReport,
    },
    /// A wave is over.
    WaveDone {
        /// Which, from 0.
        wave: usize,
    },
}
