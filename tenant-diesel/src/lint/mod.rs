//! Lints over the embedded migrations: what would reach another schema, fail for the second tenant, or lock everyone.
//!
//! | module | owns |
//! |---|---|
//! | [`rule`] | what is looked for, why, and what to write instead |
//! | [`rules`] | how each is found in a statement |
//! | [`finding`] | what was found, and where |
//! | [`allow`] | comments that silence a rule |
//! | [`context`] | what the rules know besides the text |
//! | [`file`] | one file, statement by statement |
//! | [`words`] | reading a statement |

mod allow;
mod context;
mod file;
mod finding;
mod rule;
mod rules;
mod words;

pub use finding::LintFinding;
pub use rule::LintRule;
pub(crate) use rules::needs_a_message_a_statement;

use crate::app::EmbeddedApp;
use crate::migrate::{Embedded, EmbeddedApps};
use context::{Context, Names};
use tenant_core::{AppInfo, Registry, SchemaName};

#[doc = include_str!("../docs/lints.md")]
#[must_use]
pub fn lint<A: EmbeddedApp>() -> Vec<LintFinding> {
    let names = Names::new(SchemaName::public(), &[], &[], &[AppInfo::of::<A>()]);
    of_app(&names, &Embedded::of::<A>())
}

/// Everything that is found in the migrations of all apps: app by app, in the order of the files.
pub(crate) fn of_apps(registry: &Registry, apps: &EmbeddedApps) -> Vec<LintFinding> {
    let names = Names::new(
        registry.public().clone(),
        registry.extension_schemas(),
        registry.static_names(),
        registry.apps(),
    );
    apps.iter().flat_map(|app| of_app(&names, app)).collect()
}

/// Logs a warning for each finding.
pub(crate) fn warn(findings: &[LintFinding]) {
    for finding in findings {
        tracing::warn!(
            rule = finding.rule.id(),
            app = finding.app,
            version = finding.version,
            "a migration needs a look: {finding}"
        );
    }
}

fn of_app(names: &Names, app: &Embedded) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    for migration in app.files {
        let cx = Context {
            names,
            scope: app.scope,
            run_in_transaction: migration.run_in_transaction,
        };
        let texts = [("up.sql", Some(migration.up)), ("down.sql", migration.down)];
        for (name, text) in texts {
            let found = file::check(text.unwrap_or_default(), &cx);
            findings.extend(found.into_iter().map(|found| LintFinding {
                rule: found.hit.rule,
                severity: found.hit.severity,
                found: found.hit.found,
                app: app.app,
                version: migration.version,
                migration: migration.name,
                file: format!("{}/{name}", migration.directory),
                line: found.position.line,
                column: found.position.column,
                statement: found.statement.to_owned(),
            }));
        }
    }
    findings
}

#[cfg(test)]
mod tests;
