//! What a model of domains needs, and of which types.

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

// Nothing that it needs.
#[derive(Domain, Queryable, Selectable)]
#[diesel(table_name = domains)]
struct Empty {
    id: i32,
}

// Everything of another type.
#[derive(Domain, Queryable, Selectable)]
#[diesel(table_name = domains)]
#[domain(tenant = Client)]
struct Texts {
    domain: String,
    folder: String,
    tenant_id: i32,
    is_primary: i32,
}

// An alias that is marked may be one of the right type; a text is none.
#[derive(Domain, Queryable, Selectable)]
#[diesel(table_name = domains)]
#[domain(tenant = Client)]
struct Marked {
    #[domain(host)]
    #[diesel(column_name = domain)]
    at: Option<DomainName>,
    tenant_id: i32,
    is_primary: bool,
}

// Not a struct with names.
#[derive(Domain)]
#[domain(tenant = Client)]
struct Tuple(DomainName, i32, bool);

fn main() {}
