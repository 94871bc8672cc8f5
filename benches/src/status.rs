//! The case of the status: where all tenants are, asked of [`Tenancy::status`], and of one ledger after the other.

use crate::Result;
use crate::apps::customers::{self, Client};
use crate::apps::shop;
use crate::cases::Case;
use crate::pending_loop;
use crate::row::Row;
use crate::site::Site;
use crate::turns::{self, Contestant, Took};
use crate::variants::OURS;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use tenant_diesel::{Tenancy, r2d2};

/// What people write today.
pub(crate) const ONE_BY_ONE: &str = "a loop of has_pending_migration";

const ROUNDS: usize = 5;

/// The loop takes seconds.
const ROUNDS_OF_LOOP: usize = 2;

/// Measures it, where no tenant is behind.
pub(crate) fn measure(case: &Case, site: &Site) -> Result<Vec<Row>> {
    let tenants = site.tenants.len();
    // The library knows nothing yet of tenants that it did not make.
    tenancy(site.straight().url)?.migrate()?;
    let one_by_one = Contestant {
        name: ONE_BY_ONE,
        rounds: ROUNDS_OF_LOOP,
        counted_is_timed: false,
        prepare: Box::new(move |route, _| {
            let mut conn = PgConnection::establish(route.url)?;
            Ok(Box::new(move || {
                let found = pending_loop::up_to_date::<shop::App>(&mut conn)?;
                turns::expect("tenants that are up to date", found, tenants)?;
                Ok(Took::default())
            }))
        }),
    };
    let ours = Contestant {
        name: OURS,
        rounds: ROUNDS,
        counted_is_timed: false,
        prepare: Box::new(move |route, _| {
            let tenancy = tenancy(route.url)?;
            Ok(Box::new(move || {
                let status = tenancy.status()?;
                let found = status.versions.iter().map(|version| version.schemas).sum();
                turns::expect("tenants that the status knows", found, tenants)?;
                turns::expect("tenants that are behind", status.behind.len(), 0)?;
                Ok(Took::default())
            }))
        }),
    };
    turns::measure(case, site, ONE_BY_ONE, &[one_by_one, ours], &[])
}

fn tenancy(url: &str) -> Result<Tenancy<Client>> {
    Ok(Tenancy::builder()
        .app::<customers::App>()
        .app::<shop::App>()
        .r2d2(r2d2::Pool::builder().max_size(1))
        .connect(url)?)
}
