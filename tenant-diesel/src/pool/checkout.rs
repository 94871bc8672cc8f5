//! [`TenantPool`]: a connection for a schema: one that is on it already, or one that is set and verified in one
//! round trip.

use super::gate::{Gate, Refused};
use super::lease::{Conn, Lease};
use super::metrics::{PoolMetrics, Reason, Served, count};
use super::shelf::{Fit, Shelf};
use super::{OnSwitch, PoolerMode};
use crate::Error;
use crate::connection::{PublicConnection, TenantConnection};
use crate::paths::{Paths, Target};
use crate::pool::{TenantManager, TenantPoolBuilder};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenant_core::SchemaName;

/// One bounded pool of connections for all tenants and the shared schema. Cheap to clone.
///
/// A checkout for a tenant takes, in this order:
///
/// 1. an idle connection that is on this tenant already: no round trip at all if it was used within the bypass
///    window ([`TenantPoolBuilder::alive_bypass_window`]);
/// 2. an idle one that serves nobody: one round trip;
/// 3. a new one, if the pool has room for it (that is, if r2d2's `min_idle` is below its `max_size`);
/// 4. the idle one of another tenant that was used longest ago, preferably one that has served this tenant
///    before: one round trip, which pings, verifies, quotes and sets, and takes back what was left.
///
/// Nothing is reserved for anybody: a pool of ten serves ten thousand tenants. Who waits longest is served first.
///
/// [`Tenancy`](crate::Tenancy) holds one. On its own it is for programs that have no tenant model, or
/// take the names of schemas from elsewhere:
///
/// ```
/// # include!("../docs/setup.rs");
/// use tenant_diesel::TenantPool;
///
/// # fn main() -> Result<()> {
/// # let (tenancy, database) = tenancy()?;
/// # tenancy.create(new_client("acme")?)?;
/// # let url = database.url();
/// let pool = TenantPool::builder().connect(url)?;
/// let mut conn = pool.tenant(&SchemaName::new("acme")?)?;
/// diesel::sql_query("DELETE FROM tasks WHERE done").execute(&mut conn)?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct TenantPool(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pool: r2d2::Pool<TenantManager>,
    pub(super) manager: TenantManager,
    gate: Arc<Gate>,
    /// r2d2 keeps fewer connections than it may: without a `min_idle`, it keeps itself full.
    is_kept_small: bool,
    name: String,
    pub(super) paths: Arc<Paths>,
}

/// How a scope is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The path is set for the session.
    Session,
    /// A transaction is begun on the path.
    Transaction,
}

impl TenantPool {
    /// A pool with `public` as the shared schema.
    pub fn builder() -> TenantPoolBuilder {
        TenantPoolBuilder::new(SchemaName::public())
    }

    pub(crate) fn new(
        pool: r2d2::Pool<TenantManager>,
        manager: TenantManager,
        name: String,
        paths: Paths,
    ) -> Self {
        manager.0.set_max_lifetime(pool.max_lifetime());
        Self(Arc::new(Inner {
            gate: Arc::new(Gate::new(pool.max_size())),
            is_kept_small: manager.0.options.affinity
                && pool.min_idle().is_some_and(|min| min < pool.max_size()),
            pool,
            manager,
            name,
            paths: Arc::new(paths),
        }))
    }

    /// A connection on the schema of a tenant. It goes back to the pool when it is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::SchemaMissing`], [`Error::PoolTimeout`], [`Error::TenantLimit`], [`Error::ReservedName`] for the
    /// shared schema and the like, [`Error::SetPath`] where a new connection failed; [`Error::NeedsSession`] behind
    /// a transaction-mode pooler; [`Error::Handler`] of a handler of [`Moment::Activated`](crate::Moment::Activated).
    pub fn tenant(&self, schema: &SchemaName) -> Result<TenantConnection, Error> {
        let target = self.paths().tenant(schema)?;
        let lease = self.checkout(target, Entry::Session)?;
        self.paths().events.activated(schema)?;
        Ok(TenantConnection::new(lease))
    }

    /// A connection on the shared schema. It goes back to the pool when it is dropped.
    ///
    /// # Errors
    ///
    /// As [`TenantPool::tenant`].
    pub fn public(&self) -> Result<PublicConnection, Error> {
        Ok(PublicConnection::new(
            self.checkout(self.paths().public(), Entry::Session)?,
        ))
    }

    /// How many connections are open and idle.
    #[must_use]
    pub fn state(&self) -> r2d2::State {
        self.0.pool.state()
    }

    /// What the pool did so far, in numbers.
    #[must_use]
    pub fn metrics(&self) -> PoolMetrics {
        self.shelf().counters.read(&self.state(), self.0.gate.waiting())
    }

    /// What happens to prepared statements when a connection goes to another tenant: what the application
    /// chose, or [`OnSwitch::Reconnect`] where custom types were found in the schemas of tenants.
    #[must_use]
    pub fn on_switch(&self) -> OnSwitch {
        self.shelf().options.on_switch.get()
    }

    /// The name of the pool in errors.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn paths(&self) -> &Arc<Paths> {
        &self.0.paths
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.0.manager.0
    }

    /// Whether each scope must be a transaction.
    pub(crate) fn is_behind_pooler(&self) -> bool {
        self.shelf().options.mode == PoolerMode::Transaction
    }

    /// Takes a connection and enters the schema on it.
    pub(crate) fn checkout(&self, target: Target, entry: Entry) -> Result<Lease, Error> {
        if entry != Entry::Transaction && self.is_behind_pooler() {
            return Err(Error::NeedsSession {
                schema: target.schema.clone(),
                what: "a connection that outlives a transaction",
            });
        }
        let mut lease = self.lease(target)?;
        on_a_living_one(&mut lease, |lease| {
            let served = lease.kind_of_service();
            let is_hit = lease.enter(entry)?;
            let counters = &lease.counters();
            counters.served(if is_hit { Served::Hit } else { served });
            Ok(())
        })?;
        Ok(lease)
    }

    /// Asks the catalog something, on a connection whose path sees no table.
    pub(crate) fn ask_catalog<R>(
        &self,
        action: &'static str,
        ask: impl Fn(&mut diesel::PgConnection) -> diesel::QueryResult<R>,
    ) -> Result<R, Error> {
        let mut lease = self.workbench()?;
        ask(&mut lease.pg).map_err(Error::attempt(action, &self.0.paths.public))
    }

    /// Whether the library's tables are there, so that checkouts can ask them who is served. If they are not, or cannot be
    /// asked now, checkouts look again.
    pub(super) fn look_at_records(&self) {
        let records = &self.0.paths.records;
        records.are_wanted();
        let _looked_for_again = self.ask_catalog("look for the library's tables", |pg| records.look(pg));
    }

    /// A connection for work over many schemas, on a path that sees no table.
    pub(crate) fn workbench(&self) -> Result<Lease, Error> {
        let mut lease = self.lease(self.paths().public())?;
        on_a_living_one(&mut lease, |lease| lease.enter_nothing())?;
        Ok(lease)
    }

    /// How many connections it may have.
    #[must_use]
    pub fn max_size(&self) -> u32 {
        self.0.pool.max_size()
    }

    /// How long a caller waits for one.
    #[must_use]
    pub fn connection_timeout(&self) -> Duration {
        self.0.pool.connection_timeout()
    }

    /// The same, for what the server learns too much from: it keeps what it knows of each table until the connection
    /// ends, so that is when this ends.
    pub(crate) fn ask_catalog_and_close<R>(
        &self,
        action: &'static str,
        ask: impl FnOnce(&mut diesel::PgConnection) -> diesel::QueryResult<R>,
    ) -> Result<R, Error> {
        let mut lease = self.lease(self.paths().public())?;
        on_a_living_one(&mut lease, |lease| lease.enter_nothing())?;
        let answer = ask(&mut lease.pg).map_err(Error::attempt(action, &self.0.paths.public));
        lease.close(Reason::Recycled);
        answer
    }

    /// A connection beside the pool, for work that must not wait for a free one while the caller holds one.
    pub(crate) fn extra(&self, target: Target) -> Result<Lease, Error> {
        if self.is_behind_pooler() {
            return Err(Error::NeedsSession {
                schema: target.schema.clone(),
                what: "a birth whose migrations cannot all run in one transaction",
            });
        }
        let mut physical = self
            .0
            .manager
            .open()
            .map_err(|error| cannot_open(&target.schema, error))?;
        physical.enter(&target, self.shelf().generation(), None)?;
        Ok(Lease::new(
            Conn::Extra(physical),
            target,
            Arc::clone(&self.0),
            None,
            Instant::now(),
        ))
    }

    /// A connection from the pool, not on its path yet.
    fn lease(&self, target: Target) -> Result<Lease, Error> {
        let start = Instant::now();
        let deadline = start + self.0.pool.connection_timeout();
        let limited = target.limits.connections().map(|limit| (&target.schema, limit));
        let place = match self.0.gate.enter(limited, deadline) {
            Ok(place) => place,
            Err(Refused::Limit(limit)) => {
                count(&self.shelf().counters.refused);
                return Err(Error::TenantLimit {
                    schema: target.schema.clone(),
                    max_connections: limit.get(),
                });
            }
            Err(Refused::TimedOut) => return Err(self.0.timed_out(&target.schema, start, None)),
        };
        let waits = place.has_waited() || self.state().idle_connections == 0;
        let seat = self.0.seat(&target, start)?;
        if waits {
            self.shelf().counters.waited(start.elapsed());
        }
        Ok(Lease::new(
            Conn::Pooled(seat),
            target,
            Arc::clone(&self.0),
            Some(place),
            start,
        ))
    }
}

/// Makes an attempt on one connection after the other: one that turns out to be dead is closed, and at the latest a
/// new one answers, or its error is the answer.
fn on_a_living_one<R>(
    lease: &mut Lease,
    attempt: impl Fn(&mut Lease) -> Result<R, Error>,
) -> Result<R, Error> {
    // A server that restarts kills those too that were opened just before, and some may be idle.
    const MOST_FRESH_ONES: usize = 4;
    let mut fresh_ones = 0;
    loop {
        fresh_ones += usize::from(lease.is_fresh());
        match attempt(lease) {
            // The server answered: the connection is as good as it was.
            Err(error) if !lease.is_closed() && !lease.was_lost_by(&error) => return Err(error),
            Err(error) => {
                let could_not_open = lease.is_closed();
                lease.close(Reason::Dead);
                if fresh_ones == MOST_FRESH_ONES || could_not_open {
                    return Err(error);
                }
                lease.sit_again()?;
            }
            done => return done,
        }
    }
}

impl Inner {
    /// A seat of r2d2's, with the best connection for the target in it.
    pub(super) fn seat(
        &self,
        target: &Target,
        start: Instant,
    ) -> Result<r2d2::PooledConnection<TenantManager>, Error> {
        let shelf = &self.manager.0;
        loop {
            let left = self.pool.connection_timeout().saturating_sub(start.elapsed());
            let mut seat = self
                .pool
                .get_timeout(left)
                .map_err(|source| self.timed_out(&target.schema, start, Some(source)))?;
            if self.is_kept_small && shelf.best_fit(target) == Some(Fit::Other) && self.ask_for_one_more() {
                shelf.wait_for_new(target, start + self.pool.connection_timeout());
            }
            match shelf.take(target) {
                Some(physical) => {
                    seat.seat(physical);
                    return Ok(seat);
                }
                // Cannot be, as the shelf says; but if it were, the seat would be one too many.
                None => seat.close(Reason::Dead),
            }
        }
    }

    /// Makes r2d2 open one connection more, in the background, if it keeps fewer than it may. r2d2 opens one only
    /// for who finds none idle; so for a moment, none is. Whether there was room.
    pub(super) fn ask_for_one_more(&self) -> bool {
        let has_room = self.is_kept_small
            && self.pool.state().connections < self.pool.max_size()
            // Else it would be waited for in vain, again and again.
            && !self.manager.0.is_failing();
        if has_room {
            let taken: Vec<_> = std::iter::from_fn(|| self.pool.try_get()).collect();
            let _one_that_came_back = self.pool.get_timeout(Duration::ZERO);
            drop(taken);
        }
        has_room
    }

    fn timed_out(&self, schema: &SchemaName, start: Instant, source: Option<r2d2::Error>) -> Error {
        if self.manager.0.is_refused() {
            return Error::PoolerSharesSessions {
                pool: self.name.clone(),
            };
        }
        count(&self.manager.0.counters.timeouts);
        let state = self.pool.state();
        Error::PoolTimeout {
            pool: self.name.clone(),
            schema: schema.clone(),
            waited: start.elapsed(),
            connections: state.connections,
            idle: state.idle_connections,
            max_size: self.pool.max_size(),
            source,
        }
    }
}

pub(super) fn cannot_open(schema: &SchemaName, error: diesel::r2d2::Error) -> Error {
    Error::SetPath {
        schema: schema.clone(),
        source: match error {
            diesel::r2d2::Error::QueryError(source) => source,
            diesel::r2d2::Error::ConnectionError(source) => {
                diesel::result::Error::QueryBuilderError(Box::new(source))
            }
        },
    }
}
