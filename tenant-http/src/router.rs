//! [`TenantRouter`]: other routes for the public site, for customers, and for each static tenant.

use crate::Error;
use crate::TenantService;
use crate::layer::TenantLayer;
use crate::routed::{Routed, RoutedKind};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tenant_diesel::TenantModel;
use tower_service::Service;

/// Routes by the kind of site: one router for the public site, one for all customers, and one for each kind of static
/// tenant ([`StaticTenant::routes`](tenant_core::StaticTenant::routes), which is its name unless it says otherwise). What
/// has no router is not found.
///
/// ```
/// # include!("docs/setup.rs");
/// use axum::{Router, routing::get};
/// use tenant_http::{Tenant, TenantLayer, TenantRouter};
///
/// async fn tasks(Tenant(client): Tenant<Client>) -> String {
///     format!("The tasks of {}", client.name)
/// }
///
/// fn app(layer: TenantLayer<Client>) -> Router {
///     TenantRouter::new()
///         .public(Router::new().route("/", get(|| async { "Become a customer" })))
///         .tenant(Router::new().route("/", get(tasks)))
///         .static_tenant("blog", Router::new().route("/", get(|| async { "News" })))
///         .layer(layer)
///         // Beside the tenants, so that it needs no host: a load balancer asks here.
///         .route("/healthz", get(|| async { "well" }))
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "routes do nothing without `layer` or `into_service`"]
pub struct TenantRouter {
    routers: Arc<Routers>,
}

#[derive(Clone, Debug, Default)]
struct Routers {
    public: Option<Router>,
    tenant: Option<Router>,
    of_kinds: HashMap<String, Router>,
}

impl TenantRouter {
    /// No routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The routes of the public site.
    pub fn public(self, router: Router) -> Self {
        self.with(|routers| routers.public = Some(router))
    }

    /// The routes of every customer.
    pub fn tenant(self, router: Router) -> Self {
        self.with(|routers| routers.tenant = Some(router))
    }

    /// The routes of static tenants of a kind.
    pub fn static_tenant(self, kind: impl Into<String>, router: Router) -> Self {
        self.with(|routers| {
            routers.of_kinds.insert(kind.into(), router);
        })
    }

    fn with(mut self, change: impl FnOnce(&mut Routers)) -> Self {
        change(Arc::make_mut(&mut self.routers));
        self
    }

    /// Puts the layer around the routes, and makes a router of both. Routes that are added to that are beside the tenants:
    /// no host is asked for, and no tenant found.
    pub fn layer<T: TenantModel + Sync>(self, layer: TenantLayer<T>) -> Router {
        Router::new().fallback_service(layer.around(self))
    }

    /// The same, for who has no routes beside the tenants: without a router around, each request is looked up in one router
    /// and not in two.
    ///
    /// ```
    /// # include!("docs/setup.rs");
    /// use axum::ServiceExt;
    /// use axum::extract::Request;
    /// use tenant_http::{TenantLayer, TenantRouter};
    ///
    /// async fn serve(
    ///     listener: impl axum::serve::Listener<Addr: std::fmt::Debug>,
    ///     router: TenantRouter,
    ///     layer: TenantLayer<Client>,
    /// ) -> std::io::Result<()> {
    ///     let app = router.into_service(layer);
    ///     axum::serve(listener, ServiceExt::<Request>::into_make_service(app)).await
    /// }
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn into_service<T: TenantModel + Sync>(self, layer: TenantLayer<T>) -> TenantService<Self, T> {
        layer.around(self)
    }

    fn of(&self, kind: &RoutedKind) -> Option<&Router> {
        match kind {
            RoutedKind::Public => self.routers.public.as_ref(),
            RoutedKind::Tenant => self.routers.tenant.as_ref(),
            RoutedKind::Static(site) => self.routers.of_kinds.get(site.kind_of_routes()),
        }
    }
}

impl Service<Request<Body>> for TenantRouter {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut router = match request.extensions().get::<Routed>() {
            Some(routed) => self.of(routed.kind()).cloned().unwrap_or_else(without_routes),
            None => not_routed(),
        };
        router.call(request)
    }
}

/// For a kind of site that has no router.
fn without_routes() -> Router {
    Router::new().fallback(|| async {
        Error::OtherSite {
            expected: "one of a kind of site that has routes",
        }
    })
}

/// Where there is no layer around.
fn not_routed() -> Router {
    Router::new().fallback(|| async { Error::NotRouted })
}
