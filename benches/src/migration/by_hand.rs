//! The least that it can cost: one message a tenant, with the migration and its row of the ledger in one transaction. Nobody looks what
//! is pending, and there is no lock.

use super::last;
use crate::Result;
use crate::apps::LEDGER;
use crate::apps::customers::Client;
use crate::site::Route;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::thread;

pub(super) fn run(route: &Route<'_>, connections: usize) -> Result<usize> {
    let share = route.tenants.len().div_ceil(connections).max(1);
    thread::scope(|scope| {
        let shares: Vec<_> = route
            .tenants
            .chunks(share)
            .map(|tenants| scope.spawn(|| some(route.url, tenants)))
            .collect();
        let shares = shares.into_iter();
        shares
            .map(|share| share.join().map_err(|_| "somebody panicked")?)
            .sum::<Result<usize>>()
    })
}

fn some(url: &str, tenants: &[Client]) -> Result<usize> {
    let mut conn = PgConnection::establish(url)?;
    for tenant in tenants {
        conn.batch_execute(&statements(tenant)?.join(" "))?;
    }
    Ok(tenants.len())
}

/// What is sent for a tenant, each with its semicolon.
pub(super) fn statements(tenant: &Client) -> Result<Vec<String>> {
    let (schema, last) = (tenant.schema_name.quoted(), last()?);
    Ok(vec![
        "BEGIN;".to_owned(),
        format!("SET LOCAL search_path TO {schema};"),
        last.up.to_owned(),
        format!("INSERT INTO {LEDGER} (version) VALUES ('{}');", last.version),
        "COMMIT;".to_owned(),
    ])
}
