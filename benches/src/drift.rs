//! The case of drift: the structure of all tenants is compared, by [`Tenancy::drift`] as it is, and by the same query for one tenant
//! after the other. Both read all of a database in which no tenant differs.

use crate::Result;
use crate::apps::customers::{self, Client};
use crate::apps::shop;
use crate::cases::Case;
use crate::row::Row;
use crate::site::{Route, Site};
use crate::turns::{self, Contestant, Took};
use crate::variants::OURS;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use tenant_diesel::__private::fingerprints_by;
use tenant_diesel::{SchemaName, Tenancy, r2d2};

pub(crate) const ONE_BY_ONE: &str = "one query per tenant";

/// How often each variant reads all tenants: few, for it takes seconds, and half a minute by single queries.
const ROUNDS: [usize; 2] = [1, 2];

/// How many tenants a connection serves before another one does, in the library as here.
const TENANTS_A_CONNECTION: usize = 500;

/// All variants, in the order of the table: the first is what the others are compared with. Another number of schemas in a
/// query is a line here.
const VARIANTS: [(&str, Option<usize>); 2] = [(ONE_BY_ONE, Some(1)), (OURS, None)];

/// Measures it.
pub(crate) fn measure(case: &Case, site: &Site) -> Result<Vec<Row>> {
    let contestants: Vec<_> = VARIANTS
        .into_iter()
        .zip(ROUNDS)
        .map(|((name, by), rounds)| Contestant {
            name,
            rounds,
            counted_is_timed: true,
            prepare: Box::new(move |route, _| {
                let route = route.clone();
                Ok(Box::new(move || {
                    check(read(&route, by)?, site)?;
                    Ok(Took::default())
                }))
            }),
        })
        .collect();
    turns::measure(case, site, ONE_BY_ONE, &contestants, &[])
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
