//! Who asks: [`Visitor`] is anybody, [`Member`] somebody who is logged in *here*.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use tenant_http::TenantDb;

use super::cookie;
use crate::app::Shared;
use crate::failure::Failure;
use crate::sessions::{self, User};

/// Anybody.
pub(super) struct Visitor {
    /// Who it is, if that is known.
    pub(super) user: Option<User>,
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Response> {
        let jar = CookieJar::from_headers(&parts.headers);
        let Some(token) = cookie::read(app, &jar).map(str::to_owned) else {
            return Ok(Self { user: None });
        };
        let db = TenantDb::from_request_parts(parts, app)
            .await
            .map_err(IntoResponse::into_response)?;
        // In the schema of the host that was asked.
        let found = db.run(move |conn| sessions::user_of(conn, &token)).await;
        let user = found.map_err(|error| Failure::from(error).into_response())?;
        Ok(Self { user })
    }
}

/// Somebody who is logged in. All others are sent to the login.
pub(super) struct Member(pub(super) User);

impl FromRequestParts<Shared> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        visitor
            .user
            .map(Self)
            .ok_or_else(|| Redirect::to("/login").into_response())
    }
}
