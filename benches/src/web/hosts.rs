//! [`Hosts`]: where the tenants of a site are found, and directories that know it.

use super::HOSTS;
use crate::Result;
use crate::apps::customers::{self, Client, ClientDomain};
use crate::apps::shop;
use crate::site::{Route, Site};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::time::{Duration, Instant};
use tenant_diesel::prelude::*;
use tenant_diesel::{Directory, Hostname, TenantDirectory, r2d2};

/// How long a directory may take until it hears of changes.
const PATIENCE: Duration = Duration::from_secs(10);

/// The hosts, by the numbers of their tenants.
#[derive(Debug)]
pub(super) struct Hosts {
    /// As a request has them.
    pub(super) names: Vec<String>,
    pub(super) schemas: Vec<SchemaName>,
}

impl Hosts {
    /// Gives each tenant of a site a host.
    pub(super) fn of(site: &Site) -> Result<Self> {
        let route = site.straight();
        // The library knows nothing yet of tenants that it did not make.
        tenancy(&route)?.migrate()?;
        // A directory hears of no change while it is measured: this comes before there is one.
        PgConnection::establish(route.url)?.batch_execute(
            "INSERT INTO public.domains (domain, tenant_id, is_primary) \
             SELECT name || '.example.com', id, true FROM public.clients ON CONFLICT DO NOTHING; \
             ANALYZE public.clients, public.domains",
        )?;
        let tenants = || route.tenants.iter();
        Ok(Self {
            names: tenants()
                .map(|tenant| format!("{}.example.com", tenant.name))
                .collect(),
            schemas: tenants().map(|tenant| tenant.schema_name.clone()).collect(),
        })
    }

    /// A directory that knows all hosts.
    pub(super) fn directory(&self, route: &Route<'_>) -> Result<(Tenancy<Client>, TenantDirectory<Client>)> {
        let tenancy = tenancy(route)?;
        let directory = tenancy.directory::<ClientDomain>().build()?;
        // It forgets everything when it begins to hear.
        let start = Instant::now();
        while !directory.metrics().is_listening {
            if start.elapsed() > PATIENCE {
                return Err("the directory hears nothing".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        for (name, schema) in self.names.iter().zip(&self.schemas) {
            let found = directory.by_domain(&Hostname::parse(name)?, &Folder::NONE)?;
            if found.is_none_or(|found| found.tenant.schema_name != *schema) {
                return Err(format!("at {name} is not its tenant").into());
            }
        }
        Ok((tenancy, directory))
    }
}

fn tenancy(route: &Route<'_>) -> Result<Tenancy<Client>> {
    debug_assert_eq!(route.tenants.len(), HOSTS);
    Ok(Tenancy::builder()
        .app::<customers::App>()
        .app::<shop::App>()
        .r2d2(r2d2::Pool::builder().max_size(1))
        .connect(route.url)?)
}
