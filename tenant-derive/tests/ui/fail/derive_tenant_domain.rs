//! `#[tenant(domain)]` on a text, and on two fields.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub mod tables {
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, domain -> Text, other -> Text } }
}
use tables::clients;

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct Texts {
    id: i32,
    schema_name: SchemaName,
    #[tenant(domain)]
    domain: Option<String>,
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct Two {
    id: i32,
    schema_name: SchemaName,
    #[tenant(domain)]
    domain: DomainName,
    #[tenant(domain)]
    other: DomainName,
}

fn main() {}
