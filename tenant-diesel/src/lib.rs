#![doc = include_str!("docs/crate.md")]

mod app;
mod connection;
mod directory;
mod doctor;
mod domains;
mod drift;
mod error;
mod events;
mod lint;
mod migrate;
mod model;
mod model_row;
mod paths;
mod pool;
pub mod prelude;
mod provision;
mod records;
mod retry;
mod rows;
mod session;
mod sql;
mod sql_text;
mod tenancy;

pub use app::{EmbeddedApp, MigrationFile};
pub use connection::{PublicConnection, PublicScope, Scope, ScopedConnection, TenantConnection, TenantScope};
pub use directory::{
    CachedDirectory, DEFAULT_CAPACITY, DEFAULT_MISS_CAPACITY, DEFAULT_MISS_TTL, DEFAULT_TTL,
    DEFAULT_UNKNOWN_PER_SECOND, DirectoryBuilder, DirectoryMetrics, NotCached, NotingDirectory,
    TenantDirectory,
};
pub use doctor::{Check, Complaint, Concerned, Diagnosis, Fixed, LISTED, Treatment, Unseen};
pub use domains::{DomainColumns, DomainModel, NewDomain};
pub use drift::{DriftGroup, DriftReport, Fingerprint, ObjectDifference, UnreadSchema, VersionDrift};
pub use error::{Error, Result, ScopeError};
pub use events::{BoxError, Event, Moment};
pub use lint::{LintFinding, LintRule, lint};
pub use migrate::{
    DEFAULT_ATTEMPTS, DEFAULT_LOCK_TIMEOUT, DEFAULT_STATEMENT_TIMEOUT, Executor, FailedStatement,
    FileFailure, Gate, ListedSchema, ListedVersion, Mended, MigrationPlan, MigrationReport, MigrationRun,
    MigrationTarget, OnError, Outcome, Parallel, PlannedSchema, RunEvent, SchemaReport, Selection,
    Sequential, Step, VerifyReport, Wave, WaveEnd, Work,
};
pub use model::{DomainColumn, NewTenant, TenantChanges, TenantModel};
pub use pool::{
    Closed, DEFAULT_ALIVE_BYPASS_WINDOW, DEFAULT_POOL_NAME, DEFAULT_STATE_WINDOW,
    DEFAULT_TENANTS_PER_CONNECTION, ManagedConnection, OnSwitch, PoolMetrics, PoolerMode,
    SearchPathCustomizer, TenantLimits, TenantManager, TenantPool, TenantPoolBuilder,
};
pub use provision::{
    Adoption, CannotAdopt, DEFAULT_LIFE_CYCLE_LOCK_PATIENCE, DEFAULT_LIFE_CYCLE_LOCK_TIMEOUT, Mention,
    MentionPlace, MissingSchemas, RenamedTenant,
};
pub use r2d2;
pub use records::{SchemaKind, TenantState};
pub use tenancy::{
    FailedTenant, FleetStatus, ForEachEntry, ForEachReport, PAGE_SIZE, Tenancy, TenancyBuilder, Tenants,
    UnknownVersions, VersionStatus,
};
pub use tenant_core::{
    Address, App, AppInfo, AppScope, Availability, Directory, Domain, DomainName, Finding, Folder,
    FolderError, Hostname, HostnameError, Located, Problem, Registry, Reserved, SchemaName, SchemaNameError,
    ScopedTable, SearchPath, Severity, StaticTenant, Table, Tenant, TenantRef, current, registry,
    schema_name,
};
pub use tenant_derive::{Domain, Tenant, shared_app, tenant_app};

/// What the macros write. Not for people: anything in here may change in any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::app::versions;
    pub use crate::drift::fingerprints_by;
    pub use crate::model_row::TenantRow;
    pub use crate::rows::{DomainRow, Facts, Rows};
    pub use diesel;
    pub use diesel_migrations;
    pub use std;
}

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;

/// So do those of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/fleets.md")]
#[derive(Debug)]
pub struct Fleets;
