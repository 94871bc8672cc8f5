//! [`Tenant`]: what makes a model a tenant.

use crate::SchemaName;

/// A customer whose data is one schema. `#[derive(Tenant)]` writes this for a Diesel model:
///
/// ```
/// use tenant_core::{SchemaName, Tenant};
///
/// struct Client { id: i32, schema: SchemaName }
///
/// impl Tenant for Client {
///     fn schema_name(&self) -> &SchemaName { &self.schema }
/// }
/// assert!(Client::AUTO_CREATE_SCHEMA && !Client::AUTO_DROP_SCHEMA);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tenant",
    label = "not a tenant",
    note = "derive it: `#[derive(Tenant)]` on the Diesel model that has the column `schema_name`; to run in a schema by name, use `with_schema(&SchemaName, ..)`"
)]
pub trait Tenant {
    /// Whether inserting a tenant also creates its schema. Default: true.
    const AUTO_CREATE_SCHEMA: bool = true;

    /// Whether deleting a tenant also drops its schema. Default: false, for data is not to be lost by
    /// a `DELETE`.
    const AUTO_DROP_SCHEMA: bool = false;

    /// The schema that holds this tenant's data.
    fn schema_name(&self) -> &SchemaName;
}

impl<T: Tenant> Tenant for &T {
    const AUTO_CREATE_SCHEMA: bool = T::AUTO_CREATE_SCHEMA;
    const AUTO_DROP_SCHEMA: bool = T::AUTO_DROP_SCHEMA;

    fn schema_name(&self) -> &SchemaName {
        T::schema_name(self)
    }
}
