//! What a run of migrations did, schema by schema.

use super::file::{FailedStatement, failure_in};
use super::goal::Step;
use crate::{Error, SchemaKind, TenantState};
use std::fmt;
use std::time::Duration;
use tenant_core::SchemaName;

/// What a run of migrations did. Schemas that were up to date are counted and not listed, for there may be ten thousand
/// of them. With the feature `serde` it can be serialised.
#[derive(Debug, Default)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct MigrationReport {
    /// The shared schema first, if it is part of the run, then those that something was to be done in, in the order of the
    /// run. The shared schema comes once more, as a failure, where a row of the table of tenants could not be read.
    pub schemas: Vec<SchemaReport>,
    /// How many schemas were up to date, besides these.
    pub up_to_date: usize,
    /// Those that were done before, in a run that this one resumed. As far as they are there, they are counted as up to
    /// date.
    pub done_before: Vec<SchemaName>,
    /// Those that are neither served nor migrated, and their states.
    pub at_rest: Vec<(SchemaName, TenantState)>,
    /// The number of the run in the library's table of runs. None where nothing was to be done.
    pub run: Option<i64>,
    /// Whether it went on with a run that was killed, stopped or failed, or that another process is at.
    pub is_resumed: bool,
    /// Why it was stopped before its end, if it was. What was not begun is in the list, with
    /// [`Outcome::NotStarted`].
    pub stopped: Option<String>,
}

/// What a run of migrations did in one schema.
#[derive(Debug)]
#[non_exhaustive]
pub struct SchemaReport {
    /// The schema.
    pub schema: SchemaName,
    /// What it was called when the run began, where the tenant was renamed since.
    pub renamed_from: Option<SchemaName>,
    /// What it is for.
    pub kind: SchemaKind,
    /// What became of it.
    pub outcome: Outcome,
    /// The versions that this run applied, in order. They stay applied also where a later one failed.
    pub applied: Vec<String>,
    /// The versions that this run reverted, in order.
    pub reverted: Vec<String>,
    /// The versions that this run recorded and did not run, in order.
    pub faked: Vec<String>,
    /// How long it took, without the time in which somebody else had its lock, and without pauses.
    pub duration: Duration,
    /// Which wave it was in, from 0.
    pub wave: Option<usize>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was tried again, each time.
    pub retried: Vec<String>,
    /// Why it stopped, if it did.
    pub error: Option<Error>,
    pub(crate) missing_is_failure: bool,
}

/// What became of a schema in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Outcome {
    /// Nothing was begun: the run was stopped before.
    NotStarted,
    /// It was begun, and the run was stopped before its end: what was done stays.
    Stopped,
    /// It was archived, or is being dropped, since the run began: nothing was done.
    AtRest,
    /// All that was to be done is done, by this process or by another one meanwhile.
    Done,
    /// There is no schema of this name.
    Missing,
    /// It failed.
    Failed,
}

impl MigrationReport {
    pub(crate) fn push(&mut self, schema: SchemaReport) {
        self.schemas.push(schema);
    }

    /// The entry of a schema. None where it was up to date.
    #[must_use]
    pub fn schema(&self, schema: &SchemaName) -> Option<&SchemaReport> {
        self.schemas.iter().find(|entry| entry.schema == *schema)
    }

    /// The schemas that failed.
    pub fn failures(&self) -> impl Iterator<Item = &SchemaReport> {
        self.schemas.iter().filter(|entry| entry.is_failure())
    }

    /// Whether a schema failed.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        self.failures().next().is_some()
    }

    /// How many migrations were applied, over all schemas.
    #[must_use]
    pub fn applied(&self) -> usize {
        self.schemas.iter().map(|entry| entry.applied.len()).sum()
    }

    pub(crate) fn into_result(self) -> Result<Self, Error> {
        if self.has_failures() || self.stopped.is_some() {
            Err(Error::Migrate(Box::new(self)))
        } else {
            Ok(self)
        }
    }
}

impl SchemaReport {
    pub(crate) fn new(schema: &SchemaName, kind: SchemaKind) -> Self {
        Self {
            schema: schema.clone(),
            renamed_from: None,
            kind,
            outcome: Outcome::NotStarted,
            applied: Vec::new(),
            reverted: Vec::new(),
            faked: Vec::new(),
            duration: Duration::ZERO,
            wave: None,
            attempts: 0,
            retried: Vec::new(),
            error: None,
            missing_is_failure: false,
        }
    }

    pub(crate) fn failed(schema: &SchemaName, kind: SchemaKind, error: Error) -> Self {
        let mut report = Self::new(schema, kind);
        report.fail(error);
        report
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.outcome = match error {
            Error::SchemaMissing { .. } => Outcome::Missing,
            _ => Outcome::Failed,
        };
        self.error = Some(error);
    }

    pub(crate) fn did(&mut self, step: &Step) {
        let version = step.version().to_owned();
        match step {
            Step::Apply(_) => self.applied.push(version),
            Step::Revert(_) => self.reverted.push(version),
            Step::Fake(_) => self.faked.push(version),
            Step::Redo(_) => {
                self.reverted.push(version.clone());
                self.applied.push(version);
            }
        }
    }

    /// Whether the schema of the tenant does not exist: the row was inserted without one, or somebody
    /// dropped it. `create_schema` makes it. Not a failure of a run over all tenants.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.outcome == Outcome::Missing
    }

    /// Whether the run failed here.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.error.is_some() && (self.missing_is_failure || !self.is_missing())
    }

    /// The statement that failed, and its place in the file, where the failure was a statement's.
    #[must_use]
    pub fn statement(&self) -> Option<&FailedStatement> {
        failure_in(self.error.as_ref()?)?.statement.as_ref()
    }
}

impl std::error::Error for MigrationReport {
    /// The first failure.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let first = self.failures().next()?;
        first
            .error
            .as_ref()
            .map(|error| error as &(dyn std::error::Error + 'static))
    }
}

/// How many schemas are listed by name where they are of the same kind.
const MOST_NAMED: usize = 20;

impl fmt::Display for MigrationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let not_started =
            |entry: &&SchemaReport| matches!(entry.outcome, Outcome::NotStarted | Outcome::Stopped);
        let left = self.schemas.iter().filter(not_started).count();
        let all = self.schemas.len() + self.up_to_date;
        let (migrations, schemas) = (counted(self.applied(), "migration"), counted(all, "schema"));
        write!(f, "{migrations} applied, ")?;
        let sum = |list: fn(&SchemaReport) -> usize| self.schemas.iter().map(list).sum::<usize>();
        for (count, word) in [
            (sum(|entry| entry.reverted.len()), "reverted"),
            (sum(|entry| entry.faked.len()), "recorded without running"),
        ] {
            if count > 0 {
                write!(f, "{count} {word}, ")?;
            }
        }
        match (self.failures().count(), &self.stopped) {
            (0, None) => write!(f, "{schemas} up to date")?,
            (0, Some(reason)) => write!(f, "stopped because {reason}: {left} of {schemas} not done")?,
            (failed, None) => write!(f, "{failed} of {schemas} failed")?,
            (failed, Some(reason)) => {
                write!(
                    f,
                    "{failed} of {schemas} failed, stopped because {reason}: {left} not done"
                )?;
            }
        }
        if self.is_resumed && !self.done_before.is_empty() {
            write!(f, "; {} done before this run was resumed", self.done_before.len())?;
        }
        if !self.at_rest.is_empty() {
            write!(
                f,
                "; {} neither served nor migrated",
                counted(self.at_rest.len(), "tenant")
            )?;
        }
        let told: Vec<_> = self
            .schemas
            .iter()
            .filter(|entry| entry.error.is_some())
            .collect();
        for entry in told.iter().take(MOST_NAMED) {
            write!(f, "\n  {entry}")?;
        }
        if told.len() > MOST_NAMED {
            let others: Vec<&str> = told[MOST_NAMED..]
                .iter()
                .map(|entry| entry.schema.as_str())
                .collect();
            write!(f, "\n  and {} more: {}", others.len(), others.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for SchemaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.schema)?;
        if let Some(from) = &self.renamed_from {
            write!(f, " (was `{from}`)")?;
        }
        f.write_str(": ")?;
        let mut said = false;
        for (word, versions) in [
            ("reverted", &self.reverted),
            ("applied", &self.applied),
            ("recorded", &self.faked),
        ] {
            if !versions.is_empty() {
                write!(
                    f,
                    "{}{word} {}",
                    if said { ", " } else { "" },
                    versions.join(", ")
                )?;
                said = true;
            }
        }
        if !said {
            f.write_str("nothing applied")?;
        }
        write!(f, " in {:.1?}", self.duration)?;
        if self.attempts > 1 {
            write!(f, " at attempt {}", self.attempts)?;
        }
        let mut error = self.error.as_ref().map(|error| error as &dyn std::error::Error);
        while let Some(cause) = error {
            write!(f, ": {cause}")?;
            error = cause.source();
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for SchemaReport {
    /// As its fields, with the error as a text and the duration in milliseconds.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("SchemaReport", 13)?;
        fields.serialize_field("schema", &self.schema)?;
        fields.serialize_field("renamed_from", &self.renamed_from)?;
        fields.serialize_field("kind", &self.kind)?;
        fields.serialize_field("outcome", &self.outcome)?;
        fields.serialize_field("applied", &self.applied)?;
        fields.serialize_field("reverted", &self.reverted)?;
        fields.serialize_field("faked", &self.faked)?;
        fields.serialize_field("milliseconds", &self.duration.as_millis())?;
        fields.serialize_field("wave", &self.wave)?;
        fields.serialize_field("attempts", &self.attempts)?;
        fields.serialize_field("retried", &self.retried)?;
        fields.serialize_field("error", &self.error.as_ref().map(in_full))?;
        fields.serialize_field("statement", &self.statement())?;
        fields.end()
    }
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
