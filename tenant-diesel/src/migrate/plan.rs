//! [`MigrationPlan`]: what a run would do where.

use super::goal::Step;
use super::survey::{Behind, Survey};
use crate::{SchemaKind, TenantState};
use std::collections::BTreeMap;
use std::fmt;
use tenant_core::SchemaName;

/// What a run would do, as it looks now. Nothing was changed to find out.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct MigrationPlan {
    /// What would be done in the shared schema: before anything else, or after, where the run goes back.
    pub shared: Option<PlannedSchema>,
    /// What would be done in other schemas, in the order of the run.
    pub schemas: Vec<PlannedSchema>,
    /// How many schemas are up to date.
    pub up_to_date: usize,
    /// Tenants without a schema.
    pub missing: Vec<SchemaName>,
    /// Tenants that are neither served nor migrated, and their states.
    pub at_rest: Vec<(SchemaName, TenantState)>,
    /// Why rows of tenants are passed over: they hold no name, or one that no tenant can have.
    pub refused: Vec<String>,
    /// The table of the tenant model is not there yet, so that nothing is known of tenants.
    pub tenants_are_unknown: bool,
}

/// What would be done in one schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PlannedSchema {
    /// The schema.
    pub schema: SchemaName,
    /// What it is for.
    pub kind: SchemaKind,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Versions in its ledger that the application does not have.
    pub unknown: Vec<String>,
}

impl PlannedSchema {
    pub(crate) fn of(behind: &Behind) -> Self {
        Self {
            schema: behind.schema.clone(),
            kind: behind.kind,
            steps: behind.steps.clone(),
            unknown: behind.unknown.clone(),
        }
    }
}

impl MigrationPlan {
    pub(crate) fn of(survey: &Survey, shared: Option<PlannedSchema>) -> Self {
        Self {
            shared,
            schemas: survey.behind.iter().map(PlannedSchema::of).collect(),
            up_to_date: survey.up_to_date,
            missing: survey.missing.iter().map(|(name, _)| name.clone()).collect(),
            at_rest: survey.at_rest.clone(),
            refused: survey
                .refused
                .iter()
                .map(|(_, error)| super::in_full(error))
                .collect(),
            tenants_are_unknown: survey.has_no_table,
        }
    }

    /// Whether a run would do nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.is_none() && self.schemas.iter().all(|schema| schema.steps.is_empty())
    }
}

/// How many names a line of a plan has.
const MOST_NAMED: usize = 10;

/// Schemas with the same steps are one line.
impl fmt::Display for MigrationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            write!(f, "nothing to do, {} up to date", self.up_to_date)?;
        } else {
            write!(f, "{} up to date", self.up_to_date)?;
        }
        let mut groups: BTreeMap<&[Step], Vec<&str>> = BTreeMap::new();
        for planned in &self.schemas {
            groups
                .entry(&planned.steps)
                .or_default()
                .push(planned.schema.as_str());
        }
        if let Some(shared) = &self.shared {
            line(f, &shared.steps, &[shared.schema.as_str()])?;
        }
        for (steps, names) in groups {
            line(f, steps, &names)?;
        }
        let names = |list: &[SchemaName]| {
            list.iter()
                .map(SchemaName::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        if !self.missing.is_empty() {
            write!(
                f,
                "\n  {} without a schema: {}",
                self.missing.len(),
                names(&self.missing)
            )?;
        }
        for planned in self.schemas.iter().filter(|planned| !planned.unknown.is_empty()) {
            let versions = planned.unknown.join(", ");
            write!(
                f,
                "\n  `{}` has versions that this application does not: {versions}",
                planned.schema
            )?;
        }
        for (name, state) in &self.at_rest {
            write!(f, "\n  `{name}` is {state}, and passed over")?;
        }
        for error in &self.refused {
            write!(f, "\n  {error}")?;
        }
        if self.tenants_are_unknown {
            f.write_str("\n  the table of tenants is not there yet: what is pending for them is not known")?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, steps: &[Step], names: &[&str]) -> fmt::Result {
    let steps: Vec<String> = steps.iter().map(Step::to_string).collect();
    let (steps, count) = (steps.join(", "), names.len());
    let steps = if steps.is_empty() {
        "make the ledger"
    } else {
        &steps
    };
    let more = if count > MOST_NAMED { ", .." } else { "" };
    let named = names[..count.min(MOST_NAMED)].join(", ");
    write!(
        f,
        "\n  {count} schema{}: {steps}: {named}{more}",
        if count == 1 { "" } else { "s" }
    )
}
