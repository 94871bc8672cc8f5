//! [`Reserved`]: names that no tenant can have.

use crate::SchemaName;
use std::fmt;

/// The name of the shared schema unless the application chooses another: PostgreSQL's own default.
pub const DEFAULT_PUBLIC_SCHEMA: &str = "public";

/// The schema that the library keeps for itself. No tenant can have this name.
pub const LIBRARY_SCHEMA: &str = "tenancy";

/// What the names of spares start with: schemas that are built before their tenant is born. No tenant can
/// have such a name.
pub const SPARE_PREFIX: &str = "tenancy_spare_";

/// What a name is reserved for. Names are compared without case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reserved {
    /// It is the shared schema.
    Public,
    /// It is a schema that holds extensions.
    Extensions,
    /// It is a static name of the application.
    StaticName,
    /// It is the reference schema, which is kept migrated, to be cloned.
    Reference,
    /// It belongs to the library: [`LIBRARY_SCHEMA`], or a name that starts with [`SPARE_PREFIX`].
    Library,
}

impl Reserved {
    /// What a name is reserved for by the schemas that every path is made of, and by the library.
    #[must_use]
    pub fn by_paths(
        name: &SchemaName,
        public: &SchemaName,
        extension_schemas: &[SchemaName],
    ) -> Option<Self> {
        let lower = name.as_str().to_ascii_lowercase();
        if name.eq_ignore_case(public) {
            Some(Self::Public)
        } else if extension_schemas.iter().any(|other| name.eq_ignore_case(other)) {
            Some(Self::Extensions)
        } else if lower == LIBRARY_SCHEMA || lower.starts_with(SPARE_PREFIX) {
            Some(Self::Library)
        } else {
            None
        }
    }
}

impl fmt::Display for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "the shared schema",
            Self::Extensions => "extensions",
            Self::StaticName => "a static name of the application",
            Self::Reference => "the reference schema",
            Self::Library => "the library itself",
        })
    }
}
