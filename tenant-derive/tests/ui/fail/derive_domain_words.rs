//! Every mistake in `#[domain(..)]` is reported, all at once.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub mod tables {
    use super::*;
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text } }
    diesel::table! { domains (id) { id -> Int4, domain -> Text, folder -> Text, tenant_id -> Int4, is_primary -> Bool } }

    #[derive(Tenant, Queryable, Selectable)]
    #[diesel(table_name = clients)]
    pub struct Client {
        pub id: i32,
        pub schema_name: SchemaName,
    }
}
use tables::{Client, domains};

#[derive(Domain, Queryable, Selectable)]
#[diesel(table_name = domains)]
#[domain(tenants = Client, tenant = "Client", host)]
#[domain]
struct Words {
    #[domain(primary_key)]
    id: i32,
    #[domain(host, host)]
    domain: DomainName,
    #[domain(folder = "f")]
    folder: Folder,
    #[domain(tenant = Client)]
    tenant_id: i32,
    #[domain(primary, redirect_to_primary)]
    is_primary: bool,
}

#[derive(Domain, Queryable, Selectable)]
#[diesel(table_name = domains)]
#[domain(tenant = Client, tenant = Client)]
#[domain(tenant)]
struct Twice {
    #[domain(host)]
    domain: DomainName,
    #[domain(host)]
    folder: DomainName,
    tenant_id: i32,
    is_primary: bool,
}

fn main() {}
