//! What is noted of a step, in the transaction that takes it.

use super::routine::Note;
use super::{OneSchema, find};
use crate::app::MigrationFile;
use crate::migrate::goal::Step;
use crate::migrate::ledger;
use std::collections::HashSet;

impl OneSchema<'_, '_> {
    /// The statements that note a step: in the ledger, in the library's row, in that of the run.
    pub(super) fn notes(
        &mut self,
        mut applied: HashSet<String>,
        step: Option<&Step>,
        is_last: bool,
    ) -> String {
        let mut message = String::new();
        let changes_role = step
            .and_then(|step| find(self.migrations, step.version()))
            .is_some_and(MigrationFile::may_change_role);
        if changes_role {
            message += "RESET SESSION AUTHORIZATION; RESET ROLE; ";
        }
        match step {
            Some(Step::Apply(version) | Step::Fake(version)) => {
                message += &ledger::insert_sql(&self.schema, version);
                message += "; ";
                applied.insert(version.clone());
            }
            Some(Step::Revert(version)) => {
                message += &ledger::delete_sql(&self.schema, version);
                message += "; ";
                applied.remove(version);
            }
            Some(Step::Redo(_)) | None => {}
        }
        let mut versions: Vec<String> = applied.into_iter().collect();
        versions.sort_unstable();
        message += &self.routine().note(&Note {
            schema: &self.schema,
            kind: self.job.report.kind,
            versions: &versions,
            step,
            is_last,
            run: self.context.run.map(|run| run.0),
            attempts: self.job.report.attempts,
            before: self.job.report.duration,
        });
        message
    }
}
