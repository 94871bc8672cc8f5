//! How far a birth is. The page asks again by itself until there is nothing to wait for.

use axum::extract::{Path, State};
use diesel::prelude::*;
use maud::{Markup, Render, html};
use tenant_diesel::DomainName;
use tenant_http::PublicDb;

use crate::app::Shared;
use crate::apps::customers::{clients, domains};
use crate::births::{Birth, Step};
use crate::failure::Failure;
use crate::here::Port;
use crate::names::Subdomain;
use crate::pages::Page;

/// The steps, each with the event of the library that it begins with.
const STEPS: [(Step, &str, &str); 4] = [
    (Step::Waiting, "Waiting for its turn", ""),
    (Step::Named, "Writing down the name", "Moment::Creating"),
    (Step::Building, "Making the tables", "Moment::ApplyingMigration"),
    (Step::Built, "Connecting the address", "Moment::Created"),
];

/// `GET /sign-up/{subdomain}`
pub(super) async fn show(
    State(app): State<Shared>,
    port: Port,
    Path(subdomain): Path<String>,
    db: PublicDb,
) -> Result<Markup, Failure> {
    let subdomain = Subdomain::parse(&subdomain).map_err(|_| Failure::NotFound)?;
    match app.births.of(subdomain.schema()) {
        Some(Birth::At(step)) => {
            let under_way = html! {
                p.soft { "is being created. This page goes on by itself." }
                (steps(Some(step)))
            };
            Ok(page(&subdomain, &under_way, true))
        }
        Some(Birth::Taken) => Ok(sorry(
            &subdomain,
            "Somebody else was faster. Choose another name.",
        )),
        Some(Birth::Failed) => Ok(sorry(
            &subdomain,
            "Something went wrong here, and nothing was created. Try again.",
        )),
        // Complete, perhaps in another process or before a restart; or never begun.
        None => {
            let schema = subdomain.schema().clone();
            let domain = db.run(move |conn| {
                domains::table
                    .inner_join(clients::table)
                    .filter(clients::schema_name.eq(schema))
                    .filter(domains::is_primary)
                    .select(domains::domain)
                    .first::<DomainName>(conn)
                    .optional()
            });
            let domain = domain.await?.ok_or(Failure::NotFound)?;
            let ready = html! {
                p.soft { "is ready." }
                (steps(None))
                p { a.button href=(port.url_of(&domain)) { "Open " (domain) (port) } }
            };
            Ok(page(&subdomain, &ready, false))
        }
    }
}

/// The steps: those before this one are done, and all if there is none.
fn steps(at: Option<Step>) -> Markup {
    html! {
        ol.steps {
            @for (step, text, moment) in STEPS {
                li.is-done[at.is_none_or(|at| step < at)] aria-current=[(at == Some(step)).then_some("step")] {
                    span { (text) }
                    @if !moment.is_empty() { code { (moment) } }
                }
            }
            li.is-done[at.is_none()] { span { "Ready" } }
        }
    }
}

fn sorry(subdomain: &Subdomain, message: &str) -> Markup {
    let text = html! {
        p.error role="alert" { (message) }
        p { a.button href="/" { "Back to the form" } }
    };
    page(subdomain, &text, false)
}

fn page(subdomain: &Subdomain, inner: &Markup, refreshes: bool) -> Markup {
    let main = html! {
        section.card.narrow aria-live="polite" {
            h1 { (subdomain) }
            (inner)
        }
    };
    Page {
        title: "Progress",
        site: "To-do",
        main: Some(main),
        refreshes,
        ..Page::default()
    }
    .render()
}
