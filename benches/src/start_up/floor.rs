//! The least that a start-up can cost: by hand, on a connection of its own, one message a tenant. Where nothing is
//! pending, each ledger is read, by its qualified name. Where a migration is, somebody knows that already, and sends it
//! with its row of the ledger, in one transaction. There is no lock.

use crate::Result;
use crate::apps::customers::{self, Client, clients};
use crate::apps::{self, LEDGER, shop};
use crate::site::Route;
use crate::start_up::{StartUp, last_version};
use crate::work::Pending;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use tenant_diesel::App;

struct Floor {
    conn: PgConnection,
    pending: Pending,
}

pub(super) fn open(route: &Route<'_>, pending: Pending) -> Result<Box<dyn StartUp>> {
    let conn = PgConnection::establish(route.url)?;
    Ok(Box::new(Floor { conn, pending }))
}

impl StartUp for Floor {
    fn start(&mut self) -> Result<usize> {
        let tenants: Vec<Client> = clients::table.select(Client::as_select()).load(&mut self.conn)?;
        match self.pending {
            Pending::Nothing => {
                let mut missing = self.missing("public", &customers::App::migration_versions())?;
                let versions = shop::App::migration_versions();
                for tenant in &tenants {
                    missing += self.missing(&tenant.schema_name.quoted(), &versions)?;
                }
                Ok(missing)
            }
            Pending::OneMigration => {
                let version = last_version()?;
                for tenant in &tenants {
                    self.migrate(tenant, &version)?;
                }
                Ok(tenants.len())
            }
        }
    }
}

impl Floor {
    /// How many of these migrations a schema does not have.
    fn missing(&mut self, schema: &str, versions: &[String]) -> Result<usize> {
        #[derive(QueryableByName)]
        struct Applied {
            #[diesel(sql_type = Text)]
            version: String,
        }
        let query = format!("SELECT version::text FROM {schema}.{LEDGER}");
        let applied: Vec<Applied> = diesel::sql_query(query).load(&mut self.conn)?;
        let is_applied = |version: &&String| applied.iter().any(|row| row.version == **version);
        Ok(versions.iter().filter(|version| !is_applied(version)).count())
    }

    fn migrate(&mut self, tenant: &Client, version: &str) -> Result {
        let (schema, [.., migration]) = (tenant.schema_name.quoted(), apps::UP);
        Ok(self.conn.batch_execute(&format!(
            "BEGIN; SET LOCAL search_path TO {schema}; {migration}; \
             INSERT INTO {LEDGER} (version) VALUES ('{version}'); COMMIT"
        ))?)
    }
}
