//! [`TenantService`]: one request, from its host to its answer.

use crate::HttpRequest;
use crate::answering::Answering;
use crate::current::TenantContext;
use crate::error::Error;
use crate::layer::Shared;
use crate::routed::{Routed, RoutedKind, Row};
use axum::body::Body;
use axum::extract::OriginalUri;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tenant_core::routing::{Decision, Refusal, Route, Target};
use tenant_core::{Hostname, TenantRef};
use tenant_diesel::{NotCached, NotingDirectory, TenantModel};
use tower_service::Service;
use tracing::Span;

/// The service that [`TenantLayer`](crate::TenantLayer) puts around another.
pub struct TenantService<S, T> {
    inner: S,
    shared: Arc<Shared<T>>,
}

impl<S, T> TenantService<S, T> {
    pub(crate) fn new(inner: S, shared: Arc<Shared<T>>) -> Self {
        Self { inner, shared }
    }
}

impl<S: Clone, T> Clone for TenantService<S, T> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.shared))
    }
}

impl<S: fmt::Debug, T> fmt::Debug for TenantService<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, T> Service<Request<Body>> for TenantService<S, T>
where
    S: Service<Request<Body>, Response: IntoResponse, Future: Send> + Clone + Send + 'static,
    T: TenantModel + Sync,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answering<S::Future, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let request = HttpRequest::new(parts, self.shared.forwarding);
        // From memory, as nearly always: nothing is waited for, so nothing is boxed that could wait.
        let noting = self.shared.cached.noting();
        match self.shared.routing.decide(&request, &noting) {
            Ok(Decision::Serve(route)) => {
                return serve(&mut self.inner, &self.shared, route, Some(noting), request, body);
            }
            Ok(decision) => return answer(&mut self.inner, &self.shared, decision, request, body),
            Err(NotCached) => {}
        }
        // The one that is ready goes with the request.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let shared = Arc::clone(&self.shared);
        Answering::boxed(async move {
            match ask(&shared, request).await {
                Ok((decision, request)) => answer(&mut inner, &shared, decision, request, body).await,
                Err(response) => Ok(response),
            }
        })
    }
}

/// Does what was decided.
fn answer<S, T>(
    inner: &mut S,
    shared: &Arc<Shared<T>>,
    decision: Decision<Arc<T>>,
    request: HttpRequest,
    body: Body,
) -> Answering<S::Future, S::Error>
where
    S: Service<Request<Body>, Response: IntoResponse>,
    T: TenantModel + Sync,
{
    match decision {
        Decision::Serve(route) => serve(inner, shared, route, None, request, body),
        Decision::Redirect { location } => {
            let response = redirect(&location, &request.method);
            Answering::boxed(async move { Ok(response) })
        }
        Decision::Refuse(refusal) => {
            let shared = Arc::clone(shared);
            let span = span(None, shared.routing.host_of(&request).as_ref());
            let refusing = async move { Ok(refuse(&shared, refusal, request, body).await) };
            Answering::boxed(TenantContext::new(None, span).carry(refusing))
        }
    }
}

/// Lets the service behind the layer answer. Without closures, because a request is some hundred bytes, which each would copy.
#[inline]
fn serve<S, T>(
    inner: &mut S,
    shared: &Shared<T>,
    route: Route<Arc<T>>,
    noting: Option<NotingDirectory<'_, T>>,
    mut request: HttpRequest,
    body: Body,
) -> Answering<S::Future, S::Error>
where
    S: Service<Request<Body>, Response: IntoResponse>,
    T: TenantModel + Sync,
{
    let context = routed(shared, route, noting, request.parts_mut());
    let entered = context.enter();
    let serving = inner.call(request.into_request(body));
    drop(entered);
    Answering::by(context.carry(serving))
}

/// On a thread for blocking work.
async fn ask<T: TenantModel + Sync>(
    shared: &Arc<Shared<T>>,
    request: HttpRequest,
) -> Result<(Decision<Arc<T>>, HttpRequest), Response> {
    let span = span(None, shared.routing.host_of(&request).as_ref());
    let failed = |error: Error| span.in_scope(|| error.into_response());
    let started = Instant::now();
    let patience = shared.databases.patience();
    let place = tokio::time::timeout(patience, Arc::clone(&shared.lookups).acquire_owned());
    let Ok(Ok(place)) = place.await else {
        return Err(failed(Error::Database(shared.databases.timed_out(None, started))));
    };
    // While it was waited for, another may have found out.
    if let Ok(decision) = shared.routing.decide(&request, &shared.cached) {
        return Ok((decision, request));
    }
    let shared = Arc::clone(shared);
    let in_span = span.clone();
    let asking = tokio::task::spawn_blocking(move || {
        // Also if nobody waits for the answer any more.
        let _place = place;
        in_span.in_scope(|| Ok((shared.routing.decide(&request, &shared.directory)?, request)))
    });
    match asking.await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(decided) => decided.map_err(|error| failed(Error::Database(error))),
        // A closure of the application's, which would have panicked here if the answer had been in memory.
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime is ending.
        Err(Err(_)) => Err(failed(Error::Refused(Refusal::Unavailable))),
    }
}

/// What lines of the log are in.
fn span(tenant: Option<&TenantRef>, host: Option<&Hostname>) -> Span {
    tracing::error_span!(
        "request",
        tenant = tenant.map(tracing::field::display),
        host = host.map(tracing::field::display),
    )
}

/// Makes a request what those behind the layer see.
fn routed<T: TenantModel + Sync>(
    shared: &Shared<T>,
    route: Route<Arc<T>>,
    noting: Option<NotingDirectory<'_, T>>,
    parts: &mut Parts,
) -> TenantContext {
    let tenant = match &route.target {
        Target::Tenant(tenant) => {
            let held = noting.and_then(|noting| noting.reference(tenant));
            Some(held.unwrap_or_else(|| reference(&**tenant)))
        }
        Target::Static(site) => Some(Arc::new(TenantRef::to_static(site.name().clone()))),
        Target::Public => None,
    };
    let span = span(tenant.as_deref(), route.host.as_ref());
    let within = route.path_within(parts.uri.path());
    if within.len() < parts.uri.path().len()
        && let Some(uri) = with_path(&parts.uri, within)
    {
        let original = std::mem::replace(&mut parts.uri, uri);
        // A router around the application may have taken something off before.
        parts.extensions.get_or_insert_with(|| OriginalUri(original));
    }
    let prefix = route.prefix();
    let outer = parts.extensions.insert(Routed {
        kind: RoutedKind::of(&route.target),
        via: route.via,
        host: route.host,
        prefix,
        tenant: tenant.clone(),
        row: Row::new(match route.target {
            Target::Tenant(tenant) => Some(tenant),
            Target::Static(_) | Target::Public => None,
        }),
        databases: shared.databases.clone(),
        outer: None,
    });
    if let (Some(outer), Some(routed)) = (outer, parts.extensions.get_mut::<Routed>()) {
        routed.outer = Some(Arc::new(outer));
    }
    TenantContext::new(tenant, span)
}

fn reference<T: TenantModel>(tenant: &T) -> Arc<TenantRef> {
    Arc::new(TenantRef::new(tenant.schema_name().clone(), &tenant.key()))
}

/// The same URI with another path.
fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

fn redirect(location: &str, method: &Method) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        return Error::Refused(Refusal::BadRequest).into_response();
    };
    // After 301, clients send a GET.
    let status = if matches!(*method, Method::GET | Method::HEAD) {
        StatusCode::MOVED_PERMANENTLY
    } else {
        StatusCode::PERMANENT_REDIRECT
    };
    // Else browsers keep it for ever, and go round when the primary domain is another and then this one again.
    let not_for_ever = HeaderValue::from_static("max-age=300");
    (status, [(LOCATION, location), (CACHE_CONTROL, not_for_ever)]).into_response()
}

async fn refuse<T>(shared: &Shared<T>, refusal: Refusal, request: HttpRequest, body: Body) -> Response {
    match &shared.not_found {
        Some(router) if refusal == Refusal::NotFound => {
            match router.clone().call(request.into_request(body)).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
        _ => Error::Refused(refusal).into_response(),
    }
}
