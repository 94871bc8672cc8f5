//! Through a real PgBouncer: what leaks there, what does not, and the soak.

// What plain connections do to each other.
mod control;
// What a tenancy does there.
mod mode;
// No tenant reads a row of another.
mod soak;

use diesel::connection::CacheSize;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use tenant_diesel::{PoolerMode, Tenancy, TenancyBuilder, TenantPoolBuilder};
use tenant_testing::{PgBouncer, PgBouncerBuilder};
use tenant_tests::Fixture;
use tenant_tests::apps::customers::Client;
use tenant_tests::apps::{customers, todo};

/// The application, migrated straight at the server, and a pooler before its database.
pub(crate) struct Pooled {
    pub(crate) pgbouncer: PgBouncer,
    // After the pooler, which is connected to it.
    pub(crate) fixture: Fixture,
}

impl Pooled {
    /// A pooler of a kind.
    pub(crate) fn behind(pooler: PgBouncerBuilder) -> Self {
        let fixture = Fixture::unmigrated(6);
        fixture.tenancy.migrate().unwrap();
        let pgbouncer = pooler.before(fixture.database.url()).unwrap();
        Self { pgbouncer, fixture }
    }

    /// Two tenants behind a pooler in transaction mode that has so many sessions, and a tenancy that knows, with other
    /// options of the pool on top.
    pub(crate) fn two(
        sessions: u32,
        options: impl FnOnce(TenantPoolBuilder) -> TenantPoolBuilder,
    ) -> (Self, Tenancy<Client>, Vec<Client>) {
        let pooled = Self::behind(PgBouncer::builder().pool_size(sessions));
        let tenants = pooled.fixture.tagged(&["acme", "globex"]);
        let tenancy = pooled.tenancy(4, |builder| {
            builder.pool(|pool| options(pool.pooler_mode(PoolerMode::Transaction)))
        });
        (pooled, tenancy, tenants)
    }

    /// The same application through the pooler, in a pool of so many; `options` says what else it is told.
    pub(crate) fn tenancy(
        &self,
        connections: u32,
        options: impl FnOnce(TenancyBuilder<Client>) -> TenancyBuilder<Client>,
    ) -> Tenancy<Client> {
        let builder = Tenancy::<Client>::builder()
            .app::<customers::App>()
            .app::<todo::App>()
            .r2d2(r2d2::Pool::builder().max_size(connections));
        options(builder).connect(self.pgbouncer.url()).unwrap()
    }

    /// A plain connection of Diesel's through the pooler. It names no statement: before 1.21, PgBouncer gives names that
    /// one client chose to all.
    pub(crate) fn client(&self) -> PgConnection {
        let mut client = PgConnection::establish(self.pgbouncer.url()).unwrap();
        client.set_prepared_statement_cache_size(CacheSize::Disabled);
        client
    }
}

/// What a connection reads from the table `tasks`, whichever that is.
fn tasks(conn: &mut PgConnection) -> QueryResult<Vec<String>> {
    texts(conn, "SELECT title AS value FROM tasks ORDER BY 1")
        .map(|titles| titles.into_iter().flatten().collect())
}

/// The value of an expression.
fn text(conn: &mut PgConnection, expression: &str) -> Option<String> {
    texts(conn, &format!("SELECT ({expression})::text AS value"))
        .unwrap()
        .remove(0)
}

fn texts(conn: &mut PgConnection, query: &str) -> QueryResult<Vec<Option<String>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Text>)]
        value: Option<String>,
    }
    let rows = diesel::sql_query(query).load::<Row>(conn)?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}
