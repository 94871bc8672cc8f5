//! The cookie that holds a session's token.
//!
//! It is for one host (no `Domain`), out of reach for scripts, and not sent with forms of other sites. It says nothing of the
//! customer: which schema it is looked up in, the host decides.

use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};

use crate::app::App;

/// The name. With `__Host-`, browsers take it only by HTTPS and only from the host itself, so that no subdomain can plant one.
fn name(app: &App) -> &'static str {
    if app.config.https {
        "__Host-session"
    } else {
        "session"
    }
}

/// The token that the browser sent.
pub(super) fn read<'j>(app: &App, jar: &'j CookieJar) -> Option<&'j str> {
    jar.get(name(app)).map(Cookie::value)
}

/// Gives the browser a token, until it is closed.
pub(super) fn set(app: &App, jar: CookieJar, token: String) -> CookieJar {
    jar.add(cookie(app, token))
}

/// Takes the token away.
pub(super) fn remove(app: &App, jar: CookieJar) -> CookieJar {
    jar.remove(cookie(app, String::new()))
}

fn cookie(app: &App, token: String) -> Cookie<'static> {
    Cookie::build((name(app), token))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.config.https)
        .build()
}
