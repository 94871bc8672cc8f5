//! A tenant model is read with Diesel's own derives.

use tenant_diesel::prelude::*;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub mod tables {
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text } }
}
use tables::clients;

#[derive(Tenant)]
#[diesel(table_name = clients)]
struct Client {
    id: i32,
    schema_name: SchemaName,
}

#[derive(Tenant, diesel::Selectable)]
#[diesel(table_name = clients)]
struct NotQueryable {
    id: i32,
    schema_name: SchemaName,
}

fn main() {}
