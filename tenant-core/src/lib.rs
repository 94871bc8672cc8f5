//! The values and rules of schema-per-tenant multi-tenancy that need no database.
//!
//! | module | owns |
//! |---|---|
//! | [`schema_name`] | [`SchemaName`]: a schema name that PostgreSQL accepts, always quoted |
//! | [`search_path`] | [`SearchPath`]: which schemas a connection sees, in order |
//! | [`tenant`] | [`Tenant`]: what makes a model a tenant |
//! | [`app`] | [`App`], [`AppScope`], [`Table`], [`ScopedTable`]: tables and the migrations that make them |
//! | [`cache_key`] | [`CacheKey`]: a key of a cache that tenants share |
//! | [`reserved`] | [`Reserved`]: names that no tenant can have |
//! | [`hostname`] | [`Hostname`]: the name of a host, in one form |
//! | [`domain_name`] | [`DomainName`]: a host, or all below one |
//! | [`folder`] | [`Folder`]: the first segment of a path, where tenants share a host |
//! | [`domain`] | [`Domain`]: what makes a model a domain of a tenant; [`Address`] |
//! | [`static_tenant`] | [`StaticTenant`]: a site of one's own |
//! | [`directory`] | [`Directory`]: who is found at a host or by a name |
//! | [`routing`] | [`Routing`](routing::Routing): from a request to a tenant |
//! | [`tenant_ref`] | [`TenantRef`]: a tenant as it travels to a job; [`current`], the one that this thread works for |
//! | [`registry`] | [`Registry`]: the apps of an application, and what can be wrong with them |
//!
//! Applications depend on `tenant-diesel`, which re-exports all of this. The crate knows nothing of
//! Diesel but for the optional `ToSql`/`FromSql` of [`SchemaName`].
//!
//! | feature | gives |
//! |---|---|
//! | `diesel` | `ToSql`/`FromSql` of the names as `Text` |
//! | `serde` | `Serialize`/`Deserialize` of the names and of [`TenantRef`] |

pub mod app;
pub mod cache_key;
pub mod directory;
pub mod domain;
pub mod domain_name;
pub mod folder;
pub mod hostname;
pub mod registry;
pub mod reserved;
pub mod routing;
pub mod schema_name;
pub mod search_path;
pub mod static_tenant;
pub mod tenant;
pub mod tenant_ref;
mod text_newtype;

pub use app::{App, AppInfo, AppScope, ScopedTable, Table};
pub use cache_key::CacheKey;
pub use directory::{Availability, Directory, Located};
pub use domain::{Address, Domain};
pub use domain_name::DomainName;
pub use folder::{Folder, FolderError};
pub use hostname::{Hostname, HostnameError};
pub use registry::{Finding, Problem, Registry, Severity};
pub use reserved::Reserved;
pub use schema_name::{SchemaName, SchemaNameError};
pub use search_path::SearchPath;
pub use static_tenant::StaticTenant;
pub use tenant::Tenant;
pub use tenant_ref::{TenantRef, current};
