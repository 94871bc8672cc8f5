// What the examples in the documentation share. Included by each, hidden from the reader.
#[allow(unused_imports, reason = "not every example needs all")]
use diesel::prelude::*;
#[allow(unused_imports, reason = "not every example needs all")]
use tenant_diesel::prelude::*;

#[shared_app(migrations = "migrations/customers")]
pub mod customers {
    use super::*;
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text } }
    diesel::table! {
        domains (id) { id -> Int4, domain -> Text, folder -> Text, tenant_id -> Int4, is_primary -> Bool, redirect_to_primary -> Bool }
    }
    diesel::joinable!(domains -> clients (tenant_id));
    diesel::allow_tables_to_appear_in_same_query!(clients, domains);

    #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = clients)]
    pub struct Client { pub id: i32, pub schema_name: SchemaName, pub name: String }

    #[derive(Insertable)]
    #[diesel(table_name = clients)]
    pub struct NewClient { pub schema_name: SchemaName, pub name: String }

    #[derive(Domain, Queryable, Selectable, Identifiable, Debug, Clone)]
    #[diesel(table_name = domains)]
    #[domain(tenant = Client)]
    pub struct ClientDomain {
        pub id: i32,
        pub domain: DomainName,
        pub folder: Folder,
        pub tenant_id: i32,
        pub is_primary: bool,
        pub redirect_to_primary: bool,
    }
}
#[allow(unused_imports, reason = "not every example needs all")]
use customers::{Client, ClientDomain};

#[tenant_app(migrations = "migrations/todo")]
pub mod todo {
    diesel::table! { tasks (id) { id -> Int8, title -> Text, done -> Bool } }
}

#[allow(dead_code, reason = "not every example needs all")]
type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// The application on a database of its own, migrated.
#[allow(dead_code, reason = "not every example needs all")]
fn tenancy() -> Result<(Tenancy<Client>, tenant_testing::Database)> {
    let database = tenant_testing::Postgres::shared()?.database()?;
    let tenancy = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .r2d2(tenant_diesel::r2d2::Pool::builder().max_size(2))
        .connect(database.url())?;
    tenancy.migrate()?;
    Ok((tenancy, database))
}
