//! [`TenantLayer`]: how requests find their tenants.

use crate::HttpRequest;
use crate::db::Databases;
use crate::forwarded::Forwarding;
use crate::service::TenantService;
use axum::Router;
use std::fmt;
use std::sync::Arc;
use tenant_core::routing::Routing;
use tenant_diesel::{CachedDirectory, Tenancy, TenantDirectory, TenantModel};
use tokio::sync::Semaphore;
use tower_layer::Layer;

/// How many requests ask the database at once who is at their host. The others wait, as long as for a connection.
pub const LOOKUPS_AT_ONCE: usize = 8;

/// Routing over the tenants of a [`TenantDirectory`].
pub type HttpRouting<T> = Routing<Arc<T>, HttpRequest>;

/// A layer that finds out for whom a request is, says so to everything behind it, and answers itself where it is for
/// nobody. Around the router, not in it: the tenant's folder is taken from the path before a route is looked for.
/// [`TenantRouter::layer`](crate::TenantRouter::layer) puts it there.
///
/// For each request it
/// - decides by the [`Routing`]: from memory, or by one query on a thread for blocking work;
/// - opens a span `request` with the fields `tenant` and `host`;
/// - makes the tenant the [current](crate::current_tenant) one;
/// - takes the folder from the path (`axum::extract::OriginalUri` has all of it);
/// - redirects to the primary domain where that is asked for: 301, or 308 where the method must stay;
/// - answers 400, 403, 404 or 503 otherwise, in plain words.
pub struct TenantLayer<T> {
    pub(crate) shared: Arc<Shared<T>>,
}

pub(crate) struct Shared<T> {
    pub(crate) directory: TenantDirectory<T>,
    /// The same, which never asks.
    pub(crate) cached: CachedDirectory<T>,
    pub(crate) routing: HttpRouting<T>,
    pub(crate) databases: Databases,
    pub(crate) forwarding: Forwarding,
    pub(crate) not_found: Option<Router>,
    pub(crate) lookups: Arc<Semaphore>,
}

impl<T: TenantModel + Sync> TenantLayer<T> {
    /// A layer over a directory of the tenants. Connections come from the pool of the tenancy.
    #[must_use]
    pub fn new(tenancy: &Tenancy<T>, directory: TenantDirectory<T>, routing: HttpRouting<T>) -> Self {
        Self {
            shared: Arc::new(Shared {
                cached: directory.cached(),
                directory,
                routing,
                databases: Databases::new(tenancy),
                forwarding: Forwarding::Ignored,
                not_found: None,
                lookups: Arc::new(Semaphore::new(LOOKUPS_AT_ONCE)),
            }),
        }
    }

    /// Believes what the nearest proxy says of the host. Default: [`Forwarding::Ignored`].
    #[must_use]
    pub fn trusting(self, forwarding: Forwarding) -> Self {
        self.with(|shared| shared.forwarding = forwarding)
    }

    /// Who answers a request for a tenant that is not there, instead of a plain 404: a page that says so, or a search.
    /// Not for requests that name no host or a wrong one, which get 400.
    ///
    /// ```
    /// # include!("docs/setup.rs");
    /// use axum::Router;
    ///
    /// # fn layer(layer: tenant_http::TenantLayer<Client>) -> tenant_http::TenantLayer<Client> {
    /// layer.when_not_found(Router::new().fallback(|| async { (axum::http::StatusCode::NOT_FOUND, "Nobody lives here.") }))
    /// # }
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn when_not_found(self, router: Router) -> Self {
        self.with(|shared| shared.not_found = Some(router))
    }

    fn with(mut self, change: impl FnOnce(&mut Shared<T>)) -> Self {
        match Arc::get_mut(&mut self.shared) {
            Some(shared) => change(shared),
            None => tracing::warn!("a `TenantLayer` cannot be changed after it was cloned or used"),
        }
        self
    }
}

impl<T> TenantLayer<T> {
    /// The service, of a layer that is not needed any more.
    pub(crate) fn around<S>(self, inner: S) -> TenantService<S, T> {
        TenantService::new(inner, self.shared)
    }
}

impl<T> Clone for TenantLayer<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for TenantLayer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantLayer")
            .field("routing", &self.shared.routing)
            .field("forwarding", &self.shared.forwarding)
            .finish_non_exhaustive()
    }
}

impl<S, T> Layer<S> for TenantLayer<T> {
    type Service = TenantService<S, T>;

    fn layer(&self, inner: S) -> TenantService<S, T> {
        TenantService::new(inner, Arc::clone(&self.shared))
    }
}
