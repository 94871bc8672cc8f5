//! A customer's site: a to-do list, behind a login. Each handler runs for whichever customer's host was asked, and has no
//! way to reach another's rows.

mod accounts;
mod cookie;
mod tasks;
mod visitor;

use axum::Router;
use axum::routing::{get, post};
use maud::{Markup, html};

use crate::app::Shared;
use crate::apps::customers::Client;
use crate::pages::{self, Page};
use visitor::Visitor;

/// Its routes.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(tasks::show))
        .route("/tasks", post(tasks::add))
        .route("/tasks/{id}/tick", post(tasks::tick))
        .route("/tasks/{id}/delete", post(tasks::delete))
        .route("/register", get(accounts::show_register).post(accounts::register))
        .route("/login", get(accounts::show_login).post(accounts::log_in))
        .route("/logout", post(accounts::log_out))
}

/// What is around every page of a customer's.
fn page<'p>(client: &'p Client, visitor: &Visitor, title: &'p str, main: Markup) -> Page<'p> {
    let nav = html! {
        @match &visitor.user {
            Some(user) => {
                span.soft id="user" { (user.name) }
                (pages::button("/logout", "Log out", "link"))
            }
            None => {
                a href="/login" { "Log in" }
                a href="/register" { "Register" }
            }
        }
    };
    Page {
        title,
        site: &client.name,
        nav: Some(nav),
        main: Some(main),
        ..Page::default()
    }
}
