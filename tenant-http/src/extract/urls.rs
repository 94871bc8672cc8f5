//! [`Urls`]: links within a tenant's site.

use super::site::routed;
use crate::{Error, Routed};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// Links within the site that the request is for: with its folder before the path, where tenants share a host.
///
/// It belongs to the request, and so never puts another tenant's folder into a link.
///
/// ```
/// use tenant_http::Urls;
///
/// async fn profile(urls: Urls) -> axum::response::Redirect {
///     // `/profile/` at `acme.example.com`, and `/acme/profile/` where Acme is a folder of `example.com`.
///     axum::response::Redirect::to(&urls.path("/profile/"))
/// }
/// # let _ = axum::routing::get::<_, _, ()>(profile);
/// ```
#[derive(Clone, Debug)]
pub struct Urls(Routed);

impl Urls {
    /// The link to a path of this site. Never another host: `//evil.example` becomes `/evil.example`.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        self.0.prefix().url(path)
    }

    /// The same with the host before it, and without a scheme: `//acme.example.com/profile/`. The port is not known
    /// here: a proxy may have another. `None` where the request has no host.
    #[must_use]
    pub fn absolute(&self, path: &str) -> Option<String> {
        Some(format!("//{}{}", self.0.host()?, self.path(path)))
    }
}

impl<S: Sync> FromRequestParts<S> for Urls {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        routed(parts).cloned().map(Self)
    }
}
