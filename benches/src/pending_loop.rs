//! What people write today: for the shared schema and then for each tenant, `SET search_path` and a function of Diesel's, on
//! one connection. There is no lock.

use crate::Result;
use crate::apps::customers::{self, Client, clients};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use tenant_diesel::EmbeddedApp;

/// `run_pending_migrations`. Returns how many it applied.
pub(crate) fn migrate<A: EmbeddedApp>(conn: &mut PgConnection) -> Result<usize> {
    let mut applied = conn.run_pending_migrations(customers::App::MIGRATIONS)?.len();
    let tenants: Vec<Client> = clients::table.select(Client::as_select()).load(conn)?;
    for tenant in tenants {
        enter(conn, &tenant)?;
        applied += conn.run_pending_migrations(A::MIGRATIONS)?.len();
    }
    Ok(applied)
}

/// `has_pending_migration`. Returns how many tenants have none.
pub(crate) fn up_to_date<A: EmbeddedApp>(conn: &mut PgConnection) -> Result<usize> {
    let tenants: Vec<Client> = clients::table.select(Client::as_select()).load(conn)?;
    let mut count = 0;
    for tenant in tenants {
        enter(conn, &tenant)?;
        count += usize::from(!conn.has_pending_migration(A::MIGRATIONS)?);
    }
    Ok(count)
}

fn enter(conn: &mut PgConnection, tenant: &Client) -> Result {
    Ok(conn.batch_execute(&format!("SET search_path TO {}", tenant.schema_name.quoted()))?)
}
