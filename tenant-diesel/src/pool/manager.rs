//! [`TenantManager`]: how r2d2 opens a connection, and which ones it must close.

use crate::pool::{ManagedConnection, SearchPathCustomizer};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{Error, ManageConnection};
use std::fmt;
use std::sync::Arc;

/// What the application runs on each new connection.
pub(crate) type OnConnect = Arc<dyn Fn(&mut PgConnection) -> QueryResult<()> + Send + Sync>;

/// Opens connections that see no table until they are given a schema, and closes those that cannot be
/// proved clean. [`TenantPool`](crate::TenantPool) is the pool over it; options of r2d2 are set on an
/// `r2d2::Builder<TenantManager>`, see [`TenancyBuilder::r2d2`](crate::TenancyBuilder::r2d2).
#[derive(Clone)]
pub struct TenantManager {
    database_url: String,
    on_connect: Option<OnConnect>,
}

impl TenantManager {
    pub(crate) fn new(database_url: &str, on_connect: Option<OnConnect>) -> Self {
        Self {
            database_url: database_url.to_owned(),
            on_connect,
        }
    }
}

impl ManageConnection for TenantManager {
    type Connection = ManagedConnection;
    type Error = Error;

    fn connect(&self) -> Result<ManagedConnection, Error> {
        let mut pg = PgConnection::establish(&self.database_url).map_err(Error::ConnectionError)?;
        if let Some(on_connect) = &self.on_connect {
            on_connect(&mut pg).map_err(Error::QueryError)?;
        }
        // Last, so that nothing which the application sets leaves a path behind.
        SearchPathCustomizer::fail_closed()
            .apply(&mut pg)
            .map_err(Error::QueryError)?;
        Ok(ManagedConnection::new(pg, self.on_connect.clone()))
    }

    /// Asks nothing: the message that sets the path also finds out whether the connection lives.
    fn is_valid(&self, _: &mut ManagedConnection) -> Result<(), Error> {
        Ok(())
    }

    fn has_broken(&self, conn: &mut ManagedConnection) -> bool {
        std::thread::panicking() || conn.must_be_closed()
    }
}

impl fmt::Debug for TenantManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL holds a password.
        f.debug_struct("TenantManager").finish_non_exhaustive()
    }
}
