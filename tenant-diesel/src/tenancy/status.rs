//! [`FleetStatus`]: where all tenants are.

use crate::migrate::{MigrationTarget, Selection, Which, in_full};
use crate::model::TenantModel;
use crate::{Error, Tenancy, TenantState};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};
use std::fmt;
use tenant_core::{AppScope, SchemaName};

/// How many names a line of the text has.
const MOST_NAMED: usize = 10;

/// Where all schemas but the shared one are: at which versions, in which states, and what is wrong.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FleetStatus {
    /// Whether all that is embedded is applied to the shared schema.
    pub shared_is_current: bool,
    /// The last version that the application has for tenants.
    pub latest: Option<String>,
    /// How many schemas there are at each version and in each state, the last version first.
    pub versions: Vec<VersionStatus>,
    /// Those that something is pending for.
    pub behind: Vec<SchemaName>,
    /// Those whose last run failed; whether they are served, their state says.
    pub failed: Vec<FailedTenant>,
    /// Tenants without a schema.
    pub missing: Vec<SchemaName>,
    /// Those whose ledgers have versions that the application does not.
    pub unknown: Vec<UnknownVersions>,
    /// Why rows of tenants are passed over by every run: they hold no name, or one that no tenant can have.
    pub refused: Vec<String>,
    /// Those that differ from others at the same version. None where that was not asked: see
    /// [`Tenancy::status_with_drift`].
    pub drifting: Option<Vec<SchemaName>>,
}

/// How many schemas are at one version and in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VersionStatus {
    /// The last version in their ledgers. None where a ledger is empty, or the library knows nothing of the schema.
    pub version: Option<String>,
    /// Their state. None where the library knows nothing of the schema.
    pub state: Option<TenantState>,
    /// How many they are.
    pub schemas: usize,
    /// The first ten of them by name.
    pub first: Vec<SchemaName>,
}

/// A tenant whose last migration failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FailedTenant {
    /// The schema.
    pub schema: SchemaName,
    /// Why, with the sources of the error.
    pub error: String,
    /// In how many runs it failed since it was well.
    pub runs: u32,
}

/// A tenant whose ledger has versions that the application does not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct UnknownVersions {
    /// The schema.
    pub schema: SchemaName,
    /// The versions, in order.
    pub versions: Vec<String>,
}

#[derive(QueryableByName)]
struct Group {
    #[diesel(sql_type = Nullable<Text>)]
    version: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<String>,
    #[diesel(sql_type = BigInt)]
    schemas: i64,
    #[diesel(sql_type = Array<Text>)]
    first: Vec<String>,
}

#[derive(QueryableByName)]
struct Failed {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

impl VersionStatus {
    /// Whether they are where they can stay: not on the way from one state to another.
    fn is_at_peace(&self) -> bool {
        use TenantState::{Dropping, Failed, Migrating, Provisioning};
        !matches!(self.state, Some(Dropping | Failed | Migrating | Provisioning))
    }
}

impl FleetStatus {
    /// How many schemas there are.
    #[must_use]
    pub fn schemas(&self) -> usize {
        self.versions.iter().map(|version| version.schemas).sum()
    }

    /// Whether nobody is behind, failed, missing, unknown or known to drift. A tenant that is archived or in maintenance is
    /// where somebody put it.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.shared_is_current
            && self.behind.is_empty()
            && self.failed.is_empty()
            && self.missing.is_empty()
            && self.unknown.is_empty()
            && self.refused.is_empty()
            && self.versions.iter().all(VersionStatus::is_at_peace)
            && self.drifting.as_ref().is_none_or(Vec::is_empty)
    }
}

impl fmt::Display for FleetStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.schemas();
        write!(f, "{total} schema{}", if total == 1 { "" } else { "s" })?;
        if let Some(latest) = &self.latest {
            write!(f, ", the application has {latest}")?;
        }
        for group in &self.versions {
            let version = group.version.as_deref().unwrap_or("no version");
            let state = group
                .state
                .map_or("not known to the library", TenantState::as_str);
            write!(f, "\n  {} at {version}, {state}: ", group.schemas)?;
            named(f, &group.first, group.schemas)?;
        }
        if !self.shared_is_current {
            f.write_str("\n  the shared schema is behind")?;
        }
        let drifting = self.drifting.as_deref().unwrap_or_default();
        for (word, names) in [
            ("behind", self.behind.as_slice()),
            ("without a schema", self.missing.as_slice()),
            ("unlike others at their version", drifting),
        ] {
            if !names.is_empty() {
                write!(f, "\n  {} {word}: ", names.len())?;
                named(f, names, names.len())?;
            }
        }
        for failed in &self.failed {
            write!(
                f,
                "\n  `{}` failed in {} run(s): {}",
                failed.schema, failed.runs, failed.error
            )?;
        }
        for reason in &self.refused {
            write!(f, "\n  {reason}")?;
        }
        for unknown in &self.unknown {
            let versions = unknown.versions.join(", ");
            write!(
                f,
                "\n  `{}` has versions that the application does not: {versions}",
                unknown.schema
            )?;
        }
        Ok(())
    }
}

fn named(f: &mut fmt::Formatter<'_>, names: &[SchemaName], of: usize) -> fmt::Result {
    let first: Vec<&str> = names.iter().take(MOST_NAMED).map(SchemaName::as_str).collect();
    write!(
        f,
        "{}{}",
        first.join(", "),
        if of > first.len() { ", .." } else { "" }
    )
}

impl<T: TenantModel> Tenancy<T> {
    /// Where all tenants are: by version how many, who is behind, failed, missing. Changes nothing.
    ///
    /// A few questions to the library's own table, and the ledgers of those that are not up to date; so it takes as long
    /// for tenants that are well as a start-up does.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// tenancy.create(new_client("acme")?)?;
    /// tenancy.create(new_client("globex")?)?;
    /// let status = tenancy.status()?;
    /// assert!(status.is_well());
    /// assert_eq!(status.to_string(), "2 schemas, the application has 20260101000000\n  \
    ///     2 at 20260101000000, ready: acme, globex");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::PoolTimeout`], the failure of a question.
    pub fn status(&self) -> Result<FleetStatus, Error> {
        let selection = Selection::all();
        let survey = self.survey(&selection, &MigrationTarget::Latest, Which::NotCurrent)?;
        let (groups, failed, shared_is_current) =
            self.pool().ask_catalog("read the status of tenants", |pg| {
                let has_table = self.has_model_table(pg)?;
                // What was noted of a schema that is gone says nothing of where the tenant is, but that somebody put it there;
                // nor does the version of one that was restored.
                let from = format!(
                    "FROM {} AS w LEFT JOIN {} AS s ON s.name = w.name AND (s.state IN ('archived', 'dropping') \
                     OR EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = w.name)) \
                     CROSS JOIN LATERAL (SELECT CASE WHEN s.state IN ('archived', 'dropping') \
                     OR s.schema_oid = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = w.name) \
                     THEN s.version END AS version) AS v",
                    self.wanted(&selection, has_table),
                    self.kept(pg)?
                );
                let groups: Vec<Group> = diesel::sql_query(format!(
                    "SELECT v.version, s.state, count(*) AS schemas, \
                 (pg_catalog.array_agg(w.name::text ORDER BY w.name))[1:{MOST_NAMED}] AS first \
                 {from} GROUP BY v.version, s.state ORDER BY v.version DESC NULLS LAST, s.state"
                ))
                .load(pg)?;
                let failed: Vec<Failed> = diesel::sql_query(format!(
                "SELECT w.name, s.error, s.attempts {from} WHERE s.state = 'failed' OR s.error IS NOT NULL \
                 ORDER BY w.name"
            ))
            .load(pg)?;
                Ok((groups, failed, self.is_shared_current(pg)?))
            })?;
        let readable = |name: &String| SchemaName::quoted_any(name).ok();
        let unknown = survey
            .unknown
            .into_iter()
            .map(|(schema, versions)| UnknownVersions { schema, versions });
        Ok(FleetStatus {
            shared_is_current,
            latest: self.apps().versions(AppScope::Tenant).pop(),
            versions: groups
                .into_iter()
                .map(|group| VersionStatus {
                    version: group.version,
                    state: group.state.and_then(|state| state.parse().ok()),
                    schemas: usize::try_from(group.schemas).unwrap_or(0),
                    first: group.first.iter().filter_map(readable).collect(),
                })
                .collect(),
            behind: survey.behind.into_iter().map(|behind| behind.schema).collect(),
            failed: failed
                .into_iter()
                .filter_map(|failed| {
                    Some(FailedTenant {
                        schema: readable(&failed.name)?,
                        error: failed.error.unwrap_or_default(),
                        runs: u32::try_from(failed.attempts).unwrap_or(0),
                    })
                })
                .collect(),
            missing: survey.missing.into_iter().map(|(name, _)| name).collect(),
            unknown: unknown.collect(),
            refused: survey.refused.iter().map(|(_, error)| in_full(error)).collect(),
            drifting: None,
        })
    }

    /// The same, and who differs from other tenants at the same version: see [`Tenancy::drift`], which tells in what. It
    /// reads the catalog of every schema, which takes some milliseconds each.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::status`] and [`Tenancy::drift`].
    pub fn status_with_drift(&self) -> Result<FleetStatus, Error> {
        let mut status = self.status()?;
        let drift = self.drift()?;
        status.drifting = Some(
            drift
                .drifted()
                .flat_map(|group| &group.schemas)
                .cloned()
                .collect(),
        );
        Ok(status)
    }
}
