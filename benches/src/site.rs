//! [`Site`]: a PostgreSQL of the run's own, with all tenants in it.

use crate::Result;
use crate::apps::customers::Client;
use crate::apps::{customers, shop};
use crate::schemas::Schemas;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tenant_diesel::{SchemaName, Tenancy};
use tenant_testing::{Database, Postgres, Proxy};

/// How many connections a pool has.
pub(crate) const POOL: u32 = 8;

/// A database with tenants.
#[derive(Debug)]
pub(crate) struct Site {
    database: Database,
    proxy: Proxy,
    pub(crate) tenants: Vec<Client>,
    /// As the server says it.
    pub(crate) server_version: String,
    /// Whether the server waits for the disk: `on` or `off`.
    pub(crate) fsync: String,
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
        Self::in_database(postgres.database()?, tenants, &Schemas::shop())
    }

    /// Another database on the same server, with tenants of its own.
    pub(crate) fn beside(&self, tenants: usize, schemas: &Schemas) -> Result<Self> {
        Self::in_database(self.database.postgres().database()?, tenants, schemas)
    }

    fn in_database(database: Database, tenants: usize, schemas: &Schemas) -> Result<Self> {
        Tenancy::<Client>::builder()
            .app::<customers::App>()
            .app::<shop::App>()
            .r2d2(tenant_diesel::r2d2::Pool::builder().max_size(1))
            .connect(database.url())?
            .migrate()?;
        let tenants: Vec<_> = (0..tenants).map(client).collect::<Result<_>>()?;
        schemas.make(database.url(), &tenants)?;
        let mut conn = database.connect()?;
        // What was just written is not to be written out in the middle of a measurement.
        conn.batch_execute("CHECKPOINT")?;
        let version = diesel::dsl::sql::<diesel::sql_types::Text>("current_setting('server_version')");
        let server_version = diesel::select(version).get_result(&mut conn)?;
        let fsync = diesel::dsl::sql::<diesel::sql_types::Text>("current_setting('fsync')");
        let fsync = diesel::select(fsync).get_result(&mut conn)?;
        let (proxy, _) = Proxy::before(database.url())?;
        Ok(Self {
            database,
            proxy,
            tenants,
            server_version,
            fsync,
        })
    }

    /// What was written so far is written out now, and not in the middle of a measurement.
    pub(crate) fn checkpoint(&self) -> Result {
        Ok(self.database.connect()?.batch_execute("CHECKPOINT")?)
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

/// The tenant of a number, whether it is there or not.
pub(crate) fn client(number: usize) -> Result<Client> {
    let name = format!("shop_{number}");
    Ok(Client {
        id: i32::try_from(number)?,
        schema_name: SchemaName::new(&name)?,
        name,
    })
}
