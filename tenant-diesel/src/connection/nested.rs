//! Scopes inside scopes: the inner one borrows the physical connection of the outer, which gets it back
//! with its own path, whatever happened inside.

use super::{PublicConnection, Scope, ScopedConnection, TenantConnection};
use crate::Error;
use crate::error::ScopeError;
use crate::paths::Target;
use tenant_core::{SchemaName, Tenant};

impl<S: Scope> ScopedConnection<S> {
    /// Runs a closure on the schema of a tenant, on this same physical connection (and inside its open
    /// transaction, if there is one), then comes back to this scope. Nests to any depth.
    ///
    /// Costs one round trip to go and one to come back; none if the schema is the same. The connection is the outer
    /// scope's: it does not count for the inner tenant's
    /// [`max_connections`](crate::TenantLimits::max_connections).
    ///
    /// ```
    /// # include!("../docs/setup.rs");
    /// fn copy_titles(conn: &mut TenantConnection, to: &customers::Client) -> tenant_diesel::Result<usize> {
    ///     let titles = todo::tasks::table.select(todo::tasks::title).load::<String>(conn)?;
    ///     let rows: Vec<_> = titles.iter().map(|title| todo::tasks::title.eq(title)).collect();
    ///     conn.with_tenant(to, |conn| diesel::insert_into(todo::tasks::table).values(rows).execute(conn))
    /// }
    /// # fn main() -> Result<()> {
    /// # let (tenancy, _database) = tenancy()?;
    /// # let acme = tenancy.create(new_client("acme")?)?;
    /// # let globex = tenancy.create(new_client("globex")?)?;
    /// # tenancy.with_tenant(&acme, |conn| {
    /// #     diesel::insert_into(todo::tasks::table).values(todo::tasks::title.eq("call Bob")).execute(conn)
    /// # })?;
    /// # assert_eq!(tenancy.with_tenant(&acme, |conn| copy_titles(conn, &globex))?, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::SchemaMissing`] before the closure runs; then those of the closure. See [`ScopeError`].
    pub fn with_tenant<T, R, E>(
        &mut self,
        tenant: &T,
        f: impl FnOnce(&mut TenantConnection) -> Result<R, E>,
    ) -> Result<R, E::Returned>
    where
        T: Tenant + ?Sized,
        E: ScopeError,
    {
        self.with_schema(tenant.schema_name(), f)
    }

    /// The same as [`with_tenant`](Self::with_tenant), by the name of the schema.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn with_schema<R, E>(
        &mut self,
        schema: &SchemaName,
        f: impl FnOnce(&mut TenantConnection) -> Result<R, E>,
    ) -> Result<R, E::Returned>
    where
        E: ScopeError,
    {
        let target = self.lease().paths().tenant(schema).map_err(E::from_scope)?;
        let is_another = self.schema() != schema;
        let activated = |conn: &mut TenantConnection| match is_another {
            true => conn.lease().paths().events.activated(schema),
            false => Ok(()),
        };
        self.nested_after(target, activated, f)
    }

    /// Runs a closure on the shared schema, then comes back to this scope; else as
    /// [`with_tenant`](Self::with_tenant).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn with_public<R, E>(
        &mut self,
        f: impl FnOnce(&mut PublicConnection) -> Result<R, E>,
    ) -> Result<R, E::Returned>
    where
        E: ScopeError,
    {
        let target = self.lease().paths().public();
        self.nested(target, f)
    }

    pub(crate) fn nested<N, R, E>(
        &mut self,
        target: Target,
        f: impl FnOnce(&mut ScopedConnection<N>) -> Result<R, E>,
    ) -> Result<R, E::Returned>
    where
        N: Scope,
        E: ScopeError,
    {
        self.nested_after(target, |_| Ok(()), f)
    }

    fn nested_after<N, R, E>(
        &mut self,
        target: Target,
        first: impl FnOnce(&mut ScopedConnection<N>) -> Result<(), Error>,
        f: impl FnOnce(&mut ScopedConnection<N>) -> Result<R, E>,
    ) -> Result<R, E::Returned>
    where
        N: Scope,
        E: ScopeError,
    {
        let mut nested = Nested::enter(self, target).map_err(E::from_scope)?;
        first(&mut nested.inner).map_err(E::from_scope)?;
        let result = f(&mut nested.inner);
        nested.leave();
        result.map_err(E::returned)
    }
}

/// An inner scope. Dropping it (at the end, or while a panic unwinds) gives the connection back.
struct Nested<'outer, S: Scope, N: Scope> {
    outer: &'outer mut ScopedConnection<S>,
    inner: ScopedConnection<N>,
    outer_target: Target,
}

impl<'outer, S: Scope, N: Scope> Nested<'outer, S, N> {
    fn enter(outer: &'outer mut ScopedConnection<S>, target: Target) -> Result<Self, Error> {
        // Else what is believed below of "the same path" could be wrong.
        outer.ready().map_err(Error::from)?;
        let lease = outer.lease_mut();
        if lease.target != target {
            // If this fails, the path is not known, and the outer scope sets its own before its next statement.
            lease.go_to(&target)?;
        }
        let outer_target = std::mem::replace(&mut lease.target, target);
        let inner = ScopedConnection {
            lease: outer.lease.take(),
            scope: std::marker::PhantomData,
        };
        Ok(Self {
            outer,
            inner,
            outer_target,
        })
    }

    /// Restores the path of the outer scope now. Where that cannot be (in a failed transaction), the path
    /// is not known, and is set before the next statement.
    fn leave(mut self) {
        let lease = self.inner.lease_mut();
        let is_there = lease.session.path_is_known() && lease.target == self.outer_target;
        if !is_there {
            let outer_target = self.outer_target.clone();
            let _unknown_then = lease.set_path(&outer_target);
        }
        lease.target = self.outer_target.clone();
    }
}

impl<S: Scope, N: Scope> Drop for Nested<'_, S, N> {
    fn drop(&mut self) {
        if let Some(mut lease) = self.inner.lease.take() {
            if lease.target != self.outer_target {
                lease.session.forget_path();
                lease.target = self.outer_target.clone();
            }
            self.outer.lease = Some(lease);
        }
    }
}
