//! What people write today: Diesel's pool with r2d2's defaults, and `SET search_path` after each `get`.

use crate::Result;
use crate::apps::customers::Client;
use crate::site::{POOL, Route};
use crate::variants::{Variant, Worker, memory_of, perform};
use crate::work::Work;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, Pool};

#[derive(Clone)]
struct Naive(Pool<ConnectionManager<PgConnection>>);

pub(super) fn open(route: &Route<'_>) -> Result<Box<dyn Variant>> {
    let manager = ConnectionManager::<PgConnection>::new(route.url);
    Ok(Box::new(Naive(Pool::builder().max_size(POOL).build(manager)?)))
}

impl Variant for Naive {
    fn worker(&self) -> Result<Box<dyn Worker>> {
        Ok(Box::new(self.clone()))
    }

    fn memory(&self) -> Result<u64> {
        let mut conns = (0..POOL).map(|_| self.0.get()).collect::<Result<Vec<_>, _>>()?;
        conns.iter_mut().map(|conn| memory_of(&mut **conn)).sum()
    }
}

impl Worker for Naive {
    fn request(&mut self, tenant: &Client, work: Work, key: i64) -> Result {
        let mut conn = self.0.get()?;
        conn.batch_execute(&format!("SET search_path TO {}", tenant.schema_name.quoted()))?;
        Ok(perform(&mut conn, work, key)?)
    }
}
