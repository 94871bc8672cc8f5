//! [`TenantPool`]: a connection for a schema, set and verified in one round trip.

use crate::Error;
use crate::connection::{PublicConnection, TenantConnection};
use crate::paths::{Paths, Target};
use crate::pool::{ManagedConnection, TenantManager, TenantPoolBuilder};
use diesel::r2d2::ManageConnection;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;
use tenant_core::SchemaName;

/// One bounded pool of connections for all tenants and the shared schema. Cheap to clone.
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
pub struct TenantPool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: r2d2::Pool<TenantManager>,
    manager: TenantManager,
    name: String,
    paths: Arc<Paths>,
}

/// How a scope is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The path is set for the session.
    Session,
    /// A transaction is begun, and the path set for its time.
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
        Self(Arc::new(Inner {
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
    /// [`Error::SchemaMissing`], [`Error::PoolTimeout`], [`Error::ReservedName`] for the shared schema and
    /// the like, [`Error::SetPath`] where a new connection failed.
    pub fn tenant(&self, schema: &SchemaName) -> Result<TenantConnection, Error> {
        let target = self.0.paths.tenant(schema)?;
        Ok(TenantConnection::new(self.checkout(target, Entry::Session)?))
    }

    /// A connection on the shared schema. It goes back to the pool when it is dropped.
    ///
    /// # Errors
    ///
    /// As [`TenantPool::tenant`].
    pub fn public(&self) -> Result<PublicConnection, Error> {
        Ok(PublicConnection::new(
            self.checkout(self.0.paths.public(), Entry::Session)?,
        ))
    }

    /// How many connections are open and idle.
    #[must_use]
    pub fn state(&self) -> r2d2::State {
        self.0.pool.state()
    }

    /// The name of the pool in errors.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn paths(&self) -> &Arc<Paths> {
        &self.0.paths
    }

    /// Takes a connection and enters the schema on it. A connection that turns out to be stale is closed
    /// and the next one tried; at the latest a new one answers, or its error is the answer.
    pub(crate) fn checkout(&self, target: Target, entry: Entry) -> Result<Lease, Error> {
        let start = Instant::now();
        loop {
            let mut conn = self.connection(&target.schema, start)?;
            let fresh = conn.is_fresh();
            let entered = match entry {
                Entry::Session => conn.enter(&target),
                Entry::Transaction => conn.begin_on(&target),
            };
            match entered {
                Ok(()) => {
                    return Ok(Lease {
                        conn: Conn::Pooled(conn),
                        target,
                        paths: Arc::clone(&self.0.paths),
                    });
                }
                Err(missing @ Error::SchemaMissing { .. }) => return Err(missing),
                Err(error) => {
                    conn.session.discard();
                    if fresh {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Asks the catalog something, on a connection whose path sees no table.
    pub(crate) fn ask_catalog<R>(
        &self,
        action: &'static str,
        ask: impl Fn(&mut diesel::PgConnection) -> diesel::QueryResult<R>,
    ) -> Result<R, Error> {
        let start = Instant::now();
        loop {
            let mut conn = self.connection(&self.0.paths.public, start)?;
            let fresh = conn.is_fresh();
            match conn.enter_nothing() {
                Ok(()) => return ask(&mut conn.pg).map_err(Error::attempt(action, &self.0.paths.public)),
                Err(error) => {
                    conn.session.discard();
                    if fresh {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// A connection beside the pool, for work that must not wait for a free one while the caller holds one.
    pub(crate) fn extra(&self, target: Target) -> Result<Lease, Error> {
        let mut conn = self.0.manager.connect().map_err(|error| Error::SetPath {
            schema: target.schema.clone(),
            source: match error {
                diesel::r2d2::Error::QueryError(source) => source,
                diesel::r2d2::Error::ConnectionError(source) => {
                    diesel::result::Error::QueryBuilderError(Box::new(source))
                }
            },
        })?;
        conn.enter(&target)?;
        Ok(Lease {
            conn: Conn::Extra(Box::new(conn)),
            target,
            paths: Arc::clone(&self.0.paths),
        })
    }

    fn connection(
        &self,
        schema: &SchemaName,
        start: Instant,
    ) -> Result<r2d2::PooledConnection<TenantManager>, Error> {
        let pool = &self.0.pool;
        pool.get_timeout(pool.connection_timeout().saturating_sub(start.elapsed()))
            .map_err(|source| {
                let state = pool.state();
                Error::PoolTimeout {
                    pool: self.0.name.clone(),
                    schema: schema.clone(),
                    waited: start.elapsed(),
                    connections: state.connections,
                    idle: state.idle_connections,
                    max_size: pool.max_size(),
                    source,
                }
            })
    }
}

/// A connection that somebody has, with the schema that it is for.
#[derive(Debug)]
pub(crate) struct Lease {
    conn: Conn,
    pub(crate) target: Target,
    pub(crate) paths: Arc<Paths>,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are of the large kind, and a box would be one more allocation a request"
)]
enum Conn {
    Pooled(r2d2::PooledConnection<TenantManager>),
    Extra(Box<ManagedConnection>),
}

impl Deref for Lease {
    type Target = ManagedConnection;

    fn deref(&self) -> &ManagedConnection {
        match &self.conn {
            Conn::Pooled(conn) => conn,
            Conn::Extra(conn) => conn,
        }
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut ManagedConnection {
        match &mut self.conn {
            Conn::Pooled(conn) => conn,
            Conn::Extra(conn) => conn,
        }
    }
}
