//! Parts of the texts of errors that are not one value.

use crate::TenantState;
use std::fmt;
use tenant_core::{Finding, SchemaName};

pub(super) struct Listed<'a>(pub(super) &'a [Finding]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} finding{}:",
            self.0.len(),
            if self.0.len() == 1 { "" } else { "s" }
        )?;
        for finding in self.0 {
            write!(f, "\n  {:?}: {finding}", finding.severity())?;
        }
        Ok(())
    }
}

pub(super) struct Case<'a>(pub(super) &'a SchemaName, pub(super) &'a SchemaName);

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 == self.1 {
            ""
        } else {
            ", which differs in case only"
        })
    }
}

pub(super) struct Holders<'a>(pub(super) &'a [String]);

impl fmt::Display for Holders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            holders => write!(f, ", locked are {}", holders.join(", ")),
        }
    }
}

/// Why a tenant is not served.
pub(super) struct Why<'a>(
    pub(super) TenantState,
    pub(super) Option<&'a str>,
    pub(super) Option<&'a str>,
);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(state, version, needs) = self;
        match (needs, version) {
            (Some(needs), Some(version)) => write!(
                f,
                "it is at version {version}, and this application serves {needs}: migrate it, or wait for the deployment"
            ),
            (Some(needs), None) => write!(
                f,
                "it was not migrated, and this application serves {needs}: migrate it"
            ),
            (None, _) => write!(f, "it is {state}"),
        }
    }
}

/// Names in backticks.
pub(super) struct Names<'a>(pub(super) &'a [SchemaName]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}`{name}`")?;
        }
        Ok(())
    }
}
