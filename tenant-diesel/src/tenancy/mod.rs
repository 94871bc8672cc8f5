//! [`Tenancy`]: what an application holds and clones: the pool, the apps, and the tenant model.
//!
//! | module | owns |
//! |---|---|
//! | [`builder`] | how it is made |
//! | [`scopes`] | a request: `with_tenant`, `with_public`, `transaction`, guards |
//! | [`tenants`] | the list of tenants |
//! | [`for_each`] | something that is done in many tenants |
//! | [`jobs`] | work that was asked for earlier: `tenant_ref`, `run_as` |
//! | [`status`] | where all tenants are |
//! | [`custom_types`] | what a start-up does about types in the schemas of tenants |
//!
//! A start-up (`migrate`) is in [`crate::migrate`], a birth (`create`) in [`crate::provision`].

mod builder;
mod custom_types;
mod for_each;
mod jobs;
mod scopes;
mod status;
mod tenants;

pub use builder::TenancyBuilder;
pub(crate) use custom_types::CUSTOM_TYPE;
pub use for_each::{ForEachEntry, ForEachReport};
pub use status::{FailedTenant, FleetStatus, UnknownVersions, VersionStatus};
pub use tenants::{PAGE_SIZE, Tenants};

use crate::connection::PublicConnection;
use crate::migrate::EmbeddedApps;
use crate::model::TenantModel;
use crate::pool::TenantPool;
use crate::provision::Births;
use crate::{Error, LintFinding, lint, sql};
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tenant_core::{Registry, SchemaName, ScopedTable};

/// The tenants of one database: their model `T`, the apps, and the pool. Cheap to clone, and shared
/// between threads.
///
#[doc = include_str!("../docs/tenancy.md")]
pub struct Tenancy<T> {
    inner: Arc<Inner>,
    model: PhantomData<fn() -> T>,
}

#[derive(Debug)]
struct Inner {
    pool: TenantPool,
    registry: Registry,
    apps: EmbeddedApps,
    births: Births,
    /// Whether the table of the tenant model was seen by this process.
    public_was_seen: AtomicBool,
}

impl<T: TenantModel> Tenancy<T> {
    /// Starts to describe an application: see [`TenancyBuilder`].
    pub fn builder() -> TenancyBuilder<T> {
        TenancyBuilder::new()
    }

    fn new(pool: TenantPool, registry: Registry, apps: EmbeddedApps, births: Births) -> Self {
        Self {
            inner: Arc::new(Inner {
                pool,
                registry,
                apps,
                births,
                public_was_seen: AtomicBool::new(false),
            }),
            model: PhantomData,
        }
    }

    /// The pool.
    #[must_use]
    pub fn pool(&self) -> &TenantPool {
        &self.inner.pool
    }

    /// The apps, and the names that are reserved.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// The shared schema.
    #[must_use]
    pub fn public_schema(&self) -> &SchemaName {
        self.inner.registry.public()
    }

    pub(crate) fn records(&self) -> &crate::records::Records {
        &self.pool().paths().records
    }

    pub(crate) fn events(&self) -> &crate::events::Events {
        &self.pool().paths().events
    }

    pub(crate) fn births(&self) -> &Births {
        &self.inner.births
    }

    /// Looks through the migrations of all apps, as [`TenancyBuilder::lint`] does. The database is not asked.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// for finding in tenancy.lint() {
    ///     println!("{finding}");
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn lint(&self) -> Vec<LintFinding> {
        lint::of_apps(self.registry(), self.apps())
    }

    pub(crate) fn apps(&self) -> &EmbeddedApps {
        &self.inner.apps
    }

    /// Whether a schema of exactly this name exists, a tenant's or any other.
    ///
    /// # Errors
    ///
    /// [`Error::PoolTimeout`], or the failure of the query.
    pub fn schema_exists(&self, schema: &SchemaName) -> Result<bool, Error> {
        self.pool().ask_catalog("ask whether a schema exists", |pg| {
            crate::provision::names::schema_exists(pg, schema)
        })
    }

    /// The schema of this name, or of one that differs in case only.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::schema_exists`].
    pub fn schema_like(&self, schema: &SchemaName) -> Result<Option<SchemaName>, Error> {
        self.pool().ask_catalog("look for a schema", |pg| {
            crate::provision::names::schema_like(pg, schema)
        })
    }

    /// Whether the table of the tenant model exists, so that tenants can be listed and created. False on
    /// a database that was never migrated.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::schema_exists`].
    pub fn is_public_migrated(&self) -> Result<bool, Error> {
        let is = self
            .pool()
            .ask_catalog("look for the table of tenants", |pg| self.has_model_table(pg))?;
        self.inner.public_was_seen.fetch_or(is, Ordering::Relaxed);
        Ok(is)
    }

    pub(crate) fn has_model_table(&self, pg: &mut PgConnection) -> QueryResult<bool> {
        let table = sql::table(<T::Table as ScopedTable>::TABLE, self.public_schema());
        let found = diesel::sql_query("SELECT 1 WHERE pg_catalog.to_regclass($1) IS NOT NULL");
        Ok(found.bind::<Text, _>(table).execute(pg)? == 1)
    }

    /// Says that the shared schema must be migrated, where that is why something failed.
    pub(crate) fn explained<R>(&self, result: Result<R, Error>) -> Result<R, Error> {
        let is_public = |schema: &SchemaName| schema == self.public_schema();
        match result {
            Err(Error::SchemaMissing { schema }) if is_public(&schema) => Err(self.public_not_migrated()),
            Err(Error::Attempt { .. } | Error::Query(_) | Error::Migration { .. })
                if self.is_public_migrated().is_ok_and(|is| !is) =>
            {
                Err(self.public_not_migrated())
            }
            other => other,
        }
    }

    /// The same on a connection that somebody holds, which may be the only one.
    pub(crate) fn explained_on<R>(
        &self,
        conn: &mut PublicConnection,
        result: Result<R, Error>,
    ) -> Result<R, Error> {
        match result {
            Err(Error::Attempt { .. } | Error::Migration { .. })
                if self.has_model_table(conn.raw()).is_ok_and(|has| !has) =>
            {
                Err(self.public_not_migrated())
            }
            other => other,
        }
    }

    /// A connection for a scope of the application's. If a tenant's schema exists, the shared one was migrated.
    fn entered<C>(&self, conn: Result<C, Error>) -> Result<C, Error> {
        match conn {
            Ok(conn) => {
                self.inner.public_was_seen.store(true, Ordering::Relaxed);
                Ok(conn)
            }
            Err(error) => Err(self.explained_to_users(error)),
        }
    }

    /// The same as [`Self::explained`] for a failure in a scope of the application's. It asks only until the
    /// shared schema was seen once, so that what fails later costs nothing more.
    fn explained_to_users(&self, error: Error) -> Error {
        let may_be = matches!(error, Error::SchemaMissing { .. } | Error::Query(_));
        let was_seen = self.inner.public_was_seen.load(Ordering::Relaxed);
        if may_be && !was_seen && self.is_public_migrated().is_ok_and(|is| !is) {
            return self.public_not_migrated();
        }
        error
    }

    fn public_not_migrated(&self) -> Error {
        Error::PublicNotMigrated {
            table: <T::Table as ScopedTable>::TABLE.to_string(),
        }
    }
}

impl<T> Tenancy<T> {
    /// The schema that the library keeps its tables in.
    pub(crate) fn library_schema(&self) -> &SchemaName {
        self.inner.pool.paths().records.schema()
    }
}

impl<T> Clone for Tenancy<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            model: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Tenancy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenancy")
            .field("pool", &self.inner.pool.name())
            .finish_non_exhaustive()
    }
}
