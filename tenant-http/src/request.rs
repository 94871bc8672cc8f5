//! [`HttpRequest`]: a request as routing sees it.

use crate::forwarded::{self, Forwarding};
use axum::body::Body;
use axum::http::header::{AsHeaderName, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request};
use std::borrow::Cow;
use std::ops::Deref;
use tenant_core::routing::{HeaderValue, RoutedRequest};

/// A request without its body, as routing sees it, and the closures of an application: claims
/// ([`by_claim`](tenant_core::routing::RoutingBuilder::by_claim)) and checks
/// ([`authorize`](tenant_core::routing::RoutingBuilder::authorize)) read headers and extensions through it.
///
/// Which host it names: that of the URI where it has one (HTTP/2, and requests to proxies), else that of the header
/// `Host`. If there are two and they differ, nobody can say which is meant, and the answer is 400. What a proxy says of
/// it is believed only where [`TenantLayer::trusting`](crate::TenantLayer::trusting) says so.
#[derive(Debug)]
pub struct HttpRequest {
    parts: Parts,
    forwarding: Forwarding,
}

impl HttpRequest {
    /// A request whose proxy is believed as far as `forwarding` says.
    #[must_use]
    pub fn new(parts: Parts, forwarding: Forwarding) -> Self {
        Self { parts, forwarding }
    }

    pub(crate) fn parts_mut(&mut self) -> &mut Parts {
        &mut self.parts
    }

    pub(crate) fn into_request(self, body: Body) -> Request<Body> {
        Request::from_parts(self.parts, body)
    }
}

impl Deref for HttpRequest {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl RoutedRequest for HttpRequest {
    fn authority(&self) -> Option<Cow<'_, str>> {
        match forwarded::host(&self.parts.headers, self.forwarding) {
            Some(host) => host.map(Cow::Owned),
            None => direct(&self.parts).map(Cow::Borrowed),
        }
    }

    fn path(&self) -> &str {
        self.parts.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.parts.uri.query()
    }

    fn header(&self, name: &str) -> HeaderValue<'_> {
        one(&self.parts.headers, name)
    }
}

/// The host that the client names.
fn direct(parts: &Parts) -> Option<&str> {
    let in_uri = parts.uri.authority().map(|authority| authority.as_str());
    match (in_uri, one(&parts.headers, HOST)) {
        (_, HeaderValue::Unreadable) => None,
        (None, HeaderValue::Absent) => None,
        (Some(host), HeaderValue::Absent) | (None, HeaderValue::One(host)) => Some(host),
        (Some(host), HeaderValue::One(other)) => host.eq_ignore_ascii_case(other).then_some(host),
    }
}

/// The value of a header that may be there once.
pub(crate) fn one(headers: &HeaderMap, name: impl AsHeaderName) -> HeaderValue<'_> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => HeaderValue::Absent,
        // Names in other scripts come as UTF-8, though HTTP does not allow them here.
        (Some(value), None) => match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => HeaderValue::One(value),
            Err(_) => HeaderValue::Unreadable,
        },
        (Some(_), Some(_)) => HeaderValue::Unreadable,
    }
}
