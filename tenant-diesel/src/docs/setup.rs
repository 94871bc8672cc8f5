// What the examples in the documentation share. Included by each, hidden from the reader.
#[allow(unused_imports, reason = "not every example needs all")]
use diesel::prelude::*;
#[allow(unused_imports, reason = "not every example needs all")]
use tenant_diesel::prelude::*;

#[shared_app(migrations = "migrations/customers")]
pub mod customers {
    use super::*;
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text, on_trial -> Bool } }
    diesel::table! { domains (id) { id -> Int4, domain -> Text, folder -> Text, tenant_id -> Int4, is_primary -> Bool } }

    #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = clients)]
    pub struct Client { pub id: i32, pub schema_name: SchemaName, pub name: String, pub on_trial: bool }

    #[derive(Insertable)]
    #[diesel(table_name = clients)]
    pub struct NewClient { pub schema_name: SchemaName, pub name: String, pub on_trial: bool }

    #[derive(Domain, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = domains)]
    #[domain(tenant = Client)]
    pub struct ClientDomain { pub id: i32, pub domain: DomainName, pub folder: Folder, pub tenant_id: i32, pub is_primary: bool }

    #[derive(Insertable)]
    #[diesel(table_name = domains)]
    pub struct NewDomain { pub domain: DomainName, pub tenant_id: i32, pub is_primary: bool }
}

#[tenant_app(migrations = "migrations/todo")]
pub mod todo {
    diesel::table! { tasks (id) { id -> Int8, title -> Text, done -> Bool } }
}

#[allow(dead_code, reason = "not every example needs all")]
type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[allow(dead_code, reason = "not every example needs all")]
fn new_client(schema: &str) -> Result<customers::NewClient> {
    Ok(customers::NewClient { schema_name: schema.parse()?, name: schema.to_owned(), on_trial: true })
}

#[allow(dead_code, reason = "not every example needs all")]
fn new_domain(tenant: &customers::Client, domain: &str) -> Result<customers::NewDomain> {
    Ok(customers::NewDomain { domain: domain.parse()?, tenant_id: tenant.id, is_primary: false })
}

/// A database of its own.
#[allow(dead_code, reason = "not every example needs all")]
fn database() -> Result<tenant_testing::Database> {
    Ok(tenant_testing::Postgres::shared()?.database()?)
}

/// The application on a database of its own, migrated.
#[allow(dead_code, reason = "not every example needs all")]
fn tenancy() -> Result<(Tenancy<customers::Client>, tenant_testing::Database)> {
    let database = database()?;
    let tenancy = Tenancy::<customers::Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .r2d2(tenant_diesel::r2d2::Pool::builder().max_size(2))
        .connect(database.url())?;
    tenancy.migrate()?;
    Ok((tenancy, database))
}
