//! [`Admin`]: whoever knows the password. The browser asks for it (HTTP Basic), so that no form and no session is needed.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::TypedHeader;
use axum_extra::headers::Authorization;
use axum_extra::headers::authorization::Basic;

use crate::app::Shared;
use crate::token;

/// Proof that the password was given. The name may be any.
pub(super) struct Admin;

impl FromRequestParts<Shared> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Response> {
        let given = TypedHeader::<Authorization<Basic>>::from_request_parts(parts, app).await;
        match given {
            Ok(given) if token::is_same(given.password(), &app.config.admin_password) => Ok(Self),
            _ => {
                let ask = [(
                    header::WWW_AUTHENTICATE,
                    r#"Basic realm="admin", charset="UTF-8""#,
                )];
                Err((StatusCode::UNAUTHORIZED, ask).into_response())
            }
        }
    }
}
