//! The least that the work can cost: a connection for each thread that nobody else uses, on the path of one tenant from
//! its start, with Diesel's prepared statements. There is no pool, and nothing is checked or switched.

use crate::Result;
use crate::apps::customers::Client;
use crate::site::Route;
use crate::variants::{Variant, Worker, perform};
use crate::work::Work;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;

struct Floor {
    url: String,
    pings: bool,
}

struct Dedicated {
    conn: PgConnection,
    pings: bool,
}

/// With a `SELECT 1` before each request if it `pings`: the floor for whoever must tell the server something first.
pub(super) fn open(route: &Route<'_>, pings: bool) -> Result<Box<dyn Variant>> {
    Ok(Box::new(Floor {
        url: route.url_of_one_tenant(),
        pings,
    }))
}

impl Variant for Floor {
    fn worker(&self) -> Result<Box<dyn Worker>> {
        let conn = PgConnection::establish(&self.url)?;
        Ok(Box::new(Dedicated {
            conn,
            pings: self.pings,
        }))
    }
}

impl Worker for Dedicated {
    fn request(&mut self, _: &Client, work: Work, key: i64) -> Result {
        if self.pings {
            self.conn.ping()?;
        }
        Ok(perform(&mut self.conn, work, key)?)
    }
}
