//! What the buttons do.

use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tenant_diesel::{DomainName, Error, Hostname};

use super::customer::{self, Shown};
use super::password::Admin;
use crate::app::{App, Shared};
use crate::apps::customers::{ClientDomain, NewDomain};
use crate::failure::Failure;
use crate::here::Port;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Target {
    Archive,
    Restore,
    Maintenance,
    Ready,
}

#[derive(Deserialize)]
pub(super) struct Change {
    to: Target,
}

/// `POST /admin/customers/{id}/state`
pub(super) async fn change_state(
    _: Admin,
    State(app): State<Shared>,
    port: Port,
    Path(id): Path<i32>,
    Form(Change { to }): Form<Change>,
) -> Result<Response, Failure> {
    let changed = act(&app, id, move |app, shown| {
        let client = &shown.client;
        let changed = match to {
            Target::Archive => app.tenancy.archive(client),
            Target::Restore => app.tenancy.restore(client),
            Target::Maintenance => app.tenancy.begin_maintenance(client),
            Target::Ready => app.tenancy.end_maintenance(client),
        };
        match changed {
            // Somebody was faster: the page shows the state that it is in now.
            Err(Error::WrongState { .. }) => Ok(false),
            changed => changed.map(|()| true),
        }
    });
    Ok(match changed.await? {
        (true, shown) => back(&shown),
        (false, shown) => customer::refused(
            port,
            &shown,
            Some("This cannot be done in the state it is in now."),
            None,
        ),
    })
}

#[derive(Deserialize)]
pub(super) struct Entered {
    domain: String,
}

/// `POST /admin/customers/{id}/domains`
pub(super) async fn add_domain(
    _: Admin,
    State(app): State<Shared>,
    port: Port,
    Path(id): Path<i32>,
    Form(Entered { domain: entered }): Form<Entered>,
) -> Result<Response, Failure> {
    let domain = match read_domain(&entered, &app.config.base) {
        Ok(domain) => domain,
        Err(message) => {
            let ((), shown) = act(&app, id, |_, _| Ok(())).await?;
            return Ok(customer::refused(port, &shown, None, Some((&entered, message))));
        }
    };
    let added = act(&app, id, move |app, shown| {
        let new = NewDomain {
            domain,
            tenant_id: shown.client.id,
            is_primary: false,
            redirect_to_primary: true,
        };
        match app.tenancy.add_domain::<ClientDomain, _>(&shown.client, new) {
            Err(error) if error.is_taken() => Ok(false),
            added => added.map(|_| true),
        }
    });
    Ok(match added.await? {
        (true, shown) => back(&shown),
        (false, shown) => {
            let taken = "This address is taken.".to_owned();
            customer::refused(port, &shown, None, Some((&entered, taken)))
        }
    })
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    domain: i32,
}

/// `POST /admin/customers/{id}/primary`
pub(super) async fn make_primary(
    _: Admin,
    State(app): State<Shared>,
    Path(id): Path<i32>,
    Form(Chosen { domain }): Form<Chosen>,
) -> Result<Response, Failure> {
    let ((), shown) = act(&app, id, move |app, shown| {
        // Only one of this customer's.
        let domains = app.tenancy.domains_of::<ClientDomain>(&shown.client)?;
        let Some(chosen) = domains.iter().find(|own| own.id == domain) else {
            return Ok(());
        };
        app.tenancy.make_primary(chosen)?;
        // Whoever still comes to the old one is sent on.
        match domains.iter().find(|own| own.is_primary && own.id != domain) {
            Some(old) => app.tenancy.redirect_to_primary(old, true).map(drop),
            None => Ok(()),
        }
    })
    .await?;
    Ok(back(&shown))
}

/// A host that a customer can bring. Below ours, it would be somebody's subdomain.
fn read_domain(entered: &str, base: &Hostname) -> Result<DomainName, String> {
    let domain =
        DomainName::parse(entered.trim()).map_err(|_| "This is not the name of a host.".to_owned())?;
    let below = domain
        .hostname()
        .and_then(|host| host.as_str().strip_suffix(base.as_str()));
    match below {
        _ if domain.is_wildcard() => Err("Enter one host, without a star.".to_owned()),
        // One label is a subdomain that others can sign up for. What is below a customer's own is for nobody else.
        Some(below) if below.is_empty() || below.ends_with('.') && below.matches('.').count() < 2 => Err(
            format!("Addresses directly below {base} are for those who sign up."),
        ),
        _ => Ok(domain),
    }
}

/// Does something with a customer, and reads what the page shows afterwards.
async fn act<R: Send + 'static>(
    app: &Shared,
    id: i32,
    work: impl FnOnce(&App, &Shown) -> Result<R, Error> + Send + 'static,
) -> Result<(R, Shown), Failure> {
    let done = super::blocking(app, move |app| {
        let Some(shown) = customer::read(app, id)? else {
            return Ok(None);
        };
        let done = work(app, &shown)?;
        Ok(customer::read(app, id)?.map(|shown| (done, shown)))
    });
    done.await?.ok_or(Failure::NotFound)
}

fn back(shown: &Shown) -> Response {
    Redirect::to(&format!("/admin/customers/{}", shown.client.id)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_brings_a_subdomain_that_others_can_sign_up_for() {
        let base = Hostname::parse("localhost").unwrap();
        let read = |entered| read_domain(entered, &base).map(|domain| domain.to_string());
        assert_eq!(read(" Tasks.Example.com "), Ok("tasks.example.com".to_owned()));
        assert_eq!(
            read("tasks.first.localhost"),
            Ok("tasks.first.localhost".to_owned())
        );
        assert_eq!(read("notlocalhost"), Ok("notlocalhost".to_owned()));
        for refused in ["", "a b", "*.example.com", "localhost", "second.localhost"] {
            assert!(read(refused).is_err(), "{refused:?}");
        }
    }
}
