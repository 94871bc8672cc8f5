//! A key of another type than the tenant's, and a tenant that is none.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub mod tables {
    use super::*;
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text } }
    diesel::table! { domains (id) { id -> Int4, domain -> Text, tenant_id -> Int8, is_primary -> Bool } }

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
struct OtherKey {
    domain: DomainName,
    tenant_id: i64,
    is_primary: bool,
}

struct Nobody;

#[derive(Domain, Queryable, Selectable)]
#[diesel(table_name = domains)]
#[domain(tenant = Nobody)]
struct OfNobody {
    domain: DomainName,
    tenant_id: i64,
    is_primary: bool,
}

fn main() {}
