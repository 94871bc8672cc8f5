//! [`Event`]: what a handler is told.

use super::Moment;
use crate::connection::TenantConnection;
use std::fmt;
use tenant_core::SchemaName;

/// What a handler is told: the moment, the schema, and what belongs to the moment (see [`Moment`]).
pub struct Event<'e> {
    moment: Moment,
    schema: &'e SchemaName,
    version: Option<&'e str>,
    other_name: Option<&'e SchemaName>,
    connection: Option<&'e mut TenantConnection>,
}

impl<'e> Event<'e> {
    pub(crate) fn new(moment: Moment, schema: &'e SchemaName) -> Self {
        Self {
            moment,
            schema,
            version: None,
            other_name: None,
            connection: None,
        }
    }

    /// Of a migration of this version.
    pub(crate) fn version_is(mut self, version: &'e str) -> Self {
        self.version = Some(version);
        self
    }

    pub(crate) fn other_name_is(mut self, name: &'e SchemaName) -> Self {
        self.other_name = Some(name);
        self
    }

    pub(crate) fn on(mut self, connection: &'e mut TenantConnection) -> Self {
        self.connection = Some(connection);
        self
    }

    /// When it is.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// The schema: a tenant's, or in migrations also the shared one. As it is called now.
    #[must_use]
    pub fn schema(&self) -> &'e SchemaName {
        self.schema
    }

    /// The version of the migration, at [`Moment::ApplyingMigration`] and [`Moment::AppliedMigration`].
    #[must_use]
    pub fn version(&self) -> Option<&'e str> {
        self.version
    }

    /// The other name of the schema: at [`Moment::Renaming`] the one that it will have, at [`Moment::Renamed`] the one
    /// that it had.
    #[must_use]
    pub fn other_name(&self) -> Option<&'e SchemaName> {
        self.other_name
    }

    /// The connection that the act is done on, on the tenant's schema and in the open transaction: what a handler
    /// writes with it is there if the act is, and not otherwise. `None` where there is no such transaction, and always
    /// in handlers that run after the commit.
    pub fn connection(&mut self) -> Option<&mut TenantConnection> {
        self.connection.as_deref_mut()
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("moment", &self.moment)
            .field("schema", &self.schema)
            .field("version", &self.version)
            .field("other_name", &self.other_name)
            .finish_non_exhaustive()
    }
}
