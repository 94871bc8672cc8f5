//! The table of a tenant model belongs to an app.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

diesel::table! { clients (id) { id -> Int4, schema_name -> Text } }

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct Client {
    id: i32,
    schema_name: SchemaName,
}

fn main() {}
