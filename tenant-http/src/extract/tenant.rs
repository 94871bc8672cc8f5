//! [`Tenant`]: the customer.

use super::site::routed;
use crate::Error;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use std::ops::Deref;
use std::sync::Arc;

/// The customer whose site it is: a row of the tenant model. 404 at the public site and at those of static tenants;
/// `Option<Tenant<T>>` is `None` there.
///
/// ```
/// # include!("../docs/setup.rs");
/// use tenant_http::Tenant;
///
/// async fn hello(Tenant(client): Tenant<Client>) -> String {
///     format!("Hello, {}", client.name)
/// }
/// # fn main() { let _ = axum::routing::get::<_, _, ()>(hello); }
/// ```
#[derive(Debug)]
pub struct Tenant<T>(
    /// The row, as the directory has it: it may be as old as the directory's TTL says.
    pub Arc<T>,
);

impl<T> Clone for Tenant<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Tenant<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Tenant<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state)
            .await?
            .ok_or(Error::OtherSite {
                expected: "a customer's",
            })
    }
}

impl<T: Send + Sync + 'static, S: Sync> OptionalFromRequestParts<S> for Tenant<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Error> {
        Ok(routed(parts)?.row().map(Self))
    }
}
