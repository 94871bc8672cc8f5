//! What only the compiler can see is reported where it stands.

use diesel::prelude::*;
use tenant_diesel::prelude::*;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub mod tables {
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text } }
}
use tables::clients;

type Folder = String;

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct Client {
    id: i32,
    #[tenant(schema_name)]
    schema_name: Folder,
}

fn main() {}
