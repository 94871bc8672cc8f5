//! A pool for each tenant, whose connections are on the tenant's path from their start. Each has one connection, opened
//! when it is first used: with more, a hundred tenants would already be too many for one server.

use crate::Result;
use crate::apps::customers::Client;
use crate::cases::Case;
use crate::site::Route;
use crate::variants::{Part, Variant, Worker, perform};
use crate::work::Work;
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use tenant_diesel::SchemaName;

/// A server has some hundred connections.
const MOST_TENANTS: usize = 100;

type OnePool = Pool<ConnectionManager<PgConnection>>;

#[derive(Clone)]
struct Pools {
    urls: Arc<HashMap<SchemaName, String>>,
    pools: Arc<RwLock<HashMap<SchemaName, OnePool>>>,
}

pub(super) fn takes_part(case: &Case) -> Part {
    if case.draw.tenants() <= MOST_TENANTS {
        Part::Yes
    } else {
        Part::Cannot("a connection for each tenant is more than a server has")
    }
}

pub(super) fn open(route: &Route<'_>) -> Result<Box<dyn Variant>> {
    let urls = route.tenants.iter();
    let urls = urls.map(|tenant| (tenant.schema_name.clone(), route.url_of(tenant)));
    Ok(Box::new(Pools {
        urls: Arc::new(urls.collect()),
        pools: Arc::default(),
    }))
}

impl Pools {
    fn pool(&self, schema: &SchemaName) -> Result<OnePool> {
        const POISONED: &str = "a thread panicked while it made a pool";
        if let Some(pool) = self.pools.read().map_err(|_| POISONED)?.get(schema) {
            return Ok(pool.clone());
        }
        let url = self.urls.get(schema).ok_or("nobody knows this tenant")?;
        let mut pools = self.pools.write().map_err(|_| POISONED)?;
        let pool = pools.entry(schema.clone()).or_insert_with(|| {
            Pool::builder()
                .max_size(1)
                .min_idle(Some(0))
                .build_unchecked(ConnectionManager::new(url))
        });
        Ok(pool.clone())
    }
}

impl Variant for Pools {
    fn worker(&self) -> Result<Box<dyn Worker>> {
        Ok(Box::new(self.clone()))
    }
}

impl Worker for Pools {
    fn request(&mut self, tenant: &Client, work: Work, key: i64) -> Result {
        let pool = self.pool(&tenant.schema_name)?;
        Ok(perform(&mut pool.get()?, work, key)?)
    }
}
