//! Exactly one field holds the tenant's schema.

use diesel::prelude::*;
use std::borrow::Cow;
use tenant_diesel::prelude::*;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub mod tables {
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text } }
}
use tables::clients;

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct NoField {
    id: i32,
    name: String,
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct NotMarked {
    id: i32,
    name: SchemaName,
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct Text {
    id: i32,
    schema_name: String,
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct MarkedText<'a> {
    id: i32,
    #[tenant(schema_name)]
    name: Cow<'a, str>,
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct TwoMarks {
    id: i32,
    #[tenant(schema_name)]
    schema_name: SchemaName,
    #[tenant(schema_name)]
    name: SchemaName,
}

fn tenant<T: TenantModel>() {}

fn main() {
    tenant::<NoField>();
    tenant::<TwoMarks>();
}
