//! [`Error`]: why a request was not served, and the answer that the client gets.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use std::error::Error as _;
use tenant_core::routing::Refusal;
use tenant_diesel::TenantState;

/// After how many seconds a client may try again that met a full pool: connections come back all the time.
pub const RETRY_AFTER_FULL: u32 = 1;

/// After how many seconds a client may try again that met a tenant in maintenance.
pub const RETRY_AFTER_MAINTENANCE: u32 = 30;

/// Why a request was not served. As a response it is a status and a plain text that says nothing of schemas, tenants or
/// SQL; the reason goes to the log.
///
/// | status | when |
/// |---|---|
/// | 404 | the row was not found ([`NotFound`](diesel::result::Error::NotFound)); the tenant, or its schema, is gone or archived |
/// | 503 with `Retry-After` | the pool is exhausted; the tenant has as many connections as it may, is in maintenance, is migrated or has failed; the database cannot be reached |
/// | 500 | anything else |
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A query, or a scope, failed.
    #[error("the database did not do what a request asked for")]
    Database(#[from] tenant_diesel::Error),

    /// The request did not come through the layer.
    #[error("no `TenantLayer` saw this request: put the layer around the router, `TenantRouter::layer` does")]
    NotRouted,

    /// A route for tenants was reached on the public site, or one for the public site at a tenant's.
    #[error("this page is {expected}, and the request is for another kind of site")]
    OtherSite {
        /// Whose page it is.
        expected: &'static str,
    },

    /// The layer refused it.
    #[error("the request was refused: {0:?}")]
    Refused(Refusal),
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Error {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            // Also where another request's look-up failed.
            Self::Database(error) => status_of(error.cause()),
            Self::NotRouted => StatusCode::INTERNAL_SERVER_ERROR,
            Self::OtherSite { .. } => StatusCode::NOT_FOUND,
            Self::Refused(refusal) => {
                StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Database(tenant_diesel::Error::TenantUnavailable { .. })
            | Self::Refused(Refusal::Unavailable) => Some(RETRY_AFTER_MAINTENANCE),
            _ => Some(RETRY_AFTER_FULL),
        }
        .filter(|_| self.status() == StatusCode::SERVICE_UNAVAILABLE)
    }
}

fn status_of(error: &tenant_diesel::Error) -> StatusCode {
    use diesel::result::DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    use diesel::result::Error as Query;
    use tenant_diesel::Error as E;
    match error {
        E::Query(Query::NotFound) | E::SchemaMissing { .. } | E::TenantMissing { .. } => {
            StatusCode::NOT_FOUND
        }
        E::TenantUnavailable {
            state: TenantState::Archived | TenantState::Dropping,
            ..
        } => StatusCode::NOT_FOUND,
        E::TenantUnavailable { .. }
        | E::TenantLimit { .. }
        | E::PoolTimeout { .. }
        | E::SetPath { .. }
        | E::DirectoryBusy { .. } => StatusCode::SERVICE_UNAVAILABLE,
        // Also a statement of the library's own.
        E::Query(source) | E::Attempt { source, .. }
            if matches!(
                source,
                Query::BrokenTransactionManager
                    | Query::DatabaseError(ClosedConnection | UnableToSendCommand, _)
            ) =>
        {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(
                error = chain(&self),
                status = status.as_u16(),
                "a request was not served"
            );
        } else if status.is_server_error() {
            tracing::error!(
                error = chain(&self),
                status = status.as_u16(),
                "a request was not served"
            );
        } else {
            tracing::debug!(
                error = chain(&self),
                status = status.as_u16(),
                "a request was not served"
            );
        }
        let text = match status {
            StatusCode::BAD_REQUEST => "Bad request.\n",
            StatusCode::FORBIDDEN => "Forbidden.\n",
            StatusCode::NOT_FOUND => "Not found.\n",
            StatusCode::SERVICE_UNAVAILABLE => "Not available now. Please try again later.\n",
            _ => "Something went wrong.\n",
        };
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An error with all that caused it, in one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
