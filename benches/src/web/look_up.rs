//! From a host, as a request has it, to its tenant.

use super::hosts::Hosts;
use super::{BY_HAND, Contestant, Named, OURS_CACHED, OURS_UNCACHED};
use crate::Result;
use crate::apps::customers::{Client, clients, domains};
use crate::site::Route;
use crate::turns;
use diesel::prelude::*;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenant_diesel::prelude::*;
use tenant_diesel::{CachedDirectory, Directory, Hostname, TenantDirectory};

/// The query, on a connection that is there for nothing else.
struct ByHand {
    conn: PgConnection,
    hosts: Arc<Hosts>,
}

/// What the directory knows.
struct Cached {
    directory: CachedDirectory<Client>,
    hosts: Arc<Hosts>,
}

/// What it does not know.
struct Uncached {
    directory: TenantDirectory<Client>,
    hosts: Arc<Hosts>,
}

/// All variants. The first is what the others are compared with.
pub(super) fn all(route: &Route<'_>, hosts: &Arc<Hosts>) -> Result<Vec<Named>> {
    let hosts = || Arc::clone(hosts);
    let (_, directory) = hosts().directory(route)?;
    let by_hand = ByHand {
        conn: PgConnection::establish(route.url)?,
        hosts: hosts(),
    };
    let cached = Cached {
        directory: directory.cached(),
        hosts: hosts(),
    };
    // One of its own, for it forgets.
    let (_, directory) = hosts().directory(route)?;
    let uncached = Uncached {
        directory,
        hosts: hosts(),
    };
    Ok(vec![
        (BY_HAND, Box::new(by_hand)),
        (OURS_CACHED, Box::new(cached)),
        (OURS_UNCACHED, Box::new(uncached)),
    ])
}

impl Contestant for ByHand {
    fn take_turn(&mut self, tenants: &[usize]) -> Result<Duration> {
        let start = Instant::now();
        for tenant in tenants {
            let found: Client = domains::table
                .inner_join(clients::table)
                .filter(domains::domain.eq(&self.hosts.names[*tenant]))
                .select(Client::as_select())
                .first(&mut self.conn)?;
            black_box(found);
        }
        Ok(start.elapsed())
    }
}

impl Contestant for Cached {
    fn take_turn(&mut self, tenants: &[usize]) -> Result<Duration> {
        let start = Instant::now();
        for tenant in tenants {
            let host = Hostname::parse(&self.hosts.names[*tenant])?;
            let found = self.directory.by_domain(&host, &Folder::NONE)?;
            black_box(found.ok_or("nobody is there")?);
        }
        Ok(start.elapsed())
    }
}

impl Contestant for Uncached {
    fn take_turn(&mut self, tenants: &[usize]) -> Result<Duration> {
        let before = self.directory.metrics().queries;
        let mut took = Duration::ZERO;
        for tenant in tenants {
            self.directory.invalidate(&self.hosts.schemas[*tenant]);
            let start = Instant::now();
            let host = Hostname::parse(&self.hosts.names[*tenant])?;
            let found = self.directory.by_domain(&host, &Folder::NONE)?;
            black_box(found.ok_or("nobody is there")?);
            took += start.elapsed();
        }
        let asked = self.directory.metrics().queries - before;
        turns::expect(
            "questions to the database",
            usize::try_from(asked)?,
            tenants.len(),
        )?;
        Ok(took)
    }
}
