//! [`PublicOnly`], and the extractor of [`Routed`].

use crate::{Error, Routed, RoutedKind};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// That it is the public site; 404 at any tenant's. For handlers that stand in a router of several kinds of sites.
#[derive(Clone, Copy, Debug)]
pub struct PublicOnly;

impl<S: Sync> FromRequestParts<S> for PublicOnly {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        match routed(parts)?.kind() {
            RoutedKind::Public => Ok(Self),
            RoutedKind::Tenant | RoutedKind::Static(_) => Err(Error::OtherSite {
                expected: "the public site's",
            }),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Routed {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        routed(parts).cloned()
    }
}

pub(super) fn routed(parts: &Parts) -> Result<&Routed, Error> {
    parts.extensions.get().ok_or(Error::NotRouted)
}
