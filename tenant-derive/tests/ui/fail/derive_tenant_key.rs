//! The columns of the primary key are fields.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub mod tables {
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text } }
}
use tables::clients;

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct NoId {
    schema_name: SchemaName,
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients, primary_key(id, region, part))]
struct NoRegion {
    id: i32,
    schema_name: SchemaName,
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients, primary_key())]
struct NoKey {
    id: i32,
    schema_name: SchemaName,
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
#[diesel(table_name = clients)]
struct TwoTables {
    id: i32,
    #[diesel(column_name = "schema name")]
    schema_name: SchemaName,
}

fn main() {}
