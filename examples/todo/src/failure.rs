//! [`Failure`]: why a handler has no answer. Visitors see a status, the log says the rest.

use std::error::Error;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Why a handler has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the library says: no such customer, in maintenance, no connection free, a query that failed.
    Tenancy(tenant_http::Error),
    /// There is no such thing at this customer's.
    NotFound,
    /// Everything else is our fault.
    Internal(Box<dyn Error + Send + Sync>),
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Tenancy(error) => error.into_response(),
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::Internal(error) => {
                tracing::error!(error, "a request failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

impl From<tenant_http::Error> for Failure {
    fn from(error: tenant_http::Error) -> Self {
        Self::Tenancy(error)
    }
}

impl From<tenant_diesel::Error> for Failure {
    fn from(error: tenant_diesel::Error) -> Self {
        Self::Tenancy(error.into())
    }
}

impl From<Box<dyn Error + Send + Sync>> for Failure {
    fn from(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::Internal(error)
    }
}

impl From<getrandom::Error> for Failure {
    fn from(error: getrandom::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl From<tokio::task::JoinError> for Failure {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Internal(error.into())
    }
}
