//! [`TenantManager`]: how r2d2 opens a connection, and which ones it must close.

use super::metrics::count;
use super::physical::Physical;
use super::shelf::Shelf;
use crate::pool::ManagedConnection;
use diesel::ConnectionError;
use diesel::r2d2::{Error, ManageConnection};
use std::fmt;
use std::sync::Arc;

const SHARED: &str = "a pooler in transaction mode stands in between";

/// Opens connections that see no table until they are given a schema, and closes those that cannot be
/// proved clean. [`TenantPool`](crate::TenantPool) is the pool over it; options of r2d2 are set on an
/// `r2d2::Builder<TenantManager>`, see [`TenancyBuilder::r2d2`](crate::TenancyBuilder::r2d2).
#[derive(Clone)]
pub struct TenantManager(pub(crate) Arc<Shelf>);

impl TenantManager {
    /// Opens a connection that nobody else knows of.
    pub(crate) fn open(&self) -> Result<Box<Physical>, Error> {
        let opened = self.0.way().map_err(Error::ConnectionError).and_then(|way| {
            if way.is_shared {
                // Before anything is set in a session that is not ours.
                let refused = ConnectionError::BadConnection(SHARED.to_owned());
                return Err(Error::ConnectionError(refused));
            }
            Physical::open(&self.0.options, way, &self.0.counters)
        });
        let counters = &self.0.counters;
        count(match &opened {
            Ok(_) => &counters.opened,
            Err(_) => &counters.open_failures,
        });
        Ok(Box::new(opened?))
    }
}

impl ManageConnection for TenantManager {
    type Connection = ManagedConnection;
    type Error = Error;

    fn connect(&self) -> Result<ManagedConnection, Error> {
        match self.open() {
            Ok(physical) => {
                self.0.put_new(physical);
                Ok(ManagedConnection::new(Arc::clone(&self.0)))
            }
            Err(error) => {
                self.0.could_not_open();
                Err(error)
            }
        }
    }

    /// Asks nothing: the message that sets the path also finds out whether the connection lives, and where none
    /// is sent, it is looked at before the first statement.
    fn is_valid(&self, _: &mut ManagedConnection) -> Result<(), Error> {
        Ok(())
    }

    fn has_broken(&self, conn: &mut ManagedConnection) -> bool {
        conn.give_back()
    }
}

impl fmt::Debug for TenantManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL holds a password.
        f.debug_struct("TenantManager").finish_non_exhaustive()
    }
}
