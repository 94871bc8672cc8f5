//! [`MigrationTarget`]: where a run brings schemas, and which steps that takes in one of them.

use crate::Error;
use std::collections::HashSet;
use std::fmt;

/// Where a run brings each schema.
///
/// Versions are as the ledger has them: the digits at the start of a migration's folder, without dashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationTarget {
    /// Everything that is embedded is applied.
    #[default]
    Latest,
    /// What is embedded up to this version is applied, and what is applied above it is reverted, last first.
    Version(String),
    /// So many migrations are reverted, last first.
    Revert(usize),
    /// The last migration is reverted and applied again: in one transaction, or, if it cannot run in one, in two steps, each of
    /// which is recorded. Where the second did not come about, because it failed or the process was killed, the same run again goes on
    /// with it, and any other run to the latest version applies it too.
    Redo,
    /// What is pending is recorded in the ledger and not run: for tables that are there already.
    Fake {
        /// Up to this version; all that is embedded, where it is none.
        to: Option<String>,
        /// Why, for those who read the run later. It must say something.
        reason: String,
    },
}

impl MigrationTarget {
    /// Whether it can undo something.
    pub(crate) fn goes_back(&self) -> bool {
        matches!(self, Self::Revert(_) | Self::Redo | Self::Version(_))
    }

    /// Whether it does more where it is done twice.
    pub(crate) fn is_cumulative(&self) -> bool {
        matches!(self, Self::Revert(_) | Self::Redo)
    }

    /// Why it was asked for, where that must be said.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Fake { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// The version that it names.
    pub(crate) fn version(&self) -> Option<&str> {
        match self {
            Self::Version(version)
            | Self::Fake {
                to: Some(version), ..
            } => Some(version),
            _ => None,
        }
    }

    /// Refuses what makes no sense in itself.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.reason() {
            Some(reason) if reason.trim().is_empty() => Err(Error::FakeWithoutReason),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for MigrationTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Version(version) => write!(f, "version {version}"),
            Self::Revert(count) => write!(f, "revert {count}"),
            Self::Redo => f.write_str("redo"),
            Self::Fake { to: None, .. } => f.write_str("fake latest"),
            Self::Fake { to: Some(to), .. } => write!(f, "fake up to {to}"),
        }
    }
}

/// One thing that is done to a schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "lowercase", tag = "do", content = "version")
)]
pub enum Step {
    /// A migration is applied.
    Apply(String),
    /// A migration is reverted.
    Revert(String),
    /// A migration is reverted and applied again.
    Redo(String),
    /// A migration is recorded and not run.
    Fake(String),
}

impl Step {
    /// The migration's version.
    #[must_use]
    pub fn version(&self) -> &str {
        match self {
            Self::Apply(version) | Self::Revert(version) | Self::Redo(version) | Self::Fake(version) => {
                version
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply(version) => write!(f, "apply {version}"),
            Self::Revert(version) => write!(f, "revert {version}"),
            Self::Redo(version) => write!(f, "redo {version}"),
            Self::Fake(version) => write!(f, "fake {version}"),
        }
    }
}

/// What is to be done in one schema: decided once where doing it twice would do more.
#[derive(Clone, Debug)]
pub(crate) enum Goal {
    /// Whatever of these is not applied.
    Apply(Vec<String>),
    /// Whatever of these is not applied, and nothing above.
    Exactly(Vec<String>),
    /// These, last first.
    Revert(Vec<String>),
    /// This one, if it was not done yet.
    Redo(String),
    /// Whatever of these is not applied.
    Fake(Vec<String>),
}

impl Goal {
    /// The goal of one schema: `embedded` is what the application has for it, in order, `applied` what its ledger holds.
    pub(crate) fn new(target: &MigrationTarget, embedded: &[String], applied: &HashSet<String>) -> Self {
        let up_to = |version: &str| {
            embedded
                .iter()
                .filter(|v| v.as_str() <= version)
                .cloned()
                .collect()
        };
        let last = |count: usize| {
            let mut versions: Vec<String> = applied.iter().cloned().collect();
            versions.sort_unstable_by(|a, b| b.cmp(a));
            versions.truncate(count);
            versions
        };
        match target {
            MigrationTarget::Latest => Self::Apply(embedded.to_vec()),
            MigrationTarget::Version(version) => Self::Exactly(up_to(version)),
            MigrationTarget::Revert(count) => Self::Revert(last(*count)),
            MigrationTarget::Redo => match last(1).pop() {
                Some(version) => Self::Redo(version),
                None => Self::Revert(Vec::new()),
            },
            MigrationTarget::Fake { to: None, .. } => Self::Fake(embedded.to_vec()),
            MigrationTarget::Fake {
                to: Some(version), ..
            } => Self::Fake(up_to(version)),
        }
    }

    /// What is left to do, in order.
    pub(crate) fn steps(&self, applied: &HashSet<String>) -> Vec<Step> {
        let missing = |versions: &[String], step: fn(String) -> Step| {
            let missing = versions.iter().filter(|version| !applied.contains(*version));
            missing.cloned().map(step).collect::<Vec<_>>()
        };
        match self {
            Self::Apply(versions) => missing(versions, Step::Apply),
            Self::Fake(versions) => missing(versions, Step::Fake),
            Self::Exactly(versions) => {
                let highest = versions.last().map_or("", String::as_str);
                let mut above: Vec<_> = applied.iter().filter(|v| v.as_str() > highest).cloned().collect();
                above.sort_unstable_by(|a, b| b.cmp(a));
                let mut steps: Vec<_> = above.into_iter().map(Step::Revert).collect();
                steps.extend(missing(versions, Step::Apply));
                steps
            }
            Self::Revert(versions) => {
                let left = versions.iter().filter(|version| applied.contains(*version));
                left.cloned().map(Step::Revert).collect()
            }
            // It was applied when this was decided: if it is not now, one half is done.
            Self::Redo(version) if applied.contains(version) => vec![Step::Redo(version.clone())],
            Self::Redo(version) => vec![Step::Apply(version.clone())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(target: &MigrationTarget, applied: &[&str]) -> Vec<String> {
        let embedded = ["1", "2", "3"].map(str::to_owned);
        let applied: HashSet<String> = applied.iter().map(|v| (*v).to_owned()).collect();
        let goal = Goal::new(target, &embedded, &applied);
        goal.steps(&applied).iter().map(Step::to_string).collect()
    }

    #[test]
    fn each_target_takes_its_steps() {
        let version = |v: &str| MigrationTarget::Version(v.to_owned());
        let fake = |to: Option<&str>| MigrationTarget::Fake {
            to: to.map(str::to_owned),
            reason: "they are there".to_owned(),
        };
        assert_eq!(steps(&MigrationTarget::Latest, &["2"]), ["apply 1", "apply 3"]);
        assert_eq!(steps(&version("2"), &["1"]), ["apply 2"]);
        assert_eq!(steps(&version("1"), &["1", "2", "3"]), ["revert 3", "revert 2"]);
        assert_eq!(steps(&version("2"), &["1", "3"]), ["revert 3", "apply 2"]);
        assert_eq!(
            steps(&MigrationTarget::Revert(2), &["1", "2", "3"]),
            ["revert 3", "revert 2"]
        );
        assert_eq!(steps(&MigrationTarget::Revert(9), &["1"]), ["revert 1"]);
        assert_eq!(steps(&MigrationTarget::Redo, &["1", "2"]), ["redo 2"]);
        assert!(steps(&MigrationTarget::Redo, &[]).is_empty());
        assert_eq!(steps(&fake(None), &["1"]), ["fake 2", "fake 3"]);
        assert_eq!(steps(&fake(Some("2")), &["1"]), ["fake 2"]);
    }

    #[test]
    fn a_fake_needs_a_reason() {
        let fake = |reason: &str| MigrationTarget::Fake {
            to: None,
            reason: reason.to_owned(),
        };
        assert!(matches!(fake(" \n").check(), Err(Error::FakeWithoutReason)));
        assert!(fake("restored from a dump").check().is_ok());
    }
}
