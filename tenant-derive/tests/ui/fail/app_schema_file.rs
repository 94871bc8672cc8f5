//! Mistakes about a generated file are reported where it is named.

use tenant_diesel::{shared_app, tenant_app};

#[shared_app(migrations = "tests/fixtures/migrations/customers", schema = "tests/fixtures/schema.rs")]
mod no_tables {}

#[tenant_app(
    migrations = "tests/fixtures/migrations/todo",
    schema = "tests/fixtures/schema.rs",
    tables(task, tasks, tasks, shop::labels)
)]
mod wrong_tables {}

#[tenant_app(
    migrations = "tests/fixtures/migrations/todo",
    schema = "tests/fixtures/schema_shop.rs",
    tables(orders, customers)
)]
mod several {
    diesel::table! { customers (id) { id -> Int4 } }
}

#[tenant_app(migrations = "tests/fixtures/migrations/todo", schema = "tests/fixtures/schema.rs", tables())]
mod nothing {}

#[tenant_app(migrations = "tests/fixtures/migrations/todo", schema = "tests/fixtures/schema.rs", tables(type))]
mod keyword {}

fn main() {
    let _ = (no_tables::App, wrong_tables::App, nothing::App, keyword::App);
}
