//! [`Diagnosis`]: what was found, what could not be seen, and what was mended.

use super::check::Check;
use tenant_core::{SchemaName, Severity};

/// How many schemas or objects a [`Complaint`] lists. It counts the rest.
pub const LISTED: usize = 20;

/// What [`Tenancy::doctor`](crate::Tenancy::doctor) found. Its [`Display`](std::fmt::Display) is for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[must_use = "a diagnosis that nobody reads helps nobody"]
pub struct Diagnosis {
    /// What is wrong, errors first, at most one for each [`Check`].
    pub complaints: Vec<Complaint>,
    /// What could not be looked at: mostly because this role has no right to.
    pub unseen: Vec<Unseen>,
}

/// One thing that is wrong, of one or of many schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Complaint {
    /// What was looked for.
    pub check: Check,
    /// An error keeps a tenant from being served, will make the next migration fail, or lets a tenant meet what is not its
    /// own. A warning does not, yet.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    pub severity: Severity,
    /// What it means.
    pub reason: String,
    /// What to do.
    pub advice: String,
    /// The schemas or objects, at most [`LISTED`], the worst first, then by name.
    pub concerned: Vec<Concerned>,
    /// How many there are.
    pub total: usize,
    /// Whether [`Tenancy::fix`](crate::Tenancy::fix) can mend it, or some of it.
    pub can_be_fixed: bool,
}

/// A schema or object that a [`Complaint`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Concerned {
    /// The schema. None where it is about no schema, or the name is none.
    pub schema: Option<SchemaName>,
    /// The name for people: of the schema, or of a table, type, index, role in it.
    pub object: String,
    /// More about it.
    pub detail: Option<String>,
}

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Unseen {
    /// What was to be looked for.
    pub check: Check,
    /// Why it was not.
    pub reason: String,
}

/// What [`Tenancy::fix`](crate::Tenancy::fix) did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Fixed {
    /// What was looked for.
    pub check: Check,
    /// What was mended. Empty where nothing was wrong any more.
    pub mended: Vec<Treatment>,
    /// What was left as it is, and why.
    pub left: Vec<Treatment>,
}

/// What was done about one schema or object, or why nothing was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Treatment {
    /// The name of the schema or object.
    pub object: String,
    /// What was done, or why nothing was.
    pub what: String,
}

impl Diagnosis {
    /// Whether nothing is wrong, of what could be seen.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.complaints.is_empty()
    }

    /// Whether there are complaints that are errors.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.complaints
            .iter()
            .any(|complaint| complaint.severity == Severity::Error)
    }

    /// The complaint of a check, if there is one.
    #[must_use]
    pub fn complaint(&self, check: Check) -> Option<&Complaint> {
        self.complaints.iter().find(|complaint| complaint.check == check)
    }

    /// Those that [`Tenancy::fix`](crate::Tenancy::fix) can mend.
    pub fn fixable(&self) -> impl Iterator<Item = &Complaint> {
        self.complaints.iter().filter(|complaint| complaint.can_be_fixed)
    }
}

impl Complaint {
    /// How many are not listed.
    #[must_use]
    pub fn unlisted(&self) -> usize {
        self.total.saturating_sub(self.concerned.len())
    }
}

impl Fixed {
    pub(super) const fn nothing(check: Check) -> Self {
        Self {
            check,
            mended: Vec::new(),
            left: Vec::new(),
        }
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.left.is_empty()
    }
}

#[cfg(feature = "serde")]
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde gives a reference to the field"
)]
fn as_text<S: serde::Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(severity.as_str())
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn a_diagnosis_is_data() {
        let diagnosis = Diagnosis {
            complaints: vec![Complaint {
                check: Check::StaleState,
                severity: Severity::Error,
                reason: "1 schema".to_owned(),
                advice: "look".to_owned(),
                concerned: Vec::new(),
                total: 1,
                can_be_fixed: true,
            }],
            unseen: Vec::new(),
        };
        let complaint = serde_json::json!({
            "check": "stale-state", "severity": "error", "reason": "1 schema", "advice": "look", "concerned": [],
            "total": 1, "can_be_fixed": true
        });
        let expected = serde_json::json!({"complaints": [complaint], "unseen": []});
        assert_eq!(serde_json::to_value(&diagnosis).ok(), Some(expected));
    }
}
