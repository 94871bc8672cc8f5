//! [`Error`]: everything that can go wrong, and [`ScopeError`]: how it meets the errors of closures.

mod scope_error;
mod words;

use crate::events::{BoxError, Moment};
use crate::migrate::MigrationReport;
use crate::provision::CannotAdopt;
use crate::{Check, TenantState};
use std::sync::Arc;
use std::time::Duration;
use tenant_core::{Address, Finding, Reserved, SchemaName};
use words::{Case, Holders, Listed, Names, Why};

pub use scope_error::ScopeError;

/// The result of most functions here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: what was attempted, on which schema, and what to do about it. Sources are kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The apps of the application contradict each other. Nothing was sent to the database.
    #[error("the registry of apps has {}", Listed(.findings))]
    Registry {
        /// All problems and warnings, problems first.
        findings: Vec<Finding>,
    },

    /// The pool could not open its first connections.
    #[error(
        "pool `{pool}` could not open its connections: check the URL, that the server runs and that it lets this role in"
    )]
    PoolStart {
        /// The name of the pool.
        pool: String,
        /// r2d2's reason, which holds the server's.
        source: Option<r2d2::Error>,
    },

    /// No connection became free in time.
    #[error(
        "no connection for schema `{schema}` within {waited:?}: pool `{pool}` has {connections} of at most \
         {max_size} connections, {idle} idle; give connections back sooner, or enlarge the pool"
    )]
    PoolTimeout {
        /// The name of the pool.
        pool: String,
        /// The schema that a connection was wanted for.
        schema: SchemaName,
        /// How long the caller waited.
        waited: Duration,
        /// Open connections.
        connections: u32,
        /// Those that nobody uses.
        idle: u32,
        /// The limit of the pool.
        max_size: u32,
        /// r2d2's reason, which holds the last error of the server, if there was one. None where all
        /// connections were in use all the time.
        source: Option<r2d2::Error>,
    },

    /// The tenant has as many connections as it may. It was not made to wait, and nothing was sent.
    #[error(
        "tenant `{schema}` holds or waits for {max_connections} connection{} already, as many as it may: try again \
         later, or raise its limit",
        if *max_connections == 1 { "" } else { "s" }
    )]
    TenantLimit {
        /// The tenant's schema.
        schema: SchemaName,
        /// Its limit.
        max_connections: u32,
    },

    /// The pool stands behind a pooler that gives a session of the server to several clients in turn, where a
    /// path that is set for the session would be met by others. Nothing was set.
    #[error(
        "pool `{pool}` is connected through a pooler in transaction mode, which hands one session of the server to \
         several clients: say `PoolerMode::Transaction`, or connect straight to PostgreSQL"
    )]
    PoolerSharesSessions {
        /// The name of the pool.
        pool: String,
    },

    /// Something was asked for that needs a session of its own, which there is not behind a transaction-mode
    /// pooler. Nothing was sent.
    #[error(
        "schema `{schema}`: {what} needs a session of its own, and behind a pooler in transaction mode (\
         `PoolerMode::Transaction`) there is none: use `with_tenant`, `with_public` or `transaction`; or do this on a \
         `Tenancy` that is connected straight to PostgreSQL"
    )]
    NeedsSession {
        /// The schema.
        schema: SchemaName,
        /// What was asked for.
        what: &'static str,
    },

    /// A statement was prepared when a column had another type: another tenant's, or this one's before a
    /// migration. Inside a transaction that cannot be mended; outside, it is.
    #[error(
        "a statement on schema `{schema}` was prepared for columns of other types, and the transaction has failed with \
         it: run the transaction again, and its statements will be prepared anew"
    )]
    StalePlan {
        /// The schema.
        schema: SchemaName,
        /// The server's words: cached plan must not change result type.
        source: diesel::result::Error,
    },

    /// The schema does not exist. No query of the scope was run; but where the connection was on its path and was not
    /// asked again ([`alive_bypass_window`](crate::TenantPoolBuilder::alive_bypass_window)), queries that need no table of
    /// the tenant's may have been.
    #[error("schema `{schema}` does not exist: create it with `create_schema`, or restore it")]
    SchemaMissing {
        /// The schema.
        schema: SchemaName,
    },

    /// The tenant is not served: it is not ready, or at a version that this application cannot serve. No query of the
    /// scope was run.
    #[error("tenant `{tenant}` is not served: {}", Why(*.state, .version.as_deref(), .needs.as_deref()))]
    TenantUnavailable {
        /// The tenant's schema.
        tenant: SchemaName,
        /// Where it is in its life.
        state: TenantState,
        /// The last version in its ledger.
        version: Option<String>,
        /// The versions that this application serves, where the tenant is at another.
        needs: Option<String>,
    },

    /// The tenant is not in a state from which this can be done. Nothing was changed.
    #[error("cannot {action} tenant `{schema}`, which is {}", state.map_or("not known to the library", TenantState::as_str))]
    WrongState {
        /// What was attempted.
        action: &'static str,
        /// The tenant's schema.
        schema: SchemaName,
        /// Where it is in its life, if the library knows it.
        state: Option<TenantState>,
    },

    /// A new connection could not be set to the schema.
    #[error("failed to set the path to schema `{schema}`")]
    SetPath {
        /// The schema.
        schema: SchemaName,
        /// The server's reason.
        source: diesel::result::Error,
    },

    /// The table of the tenant model is not there.
    #[error("table `{table}` does not exist: the shared schema was not migrated, so call `migrate` first")]
    PublicNotMigrated {
        /// The table of the tenant model.
        table: String,
    },

    /// The name cannot be a tenant's: it is taken by something else. Nothing was changed.
    #[error("schema name `{schema}` is reserved for {reserved_for}: choose another")]
    ReservedName {
        /// The refused name.
        schema: SchemaName,
        /// What it is reserved for.
        reserved_for: Reserved,
    },

    /// The name is taken by a schema of this name, or one that differs in case only. Nothing was changed.
    #[error(
        "schema `{schema}` cannot be created: schema `{existing}` exists{}",
        Case(schema, existing)
    )]
    SchemaExists {
        /// The refused name.
        schema: SchemaName,
        /// The schema that exists.
        existing: SchemaName,
    },

    /// Another tenant has the name, or one that differs in case only. Nothing was changed.
    #[error(
        "tenant `{schema}` cannot be created: tenant `{existing}` exists{}",
        Case(schema, existing)
    )]
    TenantExists {
        /// The refused name.
        schema: SchemaName,
        /// The schema of the other tenant.
        existing: SchemaName,
    },

    /// The open transaction does not see what others committed since it began, so that a name could be taken
    /// twice. Nothing was changed.
    #[error(
        "a tenant cannot be created inside a {level} transaction, which does not see the tenants that others \
         created meanwhile: begin it as READ COMMITTED"
    )]
    OldSnapshot {
        /// The isolation level, as the server says it.
        level: String,
    },

    /// There is no row for this tenant (any more). Nothing was changed.
    #[error("tenant `{schema}` has no row in the table of tenants: it was deleted, or never inserted")]
    TenantMissing {
        /// The tenant's schema.
        schema: SchemaName,
    },

    /// A row of the table of tenants cannot be read: it holds no valid name, or something else that does not fit the model.
    /// Nothing is done for it.
    #[error(
        "row `{name}` of the table of tenants `{table}` cannot be read, and is passed over: correct it, or delete it"
    )]
    UnreadableTenant {
        /// The table of the tenant model.
        table: String,
        /// What it holds as the name of a schema.
        name: String,
        /// What does not fit.
        source: diesel::result::Error,
    },

    /// A job is for a tenant that is not the one of this name any more: the name was given to another. Nothing was done.
    #[error(
        "tenant `{schema}` has the key {found}, and the job is for the one with the key {expected}: that was renamed or \
         deleted, and another has its name; find it by its key, or drop the job"
    )]
    OtherTenant {
        /// The schema.
        schema: SchemaName,
        /// The key that the job has.
        expected: String,
        /// The key of the tenant that has the schema now.
        found: String,
    },

    /// A job is for a static tenant that the configuration does not have. Nothing was done.
    #[error(
        "no static tenant is called `{schema}`: add it with `static_tenant`, drop the job, or, if it is for a customer, make \
         its reference with `tenant_ref`, which keeps the key"
    )]
    NoStaticTenant {
        /// The schema.
        schema: SchemaName,
    },

    /// The row and the value at hand name different schemas. Nothing was changed.
    #[error(
        "the row of tenant `{expected}` names schema `{found}`: a schema's name cannot be changed by an update \
         of the row, and a value that was read before a change must be read again"
    )]
    SchemaNameDiffers {
        /// The schema of the value at hand.
        expected: SchemaName,
        /// The schema in the row.
        found: SchemaName,
    },

    /// A statement of the transaction failed, its error was ignored, and the closure returned `Ok`. The
    /// server has rolled everything back.
    #[error(
        "transaction on schema `{schema}` was rolled back: a statement in it failed and its error was ignored; \
         return the error, or run what may fail in a transaction of its own inside (a savepoint)"
    )]
    FailureIgnored {
        /// The schema.
        schema: SchemaName,
    },

    /// A scope returned `Ok` with a transaction still open, which is now rolled back.
    #[error(
        "scope on schema `{schema}` ended inside an open transaction, which was rolled back: commit it first"
    )]
    TransactionLeftOpen {
        /// The schema.
        schema: SchemaName,
    },

    /// A migration failed. Its transaction was rolled back, those before it stay applied.
    #[error("migration {version} failed on schema `{schema}`")]
    Migration {
        /// The schema.
        schema: SchemaName,
        /// The version, as the ledger would hold it.
        version: String,
        /// The reason: Diesel's error with the server's message.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The schema that the library would keep its tables in has tables of somebody else's. Nothing was changed.
    #[error(
        "schema `{schema}` is to be the library's own, and has tables of somebody else's: choose another one with \
         `TenancyBuilder::library_schema`"
    )]
    LibrarySchemaTaken {
        /// The schema.
        schema: SchemaName,
    },

    /// A migration is to be reverted or applied that the application does not have. Nothing was changed.
    #[error(
        "migration {version} on schema `{schema}` is not among those that this application has for it: build it with that \
         migration, or, where a static tenant does not name its app any more, name it again"
    )]
    NotEmbedded {
        /// The schema.
        schema: SchemaName,
        /// The version in the ledger.
        version: String,
    },

    /// A migration is to be reverted that has no `down.sql`. Nothing of it was changed.
    #[error("migration {file} cannot be reverted on schema `{schema}`: it has no down.sql")]
    NoDownFile {
        /// The schema.
        schema: SchemaName,
        /// The folder of the migration.
        file: String,
    },

    /// No app has a migration of this version. Nothing was changed.
    #[error(
        "no app has a migration of version {version}: versions are the digits of the folder's name, without dashes"
    )]
    UnknownVersion {
        /// The version that was asked for.
        version: String,
    },

    /// Migrations are to be recorded without running them, and nobody said why. Nothing was changed.
    #[error(
        "migrations are recorded without running them for a reason only: say which, for those who read the run later"
    )]
    FakeWithoutReason,

    /// A selection names schemas that are none of the application's. Nothing was changed.
    #[error("no schema of the application is called {}", Names(.names))]
    UnknownSchemas {
        /// The names.
        names: Vec<SchemaName>,
    },

    /// A wave of a run names schemas that the run is not for, so that it would not try what it is to try. Nothing was changed.
    #[error(
        "wave {wave} of the run names {}, and the run is for no such schema: correct the name, or the selection",
        Names(.names)
    )]
    WaveOfNobody {
        /// Which wave, from 0.
        wave: usize,
        /// The names.
        names: Vec<SchemaName>,
    },

    /// A handler, an observer or an executor panicked while a schema was migrated, and somebody caught that. What was not
    /// committed was rolled back.
    #[error("the migration of schema `{schema}` ended in a panic: see where it came from, then run again")]
    Panicked {
        /// The schema.
        schema: SchemaName,
    },

    /// Some schemas could not be migrated; the report says which and why, and what was done.
    #[error(transparent)]
    Migrate(Box<MigrationReport>),

    /// A statement of the library itself failed.
    #[error("failed to {action} (schema `{schema}`)")]
    Attempt {
        /// What was attempted.
        action: &'static str,
        /// The schema.
        schema: SchemaName,
        /// The server's reason.
        source: diesel::result::Error,
    },

    /// A lock that others hold was not to be had: each attempt waited for it for a short time only, so that nobody
    /// had to wait long behind it. Nothing was changed; but where a big schema is dropped in parts, those that went
    /// are gone, the tenant is [`TenantState::Dropping`], and the same call goes on.
    #[error(
        "failed to {action} (schema `{schema}`): a lock was not free in {attempts} attempt{} within {waited:?}{}; end the \
         transactions that hold it, or wait for them, and call this again",
        if *attempts == 1 { "" } else { "s" },
        Holders(.holders)
    )]
    LockNotFree {
        /// What was attempted.
        action: &'static str,
        /// The schema.
        schema: SchemaName,
        /// How long it went on.
        waited: Duration,
        /// How often it was tried.
        attempts: u32,
        /// Who held locks on tables that it was about, when patience ended: for each, the table and the process of the
        /// server (`pid` in `pg_stat_activity`).
        holders: Vec<String>,
        /// The last failure.
        source: Box<Self>,
    },

    /// A handler wants something of the tenancy that would wait for the act which runs the handler: for ever. It was not
    /// begun.
    #[error(
        "failed to {action} (schema `{schema}`): this is called by a handler of an act that holds the lock which it needs, and \
         would wait for itself; do it after the commit (`TenancyBuilder::after_commit`), or when the act is over"
    )]
    WaitsForItself {
        /// What was attempted.
        action: &'static str,
        /// The schema.
        schema: SchemaName,
    },

    /// A schema was not dropped, since what other schemas have would go with it: views on its tables, columns of its types,
    /// tables that inherit from its own. Nothing was changed.
    #[error(
        "schema `{schema}` was not dropped, for this would go with it, which is not in it: {}; drop or change that first",
        .objects.join(", ")
    )]
    OthersDepend {
        /// The tenant's schema.
        schema: SchemaName,
        /// What depends on it, as the server describes it; the first twenty.
        objects: Vec<String>,
    },

    /// What exists cannot become a tenant. Nothing was changed.
    #[error("tenant `{schema}` cannot be adopted")]
    CannotAdopt {
        /// The tenant's schema.
        schema: SchemaName,
        /// Why.
        #[source]
        why: CannotAdopt,
    },

    /// There is no such domain (any more), or it belongs to another tenant now. Nothing was changed.
    #[error(
        "domain `{domain}` is not in the table of domains, or belongs to another tenant now: read it again"
    )]
    DomainMissing {
        /// The domain.
        domain: Address,
    },

    /// What was inserted as a domain of a tenant names another tenant as its owner. Nothing was changed.
    #[error(
        "domain `{domain}` was to be tenant `{schema}`'s, and what was inserted names another tenant: give it that \
         tenant's primary key"
    )]
    DomainOfAnother {
        /// The domain.
        domain: Address,
        /// The schema of the tenant that was to have it.
        schema: SchemaName,
    },

    /// A domain is to redirect, and its model has no field for that. Nothing was changed.
    #[error(
        "domain `{domain}` cannot redirect, for its model has no field for that: add `redirect_to_primary: bool`"
    )]
    NoRedirects {
        /// The domain.
        domain: Address,
    },

    /// The directory was asked for a host, a folder or a name that it does not know, and so many that nobody has were
    /// asked for lately that it asks no further. Answer 503. Those that are known are answered all the same.
    #[error(
        "the directory does not know {asked}, and so many that nobody has were asked for lately that it does not ask \
         the database now: try again later, or raise `unknown_per_second`"
    )]
    DirectoryBusy {
        /// What was asked for.
        asked: String,
    },

    /// Another thread asked the database the same for the directory, and failed; this one waited for its answer.
    #[error("the directory's question, which another thread asked as well, was not answered")]
    DirectoryFailed {
        /// What happened to the other.
        source: Arc<Self>,
    },

    /// The thread that listens for changes could not be started.
    #[error("the directory could not start the thread that listens for changes")]
    DirectoryThread {
        /// The reason of the operating system.
        source: std::io::Error,
    },

    /// A handler of the application's refused. What it was to hear of before was not done; what it heard of in the
    /// open transaction was undone. See [`Moment`].
    #[error("a handler that runs {moment} failed (schema `{schema}`)")]
    Handler {
        /// When it ran.
        moment: Moment,
        /// The schema.
        schema: SchemaName,
        /// The handler's error.
        source: BoxError,
    },

    /// What was asked for is done and committed, and stays so; but handlers that ran after it failed. The others ran.
    #[error(
        "all was done and committed, but a handler that runs {moment} and its commit failed (schema `{schema}`)"
    )]
    AfterCommit {
        /// When it ran.
        moment: Moment,
        /// The schema, as it is called now.
        schema: SchemaName,
        /// The error of the first handler that failed.
        source: BoxError,
        /// Those of the handlers after it that failed too.
        others: Vec<BoxError>,
    },

    /// A handler was to run after a commit at a moment that has none. Nothing was sent to the database.
    #[error(
        "a handler was given to `after_commit` that would never run: there is no commit {moment}; use `on`"
    )]
    HandlerNeverRuns {
        /// The moment.
        moment: Moment,
    },

    /// What [`doctor`](crate::Tenancy::doctor) named cannot be mended without a person. Nothing was changed.
    #[error("cannot fix `{check}` without a person: {advice}")]
    NoSafeFix {
        /// What was looked for.
        check: Check,
        /// What the person is to do.
        advice: String,
    },

    /// A query of the application failed.
    #[error(transparent)]
    Query(diesel::result::Error),
}

impl From<diesel::result::Error> for Error {
    /// Wraps an error of Diesel's; an error of ours that travelled through Diesel comes out as it was.
    fn from(error: diesel::result::Error) -> Self {
        match error {
            diesel::result::Error::QueryBuilderError(inner) => match inner.downcast::<Self>() {
                Ok(ours) => *ours,
                Err(other) => Self::Query(diesel::result::Error::QueryBuilderError(other)),
            },
            other => Self::Query(other),
        }
    }
}

impl Error {
    /// The failure that this one is about: that of the other thread, where one waited for it.
    #[must_use]
    pub fn cause(&self) -> &Self {
        match self {
            Self::DirectoryFailed { source } => source.cause(),
            other => other,
        }
    }

    /// Whether a tenant or a domain could not be created because its name, or another value that must be unique, is
    /// taken or reserved: the person who chose it should choose another.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        use diesel::result::{DatabaseErrorKind, Error as DieselError};
        match self {
            Self::ReservedName { .. } | Self::SchemaExists { .. } | Self::TenantExists { .. } => true,
            Self::Attempt { source, .. } => {
                matches!(
                    source,
                    DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)
                )
            }
            _ => false,
        }
    }

    /// The error in the form in which Diesel's own functions can return it. `Error::from` undoes it.
    pub(crate) fn into_diesel(self) -> diesel::result::Error {
        match self {
            Self::Query(error) => error,
            ours => diesel::result::Error::QueryBuilderError(Box::new(ours)),
        }
    }

    /// Says what the library was about when a statement of its own failed.
    pub(crate) fn attempt(
        action: &'static str,
        schema: &SchemaName,
    ) -> impl FnOnce(diesel::result::Error) -> Self {
        let schema = schema.clone();
        move |error| match Self::from(error) {
            Self::Query(source) => Self::Attempt {
                action,
                schema,
                source,
            },
            ours => ours,
        }
    }
}
