//! What a comparison of schemas found: [`DriftReport`] and its parts.

use super::fingerprint::Fingerprint;
use tenant_core::SchemaName;

/// Where schemas with the same migrations differ in structure. Its [`Display`](std::fmt::Display) is for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DriftReport {
    /// One entry for each set of applied versions, the one that most schemas have first. Schemas of different versions are
    /// not compared.
    pub versions: Vec<VersionDrift>,
    /// Tenants whose schema does not exist.
    pub missing: Vec<SchemaName>,
    /// Schemas that could not be read.
    pub unread: Vec<UnreadSchema>,
}

/// The schemas to which the same migrations were applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct VersionDrift {
    /// The last of their versions; none where nothing was applied.
    pub version: Option<String>,
    /// How many versions were applied.
    pub applied: usize,
    /// How many schemas have just these versions.
    pub schemas: usize,
    /// The fingerprint that the others are compared with: that of the schema that was chosen, if it has these versions, else
    /// the one that most of them have.
    pub expected: Fingerprint,
    /// A schema that has it.
    pub example: SchemaName,
    /// Those that differ from it, grouped by what they look like, the largest group first.
    pub drifted: Vec<DriftGroup>,
}

/// Schemas that are equal to each other, and differ from the others of their version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DriftGroup {
    /// What they have in common.
    pub fingerprint: Fingerprint,
    /// All of them.
    pub schemas: Vec<SchemaName>,
    /// What differs, in the order of kinds and names. Empty where they changed, or were dropped, while they were read.
    pub differences: Vec<ObjectDifference>,
}

/// One object that differs: missing, not expected, or of another definition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ObjectDifference {
    /// `table`, `column`, `index`, `function` and so on.
    pub kind: String,
    /// Its name without the schema's, quoted where SQL needs that: `orders.title` for a column.
    pub name: String,
    /// The definition that it should have; none where it should not be there.
    pub expected: Option<String>,
    /// The definition that it has; none where it is missing.
    pub found: Option<String>,
}

/// A schema that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct UnreadSchema {
    /// The schema.
    pub schema: SchemaName,
    /// Why.
    pub reason: String,
}

impl DriftReport {
    /// Whether schemas of one version differ. That a schema is missing, or could not be read, is no drift.
    #[must_use]
    pub fn has_drift(&self) -> bool {
        self.drifted().next().is_some()
    }

    /// All groups that differ, over all versions.
    pub fn drifted(&self) -> impl Iterator<Item = &DriftGroup> {
        self.versions.iter().flat_map(|version| &version.drifted)
    }

    /// The group of a schema, if it differs from the others of its version.
    #[must_use]
    pub fn group_of(&self, schema: &SchemaName) -> Option<&DriftGroup> {
        self.drifted().find(|group| group.schemas.contains(schema))
    }

    /// How many schemas were read.
    #[must_use]
    pub fn schemas(&self) -> usize {
        self.versions.iter().map(|version| version.schemas).sum()
    }
}

impl VersionDrift {
    /// How many schemas differ.
    #[must_use]
    pub fn differing(&self) -> usize {
        self.drifted.iter().map(|group| group.schemas.len()).sum()
    }
}
