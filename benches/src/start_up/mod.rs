//! The case of start-ups: every schema of a database is brought up to date, the shared one and all tenants'.
//!
//! Each time somebody new starts, whose connections know nothing yet, as in a new process. They are opened before the
//! clock runs; the list of tenants is read while it does. All variants have their turn in each round. What the last
//! migration did is reverted by hand between two turns.
//!
//! | module | is |
//! |---|---|
//! | [`floor`] | the least that it can cost: by hand, one message a tenant |
//! | [`pending_loop`] | what people write today: Diesel's `run_pending_migrations`, tenant by tenant |
//! | [`ours`] | this library, through what it shows to everybody |

mod floor;
mod ours;
mod pending_loop;

use crate::Result;
use crate::apps::{self, shop};
use crate::cases::Case;
use crate::row::{Row, Times};
use crate::site::{Route, Site};
use crate::variants::{FLOOR, OURS};
use crate::work::{Pending, Work};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::time::Instant;
use tenant_diesel::App;

pub(crate) const LOOP: &str = "a loop of run_pending_migrations";

/// How often each variant starts. Few, for it takes a thousand times as long as a request.
pub(crate) const ROUNDS: usize = 5;

/// All variants, in the order of the table.
const VARIANTS: [Kind; 3] = [
    Kind {
        name: FLOOR,
        open: floor::open,
    },
    Kind {
        name: LOOP,
        open: |route, _| pending_loop::open(route),
    },
    Kind {
        name: OURS,
        open: |route, _| ours::open(route),
    },
];

struct Kind {
    name: &'static str,
    open: fn(&Route<'_>, Pending) -> Result<Box<dyn StartUp>>,
}

/// An application that is connected, and about to start.
trait StartUp {
    /// Brings all schemas up to date. Returns how many migrations it applied.
    fn start(&mut self) -> Result<usize>;
}

/// Measures the start-up of an application whose tenants are all those of the site.
pub(crate) fn measure(case: &Case, site: &Site) -> Result<Vec<Row>> {
    let Work::StartUp(pending) = case.work else {
        return Err("this is about requests".into());
    };
    let mut rows = Vec::new();
    // What is counted comes first: it does no harm there that the server sees its files for the first time.
    let (route, proxy) = site.counted();
    for kind in &VARIANTS {
        let mut application = prepare(kind, pending, &route, site)?;
        let (cost, applied) = proxy.count_all(|| application.start());
        check(kind, pending, applied?, site)?;
        let mut row = Row::new(*case, kind.name, Times::default());
        row.round_trips = cost.round_trips as f64;
        row.statements = cost.statements as f64;
        rows.push(row);
    }
    let mut times = vec![Vec::new(); VARIANTS.len()];
    for round in 0..ROUNDS {
        // Nobody always follows the same one.
        for turn in 0..VARIANTS.len() {
            let index = (round + turn) % VARIANTS.len();
            let kind = &VARIANTS[index];
            let mut application = prepare(kind, pending, &site.straight(), site)?;
            let start = Instant::now();
            let applied = application.start()?;
            times[index].push(start.elapsed().as_secs_f64() * 1e6);
            check(kind, pending, applied, site)?;
        }
    }
    for (row, times) in rows.iter_mut().zip(times) {
        row.times = Times::of(times);
    }
    Row::compare_times(&mut rows);
    Ok(rows)
}

/// Connects an application to a database in which this is pending; in between, nothing ever is.
fn prepare(kind: &Kind, pending: Pending, route: &Route<'_>, site: &Site) -> Result<Box<dyn StartUp>> {
    if pending == Pending::OneMigration {
        revert(site)?;
    }
    (kind.open)(route, pending)
}

/// A start-up that does nothing is fast.
fn check(kind: &Kind, pending: Pending, applied: usize, site: &Site) -> Result {
    let expected = match pending {
        Pending::Nothing => 0,
        Pending::OneMigration => site.tenants.len(),
    };
    if applied == expected {
        return Ok(());
    }
    let name = kind.name;
    Err(format!("\"{name}\" applied {applied} migrations, and should have applied {expected}").into())
}

/// Reverts the last migration of each tenant. Fails where a tenant does not have it.
fn revert(site: &Site) -> Result {
    let mut conn = PgConnection::establish(site.straight().url)?;
    let (down, ledger, version) = (apps::DOWN, apps::LEDGER, last_version()?);
    for tenant in &site.tenants {
        let schema = tenant.schema_name.quoted();
        conn.batch_execute(&format!(
            "BEGIN; SET LOCAL search_path TO {schema}; {down}; DELETE FROM {ledger} WHERE version = '{version}'; COMMIT"
        ))?;
    }
    Ok(())
}

/// The version of the migration that is pending, where one is.
fn last_version() -> Result<String> {
    let versions = shop::App::migration_versions();
    Ok(versions
        .into_iter()
        .next_back()
        .ok_or("the shop has no migrations")?)
}
