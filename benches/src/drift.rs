//! The case of drift: the structure of all tenants is compared, by [`Tenancy::drift`] as it is, and by the same query for one tenant
//! after the other. Both read all of a database in which no tenant differs.

use crate::Result;
use crate::apps::customers::{self, Client};
use crate::apps::shop;
use crate::cases::Case;
use crate::row::{Row, Times};
use crate::site::{Route, Site};
use crate::variants::OURS;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::time::Instant;
use tenant_diesel::__private::fingerprints_by;
use tenant_diesel::{SchemaName, Tenancy, r2d2};

pub(crate) const ONE_BY_ONE: &str = "one query per tenant";

/// How often each variant reads all tenants. Few, for it takes seconds.
pub(crate) const ROUNDS: usize = 3;

/// How many tenants a connection serves before another one does, in the library as here.
const TENANTS_A_CONNECTION: usize = 500;

/// All variants, in the order of the table: the first is what the others are compared with. Another number of schemas in a
/// query is a line here.
const VARIANTS: [(&str, Option<usize>); 2] = [(ONE_BY_ONE, Some(1)), (OURS, None)];

/// Measures it.
pub(crate) fn measure(case: &Case, site: &Site) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    // What is counted comes first, and warms the server.
    let (route, proxy) = site.counted();
    for (name, by) in VARIANTS {
        let (cost, read) = proxy.count_all(|| read(&route, by));
        check(read?, site)?;
        let mut row = Row::new(*case, name, Times::default());
        row.round_trips = cost.round_trips as f64;
        row.statements = cost.statements as f64;
        rows.push(row);
    }
    let mut times = vec![Vec::new(); VARIANTS.len()];
    for round in 0..ROUNDS {
        // Nobody always follows the same one.
        for turn in 0..VARIANTS.len() {
            let index = (round + turn) % VARIANTS.len();
            let start = Instant::now();
            let found = read(&site.straight(), VARIANTS[index].1)?;
            times[index].push(start.elapsed().as_secs_f64() * 1e6);
            check(found, site)?;
        }
    }
    for (row, times) in rows.iter_mut().zip(times) {
        row.times = Times::of(times);
    }
    let one_by_one = rows.first().map_or(1.0, |row| row.times.median);
    for row in &mut rows {
        row.ratio_to_floor = row.times.median / one_by_one;
    }
    Ok(rows)
}

/// Reads all tenants. Returns how many there are, and how many kinds of them.
fn read(route: &Route<'_>, by: Option<usize>) -> Result<(usize, usize)> {
    let Some(by) = by else {
        let report = Tenancy::<Client>::builder()
            .app::<customers::App>()
            .app::<shop::App>()
            .r2d2(r2d2::Pool::builder().max_size(1))
            .connect(route.url)?
            .drift()?;
        return Ok((report.schemas(), 1 + report.drifted().count()));
    };
    let mut conn = PgConnection::establish(route.url)?;
    let schemas: Vec<SchemaName> = customers::clients::table
        .select(customers::clients::schema_name)
        .load(&mut conn)?;
    let mut found = Vec::new();
    for schemas in schemas.chunks(TENANTS_A_CONNECTION) {
        conn = PgConnection::establish(route.url)?;
        found.extend(fingerprints_by(&mut conn, schemas, by)?);
    }
    let tenants = found.len();
    found.sort_unstable();
    found.dedup();
    Ok((tenants, found.len()))
}

/// A comparison that reads nothing is fast.
fn check(found: (usize, usize), site: &Site) -> Result {
    if found == (site.tenants.len(), 1) {
        return Ok(());
    }
    Err(format!("{} tenants of {} kinds were found", found.0, found.1).into())
}
