//! [`Check`]: what the doctor looks for.

use std::fmt;

/// What [`Tenancy::doctor`](crate::Tenancy::doctor) looks for. Its text is an id for machines: `row-without-schema`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Check {
    /// The table of the tenant model, or the library's own tables, are not there.
    NotMigrated,
    /// A row of the tenant model whose schema does not exist.
    RowWithoutSchema,
    /// A schema of the configuration that does not exist: a static tenant's, the reference schema, one of extensions.
    ConfiguredSchemaMissing,
    /// A schema that was a tenant's, and has no row.
    SchemaWithoutRow,
    /// A spare that nobody waits for.
    ForgottenSpare,
    /// What the library keeps of a schema that is neither there nor wanted.
    ForgottenRecord,
    /// A schema that came from the configuration, and is not in it any more.
    UnknownToConfiguration,
    /// A tenant whose last migration failed.
    FailedTenant,
    /// A tenant in a state that somebody was to end who is gone.
    StaleState,
    /// A row whose schema name no schema can have.
    InvalidName,
    /// A row whose schema is somebody else's: the shared one, one of extensions, a static tenant's.
    ReservedName,
    /// Rows that name one schema.
    DuplicateRows,
    /// Names that differ in case only.
    CollidingNames,
    /// Nothing in the database keeps two rows from naming one schema.
    NoUniqueConstraint,
    /// A table of a tenant app in the shared schema.
    TenantTableInPublic,
    /// A table of a shared app in a tenant's schema.
    SharedTableInTenant,
    /// A custom type in a tenant's schema.
    TypeInTenant,
    /// An extension in the shared schema or a tenant's.
    ExtensionInWrongPlace,
    /// A role with the name of a tenant's schema.
    RoleNamedAsSchema,
    /// A schema or table that the role which migrates does not own.
    ForeignOwner,
    /// A schema that this role may not use.
    MissingGrants,
    /// The library's own table, which not every role can read that needs it.
    LibraryGrants,
    /// A pooler that is not what the pool was told.
    WrongPoolMode,
    /// A `search_path` of a role or of the database that names a tenant or the shared schema.
    SearchPathSetting,
    /// An index that was never finished.
    InvalidIndex,
    /// A ledger with a version that no app has.
    UnknownVersion,
    /// A run of migrations that did not end, or failed.
    UnfinishedRun,
    /// A prepared transaction that nobody ends.
    PreparedTransaction,
}

impl Check {
    /// All of them, in the order in which they are done.
    pub const ALL: [Self; 28] = [
        Self::NotMigrated,
        Self::RowWithoutSchema,
        Self::ConfiguredSchemaMissing,
        Self::SchemaWithoutRow,
        Self::ForgottenSpare,
        Self::ForgottenRecord,
        Self::UnknownToConfiguration,
        Self::FailedTenant,
        Self::StaleState,
        Self::InvalidName,
        Self::ReservedName,
        Self::DuplicateRows,
        Self::CollidingNames,
        Self::NoUniqueConstraint,
        Self::TenantTableInPublic,
        Self::SharedTableInTenant,
        Self::TypeInTenant,
        Self::ExtensionInWrongPlace,
        Self::RoleNamedAsSchema,
        Self::ForeignOwner,
        Self::MissingGrants,
        Self::LibraryGrants,
        Self::WrongPoolMode,
        Self::SearchPathSetting,
        Self::InvalidIndex,
        Self::UnknownVersion,
        Self::UnfinishedRun,
        Self::PreparedTransaction,
    ];

    /// The id, for machines.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::NotMigrated => "not-migrated",
            Self::RowWithoutSchema => "row-without-schema",
            Self::ConfiguredSchemaMissing => "configured-schema-missing",
            Self::SchemaWithoutRow => "schema-without-row",
            Self::ForgottenSpare => "forgotten-spare",
            Self::ForgottenRecord => "forgotten-record",
            Self::UnknownToConfiguration => "unknown-to-configuration",
            Self::FailedTenant => "failed-tenant",
            Self::StaleState => "stale-state",
            Self::InvalidName => "invalid-name",
            Self::ReservedName => "reserved-name",
            Self::DuplicateRows => "duplicate-rows",
            Self::CollidingNames => "colliding-names",
            Self::NoUniqueConstraint => "no-unique-constraint",
            Self::TenantTableInPublic => "tenant-table-in-public",
            Self::SharedTableInTenant => "shared-table-in-tenant",
            Self::TypeInTenant => "type-in-tenant",
            Self::ExtensionInWrongPlace => "extension-in-wrong-place",
            Self::RoleNamedAsSchema => "role-named-as-schema",
            Self::ForeignOwner => "foreign-owner",
            Self::MissingGrants => "missing-grants",
            Self::LibraryGrants => "library-grants",
            Self::WrongPoolMode => "wrong-pool-mode",
            Self::SearchPathSetting => "search-path-setting",
            Self::InvalidIndex => "invalid-index",
            Self::UnknownVersion => "unknown-version",
            Self::UnfinishedRun => "unfinished-run",
            Self::PreparedTransaction => "prepared-transaction",
        }
    }

    /// The check with this id.
    ///
    /// ```
    /// use tenant_diesel::Check;
    ///
    /// assert_eq!(Check::from_id("stale-state"), Some(Check::StaleState));
    /// assert_eq!(Check::from_id("no-such-check"), None);
    /// ```
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.id() == id)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Check {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
