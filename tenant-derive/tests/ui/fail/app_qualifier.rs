//! A shared table is in the shared schema.

use tenant_diesel::shared_app;

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
mod customers {
    diesel::table! { shop.clients (id) { id -> Int4 } }
    diesel::table! { public.domains (id) { id -> Int4 } }
    mod inside {
        diesel::table! { main.plans (id) { id -> Int4 } }
    }
}

#[shared_app(migrations = "tests/fixtures/migrations/customers", public_schema = "main")]
mod renamed {
    diesel::table! { public.domains (id) { id -> Int4 } }
}

fn main() {}
