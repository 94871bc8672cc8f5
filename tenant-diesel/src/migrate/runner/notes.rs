//! What is noted of a step, in the transaction that takes it.

use super::{OneSchema, find};
use crate::app::MigrationFile;
use crate::migrate::goal::Step;
use crate::migrate::ledger;
use crate::records::schemas::Ledger;
use std::collections::HashSet;

impl OneSchema<'_, '_> {
    /// The statements that note a step: in the ledger, in the library's row, in that of the run.
    pub(super) fn notes(&self, mut applied: HashSet<String>, step: Option<&Step>, is_last: bool) -> String {
        let context = self.context;
        let records = &context.pool.paths().records;
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
        let ledger = Ledger {
            schema: &self.schema,
            kind: self.job.report.kind,
            versions: &versions,
        };
        message += &records.note_versions(&ledger, is_last, self.job.has_record);
        if let Some(run) = context.run {
            message += "; ";
            message += &records.target_step_sql(run, &self.job.report, step, is_last);
        }
        message
    }
}
