//! [`Port`]: the port that the browser used, so that links to other hosts lead to the same server.

use std::convert::Infallible;
use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use tenant_diesel::DomainName;

/// The port in the header `Host`, as it stands in a URL: `:3000`, or nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port(Option<u16>);

impl Port {
    /// The front page of a host. Without a scheme, so that it is that of this page.
    pub(crate) fn url_of(self, domain: &DomainName) -> String {
        format!("//{domain}{self}/")
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl<S: Sync> FromRequestParts<S> for Port {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let port = host.and_then(|host| host.rsplit_once(':'));
        Ok(Self(port.and_then(|(_, port)| port.parse().ok())))
    }
}
