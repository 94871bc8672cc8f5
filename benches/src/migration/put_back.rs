//! Back to where no tenant has the last migration, wherever the tenants are: some have it, or all, or none.

use super::{last, tenancy};
use crate::Result;
use crate::apps::LEDGER;
use crate::apps::customers::Client;
use crate::site::Site;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use std::thread;

/// How many connections do it.
const CONNECTIONS: usize = 2;

/// How many tenants in a message.
const TENANTS_A_MESSAGE: usize = 25;

/// The catalogs of which each migration leaves dead rows. Nobody else cleans up: the server has no autovacuum.
const CATALOGS: &str = "pg_attribute, pg_attrdef, pg_class, pg_index, pg_depend, pg_statistic";

/// Reverts it in all tenants, by plain SQL. For the library, what it had noted is mended, or noted for the first time.
pub(super) fn all(site: &Site, for_the_library: bool) -> Result {
    let url = site.straight().url;
    let mut conn = PgConnection::establish(url)?;
    if is_migrated(&mut conn, site)? {
        let share = site.tenants.len().div_ceil(CONNECTIONS).max(1);
        thread::scope(|scope| {
            let all: Vec<_> = site
                .tenants
                .chunks(share)
                .map(|tenants| scope.spawn(|| some(url, tenants)))
                .collect();
            all.into_iter()
                .try_for_each(|some| some.join().map_err(|_| "somebody panicked")?)
        })?;
    }
    if for_the_library {
        tenancy(url, 1)?.verify()?;
    }
    conn.batch_execute(&format!("VACUUM {CATALOGS}"))?;
    site.checkpoint()
}

/// Whether the first tenant has the migration: all have it, then, or reverting it fails.
fn is_migrated(conn: &mut PgConnection, site: &Site) -> Result<bool> {
    let Some(first) = site.tenants.first() else {
        return Ok(false);
    };
    let schema = first.schema_name.quoted();
    let query = diesel::dsl::sql::<Bool>(&format!("EXISTS (SELECT FROM {schema}.{LEDGER} WHERE version = "));
    let query = query.bind::<Text, _>(last()?.version).sql(")");
    Ok(diesel::select(query).get_result(conn)?)
}

fn some(url: &str, tenants: &[Client]) -> Result {
    let last = last()?;
    let (down, version) = (last.down.ok_or("the migration cannot be reverted")?, last.version);
    let mut conn = PgConnection::establish(url)?;
    for tenants in tenants.chunks(TENANTS_A_MESSAGE) {
        let mut message = "BEGIN;".to_owned();
        for tenant in tenants {
            let schema = tenant.schema_name.quoted();
            message += &format!(
                "SET LOCAL search_path TO {schema}; {down}; DELETE FROM {LEDGER} WHERE version = '{version}';"
            );
        }
        message += "COMMIT";
        conn.batch_execute(&message)?;
    }
    Ok(())
}
