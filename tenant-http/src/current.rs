//! The tenant of a task, for code that has no request at hand, and [`carry`], which gives it to another task.

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tenant_core::{TenantRef, current};
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};

/// The tenant whose request (or job) this task works for. A task or thread that is spawned starts with none: what works
/// for a tenant in the background is given it by [`carry`], so that nothing serves a tenant by accident.
///
/// It is for logs, metrics and keys of caches. Queries do not ask it: they run on the tenant of their connection.
#[must_use]
pub fn current_tenant() -> Option<Arc<TenantRef>> {
    current::tenant()
}

/// Gives the current tenant, and the current span, to a future that is spawned.
///
/// ```
/// use tenant_http::{carry, current_tenant};
/// # use std::sync::Arc;
/// # use tenant_core::{SchemaName, TenantRef, current};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let blog = Arc::new(TenantRef::to_static(SchemaName::new("blog")?));
/// # let entered = current::enter(Some(Arc::clone(&blog)));
/// // In the request of `blog`:
/// let alone = tokio::spawn(async { current_tenant() });
/// let carried = tokio::spawn(carry(async { current_tenant() }));
/// # drop(entered);
/// assert_eq!(alone.await?, None);
/// assert_eq!(carried.await?, Some(blog));
/// # Ok(()) }
/// ```
pub fn carry<F: Future>(future: F) -> ForTenant<F> {
    TenantContext::current().carry(future)
}

/// The current tenant and the current span, to be given to what begins later, elsewhere: the task of a web socket, a
/// thread, a callback.
///
/// ```
/// # include!("docs/setup.rs");
/// use axum::extract::ws::{WebSocket, WebSocketUpgrade};
/// use tenant_http::{TenantContext, TenantDb};
///
/// async fn upgrade(upgrade: WebSocketUpgrade, db: TenantDb) -> axum::response::Response {
///     let context = TenantContext::current();
///     upgrade.on_upgrade(move |socket| context.carry(serve(socket, db)))
/// }
///
/// async fn serve(mut socket: WebSocket, db: TenantDb) {
///     // `current_tenant()` and lines of the log are those of the request.
///     # let _ = (socket.recv().await, db);
/// }
/// # fn main() { let _ = axum::routing::get::<_, _, ()>(upgrade); }
/// ```
#[derive(Clone, Debug)]
pub struct TenantContext {
    tenant: Option<Arc<TenantRef>>,
    span: Span,
}

impl TenantContext {
    /// What is current here.
    #[must_use]
    pub fn current() -> Self {
        Self {
            tenant: current::tenant(),
            span: Span::current(),
        }
    }

    pub(crate) fn new(tenant: Option<Arc<TenantRef>>, span: Span) -> Self {
        Self { tenant, span }
    }

    /// Makes it current for a future.
    pub fn carry<F: Future>(self, future: F) -> ForTenant<F> {
        ForTenant {
            tenant: self.tenant,
            inner: future.instrument(self.span),
        }
    }

    /// Makes it current for a closure, on whatever thread it runs.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let _entered = self.enter();
        f()
    }

    /// Makes it current until the guard is dropped.
    pub(crate) fn enter(&self) -> EnteredContext<'_> {
        EnteredContext {
            _span: self.span.enter(),
            _tenant: current::enter(self.tenant.clone()),
        }
    }
}

/// What was current before is again when this is dropped.
pub(crate) struct EnteredContext<'c> {
    _span: tracing::span::Entered<'c>,
    _tenant: current::Entered,
}

pin_project! {
    /// A future that works for a tenant: see [`carry`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct ForTenant<F> {
        tenant: Option<Arc<TenantRef>>,
        #[pin]
        inner: Instrumented<F>,
    }
}

impl<F> ForTenant<F> {
    /// Makes the same current for the body of an answer, which is made after the handler has returned.
    pub(crate) fn carry_body(&self, response: Response) -> Response {
        if response.body().size_hint().exact().is_some() {
            // It is there already.
            return response;
        }
        let context = TenantContext::new(self.tenant.clone(), self.inner.span().clone());
        response.map(|inner| Body::new(BodyForTenant { context, inner }))
    }
}

impl<F: Future> Future for ForTenant<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // Only while it is polled: between polls, the thread works for others.
        let _entered = current::enter(this.tenant.clone());
        this.inner.poll(cx)
    }
}

/// A body that is made for a tenant.
struct BodyForTenant {
    context: TenantContext,
    inner: Body,
}

impl HttpBody for BodyForTenant {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { context, inner } = &mut *self;
        context.run(|| Pin::new(inner).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
