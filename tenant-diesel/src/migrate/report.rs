//! What a run of migrations did, schema by schema.

use crate::Error;
use std::fmt;
use std::time::Duration;
use tenant_core::SchemaName;

/// What a run of migrations did: one entry a schema, in the order in which they were tried.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct MigrationReport {
    /// The shared schema first, then the tenants. The shared schema comes once more, as a failure, where the
    /// list of tenants could not be read to its end.
    pub schemas: Vec<SchemaReport>,
}

/// What a run of migrations did in one schema.
#[derive(Debug)]
#[non_exhaustive]
pub struct SchemaReport {
    /// The schema.
    pub schema: SchemaName,
    /// The versions that this run applied, in order. They stay applied also where a later one failed.
    pub applied: Vec<String>,
    /// How long it took, waiting for the lock of the schema included.
    pub duration: Duration,
    /// Why it stopped, if it did.
    pub error: Option<Error>,
    pub(crate) missing_is_failure: bool,
}

impl MigrationReport {
    pub(crate) fn push(&mut self, schema: SchemaReport) {
        self.schemas.push(schema);
    }

    /// The entry of a schema.
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
        if self.has_failures() {
            Err(Error::Migrate(Box::new(self)))
        } else {
            Ok(self)
        }
    }
}

impl SchemaReport {
    pub(crate) fn new(schema: &SchemaName) -> Self {
        Self {
            schema: schema.clone(),
            applied: Vec::new(),
            duration: Duration::ZERO,
            error: None,
            missing_is_failure: false,
        }
    }

    pub(crate) fn failed(schema: &SchemaName, error: Error) -> Self {
        Self {
            error: Some(error),
            ..Self::new(schema)
        }
    }

    /// Whether the schema of the tenant does not exist: the row was inserted without one, or somebody
    /// dropped it. `create_schema` makes it. Not a failure of a run over all tenants.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.error, Some(Error::SchemaMissing { .. }))
    }

    /// Whether the run failed here.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.error.is_some() && (self.missing_is_failure || !self.is_missing())
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

impl fmt::Display for MigrationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let (migrations, schemas) = (
            counted(self.applied(), "migration"),
            counted(self.schemas.len(), "schema"),
        );
        match self.failures().count() {
            0 => write!(f, "{migrations} applied, {schemas} up to date")?,
            failed => write!(f, "{migrations} applied, {failed} of {schemas} failed")?,
        }
        for entry in self.schemas.iter().filter(|entry| entry.error.is_some()) {
            write!(f, "\n  {entry}")?;
        }
        Ok(())
    }
}

impl fmt::Display for SchemaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", self.schema)?;
        match self.applied.as_slice() {
            [] => f.write_str("nothing applied")?,
            versions => write!(f, "applied {}", versions.join(", "))?,
        }
        write!(f, " in {:.1?}", self.duration)?;
        let mut error = self.error.as_ref().map(|error| error as &dyn std::error::Error);
        while let Some(cause) = error {
            write!(f, ": {cause}")?;
            error = cause.source();
        }
        Ok(())
    }
}
