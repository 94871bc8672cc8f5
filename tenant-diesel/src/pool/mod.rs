//! One bounded r2d2 pool for all tenants, and what a connection of it is.
//!
//! | module | owns |
//! |---|---|
//! | [`builder`] | the options of a pool |
//! | [`options`] | the same, decided, and their defaults |
//! | [`checkout`] | a connection for a schema: on it already, or set and verified in one round trip |
//! | [`gate`] | who comes first, and how many a tenant may have |
//! | [`shelf`] | the idle connections, and which of them a tenant gets |
//! | [`seat`] | what r2d2 counts |
//! | [`standing`] | which tenants are not served |
//! | [`stagger`] | how many tenants a connection serves |
//! | [`manager`] | how r2d2 opens a connection, and which ones it must close |
//! | [`physical`] | a connection with what is known of its session |
//! | [`enter`] | how it gets on a path |
//! | [`lease`] | a connection that somebody has; dead ones replaced |
//! | [`customizer`] | the path of a connection that was given no tenant: nothing |
//! | [`limits`] | what one tenant may use |
//! | [`on_switch`] | what becomes of prepared statements between two tenants |
//! | [`pooler`] | whether a transaction-mode pooler stands in between |
//! | [`metrics`] | what the pool did, in numbers |

mod builder;
mod checkout;
mod customizer;
mod enter;
mod gate;
mod lease;
mod limits;
mod manager;
mod metrics;
mod on_switch;
mod options;
mod physical;
mod pooler;
mod seat;
mod shelf;
mod stagger;
mod standing;

pub use builder::{DEFAULT_POOL_NAME, TenantPoolBuilder};
pub(crate) use checkout::Entry;
pub use checkout::TenantPool;
pub use customizer::SearchPathCustomizer;
pub(crate) use lease::Lease;
pub use limits::TenantLimits;
pub(crate) use limits::{LimitsOf, SETTINGS};
pub use manager::TenantManager;
pub(crate) use metrics::count;
pub use metrics::{Closed, PoolMetrics};
pub use on_switch::OnSwitch;
pub use options::{DEFAULT_ALIVE_BYPASS_WINDOW, DEFAULT_TENANTS_PER_CONNECTION};
pub use pooler::PoolerMode;
pub use seat::ManagedConnection;
pub use standing::DEFAULT_STATE_WINDOW;
pub(crate) use standing::{Serves, Standing};
