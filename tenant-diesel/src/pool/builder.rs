//! [`TenantPoolBuilder`]: the options of a pool.

use crate::pool::manager::OnConnect;
use crate::pool::{TenantManager, TenantPool};
use crate::{Error, paths::Paths};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::fmt;
use std::sync::Arc;
use tenant_core::SchemaName;

/// The name of a pool in errors, unless it is given another.
pub const DEFAULT_POOL_NAME: &str = "tenancy";

/// The options of a [`TenantPool`]. Those of [`Tenancy`](crate::Tenancy) are the same and more.
#[must_use]
pub struct TenantPoolBuilder {
    name: String,
    r2d2: r2d2::Builder<TenantManager>,
    on_connect: Option<OnConnect>,
    paths: Paths,
}

impl TenantPoolBuilder {
    pub(crate) fn new(public: SchemaName) -> Self {
        Self {
            name: DEFAULT_POOL_NAME.to_owned(),
            r2d2: r2d2::Pool::builder(),
            on_connect: None,
            paths: Paths {
                public,
                extension_schemas: Vec::new(),
                public_behind_tenants: false,
            },
        }
    }

    /// The name of the pool in errors. Default: [`DEFAULT_POOL_NAME`].
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The shared schema. Default: `public`.
    pub fn public_schema(mut self, schema: SchemaName) -> Self {
        self.paths.public = schema;
        self
    }

    /// The shared schema, and those of extensions.
    pub(crate) fn schemas(&self) -> (&SchemaName, &[SchemaName]) {
        (&self.paths.public, &self.paths.extension_schemas)
    }

    /// Sizes and time-outs, as r2d2's own builder takes them. Its defaults hold otherwise: 10
    /// connections, 30 s to wait for one.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use std::time::Duration;
    /// use tenant_diesel::{TenantPool, r2d2};
    ///
    /// # fn main() -> Result<()> {
    /// # let database = database()?;
    /// # let url = database.url();
    /// let limits = r2d2::Pool::builder().max_size(20).min_idle(Some(1)).connection_timeout(Duration::from_secs(5));
    /// let pool = TenantPool::builder().r2d2(limits).connect(url)?;
    /// assert!(pool.state().connections >= 1);
    /// # Ok(()) }
    /// ```
    pub fn r2d2(mut self, builder: r2d2::Builder<TenantManager>) -> Self {
        self.r2d2 = builder;
        self
    }

    /// Runs on each new connection, and again after a connection was reset because a borrower used raw
    /// SQL: for time-outs, `application_name`, an `Instrumentation`. The path is set after it. A reset costs a
    /// round trip of its own where this is used.
    pub fn on_connect(
        mut self,
        on_connect: impl Fn(&mut PgConnection) -> QueryResult<()> + Send + Sync + 'static,
    ) -> Self {
        self.on_connect = Some(Arc::new(on_connect));
        self
    }

    /// A schema that holds extensions and becomes part of every path, behind the tenant's.
    pub fn extension_schema(mut self, schema: SchemaName) -> Self {
        self.paths.extension_schemas.push(schema);
        self
    }

    /// Puts the shared schema behind the tenant's in every path, except while migrating. Read the warning
    /// at [`SearchPath`](tenant_core::SearchPath::and_public_where_missing_tables_fall_through).
    pub fn public_behind_tenants_where_missing_tables_fall_through(mut self) -> Self {
        self.paths.public_behind_tenants = true;
        self
    }

    /// Opens the first connections.
    ///
    /// # Errors
    ///
    /// [`Error::PoolStart`] where they could not be opened within r2d2's `connection_timeout`.
    pub fn connect(self, database_url: &str) -> Result<TenantPool, Error> {
        let manager = TenantManager::new(database_url, self.on_connect);
        // r2d2 asks `is_valid` only with this on; a builder that was handed in may have it off.
        let pool = self.r2d2.test_on_check_out(true).build(manager.clone());
        match pool {
            Ok(pool) => Ok(TenantPool::new(pool, manager, self.name, self.paths)),
            Err(source) => Err(Error::PoolStart {
                pool: self.name,
                source,
            }),
        }
    }
}

impl fmt::Debug for TenantPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantPoolBuilder")
            .field("name", &self.name)
            .field("r2d2", &self.r2d2)
            .finish_non_exhaustive()
    }
}
