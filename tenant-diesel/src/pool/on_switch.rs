//! [`OnSwitch`]: what happens to prepared statements when a connection goes from one tenant to another.

/// What becomes of a connection's prepared statements when it goes from one tenant to another.
///
/// Statements name no schema: PostgreSQL reads them again under the new path. That works as long as the
/// tenants' columns have the same types, and with a statement for each tenant (the default, see
/// [`TenantPoolBuilder::statement_per_tenant`](crate::TenantPoolBuilder::statement_per_tenant)) also where they
/// have not. It never works for *custom types* (enums, domains, composite types) that were created in the tenants'
/// schemas: Diesel remembers their OIDs for the connection, and each tenant's are different. Create such types in a
/// shared schema, or extension schema, and say `#[diesel(postgres_type(schema = ".."))]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnSwitch {
    /// They are kept. The default, unless custom types are found in the schemas of tenants.
    #[default]
    Keep = 0,
    /// They are forgotten, and so is what Diesel knows of custom types, in the message that sets the path. Each
    /// query is prepared again by the next tenant.
    ClearStatements = 1,
    /// The connection is closed and a new one opened: nothing whatever is shared between two tenants' scopes. A
    /// nested scope stays on its connection, which then forgets its statements on the way in and out.
    ///
    /// Chosen, with a warning, when custom types are found in the schemas of tenants and the application has
    /// not chosen anything.
    Reconnect = 2,
}
