//! [`TenantPoolBuilder`]: the options of a pool.

use super::options::{
    DEFAULT_ALIVE_BYPASS_WINDOW, DEFAULT_TENANTS_PER_CONNECTION, OnConnect, Options, Policy,
};
use super::pooler::Way;
use super::shelf::{Shelf, Start};
use crate::directory::ears_of;
use crate::pool::standing::{DEFAULT_STATE_WINDOW, Serves, Standing, changes_in};
use crate::pool::{LimitsOf, OnSwitch, PoolerMode, TenantLimits, TenantManager, TenantPool};
use crate::{Error, events::Events, paths::Paths, records::Records};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};
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
    mode: PoolerMode,
    affinity: bool,
    alive_bypass_window: Duration,
    tenants_per_connection: NonZeroU32,
    verify_always: bool,
    prepared_statements: Option<bool>,
    on_switch: Option<OnSwitch>,
    state_window: Option<Duration>,
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
                records: Records::new(SchemaName::library()),
                standing: Standing::default(),
                events: Events::default(),
                limits: None,
                tags: true,
                known: Default::default(),
            },
            mode: PoolerMode::default(),
            affinity: true,
            alive_bypass_window: DEFAULT_ALIVE_BYPASS_WINDOW,
            tenants_per_connection: DEFAULT_TENANTS_PER_CONNECTION,
            verify_always: false,
            prepared_statements: None,
            on_switch: None,
            state_window: None,
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

    /// The schema that the library keeps for itself.
    pub(crate) fn library_schema(mut self, schema: SchemaName) -> Self {
        self.paths.records = Records::new(schema);
        self
    }

    /// The handlers of the application.
    pub(crate) fn events(&mut self) -> &mut Events {
        &mut self.paths.events
    }

    /// The shared schema, and those of extensions.
    pub(crate) fn schemas(&self) -> (&SchemaName, &[SchemaName], &SchemaName) {
        (
            &self.paths.public,
            &self.paths.extension_schemas,
            self.paths.records.schema(),
        )
    }

    /// Sizes and time-outs, as r2d2's own builder takes them. Its defaults hold otherwise: 10
    /// connections, 30 s to wait for one.
    ///
    /// With a `min_idle` below `max_size`, an event handler of yours hears of a time-out, which nobody had, each time the
    /// pool grows: that is how r2d2 is made to open a connection while others are idle.
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
    /// round trip of its own where this is used. For the size of Diesel's cache see [`Self::prepared_statements`].
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

    /// Whether a tenant is given the connection that is on its path already, if one is idle. Default: yes.
    ///
    /// Without, each checkout takes the connection that came back last, and sets its path.
    pub fn affinity(mut self, affinity: bool) -> Self {
        self.affinity = affinity;
        self
    }

    /// How long it is believed which tenants are served, without being asked: whoever is archived, or taken out of
    /// service, by another process is served no longer than this. Zero: each checkout asks, in the message that sets the
    /// path, which makes it some 50 µs dearer. What this process changes is known at once. Default:
    /// [`DEFAULT_STATE_WINDOW`](crate::DEFAULT_STATE_WINDOW), or [`Self::alive_bypass_window`] if that is longer.
    pub fn state_window(mut self, window: Duration) -> Self {
        self.state_window = Some(window);
        self
    }

    /// The versions that the application serves.
    pub(crate) fn serves(mut self, serves: Serves) -> Self {
        self.paths.standing.serves = serves;
        self
    }

    /// A static tenant with apps of its own: see [`Self::serves`].
    pub(crate) fn has_own_versions(mut self, schema: &SchemaName) -> Self {
        self.paths.standing.have_own_versions.push(schema.clone());
        self
    }

    /// How long after its last use a connection is believed to live, and its tenant's schema to exist, without
    /// being asked. Zero: each checkout asks. Default: [`DEFAULT_ALIVE_BYPASS_WINDOW`].
    ///
    /// A connection that the server has closed is noticed all the same, and replaced before the first statement
    /// of a scope; what is not noticed is a server that went silent. A schema that another process dropped is
    /// [`Error::SchemaMissing`] after the first statement and not before it.
    pub fn alive_bypass_window(mut self, window: Duration) -> Self {
        self.alive_bypass_window = window;
        self
    }

    /// How many different tenants a connection serves before it is closed, and another opened in the
    /// background: it bounds the memory of the server's processes. Zero counts as one. Default, and how to choose:
    /// [`DEFAULT_TENANTS_PER_CONNECTION`]. Behind a transaction-mode pooler the server's processes are the pooler's,
    /// and its `server_lifetime` bounds them; there it bounds the statements that a pooler carries for one client.
    pub fn tenants_per_connection(mut self, tenants: u32) -> Self {
        self.tenants_per_connection = NonZeroU32::new(tenants).unwrap_or(NonZeroU32::MIN);
        self
    }

    /// Takes every statement for one that may have changed the session: the path is set again before the next
    /// statement, and the session reset at the next checkout.
    ///
    /// For databases with triggers, column defaults or views that call `set_config`, `SET ROLE` and the like, which
    /// no client can see. Each statement then costs one round trip more. What happens within one statement, after its
    /// trigger, happens on the trigger's path.
    pub fn verify_always(mut self) -> Self {
        self.verify_always = true;
        self
    }

    /// Whether a tenant's statements end in a comment that names it, `/*tenant='acme'*/`. Default: yes.
    ///
    /// Diesel then keeps one prepared statement for each tenant and query, and PostgreSQL plans nothing again when
    /// a connection comes back to a tenant; with statements that are shared it reads each one again whenever the
    /// path has changed. It also lets tenants' columns differ in type, and names the tenant in `pg_stat_activity`
    /// and in the server's log (in the form of sqlcommenter). It takes memory in the server: some 7 kB for each query
    /// and tenant that a connection serves, which [`Self::tenants_per_connection`] bounds.
    pub fn statement_per_tenant(mut self, yes: bool) -> Self {
        self.paths.tags = yes;
        self
    }

    /// Whether Diesel keeps statements prepared on the server. Default: yes; with [`PoolerMode::Transaction`], if
    /// the pooler carries them from one session to another, which is asked when the pool is made.
    pub fn prepared_statements(mut self, yes: bool) -> Self {
        self.prepared_statements = Some(yes);
        self
    }

    /// What happens to prepared statements when a connection goes to another tenant: see [`OnSwitch`].
    pub fn on_switch(mut self, on_switch: OnSwitch) -> Self {
        self.on_switch = Some(on_switch);
        self
    }

    /// How sessions reach the server: see [`PoolerMode`].
    pub fn pooler_mode(mut self, mode: PoolerMode) -> Self {
        self.mode = mode;
        self
    }

    /// What each tenant may use: see [`TenantLimits`]. Asked at each checkout, so it should only look
    /// something up.
    pub fn limits(mut self, limits: impl Fn(&SchemaName) -> TenantLimits + Send + Sync + 'static) -> Self {
        self.paths.limits = Some(LimitsOf(Arc::new(limits)));
        self
    }

    /// Opens the first connections, after finding out whether a transaction-mode pooler stands in between.
    ///
    /// # Errors
    ///
    /// [`Error::PoolStart`] where they could not be opened within r2d2's `connection_timeout`;
    /// [`Error::PoolerSharesSessions`] where such a pooler was found and [`PoolerMode::Session`] asked for.
    pub fn connect(mut self, database_url: &str) -> Result<TenantPool, Error> {
        let by_default = DEFAULT_STATE_WINDOW.max(self.alive_bypass_window);
        self.paths.standing.window = self.state_window.unwrap_or(by_default);
        let options = Options {
            database_url: database_url.to_owned(),
            on_connect: self.on_connect,
            mode: self.mode,
            affinity: self.affinity,
            alive_bypass_window: self.alive_bypass_window,
            tenants_per_connection: self.tenants_per_connection,
            verify_always: self.verify_always,
            prepared_statements: self.prepared_statements,
            has_limits: self.paths.limits.is_some(),
            on_switch: Policy::new(self.on_switch),
            changes: changes_in(database_url),
        };
        self.paths.records.share_ears(ears_of(database_url));
        let manager = TenantManager(Arc::new(Shelf::new(options)));
        // Unchecked, so that it is not waited for connections that will never be.
        let pool = self.r2d2.build_unchecked(manager.clone());
        match wait_for_start(&pool, &manager.0) {
            Start::Started => {
                let pool = TenantPool::new(pool, manager, self.name, self.paths);
                pool.look_at_records();
                Ok(pool)
            }
            Start::Refused => Err(Error::PoolerSharesSessions { pool: self.name }),
            Start::TimedOut => {
                // r2d2 tells its last failure to who finds no connection.
                let opened: Vec<_> = std::iter::from_fn(|| pool.try_get()).collect();
                let source = pool.get_timeout(Duration::ZERO).err();
                drop(opened);
                Err(Error::PoolStart {
                    pool: self.name,
                    source,
                })
            }
        }
    }
}

/// Waits until as many connections were opened as r2d2 opens at first.
fn wait_for_start(pool: &r2d2::Pool<TenantManager>, shelf: &Shelf) -> Start {
    let (start, patience) = (Instant::now(), pool.connection_timeout());
    let connections = pool.min_idle().unwrap_or(pool.max_size());
    if connections == 0
        && let Ok(Way { is_shared: true, .. }) = shelf.way()
    {
        // Nobody connects yet who would find it out.
        return Start::Refused;
    }
    let started = shelf.wait_for_start(connections, patience);
    // r2d2 counts a connection a moment after it was put on the shelf, and tells nobody.
    while started == Start::Started && pool.state().connections < connections {
        if start.elapsed() > patience {
            return Start::TimedOut;
        }
        std::thread::sleep(Duration::from_micros(50));
    }
    started
}

impl fmt::Debug for TenantPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantPoolBuilder")
            .field("name", &self.name)
            .field("r2d2", &self.r2d2)
            .finish_non_exhaustive()
    }
}
