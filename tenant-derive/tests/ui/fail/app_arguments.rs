//! Every mistake in the arguments is reported.

use tenant_diesel::{shared_app, tenant_app};

#[tenant_app]
mod none {}

#[shared_app()]
mod empty {}

#[shared_app(migrations = 3, schemas = "src/schema.rs", tables = "clients", public_schema("main"))]
mod kinds {}

#[tenant_app(
    migrations = "tests/fixtures/migrations/todo",
    migrations = "tests/fixtures/migrations/todo",
    public_schema = "main",
    migration_table = "x"
)]
mod words {}

#[tenant_app(migrations: "tests/fixtures/migrations/todo")]
mod syntax {}

#[shared_app(migrations = "tests/fixtures/migrations/customers", public_schema = "type")]
mod keyword {}

#[shared_app(migrations = "tests/fixtures/migrations/customers", public_schema = "my public")]
mod blank {}

#[shared_app(migrations = "tests/fixtures/migrations/customers", tables(clients))]
mod no_file {}

fn main() {
    let _ = (none::App, empty::App, kinds::App, words::App, syntax::App, keyword::App, blank::App, no_file::App);
}
