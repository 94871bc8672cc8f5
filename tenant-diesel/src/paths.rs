//! [`Paths`]: which path each kind of scope has. The one place where a path is chosen.

use crate::Error;
use tenant_core::registry::LIBRARY_SCHEMA;
use tenant_core::{SchemaName, SearchPath};

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
        let reserved_for = if schema.eq_ignore_case(&self.public) {
            "the shared schema"
        } else if self
            .extension_schemas
            .iter()
            .any(|other| schema.eq_ignore_case(other))
        {
            "extensions"
        } else if schema.as_str().eq_ignore_ascii_case(LIBRARY_SCHEMA) {
            "the library itself"
        } else {
            let mut path = SearchPath::of(schema, &self.extension_schemas);
            if self.public_behind_tenants {
                path = path.and_public_where_missing_tables_fall_through(&self.public);
            }
            return Ok(Target {
                schema: schema.clone(),
                path,
            });
        };
        Err(Error::ReservedName {
            schema: schema.clone(),
            reserved_for,
        })
    }

    /// The path of a tenant while it is migrated: never `public`, whatever the application asked for, so
    /// that a stray `DROP TABLE IF EXISTS` cannot reach a shared table.
    pub(crate) fn tenant_migrations(&self, schema: &SchemaName) -> Result<Target, Error> {
        let target = self.tenant(schema)?;
        Ok(Target {
            path: SearchPath::of(schema, &self.extension_schemas),
            ..target
        })
    }

    /// The path of the shared schema: itself, extensions, temporary objects.
    pub(crate) fn public(&self) -> Target {
        let path = SearchPath::of(&self.public, &self.extension_schemas);
        Target {
            schema: self.public.clone(),
            path,
        }
    }
}
