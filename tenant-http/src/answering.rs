//! [`Answering`]: the answer to one request, to come.

use crate::ForTenant;
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of a [`TenantService`](crate::TenantService). Where the tenant was in memory, it is that of the service
    /// behind it, and takes no memory of its own from the heap.
    #[must_use = "futures do nothing unless they are polled"]
    pub struct Answering<F, E> {
        #[pin]
        by: By<F, E>,
    }
}

pin_project! {
    #[project = Projected]
    enum By<F, E> {
        Inner { #[pin] serving: ForTenant<F> },
        Other { answer: Boxed<E> },
    }
}

type Boxed<E> = Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>;

impl<F, E> Answering<F, E> {
    pub(crate) fn by(serving: ForTenant<F>) -> Self {
        Self {
            by: By::Inner { serving },
        }
    }

    pub(crate) fn boxed(answer: impl Future<Output = Result<Response, E>> + Send + 'static) -> Self {
        let answer = Box::pin(answer);
        Self {
            by: By::Other { answer },
        }
    }
}

impl<F, R, E> Future for Answering<F, E>
where
    F: Future<Output = Result<R, E>>,
    R: IntoResponse,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().by.project() {
            Projected::Inner { mut serving } => serving
                .as_mut()
                .poll(cx)
                .map_ok(|response| serving.carry_body(response.into_response())),
            Projected::Other { answer } => answer.as_mut().poll(cx),
        }
    }
}

impl<F, E> fmt::Debug for Answering<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}
