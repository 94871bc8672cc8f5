//! [`Fixture`]: the application on a database of its own, migrated.

use crate::apps::customers::{Client, NewClient};
use crate::apps::{customers, todo};
use crate::{Database, database};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use std::time::Duration;
use tenant_diesel::{SchemaName, Tenancy, TenancyBuilder, TenantModel};

/// A plain name.
pub fn name(name: &str) -> SchemaName {
    SchemaName::quoted_any(name).unwrap()
}

/// `prefix_0`, `prefix_1` and so on.
pub fn names(prefix: &str, count: usize) -> Vec<SchemaName> {
    (0..count).map(|i| name(&format!("{prefix}_{i}"))).collect()
}

/// The application on a database of its own.
#[derive(Debug)]
pub struct Fixture<T = Client> {
    pub tenancy: Tenancy<T>,
    // After the tenancy, so that its connections are closed first.
    pub database: Database,
}

impl Fixture {
    /// Customers and to-do lists, migrated, in a pool of four.
    pub fn new() -> Self {
        let fixture = Self::unmigrated(4);
        fixture.tenancy.migrate().unwrap();
        fixture
    }

    /// The same with one connection, so that each borrower gets what the last one left.
    pub fn with_one_connection() -> Self {
        let fixture = Self::unmigrated(1);
        fixture.tenancy.migrate().unwrap();
        fixture
    }

    /// The same, not migrated.
    pub fn unmigrated(connections: u32) -> Self {
        Self::of(connections, application())
    }

    /// The same, built with more, in a pool of four.
    pub fn with(more: impl FnOnce(TenancyBuilder<Client>) -> TenancyBuilder<Client>) -> Self {
        let fixture = Self::of(4, more(application()));
        fixture.tenancy.migrate().unwrap();
        fixture
    }

    /// Creates a tenant.
    pub fn tenant(&self, schema: &str) -> Client {
        self.try_tenant(schema).unwrap()
    }

    /// Tries to create a tenant.
    pub fn try_tenant(&self, schema: &str) -> tenant_diesel::Result<Client> {
        self.tenancy.create(new_client(schema))
    }

    /// Tenants with one task each, whose title is the name of its tenant.
    pub fn tagged(&self, schemas: &[&str]) -> Vec<Client> {
        let tag = |schema: &&str| {
            let tenant = self.tenant(schema);
            add_task(&self.tenancy, &tenant, schema);
            tenant
        };
        schemas.iter().map(tag).collect()
    }

    /// The titles that a tenant reads.
    pub fn titles(&self, tenant: &Client) -> Vec<String> {
        self.tenancy.with_tenant(tenant, titles).unwrap()
    }
}

impl<T: TenantModel> Fixture<T> {
    /// Any application, not migrated.
    pub fn of(connections: u32, builder: TenancyBuilder<T>) -> Self {
        let database = database();
        let limits = r2d2::Pool::builder()
            .max_size(connections)
            .connection_timeout(Duration::from_secs(10));
        let tenancy = builder.r2d2(limits).connect(database.url()).unwrap();
        Self { tenancy, database }
    }

    /// A connection beside the pool.
    pub fn outside(&self) -> PgConnection {
        PgConnection::establish(self.database.url()).unwrap()
    }

    /// Runs SQL beside the pool.
    pub fn run(&self, sql: &str) {
        self.outside().batch_execute(sql).unwrap();
    }

    /// Asks for a truth beside the pool.
    pub fn is_true(&self, condition: &str) -> bool {
        ask_bool(&mut self.outside(), condition)
    }

    /// Asks for a number beside the pool.
    pub fn count(&self, expression: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            value: i64,
        }
        let query = diesel::sql_query(format!("SELECT ({expression})::bigint AS value"));
        query.get_result::<Count>(&mut self.outside()).unwrap().value
    }

    /// Asks for a list of texts beside the pool.
    pub fn texts(&self, query: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            value: String,
        }
        let query = diesel::sql_query(format!("SELECT value::text FROM ({query}) AS q (value)"));
        query
            .load::<Row>(&mut self.outside())
            .unwrap()
            .into_iter()
            .map(|row| row.value)
            .collect()
    }

    /// The tables of a schema, sorted.
    pub fn tables(&self, schema: &str) -> Vec<String> {
        let quoted = schema.replace('\'', "''");
        self.texts(&format!(
            "SELECT tablename FROM pg_tables WHERE schemaname = '{quoted}' ORDER BY 1"
        ))
    }

    /// Whether a schema exists, asked beside the library.
    pub fn has_schema(&self, schema: &str) -> bool {
        let quoted = schema.replace('\'', "''");
        self.is_true(&format!(
            "EXISTS (SELECT FROM pg_namespace WHERE nspname = '{quoted}')"
        ))
    }
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

/// Customers and to-do lists, with any model of the tenants.
pub fn application<T>() -> TenancyBuilder<T>
where
    T: TenantModel<Table = customers::clients::table>,
{
    Tenancy::builder().app::<customers::App>().app::<todo::App>()
}

/// The same on a database of its own, migrated.
pub(crate) fn migrated<T>(connections: u32) -> Fixture<T>
where
    T: TenantModel<Table = customers::clients::table>,
{
    let fixture = Fixture::of(connections, application());
    fixture.tenancy.migrate().unwrap();
    fixture
}

/// A row for a tenant of this schema.
pub fn new_client(schema: &str) -> NewClient {
    NewClient {
        schema_name: name(schema),
        name: schema.to_owned(),
        on_trial: true,
    }
}

/// Adds a task to a tenant.
pub fn add_task(tenancy: &Tenancy<Client>, tenant: &Client, title: &str) {
    tenancy
        .with_tenant(tenant, |conn| insert_task(conn, title))
        .unwrap();
}

/// Adds a task on a connection.
pub fn insert_task<C>(conn: &mut C, title: &str) -> QueryResult<usize>
where
    C: diesel::connection::LoadConnection<Backend = diesel::pg::Pg>,
{
    diesel::insert_into(todo::tasks::table)
        .values(todo::tasks::title.eq(title))
        .execute(conn)
}

/// The titles that a connection reads, sorted.
pub fn titles<C>(conn: &mut C) -> QueryResult<Vec<String>>
where
    C: diesel::connection::LoadConnection<Backend = diesel::pg::Pg>,
{
    todo::tasks::table
        .select(todo::tasks::title)
        .order(todo::tasks::title)
        .load(conn)
}

/// What the server says of a setting.
pub fn setting<C>(conn: &mut C, name: &str) -> String
where
    C: diesel::connection::LoadConnection<Backend = diesel::pg::Pg>,
{
    diesel::select(diesel::dsl::sql::<Text>(&format!("current_setting('{name}')")))
        .get_result(conn)
        .unwrap()
}

/// Asks for a truth.
pub fn ask_bool<C>(conn: &mut C, condition: &str) -> bool
where
    C: diesel::connection::LoadConnection<Backend = diesel::pg::Pg>,
{
    diesel::select(diesel::dsl::sql::<Bool>(condition))
        .get_result(conn)
        .unwrap()
}

/// The server's process behind a connection.
pub fn backend<C>(conn: &mut C) -> i32
where
    C: diesel::connection::LoadConnection<Backend = diesel::pg::Pg>,
{
    diesel::select(diesel::dsl::sql::<diesel::sql_types::Int4>("pg_backend_pid()"))
        .get_result(conn)
        .unwrap()
}
