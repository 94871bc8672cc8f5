//! [`Application`]: the same page by axum alone, and behind the layer that finds its tenant.

use super::BARE;
use super::hosts::Hosts;
use crate::Result;
use crate::apps::customers::Client;
use crate::site::Route;
use crate::turns;
use crate::variants::OURS;
use axum::Router;
use axum::routing::get;
use tenant_diesel::TenantDirectory;
use tenant_http::routing::Routing;
use tenant_http::{TenantLayer, TenantRouter};

/// What the page says.
pub(super) const PAGE: &str = "Nothing to do today";

/// An application of one page.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) name: &'static str,
    pub(super) router: Router,
    directory: Option<TenantDirectory<Client>>,
}

impl Application {
    /// Nobody's.
    pub(super) fn bare() -> Self {
        Self {
            name: BARE,
            router: routes(),
            directory: None,
        }
    }

    /// A tenant's, who is found by the host, from memory.
    pub(super) fn ours(route: &Route<'_>, hosts: &Hosts) -> Result<Self> {
        let (tenancy, directory) = hosts.directory(route)?;
        let routing = Routing::builder(tenancy.registry()).by_host().build()?;
        let layer = TenantLayer::new(&tenancy, directory.clone(), routing);
        Ok(Self {
            name: OURS,
            router: TenantRouter::new().tenant(routes()).layer(layer),
            directory: Some(directory),
        })
    }

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
