//! The form to sign up: what was entered is checked here, and a customer is born from it elsewhere.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use diesel::dsl::exists;
use diesel::prelude::*;
use serde::Deserialize;
use tenant_diesel::{DomainName, PublicConnection, SchemaName};
use tenant_http::PublicDb;

use super::birth::{self, NewCustomer};
use super::home::{self, Shown};
use crate::app::Shared;
use crate::apps::customers::{clients, domains};
use crate::failure::Failure;
use crate::here::Port;
use crate::names::{Refused, Subdomain};

/// The longest name of a customer.
const MAX_CHARACTERS: usize = 60;

/// What was entered, as it was.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Entered {
    pub(super) name: String,
    pub(super) subdomain: String,
    pub(super) plan: Option<i32>,
}

/// What is wrong with it, by field.
#[derive(Default)]
pub(super) struct Wrong {
    pub(super) name: Option<&'static str>,
    pub(super) subdomain: Option<Refused>,
    pub(super) plan: Option<&'static str>,
}

/// `POST /sign-up`
pub(super) async fn submit(
    State(app): State<Shared>,
    port: Port,
    db: PublicDb,
    Form(entered): Form<Entered>,
) -> Result<Response, Failure> {
    let subdomain = Subdomain::parse(&entered.subdomain).and_then(|subdomain| {
        let host = subdomain.host(&app.config.base).map_err(|_| Refused::Character)?;
        let is_reserved = app.tenancy.registry().reserved_for(subdomain.schema()).is_some();
        if is_reserved {
            Err(Refused::Reserved)
        } else {
            Ok((subdomain, DomainName::from(host)))
        }
    });
    let wanted = subdomain
        .as_ref()
        .ok()
        .map(|(subdomain, domain)| (subdomain.schema().clone(), domain.clone()));
    let (shown, is_taken) = db
        .run(move |conn| {
            let is_taken = wanted.map_or(Ok(false), |(schema, domain)| is_taken(conn, &schema, &domain));
            QueryResult::Ok((home::read(conn)?, is_taken?))
        })
        .await?;
    let subdomain = if is_taken { Err(Refused::Taken) } else { subdomain };
    match check(&shown, &entered, subdomain) {
        // Two may have sent the form at once: one of them begins.
        Ok(new) if app.births.begin(new.subdomain.schema()) => {
            let progress = format!("/sign-up/{}", new.subdomain);
            birth::start(&app, new);
            Ok(Redirect::to(&progress).into_response())
        }
        Ok(_) => Ok(again(
            &app,
            port,
            &shown,
            &entered,
            &Wrong {
                subdomain: Some(Refused::Taken),
                ..Wrong::default()
            },
        )),
        Err(wrong) => Ok(again(&app, port, &shown, &entered, &wrong)),
    }
}

/// The form once more, with the messages.
fn again(app: &Shared, port: Port, shown: &Shown, entered: &Entered, wrong: &Wrong) -> Response {
    let page = home::page(app, port, shown, entered, wrong);
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

fn check(
    shown: &Shown,
    entered: &Entered,
    subdomain: Result<(Subdomain, DomainName), Refused>,
) -> Result<NewCustomer, Wrong> {
    let name = entered.name.trim();
    let wrong_name = match name.chars().count() {
        0 => Some("Enter a name."),
        n if n > MAX_CHARACTERS => Some("Use at most 60 characters."),
        _ if name.chars().any(char::is_control) => Some("Use letters, digits and signs."),
        _ => None,
    };
    let plan_id = entered
        .plan
        .filter(|id| shown.plans.iter().any(|plan| plan.id == *id));
    match (wrong_name, subdomain, plan_id) {
        (None, Ok((subdomain, domain)), Some(plan_id)) => Ok(NewCustomer {
            name: name.to_owned(),
            subdomain,
            domain,
            plan_id,
        }),
        (name, subdomain, plan_id) => Err(Wrong {
            name,
            subdomain: subdomain.err(),
            plan: plan_id.is_none().then_some("Choose a plan."),
        }),
    }
}

/// Whether somebody has the name already. Who takes it between now and the birth is found by the birth.
fn is_taken(conn: &mut PublicConnection, schema: &SchemaName, domain: &DomainName) -> QueryResult<bool> {
    let by_name = clients::table.filter(clients::schema_name.eq(schema));
    let by_domain = domains::table.filter(domains::domain.eq(domain));
    diesel::select(exists(by_name).or(exists(by_domain))).get_result(conn)
}
