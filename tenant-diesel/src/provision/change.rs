//! What happens to a tenant later: its row changes, or it goes, with or without its schema.

use super::{isolation, names};
use crate::connection::PublicConnection;
use crate::migrate::lock::{session_lock, session_unlock, transaction_lock};
use crate::model::{TenantChanges, TenantModel};
use crate::{Error, Tenancy};
use diesel::prelude::*;
use tenant_core::SchemaName;

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
                same_schema(tenant, updated)
            })
        });
        self.explained(updated)
    }

    /// Deletes a tenant: its row, and its schema with all data in it if the model says
    /// `auto_drop_schema = true`. Both or neither.
    ///
    /// # Errors
    ///
    /// [`Error::TenantMissing`], [`Error::SchemaNameDiffers`], [`Error::Attempt`] where the server refused.
    /// In each case nothing was changed.
    pub fn delete(&self, tenant: &T) -> Result<(), Error> {
        self.delete_and(tenant, T::AUTO_DROP_SCHEMA)
    }

    /// Deletes a tenant with its schema and all data in it, whatever the model says. Both or neither. A
    /// schema that is missing is no error.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # let acme = tenancy.create(new_client("acme")?)?;
    /// tenancy.delete_with_schema(&acme)?;
    /// assert!(!tenancy.schema_exists(&acme.schema_name)?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Tenancy::delete`].
    pub fn delete_with_schema(&self, tenant: &T) -> Result<(), Error> {
        self.delete_and(tenant, true)
    }

    /// Drops the schema of a tenant with all data in it, and leaves its row. False if it did not exist.
    ///
    /// # Errors
    ///
    /// [`Error::ReservedName`] for the shared schema and the like, [`Error::Attempt`] where the server
    /// refused.
    pub fn drop_schema(&self, tenant: &T) -> Result<bool, Error> {
        let schema = tenant.schema_name();
        let dropped = self.with_public(|conn| {
            locked(conn, schema, |conn| {
                isolation::read_committed(conn, |conn| self.drop_locked(conn, schema))
            })
        });
        self.pool().shelf().verify_all();
        dropped
    }

    fn delete_and(&self, tenant: &T, drop: bool) -> Result<(), Error> {
        let schema = tenant.schema_name();
        let deleted = self.with_public(|conn| {
            // First of all, as a migration does: in the other order each could wait for the other.
            locked(conn, schema, |conn| {
                isolation::read_committed(conn, |conn| {
                    let row =
                        T::find(conn, &tenant.key()).map_err(Error::attempt("read the tenant", schema))?;
                    same_schema(tenant, row)?;
                    // The schema first: its tables may refer to the row.
                    if drop {
                        self.drop_locked(conn, schema)?;
                    }
                    let deleted = T::delete_row(conn, &tenant.key())
                        .map_err(Error::attempt("delete the tenant", schema))?;
                    same_schema(tenant, deleted)?;
                    Ok(())
                })
            })
        });
        // Now that it is committed: connections that are on its path must not be believed to be anywhere.
        self.pool().shelf().verify_all();
        self.explained(deleted)
    }

    fn drop_locked(&self, conn: &mut PublicConnection, schema: &SchemaName) -> Result<bool, Error> {
        names::not_reserved(self.registry(), schema)?;
        let pg = conn.raw();
        let existed =
            names::schema_exists(pg, schema).map_err(Error::attempt("look for the schema", schema))?;
        if existed {
            diesel::sql_query(format!("DROP SCHEMA {} CASCADE", schema.quoted()))
                .execute(pg)
                .map_err(Error::attempt("drop the schema", schema))?;
        }
        self.records()
            .ensure(pg)
            .and_then(|()| self.records().remove(pg, schema))
            .map_err(Error::attempt("note that the schema is gone", schema))?;
        Ok(existed)
    }
}

/// Runs a closure under the lock of the schema: on a connection without a transaction, or, behind a pooler, in the
/// one that its scope is.
fn locked<R>(
    conn: &mut PublicConnection,
    schema: &SchemaName,
    f: impl FnOnce(&mut PublicConnection) -> Result<R, Error>,
) -> Result<R, Error> {
    let failed = Error::attempt("take the lock of the schema", schema);
    if conn.lease_mut().is_behind_pooler() {
        transaction_lock(conn.raw(), schema).map_err(failed)?;
        return f(conn);
    }
    session_lock(conn.raw(), schema).map_err(failed)?;
    let result = f(conn);
    if !session_unlock(conn.raw(), schema).unwrap_or(false) {
        // Closing the connection gives the lock back.
        conn.lease_mut().session.discard();
    }
    result
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
