//! What happens to a tenant later: its row changes.

use super::isolation;
use crate::model::{TenantChanges, TenantModel};
use crate::{Error, Tenancy};
use diesel::prelude::*;

impl<T: TenantModel> Tenancy<T> {
    /// Changes the row of a tenant, and gives it back as it is now. The tenant's data is not touched.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # let acme = tenancy.create(new_client("acme")?)?;
    /// let acme = tenancy.update(&acme, customers::clients::on_trial.eq(false))?;
    /// assert!(!acme.on_trial);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::SchemaNameDiffers`] where the change would give it another schema, or the row has another
    /// one than `tenant`; [`Error::TenantMissing`]; [`Error::Attempt`] where the server refused. In each case nothing
    /// was changed.
    pub fn update<C: TenantChanges<T>>(&self, tenant: &T, changes: C) -> Result<T, Error> {
        let schema = tenant.schema_name();
        let updated = self.with_public(|conn| {
            isolation::read_committed(conn, |conn| {
                let updated = changes.update(conn, &tenant.key());
                let updated = updated
                    .optional()
                    .map_err(Error::attempt("update the tenant", schema))?;
                let updated = same_schema(tenant, updated)?;
                self.tell_directories_on(conn, schema)?;
                Ok(updated)
            })
        });
        self.tell_directories(schema);
        self.explained(updated)
    }
}

/// The row as it was found, if it is the one that the caller means.
pub(super) fn same_schema<T: TenantModel>(expected: &T, found: Option<T>) -> Result<T, Error> {
    let schema = expected.schema_name();
    match found {
        None => Err(Error::TenantMissing {
            schema: schema.clone(),
        }),
        Some(found) if found.schema_name() != schema => Err(Error::SchemaNameDiffers {
            expected: schema.clone(),
            found: found.schema_name().clone(),
        }),
        Some(found) => Ok(found),
    }
}
