//! The page of an error. It says what the visitor can do, and nothing of schemas, tables or who else is here.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::{Markup, Render, html};

use super::Page;

/// The page of a status.
fn page(status: StatusCode) -> Markup {
    let (title, text) = match status {
        StatusCode::BAD_REQUEST => ("That did not work", "The request could not be understood."),
        StatusCode::FORBIDDEN => ("That was refused", "The request came from another site."),
        StatusCode::NOT_FOUND => ("Nothing here", "There is no such page, or no such customer."),
        StatusCode::SERVICE_UNAVAILABLE => (
            "Back in a moment",
            "This site is being looked after. Try again shortly.",
        ),
        status if status.is_server_error() => (
            "Our fault",
            "Something went wrong here, and has been written down.",
        ),
        _ => ("That did not work", "Go back and try again."),
    };
    let main = html! {
        section.centre {
            p.code { (status.as_u16()) }
            h1 { (title) }
            p.lead { (text) }
        }
    };
    Page {
        title,
        site: "To-do",
        main: Some(main),
        ..Page::default()
    }
    .render()
}

/// Gives plain answers with errors a page, whoever they come from: routing, the library, a route that does not exist.
/// Status and headers (`Retry-After`) stay.
pub(crate) async fn dress(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_html = || {
        let content_type = response.headers().get(header::CONTENT_TYPE);
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
    };
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || is_html() {
        return response;
    }
    let (mut head, _) = response.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    let page = page(status).into_response();
    if let Some(content_type) = page.headers().get(header::CONTENT_TYPE) {
        head.headers.insert(header::CONTENT_TYPE, content_type.clone());
    }
    (head, page.into_body()).into_response()
}
