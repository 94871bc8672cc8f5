//! Refuses requests that another site sent.
//!
//! Subdomains of one host are one *site* to browsers, so that cookies which are `SameSite=Lax` go along when a page of one
//! customer posts to another customer's host. Who can put a form on one could use the logins of all. The header
//! `Origin` tells the pages apart: it must name the host that is posted to.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The layer. Requests that change nothing pass.
pub(crate) async fn check(request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe || comes_from_here(request.headers()) {
        return next.run(request).await;
    }
    tracing::warn!(origin = ?request.headers().get(header::ORIGIN), "refused a request of another site");
    (StatusCode::FORBIDDEN, "This request came from another site.\n").into_response()
}

/// Whether `Origin` and `Host` name the same host and port. Browsers send both with every form that is posted.
fn comes_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(host), Some(origin)) = (text(header::HOST), text(header::ORIGIN)) else {
        return false;
    };
    let origin = origin.parse::<Uri>().ok();
    let from = origin.as_ref().and_then(Uri::authority);
    from.is_some_and(|from| from.as_str().eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_host_and_port_are_here() {
        let is_here = |host: &'static str, origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            comes_from_here(&headers)
        };
        assert!(is_here(
            "first.localhost:3000",
            Some("http://first.localhost:3000")
        ));
        assert!(is_here("First.localhost", Some("https://first.localhost")));
        for origin in [
            "http://second.localhost:3000",
            "http://first.localhost",
            "http://first.localhost:3001",
            "null",
            "",
        ] {
            assert!(!is_here("first.localhost:3000", Some(origin)), "{origin}");
        }
        assert!(!is_here("first.localhost:3000", None));
    }
}
