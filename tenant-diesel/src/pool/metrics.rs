//! [`PoolMetrics`]: what a pool did, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a pool did since it was made, and what it has now. Read by
/// [`TenantPool::metrics`](crate::TenantPool::metrics), for a log line or an exporter; no name of a tenant is in it.
///
/// Counters only grow. They are read one after the other while the pool goes on, so that sums may be off by
/// what happened in between.
///
/// ```
/// # include!("../docs/setup.rs");
/// # fn main() -> Result<()> {
/// # let (tenancy, _database) = tenancy()?;
/// # let acme = tenancy.create(new_client("acme")?)?;
/// let count = |conn: &mut TenantConnection| todo::tasks::table.count().get_result::<i64>(conn);
/// tenancy.with_tenant(&acme, count)?;
/// let before = tenancy.pool().metrics();
/// tenancy.with_tenant(&acme, count)?;
/// let metrics = tenancy.pool().metrics();
/// assert_eq!(metrics.hits - before.hits, 1, "the same tenant again, and nothing was asked");
/// assert_eq!(metrics.switches, before.switches);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolMetrics {
    /// Connections that are open.
    pub connections: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// How many callers wait for a connection now.
    pub waiting: u32,

    /// Checkouts that succeeded: the sum of the five that follow.
    pub checkouts: u64,
    /// The connection was on this tenant already: nothing was sent.
    pub hits: u64,
    /// It was on this tenant, and was asked all the same: longer idle than the bypass window, used in a way that
    /// needed a reset, or always asked.
    pub verified: u64,
    /// It had served nobody.
    pub first_uses: u64,
    /// It was on another tenant, or on the shared schema.
    pub switches: u64,
    /// Scopes that began behind a transaction-mode pooler, where no connection belongs to anybody.
    pub pooled_transactions: u64,

    /// Connections that were opened.
    pub opened: u64,
    /// Attempts to open one that failed.
    pub open_failures: u64,
    /// Sessions that were made as good as new, in the message that set the next path.
    pub resets: u64,
    /// Connections that were closed, and why.
    pub closed: Closed,
    /// Dead connections that were replaced before the first statement of a scope, unseen by it.
    pub replaced: u64,
    /// Statements that were prepared again because the type of a column had changed.
    pub stale_plans: u64,

    /// Checkouts that had to wait for a connection.
    pub waits: u64,
    /// How long they waited, all together.
    pub wait_time: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// Those that waited in vain: [`Error::PoolTimeout`](crate::Error::PoolTimeout).
    pub timeouts: u64,
    /// Those refused because their tenant had as many as it may:
    /// [`Error::TenantLimit`](crate::Error::TenantLimit).
    pub refused: u64,

    /// Different tenants that the open connections have served, added up over the connections: divided by
    /// `connections`, the tenants per connection.
    pub tenants: u64,
    /// The most different tenants that one connection ever served.
    pub most_tenants: u64,
}

/// Why connections were closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// They were dead.
    pub dead: u64,
    /// They could not be proved clean: an open transaction, a session lock, `LISTEN`, `as_pg`, a panic.
    pub unclean: u64,
    /// They had served as many tenants as one may.
    pub recycled: u64,
    /// They had lived or idled too long, by r2d2's `max_lifetime` and `idle_timeout`, or the pool was dropped.
    pub expired: u64,
    /// [`OnSwitch::Reconnect`](crate::OnSwitch::Reconnect) wanted a new one.
    pub switched: u64,
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Dead,
    Unclean,
    Recycled,
    Expired,
    Switched,
}

/// Behind which kind of connection a checkout found itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    Hit,
    Verified,
    First,
    Switch,
    PooledTransaction,
}

/// The counters of a pool.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    served: [AtomicU64; 5],
    closed: [AtomicU64; 5],
    pub(crate) opened: AtomicU64,
    pub(crate) open_failures: AtomicU64,
    pub(crate) resets: AtomicU64,
    pub(crate) replaced: AtomicU64,
    pub(crate) stale_plans: AtomicU64,
    waits: AtomicU64,
    wait_nanos: AtomicU64,
    longest_wait_nanos: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) refused: AtomicU64,
    tenants: AtomicU64,
    most_tenants: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    pub(crate) fn served(&self, served: Served) {
        count(&self.served[served as usize]);
    }

    pub(crate) fn closed(&self, reason: Reason) {
        count(&self.closed[reason as usize]);
    }

    pub(crate) fn waited(&self, wait: Duration) {
        let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        count(&self.waits);
        self.wait_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.longest_wait_nanos.fetch_max(nanos, Ordering::Relaxed);
    }

    /// A connection has served one tenant more, which makes `of_it`.
    pub(crate) fn tenant_added(&self, of_it: usize) {
        count(&self.tenants);
        self.most_tenants.fetch_max(of_it as u64, Ordering::Relaxed);
    }

    /// A connection that had served so many tenants is gone.
    pub(crate) fn tenants_gone(&self, of_it: usize) {
        self.tenants.fetch_sub(of_it as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, state: &r2d2::State, waiting: u32) -> PoolMetrics {
        let served = |served: Served| read(&self.served[served as usize]);
        let closed = |reason: Reason| read(&self.closed[reason as usize]);
        PoolMetrics {
            connections: state.connections,
            idle: state.idle_connections,
            waiting,
            checkouts: self.served.iter().map(read).sum(),
            hits: served(Served::Hit),
            verified: served(Served::Verified),
            first_uses: served(Served::First),
            switches: served(Served::Switch),
            pooled_transactions: served(Served::PooledTransaction),
            opened: read(&self.opened),
            open_failures: read(&self.open_failures),
            resets: read(&self.resets),
            closed: Closed {
                dead: closed(Reason::Dead),
                unclean: closed(Reason::Unclean),
                recycled: closed(Reason::Recycled),
                expired: closed(Reason::Expired),
                switched: closed(Reason::Switched),
            },
            replaced: read(&self.replaced),
            stale_plans: read(&self.stale_plans),
            waits: read(&self.waits),
            wait_time: Duration::from_nanos(read(&self.wait_nanos)),
            longest_wait: Duration::from_nanos(read(&self.longest_wait_nanos)),
            timeouts: read(&self.timeouts),
            refused: read(&self.refused),
            tenants: read(&self.tenants),
            most_tenants: read(&self.most_tenants),
        }
    }
}
