//! The front page, with the form to sign up.

use axum::extract::State;
use diesel::prelude::*;
use maud::{Markup, Render, html};
use tenant_diesel::{DomainName, PublicConnection};
use tenant_http::PublicDb;

use super::sign_up::{Entered, Wrong};
use crate::app::Shared;
use crate::apps::customers::{Plan, clients, domains, plans};
use crate::failure::Failure;
use crate::here::Port;
use crate::pages::{Field, Page};

/// How many customers the page lists.
const LISTED: i64 = 50;

/// What the page shows of the database: all of it is in the shared schema.
pub(super) struct Shown {
    customers: Vec<(String, DomainName)>,
    pub(super) plans: Vec<Plan>,
}

pub(super) fn read(conn: &mut PublicConnection) -> QueryResult<Shown> {
    Ok(Shown {
        customers: clients::table
            .inner_join(domains::table)
            .filter(domains::is_primary)
            .order((clients::name, clients::id))
            .limit(LISTED)
            .select((clients::name, domains::domain))
            .load(conn)?,
        plans: plans::table
            .order(plans::id)
            .select(Plan::as_select())
            .load(conn)?,
    })
}

/// `GET /`
pub(super) async fn show(State(app): State<Shared>, port: Port, db: PublicDb) -> Result<Markup, Failure> {
    let shown = db.run(read).await?;
    Ok(page(&app, port, &shown, &Entered::default(), &Wrong::default()))
}

/// The page, with what was entered and what was wrong with it.
pub(super) fn page(app: &Shared, port: Port, shown: &Shown, entered: &Entered, wrong: &Wrong) -> Markup {
    let main = html! {
        h1 { "A to-do list for everyone, on an address of their own" }
        p.lead {
            "Each customer has a subdomain, users and tasks of its own, in a PostgreSQL schema of its own. "
            "One application serves them all, and shows nobody what is another's."
        }
        div.columns {
            section.card aria-labelledby="sign-up" {
                h2 id="sign-up" { "Get a list" }
                (form(app, port, &shown.plans, entered, wrong))
            }
            section.card aria-labelledby="customers" {
                h2 id="customers" { "Who is here" }
                @if shown.customers.is_empty() {
                    p.soft { "Nobody yet. Be the first." }
                } @else {
                    ul.list.customers {
                        @for (name, domain) in &shown.customers {
                            li {
                                span.grow {
                                    a href=(port.url_of(domain)) { (name) }
                                    small { (domain) (port) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    let blog = format!("//blog.{}{port}/", app.config.base);
    let footer = html! { "An example of " code { "tenant-diesel" } " and " code { "tenant-http" } "." };
    Page {
        title: "Welcome",
        site: "To-do",
        nav: Some(html! { a href=(blog) { "Blog" } a href="/admin" { "Admin" } }),
        main: Some(main),
        footer: Some(footer),
        ..Page::default()
    }
    .render()
}

fn form(app: &Shared, port: Port, plans: &[Plan], entered: &Entered, wrong: &Wrong) -> Markup {
    let suffix = format!(".{}{port}", app.config.base);
    html! {
        form method="post" action="/sign-up" novalidate {
            (Field {
                name: "name",
                label: "Name",
                value: &entered.name,
                autocomplete: "organization",
                error: wrong.name.map(str::to_owned),
                ..Field::default()
            })
            (Field {
                name: "subdomain",
                label: "Subdomain",
                value: &entered.subdomain,
                suffix: &suffix,
                hint: "Letters, digits and hyphens.",
                error: wrong.subdomain.map(|refused| refused.to_string()),
                ..Field::default()
            })
            fieldset {
                legend { "Plan" }
                @for (i, plan) in plans.iter().enumerate() {
                    label.choice {
                        input type="radio" name="plan" value=(plan.id)
                            checked[entered.plan.map_or(i == 0, |chosen| chosen == plan.id)];
                        span { (plan.name) ", " (plan.price) span.soft { " (" (plan.max_tasks) " tasks)" } }
                    }
                }
                @if let Some(message) = wrong.plan { p.error { (message) } }
            }
            button type="submit" { "Create my list" }
        }
    }
}
