//! All customers, and where the fleet is: `tenancy.status()`.

use axum::extract::State;
use maud::{Markup, Render, html};
use tenant_diesel::{FleetStatus, TenantState};

use super::password::Admin;
use crate::app::Shared;
use crate::apps::customers::Client;
use crate::failure::Failure;

/// How many customers the page lists. The numbers above the list count all.
const LISTED: usize = 100;

type Row = (Client, Option<TenantState>);

/// `GET /admin`
pub(super) async fn show(_: Admin, State(app): State<Shared>) -> Result<Markup, Failure> {
    let (status, rows) = super::blocking(&app, |app| {
        let mut rows: Vec<Row> = Vec::new();
        for client in app.tenancy.tenants().take(LISTED) {
            let client = client?;
            let state = app.tenancy.state(&client)?;
            rows.push((client, state));
        }
        Ok((app.tenancy.status()?, rows))
    })
    .await?;
    let main = html! {
        h1 { "Admin" }
        (fleet(&status))
        section.card.below {
            h2 { "Customers" }
            div.wide {
                table.customers {
                    thead { tr { th { "Name" } th { "Schema" } th { "State" } th {} } }
                    tbody {
                        @for (client, state) in &rows {
                            tr data-schema=(client.schema_name) {
                                td { (client.name) }
                                td { code { (client.schema_name) } }
                                td { (badge(*state)) }
                                td.actions { a href={ "/admin/customers/" (client.id) } { "Manage" } }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(super::page("Admin", main).render())
}

/// How many schemas are where.
fn fleet(status: &FleetStatus) -> Markup {
    html! {
        section.card {
            h2 { "Schemas" }
            p id="well" {
                @if status.is_well() { "All is well." } @else { "Something needs attention." }
                @if let Some(latest) = &status.latest { " The application has version " code { (latest) } "." }
            }
            div.wide {
                table.versions {
                    thead { tr { th { "Version" } th { "State" } th { "Schemas" } th { "Which" } } }
                    tbody {
                        @for group in &status.versions {
                            tr {
                                td { code { (group.version.as_deref().unwrap_or("none")) } }
                                td { (badge(group.state)) }
                                td { (group.schemas) }
                                td {
                                    @for (i, schema) in group.first.iter().enumerate() {
                                        @if i > 0 { ", " }
                                        (schema)
                                    }
                                    @if group.schemas > group.first.len() { ", …" }
                                }
                            }
                        }
                    }
                }
            }
            @for failed in &status.failed {
                p.error { (failed.schema) ": " (failed.error) }
            }
        }
    }
}

/// A state, as a coloured word.
pub(super) fn badge(state: Option<TenantState>) -> Markup {
    let is_served = state == Some(TenantState::Ready);
    html! { span.badge.off[!is_served] { (state.map_or("unknown", TenantState::as_str)) } }
}
