//! This library, through its public interface.

use crate::Result;
use crate::apps::customers::{self, Client};
use crate::apps::shop;
use crate::site::{POOL, Route};
use crate::variants::{Variant, Worker, memory_of};
use crate::work::Work;
use tenant_diesel::{Tenancy, TenancyBuilder, r2d2};

#[derive(Clone)]
struct Ours {
    tenancy: Tenancy<Client>,
}

/// `configured` is what an application would add to the builder.
pub(super) fn open(
    route: &Route<'_>,
    configured: fn(TenancyBuilder<Client>) -> TenancyBuilder<Client>,
) -> Result<Box<dyn Variant>> {
    let tenancy = Tenancy::builder()
        .app::<customers::App>()
        .app::<shop::App>()
        .r2d2(r2d2::Pool::builder().max_size(POOL));
    let tenancy = configured(tenancy).connect(route.url)?;
    Ok(Box::new(Ours { tenancy }))
}

impl Variant for Ours {
    fn worker(&self) -> Result<Box<dyn Worker>> {
        Ok(Box::new(self.clone()))
    }

    fn memory(&self) -> Result<u64> {
        let conns = (0..POOL).map(|_| self.tenancy.get_public());
        let mut conns = conns.collect::<Result<Vec<_>, _>>()?;
        conns.iter_mut().map(memory_of).sum()
    }
}

impl Worker for Ours {
    fn request(&mut self, tenant: &Client, work: Work, key: i64) -> Result {
        if work.wants_transaction() {
            self.tenancy.transaction(tenant, |conn| work.run(conn, key))?;
        } else {
            self.tenancy.with_tenant(tenant, |conn| work.run(conn, key))?;
        }
        Ok(())
    }
}
