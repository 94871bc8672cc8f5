//! [`Site`]: a PostgreSQL of the run's own, with all tenants in it.

use crate::Result;
use crate::apps::customers::Client;
use crate::apps::{self, customers, shop};
use diesel::connection::SimpleConnection;
use diesel::migration::CREATE_MIGRATIONS_TABLE;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use std::thread;
use tenant_diesel::{App, SchemaName, Tenancy};
use tenant_testing::{Database, Postgres, Proxy};

/// How many connections a pool has.
pub(crate) const POOL: u32 = 8;

/// How many connections make the tenants.
const MAKERS: usize = 2;

/// A database with tenants.
#[derive(Debug)]
pub(crate) struct Site {
    database: Database,
    proxy: Proxy,
    pub(crate) tenants: Vec<Client>,
    /// As the server says it.
    pub(crate) server_version: String,
}

/// The way to the database: straight, or through the proxy that counts.
#[derive(Clone, Debug)]
pub(crate) struct Route<'a> {
    pub(crate) url: &'a str,
    pub(crate) tenants: &'a [Client],
}

impl Site {
    /// Starts a server, and makes a database with tenants.
    pub(crate) fn open(tenants: usize) -> Result<Self> {
        let postgres = Postgres::builder()
            // One pool a tenant, for a hundred tenants, beside the other pools.
            .setting("max_connections", "300")
            .setting("shared_buffers", "512MB")
            // Nothing in the background that would hit one variant and not the other.
            .setting("autovacuum", "off")
            .setting("checkpoint_timeout", "1h")
            .setting("max_wal_size", "4GB")
            // Less to write while the tenants are made.
            .setting("wal_level", "minimal")
            .setting("max_wal_senders", "0")
            .start()?;
        Self::in_database(postgres.database()?, tenants, &apps::UP.join(";"))
    }

    /// Another database on the same server, with tenants of its own.
    pub(crate) fn beside(&self, tenants: usize) -> Result<Self> {
        Self::in_database(self.database.postgres().database()?, tenants, &apps::UP.join(";"))
    }

    /// The same with empty tables, where it is about these alone: less than half the work.
    pub(crate) fn beside_without_rows(&self, tenants: usize) -> Result<Self> {
        let migrations = apps::UP.join(";");
        let is_of_tables = |line: &&str| !line.starts_with("INSERT");
        let migrations: Vec<_> = migrations.lines().filter(is_of_tables).collect();
        Self::in_database(
            self.database.postgres().database()?,
            tenants,
            &migrations.join("\n"),
        )
    }

    /// Makes the tenants, all schemas of several of them at a time: they are not born here, for births are not what is
    /// measured.
    fn in_database(database: Database, tenants: usize, migrations: &str) -> Result<Self> {
        Tenancy::<Client>::builder()
            .app::<customers::App>()
            .app::<shop::App>()
            .r2d2(tenant_diesel::r2d2::Pool::builder().max_size(1))
            .connect(database.url())?
            .migrate()?;
        let tenants: Vec<_> = (0..tenants).map(client).collect::<Result<_>>()?;
        let (url, makers) = (database.url(), tenants.len().div_ceil(MAKERS));
        thread::scope(|scope| {
            let makers: Vec<_> = tenants
                .chunks(makers)
                .map(|tenants| scope.spawn(|| make(url, tenants, migrations)))
                .collect();
            makers
                .into_iter()
                .try_for_each(|maker| maker.join().map_err(|_| "a maker of tenants panicked")?)
        })?;
        let mut conn = database.connect()?;
        // What was just written is not to be written out in the middle of a measurement.
        conn.batch_execute("CHECKPOINT")?;
        let version = diesel::dsl::sql::<diesel::sql_types::Text>("current_setting('server_version')");
        let server_version = diesel::select(version).get_result(&mut conn)?;
        let (proxy, _) = Proxy::before(database.url())?;
        Ok(Self {
            database,
            proxy,
            tenants,
            server_version,
        })
    }

    /// The straight way.
    pub(crate) fn straight(&self) -> Route<'_> {
        Route {
            url: self.database.url(),
            tenants: &self.tenants,
        }
    }

    /// The way through the proxy, and the proxy.
    pub(crate) fn counted(&self) -> (Route<'_>, &Proxy) {
        let route = Route {
            url: self.proxy.url(),
            tenants: &self.tenants,
        };
        (route, &self.proxy)
    }
}

impl Route<'_> {
    /// A URL whose connections are on the path of the first tenant from their start: an application of that tenant alone.
    pub(crate) fn url_of_one_tenant(&self) -> String {
        self.url_of(&self.tenants[0])
    }

    /// The same for any tenant.
    pub(crate) fn url_of(&self, tenant: &Client) -> String {
        format!("{}?options=-csearch_path%3D{}", self.url, tenant.schema_name)
    }
}

fn client(number: usize) -> Result<Client> {
    let name = format!("shop_{number}");
    Ok(Client {
        id: i32::try_from(number)?,
        schema_name: SchemaName::new(&name)?,
        name,
    })
}

fn make(url: &str, tenants: &[Client], migrations: &str) -> Result {
    // A backend keeps what it knows of each table, so each makes but some tenants.
    const TENANTS_A_CONNECTION: usize = 25;
    let ledger = ledger();
    for tenants in tenants.chunks(TENANTS_A_CONNECTION) {
        let mut conn = PgConnection::establish(url)?;
        for Client {
            id,
            schema_name,
            name,
        } in tenants
        {
            conn.batch_execute(&format!(
                "BEGIN; \
                 INSERT INTO public.clients (id, schema_name, name) VALUES ({id}, '{schema_name}', '{name}'); \
                 CREATE SCHEMA {schema_name}; SET LOCAL search_path TO {schema_name}; \
                 {migrations}; {ledger}; COMMIT"
            ))?;
        }
    }
    Ok(())
}

/// Makes the ledger that the migrations would have left, had Diesel run them.
fn ledger() -> String {
    let versions = shop::App::migration_versions();
    let rows: Vec<_> = versions.iter().map(|version| format!("('{version}')")).collect();
    let rows = rows.join(", ");
    format!(
        "{CREATE_MIGRATIONS_TABLE}; INSERT INTO {} (version) VALUES {rows}",
        apps::LEDGER
    )
}
