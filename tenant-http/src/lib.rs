#![doc = include_str!("docs/crate.md")]

mod answering;
mod current;
mod db;
mod error;
mod extract;
mod file_name;
pub mod files;
mod forwarded;
mod layer;
mod request;
mod routed;
mod router;
mod service;
#[cfg(feature = "object-store")]
pub mod storage;

pub use answering::Answering;
pub use current::{ForTenant, TenantContext, carry, current_tenant};
pub use error::{Error, RETRY_AFTER_FULL, RETRY_AFTER_MAINTENANCE};
pub use extract::{PublicDb, PublicOnly, Tenant, TenantDb, Urls};
pub use file_name::FileNameError;
pub use forwarded::Forwarding;
pub use layer::{HttpRouting, LOOKUPS_AT_ONCE, TenantLayer};
pub use request::HttpRequest;
pub use routed::{Routed, RoutedKind};
pub use router::TenantRouter;
pub use service::TenantService;
pub use tenant_core::routing;
