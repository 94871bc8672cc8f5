//! Register, log in, log out. A password is hashed before a connection is asked for.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use maud::{Markup, Render, html};
use serde::Deserialize;
use tenant_http::{Tenant, TenantDb};

use super::cookie;
use super::visitor::Visitor;
use crate::app::Shared;
use crate::apps::customers::Client;
use crate::failure::Failure;
use crate::pages::Field;
use crate::sessions;
use crate::{passwords, token};

/// The longest name of a user.
const MAX_CHARACTERS: usize = 40;
/// The shortest password.
const MIN_PASSWORD: usize = 8;
/// The longest, which is hashed all the same.
const MAX_PASSWORD: usize = 200;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Entered {
    name: String,
    password: String,
}

#[derive(Default)]
struct Wrong {
    name: Option<&'static str>,
    password: Option<&'static str>,
}

/// The two forms, which look alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Register,
    LogIn,
}

/// `GET /register`
pub(super) async fn show_register(client: Tenant<Client>, visitor: Visitor) -> Markup {
    page(&client, &visitor, Kind::Register, "", &Wrong::default())
}

/// `GET /login`
pub(super) async fn show_login(client: Tenant<Client>, visitor: Visitor) -> Markup {
    page(&client, &visitor, Kind::LogIn, "", &Wrong::default())
}

/// `POST /register`
pub(super) async fn register(
    State(app): State<Shared>,
    client: Tenant<Client>,
    jar: CookieJar,
    db: TenantDb,
    Form(entered): Form<Entered>,
) -> Result<Response, Failure> {
    let name = entered.name.trim().to_owned();
    let wrong = Wrong {
        name: match name.chars().count() {
            0 => Some("Enter a name."),
            n if n > MAX_CHARACTERS => Some("Use at most 40 characters."),
            _ if name.chars().any(char::is_control) => Some("Use letters, digits and signs."),
            _ => None,
        },
        password: match entered.password.chars().count() {
            n if n < MIN_PASSWORD => Some("Use at least 8 characters."),
            n if n > MAX_PASSWORD => Some("Use at most 200 characters."),
            _ => None,
        },
    };
    if wrong.name.is_some() || wrong.password.is_some() {
        return Ok(refused(&client, Kind::Register, &name, &wrong));
    }
    let password_hash = passwords::hash(entered.password).await?;
    let token = token::random()?;
    let (new, kept) = (name.clone(), token.clone());
    let is_registered = db.run(move |conn| {
        conn.transaction(|conn| {
            let user = sessions::register(conn, &new, &password_hash)?;
            sessions::begin(conn, &user, &kept)?;
            Ok(true)
        })
        .or_else(|error| match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Ok(false),
            error => Err(error),
        })
    });
    if is_registered.await? {
        Ok((cookie::set(&app, jar, token), Redirect::to("/")).into_response())
    } else {
        let wrong = Wrong {
            name: Some("This name is taken here. Choose another."),
            ..Wrong::default()
        };
        Ok(refused(&client, Kind::Register, &name, &wrong))
    }
}

/// `POST /login`
pub(super) async fn log_in(
    State(app): State<Shared>,
    client: Tenant<Client>,
    jar: CookieJar,
    db: TenantDb,
    Form(entered): Form<Entered>,
) -> Result<Response, Failure> {
    let name = entered.name.trim().to_owned();
    let wanted = name.clone();
    let found = db.run(move |conn| sessions::find(conn, &wanted)).await?;
    let (user, stored) = found.unzip();
    let is_right = passwords::is_right(entered.password, stored).await?;
    let Some(user) = user.filter(|_| is_right) else {
        // One message for both, so that nobody learns who is registered.
        let wrong = Wrong {
            password: Some("Name and password do not fit."),
            ..Wrong::default()
        };
        return Ok(refused(&client, Kind::LogIn, &name, &wrong));
    };
    let token = token::random()?;
    let kept = token.clone();
    db.run(move |conn| sessions::begin(conn, &user, &kept)).await?;
    Ok((cookie::set(&app, jar, token), Redirect::to("/")).into_response())
}

/// `POST /logout`
pub(super) async fn log_out(
    State(app): State<Shared>,
    jar: CookieJar,
    db: TenantDb,
) -> Result<Response, Failure> {
    if let Some(token) = cookie::read(&app, &jar).map(str::to_owned) {
        db.run(move |conn| sessions::end(conn, &token)).await?;
    }
    Ok((cookie::remove(&app, jar), Redirect::to("/")).into_response())
}

fn refused(client: &Client, kind: Kind, name: &str, wrong: &Wrong) -> Response {
    let page = page(client, &Visitor { user: None }, kind, name, wrong);
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

fn page(client: &Client, visitor: &Visitor, kind: Kind, name: &str, wrong: &Wrong) -> Markup {
    let is_new = kind == Kind::Register;
    let (title, action) = if is_new {
        ("Register", "/register")
    } else {
        ("Log in", "/login")
    };
    let main = html! {
        section.card.narrow {
            h1 { (title) }
            form method="post" action=(action) novalidate {
                (Field {
                    name: "name",
                    label: "Name",
                    value: name,
                    autocomplete: "username",
                    error: wrong.name.map(str::to_owned),
                    ..Field::default()
                })
                (Field {
                    name: "password",
                    label: "Password",
                    is_password: true,
                    hint: if is_new { "At least 8 characters." } else { "" },
                    autocomplete: if is_new { "new-password" } else { "current-password" },
                    error: wrong.password.map(str::to_owned),
                    ..Field::default()
                })
                button type="submit" { (title) }
            }
        }
    };
    super::page(client, visitor, title, main).render()
}
