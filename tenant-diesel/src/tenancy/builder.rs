//! [`TenancyBuilder`]: how a [`Tenancy`] is made.

use crate::app::EmbeddedApp;
use crate::migrate::EmbeddedApps;
use crate::model::TenantModel;
use crate::pool::{TenantManager, TenantPool, TenantPoolBuilder};
use crate::{Error, LintFinding, Tenancy, lint};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::fmt;
use std::marker::PhantomData;
use tenant_core::{AppInfo, Registry, SchemaName, ScopedTable, Severity};

/// The options of a [`Tenancy`]: at least the apps, of which one declares the table of the tenant model.
#[must_use]
pub struct TenancyBuilder<T> {
    static_names: Vec<SchemaName>,
    infos: Vec<AppInfo>,
    apps: EmbeddedApps,
    pool: TenantPoolBuilder,
    lint_at_start_up: bool,
    model: PhantomData<fn() -> T>,
}

impl<T: TenantModel> TenancyBuilder<T> {
    pub(super) fn new() -> Self {
        Self {
            static_names: Vec::new(),
            infos: Vec::new(),
            apps: EmbeddedApps::default(),
            pool: TenantPool::builder(),
            lint_at_start_up: true,
            model: PhantomData,
        }
    }

    /// Adds an app: its tables, and the migrations that make them.
    pub fn app<A: EmbeddedApp>(mut self) -> Self {
        self.infos.push(AppInfo::of::<A>());
        self.apps.push::<A>();
        self
    }

    /// The shared schema. Default: `public`. The same name goes into
    /// `#[shared_app(public_schema = "..")]`, which qualifies the tables.
    pub fn public_schema(mut self, schema: SchemaName) -> Self {
        self.pool = self.pool.public_schema(schema);
        self
    }

    /// A schema that holds extensions and becomes part of every path, behind the tenant's. It need not
    /// exist yet: a migration of a shared app may create it.
    pub fn extension_schema(mut self, schema: SchemaName) -> Self {
        self.pool = self.pool.extension_schema(schema);
        self
    }

    /// Reserves a name for a schema of your own (`www`, `blog`), which no customer can take.
    pub fn static_name(mut self, name: SchemaName) -> Self {
        self.static_names.push(name);
        self
    }

    /// See [`TenantPoolBuilder::public_behind_tenants_where_missing_tables_fall_through`].
    pub fn public_behind_tenants_where_missing_tables_fall_through(mut self) -> Self {
        self.pool = self
            .pool
            .public_behind_tenants_where_missing_tables_fall_through();
        self
    }

    /// The name of the pool in errors: see [`TenantPoolBuilder::name`].
    pub fn pool_name(mut self, name: impl Into<String>) -> Self {
        self.pool = self.pool.name(name);
        self
    }

    /// Sizes and time-outs of the pool: see [`TenantPoolBuilder::r2d2`].
    pub fn r2d2(mut self, builder: r2d2::Builder<TenantManager>) -> Self {
        self.pool = self.pool.r2d2(builder);
        self
    }

    /// Runs on each new connection: see [`TenantPoolBuilder::on_connect`].
    pub fn on_connect(
        mut self,
        on_connect: impl Fn(&mut PgConnection) -> QueryResult<()> + Send + Sync + 'static,
    ) -> Self {
        self.pool = self.pool.on_connect(on_connect);
        self
    }

    /// Every other option of the pool: see [`TenantPoolBuilder`].
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<()> {
    /// # let database = database()?;
    /// # let database_url = database.url();
    /// let tenancy = Tenancy::<customers::Client>::builder()
    ///     .app::<customers::App>()
    ///     .app::<todo::App>()
    ///     .pool(|pool| pool.tenants_per_connection(20).alive_bypass_window(Duration::from_millis(100)))
    ///     .connect(database_url)?;
    /// # let _ = tenancy;
    /// # Ok(()) }
    /// ```
    pub fn pool(mut self, options: impl FnOnce(TenantPoolBuilder) -> TenantPoolBuilder) -> Self {
        self.pool = options(self.pool);
        self
    }

    /// Whether [`TenancyBuilder::connect`] logs a warning for each finding of [`TenancyBuilder::lint`]. Default: `true`.
    /// Only where debug assertions are on: an optimised program never does.
    pub fn lint_at_start_up(mut self, lint: bool) -> Self {
        self.lint_at_start_up = lint;
        self
    }

    /// Looks through the migrations of all apps for what would reach another schema, fail for the second tenant, or
    /// lock everyone. See [`lint`](crate::lint()) for the rules. No database is asked, so that a test can be as short as
    /// this:
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::TenancyBuilder;
    ///
    /// fn application() -> TenancyBuilder<customers::Client> {
    ///     Tenancy::builder().app::<customers::App>().app::<todo::App>()
    /// }
    ///
    /// # fn main() {
    /// let findings = application().lint();
    /// assert!(findings.is_empty(), "{findings:#?}");
    /// # }
    /// ```
    #[must_use]
    pub fn lint(&self) -> Vec<LintFinding> {
        lint::of_apps(&self.registry(), &self.apps)
    }

    /// Checks the apps against each other, and opens the first connections.
    ///
    /// Warnings do not stop it; they are in `tenancy.registry().check()`. In debug builds, what is found in
    /// migrations is logged: see [`TenancyBuilder::lint_at_start_up`].
    ///
    /// # Errors
    ///
    /// [`Error::Registry`] with all problems at once, before anything is sent; [`Error::PoolStart`].
    pub fn connect(self, database_url: &str) -> Result<Tenancy<T>, Error> {
        let lints = cfg!(debug_assertions) && self.lint_at_start_up;
        let (registry, pool, apps) = self.checked()?;
        if lints {
            lint::warn(&lint::of_apps(&registry, &apps));
        }
        let tenancy = Tenancy::new(pool.connect(database_url)?, registry, apps);
        tenancy.heed_custom_types(None);
        Ok(tenancy)
    }

    fn checked(self) -> Result<(Registry, TenantPoolBuilder, EmbeddedApps), Error> {
        let registry = self.registry();
        let findings = registry.check();
        if findings
            .iter()
            .any(|finding| finding.severity() == Severity::Error)
        {
            return Err(Error::Registry { findings });
        }
        Ok((registry, self.pool, self.apps))
    }

    fn registry(&self) -> Registry {
        let (public, extension_schemas) = self.pool.schemas();
        let mut registry = Registry::new(public.clone(), <T::Table as ScopedTable>::TABLE);
        registry = extension_schemas
            .iter()
            .cloned()
            .fold(registry, Registry::extension_schema);
        registry = self
            .static_names
            .iter()
            .cloned()
            .fold(registry, Registry::static_name);
        self.infos.iter().cloned().fold(registry, Registry::app_info)
    }
}

impl<T> fmt::Debug for TenancyBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenancyBuilder")
            .field("apps", &self.infos)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}
