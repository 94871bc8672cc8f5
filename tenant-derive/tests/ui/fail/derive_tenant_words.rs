//! Every mistake in `#[tenant(..)]` is reported, all at once.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub mod tables {
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, name -> Text } }
}
use tables::clients;

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
#[tenant(auto_create = true, auto_create_schema = "yes", auto_drop_schema)]
#[tenant(auto_drop_schema(true), schema_name)]
#[tenant]
struct Struct {
    #[tenant(primary_key)]
    id: i32,
    #[tenant(schema_name, schema_name)]
    schema_name: SchemaName,
    #[tenant(auto_drop_schema = true)]
    name: String,
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
#[tenant(auto_create_schema = true, auto_create_schema = false)]
#[tenant("auto_drop_schema")]
struct Twice {
    id: i32,
    #[tenant(schema_name = "name")]
    schema_name: SchemaName,
}

fn main() {}
