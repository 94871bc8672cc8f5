//! One bounded r2d2 pool for all tenants, and what a connection of it is.
//!
//! | module | owns |
//! |---|---|
//! | [`customizer`] | the path of a connection that was given no tenant: nothing |
//! | [`manager`] | how r2d2 opens a connection, and which ones it must close |
//! | [`managed`] | a connection with what is known of its session |
//! | [`checkout`] | a connection for a schema: set and verified in one round trip, stale ones replaced |
//! | [`builder`] | the options of a pool |

mod builder;
mod checkout;
mod customizer;
mod managed;
mod manager;

pub use builder::{DEFAULT_POOL_NAME, TenantPoolBuilder};
pub use checkout::TenantPool;
pub(crate) use checkout::{Entry, Lease};
pub use customizer::SearchPathCustomizer;
pub use managed::ManagedConnection;
pub use manager::TenantManager;
