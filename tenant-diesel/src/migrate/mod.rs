//! A start-up: who is behind is one question; then the shared schema, then wave by wave the others, each under a lock,
//! each migration in a transaction with its row in the ledger and the library's own.
//!
//! | module | owns |
//! |---|---|
//! | [`run`], [`course`] | [`MigrationRun`]: what is asked for, and how a run goes |
//! | [`selection`], [`goal`], [`order`], [`wave`] | which schemas, which steps, in which order, which together |
//! | [`survey`] | who is behind |
//! | [`plan`], [`list`] | what would be done, and what was |
//! | [`executor`], [`work`] | on which threads, and what is left to do |
//! | [`context`] | what all threads of a run share |
//! | [`runner`], [`file`] | one schema, one file |
//! | [`new_schema`] | all migrations, in a schema that is being born |
//! | [`report`], [`progress`] | what was done, and what is being done |
//! | [`verify`] | ledgers, compared with what the library keeps of them |
//! | [`apps`] | the embedded migrations, by scope, in order |
//! | [`ledger`], [`ledgers`] | Diesel's table of applied versions, by qualified name; those of many schemas |
//! | [`lock`] | one process at a time in a schema |

mod apps;
mod context;
mod course;
mod executor;
mod file;
mod goal;
pub(crate) mod ledger;
mod ledgers;
mod list;
pub(crate) mod lock;
mod new_schema;
mod order;
mod plan;
mod progress;
mod report;
mod run;
pub(crate) mod runner;
mod selection;
mod survey;
mod verify;
mod wave;
mod work;

pub(crate) use apps::{Embedded, EmbeddedApps};
pub use executor::{Executor, Parallel, Sequential};
pub use file::{FailedStatement, FileFailure};
pub(crate) use file::{failure_in, may_locate};
pub use goal::{MigrationTarget, Step};
pub(crate) use ledgers::read_ledgers;
pub use list::{ListedSchema, ListedVersion};
pub(crate) use new_schema::{run_all_in_open_transaction, run_unlocked};
pub use plan::{MigrationPlan, PlannedSchema};
pub use progress::RunEvent;
pub(crate) use report::in_full;
pub use report::{MigrationReport, Outcome, SchemaReport};
pub use run::{DEFAULT_ATTEMPTS, DEFAULT_LOCK_TIMEOUT, DEFAULT_STATEMENT_TIMEOUT, MigrationRun};
pub use selection::Selection;
pub(crate) use survey::Which;
pub use verify::{Mended, VerifyReport};
pub use wave::{Gate, OnError, Wave, WaveEnd};
pub use work::Work;

use crate::model::TenantModel;
use crate::{Error, SchemaKind, Tenancy};

impl<T: TenantModel> Tenancy<T> {
    /// Applies what is pending: the shared apps to the shared schema (created if it is not there), then
    /// the tenant apps to the schemas of the configuration and of every tenant.
    ///
    /// Who is behind is one question to the library's own table, so that a start-up with nothing pending costs the same
    /// few round trips for ten tenants and for ten thousand.
    ///
    /// Each schema is migrated under a lock, so that several processes may start at once: they share the work. Each
    /// migration is one transaction with its row in the schema's ledger
    /// (`__diesel_schema_migrations`, which `diesel migration list` reads), except those whose
    /// `metadata.toml` says `run_in_transaction = false`. While a tenant is migrated, its path holds its own
    /// schema and those of extensions, and nothing else. Calling this again after a failure, or after the
    /// process was killed, goes on where it stopped.
    ///
    /// A tenant whose schema does not exist is reported and passed over. If one fails, the others are
    /// migrated all the same. For everything else (plans, waves, targets, progress) see [`Tenancy::migration`].
    ///
    /// Call it in a statement of its own: in `tracing::info!("{}", tenancy.migrate()?)` nothing is migrated where nothing
    /// of that level is logged.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// tenancy.create(new_client("acme")?)?;
    /// let report = tenancy.migrate()?;          // nothing is pending
    /// assert_eq!((report.applied(), report.up_to_date), (0, 1));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Migrate`] with the whole report, where a schema failed. If the shared schema fails, no
    /// tenant is touched.
    pub fn migrate(&self) -> Result<MigrationReport, Error> {
        self.migration().run()
    }

    /// Describes a run of migrations: which schemas, to which version, in which order, how many at once.
    pub fn migration(&self) -> MigrationRun<'_, T> {
        MigrationRun::new(self)
    }

    /// Applies what is pending to the shared schema only.
    ///
    /// # Errors
    ///
    /// [`Error::Migrate`] with the report.
    pub fn migrate_public(&self) -> Result<MigrationReport, Error> {
        self.migration().select(Selection::shared()).run()
    }

    /// Applies what is pending to the schema of one tenant.
    ///
    /// # Errors
    ///
    /// [`Error::Migrate`] with the report; here a missing schema is a failure.
    pub fn migrate_tenant(&self, tenant: &T) -> Result<MigrationReport, Error> {
        if let Err(error) = self.pool().paths().tenant_migrations(tenant.schema_name()) {
            let mut report = MigrationReport::default();
            report.push(SchemaReport::failed(
                tenant.schema_name(),
                SchemaKind::Tenant,
                error,
            ));
            return report.into_result();
        }
        self.migration()
            .select(Selection::names([tenant.schema_name().clone()]))
            .shared_first(false)
            .missing_is_failure()
            .run()
    }
}
