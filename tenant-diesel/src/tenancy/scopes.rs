//! A request: a connection on a tenant's schema, for the time of a closure or of a guard.

use crate::connection::{PublicConnection, TenantConnection, in_scope, in_transaction};
use crate::error::ScopeError;
use crate::model::TenantModel;
use crate::pool::Entry;
use crate::{Error, Tenancy};
use tenant_core::SchemaName;

impl<T: TenantModel> Tenancy<T> {
    /// Runs a closure on the schema of a tenant. Costs one round trip more than what the closure sends.
    ///
    /// Each statement of the closure is a transaction of its own, as always in Diesel; for one around all
    /// of them see [`Tenancy::transaction`], or call `conn.transaction` inside.
    ///
    /// # Errors
    ///
    /// Before the closure runs: [`Error::SchemaMissing`], [`Error::PoolTimeout`], [`Error::SetPath`]. Then
    /// what the closure returns (see [`ScopeError`] for the types), and [`Error::TransactionLeftOpen`]
    /// where it returned `Ok` inside an open transaction.
    pub fn with_tenant<R, E>(
        &self,
        tenant: &T,
        f: impl FnOnce(&mut TenantConnection) -> Result<R, E>,
    ) -> Result<R, E::Returned>
    where
        E: ScopeError,
    {
        self.with_schema(tenant.schema_name(), f)
    }

    /// The same as [`Tenancy::with_tenant`], by the name of the schema: for schemas of your own (`www`),
    /// and where the tenant's row is not at hand. Whether a tenant of this name exists is not asked.
    ///
    /// # Errors
    ///
    /// As there; and [`Error::ReservedName`] for the shared schema and those of extensions.
    pub fn with_schema<R, E>(
        &self,
        schema: &SchemaName,
        f: impl FnOnce(&mut TenantConnection) -> Result<R, E>,
    ) -> Result<R, E::Returned>
    where
        E: ScopeError,
    {
        in_scope(self.pool().tenant(schema).map_err(E::from_scope)?, f)
    }

    /// Runs a closure on the shared schema, which has no tenant's tables.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::with_tenant`].
    pub fn with_public<R, E>(
        &self,
        f: impl FnOnce(&mut PublicConnection) -> Result<R, E>,
    ) -> Result<R, E::Returned>
    where
        E: ScopeError,
    {
        in_scope(self.pool().public().map_err(E::from_scope)?, f)
    }

    /// Runs a closure on the schema of a tenant, in one transaction: committed if it returns `Ok`, rolled
    /// back otherwise. The schema is set in the message that begins the transaction, so this costs no more
    /// round trips than `BEGIN` and `COMMIT` themselves. `conn.transaction` inside makes savepoints.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::with_tenant`]; and [`Error::FailureIgnored`] where the closure ignored the error of a
    /// failed statement and returned `Ok`: the server has rolled back what it did.
    pub fn transaction<R, E>(
        &self,
        tenant: &T,
        f: impl FnOnce(&mut TenantConnection) -> Result<R, E>,
    ) -> Result<R, E::Returned>
    where
        E: ScopeError,
    {
        let begin = || {
            let target = self.pool().paths().tenant(tenant.schema_name())?;
            self.pool().checkout(target, Entry::Transaction)
        };
        in_transaction(TenantConnection::new(begin().map_err(E::from_scope)?), f)
    }

    /// A connection on the schema of a tenant, for code that cannot use a closure. It goes back to the pool
    /// when it is dropped.
    ///
    /// ```no_run
    /// use diesel::prelude::*;
    /// use tenant_diesel::prelude::*;
    /// # diesel::table! { tasks (id) { id -> Int8, title -> Text } }
    ///
    /// fn titles<T: TenantModel>(tenancy: &Tenancy<T>, tenant: &T) -> tenant_diesel::Result<Vec<String>> {
    ///     let mut conn = tenancy.get(tenant)?;
    ///     Ok(tasks::table.select(tasks::title).load(&mut conn)?)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::SchemaMissing`], [`Error::PoolTimeout`], [`Error::SetPath`].
    pub fn get(&self, tenant: &T) -> Result<TenantConnection, Error> {
        self.pool().tenant(tenant.schema_name())
    }

    /// A connection on the shared schema, for code that cannot use a closure.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::get`].
    pub fn get_public(&self) -> Result<PublicConnection, Error> {
        self.pool().public()
    }
}
