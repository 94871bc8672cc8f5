//! [`Application`]: the same page by axum alone, and behind the layer that finds its tenant.

use super::hosts::Hosts;
use super::{BARE, OURS_ALONE};
use crate::Result;
use crate::apps::customers::Client;
use crate::site::Route;
use crate::turns;
use crate::variants::OURS;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use std::convert::Infallible;
use tenant_diesel::TenantDirectory;
use tenant_http::routing::Routing;
use tenant_http::{TenantLayer, TenantRouter};
use tower::Service;

/// What the page says.
pub(super) const PAGE: &str = "Nothing to do today";

/// An application of one page, and what answers for it.
#[derive(Debug)]
pub(super) struct Application<S> {
    pub(super) name: &'static str,
    pub(super) service: S,
    directory: Option<TenantDirectory<Client>>,
}

/// What answers.
pub(super) trait Answers:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> Answers for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

impl Application<Router> {
    /// Nobody's.
    pub(super) fn bare() -> Self {
        Self {
            name: BARE,
            service: routes(),
            directory: None,
        }
    }

    /// A tenant's, who is found by the host, from memory. Other routes can be beside those of tenants.
    pub(super) fn ours(route: &Route<'_>, hosts: &Hosts) -> Result<Self> {
        let (layer, directory) = layer(route, hosts)?;
        Ok(Self {
            name: OURS,
            service: TenantRouter::new().tenant(routes()).layer(layer),
            directory: Some(directory),
        })
    }
}

/// The same without a router around it.
pub(super) fn alone(route: &Route<'_>, hosts: &Hosts) -> Result<Application<impl Answers>> {
    let (layer, directory) = layer(route, hosts)?;
    Ok(Application {
        name: OURS_ALONE,
        service: TenantRouter::new().tenant(routes()).into_service(layer),
        directory: Some(directory),
    })
}

fn layer(route: &Route<'_>, hosts: &Hosts) -> Result<(TenantLayer<Client>, TenantDirectory<Client>)> {
    let (tenancy, directory) = hosts.directory(route)?;
    let routing = Routing::builder(tenancy.registry()).by_host().build()?;
    Ok((TenantLayer::new(&tenancy, directory.clone(), routing), directory))
}

impl<S> Application<S> {
    /// How many tenants were found in memory, and how many questions were asked for others.
    pub(super) fn found(&self) -> (u64, u64) {
        let metrics = self.directory.as_ref().map(TenantDirectory::metrics);
        metrics.map_or((0, 0), |metrics| (metrics.hits, metrics.queries))
    }

    /// Says if it did not find the tenants of so many requests since, all in memory.
    pub(super) fn expect(&self, since: (u64, u64), requests: usize) -> Result {
        let (hits, queries) = self.found();
        let requests = if self.directory.is_some() { requests } else { 0 };
        turns::expect("tenants in memory", usize::try_from(hits - since.0)?, requests)?;
        turns::expect(
            "questions to the database",
            usize::try_from(queries - since.1)?,
            0,
        )
    }
}

fn routes() -> Router {
    Router::new().route("/", get(|| async { PAGE }))
}
