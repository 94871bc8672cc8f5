//! What people write today: for the shared schema and then for each tenant, `SET search_path` and Diesel's
//! `run_pending_migrations`, on one connection. There is no lock.

use crate::Result;
use crate::apps::customers::{self, Client, clients};
use crate::apps::shop;
use crate::site::Route;
use crate::start_up::StartUp;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use tenant_diesel::EmbeddedApp;

struct Loop(PgConnection);

pub(super) fn open(route: &Route<'_>) -> Result<Box<dyn StartUp>> {
    Ok(Box::new(Loop(PgConnection::establish(route.url)?)))
}

impl StartUp for Loop {
    fn start(&mut self) -> Result<usize> {
        let Self(conn) = self;
        let mut applied = conn.run_pending_migrations(customers::App::MIGRATIONS)?.len();
        let tenants: Vec<Client> = clients::table.select(Client::as_select()).load(conn)?;
        for tenant in tenants {
            conn.batch_execute(&format!("SET search_path TO {}", tenant.schema_name.quoted()))?;
            applied += conn.run_pending_migrations(shop::App::MIGRATIONS)?.len();
        }
        Ok(applied)
    }
}
