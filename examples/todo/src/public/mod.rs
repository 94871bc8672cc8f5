//! The public site: what this is, who is here, and how to become a customer.

mod birth;
mod home;
mod progress;
mod sign_up;

use axum::Router;
use axum::routing::{get, post};

use crate::app::Shared;

/// Its routes.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(home::show))
        .route("/sign-up", post(sign_up::submit))
        .route("/sign-up/{subdomain}", get(progress::show))
}
