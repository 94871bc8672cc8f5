//! The style and the icon. Every site has them, also one that is in maintenance, so they are not routed to a tenant.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

const STYLE: &str = include_str!("../assets/style.css");
const ICON: &str = include_str!("../assets/icon.svg");

/// The routes.
pub(crate) fn routes() -> Router {
    Router::new()
        .route("/style.css", get(async || file("text/css; charset=utf-8", STYLE)))
        .route("/icon.svg", get(async || file("image/svg+xml", ICON)))
}

fn file(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "max-age=300"),
    ];
    (headers, text)
}
