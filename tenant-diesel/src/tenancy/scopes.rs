//! A request: a connection on a tenant's schema, for the time of a closure or of a guard.

use crate::connection::{PublicConnection, TenantConnection, in_scope, in_transaction};
use crate::error::ScopeError;
use crate::model::TenantModel;
use crate::pool::Entry;
use crate::{Error, Tenancy};
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use tenant_core::SchemaName;

impl<T: TenantModel> Tenancy<T> {
    /// Runs a closure on the schema of a tenant. Costs at most one round trip more than what the closure sends, and none
    /// where an idle connection is on the tenant's path already.
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
        if self.pool().is_behind_pooler() {
            return self.transaction_in_schema(schema, f);
        }
        let conn = self.entered(self.pool().tenant(schema)).map_err(E::from_scope)?;
        in_scope(conn, f)
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
        let explained = |error| E::from_scope(self.explained_to_users(error));
        let result = if self.pool().is_behind_pooler() {
            let lease = self
                .pool()
                .checkout(self.pool().paths().public(), Entry::Transaction);
            in_transaction(PublicConnection::new(lease.map_err(explained)?), f)
        } else {
            in_scope(self.pool().public().map_err(explained)?, f)
        };
        result.map_err(|error| E::explained(error, |error| self.explained_to_users(error)))
    }

    /// Runs a closure on the schema of a tenant, in one transaction: committed if it returns `Ok`, rolled
    /// back otherwise. The schema is set in the message that begins the transaction, so this costs no more
    /// round trips than `BEGIN` and `COMMIT` themselves. `conn.transaction` inside makes savepoints.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # let acme = tenancy.create(new_client("acme")?)?;
    /// use tenant_diesel::Error;
    ///
    /// let insert = |conn: &mut TenantConnection| {
    ///     diesel::insert_into(todo::tasks::table).values(todo::tasks::title.eq("call Bob")).execute(conn)
    /// };
    /// tenancy.transaction(&acme, insert)?;
    /// let ignored = tenancy.transaction(&acme, |conn| {
    ///     let _ignored = diesel::sql_query("SELECT nonsense").execute(conn);
    ///     QueryResult::Ok(())
    /// });
    /// assert!(matches!(ignored, Err(Error::FailureIgnored { .. })));
    /// # Ok(()) }
    /// ```
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
        self.transaction_in_schema(tenant.schema_name(), f)
    }

    /// The same as [`Tenancy::transaction`], by the name of the schema, as in [`Tenancy::with_schema`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn transaction_in_schema<R, E>(
        &self,
        schema: &SchemaName,
        f: impl FnOnce(&mut TenantConnection) -> Result<R, E>,
    ) -> Result<R, E::Returned>
    where
        E: ScopeError,
    {
        let begin = || {
            let target = self.pool().paths().tenant(schema)?;
            self.pool().checkout(target, Entry::Transaction)
        };
        let lease = self.entered(begin()).map_err(E::from_scope)?;
        let mut conn = TenantConnection::new(lease);
        if let Err(error) = self.events().activated(schema) {
            // If this fails, the pool closes the connection, and the server rolls back.
            let _closed_then = AnsiTransactionManager::rollback_transaction(&mut conn);
            return Err(E::from_scope(error));
        }
        in_transaction(conn, f)
    }

    /// A connection on the schema of a tenant, for code that cannot use a closure. It goes back to the pool
    /// when it is dropped.
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # let acme = tenancy.create(new_client("acme")?)?;
    /// let mut conn = tenancy.get(&acme)?;
    /// assert_eq!(conn.current_schema()?, Some(SchemaName::new("acme")?));
    /// let titles = todo::tasks::table.select(todo::tasks::title).load::<String>(&mut conn)?;
    /// # assert!(titles.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::SchemaMissing`], [`Error::PoolTimeout`], [`Error::SetPath`].
    pub fn get(&self, tenant: &T) -> Result<TenantConnection, Error> {
        self.entered(self.pool().tenant(tenant.schema_name()))
    }

    /// A connection on the shared schema, for code that cannot use a closure.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::get`].
    pub fn get_public(&self) -> Result<PublicConnection, Error> {
        self.pool()
            .public()
            .map_err(|error| self.explained_to_users(error))
    }
}
