//! The page of whoever runs this: who is a customer, in which state and at which version, and what can be done about it.
//!
//! It is part of the public site, and behind a password. Its work is the library's: states, domains, `status()`.

mod actions;
mod customer;
mod overview;
mod password;

use axum::Router;
use axum::routing::{get, post};
use maud::Markup;

use crate::app::{App, Shared};
use crate::failure::Failure;
use crate::pages::Page;

/// Its routes.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/admin", get(overview::show))
        .route("/admin/customers/{id}", get(customer::show))
        .route("/admin/customers/{id}/state", post(actions::change_state))
        .route("/admin/customers/{id}/domains", post(actions::add_domain))
        .route("/admin/customers/{id}/primary", post(actions::make_primary))
}

/// Runs what asks the database several times, where it may block.
async fn blocking<R>(
    app: &Shared,
    work: impl FnOnce(&App) -> Result<R, tenant_diesel::Error> + Send + 'static,
) -> Result<R, Failure>
where
    R: Send + 'static,
{
    let app = Shared::clone(app);
    let span = tracing::Span::current();
    Ok(tokio::task::spawn_blocking(move || span.in_scope(|| work(&app))).await??)
}

fn page(title: &str, main: Markup) -> Page<'_> {
    let nav = maud::html! { a href="/admin" { "Admin" } };
    Page {
        title,
        site: "To-do",
        nav: Some(nav),
        main: Some(main),
        ..Page::default()
    }
}
