//! The values and rules of schema-per-tenant multi-tenancy that need no database.
//!
//! | module | owns |
//! |---|---|
//! | [`schema_name`] | [`SchemaName`]: a schema name that PostgreSQL accepts, always quoted |
//! | [`search_path`] | [`SearchPath`]: which schemas a connection sees, in order |
//! | [`tenant`] | [`Tenant`]: what makes a model a tenant |
//! | [`app`] | [`App`], [`AppScope`], [`Table`], [`ScopedTable`]: tables and the migrations that make them |
//! | [`reserved`] | [`Reserved`]: names that no tenant can have |
//! | [`registry`] | [`Registry`]: the apps of an application, and what can be wrong with them |
//!
//! Applications depend on `tenant-diesel`, which re-exports all of this. The crate knows nothing of
//! Diesel but for the optional `ToSql`/`FromSql` of [`SchemaName`].
//!
//! | feature | gives |
//! |---|---|
//! | `diesel` | `ToSql`/`FromSql` of [`SchemaName`] as `Text` |
//! | `serde` | `Serialize`/`Deserialize` of [`SchemaName`] |

pub mod app;
pub mod registry;
pub mod reserved;
pub mod schema_name;
pub mod search_path;
pub mod tenant;

pub use app::{App, AppInfo, AppScope, ScopedTable, Table};
pub use registry::{Finding, Problem, Registry, Severity};
pub use reserved::Reserved;
pub use schema_name::{SchemaName, SchemaNameError};
pub use search_path::SearchPath;
pub use tenant::Tenant;
