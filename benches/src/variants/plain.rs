//! An application with one tenant and no library for tenants: Diesel's pool with r2d2's defaults, which ask `SELECT 1`
//! at each checkout. What an application pays before it has a second tenant.

use crate::Result;
use crate::apps::customers::Client;
use crate::site::{POOL, Route};
use crate::variants::{Variant, Worker, memory_of, perform};
use crate::work::Work;
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, Pool};

#[derive(Clone)]
struct Plain(Pool<ConnectionManager<PgConnection>>);

pub(super) fn open(route: &Route<'_>) -> Result<Box<dyn Variant>> {
    let manager = ConnectionManager::<PgConnection>::new(route.url_of_one_tenant());
    Ok(Box::new(Plain(Pool::builder().max_size(POOL).build(manager)?)))
}

impl Variant for Plain {
    fn worker(&self) -> Result<Box<dyn Worker>> {
        Ok(Box::new(self.clone()))
    }

    fn memory(&self) -> Result<u64> {
        let mut conns = (0..POOL).map(|_| self.0.get()).collect::<Result<Vec<_>, _>>()?;
        conns.iter_mut().map(|conn| memory_of(&mut **conn)).sum()
    }
}

impl Worker for Plain {
    fn request(&mut self, _: &Client, work: Work, key: i64) -> Result {
        Ok(perform(&mut self.0.get()?, work, key)?)
    }
}
