//! [`TenantDb`] and [`PublicDb`]: connections, from async code.

use super::site::routed;
use crate::db::Databases;
use crate::{Error, Routed};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::sync::Arc;
use tenant_core::{SchemaName, TenantRef};
use tenant_diesel::{PublicConnection, ScopeError, TenantConnection};

/// Connections on the schema of the tenant whose site it is: a customer's, or a static tenant's.
///
/// ```
/// # include!("../docs/setup.rs");
/// use diesel::prelude::*;
/// use tenant_http::TenantDb;
///
/// async fn titles(db: TenantDb) -> Result<String, tenant_http::Error> {
///     let titles = db
///         .run(|conn| todo::tasks::table.select(todo::tasks::title).load::<String>(conn))
///         .await?;
///     Ok(titles.join("\n"))
/// }
/// # fn main() { let _ = axum::routing::get::<_, _, ()>(titles); }
/// ```
///
/// The closure runs on a thread for blocking work, so the runtime goes on with other requests; as many run at once as the
/// pool has connections, and who comes later waits without a thread. If the client goes away, a closure that runs is not
/// stopped: it ends, and its connection goes back.
#[derive(Clone, Debug)]
pub struct TenantDb {
    tenant: Arc<TenantRef>,
    databases: Databases,
}

impl TenantDb {
    /// Runs a closure on the tenant's schema: as
    /// [`Tenancy::with_schema`](tenant_diesel::Tenancy::with_schema).
    ///
    /// # Errors
    ///
    /// As there. [`PoolTimeout`](tenant_diesel::Error::PoolTimeout) where no connection came free in the pool's
    /// connection timeout; as a response, [`tenant_http::Error`](crate::Error) makes 503 of it.
    ///
    /// # Panics
    ///
    /// Where the closure does.
    pub async fn run<R, E>(
        &self,
        f: impl FnOnce(&mut TenantConnection) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E::Returned>
    where
        R: Send + 'static,
        E: ScopeError + Send + 'static,
        E::Returned: Send + 'static,
    {
        self.databases.in_tenant(Arc::clone(&self.tenant), false, f).await
    }

    /// Runs a closure on the tenant's schema, in one transaction: as
    /// [`Tenancy::transaction`](tenant_diesel::Tenancy::transaction).
    ///
    /// # Errors
    ///
    /// As there, and as [`TenantDb::run`].
    ///
    /// # Panics
    ///
    /// Where the closure does.
    pub async fn transaction<R, E>(
        &self,
        f: impl FnOnce(&mut TenantConnection) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E::Returned>
    where
        R: Send + 'static,
        E: ScopeError + Send + 'static,
        E::Returned: Send + 'static,
    {
        self.databases.in_tenant(Arc::clone(&self.tenant), true, f).await
    }

    /// The tenant, for a job: [`Tenancy::run_as`](tenant_diesel::Tenancy::run_as).
    #[must_use]
    pub fn tenant(&self) -> &TenantRef {
        &self.tenant
    }

    /// The tenant's schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        &self.tenant.schema
    }
}

impl<S: Sync> FromRequestParts<S> for TenantDb {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        let routed: &Routed = routed(parts)?;
        let tenant = routed.tenant().ok_or(Error::OtherSite {
            expected: "a tenant's",
        })?;
        Ok(Self {
            tenant: Arc::clone(tenant),
            databases: routed.databases.clone(),
        })
    }
}

/// Connections on the shared schema, at every kind of site.
#[derive(Clone, Debug)]
pub struct PublicDb(Databases);

impl PublicDb {
    /// Runs a closure on the shared schema: as [`Tenancy::with_public`](tenant_diesel::Tenancy::with_public), on a thread
    /// for blocking work.
    ///
    /// # Errors
    ///
    /// As there, and as [`TenantDb::run`].
    ///
    /// # Panics
    ///
    /// Where the closure does.
    pub async fn run<R, E>(
        &self,
        f: impl FnOnce(&mut PublicConnection) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E::Returned>
    where
        R: Send + 'static,
        E: ScopeError + Send + 'static,
        E::Returned: Send + 'static,
    {
        self.0.in_public(f).await
    }
}

impl<S: Sync> FromRequestParts<S> for PublicDb {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        Ok(Self(routed(parts)?.databases.clone()))
    }
}
