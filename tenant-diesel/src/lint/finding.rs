//! [`LintFinding`]: one thing that a lint found, and where.

use super::rule::LintRule;
use std::fmt;
use tenant_core::Severity;

/// One result of [`lint`](crate::lint()) or [`Tenancy::lint`](crate::Tenancy::lint). Its text says what to do.
///
/// With the feature `serde` it can be serialised: the fields, and `why` and `instead` of the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LintFinding {
    /// What was looked for.
    pub rule: LintRule,
    /// An error will fail or reach another schema when it is run; a warning will work, at a price.
    pub severity: Severity,
    /// What was found, in words.
    pub found: String,
    /// The app.
    pub app: &'static str,
    /// The version of the migration, as the ledger has it.
    pub version: &'static str,
    /// The name of the migration's directory.
    pub migration: &'static str,
    /// The file, from the `Cargo.toml` of the app's crate: `migrations/todo/2024-01-31-120000_tasks/up.sql`.
    pub file: String,
    /// The line of what was found, from 1.
    pub line: usize,
    /// The character of that line, from 1.
    pub column: usize,
    /// The statement, without its semicolon. Empty where a comment belongs to none.
    pub statement: String,
}

impl LintFinding {
    /// Why it is looked for: [`LintRule::why`].
    #[must_use]
    pub const fn why(&self) -> &'static str {
        self.rule.why()
    }

    /// What to write instead: [`LintRule::instead`].
    #[must_use]
    pub const fn instead(&self) -> &'static str {
        self.rule.instead()
    }
}

impl fmt::Display for LintFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            found,
            rule,
            app,
            ..
        } = self;
        let severity = self.severity;
        write!(
            f,
            "{file}:{line}:{column}: {severity}: {found} (app `{app}`) [{rule}]"
        )?;
        let mut lines = self.statement.lines();
        if let Some(first) = lines.next() {
            let more = if lines.next().is_some() { " .." } else { "" };
            write!(f, "\n  in: {first}{more}")?;
        }
        write!(f, "\n  why: {}\n  instead: {}", self.why(), self.instead())?;
        if *rule != LintRule::AllowComment {
            write!(
                f,
                "\n  or, on the line before: -- tenancy: allow({rule}) <why it is right here>"
            )?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for LintFinding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut finding = serializer.serialize_struct("LintFinding", 12)?;
        finding.serialize_field("rule", self.rule.id())?;
        finding.serialize_field("severity", self.severity.as_str())?;
        finding.serialize_field("found", &self.found)?;
        finding.serialize_field("app", self.app)?;
        finding.serialize_field("version", self.version)?;
        finding.serialize_field("migration", self.migration)?;
        finding.serialize_field("file", &self.file)?;
        finding.serialize_field("line", &self.line)?;
        finding.serialize_field("column", &self.column)?;
        finding.serialize_field("statement", &self.statement)?;
        finding.serialize_field("why", self.why())?;
        finding.serialize_field("instead", self.instead())?;
        finding.end()
    }
}
