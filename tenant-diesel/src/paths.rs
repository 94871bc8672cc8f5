//! [`Paths`]: which path each kind of scope has. The one place where a path is chosen.

use crate::Error;
use tenant_core::{Reserved, SchemaName, SearchPath};

/// The configured schemas that every path is made of.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) public: SchemaName,
    pub(crate) extension_schemas: Vec<SchemaName>,
    pub(crate) public_behind_tenants: bool,
}

/// A schema to work in, with the path that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) schema: SchemaName,
    pub(crate) path: SearchPath,
}

impl Paths {
    /// The path of a tenant: its schema, extensions, temporary objects.
    ///
    /// Refuses what can never be a tenant's schema: the shared one, extensions, the library's own. Else a
    /// `TenantConnection` could be had on `public`.
    pub(crate) fn tenant(&self, schema: &SchemaName) -> Result<Target, Error> {
        if let Some(reserved_for) = Reserved::by_paths(schema, &self.public, &self.extension_schemas) {
            return Err(Error::ReservedName {
                schema: schema.clone(),
                reserved_for,
            });
        }
        let mut target = self.alone(schema);
        if self.public_behind_tenants {
            target.path = target
                .path
                .and_public_where_missing_tables_fall_through(&self.public);
        }
        Ok(target)
    }

    /// The path of a tenant while it is migrated: never `public`, whatever the application asked for, so
    /// that a stray `DROP TABLE IF EXISTS` cannot reach a shared table.
    pub(crate) fn tenant_migrations(&self, schema: &SchemaName) -> Result<Target, Error> {
        self.tenant(schema)?;
        Ok(self.alone(schema))
    }

    /// The path of a spare while it is built: as of a tenant while it is migrated.
    pub(crate) fn spare(&self, schema: &SchemaName) -> Target {
        self.alone(schema)
    }

    /// The path of the shared schema: itself, extensions, temporary objects.
    pub(crate) fn public(&self) -> Target {
        self.alone(&self.public)
    }

    fn alone(&self, schema: &SchemaName) -> Target {
        Target {
            schema: schema.clone(),
            path: SearchPath::of(schema, &self.extension_schemas),
        }
    }
}
