//! The case of one migration: a column with a default and an index, over all tenants, none of which has them. It is the last one of
//! the workload.
//!
//! In between, the migration is reverted by hand, and what the library had noted is mended, before the clock runs. The time begins
//! before the first connection is opened.
//!
//! | module | is |
//! |---|---|
//! | [`psql`] | the same statements through psql, on as many connections |
//! | [`by_hand`] | the least that it can cost: one message a tenant |
//! | [`put_back`] | how it is reverted |

mod by_hand;
mod psql;
mod put_back;

use crate::Result;
use crate::apps::customers::{self, Client};
use crate::apps::workload;
use crate::cases::Case;
use crate::pending_loop;
use crate::row::Row;
use crate::site::{Route, Site};
use crate::start_up::LOOP;
use crate::turns::{self, Contestant, Took};
use crate::variants::OURS;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use tenant_diesel::{EmbeddedApp, MigrationFile, Tenancy, r2d2};

pub(crate) const PSQL: &str = "psql";
const BY_HAND: &str = "one message a tenant";

/// How often each variant migrates all tenants: few, for it takes seconds.
pub(crate) const ROUNDS: usize = 3;

/// Does it, on so many connections. Returns how many migrations it applied.
type Run = fn(&Route<'_>, connections: usize) -> Result<usize>;

/// All variants, in the order of the table: the first is what the others are compared with.
const VARIANTS: [(&str, Run); 4] = [
    (PSQL, psql::run),
    (BY_HAND, by_hand::run),
    (LOOP, |route, _| {
        pending_loop::migrate::<workload::App>(&mut PgConnection::establish(route.url)?)
    }),
    (OURS, ours),
];

/// Measures it on as many connections as the case has threads.
pub(crate) fn measure(case: &Case, site: &Site, before: &[Row], notes: &mut Vec<String>) -> Result<Vec<Row>> {
    let (connections, tenants) = (case.threads, site.tenants.len());
    let has_psql = psql::is_there(site.straight().url)?;
    if !has_psql {
        notes.push(
            "No row for psql, which is not there: what it would be compared with is one message a tenant."
                .to_owned(),
        );
    }
    let takes_part = |name: &str| (name != LOOP || connections == 1) && (name != PSQL || has_psql);
    let contestants: Vec<_> = VARIANTS
        .into_iter()
        .filter(|(name, _)| takes_part(name))
        .map(|(name, run)| Contestant {
            name,
            rounds: ROUNDS,
            counted_is_timed: false,
            prepare: Box::new(move |route, _| {
                put_back::all(site, name == OURS)?;
                let route = route.clone();
                Ok(Box::new(move || {
                    turns::expect("migrations applied", run(&route, connections)?, tenants)?;
                    Ok(Took::default())
                }))
            }),
        })
        .collect();
    turns::measure(
        case,
        site,
        if has_psql { PSQL } else { BY_HAND },
        &contestants,
        before,
    )
}

fn ours(route: &Route<'_>, connections: usize) -> Result<usize> {
    let run = tenancy(route.url, connections)?;
    let run = run.migration();
    let run = match connections {
        1 => run.sequential(),
        _ => run.parallel(connections),
    };
    Ok(run.run()?.applied())
}

fn tenancy(url: &str, connections: usize) -> Result<Tenancy<Client>> {
    Ok(Tenancy::builder()
        .app::<customers::App>()
        .app::<workload::App>()
        .r2d2(r2d2::Pool::builder().max_size(u32::try_from(connections)?))
        .connect(url)?)
}

/// The migration.
fn last() -> Result<&'static MigrationFile> {
    Ok(workload::App::FILES
        .last()
        .ok_or("the workload has no migrations")?)
}
