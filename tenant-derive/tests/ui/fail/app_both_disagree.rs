//! Two attributes on one module make one app.

use tenant_diesel::{shared_app, tenant_app};

#[shared_app(migrations = "tests/fixtures/migrations/customers", schema = "tests/fixtures/schema.rs", tables(tasks))]
#[tenant_app(migrations = "tests/fixtures/migrations/todo", schema = "tests/fixtures/other.rs", tables(labels))]
mod disagree {}

#[tenant_app(migrations = "tests/fixtures/migrations/todo")]
#[tenant_app(migrations = "tests/fixtures/migrations/todo")]
mod twice {}

#[shared_app]
#[tenant_app]
mod neither {}

fn main() {}
