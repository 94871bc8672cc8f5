//! [`Options`]: what a pool and its connections must know of each other, decided once.

use crate::pool::{OnSwitch, PoolerMode};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// How long after its last use a connection is believed to live without being asked, unless it is said
/// otherwise. HikariCP has the same default (`aliveBypassWindowMs`).
pub const DEFAULT_ALIVE_BYPASS_WINDOW: Duration = Duration::from_millis(500);

/// How many different tenants a connection serves before it is replaced, unless it is said otherwise.
///
/// A backend keeps what it learned of a schema's tables until it ends: about 13 kB for each table of each tenant
/// that it touched (measured on PostgreSQL 15), and a prepared statement for each tenant and query on top. So a
/// pool takes at most about
///
/// ```text
/// connections × tenants a connection × (tables × 13 kB + queries × 7 kB)
/// ```
///
/// which is 10 × 64 × (20 × 13 kB + 20 × 7 kB) = 256 MB for ten connections to schemas of twenty tables, however
/// many tenants there are. Connections are replaced after three quarters of this number to all of it, so that those
/// which were opened together do not all go at once.
pub const DEFAULT_TENANTS_PER_CONNECTION: NonZeroU32 = NonZeroU32::new(64).expect("64 is not zero");

/// What the application runs on each new connection.
pub(crate) type OnConnect = Arc<dyn Fn(&mut PgConnection) -> QueryResult<()> + Send + Sync>;

/// See the module.
pub(crate) struct Options {
    /// Holds a password.
    pub(crate) database_url: String,
    pub(crate) on_connect: Option<OnConnect>,
    pub(crate) mode: PoolerMode,
    pub(crate) affinity: bool,
    pub(crate) alive_bypass_window: Duration,
    pub(crate) tenants_per_connection: NonZeroU32,
    /// Every statement counts as one that may have changed the session.
    pub(crate) verify_always: bool,
    /// Whether Diesel may keep statements prepared on the server, if the application decided that.
    pub(crate) prepared_statements: Option<bool>,
    /// Whether the paths of tenants come with limits.
    pub(crate) has_limits: bool,
    pub(crate) on_switch: Policy,
    /// How often this process changed the state of a tenant in this database.
    pub(crate) changes: Arc<AtomicU64>,
}

/// [`OnSwitch`], which a start-up may change when it finds custom types.
#[derive(Debug)]
pub(crate) struct Policy {
    /// The application decided, and nothing that is found changes it.
    is_chosen: bool,
    now: AtomicU8,
}

impl Policy {
    pub(crate) fn new(chosen: Option<OnSwitch>) -> Self {
        Self {
            is_chosen: chosen.is_some(),
            now: AtomicU8::new(chosen.unwrap_or_default() as u8),
        }
    }

    pub(crate) fn get(&self) -> OnSwitch {
        match self.now.load(Ordering::Relaxed) {
            keep if keep == OnSwitch::Keep as u8 => OnSwitch::Keep,
            clear if clear == OnSwitch::ClearStatements as u8 => OnSwitch::ClearStatements,
            _ => OnSwitch::Reconnect,
        }
    }

    /// Whether what is found may still change it.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_chosen && self.get() == OnSwitch::Keep
    }

    pub(crate) fn reconnect(&self) {
        self.now.store(OnSwitch::Reconnect as u8, Ordering::Relaxed);
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("mode", &self.mode)
            .field("affinity", &self.affinity)
            .field("on_switch", &self.on_switch.get())
            .finish_non_exhaustive()
    }
}
