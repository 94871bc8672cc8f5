//! [`TenancyBuilder`]: how a [`Tenancy`] is made.

use crate::app::EmbeddedApp;
use crate::migrate::EmbeddedApps;
use crate::model::TenantModel;
use crate::pool::{Serves, TenantManager, TenantPool, TenantPoolBuilder};
use crate::provision::{Births, LockWaits};
use crate::{BoxError, Error, Event, LintFinding, Moment, Tenancy, lint};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;
use tenant_core::{AppInfo, Registry, SchemaName, ScopedTable, Severity, StaticTenant};

/// The options of a [`Tenancy`]: at least the apps, of which one declares the table of the tenant model.
#[must_use]
pub struct TenancyBuilder<T> {
    static_names: Vec<SchemaName>,
    static_tenants: Vec<StaticTenant>,
    static_infos: Vec<AppInfo>,
    reference: Option<SchemaName>,
    infos: Vec<AppInfo>,
    apps: EmbeddedApps,
    pool: TenantPoolBuilder,
    waits: LockWaits,
    lint_at_start_up: bool,
    model: PhantomData<fn() -> T>,
}

impl<T: TenantModel> TenancyBuilder<T> {
    pub(super) fn new() -> Self {
        Self {
            static_names: Vec::new(),
            static_tenants: Vec::new(),
            static_infos: Vec::new(),
            reference: None,
            infos: Vec::new(),
            apps: EmbeddedApps::default(),
            pool: TenantPool::builder(),
            waits: LockWaits::default(),
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

    /// The schema in which the library keeps the state of tenants and the runs of migrations. Default:
    /// [`LIBRARY_SCHEMA`](tenant_core::reserved::LIBRARY_SCHEMA). Made on first use; all processes must name the same.
    pub fn library_schema(mut self, schema: SchemaName) -> Self {
        self.pool = self.pool.library_schema(schema);
        self
    }

    /// Which versions of tenants' schemas this application serves: the last version in the ledger of a tenant. A tenant
    /// outside is [`Error::TenantUnavailable`], so that the old and the new version of an application can run side by
    /// side while tenants are migrated. Default: every version. Static tenants that name their apps are served at any
    /// version: theirs are others.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::Error;
    ///
    /// # fn main() -> Result<()> {
    /// # let (tenancy, database) = tenancy()?;
    /// # let database_url = database.url();
    /// let acme = tenancy.create(new_client("acme")?)?;       // at 20260101000000
    /// let newer = Tenancy::<customers::Client>::builder()
    ///     .app::<customers::App>()
    ///     .app::<todo::App>()
    ///     .serves("20260201000000"..="20260301000000")
    ///     .connect(database_url)?;
    /// let refused = newer.with_tenant(&acme, |conn| diesel::sql_query("SELECT 1").execute(conn));
    /// assert!(matches!(refused, Err(Error::TenantUnavailable { version: Some(_), needs: Some(_), .. })));
    /// # Ok(()) }
    /// ```
    pub fn serves<V: AsRef<str>>(mut self, versions: impl std::ops::RangeBounds<V>) -> Self {
        self.pool = self.pool.serves(Serves::new(&versions));
        self
    }

    /// Reserves a name for a schema of your own (`www`, `blog`), which no customer can take.
    pub fn static_name(mut self, name: SchemaName) -> Self {
        self.static_names.push(name);
        self
    }

    /// Adds an app that only those static tenants have which name it with
    /// [`StaticTenant::app`](tenant_core::StaticTenant::app); no customer gets its tables.
    pub fn static_app<A: EmbeddedApp>(mut self) -> Self {
        self.static_infos.push(AppInfo::of::<A>());
        self.apps.push_static::<A>();
        self
    }

    /// Adds a static tenant: a site of your own (`www`, `blog`), by its name, or as a
    /// [`StaticTenant`](tenant_core::StaticTenant) with domains, aliases, routes and apps. [`Tenancy::migrate`] makes its
    /// schema and keeps it migrated; [`Tenancy::with_schema`] works on it. No customer can take its name.
    ///
    /// It has all tenant apps, or, if it names some, just those. What becomes of the others when it names its apps only
    /// later, see "Static tenants" in [`Tenancy`].
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::StaticTenant;
    ///
    /// #[tenant_app(migrations = "migrations/posts")]
    /// mod posts {
    ///     diesel::table! { posts (id) { id -> Int8, title -> Text } }
    /// }
    ///
    /// # fn main() -> Result<()> {
    /// # let database = database()?;
    /// let tenancy = Tenancy::<customers::Client>::builder()
    ///     .app::<customers::App>()
    ///     .app::<todo::App>()
    ///     .static_app::<posts::App>()
    ///     .static_tenant(StaticTenant::new("blog".parse()?).app::<posts::App>())
    ///     .connect(database.url())?;
    /// tenancy.migrate()?;
    /// let posts = tenancy.with_schema(&"blog".parse()?, |conn| posts::posts::table.count().get_result::<i64>(conn))?;
    /// assert_eq!(posts, 0);
    /// # Ok(()) }
    /// ```
    pub fn static_tenant(mut self, tenant: impl Into<StaticTenant>) -> Self {
        let tenant = tenant.into();
        self.apps.add_static_tenant(&tenant);
        if tenant.apps().is_some() {
            self.pool = self.pool.has_own_versions(tenant.name());
        }
        self.static_tenants.push(tenant);
        self
    }

    /// Sets the reference schema, which [`Tenancy::migrate`] makes and keeps migrated, to be cloned. No customer can
    /// take its name.
    pub fn reference_schema(mut self, name: SchemaName) -> Self {
        self.reference = Some(name);
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

    /// Adds a handler that runs at a moment in the life of a tenant: see [`Moment`] for when that is, and for what a
    /// failure does. Handlers of one moment run in the order in which they were added, in the thread that does the
    /// act; several threads may run one at once.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// use tenant_diesel::Moment;
    ///
    /// # fn main() -> Result<()> {
    /// # let database = database()?;
    /// let tenancy = Tenancy::<customers::Client>::builder()
    ///     .app::<customers::App>()
    ///     .app::<todo::App>()
    ///     .on(Moment::Created, |event| {
    ///         if let Some(conn) = event.connection() {
    ///             let first = todo::tasks::title.eq("look around");
    ///             diesel::insert_into(todo::tasks::table).values(first).execute(conn)?;
    ///         }
    ///         Ok(())
    ///     })
    ///     .connect(database.url())?;
    /// tenancy.migrate()?;
    /// let acme = tenancy.create(new_client("acme")?)?;
    /// let tasks = tenancy.with_tenant(&acme, |conn| todo::tasks::table.count().get_result::<i64>(conn))?;
    /// assert_eq!(tasks, 1);
    /// # Ok(()) }
    /// ```
    pub fn on(
        mut self,
        moment: Moment,
        handler: impl Fn(&mut Event<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.pool.events().on(moment, handler);
        self
    }

    /// Adds a handler that runs when what happened at a moment was committed: for a mail, a message to another
    /// system, a cache. It cannot undo anything; if it fails, the call returns [`Error::AfterCommit`], which says that
    /// the act itself was done, and later handlers run all the same.
    ///
    /// In a transaction of yours ([`Tenancy::create_in`]) only you know of the commit: call
    /// [`Tenancy::run_after_commit`] then.
    ///
    /// Refused by [`connect`](Self::connect) for a moment [without a commit](Moment::is_committed).
    pub fn after_commit(
        mut self,
        moment: Moment,
        handler: impl Fn(&mut Event<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.pool.events().after_commit(moment, handler);
        self
    }

    /// How long a birth, a new name or an end of a tenant waits for a lock at a time: others who want the same table
    /// wait behind it as long at most. Default: [`DEFAULT_LIFE_CYCLE_LOCK_TIMEOUT`](crate::DEFAULT_LIFE_CYCLE_LOCK_TIMEOUT).
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.waits.timeout = timeout;
        self
    }

    /// How long it goes on trying, with growing pauses, before it is [`Error::LockNotFree`]. Zero: it is tried once.
    /// Default: [`DEFAULT_LIFE_CYCLE_LOCK_PATIENCE`](crate::DEFAULT_LIFE_CYCLE_LOCK_PATIENCE).
    pub fn lock_patience(mut self, patience: Duration) -> Self {
        self.waits.patience = patience;
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
    /// [`Error::Registry`] with all problems at once, before anything is sent; [`Error::HandlerNeverRuns`];
    /// [`Error::PoolStart`].
    pub fn connect(mut self, database_url: &str) -> Result<Tenancy<T>, Error> {
        if let Some(moment) = self.pool.events().in_vain() {
            return Err(Error::HandlerNeverRuns { moment });
        }
        let births = Births::new(self.waits);
        let lints = cfg!(debug_assertions) && self.lint_at_start_up;
        let (registry, pool, apps) = self.checked()?;
        if lints {
            lint::warn(&lint::of_apps(&registry, &apps));
        }
        let tenancy = Tenancy::new(pool.connect(database_url)?, registry, apps, births);
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
        let (public, extension_schemas, library) = self.pool.schemas();
        let mut registry =
            Registry::new(public.clone(), <T::Table as ScopedTable>::TABLE).library_schema(library.clone());
        registry = extension_schemas
            .iter()
            .cloned()
            .fold(registry, Registry::extension_schema);
        registry = self
            .static_names
            .iter()
            .cloned()
            .fold(registry, Registry::static_name);
        registry = self
            .static_tenants
            .iter()
            .cloned()
            .fold(registry, Registry::static_tenant);
        registry = self
            .reference
            .iter()
            .cloned()
            .fold(registry, Registry::reference_schema);
        registry = self
            .static_infos
            .iter()
            .cloned()
            .fold(registry, Registry::static_app_info);
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
