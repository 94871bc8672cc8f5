//! Schema-per-tenant multi-tenancy for Diesel and PostgreSQL.

mod app;
mod model;
mod model_row;
pub mod prelude;

pub use app::EmbeddedApp;
pub use model::{NewTenant, TenantChanges, TenantModel};
pub use tenant_core::{
    App, AppInfo, AppScope, Finding, Problem, Registry, SchemaName, SchemaNameError, ScopedTable, SearchPath,
    Severity, Table, Tenant, schema_name, search_path,
};
pub use tenant_derive::{Tenant, shared_app, tenant_app};

/// A connection on the shared schema.
pub type PublicConnection = diesel::PgConnection;

/// What the macros write. Not for people: anything in here may change in any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::app::versions;
    pub use crate::model_row::TenantRow;
    pub use diesel;
    pub use diesel_migrations;
    pub use std;
}
