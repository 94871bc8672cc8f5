//! What people write today: the tenant's row, `CREATE SCHEMA`, `SET search_path` and Diesel's `run_pending_migrations`.

use super::Birthplace;
use crate::Result;
use crate::apps::customers::{Client, clients};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel_migrations::MigrationHarness;
use std::marker::PhantomData;
use tenant_diesel::EmbeddedApp;

struct ByDiesel<A>(PgConnection, PhantomData<A>);

pub(super) fn open<A: EmbeddedApp + 'static>(url: &str) -> Result<Box<dyn Birthplace>> {
    Ok(Box::new(ByDiesel::<A>(
        PgConnection::establish(url)?,
        PhantomData,
    )))
}

impl<A: EmbeddedApp> Birthplace for ByDiesel<A> {
    fn create(&mut self, tenant: &Client) -> Result {
        let (conn, schema) = (&mut self.0, tenant.schema_name.quoted());
        conn.batch_execute("SET search_path TO public")?;
        diesel::insert_into(clients::table).values(tenant).execute(conn)?;
        conn.batch_execute(&format!("CREATE SCHEMA {schema}; SET search_path TO {schema}"))?;
        conn.run_pending_migrations(A::MIGRATIONS)?;
        Ok(())
    }
}
