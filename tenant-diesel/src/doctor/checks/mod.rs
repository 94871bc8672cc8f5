//! The checks, by theme. Each asks the catalog about all tenants at once, and changes nothing.
//!
//! | module | owns |
//! |---|---|
//! | [`rows`] | rows of the tenant model, and the schemas that they name |
//! | [`records`] | what the library keeps of schemas |
//! | [`names`] | names that are not a tenant's, or not one tenant's |
//! | [`tables`] | tables in the wrong kind of schema |
//! | [`objects`] | types, extensions and indexes |
//! | [`roles`] | owners, rights, and roles with a tenant's name |
//! | [`sessions`] | paths, poolers and transactions beside the library |
//! | [`runs`] | ledgers and runs of migrations |

pub(super) mod names;
pub(super) mod objects;
pub(super) mod records;
pub(super) mod roles;
pub(super) mod rows;
pub(super) mod runs;
pub(super) mod sessions;
pub(super) mod tables;

use super::ask::Visit;
use super::check::Check;
use super::diagnosis::Complaint;
use super::facts::{Facts, Sight};
use diesel::prelude::*;

type Ask = fn(&mut Visit<'_, '_>) -> QueryResult<Option<Complaint>>;

/// A table that a check reads; where it cannot be read, the check is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// The table of the tenant model.
    Rows,
    /// The library's table of schemas.
    Kept,
    /// The library's tables of runs.
    Runs,
}

/// One check, and what it reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Examination {
    pub(super) check: Check,
    reads: &'static [Reads],
    pub(super) ask: Ask,
}

impl Examination {
    /// Why it cannot be done, if it cannot.
    pub(super) fn hindrance(&self, facts: &Facts<'_>) -> Option<String> {
        let library = facts.registry.library();
        self.reads.iter().find_map(|reads| {
            let (sight, table) = match reads {
                Reads::Rows => (facts.model, facts.model_name.clone()),
                Reads::Kept => (facts.kept, format!("{library}.schemas")),
                Reads::Runs => (facts.runs, format!("{library}.runs")),
            };
            let role = &facts.role;
            (sight == Sight::Hidden).then(|| format!("role `{role}` may not read `{table}`"))
        })
    }
}

/// All of them, in order.
pub(super) fn all() -> Vec<Examination> {
    use Reads::{Kept, Rows, Runs};
    let of = |check, reads, ask| Examination { check, reads, ask };
    let none: &[Reads] = &[];
    vec![
        of(Check::NotMigrated, none, rows::not_migrated as Ask),
        of(Check::RowWithoutSchema, &[Rows, Kept], rows::row_without_schema),
        of(
            Check::ConfiguredSchemaMissing,
            none,
            rows::configured_schema_missing,
        ),
        of(Check::SchemaWithoutRow, &[Rows, Kept], rows::schema_without_row),
        of(Check::ForgottenSpare, &[Kept], rows::forgotten_spare),
        of(Check::ForgottenRecord, &[Rows, Kept], records::forgotten_record),
        of(
            Check::UnknownToConfiguration,
            &[Rows, Kept],
            records::unknown_to_configuration,
        ),
        of(Check::FailedTenant, &[Rows, Kept], records::failed_tenant),
        of(Check::StaleState, &[Rows, Kept], records::stale_state),
        of(Check::InvalidName, &[Rows], names::invalid_name),
        of(Check::ReservedName, &[Rows], names::reserved_name),
        of(Check::DuplicateRows, &[Rows], names::duplicate_rows),
        of(Check::CollidingNames, &[Rows], names::colliding_names),
        of(Check::NoUniqueConstraint, none, names::no_unique_constraint),
        of(Check::TenantTableInPublic, none, tables::tenant_table_in_public),
        of(
            Check::SharedTableInTenant,
            &[Rows],
            tables::shared_table_in_tenant,
        ),
        of(Check::TypeInTenant, &[Rows], objects::type_in_tenant),
        of(
            Check::ExtensionInWrongPlace,
            &[Rows],
            objects::extension_in_wrong_place,
        ),
        of(Check::RoleNamedAsSchema, &[Rows], roles::role_named_as_schema),
        of(Check::ForeignOwner, &[Rows], roles::foreign_owner),
        of(Check::MissingGrants, &[Rows], roles::missing_grants),
        of(Check::LibraryGrants, none, roles::library_grants),
        of(Check::WrongPoolMode, none, sessions::wrong_pool_mode),
        of(Check::SearchPathSetting, &[Rows], sessions::search_path_setting),
        of(Check::InvalidIndex, &[Rows], objects::invalid_index),
        of(Check::UnknownVersion, &[Rows, Kept], runs::unknown_version),
        of(Check::UnfinishedRun, &[Runs], runs::unfinished_run),
        of(Check::PreparedTransaction, none, sessions::prepared_transaction),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_done_once_and_documented() {
        let done: Vec<Check> = all().iter().map(|examination| examination.check).collect();
        assert_eq!(done, Check::ALL);
        let documentation = include_str!("../../docs/doctor.md");
        for check in Check::ALL {
            assert_eq!(Check::from_id(check.id()), Some(check));
            assert!(documentation.contains(&format!("\n| `{check}` |")), "{check}");
        }
    }
}
