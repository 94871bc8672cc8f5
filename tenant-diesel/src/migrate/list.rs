//! [`ListedSchema`]: which versions are applied to a schema, and which are not.

use crate::SchemaKind;
use std::collections::HashSet;
use std::fmt;
use tenant_core::SchemaName;

/// Which versions are applied to a schema, and which are not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ListedSchema {
    /// The schema.
    pub schema: SchemaName,
    /// What it is for.
    pub kind: SchemaKind,
    /// All versions, those of the application and those of the ledger, in order.
    pub versions: Vec<ListedVersion>,
}

/// One version of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ListedVersion {
    /// The version.
    pub version: String,
    /// Whether it is in the ledger.
    pub is_applied: bool,
    /// Whether the application has it.
    pub is_embedded: bool,
}

impl ListedSchema {
    pub(crate) fn new(
        schema: &SchemaName,
        kind: SchemaKind,
        embedded: &[String],
        applied: &HashSet<String>,
    ) -> Self {
        let mut all: Vec<String> = embedded.to_vec();
        all.extend(
            applied
                .iter()
                .filter(|version| !embedded.contains(version))
                .cloned(),
        );
        all.sort_unstable();
        let version = |version: String| ListedVersion {
            is_applied: applied.contains(&version),
            is_embedded: embedded.contains(&version),
            version,
        };
        Self {
            schema: schema.clone(),
            kind,
            versions: all.into_iter().map(version).collect(),
        }
    }
}

impl fmt::Display for ListedSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`:", self.schema)?;
        for version in &self.versions {
            let mark = if version.is_applied { 'X' } else { ' ' };
            let unknown = if version.is_embedded {
                ""
            } else {
                " (not in this application)"
            };
            write!(f, "\n  [{mark}] {}{unknown}", version.version)?;
        }
        Ok(())
    }
}
