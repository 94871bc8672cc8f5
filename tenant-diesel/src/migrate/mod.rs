//! A start-up: the shared schema first, then every tenant, each under a lock, each migration in a
//! transaction with its row in the ledger.
//!
//! | module | owns |
//! |---|---|
//! | [`apps`] | the embedded migrations, by scope, in order |
//! | [`ledger`] | Diesel's table of applied versions, by qualified name |
//! | [`lock`] | one process at a time in a schema |
//! | [`runner`] | one schema |
//! | [`report`] | what was done, and what failed |

mod apps;
mod ledger;
pub(crate) mod lock;
mod report;
mod runner;

pub(crate) use apps::{Embedded, EmbeddedApps};
pub use report::{MigrationReport, SchemaReport};
pub(crate) use runner::{run_all_in_open_transaction, run_pending, run_unlocked};

use crate::model::TenantModel;
use crate::pool::{Entry, Lease};
use crate::{Error, Tenancy, connection::ScopedConnection, paths::Target};
use diesel::connection::SimpleConnection;
use tenant_core::{AppScope, SchemaName};

impl<T: TenantModel> Tenancy<T> {
    /// Applies what is pending: the shared apps to the shared schema (created if it is not there), then
    /// the tenant apps to the schema of every tenant, one after the other.
    ///
    /// Each schema is migrated under a lock, so that several processes may start at once: the others wait,
    /// then find nothing to do. Each migration is one transaction with its row in the schema's ledger
    /// (`__diesel_schema_migrations`, which `diesel migration list` reads), except those whose
    /// `metadata.toml` says `run_in_transaction = false`. While a tenant is migrated, its path holds its own
    /// schema and those of extensions, and nothing else. Calling this again after a failure, or after the
    /// process was killed, goes on where it stopped.
    ///
    /// A tenant whose schema does not exist is reported and passed over. If one fails, the others are
    /// migrated all the same.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// let acme = tenancy.create(new_client("acme")?)?;
    /// let report = tenancy.migrate()?;          // nothing is pending
    /// assert_eq!(report.applied(), 0);
    /// assert!(report.schema(&acme.schema_name).is_some_and(|entry| entry.error.is_none()));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Migrate`] with the whole report, where a schema failed. If the shared schema fails, no
    /// tenant is touched.
    pub fn migrate(&self) -> Result<MigrationReport, Error> {
        let mut report = MigrationReport::default();
        report.push(self.migrate_one(self.public_target(), AppScope::Shared));
        if report.has_failures() {
            return Err(Error::Migrate(Box::new(report)));
        }
        for tenant in self.tenants() {
            report.push(match tenant {
                Ok(tenant) => self.migrate_tenant_schema(tenant.schema_name()),
                // The list ends here; what was done before stays in the report.
                Err(error) => SchemaReport::failed(self.public_schema(), error),
            });
        }
        if report.applied() > 0 {
            self.heed_custom_types(None);
        }
        report.into_result()
    }

    /// Applies what is pending to the shared schema only.
    ///
    /// # Errors
    ///
    /// [`Error::Migrate`] with the report.
    pub fn migrate_public(&self) -> Result<MigrationReport, Error> {
        let mut report = MigrationReport::default();
        report.push(self.migrate_one(self.public_target(), AppScope::Shared));
        report.into_result()
    }

    /// Applies what is pending to the schema of one tenant.
    ///
    /// # Errors
    ///
    /// [`Error::Migrate`] with the report; here a missing schema is a failure.
    pub fn migrate_tenant(&self, tenant: &T) -> Result<MigrationReport, Error> {
        let mut report = MigrationReport::default();
        let mut schema = self.migrate_tenant_schema(tenant.schema_name());
        schema.missing_is_failure = true;
        report.push(schema);
        report.into_result()
    }

    fn migrate_tenant_schema(&self, schema: &SchemaName) -> SchemaReport {
        match self.pool().paths().tenant_migrations(schema) {
            Ok(target) => self.migrate_one(target, AppScope::Tenant),
            Err(error) => SchemaReport::failed(schema, error),
        }
    }

    fn public_target(&self) -> Target {
        self.pool().paths().public()
    }

    fn migrate_one(&self, target: Target, scope: AppScope) -> SchemaReport {
        let schema = target.schema.clone();
        let lease = match self.pool().checkout(target.clone(), Entry::VerifiedSession) {
            Err(Error::SchemaMissing { .. }) if scope == AppScope::Shared => self
                .create_public_schema()
                .and_then(|()| self.pool().checkout(target, Entry::VerifiedSession)),
            other => other,
        };
        match lease {
            Ok(lease) => run_pending(lease, &self.apps().migrations(scope)),
            Err(error) => SchemaReport::failed(&schema, error),
        }
    }

    /// The shared schema of another name than `public` is not in a new database; nor is `public` where
    /// somebody dropped it. Under its lock, for `IF NOT EXISTS` alone fails where two do it at once.
    fn create_public_schema(&self) -> Result<(), Error> {
        let create = format!("CREATE SCHEMA IF NOT EXISTS {}", self.public_schema().quoted());
        self.pool().ask_catalog("create the shared schema", |pg| {
            lock::session_lock(pg, self.public_schema())?;
            let created = pg.batch_execute(&create);
            lock::session_unlock(pg, self.public_schema())?;
            created
        })
    }
}

/// A lease as the connection that migrations run on.
pub(crate) fn connection<S: crate::connection::Scope>(lease: Lease) -> ScopedConnection<S> {
    ScopedConnection::new(lease)
}
