//! One customer: its state, and the addresses at which it is found.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, Render, html};
use tenant_diesel::TenantState;

use super::overview::badge;
use super::password::Admin;
use crate::app::{App, Shared};
use crate::apps::customers::{Client, ClientDomain};
use crate::failure::Failure;
use crate::here::Port;
use crate::pages::Field;

/// What the page shows.
pub(super) struct Shown {
    pub(super) client: Client,
    state: Option<TenantState>,
    domains: Vec<ClientDomain>,
}

pub(super) fn read(app: &App, id: i32) -> Result<Option<Shown>, tenant_diesel::Error> {
    let Some(client) = app.tenancy.find(&id)? else {
        return Ok(None);
    };
    let state = app.tenancy.state(&client)?;
    let domains = app.tenancy.domains_of::<ClientDomain>(&client)?;
    Ok(Some(Shown {
        client,
        state,
        domains,
    }))
}

/// `GET /admin/customers/{id}`
pub(super) async fn show(
    _: Admin,
    State(app): State<Shared>,
    port: Port,
    Path(id): Path<i32>,
) -> Result<Markup, Failure> {
    let shown = super::blocking(&app, move |app| read(app, id))
        .await?
        .ok_or(Failure::NotFound)?;
    Ok(page(port, &shown, None, None))
}

/// The page once more, with a message about what could not be done.
pub(super) fn refused(
    port: Port,
    shown: &Shown,
    message: Option<&str>,
    domain: Option<(&str, String)>,
) -> Response {
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        page(port, shown, message, domain),
    )
        .into_response()
}

fn page(port: Port, shown: &Shown, message: Option<&str>, domain: Option<(&str, String)>) -> Markup {
    let Shown {
        client,
        state,
        domains,
    } = shown;
    let path = format!("/admin/customers/{}", client.id);
    let (entered, wrong) = domain.map_or(("", None), |(entered, wrong)| (entered, Some(wrong)));
    let main = html! {
        h1 { (client.name) }
        @if let Some(message) = message { p.error role="alert" { (message) } }
        div.columns {
            section.card {
                h2 { "State" }
                p { "Schema " code { (client.schema_name) } " is " (badge(*state)) }
                form method="post" action={ (path) "/state" } {
                    @for (action, label) in possible(*state) {
                        button.quiet type="submit" name="to" value=(action) { (label) } " "
                    }
                }
            }
            section.card {
                h2 { "Addresses" }
                p.soft { "Visitors of the others are sent to the main one." }
                ul.list.domains {
                    @for domain in domains {
                        li {
                            span.grow { a href=(port.url_of(&domain.domain)) { (domain.domain) } }
                            @if domain.is_primary {
                                span.badge { "main" }
                            } @else {
                                form.inline method="post" action={ (path) "/primary" } {
                                    button.quiet type="submit" name="domain" value=(domain.id) { "Make main" }
                                }
                            }
                        }
                    }
                }
                form.below method="post" action={ (path) "/domains" } novalidate {
                    (Field {
                        name: "domain",
                        label: "Another address",
                        value: entered,
                        hint: "A host whose DNS leads here, such as tasks.example.com.",
                        error: wrong,
                        ..Field::default()
                    })
                    button type="submit" { "Add" }
                }
            }
        }
    };
    super::page(&client.name, main).render()
}

/// What can be done from a state.
fn possible(state: Option<TenantState>) -> &'static [(&'static str, &'static str)] {
    match state {
        Some(TenantState::Ready) => &[("maintenance", "Begin maintenance"), ("archive", "Archive")],
        Some(TenantState::Maintenance) => &[("ready", "End maintenance"), ("archive", "Archive")],
        Some(TenantState::Failed) => &[("archive", "Archive")],
        Some(TenantState::Archived) => &[("restore", "Restore")],
        _ => &[],
    }
}
