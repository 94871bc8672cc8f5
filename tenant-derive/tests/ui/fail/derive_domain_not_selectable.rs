//! A model that Diesel cannot read is one error.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub mod tables {
    use super::*;
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text } }
    diesel::table! { domains (id) { id -> Int4, domain -> Int4, tenant_id -> Int4, is_primary -> Bool } }

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
#[domain(tenant = Client)]
struct OtherColumn {
    domain: DomainName,
    tenant_id: i32,
    is_primary: bool,
}

fn main() {}
